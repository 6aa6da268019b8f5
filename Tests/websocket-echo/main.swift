// The echo server as a program, for suites that come in another language: prints its port and serves
// 127.0.0.1 until it is killed.

internal import Connections
internal import Glibc
internal import IO
internal import WebSocketEcho

func serve() throws {
  signal(SIGPIPE, SIG_IGN)
  let loop = try EventLoop(kernel: LinuxKernel())
  var options = WebSocketOptions()
  // The suite's longest message has 16 MiB. Its cases count the frames that they get, so no ping
  // comes between them.
  options.messageLimitBytes = 16 << 20
  options.pingsAtOnce = false
  options.pingInterval = .seconds(3600)
  let server = EchoServer(on: loop, options: options)
  let sockets = try ListeningSockets.open(
    .loopback(port: 0), count: 1, backlog: 128, kernel: loop.kernel)
  let listener = try Listener(sockets.descriptors[0], on: loop) { descriptor, peer in
    server.serve(descriptor, from: peer)
  }
  print(sockets.address)
  fflush(nil)
  loop.run()
  listener.close()
}

try serve()

import Connections
import IO
import Relay
import Glibc

func spike() {
  let args = CommandLine.arguments
  let kernel = LinuxKernel()
  let sockets = try! ListeningSockets.open(SocketAddress(listening: args[1])!, count: 1, backlog: 4096, kernel: kernel)
  var relay = RelayOptions()
  let up = SocketAddress(listening: args[2])!
  let tls: TLSContext? = args.count > 3 ? try! TLSContext(client: TLSClientOptions(caFile: args[3])) : nil
  relay.upstreams = [UpstreamOptions(name: "default", origin: Origin(host: up.hostText, port: up.port, tls: tls, serverName: "localhost"), authority: up.description)]
  relay.routes = [Route(name: "default", pathPrefix: "/", upstream: "default")]
  SignalReceiver.block([])
  let loop = try! EventLoop(kernel: kernel)
  let receiver = try! MailboxReceiver<WorkerEvent>(on: loop) { print($0) }
  _ = try! Worker.start(0, listeners: [WorkerListener(descriptor: sockets.descriptors[0], place: 0)], options: WorkerOptions(relay: relay, listenerTLS: [nil]), names: SystemNameService(), control: receiver.mailbox)
  loop.run()
}
spike()

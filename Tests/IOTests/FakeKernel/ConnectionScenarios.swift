// Scripts of one connection: how it is made, and how it is used when nobody breaks it off.

internal import IO

extension Scenario {
  static let connections: [Scenario] = [
    Scenario(
      "a connection is made, used and ended by both sides",
      expected: [
        "poll: nothing", "connect: done", "poll: client is writable, listener is readable",
        "from 127.0.0.1", "no more", "poll: server is writable", "client sends: 7 bytes",
        "poll: server is readable writable", "server receives \"req\"", "server receives \"uest\"",
        "server receives: nothing now",
        "poll: client is writable, server is readable writable ended", "server receives: end",
        "client sends: send: Broken pipe", "server sends: 6 bytes",
        "poll: client is readable writable ended failed", "client receives \"answer\"",
        "client receives: end", "client's error: none",
      ]
    ) { stage in
      let listener = try stage.listener()
      try stage.watch(listener.descriptor, as: "listener", mode: .readable)
      stage.poll()
      let client = try stage.socket()
      stage.attempt("connect") { try stage.kernel.connect(client, to: listener.address) }
      try stage.watch(client, as: "client")
      stage.poll()
      guard case .accepted(let server, let from) = stage.kernel.accept(listener.descriptor) else {
        return stage.note("nothing to accept")
      }
      stage.note("from \(from.hostText)")
      if case .wouldBlock = stage.kernel.accept(listener.descriptor) { stage.note("no more") }
      try stage.watch(server, as: "server")
      stage.poll()
      stage.send("client", client, "request")
      stage.poll()
      stage.receive("server", server, upTo: 3)
      stage.receive("server", server)
      stage.receive("server", server)
      stage.kernel.shutdownSending(client)
      stage.poll()
      stage.receive("server", server)
      stage.send("client", client, "more")
      stage.send("server", server, "answer")
      stage.close(server)
      stage.poll()
      stage.receive("client", client)
      stage.receive("client", client)
      stage.error("client", client)
    },

    Scenario(
      "nobody listens",
      expected: [
        "connect: done", "poll: client is readable writable ended failed",
        "client's error: connect: Connection refused", "client's error: none",
        "client receives: end", "client sends: send: Broken pipe",
      ]
    ) { stage in
      let listener = try stage.listener()
      stage.close(listener.descriptor)
      let client = try stage.socket()
      stage.attempt("connect") { try stage.kernel.connect(client, to: listener.address) }
      try stage.watch(client, as: "client")
      stage.poll()
      stage.error("client", client)
      stage.error("client", client)
      stage.receive("client", client)
      stage.send("client", client, "x")
    },

    Scenario(
      "a socket that was never connected",
      expected: [
        "poll: socket is writable failed",
        "socket receives: recv: Transport endpoint is not connected",
        "socket sends: send: Broken pipe", "0.0.0.0:0", "watch again: epoll_ctl: File exists",
      ]
    ) { stage in
      let socket = try stage.socket()
      try stage.watch(socket, as: "socket")
      stage.poll()
      stage.receive("socket", socket)
      stage.send("socket", socket, "x")
      stage.note("\(try stage.kernel.localAddress(of: socket))")
      stage.attempt("watch again") { try stage.watch(socket, as: "socket") }
    },

    Scenario(
      "an answer behind a half-close",
      expected: [
        "client sends: 3 bytes", "poll: client is writable", "server receives \"all\"",
        "server receives: end", "server sends: 6 bytes", "poll: client is readable writable",
        "client receives \"answer\"", "client receives: nothing now",
        "poll: client is readable writable ended failed", "client receives: end",
        "client receives: end",
      ]
    ) { stage in
      let (client, server) = try stage.pair()
      try stage.watch(client, as: "client")
      stage.send("client", client, "all")
      stage.kernel.shutdownSending(client)
      stage.kernel.shutdownSending(client)
      stage.poll()
      stage.receive("server", server)
      stage.receive("server", server)
      stage.send("server", server, "answer")
      stage.poll()
      stage.receive("client", client)
      stage.receive("client", client)
      stage.kernel.shutdownSending(server)
      stage.poll()
      stage.receive("client", client)
      stage.receive("client", client)
    },

    Scenario(
      "a unix socket",
      expected: [
        "connect early: connect: Connection refused", "poll: client is writable",
        "server sends: 5 bytes", "poll: client is readable writable ended failed",
        "client receives \"hello\"", "client receives: end", "client sends: send: Broken pipe",
      ]
    ) { stage in
      let address = SocketAddress(host: .unix("@weir-fake-kernel-scenario"))
      let early = try stage.socket(for: address)
      stage.attempt("connect early") { try stage.kernel.connect(early, to: address) }
      let (client, server) = try stage.pair(at: address)
      try stage.watch(client, as: "client")
      stage.poll()
      stage.send("server", server, "hello")
      stage.close(server)
      stage.poll()
      stage.receive("client", client)
      stage.receive("client", client)
      stage.send("client", client, "x")
    },

    Scenario(
      "acknowledgements are delayed once they are asked to be, but for a unix socket's",
      expected: [
        "at first: acknowledges at once, a segment is some bytes",
        "asked: acknowledges later, a segment is some bytes",
        "unix: acknowledges at once, a segment is none",
      ]
    ) { stage in
      let (client, _) = try stage.pair()
      stage.noteAcknowledgements("at first", client)
      stage.kernel.delayAcknowledgements(of: client)
      stage.noteAcknowledgements("asked", client)
      let unix = try stage.socket(for: SocketAddress(host: .unix("nobody")))
      stage.kernel.delayAcknowledgements(of: unix)
      stage.noteAcknowledgements("unix", unix)
    },
  ]
}

// Scripts of listeners: their queues, their ends, and who may have an address.

internal import IO

extension Scenario {
  static let listeners: [Scenario] = [
    Scenario(
      "a listener stays readable until all are accepted",
      expected: [
        "poll: listener is readable", "poll: listener is readable", "poll: listener is readable",
        "poll: nothing",
      ]
    ) { stage in
      let listener = try stage.listener()
      try stage.watch(listener.descriptor, as: "listener", mode: .readable)
      for _ in 0..<2 {
        try stage.kernel.connect(try stage.socket(), to: listener.address)
      }
      stage.poll()
      stage.poll()
      for _ in 0..<2 {
        guard case .accepted(let server, _) = stage.kernel.accept(listener.descriptor) else {
          return stage.note("nothing to accept")
        }
        stage.poll()
        stage.close(server)
      }
    },

    Scenario(
      "a listener's end resets those in its queue",
      expected: [
        "poll: client is writable", "poll: client is readable writable ended failed",
        "client receives: recv: Connection reset by peer",
      ]
    ) { stage in
      let listener = try stage.listener()
      let client = try stage.socket()
      try stage.kernel.connect(client, to: listener.address)
      try stage.watch(client, as: "client")
      stage.poll()
      stage.close(listener.descriptor)
      stage.poll()
      stage.receive("client", client)
    },

    Scenario(
      "one who gave up in the queue is accepted and found reset",
      expected: [
        "client sends: 1 bytes", "server receives \"x\"",
        "server receives: recv: Connection reset by peer",
      ]
    ) { stage in
      let listener = try stage.listener()
      let client = try stage.socket()
      try stage.kernel.connect(client, to: listener.address)
      stage.send("client", client, "x")
      stage.reset(client)
      guard case .accepted(let server, _) = stage.kernel.accept(listener.descriptor) else {
        return stage.note("nothing to accept")
      }
      stage.receive("server", server)
      stage.receive("server", server)
      stage.close(server)
    },

    Scenario(
      "addresses are held by one, unless shared",
      expected: [
        "a port was given: true", "bind: bind: Address already in use",
        "bind to all: bind: Address already in use",
        "share one-sidedly: bind: Address already in use", "bind after close: done",
        "bind twice: bind: Invalid argument", "share: done", "listen: done", "listen too: done",
      ]
    ) { stage in
      let listener = try stage.listener()
      stage.note("a port was given: \(listener.address.port != 0)")
      let second = try stage.socket()
      stage.attempt("bind") { try stage.kernel.bind(second, to: listener.address) }
      let every = SocketAddress(host: .v4([0, 0, 0, 0]), port: listener.address.port)
      stage.attempt("bind to all") { try stage.kernel.bind(second, to: every) }
      let third = try stage.socket()
      try stage.kernel.set(.reusePort, on: third)
      stage.attempt("share one-sidedly") { try stage.kernel.bind(third, to: listener.address) }
      stage.close(listener.descriptor)
      stage.attempt("bind after close") { try stage.kernel.bind(third, to: listener.address) }
      stage.attempt("bind twice") { try stage.kernel.bind(third, to: listener.address) }
      let fourth = try stage.socket()
      try stage.kernel.set(.reusePort, on: fourth)
      stage.attempt("share") { try stage.kernel.bind(fourth, to: listener.address) }
      stage.attempt("listen") { try stage.kernel.listen(third, backlog: 1) }
      stage.attempt("listen too") { try stage.kernel.listen(fourth, backlog: 1) }
    },
  ]
}

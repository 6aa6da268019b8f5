// Scripts of connections broken off: what arrives nevertheless, and which error comes when.

internal import IO

extension Scenario {
  static let resets: [Scenario] = [
    Scenario(
      "a reset leaves what had arrived, then the error, once",
      expected: [
        "server sends: 4 bytes", "poll: client is readable writable",
        "poll: client is readable writable ended failed", "client receives \"part\"",
        "client receives: recv: Connection reset by peer", "client receives: end",
        "client sends: send: Broken pipe",
      ]
    ) { stage in
      let (client, server) = try stage.pair()
      try stage.watch(client, as: "client")
      stage.send("server", server, "part")
      stage.poll()
      stage.reset(server)
      stage.poll()
      stage.receive("client", client)
      stage.receive("client", client)
      stage.receive("client", client)
      stage.send("client", client, "x")
    },

    Scenario(
      "a reset throws away what the peer has had no room for, a close does not",
      expected: [
        "at first: none unacknowledged", "full: some unacknowledged",
        "reset: not all came, then recv: Connection reset by peer",
        "full: some unacknowledged", "close: all came, then end",
      ]
    ) { stage in
      for closes in [false, true] {
        let (client, server) = try stage.pair()
        if !closes { stage.noteUnacknowledged("at first", server) }
        let sent = stage.fill(server)
        stage.noteUnacknowledged("full", server)
        if closes { stage.close(server) } else { stage.reset(server) }
        let (received, end) = stage.drain(client)
        let count = received == sent ? "all" : "not all"
        stage.note("\(closes ? "close" : "reset"): \(count) came, then \(end)")
      }
    },

    Scenario(
      "a send after a reset takes the error",
      expected: [
        "client sends: send: Connection reset by peer", "client sends: send: Broken pipe",
        "client receives: end",
      ]
    ) { stage in
      let (client, server) = try stage.pair()
      stage.reset(server)
      stage.send("client", client, "x")
      stage.send("client", client, "x")
      stage.receive("client", client)
    },

    Scenario(
      "closing with unread bytes resets",
      expected: [
        "poll: client is writable", "client sends: 6 bytes",
        "poll: client is readable writable ended failed",
        "client's error: connect: Connection reset by peer", "client receives: end",
      ]
    ) { stage in
      let (client, server) = try stage.pair()
      try stage.watch(client, as: "client")
      stage.poll()
      stage.send("client", client, "unread")
      stage.close(server)
      stage.poll()
      stage.error("client", client)
      stage.receive("client", client)
    },

    Scenario(
      "sending to one who has closed",
      expected: [
        "poll: client is readable writable ended", "client sends: 4 bytes",
        "poll: client is readable writable ended failed", "client receives: end",
        "client sends: send: Broken pipe", "client's error: none",
      ]
    ) { stage in
      let (client, server) = try stage.pair()
      try stage.watch(client, as: "client")
      stage.close(server)
      stage.poll()
      stage.send("client", client, "late")
      stage.poll()
      stage.receive("client", client)
      stage.send("client", client, "later")
      stage.error("client", client)
    },

    Scenario(
      "a unix socket closed with unread bytes",
      expected: [
        "client sends: 6 bytes", "client receives: recv: Connection reset by peer",
        "client receives: end", "client sends: send: Broken pipe",
      ]
    ) { stage in
      let address = SocketAddress(host: .unix("@weir-fake-kernel-unread"))
      let (client, server) = try stage.pair(at: address)
      stage.send("client", client, "unread")
      stage.close(server)
      stage.receive("client", client)
      stage.receive("client", client)
      stage.send("client", client, "x")
    },
  ]
}

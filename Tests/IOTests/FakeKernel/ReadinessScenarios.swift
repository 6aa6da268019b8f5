// Scripts of what a poller tells, and how often.

internal import IO

extension Scenario {
  static let readiness: [Scenario] = [
    Scenario(
      "each arrival is an edge, and none is told twice",
      expected: [
        "client sends: 1 bytes", "what held before: server is readable writable", "again: nothing",
        "client sends: 1 bytes", "with one unread: server is readable writable",
        "server receives \"ab\"", "all read: nothing", "client sends: 1 bytes",
        "server receives \"c\"", "read before it was told: server is writable",
      ]
    ) { stage in
      let (client, server) = try stage.pair()
      stage.send("client", client, "a")
      try stage.watch(server, as: "server")
      stage.poll("what held before")
      stage.poll("again")
      stage.send("client", client, "b")
      stage.poll("with one unread")
      stage.receive("server", server)
      stage.poll("all read")
      stage.send("client", client, "c")
      stage.receive("server", server)
      stage.poll("read before it was told")
    },

    Scenario(
      "room after a refused send is an edge",
      expected: [
        "poll: client is writable", "full: nothing", "drained: client is writable",
        "all arrived: true",
      ]
    ) { stage in
      let (client, server) = try stage.pair()
      try stage.watch(client, as: "client")
      stage.poll()
      let block = [UInt8](repeating: 7, count: 65_536)
      var sent = 0
      sending: while true {
        switch block.withUnsafeBytes({ stage.kernel.send(client, $0) }) {
        case .bytes(let count): sent += count
        case .wouldBlock: break sending
        case .ended, .failed: return stage.note("sending failed")
        }
      }
      var read = 0
      stage.poll("full")
      withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
        while case .bytes(let count) = stage.kernel.receive(server, into: buffer) { read += count }
      }
      stage.poll("drained")
      stage.note("all arrived: \(read == sent)")
    },

    Scenario(
      "a waker is ready from the wake to the clearing",
      expected: [
        "poll: nothing", "poll: waker is readable", "poll: waker is readable", "poll: nothing",
        "poll: waker is readable",
      ]
    ) { stage in
      let waker = try stage.kernel.makeWaker()
      try stage.watch(waker.descriptor, as: "waker", mode: .readable)
      stage.poll()
      waker.wake()
      waker.wake()
      stage.poll()
      stage.poll()
      stage.kernel.clearWaker(waker.descriptor)
      stage.poll()
      waker.wake()
      stage.poll()
    },
  ]
}

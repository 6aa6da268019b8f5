// Small scripts of system calls and what Linux answers to each: what the fake kernel must answer.

internal import FakeKernel
internal import IO
internal import Testing

struct Scenario: CustomTestStringConvertible, Sendable {
  let name: String
  let expected: [String]
  let play: @Sendable (Stage) throws -> Void

  var testDescription: String { name }

  init(
    _ name: String, expected: [String], _ play: @escaping @Sendable (Stage) throws -> Void
  ) {
    self.name = name
    self.expected = expected
    self.play = play
  }
}

let scenarios: [Scenario] = [
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

// A kernel and one poller, on which small scripts are played. What a script saw is a transcript of
// lines without numbers that differ from run to run, so that two kernels can be compared.

internal import FakeKernel
internal import IO

final class Stage {
  let kernel: any Kernel
  let poller: Int32
  private(set) var transcript: [String] = []
  /// How long to wait for the first event: on a fake kernel nothing is ever late in calm weather.
  private let patience: Duration
  private var names: [UInt64: String] = [:]
  private var opened: [Int32] = []

  init(kernel: any Kernel, patience: Duration) throws {
    self.kernel = kernel
    self.patience = patience
    poller = try kernel.makePoller()
  }

  func note(_ line: String) { transcript.append(line) }

  /// A socket of this kind, closed at the end of the script unless that closes it.
  func socket(for address: SocketAddress = .loopback(port: 0)) throws -> Int32 {
    let descriptor = try kernel.makeSocket(for: address)
    opened.append(descriptor)
    return descriptor
  }

  func listener(
    at address: SocketAddress = .loopback(port: 0), backlog: Int32 = 8
  ) throws -> (descriptor: Int32, address: SocketAddress) {
    let descriptor = try socket(for: address)
    try kernel.bind(descriptor, to: address)
    try kernel.listen(descriptor, backlog: backlog)
    return (descriptor, try kernel.localAddress(of: descriptor))
  }

  /// Two connected ends, neither watched.
  func pair(
    at address: SocketAddress = .loopback(port: 0)
  ) throws -> (client: Int32, server: Int32) {
    let listener = try listener(at: address)
    let client = try socket(for: address)
    try kernel.connect(client, to: listener.address)
    guard case .accepted(let server, _) = kernel.accept(listener.descriptor) else {
      throw SystemError("accept4", code: 0)
    }
    opened.append(server)
    return (client, server)
  }

  func watch(_ descriptor: Int32, as name: String, mode: WatchMode = .edges) throws {
    let token = UInt64(names.count + 1)
    names[token] = name
    try kernel.watch(descriptor, token: token, mode: mode, on: poller)
  }

  /// Notes what the poller tells now: `name: readable writable` for each that has news, in order
  /// of names; the readiness of several edges together.
  func poll(_ label: String = "poll") {
    var told: [String: Readiness] = [:]
    withUnsafeTemporaryAllocation(of: ReadyEvent.self, capacity: 16) { events in
      let count = kernel.wait(on: poller, into: events, until: kernel.now() + patience)
      for event in events[..<count] { told[names[event.token]!, default: []] = event.readiness }
    }
    let lines = told.sorted { $0.key < $1.key }.map { "\($0.key) is \($0.value.words)" }
    note("\(label): " + (lines.isEmpty ? "nothing" : lines.joined(separator: ", ")))
  }

  func receive(_ name: String, _ descriptor: Int32, upTo most: Int = 1024) {
    withUnsafeTemporaryAllocation(byteCount: most, alignment: 1) { buffer in
      let transfer = kernel.receive(descriptor, into: buffer)
      if case .bytes(let count) = transfer {
        note("\(name) receives \"\(String(decoding: buffer[..<count], as: UTF8.self))\"")
      } else {
        note("\(name) receives: \(transfer.words)")
      }
    }
  }

  func send(_ name: String, _ descriptor: Int32, _ text: String) {
    let transfer = Array(text.utf8).withUnsafeBytes { kernel.send(descriptor, $0) }
    note("\(name) sends: \(transfer.words)")
  }

  /// Sends until nothing more is taken; returns how many bytes were.
  func fill(_ descriptor: Int32) -> Int {
    let block = [UInt8](repeating: 0x78, count: 65_536)
    var sent = 0
    while case .bytes(let count) = block.withUnsafeBytes({ kernel.send(descriptor, $0) }) {
      sent += count
    }
    return sent
  }

  /// Receives until the end, and waits for what is to come; returns how many bytes there were, and
  /// what the end was.
  func drain(_ descriptor: Int32) -> (Int, String) {
    var received = 0
    return withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
      while true {
        switch kernel.receive(descriptor, into: buffer) {
        case .bytes(let count): received += count
        case .wouldBlock: pause()
        case let end: return (received, end.words)
        }
      }
    }
  }

  /// Lets the kernel go on with what it is about.
  private func pause() {
    withUnsafeTemporaryAllocation(of: ReadyEvent.self, capacity: 16) { events in
      _ = kernel.wait(on: poller, into: events, until: kernel.now() + patience)
    }
  }

  func noteUnacknowledged(_ label: String, _ descriptor: Int32) {
    let isAny = kernel.unacknowledgedBytes(of: descriptor) > 0
    note("\(label): \(isAny ? "some" : "none") unacknowledged")
  }

  func noteAcknowledgements(_ label: String, _ descriptor: Int32) {
    let areDelayed = kernel.delaysAcknowledgements(of: descriptor)
    let segment = kernel.segmentBytes(of: descriptor) > 0 ? "some bytes" : "none"
    note("\(label): acknowledges \(areDelayed ? "later" : "at once"), a segment is \(segment)")
  }

  func error(_ name: String, _ descriptor: Int32) {
    note("\(name)'s error: \(kernel.pendingError(of: descriptor)?.description ?? "none")")
  }

  /// Notes the error that `body` throws.
  func attempt(_ label: String, _ body: () throws -> Void) {
    do {
      try body()
      note("\(label): done")
    } catch {
      note("\(label): \(error)")
    }
  }

  func close(_ descriptor: Int32) {
    opened.removeAll { $0 == descriptor }
    kernel.close(descriptor)
  }

  func reset(_ descriptor: Int32) {
    opened.removeAll { $0 == descriptor }
    kernel.reset(descriptor)
  }

  func end() {
    for descriptor in opened { kernel.close(descriptor) }
    kernel.close(poller)
  }
}

extension Readiness {
  var words: String {
    let names: [(Readiness, String)] = [
      (.readable, "readable"), (.writable, "writable"), (.peerClosed, "ended"),
      (.failed, "failed"),
    ]
    return names.filter { contains($0.0) }.map(\.1).joined(separator: " ")
  }
}

extension Transfer {
  var words: String {
    switch self {
    case .bytes(let count): "\(count) bytes"
    case .ended: "end"
    case .wouldBlock: "nothing now"
    case .failed(let error): error.description
    }
  }
}

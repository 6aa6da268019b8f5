// An upstream that answers each request as its plan says, and checks every byte of it.

internal import FakeKernel
internal import IO

final class SeededUpstream {
  /// How often each request's head arrived, by its number.
  private(set) var arrivals: [Int: Int] = [:]
  private(set) var faults: [String] = []
  private let plans: [ExchangePlan]
  private let world: FakeWorld
  private var listeners: [FakeListener] = []
  private var connections: [Connection] = []

  /// One service, at all of these ports.
  init(in world: FakeWorld, at ports: [UInt16], answering plans: [ExchangePlan]) throws {
    self.world = world
    self.plans = plans
    listeners = try ports.map { port in
      try world.listen(on: .loopback(port: port)) { [unowned self] peer in
        connections.append(Connection(peer, of: self))
      }
    }
  }

  func close() {
    for connection in connections { connection.close() }
    for listener in listeners { listener.close() }
  }

  private func noteFault(_ text: String) { faults.append("upstream: " + text) }

  /// One connection, one request at a time.
  private final class Connection {
    private enum Phase { case head, body, answered, tunnel }

    private let peer: FakePeer
    private unowned let upstream: SeededUpstream
    private var phase = Phase.head
    private var unread: [UInt8] = []
    private var plan = ExchangePlan(number: -1)
    private var bodyLeft: ArraySlice<UInt8> = []
    private var isAnswering = false
    /// Its answer is out, perhaps before the request's body was in.
    private var hasAnswered = false

    init(_ peer: FakePeer, of upstream: SeededUpstream) {
      self.peer = peer
      self.upstream = upstream
      peer.onChange = { [unowned self] _ in read() }
    }

    func close() {
      peer.onChange = nil
      peer.close()
    }

    private func read() {
      unread += peer.takeReceived()
      while !unread.isEmpty, advance() {}
      if peer.hasEnded { peer.close() }
    }

    /// Returns whether there may be more to do with what is unread.
    private func advance() -> Bool {
      switch phase {
      case .head: return takeHead()
      case .body: return takeBody()
      case .tunnel:
        peer.send(unread)
        unread = []
        return false
      case .answered:
        upstream.noteFault("bytes behind request \(plan.number), before it was answered")
        unread = []
        return false
      }
    }

    private func takeHead() -> Bool {
      guard let end = unread.endOfHead else { return false }
      let head = String(decoding: unread[..<end], as: UTF8.self)
      unread.removeFirst(end)
      if head == SeededTunnel.forwardedHead {
        peer.send(SeededTunnel.answer)
        phase = .tunnel
        return true
      }
      guard
        let number = head.split(separator: " ").dropFirst().first
          .flatMap({ Int($0.dropFirst(3)) }), upstream.plans.indices.contains(number)
      else {
        upstream.noteFault("a request that nobody sent: \(head)")
        return false
      }
      plan = upstream.plans[number]
      upstream.arrivals[number, default: 0] += 1
      if head != plan.forwardedHead { upstream.noteFault("request \(number) is \(head)") }
      bodyLeft = plan.requestBody.wire[...]
      phase = bodyLeft.isEmpty ? .answered : .body
      hasAnswered = false
      if bodyLeft.isEmpty || plan.answersEarly { answer() }
      return true
    }

    private func takeBody() -> Bool {
      let part = unread.prefix(bodyLeft.count)
      if part != bodyLeft.prefix(part.count) {
        upstream.noteFault("request \(plan.number) has another body")
      }
      bodyLeft = bodyLeft.dropFirst(part.count)
      unread.removeFirst(part.count)
      guard bodyLeft.isEmpty else { return false }
      phase = hasAnswered ? .head : .answered
      if !hasAnswered { answer() }
      return true
    }

    // MARK: Answering

    private func answer() {
      guard !isAnswering else { return }
      isAnswering = true
      var due = upstream.world.now + plan.thinkingTime
      let parts = parts()
      for part in parts.dropLast() {
        step(at: due) { $0.peer.send(part) }
        due = due + plan.pause
      }
      // In one step: weir may send the next request as soon as it has the last part.
      step(at: due) {
        $0.peer.send(parts.last ?? [])
        $0.endAnswer()
      }
    }

    private func step(at due: Instant, _ action: @escaping (Connection) -> Void) {
      upstream.world.at(due) { [weak self] in
        guard let self, peer.isOpen else { return }
        action(self)
      }
    }

    /// What is sent before whatever ends the answer.
    private func parts() -> [[UInt8]] {
      var parts = plan.interimAnswers.map { Array($0.utf8) }
      switch plan.fault {
      case .stallsFirst, .closesFirst, .resetsFirst: return parts
      case .garbageHead: return parts + [Array("HTTP/1.1 garbage\r\n\r\n".utf8)]
      default: parts.append(Array(plan.answerHead.utf8))
      }
      var rest = plan.sentBody
      while !rest.isEmpty {
        parts.append(Array(rest.prefix(plan.partBytes)))
        rest = rest.dropFirst(plan.partBytes)
      }
      if plan.fault == .garbageInside { parts.append(Array("zz\r\n".utf8)) }
      return parts
    }

    private func endAnswer() {
      switch plan.fault {
      case .stallsFirst, .stalls, .garbageHead, .garbageInside: return
      case .closesFirst, .closes: return peer.closeWhenSent()
      case .resetsFirst, .resets: return peer.reset()
      case .none: break
      }
      if plan.answerBody.framing == .untilClose || plan.closesAfterwards {
        return peer.closeWhenSent()
      }
      peer.send(plan.bytesBehindEnd)
      isAnswering = false
      hasAnswered = true
      // An early answer's request has not ended: its rest may come.
      if bodyLeft.isEmpty { phase = .head }
    }
  }
}

extension [UInt8] {
  /// The offset behind the first blank line.
  var endOfHead: Int? {
    guard count >= 4 else { return nil }
    return (4...count).first { end in
      self[end - 1] == 10 && self[end - 2] == 13 && self[end - 3] == 10 && self[end - 4] == 13
    }
  }
}

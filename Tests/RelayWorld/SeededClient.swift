// A client that sends its planned requests whenever a seed says, and afterwards checks every byte
// that it got.

internal import FakeKernel
internal import IO
internal import TestSupport

final class SeededClient {
  let plans: [ExchangePlan]
  let peer: FakePeer
  /// What was wrong with what it got.
  private(set) var faults: [String] = []
  /// Answers that came whole, weir's own included.
  private(set) var wholeAnswers = 0
  private var unread: ArraySlice<UInt8> = []
  private var isOver = false
  private var streamNames: [Int: String] = [:]

  init(_ peer: FakePeer, plans: [ExchangePlan]) {
    self.peer = peer
    self.plans = plans
  }

  /// Whether nothing more can come.
  var isDone: Bool { peer.hasEnded || peer.failure != nil || !peer.isOpen }

  /// Sends the requests in pieces, without waiting for answers; perhaps goes at some time.
  func act(in world: FakeWorld, isPeaceful: Bool, _ random: inout SeededRandom) {
    if random.chance(0.2) {
      peer.pace = FakePeer.Pace(
        bytes: Int.random(in: 200...4000, using: &random), every: random.milliseconds(upTo: 100))
    }
    var due = world.now
    for plan in plans {
      due = due + random.milliseconds(upTo: 400)
      var rest = plan.request[...]
      while !rest.isEmpty {
        let part = rest.prefix(
          random.chance(0.5) ? .max : Int.random(in: 1...max(1, rest.count), using: &random))
        rest = rest.dropFirst(part.count)
        let peer = peer
        world.at(due) { peer.send(part) }
        due = due + random.milliseconds(upTo: 50)
      }
    }
    if !isPeaceful, random.chance(0.4) { leave(in: world, &random) }
  }

  private func leave(in world: FakeWorld, _ random: inout SeededRandom) {
    let peer = peer
    let actions: [() -> Void] = [
      { peer.reset() }, { peer.close() }, { peer.finish() }, { peer.isReading = false },
    ]
    let action = actions.randomElement(using: &random)!
    world.after(random.milliseconds(upTo: 2000), action)
  }
}

// MARK: - Checking

extension SeededClient {
  /// The name under which the answer to plan `number` is kept, once its head has come with one.
  func streamName(of number: Int) -> String? {
    if let known = streamNames[number] { return known }
    guard plans.contains(where: { $0.number == number && $0.stream != nil }) else { return nil }
    let received = peer.received
    guard let own = received.offset(of: "X-Number: \(number)\r\n"),
      let end = received.offset(of: "\r\n\r\n", from: own),
      let field = received.offset(of: "x-weir-stream: ", from: own), field < end
    else { return nil }
    let name = String(decoding: received[(field + 15)..<(field + 47)], as: UTF8.self)
    streamNames[number] = name
    return name
  }

  /// Goes through all that was received, answer by answer.
  func check() {
    unread = peer.received[...]
    for plan in plans where !unread.isEmpty && !isOver { checkAnswer(to: plan) }
    if !unread.isEmpty { faults.append("bytes that nobody sent: \(excerpt)") }
    if !faults.isEmpty { faults.append(story) }
  }

  private func checkAnswer(to plan: ExchangePlan) {
    if !plan.isHTTP10 { for interim in plan.interimAnswers { skip(Array(interim.utf8)) } }
    guard !unread.isEmpty else {
      isOver = true
      return
    }
    guard let end = Array(unread).endOfHead else {
      // Cut inside the head: all that can be said is that nothing may follow.
      unread = []
      isOver = true
      return
    }
    let head = String(decoding: unread.prefix(end), as: UTF8.self)
    unread = unread.dropFirst(end)
    if head.contains("x-weir-error") { return checkError(head.lowercased(), to: plan) }
    guard plan.isForwarded(head) else {
      return faults.append("the head for \(plan.number) is \(head)")
    }
    checkBody(of: plan)
    if head.contains("Connection: close") { isOver = true }
  }

  /// Takes what is there of an interim answer. None comes if the final one is weir's own.
  private func skip(_ interim: [UInt8]) {
    if unread.starts(with: interim) {
      unread = unread.dropFirst(interim.count)
    } else if interim.starts(with: unread) {
      unread = []
    }
  }

  private func checkBody(of plan: ExchangePlan) {
    let deliverable = plan.deliverableBody
    let part = unread.prefix(deliverable.count)
    if part != deliverable.prefix(part.count) {
      faults.append("the body for \(plan.number) is \(excerpt)")
    }
    unread = unread.dropFirst(part.count)
    let isWhole = plan.isWhole && part.count == deliverable.count
    if isWhole { wholeAnswers += 1 }
    if plan.endsAtClose && !isWhole && peer.hasEnded && peer.failure == nil {
      faults.append("the cut answer for \(plan.number) came to a proper end")
    }
    if !isWhole || plan.endsAtClose { isOver = true }
  }

  private func checkError(_ head: String, to plan: ExchangePlan) {
    let stated = head.split(separator: "content-length: ").dropFirst().first
      .flatMap { Int($0.prefix(while: \.isNumber)) }
    // A head that did not come in time does not tell that it was one of HEAD.
    let isBodiless = plan.method == "HEAD" && !head.contains(" 408 ")
    let length = isBodiless ? 0 : stated ?? -1
    let body = String(decoding: unread.prefix(max(0, length)), as: UTF8.self)
    unread = unread.dropFirst(max(0, length))
    let begins = body.hasPrefix("{\"") || "{\"".hasPrefix(body)
    if length < 0 || (length > 0 && !begins) {
      faults.append("weir's answer to \(plan.number) is \(head)\(body)")
    }
    if body.utf8.count == length { wholeAnswers += 1 } else { isOver = true }
    if head.contains("connection: close") { isOver = true }
  }

  /// What a failure needs told: the plans without their bytes, and all that came.
  private var story: String {
    let planned = plans.map { plan in
      "request \(plan.number): \(plan.method), 1.0: \(plan.isHTTP10), status \(plan.status),"
        + " \(plan.answerBody.framing) of \(plan.answerBody.wire.count), \(plan.fault) after"
        + " \(plan.sentBody.count), early: \(plan.answersEarly)"
    }
    let end = "\(peer.received.count) bytes came, then \(peer.seenEnd):"
    return (planned + [end, String(decoding: peer.received.prefix(2000), as: UTF8.self)])
      .joined(separator: "\n")
  }

  private var excerpt: String { String(decoding: unread.prefix(200), as: UTF8.self) }
}

extension [UInt8] {
  /// Where `text` stands first, from `start` on.
  fileprivate func offset(of text: String, from start: Int = 0) -> Int? {
    let wanted = Array(text.utf8)
    guard start + wanted.count <= count else { return nil }
    return withUnsafeBufferPointer { bytes in
      (start...count - wanted.count).first { at in
        bytes[at] == wanted[0] && bytes[at...].starts(with: wanted)
      }
    }
  }
}

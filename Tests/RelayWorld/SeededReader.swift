// A reader of a kept stream, who asks for what follows some event, leaves or is left at any point, and
// comes back for what follows the last event that it has, until it has all.

internal import FakeKernel
internal import IO
internal import TestSupport

final class SeededReader {
  private let plan: ExchangePlan
  private let stage: RelayHarness
  private let isPeaceful: Bool
  private let name: () -> String?
  private var random: SeededRandom
  private var peer: FakePeer?
  /// The event after which it asks next.
  private var after: Int
  private var attemptsLeft: Int
  /// How often it still looks whether there is a stream by now; in a peaceful world there will be.
  private var looksLeft = 40
  private let isStranger: Bool
  private let isHTTP10: Bool
  private var isNumbered = false
  private(set) var isDone = false
  private(set) var wholeReadings = 0
  private var faults: [String] = []

  init(
    of plan: ExchangePlan, on stage: RelayHarness, isPeaceful: Bool,
    _ random: inout SeededRandom, name: @escaping () -> String?
  ) {
    self.plan = plan
    self.stage = stage
    self.isPeaceful = isPeaceful
    self.name = name
    self.random = SeededRandom(seed: random.next())
    let count = plan.stream?.events.count ?? 0
    after = random.chance(0.4) ? 0 : Int.random(in: 0...count + 1, using: &random)
    attemptsLeft = Int.random(in: 1...6, using: &random)
    isStranger = random.chance(0.1)
    isHTTP10 = random.chance(0.15)
  }

  /// Comes, and again as long as nobody knows of a stream.
  func begin() {
    guard let name = name() else {
      looksLeft -= isPeaceful ? 0 : 1
      isDone = looksLeft == 0
      if !isDone { stage.world.after(.milliseconds(150)) { [weak self] in self?.begin() } }
      return
    }
    ask(for: name)
  }

  private func ask(for name: String) {
    attemptsLeft -= 1
    isNumbered = random.chance(0.3)
    let byField = isNumbered && random.chance(0.5)
    let query = byField ? "" : "?after=\(after)\(isNumbered ? "&ids=1" : "")"
    let peer = stage.client(
      "GET /weir/streams/\(name)\(query) HTTP/1.\(isHTTP10 ? 0 : 1)\r\nHost: weir\r\n"
        + "Authorization: \(isStranger ? "Bearer of another" : plan.credential)\r\n"
        + (byField ? "Last-Event-ID: \(after)\r\n" : "") + "Connection: close\r\n\r\n")
    self.peer = peer
    if random.chance(0.3) {
      peer.pace = FakePeer.Pace(
        bytes: Int.random(in: 100...4000, using: &random), every: random.milliseconds(upTo: 60))
    }
    peer.onChange = { [unowned self] peer in
      if peer.hasEnded || peer.failure != nil { goOnLater() }
    }
    // The last one of a peaceful world stays, since all has to arrive.
    if random.chance(0.4), !isPeaceful || attemptsLeft > 0 { leaveLater(peer) }
  }

  private func leaveLater(_ peer: FakePeer) {
    let isStalling = !isPeaceful && random.chance(0.4)
    stage.world.after(random.milliseconds(upTo: 1500)) { [weak self] in
      guard let self, self.peer === peer else { return }
      if isStalling {
        peer.isReading = false
      } else {
        peer.close()
        goOnLater()
      }
    }
    guard isStalling else { return }
    stage.world.after(.seconds(5)) { peer.isReading = true }
  }

  /// Not from within the network's own work.
  private func goOnLater() {
    guard let peer else { return }
    peer.onChange = nil
    stage.world.after(random.milliseconds(upTo: 400)) { [weak self] in
      guard let self, self.peer === peer else { return }
      self.peer = nil
      take(peer)
      if !isDone, attemptsLeft > 0 { begin() } else { isDone = true }
    }
  }

  /// In a peaceful world everybody has had what it asked for, unless it left.
  func check() -> [String] {
    if let peer { take(peer) }
    if isPeaceful, wholeReadings == 0 {
      faults.append("a reader of \(plan.number) did not get all that follows \(after)")
    }
    return faults
  }
}

// MARK: - Checking

extension SeededReader {
  /// Looks at one answer, whole or not.
  private func take(_ peer: FakePeer) {
    let answer = PayloadOfAnswer(peer.received)
    guard let status = answer.status else { return }
    guard status == "200", !isStranger else {
      if status == "408", !isPeaceful, stage.isHeadLate(of: peer) { return }
      if !allowed.contains(status) {
        noteFault("was answered \(answer.head)")
      } else if isStranger {
        // Having been refused is all that there is for it.
        (isDone, wholeReadings) = (true, wholeReadings + 1)
      }
      return
    }
    guard let stream = plan.stream,
      let reading = stream.reading(answer.payload, after: after, numbered: isNumbered)
    else { return noteFault("read \(String(decoding: answer.payload.prefix(600), as: UTF8.self))") }
    let isWhole = isHTTP10 ? peer.hasEnded && peer.failure == nil : answer.isWhole
    if isWhole {
      wholeReadings += 1
      isDone = true
      if !reading.isAll || !plan.isWhole { noteFault("took a part for all: \(reading)") }
    } else {
      after = reading.lastEvent
    }
  }

  private var allowed: [String] {
    if isPeaceful { return [isStranger ? "403" : "200"] }
    return ["410", "503"] + (isStranger ? ["403"] : [])
  }

  private func noteFault(_ text: String) {
    faults.append(
      "a reader of \(plan.number) after \(after), numbered: \(isNumbered), 1.0: \(isHTTP10), \(text)"
    )
  }
}

/// An answer of weir's own, without its framing.
struct PayloadOfAnswer {
  let head: String
  private(set) var payload: [UInt8] = []
  /// The last chunk has come.
  private(set) var isWhole = false
  /// nil before there is a head.
  let status: String?

  init(_ bytes: [UInt8]) {
    guard let end = bytes.endOfHead else {
      (head, status) = ("", nil)
      return
    }
    head = String(decoding: bytes[..<end], as: UTF8.self)
    status = String(head.dropFirst(9).prefix(3))
    guard head.contains("chunked") else {
      payload = Array(bytes[end...])
      return
    }
    readChunks(bytes[end...])
  }

  private mutating func readChunks(_ wire: ArraySlice<UInt8>) {
    var rest = wire
    while let end = rest.firstIndex(of: 13) {
      let size = Int(String(decoding: rest[..<end], as: UTF8.self), radix: 16) ?? 0
      rest = rest[end...].dropFirst(2)
      if size == 0 {
        isWhole = rest.elementsEqual([13, 10])
        return
      }
      payload += rest.prefix(size)
      rest = rest.dropFirst(size + 2)
    }
  }
}

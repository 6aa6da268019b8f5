// A client of the hub's WebSocket: it starts requests, follows streams of others, pauses, resumes and
// goes whenever a seed says; what it hears is checked in `SocketTrack`.

internal import FakeKernel
internal import TestSupport
internal import Wire

final class SeededSocket {
  /// Requests to start, as commands; or the one of the simple form.
  private let plans: [ExchangePlan]
  private let isSimple: Bool
  private let isPeaceful: Bool
  /// The names of streams that it heard of, by their plans' numbers.
  private(set) var names: [Int: String] = [:]
  private var tracks: [String: SocketTrack] = [:]
  private var peer: FakePeer?
  private var random = SeededRandom(seed: 0)
  private var reader = MessageReader(from: .server, limitBytes: 1 << 26)
  private var unread: [UInt8] = []
  private var hasHead = false
  /// Starts that have not been answered, and commands that are still to come.
  private var openStarts: Set<Int> = []
  private var commandsLeft = 0
  /// Whole answers that came where a stream would have come, and are not over.
  private var faults: [String] = []

  init(starting plans: [ExchangePlan], isPeaceful: Bool) {
    (self.plans, self.isPeaceful, isSimple) = (plans, isPeaceful, false)
  }

  init(sending plan: ExchangePlan, isPeaceful: Bool) {
    (plans, self.isPeaceful, isSimple) = ([plan], isPeaceful, true)
  }

  var isDone: Bool {
    guard let peer else { return false }
    return peer.hasEnded || peer.failure != nil || !peer.isOpen
  }

  func act(
    on stage: RelayHarness, following others: [ExchangePlan], _ random: inout SeededRandom,
    name: @escaping (Int) -> String?
  ) {
    self.random = SeededRandom(seed: random.next())
    let peer = stage.client()
    self.peer = peer
    let target = isSimple ? plans[0].target : "/weir/ws"
    peer.send(
      "GET \(target) HTTP/1.1\r\nHost: weir\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        + (isSimple ? "Authorization: \(plans[0].credential)\r\n\r\n" : "\r\n"))
    peer.onChange = { [unowned self] _ in read() }
    if random.chance(0.2) {
      peer.pace = FakePeer.Pace(
        bytes: Int.random(in: 200...4000, using: &random), every: random.milliseconds(upTo: 60))
    }
    openStarts = Set(plans.map(\.number))
    for plan in plans { later(1000, stage) { $0.start(plan) } }
    if !isSimple { scheduleCommands(on: stage, following: others, name) }
    if !isPeaceful, random.chance(0.3) {
      let leavings: [(FakePeer) -> Void] = [
        { $0.reset() }, { $0.close() }, { $0.finish() }, { $0.isReading = false },
      ]
      let leave = leavings.randomElement(using: &random)!
      stage.world.after(random.milliseconds(upTo: 3000)) { leave(peer) }
    }
  }

  private func later(_ most: Int, _ stage: RelayHarness, _ step: @escaping (SeededSocket) -> Void) {
    commandsLeft += 1
    stage.world.after(random.milliseconds(upTo: most)) { [unowned self] in
      commandsLeft -= 1
      step(self)
      closeIfDone()
    }
  }

  private func scheduleCommands(
    on stage: RelayHarness, following others: [ExchangePlan], _ name: @escaping (Int) -> String?
  ) {
    for plan in others {
      later(3000, stage) { socket in
        if let name = name(plan.number) { socket.subscribe(plan, name) }
      }
    }
    for _ in 0..<Int.random(in: 0...2, using: &random) {
      later(2500, stage) { $0.say("{\"type\":\"pause\"}") }
      // After any pause.
      stage.world.after(.milliseconds(2600)) { [unowned self] in say("{\"type\":\"resume\"}") }
    }
    if random.chance(0.2) { later(2000, stage) { $0.say("{\"type\":\"dance\"}") } }
    guard !isPeaceful else { return }
    for type in ["stop", "unsubscribe"] where random.chance(0.2) {
      later(3000, stage) { socket in
        guard let stream = socket.tracks.keys.min() else { return }
        socket.say("{\"type\":\"\(type)\",\"id\":\"\(type)\",\"stream\":\"\(stream)\"}")
      }
    }
  }
}

// MARK: - Saying

extension SeededSocket {
  private func start(_ plan: ExchangePlan) {
    let body = String(decoding: plan.requestBody.payload, as: UTF8.self)
    if isSimple { return say(body) }
    say(
      "{\"type\":\"start\",\"id\":\"\(plan.number)\",\"path\":\"\(plan.target)\",\"body\":\(body),"
        + "\"format\":\"raw\",\"headers\":{\"Authorization\":\"\(plan.credential)\"}}")
  }

  private func subscribe(_ plan: ExchangePlan, _ name: String) {
    guard let stream = plan.stream, tracks[name] == nil else { return }
    let after = Int.random(in: 0...stream.events.count, using: &random)
    let isStranger = random.chance(0.2)
    let isRaw = random.chance(0.5)
    if !isStranger { tracks[name] = SocketTrack(plan, stream, after: after, isRaw: isRaw) }
    let credential = isStranger ? "Bearer of another" : plan.credential
    say(
      "{\"type\":\"subscribe\",\"id\":\"\(isStranger ? "stranger" : "")\",\"stream\":\"\(name)\",\"after\":\(after),\"format\":"
        + "\"\(isRaw ? "raw" : "events")\",\"headers\":{\"Authorization\":\"\(credential)\"}}")
  }

  /// In one frame or two, masked.
  private func say(_ text: String, _ opcode: Opcode = .text) {
    guard let peer, peer.isOpen else { return }
    let bytes = Array(text.utf8)
    var frames: [UInt8] = []
    let cut =
      random.chance(0.3) && !opcode.isControl
      ? Int.random(in: 0...bytes.count, using: &random) : bytes.count
    let isWhole = cut == bytes.count
    FrameWriter.append(
      opcode, Array(bytes[..<cut]).span, isFinal: isWhole, mask: mask(), to: &frames)
    if !isWhole {
      FrameWriter.append(.continuation, Array(bytes[cut...]).span, mask: mask(), to: &frames)
    }
    peer.send(frames)
  }

  private func mask() -> MaskingKey {
    MaskingKey(UInt32(truncatingIfNeeded: random.next()))
  }

  /// With the proper end, once all has come that will.
  private func closeIfDone() {
    guard hasHead, commandsLeft == 0, openStarts.isEmpty, tracks.values.allSatisfy(\.isOver),
      let peer, peer.isOpen
    else { return }
    var frame: [UInt8] = []
    FrameWriter.appendClose(.normal, mask: mask(), to: &frame)
    peer.send(frame)
    commandsLeft = .max
  }
}

// MARK: - Hearing

extension SeededSocket {
  private func read() {
    guard let peer else { return }
    unread += peer.takeReceived()
    if !hasHead, !takeHead() { return }
    var position = 0
    let bytes = unread
    unread = []
    do throws(FrameError) {
      while true {
        switch try reader.next(bytes.span, &position) {
        case .needMore: return closeIfDone()
        case .text: hear(reader.message)
        case .ping: say(String(decoding: reader.control, as: UTF8.self), .pong)
        case .close: return
        case .binary, .pong: faults.append("a socket got a message of the wrong kind")
        }
      }
    } catch {
      faults.append("a socket got a frame that is none: \(error)")
    }
  }

  private func takeHead() -> Bool {
    guard let end = unread.endOfHead else { return false }
    let head = String(decoding: unread[..<end], as: UTF8.self)
    unread.removeFirst(end)
    hasHead = head.hasPrefix("HTTP/1.1 101 ")
    if !hasHead, isPeaceful || !head.contains("x-weir-error") {
      faults.append("a handshake was answered \(head)")
    }
    return hasHead
  }

  private func hear(_ message: [UInt8]) {
    guard let heard = SocketWord(message) else {
      return faults.append("a socket heard \(String(decoding: message, as: UTF8.self))")
    }
    if heard.id == "stranger" {
      let isRefused = heard.type == "error" && (heard.reason == "forbidden" || !isPeaceful)
      return isRefused ? () : faults.append("to a stranger on a socket was said \(heard)")
    }
    // A stop that is refused is no end of what the socket follows: a paused stream may have ended,
    // and made room for others, without its socket having been told.
    if heard.id == "stop" {
      let isAnswer = ["stopped", "error"].contains(heard.type)
      return isAnswer ? () : faults.append("to a stop was said \(heard)")
    }
    if heard.type == "started", let name = heard.stream { return noteStart(heard, name) }
    if let name = heard.stream, let track = tracks[name] {
      if let fault = track.hear(heard, isPeaceful: isPeaceful) { faults.append(fault) }
      tracks[name] = track
      return
    }
    hearOfNoStream(heard)
  }

  private func number(_ heard: SocketWord) -> Int? {
    isSimple ? plans[0].number : heard.id.flatMap { Int($0) }
  }

  private func noteStart(_ heard: SocketWord, _ name: String) {
    guard let number = number(heard), openStarts.remove(number) != nil,
      let plan = plans.first(where: { $0.number == number }), let stream = plan.stream
    else { return faults.append("a socket heard of a start that is none") }
    names[number] = name
    tracks[name] = SocketTrack(plan, stream, after: 0, isRaw: !isSimple)
  }

  /// An answer that is no kept stream; or a refusal of what was asked for wrongly.
  private func hearOfNoStream(_ heard: SocketWord) {
    let plan = number(heard).flatMap { number in plans.first { $0.number == number } }
    switch heard.type {
    case "chunk":
      guard let plan, openStarts.contains(plan.number),
        Array(heard.data.utf8) == plan.answerBody.payload
      else { return faults.append("a socket got an answer that is none of its: \(heard)") }
      if isPeaceful { faults.append("the stream \(plan.number) was not kept") }
    case "done": if let plan { openStarts.remove(plan.number) }
    case "error":
      if let plan {
        openStarts.remove(plan.number)
        if isPeaceful, plan.isKept { faults.append("\(plan.number) failed: \(heard)") }
      }
      if heard.reason == "unknown_command" || plan != nil { return }
      if isPeaceful { faults.append("a socket heard \(heard)") }
    case "unsubscribed": break
    default: faults.append("a socket heard \(heard)")
    }
  }

  func check() -> [String] {
    guard isPeaceful else { return faults }
    for track in tracks.values where !track.isWhole {
      faults.append("a socket got \(track.plan.number) up to \(track.sequence)")
    }
    if !openStarts.isEmpty { faults.append("starts without an answer: \(openStarts)") }
    return faults
  }
}

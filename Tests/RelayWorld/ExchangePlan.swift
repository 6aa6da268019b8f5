// One request and its answer as a seed draws them: what the client sends, what upstream makes of
// it, and what either may therefore receive.

internal import TestSupport

struct ExchangePlan {
  /// What upstream does instead of answering as it should.
  enum Fault: CaseIterable {
    case none
    /// Before a byte of the answer.
    case stallsFirst, closesFirst, resetsFirst, garbageHead
    /// After `intactBytes` of the body.
    case stalls, closes, resets, garbageInside
  }

  let number: Int
  /// Of the path: what tells its route.
  var folder = "r"
  var isHTTP10 = false
  var method = "GET"
  /// Lines, each with its end.
  var requestFields = ""
  var requestBody = PlannedBody.none

  var interimAnswers: [String] = []
  var status = 200
  var answerBody = PlannedBody.none
  var fault = Fault.none
  /// Of the answer's body, where a fault ends it.
  var intactBytes = Int.max
  /// Before it has read the request's body.
  var answersEarly = false
  var thinkingTime = Duration.zero
  /// Between parts of the answer of `partBytes`.
  var pause = Duration.zero
  var partBytes = Int.max
  var bytesBehindEnd = ""
  /// With or without a word about it.
  var closesAfterwards = false
  /// The answer's body, if it is events that the route keeps.
  var stream: KeptStream?
  var saysClose = false
}

// MARK: - On the wire

extension ExchangePlan {
  var target: String { "/\(folder)/\(number)" }

  var request: [UInt8] {
    Array(
      ("\(method) \(target) HTTP/1.\(isHTTP10 ? 0 : 1)\r\nHost: weir\r\n\(requestFields)"
        + requestBody.field + "\r\n").utf8) + requestBody.wire
  }

  /// What upstream must get in front of the body.
  var forwardedHead: String {
    let fields = requestFields.replacing("Connection: keep-alive\r\n", with: "")
      .replacing("Connection: close\r\n", with: "")
    return "\(method) \(target) HTTP/1.1\r\nHost: up.test\r\n\(fields)\(requestBody.field)\r\n"
  }

  private var answerFields: String {
    // A length that an answer to HEAD may state, and 204 may not.
    let stated = method == "HEAD" && status != 204 ? "Content-Length: 77\r\n" : answerBody.field
    return "X-Number: \(number)\r\n\(streamField)" + stated
  }

  private var streamField: String {
    stream.map { "Content-Type: \($0.contentType)\r\n" } ?? ""
  }

  /// As upstream sends it.
  var answerHead: String {
    "HTTP/1.1 \(status) S\r\n\(answerFields)\(saysClose ? "Connection: close\r\n" : "")\r\n"
  }

  var unchunks: Bool { isHTTP10 && answerBody.framing == .chunked }

  /// What the client may get for it: weir adds at most one word about the connection, and the name
  /// of a stream that is kept.
  func isForwarded(_ head: String) -> Bool {
    let fields = unchunks ? "X-Number: \(number)\r\n\(streamField)" : answerFields
    let lines = head.split(separator: "\r\n", omittingEmptySubsequences: false)
    let head = lines.filter { stream == nil || !$0.hasPrefix("x-weir-stream: ") }
      .joined(separator: "\r\n")
    return ["", "Connection: close\r\n", "Connection: keep-alive\r\n"].contains {
      head == "HTTP/1.1 \(status) S\r\n\(fields)\($0)\r\n"
    }
  }

  /// The answer's body as upstream sends it, up to its fault.
  var sentBody: ArraySlice<UInt8> { answerBody.wire.prefix(intactBytes) }

  /// All that a client may get of the body.
  var deliverableBody: ArraySlice<UInt8> { unchunks ? answerBody.payload[...] : sentBody }

  /// Whether the answer comes to its proper end.
  var isWhole: Bool { fault == .none }

  /// Whether only the connection's end tells the client that the body is over.
  var endsAtClose: Bool { unchunks || answerBody.framing == .untilClose }

  /// Whether weir may send it upstream twice.
  var isRepeatable: Bool { method != "POST" || requestFields.contains("Idempotency-Key") }

  /// Whether the client's connection ends with this answer, by what both have said.
  var endsConnection: Bool {
    endsAtClose || (isHTTP10 && !requestFields.contains("keep-alive"))
      || requestFields.contains("Connection: close")
  }
}

// MARK: - Drawing

extension ExchangePlan {
  /// `isPeaceful`: nothing goes wrong, so that all must arrive.
  static func drawn(
    _ number: Int, isPeaceful: Bool, _ random: inout SeededRandom
  ) -> ExchangePlan {
    var plan = ExchangePlan(number: number)
    plan.drawRequest(&random)
    plan.drawAnswer(&random)
    if !isPeaceful { plan.drawTrouble(&random) }
    return plan
  }

  private mutating func drawRequest(_ random: inout SeededRandom) {
    isHTTP10 = random.chance(0.15)
    method = ["GET", "POST", "POST", "PUT", "HEAD"].randomElement(using: &random)!
    if method == "POST" && random.chance(0.2) { requestFields += "Idempotency-Key: k\r\n" }
    if random.chance(0.3) { requestFields += "x-odd:   a  b \r\n" }
    if isHTTP10 && random.chance(0.5) { requestFields += "Connection: keep-alive\r\n" }
    if random.chance(0.05) { requestFields += "Connection: close\r\n" }
    guard method == "POST" || method == "PUT" else { return }
    requestBody = PlannedBody(
      isHTTP10 || random.chance(0.5) ? .length : .chunked, count: Self.size(&random), of: number,
      &random)
  }

  private mutating func drawAnswer(_ random: inout SeededRandom) {
    if random.chance(0.15) {
      interimAnswers = ["HTTP/1.1 103 Early Hints\r\nlink: <\(number)>\r\n\r\n"]
    }
    status = [200, 200, 200, 200, 404, 500, 204, 304].randomElement(using: &random)!
    thinkingTime = random.milliseconds(upTo: 300)
    if random.chance(0.5) {
      pause = random.milliseconds(upTo: 50)
      partBytes = Int.random(in: 100...2000, using: &random)
    }
    if method == "HEAD" || status == 204 || status == 304 { return }
    let framing = [PlannedBody.Framing.length, .chunked, .chunked, .untilClose]
      .randomElement(using: &random)!
    answerBody = PlannedBody(framing, count: Self.size(&random), of: number, &random)
  }

  mutating func drawTrouble(_ random: inout SeededRandom) {
    if random.chance(0.4) { fault = Fault.allCases.randomElement(using: &random)! }
    switch fault {
    case .none: break
    case .stallsFirst, .closesFirst, .resetsFirst, .garbageHead: intactBytes = 0
    case .stalls, .closes, .resets, .garbageInside:
      // A whole answer behind which something happens has come to no harm.
      if answerBody.wire.isEmpty {
        fault = .none
      } else {
        intactBytes = Int.random(in: 0..<answerBody.wire.count, using: &random)
      }
      if fault == .garbageInside && answerBody.framing != .chunked { fault = .closes }
      // A FIN is the proper end there, wherever it comes.
      if fault == .closes && answerBody.framing == .untilClose { fault = .resets }
    }
    if fault == .garbageInside { intactBytes = 0 }
    answersEarly = random.chance(0.1)
    if random.chance(0.1) { bytesBehindEnd = "junk" }
    closesAfterwards = random.chance(0.15)
    saysClose = closesAfterwards && random.chance(0.5)
  }

  /// Mostly small, seldom larger than every buffer.
  private static func size(_ random: inout SeededRandom) -> Int {
    if random.chance(0.04) { return Int.random(in: 0...150_000, using: &random) }
    return Int.random(in: 0...(random.chance(0.2) ? 9000 : 600), using: &random)
  }
}

// Requests whose answers are streams that their route keeps.

internal import TestSupport

extension ExchangePlan {
  /// How a request comes to weir.
  enum Carrier {
    case client
    /// As a command of a hub's socket.
    case command
    /// As the one message of a socket.
    case message
  }

  /// As `drawn`, with a stream of events for an answer, mostly.
  static func drawnKept(
    _ number: Int, _ carrier: Carrier, isPeaceful: Bool, _ random: inout SeededRandom
  ) -> ExchangePlan {
    var plan = ExchangePlan(number: number)
    plan.folder = carrier == .message ? "m" : "k"
    plan.method = "POST"
    plan.requestFields = "Authorization: \(plan.credential)\r\n"
    switch carrier {
    case .client:
      plan.isHTTP10 = random.chance(0.1)
      if random.chance(0.3) { plan.method = "GET" }
    case .command, .message:
      // What weir adds to a message.
      plan.requestFields += "Content-Type: application/json\r\nAccept-Encoding: identity\r\n"
    }
    if plan.method == "POST" {
      let body = Array("{\"stream\":true,\"number\":\(number)}".utf8)
      plan.requestBody = PlannedBody(.length, body, &random)
    }
    plan.drawStream(&random)
    if !isPeaceful { plan.drawTrouble(&random) }
    return plan
  }

  private mutating func drawStream(_ random: inout SeededRandom) {
    status = random.chance(0.9) ? 200 : 500
    thinkingTime = random.milliseconds(upTo: 300)
    pause = random.milliseconds(upTo: 150)
    partBytes = Int.random(in: 50...2000, using: &random)
    let events = KeptStream(number, &random)
    stream = events
    let framing = [PlannedBody.Framing.length, .chunked, .chunked, .untilClose]
      .randomElement(using: &random)!
    answerBody = PlannedBody(framing, events.payload, &random)
  }

  /// Whose stream it is.
  var credential: String { "Bearer \(number)" }

  /// Whether the answer is one that is kept, where there is room.
  var isKept: Bool { stream != nil && status == 200 }
}

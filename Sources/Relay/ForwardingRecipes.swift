// Heads that look alike are forwarded alike: how it was done for one of a form serves for the next.

internal import Wire

/// How heads of known forms were last forwarded, on one loop.
///
/// What `HeadWriter.forward` writes depends on names, on those values that all heads of a form share,
/// and on what an entry here names beside the form; the values in which heads of a form differ are only
/// ever copied. So a recipe may be forgotten at any time, and no byte changes.
struct ForwardingRecipes {
  private struct OfRequest {
    let form: HeadForm
    // Held, so that no other object gets their places in memory while they are compared with.
    let endpoint: Endpoint
    let route: ActiveRoute
    let expecting: Bool
    let recipe: HeadRecipe
  }

  private struct OfAnswer {
    let form: HeadForm
    let unchunks: Bool
    let connection: Delivery.ConnectionField
    let recipe: HeadRecipe
  }

  private var requests: [OfRequest] = []
  private var answers: [OfAnswer] = []
  /// The ones that give way next.
  private var oldestRequest = 0
  private var oldestAnswer = 0
  private var credit = LearningCredit()
  private static let limit = 16

  /// `HeadWriter.forward`, by a recipe where there is one.
  mutating func forward(
    _ head: RequestHead, to endpoint: Endpoint, by active: ActiveRoute, expecting: Bool,
    with writer: inout HeadWriter
  ) {
    for index in requests.indices
    where requests[index].form.number == head.form.number && requests[index].endpoint === endpoint
      && requests[index].route === active && requests[index].expecting == expecting
    {
      return writer.write(requests[index].recipe, of: head.headers)
    }
    guard head.form.number != 0, active.stripsNoQuery, credit.allowsLearning() else {
      return writer.forward(head, to: endpoint, by: active, expecting: expecting)
    }
    writer.beginRecipe()
    writer.forward(head, to: endpoint, by: active, expecting: expecting)
    let made = OfRequest(
      form: head.form, endpoint: endpoint, route: active, expecting: expecting,
      recipe: writer.endRecipe(of: head.headers))
    Self.add(made, to: &requests, &oldestRequest)
  }

  mutating func forward(
    _ head: ResponseHead, as delivery: Delivery, with writer: inout HeadWriter
  ) {
    for index in answers.indices
    where answers[index].form.number == head.form.number
      && answers[index].unchunks == delivery.unchunks
      && answers[index].connection == delivery.connection && delivery.isPlain
    {
      return writer.write(answers[index].recipe, of: head.headers)
    }
    guard head.form.number != 0, delivery.isPlain, credit.allowsLearning() else {
      return writer.forward(head, as: delivery)
    }
    writer.beginRecipe()
    writer.forward(head, as: delivery)
    let made = OfAnswer(
      form: head.form, unchunks: delivery.unchunks, connection: delivery.connection,
      recipe: writer.endRecipe(of: head.headers))
    Self.add(made, to: &answers, &oldestAnswer)
  }

  private static func add<Entry>(_ made: Entry, to entries: inout [Entry], _ oldest: inout Int) {
    if entries.count < limit { return entries.append(made) }
    entries[oldest] = made
    oldest = (oldest + 1) % limit
  }
}

extension Relay {
  func forward(
    _ head: RequestHead, to endpoint: Endpoint, by active: ActiveRoute, expecting: Bool
  ) {
    recipes.forward(head, to: endpoint, by: active, expecting: expecting, with: &writer)
  }

  func forward(_ head: ResponseHead, as delivery: Delivery) {
    recipes.forward(head, as: delivery, with: &writer)
  }
}

extension Delivery {
  /// Whether nothing of the exchange itself is told with the answer.
  fileprivate var isPlain: Bool { streamID == nil && allowance == nil }
}

extension ActiveRoute {
  /// What is left of a target begins in its path, which heads of a form share, or at its `?`.
  fileprivate var stripsNoQuery: Bool { !route.pathPrefix.contains(UInt8(ascii: "?")) }
}

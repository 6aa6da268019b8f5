// Heads that look like one before: what is known of them is what parsing finds.

internal import Wire

/// A head that has become known, and the same with some bytes changed: what is found in the other does
/// not depend on the one.
///
/// The first byte says whose head it is, and what it answers; see `knownAndChanged`.
func fuzzKnownHeads(_ input: UnsafeRawBufferPointer) {
  guard let (choice, known, other) = knownAndChanged(input) else { return }
  if choice & 1 == 0 {
    compareRequests(known, other)
  } else {
    compareResponses(known, other, answeringHEAD: choice & 2 == 2)
  }
}

private let limit = 4096

private func compareRequests(_ known: [UInt8], _ other: [UInt8]) {
  func read(_ bytes: [UInt8]) -> RequestHead? {
    wholeHead(bytes, isRequest: true).flatMap { try? RequestHead(parsing: $0) }
  }
  var memory = HeadMemory()
  if let head = read(known) { memory.learn(head) }
  for bytes in [known, other] {
    guard let found = memory.request(in: bytes.span, limitBytes: limit) else { continue }
    expectEqual(found.words, read(bytes)?.words, "a known request and what is read differ")
    let writer = written(found, by: read(known))
    expectEqual(writer, read(bytes).map { written($0) }, "a known request is written otherwise")
  }
}

private func compareResponses(_ known: [UInt8], _ other: [UInt8], answeringHEAD: Bool) {
  func read(_ bytes: [UInt8]) -> ResponseHead? {
    wholeHead(bytes, isRequest: false).flatMap {
      try? ResponseHead(parsing: $0, answeringHEAD: answeringHEAD)
    }
  }
  var memory = HeadMemory()
  if let head = read(known) { memory.learn(head, answeringHEAD: answeringHEAD) }
  for bytes in [known, other] {
    let found = memory.response(
      in: bytes.span, limitBytes: limit, answeringHEAD: answeringHEAD)
    guard let found else { continue }
    expectEqual(found.words, read(bytes)?.words, "a known answer and what is read differ")
  }
}

/// The head that a connection would take, if it is whole and nothing was passed over to get at it.
private func wholeHead(_ bytes: [UInt8], isRequest: Bool) -> [UInt8]? {
  var collector = HeadCollector(limitBytes: limit, allowsLeadingBlankLine: isRequest)
  guard case .complete(let taken) = try? collector.take(bytes.span) else { return nil }
  let head = collector.removeHead()
  return head.count == taken ? head : nil
}

/// What a writer makes of a head that leaves nothing of it out.
private func written(_ head: RequestHead) -> [UInt8] {
  var writer = HeadWriter()
  write(head, with: &writer)
  return writer.bytes
}

private func write(_ head: RequestHead, with writer: inout HeadWriter) {
  writer.reset()
  writer.requestLine(of: head, target: head.originTarget)
  writer.field("X-Weir", "1")
  for field in head.headers.fields where !head.headers.connectionNominates(field) {
    writer.copyLine(of: field, from: head.headers)
  }
  writer.end()
}

/// The same by a recipe that was made of another head of its form.
private func written(_ head: RequestHead, by other: RequestHead?) -> [UInt8]? {
  guard let other else { return nil }
  var writer = HeadWriter()
  writer.beginRecipe()
  write(other, with: &writer)
  let recipe = writer.endRecipe(of: other.headers)
  writer.write(recipe, of: head.headers)
  return writer.bytes
}

extension RequestHead {
  /// All that was found, to be compared.
  fileprivate var words: [String] {
    [
      "\(method) \(target) \(originTarget) \(version) \(framing)",
      "\(isPersistent) \(expectsContinue) \(isUpgrade)",
    ] + headers.words
  }
}

extension ResponseHead {
  fileprivate var words: [String] {
    ["\(version) \(status) \(reason) \(framing) \(isPersistent)"] + headers.words
  }
}

extension HeaderFields {
  fileprivate var words: [String] {
    ["\(bytes)"]
      + fields.map { "\($0.name) \($0.value) \($0.line) \(connectionNominates($0))" }
  }
}

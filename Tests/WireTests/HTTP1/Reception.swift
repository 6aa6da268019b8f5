// Receives heads as a connection would, for the tests of all that reads heads.

internal import TestSupport
internal import Testing
internal import Wire

/// What became of the bytes of one connection, as far as heads go.
struct Reception: Equatable {
  var heads: [[UInt8]] = []
  var refusal: HTTP1Error?
  /// Whether bytes of another head were left unfinished.
  var leftover = false

  /// Feeds `text` in every way of cutting it. Nil, and then the test fails, if any two differ.
  static func everyWay(
    _ text: String, limitBytes: Int = 8192, allowsLeadingBlankLine: Bool = true
  ) -> Reception? {
    let collector = HeadCollector(
      limitBytes: limitBytes, allowsLeadingBlankLine: allowsLeadingBlankLine)
    let feed = Feed(
      Array(text.utf8), start: { State(collector: collector) },
      feed: { $0.take($1) }, result: { $0.reception })
    return feed.disagreements.isEmpty ? feed.whole : nil
  }

  private struct State {
    var collector: HeadCollector
    var reception = Reception()

    mutating func take(_ bytes: Span<UInt8>) {
      guard reception.refusal == nil else { return }
      var offset = 0
      do throws(HTTP1Error) {
        while offset < bytes.count {
          switch try collector.take(bytes.extracting(offset..<bytes.count)) {
          case .needMore: offset = bytes.count
          case .complete(let taken):
            offset += taken
            reception.heads.append(collector.removeHead())
          }
        }
        reception.leftover = !collector.isEmpty
      } catch {
        reception.refusal = error
        reception.leftover = false
      }
    }
  }
}

/// The rule that a request head breaks, whether its line endings show it or its parser; nil if none.
func refusal(ofRequest text: String) -> HTTP1Error? {
  refusal(of: text) { head throws(HTTP1Error) in _ = try RequestHead(parsing: head) }
}

/// The same for a response head.
func refusal(ofResponse text: String, answeringHEAD: Bool = false) -> HTTP1Error? {
  refusal(of: text) { head throws(HTTP1Error) in
    _ = try ResponseHead(parsing: head, answeringHEAD: answeringHEAD)
  }
}

private func refusal(
  of text: String, parse: ([UInt8]) throws(HTTP1Error) -> Void
) -> HTTP1Error? {
  guard let reception = Reception.everyWay(text) else { return nil }
  if let refusal = reception.refusal { return refusal }
  guard let head = reception.heads.first else { return nil }
  do throws(HTTP1Error) {
    try parse(head)
    return nil
  } catch {
    return error
  }
}

/// The rule by which `parse` refuses its input; nil if it accepts.
func thrown(by parse: () throws(HTTP1Error) -> Void) -> HTTP1Error? {
  do throws(HTTP1Error) {
    try parse()
    return nil
  } catch {
    return error
  }
}

/// A message by section of the RFC, and the rule that it breaks.
struct Refused: Sendable, CustomTestStringConvertible {
  let name: String
  let text: String
  let rule: HTTP1Error

  init(_ name: String, _ text: String, _ rule: HTTP1Error) {
    (self.name, self.text, self.rule) = (name, text, rule)
  }

  /// The name alone: the text is full of control characters, which a terminal would obey.
  var testDescription: String { name }
}

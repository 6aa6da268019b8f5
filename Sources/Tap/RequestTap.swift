// Reads a request body for the two things that admission and labels need: the model asked for, and
// whether a stream was asked for.

internal import Wire

/// An incremental reader of a JSON request body's top-level `model` and `stream`.
///
/// It keeps no body: a few hundred bytes of state for a body of any size. An object that serves one
/// request after another, because requests that wait for their answers need it no more.
package final class RequestTap {
  /// Of a longer body no more is read; what was found by then holds.
  package static let limitBytes = 1 << 20

  /// The model asked for, cut at 256 bytes; nil until its member is complete.
  package var model: [UInt8]? { hasModel ? lastModel : nil }
  private var hasModel = false
  /// Whether a stream was asked for; nil until its member was seen.
  package private(set) var wantsStream: Bool?
  /// This request's, or that of the one before: the next one's is mostly the same, and to share it costs less
  /// than a copy.
  private var lastModel: [UInt8] = []
  private var scanner = JSONScanner(RequestTap.table)
  private var readBytes = 0
  /// The body is whole or is no JSON. Kept, because to ask the scanner copies it.
  private var hasEnded = false

  private static let table = JSONPathTable([
    Dialect.Path("model", .requestedModel).entry, Dialect.Path("stream", .requestedStream).entry,
  ])

  package init() {}

  /// Ready for another body.
  package func reset() {
    hasModel = false
    wantsStream = nil
    scanner.reset()
    readBytes = 0
    hasEnded = false
  }

  /// Nothing more can be found: both are known, the body is whole or is no JSON, or it is too long.
  package var isFinished: Bool {
    hasEnded || readBytes >= Self.limitBytes || (hasModel && wantsStream != nil)
  }

  /// Takes the next bytes of the body. The first of several members of one name counts.
  package func observe(_ bytes: Span<UInt8>) {
    guard !isFinished else { return }
    let piece = bytes.extracting(0..<min(bytes.count, Self.limitBytes - readBytes))
    readBytes += piece.count
    var position = 0
    while let match = scanner.next(piece, from: &position) {
      switch (Field(rawValue: match.field), match.kind) {
      case (.requestedModel, .string):
        if !hasModel { takeModel() }
      case (.requestedStream, .true): wantsStream = wantsStream ?? true
      case (.requestedStream, .false): wantsStream = wantsStream ?? false
      default: break
      }
    }
    hasEnded = scanner.isComplete || scanner.isFailed
  }

  private func takeModel() {
    if !lastModel.equals(scanner.captured.span) {
      lastModel = [UInt8](copying: scanner.captured.span)
    }
    hasModel = true
  }

  /// The model that a request path names, as Gemini's, Azure's and Bedrock's do; nil if it names
  /// none. The bytes are the path's own: percent-encoding stays.
  package static func model(inPath path: [UInt8]) -> [UInt8]? {
    let slash = UInt8(ascii: "/")
    var before: Segment?
    var start = 0
    while start < path.count, !Self.endsPath(path[start]) {
      let next = path[start...].firstIndex { $0 == slash || Self.endsPath($0) } ?? path.count
      defer { start = next < path.count && path[next] == slash ? next + 1 : next }
      // Slashes that follow one another divide nothing.
      guard next > start else { continue }
      let segment = start..<next
      switch before {
      case .models:
        let colon = path[segment].lastIndex(of: UInt8(ascii: ":"))
        if let colon { return Array(path[start..<colon]) }
      case .deployments: return Array(path[segment])
      case .model:
        let rest = path[next...].prefix { !Self.endsPath($0) }
        if rest.contains(where: { $0 != slash }) { return Array(path[segment]) }
      case nil: break
      }
      before = Segment(path.span.extracting(segment))
    }
    return nil
  }

  private static func endsPath(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
  }

  /// A segment of a path after which a model may stand.
  private enum Segment {
    case models
    case deployments
    case model

    init?(_ name: Span<UInt8>) {
      switch name.count {
      case 5 where name.holds("model", at: 0): self = .model
      case 6 where name.holds("models", at: 0): self = .models
      case 11 where name.holds("deployments", at: 0): self = .deployments
      default: return nil
      }
    }
  }
}

// Reads a request body for the two things that admission and labels need: the model asked for, and
// whether a stream was asked for.

internal import Wire

/// An incremental reader of a JSON request body's top-level `model` and `stream`.
///
/// It keeps no body: a few hundred bytes of state for a body of any size.
package struct RequestTap: ~Copyable {
  /// Of a longer body no more is read; what was found by then holds.
  package static let limitBytes = 1 << 20

  /// The model asked for, cut at 256 bytes; nil until its member is complete.
  package private(set) var model: [UInt8]?
  /// Whether a stream was asked for; nil until its member was seen.
  package private(set) var wantsStream: Bool?
  private var scanner = JSONScanner(RequestTap.table)
  private var readBytes = 0

  private static let table = JSONPathTable([
    Dialect.Path("model", .requestedModel).entry, Dialect.Path("stream", .requestedStream).entry,
  ])

  package init() {}

  /// Nothing more can be found: both are known, the body is whole or is no JSON, or it is too long.
  package var isFinished: Bool {
    (model != nil && wantsStream != nil) || scanner.isComplete || scanner.isFailed
      || readBytes >= Self.limitBytes
  }

  /// Takes the next bytes of the body. The first of several members of one name counts.
  package mutating func observe(_ bytes: Span<UInt8>) {
    guard !isFinished else { return }
    let piece = bytes.extracting(0..<min(bytes.count, Self.limitBytes - readBytes))
    readBytes += piece.count
    var position = 0
    while let match = scanner.next(piece, from: &position) {
      switch (Field(rawValue: match.field), match.kind) {
      case (.requestedModel, .string): model = model ?? scanner.captured
      case (.requestedStream, .true): wantsStream = wantsStream ?? true
      case (.requestedStream, .false): wantsStream = wantsStream ?? false
      default: break
      }
    }
  }

  /// The model that a request path names, as Gemini's, Azure's and Bedrock's do; nil if it names
  /// none. The bytes are the path's own: percent-encoding stays.
  package static func model(inPath path: [UInt8]) -> [UInt8]? {
    let segments = path.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
      .split(separator: UInt8(ascii: "/"))
    for (index, segment) in segments.enumerated().dropLast() {
      let next = segments[index + 1]
      if segment.elementsEqual("models".bytes), let colon = next.lastIndex(of: UInt8(ascii: ":")) {
        return Array(next[..<colon])
      }
      let isAzure = segment.elementsEqual("deployments".bytes)
      let isBedrock = segment.elementsEqual("model".bytes) && segments.count > index + 2
      if isAzure || isBedrock { return Array(next) }
    }
    return nil
  }
}

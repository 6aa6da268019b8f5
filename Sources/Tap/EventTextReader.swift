// The text that a person would see of an event, for readers who want it without the provider's
// format around it. Works on events that are whole, and only where a reader asked for that.

internal import Wire

/// Reads one event after another of a stream of any dialect.
package final class EventTextReader {
  /// nil until the stream has shown it; until then events are read with the paths of all.
  private var dialect: Dialect?
  private var scanner = JSONScanner(
    EventTextReader.table(Dialect.plain.streamPaths),
    longCaptureLimitBytes: EventTextReader.longestText)
  private var text: [UInt8] = []
  private var partStart = 0
  private var isHiddenPart = false
  private var delta: [UInt8] = []
  private var rule: EventRule?
  private var type: [UInt8] = []
  private var signature = Int.max
  /// A model's own event inside Bedrock's, as Base64; and who reads those.
  private var wrapped: [UInt8] = []
  private var model: EventTextReader?
  /// A completion looks like a chat's event, but for where its text stands; only a request's path,
  /// which is not known here, would tell the two apart. So both are tried until one has text.
  private var completions: EventTextReader?
  private var isChatForSure = false

  package init() {}

  private init(_ dialect: Dialect) {
    self.dialect = dialect
    scanner = JSONScanner(
      Self.table(dialect.streamPaths), longCaptureLimitBytes: Self.longestText)
  }

  /// Reads the payloads of AWS event streams, all of which are Bedrock's.
  package static func ofEventStreams() -> EventTextReader { EventTextReader(.bedrock) }

  /// A text is cut here; the next event's begins anew.
  private static let longestText = 1 << 20

  /// The visible text of an event: reasoning, tool calls and repeats are none. Data that is no JSON
  /// is text itself, but for a `[DONE]`.
  ///
  /// - Parameters:
  ///   - data: the event's data, without the framing.
  ///   - name: its name in the framing; empty for none.
  package func text(of data: [UInt8], named name: [UInt8]) -> [UInt8] {
    guard let first = data.first(where: { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 })
    else { return [] }
    guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else {
      return data == Array("[DONE]".utf8) ? [] : data
    }
    guard read(data) else { return data == Array("[DONE]".utf8) ? [] : data }
    if !wrapped.isEmpty { return textOfModel() }
    // `message` is the name of what has none.
    let label = type.isEmpty && name != Array("message".utf8) ? name : type
    if dialect == nil, recognise(label) { _ = read(data) }
    rule = (dialect ?? .plain).rule(named: label.span).map { (dialect ?? .plain).rules[$0] }
    let found = visible
    guard dialect === Dialect.openAIChat, !isChatForSure else { return found }
    isChatForSure = !found.isEmpty
    return isChatForSure ? found : textOfCompletion(data)
  }

  private func textOfCompletion(_ data: [UInt8]) -> [UInt8] {
    let reader = completions ?? EventTextReader(.openAICompletions)
    completions = reader
    return reader.text(of: data, named: [])
  }

  private func textOfModel() -> [UInt8] {
    let reader = model ?? EventTextReader(.bedrockModel)
    model = reader
    let text = wrapped
    var (decoder, event): (Base64Decoder, [UInt8]) = (Base64Decoder(), [])
    do throws(Base64Decoder.Failure) {
      try decoder.decode(text.span, into: &event)
      try decoder.finish(into: &event)
    } catch {
      return []
    }
    return reader.text(of: event, named: [])
  }

  /// Returns whether it is JSON.
  private func read(_ data: [UInt8]) -> Bool {
    forget()
    var position = 0
    while let match = scanner.next(data.span, from: &position) {
      take(match, match.isCaptured ? scanner.captured : [])
    }
    return !scanner.isFailed
  }

  /// As `StreamTap` does: by the event's type, else by what stands in it. Returns whether the event
  /// has to be read again, as one of that dialect.
  private func recognise(_ label: [UInt8]) -> Bool {
    let found =
      Self.known.first { dialect in
        dialect.rule(named: label.span).map { !dialect.rules[$0].traits.contains(.error) } ?? false
      } ?? (signature < DialectCatalogue.sniffed.count ? DialectCatalogue.sniffed[signature] : nil)
    guard let found else { return false }
    dialect = found
    scanner = JSONScanner(
      Self.table(found.streamPaths), longCaptureLimitBytes: Self.longestText)
    return true
  }

  /// Those that tell themselves from others by their events' types.
  private static let known = DialectCatalogue.sniffed + [.openAITranscription]

  private func forget() {
    scanner.reset()
    text.removeAll(keepingCapacity: true)
    delta.removeAll(keepingCapacity: true)
    wrapped.removeAll(keepingCapacity: true)
    type = []
    signature = .max
    isHiddenPart = false
  }

  private func take(_ match: JSONMatch, _ captured: [UInt8]) {
    if match.field >= Field.firstSignature {
      signature = min(signature, Int(match.field - Field.firstSignature))
    }
    switch (Field(rawValue: match.field), match.kind) {
    case (.text, .string): text += captured
    case (.delta, .string): delta += captured
    case (.wrappedBytes, .string): wrapped += captured
    case (.eventType, .string): type = [UInt8](copying: captured.span)
    case (.part, .objectBegan):
      partStart = text.count
      isHiddenPart = false
    case (.isThought, .true), (.isSpecial, .true): isHiddenPart = true
    case (.part, .objectEnded):
      if isHiddenPart { text.removeLast(text.count - partStart) }
      isHiddenPart = false
    default: break
    }
  }

  private var visible: [UInt8] {
    // An event whose JSON has a type that nobody knows may repeat what others brought.
    guard let rule else { return type.isEmpty || dialect?.rules.isEmpty == true ? text : [] }
    if rule.traits.contains(.noContent) { return [] }
    if case .text = rule.delta { return text + delta }
    return text
  }

  /// The paths on which it depends what is text.
  private static func table(_ paths: [Dialect.Path]) -> JSONPathTable {
    let wanted: Set<UInt8> = Set(
      [Field.text, .delta, .wrappedBytes, .eventType, .part, .isThought, .isSpecial]
        .map(\.rawValue))
    let long: Set<UInt8> = Set([Field.text, .delta, .wrappedBytes].map(\.rawValue))
    return JSONPathTable(
      paths.filter { wanted.contains($0.field) || $0.field >= Field.firstSignature }.map { path in
        JSONPathTable.Entry(
          path.path, field: path.field,
          options: long.contains(path.field) ? [.captured, .long] : path.options)
      })
  }
}

// The streams among the recordings of the corpus, for tests that play them through a relay.

internal import Hub
internal import TestSupport
internal import Testing

struct RecordedStream: CustomTestStringConvertible, Sendable {
  let file: String
  let path: String
  let contentType: String
  let framing: EventFraming
  let bytes: Int
  /// Characters, in the sense of Unicode scalars, that a person would see.
  let textChars: Int

  var testDescription: String { file }
  private var folder: Substring { file.prefix { $0 != "/" } }

  /// Empty where there is no corpus.
  static let all = Corpus.entries.compactMap(RecordedStream.init)

  /// One of each folder and framing.
  static let sample: [RecordedStream] = {
    let groups = Dictionary(grouping: all.filter { $0.bytes > 800 }) {
      "\($0.folder) \($0.framing)"
    }
    return groups.values.compactMap { $0.min { $0.bytes < $1.bytes } }.sorted { $0.file < $1.file }
  }()

  private init?(_ entry: [String: Any]) {
    guard let file = entry["file"] as? String, let path = entry["request_path"] as? String,
      let type = entry["content_type"] as? String, let bytes = entry["bytes"] as? Int,
      let expected = entry["expected"] as? [String: Any],
      let textChars = expected["text_chars"] as? Int,
      entry["streaming"] as? Bool == true, entry["http_status"] as? Int == 200,
      let framing = EventFraming(
        contentType: Array(type.utf8), isGrowingArray: path.contains(":streamGenerateContent"),
        isEncoded: false)
    else { return nil }
    // Some paths of the corpus say behind a # what a client would not send.
    (self.file, self.path, contentType) = (file, String(path.prefix { $0 != "#" }), type)
    (self.framing, self.bytes, self.textChars) = (framing, bytes, textChars)
  }
}

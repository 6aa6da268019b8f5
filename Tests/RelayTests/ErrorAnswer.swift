// An answer of weir's own, taken apart.

internal import Foundation

struct ErrorAnswer {
  var statusLine: String
  /// Lowercased names.
  var fields: [String: String] = [:]
  var body: String
  /// Nil unless the body is one JSON object.
  var json: [String: Any]?

  /// nil unless `text` is one whole answer with a body of the length that it states.
  init?(_ text: String, answeringHEAD: Bool = false) {
    guard let split = text.range(of: "\r\n\r\n") else { return nil }
    let lines = text[..<split.lowerBound].components(separatedBy: "\r\n")
    statusLine = lines[0]
    body = String(text[split.upperBound...])
    for line in lines.dropFirst() {
      guard let colon = line.range(of: ": ") else { return nil }
      let name = line[..<colon.lowerBound].lowercased()
      guard fields.updateValue(String(line[colon.upperBound...]), forKey: name) == nil else {
        return nil
      }
    }
    guard let length = fields["content-length"].flatMap({ Int($0) }),
      answeringHEAD ? body.isEmpty && length > 0 : length == body.utf8.count
    else { return nil }
    json = try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]
  }

  var type: String? { fields["x-weir-error"] }
  var closes: Bool { fields["connection"] == "close" }

  /// Reads along the keys; nil where one is missing.
  func text(_ keys: String...) -> String? {
    var value: Any? = json
    for key in keys { value = (value as? [String: Any])?[key] }
    return value as? String
  }
}

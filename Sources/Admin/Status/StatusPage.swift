// The status page: one file with its style and its script, which asks nobody but this weir.

internal import Wire

struct StatusPage {
  /// Streams in the page itself; its script asks for the others.
  static let firstRows = 40

  private let beforeState: [UInt8]
  private let afterState: [UInt8]
  /// Names the style and the script by their hashes, so that nothing that got into the page by way
  /// of a name could ever run, and lets it speak with this weir alone.
  private let policy: String

  init() { self.init(PackageResources.status_html) }

  /// - Parameter file: holds `{}` once in an element of its own, where the first state goes.
  init(_ file: [UInt8]) {
    guard let place = file.range(between: Self.beforeMark, and: Self.afterMark),
      let style = file.range(between: "<style>", and: "</style>"),
      let script = file.range(between: "<script>", and: "</script>")
    else { preconditionFailure("the status page lacks its style, its script or its first state") }
    beforeState = Array(file[..<place.lowerBound])
    afterState = Array(file[place.upperBound...])
    policy = [
      "default-src 'none'", "style-src '\(Self.hash(of: file[style]))'",
      "script-src '\(Self.hash(of: file[script]))'", "connect-src 'self'", "img-src data:",
      "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    ].joined(separator: "; ")
  }

  private static let beforeMark = #"<script type="application/json" id="first">"#
  private static let afterMark = "</script>"

  func reply(with state: [UInt8]) -> AdminReply {
    var reply = AdminReply(
      contentType: "text/html; charset=utf-8",
      body: beforeState + Self.inHTML(state) + afterState)
    reply.contentSecurityPolicy = policy
    return reply
  }

  /// JSON that ends no script element, whatever stands in its strings (HTML §4.12.1.3).
  private static func inHTML(_ json: [UInt8]) -> [UInt8] {
    let escaped = Array(#"\u003c"#.utf8)
    return json.reduce(into: []) { text, byte in
      if byte == UInt8(ascii: "<") { text += escaped } else { text.append(byte) }
    }
  }

  /// As CSP writes it: `sha256-…`.
  private static func hash(of text: ArraySlice<UInt8>) -> String {
    let digest = SHA256.digest(of: Array(text).span)
    return "sha256-" + String(decoding: Base64Encoder.encode(digest.span), as: UTF8.self)
  }
}

extension [UInt8] {
  /// What stands between the first `start` and the next `end` behind it.
  fileprivate func range(between start: String, and end: String) -> Range<Int>? {
    guard let from = place(of: start, from: 0).map({ $0 + start.utf8.count }),
      let to = place(of: end, from: from)
    else { return nil }
    return from..<to
  }

  private func place(of text: String, from start: Int) -> Int? {
    let pattern = Array(text.utf8)
    guard start + pattern.count <= count else { return nil }
    return (start...count - pattern.count).first { self[$0..<$0 + pattern.count] == pattern[...] }
  }
}

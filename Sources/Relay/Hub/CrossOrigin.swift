// Which pages of other origins may use the hub, as browsers ask it: the CORS protocol of the
// WHATWG Fetch standard. Nobody may until the settings say so.

internal import Wire

package struct CrossOriginRules: Sendable {
  /// Origins as browsers write them, `https://app.example`.
  package var origins: [[UInt8]] = []
  /// Pages of any origin may, but without cookies.
  package var allowsAny = false

  package init() {}

  package var isEmpty: Bool { origins.isEmpty && !allowsAny }

  /// Whether the page that sends this request may read the answer; nil if it may not, or if it is
  /// no page of another origin.
  func allowance(for head: RequestHead) -> CrossOriginAllowance? {
    guard !isEmpty, let range = head.headers.first("origin") else { return nil }
    let origin = Array(head.headers.bytes[range])
    if origins.contains(origin) { return .origin(origin) }
    return allowsAny ? .any : nil
  }
}

enum CrossOriginAllowance {
  case any
  case origin([UInt8])
}

extension HeadWriter {
  /// What lets a page read an answer.
  mutating func fields(_ allowance: CrossOriginAllowance) {
    switch allowance {
    case .any: field("Access-Control-Allow-Origin", "*")
    case .origin(let origin):
      field("Access-Control-Allow-Origin", origin)
      field("Access-Control-Allow-Credentials", "true")
      field("Vary", "Origin")
    }
    field("Access-Control-Expose-Headers", "x-weir-stream, x-weir-error, retry-after")
  }

  /// What lets a page send the request that it asks about.
  mutating func preflightFields(_ allowance: CrossOriginAllowance, for head: RequestHead) {
    fields(allowance)
    let method = head.headers.first("access-control-request-method")
    field("Access-Control-Allow-Methods", method.map { Array(head.headers.bytes[$0]) } ?? [])
    if let names = head.headers.first("access-control-request-headers") {
      field("Access-Control-Allow-Headers", Array(head.headers.bytes[names]))
    }
    field("Access-Control-Max-Age", 600)
  }
}

extension RequestHead {
  /// A browser's question whether a page may send a request.
  var isPreflight: Bool {
    isMethod("OPTIONS") && headers.first("origin") != nil
      && headers.first("access-control-request-method") != nil
  }
}

// Which of the two page formats a scraper gets.

/// The formats of the metrics page.
package enum ExpositionFormat: Equatable, Sendable {
  /// Prometheus text 0.0.4.
  case text
  /// OpenMetrics 1.0.
  case openMetrics

  package var contentType: StaticString {
    switch self {
    case .text: "text/plain; version=0.0.4; charset=utf-8"
    case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
    }
  }

  /// What an `Accept` field asks for (RFC 9110 §12.5.1): OpenMetrics where it is named, in version
  /// 1 or in none, with at least the weight of plain text; the text format in every other case.
  package init(accept: String?) {
    var (openMetrics, text) = (0.0, 0.0)
    for range in (accept ?? "").split(separator: ",") {
      let parts = range.split(separator: ";").map { $0.lowercased().filter { $0 != " " } }
      guard let type = parts.first else { continue }
      let weight = parts.first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
      switch type {
      case "application/openmetrics-text":
        let version = parts.first { $0.hasPrefix("version=") }?.dropFirst("version=".count)
        if version == nil || version == "1.0.0" { openMetrics = max(openMetrics, weight) }
      case "text/plain": text = max(text, weight)
      default: break
      }
    }
    self = openMetrics > 0 && openMetrics >= text ? .openMetrics : .text
  }

  /// Whether an `Accept-Encoding` field takes gzip (RFC 9110 §12.5.3).
  package static func takesGzip(acceptEncoding: String?) -> Bool {
    var weights: [String: Double] = [:]
    for range in (acceptEncoding ?? "").split(separator: ",") {
      let parts = range.split(separator: ";").map { $0.lowercased().filter { $0 != " " } }
      guard let coding = parts.first else { continue }
      weights[coding] = parts.first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
    }
    return (weights["gzip"] ?? weights["x-gzip"] ?? weights["*"] ?? 0) > 0
  }
}

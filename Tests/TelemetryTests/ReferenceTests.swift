// Goal: docs/metrics.md says what the catalogue says. Method: the checked-in page is compared with
// what the catalogue makes; with WEIR_REGENERATE=1 in the environment it is written instead, and
// the comparison after that is an empty promise, so a run without it must follow.

import Foundation
import Testing

@testable import Telemetry

@Suite struct ReferenceTests {
  @Test("docs/metrics.md is what the catalogue makes")
  func reference() throws {
    let page = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "docs/metrics.md")
    if ProcessInfo.processInfo.environment["WEIR_REGENERATE"] != nil {
      try Data(MetricsPage.text.utf8).write(to: page)
    }
    let found = try String(decoding: Data(contentsOf: page), as: UTF8.self)
    #expect(found == MetricsPage.text, "docs/metrics.md is out of date; run `make docs`")
  }

  /// The table of values names a label once, so two families may not mean different things by it
  /// without saying so.
  @Test("every closed label is explained, with all that it can be")
  func closedLabels() {
    let text = MetricsPage.closedLabels
    for family in Catalogue.families {
      for label in family.labels {
        for value in label.values { #expect(text.contains("`\(value)`"), "\(family.name)") }
      }
    }
  }
}

/// The page: words that the catalogue does not have, around the tables that it makes.
private enum MetricsPage {
  static let text = [
    opening, Catalogue.reference, "## Label values\n", closedLabels, "## Buckets\n", buckets,
  ].joined(separator: "\n")

  private static let opening = """
    # Metrics

    Made from the catalogue in `Sources/Telemetry` by `make docs`; edit the catalogue, not this page.

    `GET /metrics` on the admin port gives Prometheus text 0.0.4, or OpenMetrics 1.0 where `Accept` asks
    for it, then with exemplars on `weir_request_duration_seconds` and
    `weir_time_to_first_token_seconds` from requests whose `traceparent` says that they are sampled.

    - Every accepted request ends exactly once: at each scrape the sum of `weir_requests_accepted_total`
      is the sum of `weir_requests_total` plus `weir_requests_active`.
    - `route`, `upstream` and `limit` are names from the settings; a request without a route counts under
      `none`. `model` is what the answer says, else what was asked for, and is accepted once the provider
      has answered 2xx for it: at most 128 models, then `other`. `tenant` exists where a route names a
      `tenant_header`: at most 64 values, then `other`. At `max_series` further combinations of labels
      count under `other` too, and `weir_label_overflow_total` says how often that happened.
    - A (route, provider, operation, model) that is met for the first time begins with zeros for all that
      is likely to happen to it, so that `rate()` sees the first increment. No series disappears while
      the process lives.
    - Token counts are those that providers report. Nothing is estimated.
    - A family of which nothing is known yet, such as those of the hub, is not on the page.

    """

  static var closedLabels: String {
    var rows: [(name: String, values: [String], families: [String])] = []
    for family in Catalogue.families {
      for label in family.labels {
        let place = rows.firstIndex { $0.name == label.name && $0.values == label.values }
        if let place {
          rows[place].families.append(family.name)
        } else {
          rows.append((label.name, label.values, [family.name]))
        }
      }
    }
    return table(
      ["label", "values", "of"],
      rows.map { row in
        let families = row.families.map { "`\($0)`" }.joined(separator: ", ")
        return [row.name, row.values.map { "`\($0)`" }.joined(separator: " "), families]
      })
  }

  private static var buckets: String {
    table(
      ["histogram", "upper bounds"],
      Catalogue.families.compactMap { family in
        family.buckets.map { buckets in
          ["`\(family.name)`", buckets.bounds.map(number).joined(separator: " ")]
        }
      })
  }

  /// 0.00001 rather than 1e-05, and 5 rather than 5.0.
  private static func number(_ bound: Double) -> String {
    bound >= 1 && bound == bound.rounded()
      ? String(Int(bound)) : NSDecimalNumber(string: "\(bound)").stringValue
  }

  private static func table(_ head: [String], _ rows: [[String]]) -> String {
    ([head, head.map { _ in "---" }] + rows)
      .map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
  }
}

// The gauges of upstreams, from what all loops have heard: the newest reading of each holds, also
// after a reload has made the loops forget theirs, because a series never disappears.

import Relay
import Telemetry

struct UpstreamGauges {
  private var rateLimits: [[String]: RateLimitReading] = [:]
  private var endpoints: [[String]: EndpointReading] = [:]

  mutating func take(_ figures: [WorkerFigures]) {
    for reading in figures.flatMap(\.rateLimits) {
      let labels = [reading.upstream, reading.resource.rawValue]
      if let known = rateLimits[labels], known.at > reading.at { continue }
      rateLimits[labels] = reading
    }
    for reading in figures.flatMap(\.endpoints) {
      let labels = [reading.upstream, String(reading.index)]
      if let known = endpoints[labels], known.at > reading.at { continue }
      endpoints[labels] = reading
    }
  }

  var samples: [ScrapedSample] {
    let up = endpoints.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map {
      ScrapedSample(.upstreamUp, $0.key, .integer($0.value.isUp ? 1 : 0))
    }
    let left = rateLimits.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map {
      ScrapedSample(.upstreamRatelimitRemaining, $0.key, .integer($0.value.remaining))
    }
    return up + left
  }
}

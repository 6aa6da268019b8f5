// What is known of upstreams from the last that was heard of them: what their answers say is left of
// rate limits, and whether they could be connected to. Shown as gauges, never acted upon.

package import IO
internal import Wire

/// What a provider counts; the closed set of the label `resource`.
package enum RateLimitResource: String, CaseIterable, Sendable {
  case requests, tokens
  case inputTokens = "input_tokens"
  case outputTokens = "output_tokens"

  /// The field that says how much is left of it, in OpenAI's form and in Anthropic's.
  var fields: [StaticString] {
    switch self {
    case .requests: ["x-ratelimit-remaining-requests", "anthropic-ratelimit-requests-remaining"]
    case .tokens: ["x-ratelimit-remaining-tokens", "anthropic-ratelimit-tokens-remaining"]
    case .inputTokens: ["anthropic-ratelimit-input-tokens-remaining"]
    case .outputTokens: ["anthropic-ratelimit-output-tokens-remaining"]
    }
  }
}

/// One reading; the newest of all loops is the one that holds.
package struct RateLimitReading: Sendable {
  package var upstream: String
  package var resource: RateLimitResource
  package var remaining: Int64
  package var at: Instant
}

extension ResponseHead {
  /// What this answer says is left, by resource.
  var rateLimits: [(resource: RateLimitResource, remaining: Int64)] {
    // Most answers of most upstreams say nothing, and are not to pay for those that do.
    guard headers.fields.contains(where: { isRateLimit($0) }) else { return [] }
    return RateLimitResource.allCases.compactMap { resource in
      let value = resource.fields.lazy.compactMap { headers.first($0) }.first
      guard let value, let remaining = Int64(headers.string(value)), remaining >= 0 else {
        return nil
      }
      return (resource, remaining)
    }
  }

  private func isRateLimit(_ field: HeaderFields.Field) -> Bool {
    switch headers.bytes[field.name.lowerBound] | 0x20 {
    case UInt8(ascii: "x"): field.name.count >= 28 && headers.begins(field, "x-ratelimit-")
    case UInt8(ascii: "a"): field.name.count >= 36 && headers.begins(field, "anthropic-r")
    default: false
    }
  }
}

extension HeaderFields {
  fileprivate func begins(_ field: Field, _ lowercased: StaticString) -> Bool {
    let start = field.name.lowerBound..<field.name.lowerBound + lowercased.utf8CodeUnitCount
    return value(start, equalsIgnoringCase: lowercased)
  }
}

extension Exchange {
  func noteRateLimits(_ head: ResponseHead) {
    for (resource, remaining) in head.rateLimits {
      guard let upstream else { return }
      upstream.rateLimits[resource] = RateLimitReading(
        upstream: upstream.options.name, resource: resource, remaining: remaining, at: loop.now)
    }
  }
}

/// Whether requests should go to an endpoint: what the last try to connect to it and its health say; the newest of all loops is the one that holds.
package struct EndpointReading: Sendable {
  package var upstream: String
  /// Its place in the settings.
  package var index: Int
  package var isUp: Bool
  package var at: Instant
}

extension Relay {
  package var endpoints: [EndpointReading] {
    upstreams.flatMap { upstream in
      upstream.endpoints.map { endpoint in
        let health = endpoint.options.health
        return EndpointReading(
          upstream: upstream.options.name, index: endpoint.index,
          isUp: endpoint.isUp && health.isAvailable(at: loop.now),
          at: max(endpoint.lastTry, health.changed))
      }
    }
  }

  /// The newest reading of this loop for each upstream and resource.
  package var rateLimits: [RateLimitReading] { upstreams.flatMap { $0.rateLimits.values } }
}

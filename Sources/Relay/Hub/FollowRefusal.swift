// Why somebody does not get to read a stream, and in which words they are told.

package import Hub

/// Why a stream is not to be read.
package enum FollowRefusal: Error, Equatable, Sendable {
  case forbidden
  case gone(StreamAbsence)
  case full(SeatRefusal)
}

extension StreamAbsence {
  var message: String {
    switch self {
    case .unknown: "weir: there is no such stream"
    case .expired: "weir: the stream was kept for hub.retain after its end, and no longer"
    case .evicted: "weir: the stream's bytes had to make room; see hub.memory and hub.stream_memory"
    case .encoded: "weir: the stream is compressed, so that it can be resumed nowhere"
    }
  }
}

extension SeatRefusal {
  var message: String {
    switch self {
    case .streamFull: "this stream has as many readers as hub.stream_subscribers allows"
    case .hubFull: "there are as many readers as hub.subscribers allows"
    }
  }
}

extension StreamAbsence {
  var reason: StaticString {
    switch self {
    case .unknown: "unknown"
    case .expired: "expired"
    case .evicted: "evicted"
    case .encoded: "encoded"
    }
  }
}

extension SeatRefusal {
  var reason: StaticString {
    switch self {
    case .streamFull: "stream_full"
    case .hubFull: "hub_full"
    }
  }
}

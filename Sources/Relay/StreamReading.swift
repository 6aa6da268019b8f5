// One open exchange as a status page shows it: read off what the exchange and its tap know anyway,
// so that nothing is kept for it while bytes pass.

internal import Connections
internal import IO
internal import Tap
internal import Wire

/// What an open exchange is doing.
package enum StreamState: String, CaseIterable, Sendable {
  /// Reading the body for the model that a limit counts by.
  case reading
  /// Waiting for a permit.
  case queued
  /// Waiting to try again.
  case retrying
  case connecting
  /// The request goes up; no answer has come.
  case waiting
  case streaming
  /// One side is not read because the other takes nothing.
  case paused
  /// Upstream is done with; the client has not taken everything yet.
  case flushing
  case tunnel
}

/// An exchange that is under way. It has no place for a prompt, an answer, a key, a path or an
/// address. Times are nanoseconds.
package struct StreamReading: Sendable {
  /// Which request of its loop it is; `RequestIDs` makes the identifier of it that logs use.
  package var number: Int
  package var route: String
  package var upstream: String?
  package var provider: String
  package var operation: String
  /// As upstream names it, else as it was asked for; bytes from a peer.
  package var model: [UInt8]
  package var state: StreamState
  /// nil until an answer shows it.
  package var isStream: Bool?
  package var age: UInt64
  /// In the queue: so far, or before it was admitted.
  package var queued: UInt64?
  /// The limit that made it wait.
  package var limiter: String?
  /// From the first byte written upstream to the first generated output.
  package var firstToken: UInt64?
  /// Since the last content event.
  package var silence: UInt64?
  package var longestGap: UInt64 = 0
  package var events = 0
  package var contentEvents = 0
  package var bytesUp: UInt64
  package var bytesDown: UInt64
  /// For how long the present pause has gone on, and the side that takes nothing.
  package var paused: (side: PausedSide, nanoseconds: UInt64)?
  package var backpressureEvents: Int
  /// Held for the client while it is paused.
  package var bufferedBytes = 0

  package enum PausedSide: String, Sendable { case client, upstream }
}

extension Relay {
  /// Reads `count` of the open exchanges from place `start` on; returns where to go on, or nil at
  /// the end.
  ///
  /// Costs about 0.1 µs for each. Between two calls exchanges may end, and others take their
  /// places: one may be missed, none comes twice.
  package func readStreams(
    from start: Int, count: Int, into readings: inout [StreamReading]
  ) -> Int? {
    let end = min(start + count, openExchanges.count)
    guard start < end else { return nil }
    // The loop's own time is that of its last event, which may be long ago.
    let now = loop.readClock()
    for exchange in openExchanges[start..<end] { readings.append(exchange.reading(at: now)) }
    return end < openExchanges.count ? end : nil
  }
}

extension Relay {
  /// Adds up what `count` of the open exchanges from place `start` on hold for peers that do not
  /// take it, requests kept to be sent again among it; returns where to go on, or nil at the end.
  /// See `readStreams` for what happens in between.
  package func addHeldBytes(from start: Int, count: Int, to sum: inout Int) -> Int? {
    let end = min(start + count, openExchanges.count)
    guard start < end else { return nil }
    for exchange in openExchanges[start..<end] { sum += exchange.heldBytes }
    return end < openExchanges.count ? end : nil
  }
}

extension Exchange {
  fileprivate var heldBytes: Int {
    connection.queuedBytes + (client?.queuedBytes ?? 0) + requestBuffer.count
  }

  fileprivate func reading(at now: Instant) -> StreamReading {
    var reading = StreamReading(
      number: notes.number, route: route.route.name,
      upstream: upstream?.options.name,
      provider: (upstream?.provider ?? tap?.facts.provider ?? .other).rawValue,
      operation: (tap?.facts.operation ?? pathMeaning?.operation ?? .other).rawValue,
      model: [], state: state, age: now.nanoseconds(since: start), bytesUp: requestBodyBytes,
      bytesDown: responseBodyBytes, backpressureEvents: Int(pausesOfUpstream) + Int(pausesOfClient))
    reading.limiter = notes.limiter
    reading.queued = notes.queuedNanoseconds
    if case .queued = phase { reading.queued = clocks.queued.map { now.nanoseconds(since: $0) } }
    if let tap { add(tap, to: &reading, at: now) }
    if reading.model.isEmpty { reading.model = modelRequested ?? [] }
    if clocks.head != nil {
      reading.isStream = tap?.facts.isStream ?? false || answer.status == 101
    }
    addPause(to: &reading, at: now)
    return reading
  }

  /// Each fact by itself: the facts as a whole would be copied.
  private func add(_ tap: StreamTap, to reading: inout StreamReading, at now: Instant) {
    reading.model = tap.facts.model
    reading.events = tap.facts.events
    reading.contentEvents = tap.facts.contentEvents
    guard tap.facts.isStream || answer.status == 101 else { return }
    if let up = clocks.up, let first = tap.facts.firstToken {
      reading.firstToken = Instant(nanoseconds: first).nanoseconds(since: up)
    }
    if let last = tap.facts.lastContent {
      reading.silence = now.nanoseconds(since: Instant(nanoseconds: last))
    }
    reading.longestGap = tap.facts.maxGapNanoseconds
  }

  private func addPause(to reading: inout StreamReading, at now: Instant) {
    if let since = upstreamPaused {
      reading.paused = (.client, now.nanoseconds(since: since))
      reading.bufferedBytes = connection.queuedBytes
    } else if let since = clientPaused {
      reading.paused = (.upstream, now.nanoseconds(since: since))
      reading.bufferedBytes = heldForUpstream
    }
  }

  private var state: StreamState {
    switch phase {
    case .peeking: .reading
    case .queued: .queued
    case .backingOff: .retrying
    case .connecting: .connecting
    case .waiting: clientPaused == nil ? .waiting : .paused
    case .streaming: upstreamPaused == nil && clientPaused == nil ? .streaming : .paused
    case .flushing, .closingTunnel, .ended: .flushing
    case .tunnel: upstreamPaused == nil && clientPaused == nil ? .tunnel : .paused
    }
  }
}

// What a page of metrics tells beside what the loops have counted: figures that are read when somebody
// asks, of the process, its upstreams, limits, kept streams and certificates.

import Admin
import Hub
import IO
import Relay
import Telemetry

/// Confined to the control thread.
final class PageSamples {
  private let log: LogWriter
  private let admission: Admission
  private let streams: StreamDirectory
  private let process = ProcessFigures()
  private var upstreams = UpstreamGauges()
  private var lastDrift: [String: Int] = [:]
  private var certificates: [(name: String, expiry: UInt64)] = []
  private var keepsStreams = false

  init(log: LogWriter, admission: Admission, streams: StreamDirectory) {
    self.log = log
    self.admission = admission
    self.streams = streams
  }

  /// What new settings change about pages.
  func apply(_ settings: Settings, _ options: WorkerOptions) {
    keepsStreams = settings.routes.contains(where: \.hub.resume)
    certificates = options.listenerTLS.enumerated().compactMap { place, context in
      context?.certificateExpiry.map { ("listen[\(place)]", $0) }
    }
  }

  /// - Parameters:
  ///   - lent: what the loops had for this page, beside what they count.
  ///   - scrapeNanoseconds: what the page before took.
  func take(
    _ lent: LentFigures, isServing: Bool, scrapeNanoseconds: UInt64
  ) -> [ScrapedSample] {
    let relayed = lent.workers.reduce(0) { $0 + $1.bufferedBytes }
    var samples = [
      ScrapedSample(.bufferedBytes, ["relay"], .integer(Int64(relayed))),
      ScrapedSample(.bufferedBytes, ["log"], .integer(Int64(log.queue.waitingBytes))),
      ScrapedSample(.logLines, .integer(Int64(clamping: log.writtenCount))),
      ScrapedSample(.logLinesDropped, .integer(Int64(clamping: log.droppedCount))),
      ScrapedSample(.scrapeSeconds, .real(Double(scrapeNanoseconds) / 1e9)),
      ScrapedSample(.draining, .integer(isServing ? 0 : 1)),
      ScrapedSample(.buildInfo, [Version.number, Version.commit], .integer(1)),
    ]
    for certificate in certificates {
      let expiry = ScrapedSample.Value.integer(Int64(clamping: certificate.expiry))
      samples.append(ScrapedSample(.certificateExpiry, [certificate.name], expiry))
    }
    upstreams.take(lent.workers)
    return samples + hubSamples(lent) + upstreams.samples
      + lent.limits.flatMap { limitSamples($0, lent) }
      + process.samples
  }

  /// None until a route keeps streams: what is off shows no series.
  private func hubSamples(_ lent: LentFigures) -> [ScrapedSample] {
    let figures = streams.figures
    guard keepsStreams || figures != StreamFigures() else { return [] }
    let subscribers = lent.workers.reduce(0) { $0 + $1.subscriberBytes }
    return [
      ScrapedSample(.bufferedBytes, ["replay"], .integer(Int64(figures.bytes))),
      ScrapedSample(.bufferedBytes, ["subscriber"], .integer(Int64(subscribers))),
      ScrapedSample(.replayStreams, .integer(Int64(figures.streams))),
      ScrapedSample(
        .replayEvictions, [Label.EvictionReason.memory.rawValue],
        .integer(Int64(figures.evictedForMemory))),
      ScrapedSample(
        .replayEvictions, [Label.EvictionReason.age.rawValue],
        .integer(Int64(figures.evictedForAge))),
    ]
  }

  private func limitSamples(_ limit: LimitState, _ lent: LentFigures) -> [ScrapedSample] {
    // While it moves, the last sight of it standing still is what is known.
    if let drift = lent.drift(of: limit) { lastDrift[limit.name] = drift }
    let figures: [(MetricID, Int)] = [
      (.limitStreams, limit.maxStreams), (.limitInUse, limit.inUse),
      (.limitQueued, limit.queued), (.limitKeys, limit.keys),
      (.limitKeyInUseMax, limit.fullestKeyInUse), (.limitDrift, lastDrift[limit.name] ?? 0),
    ]
    return figures.map { ScrapedSample($0.0, [limit.name], .integer(Int64($0.1))) }
  }
}

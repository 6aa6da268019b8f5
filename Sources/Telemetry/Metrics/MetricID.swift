// The names by which code speaks of metric families; the catalogue has a row for each.

/// A metric family, in the order of the page.
package enum MetricID: Int, CaseIterable, Sendable {
  case requestsAccepted, requests, errors, requestsActive, streamsActive, streamsPeak
  case requestDuration, timeToFirstToken, timeToFirstVisibleToken, clientTimeToFirstToken
  case timeToFirstChunk, upstreamResponseHeader
  case interToken, timePerOutputToken, burstEvents, streamMaxGap, streamStalls
  case outputTokensPerSecond
  case events, eventSize
  case relayBytes, relayDelay
  case tokens, requestTokens, usageReports, cost, finishReasons
  case backpressureEvents, backpressureSeconds, backpressuredStreams, bufferedBytes
  case limitStreams, limitInUse, limitQueued, limitKeys, limitKeyInUseMax
  case limitWait, limitDecisions, limitDrift
  case upstreamConnections, upstreamConnect, upstreamRetries, upstreamUp
  case upstreamRatelimitRemaining
  case downstreamConnections, downstreamConnectionsTotal
  case replayStreams, replayResumes, replayEvictions, subscribers, subscriberLagEvents
  case websocketSessions, websocketSessionsPeak, websocketSessionsTotal, websocketMessages
  case websocketBytes, websocketRTT
  case observerErrors, logLines, logLinesDropped
  case metricsSeries, labelOverflow, scrapeSeconds, loopLag
  case configReloads, draining, buildInfo, certificateExpiry
  case processCPU, processResidentMemory, processOpenFDs, processMaxFDs, processStartTime
  case processThreads
}

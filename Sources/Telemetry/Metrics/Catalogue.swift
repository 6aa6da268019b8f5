// Every metric family that weir has, in one table: the page, the layout of the shards and the
// reference are made from it.

/// The table of metric families.
package enum Catalogue {
  /// One row for each `MetricID`, in its order.
  package static let families: [MetricFamily] =
    requestFamilies + latencyFamilies + contentFamilies + flowFamilies + limitFamilies
    + connectionFamilies + hubFamilies + selfFamilies + processFamilies

  static func family(_ id: MetricID) -> MetricFamily { families[id.rawValue] }

  /// The reference: one Markdown table row for each family.
  package static var reference: String {
    var lines = ["| name | type | labels | meaning |", "| --- | --- | --- | --- |"]
    for family in families {
      let labels = family.labelNames.joined(separator: ", ")
      lines.append("| `\(family.name)` | \(family.kind.rawValue) | \(labels) | \(family.help) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static let seconds = 9

  private static let requestFamilies: [MetricFamily] = [
    MetricFamily(
      .requestsAccepted, "weir_requests_accepted_total", .counter, .route,
      "Request heads read."),
    MetricFamily(
      .requests, "weir_requests_total", .counter, .tenant,
      labels: [
        .stream, ClosedLabel("code", Label.Code.self), ClosedLabel("outcome", Label.Outcome.self),
      ],
      zeros: .some { LikelySeries.request(code: $0[1], outcome: $0[2]) },
      "Exchanges ended, each exactly once."),
    MetricFamily(
      .errors, "weir_errors_total", .counter, .tenant,
      labels: [
        ClosedLabel("origin", Label.Origin.self), ClosedLabel("error_type", Label.ErrorType.self),
      ],
      zeros: .some { LikelySeries.error(origin: $0[0], type: $0[1]) },
      "Failures by the side at fault, those inside a 200 stream included."),
    MetricFamily(
      .requestsActive, "weir_requests_active", .gauge, .route, "Requests open now."),
    MetricFamily(.streamsActive, "weir_streams_active", .gauge, .route, "Streams open now."),
    MetricFamily(
      .streamsPeak, "weir_streams_peak", .gauge, scrape: ["route"],
      "Most streams open at once since the start."),
  ]

  private static let latencyFamilies: [MetricFamily] = [
    MetricFamily(
      .requestDuration, "weir_request_duration_seconds", .histogram, .exchange, labels: [.stream],
      buckets: .duration, decimals: seconds, hasExemplars: true,
      "From the request's first byte to the last byte accepted by the client."),
    MetricFamily(
      .timeToFirstToken, "weir_time_to_first_token_seconds", .histogram, .tenant, buckets: .ttft,
      decimals: seconds, hasExemplars: true,
      "The provider's time to first token: from the first byte written upstream to the first event "
        + "with generated output of any kind."),
    MetricFamily(
      .timeToFirstVisibleToken, "weir_time_to_first_visible_token_seconds", .histogram, .exchange,
      buckets: .ttft, decimals: seconds,
      "From the first byte written upstream to the first text or tool call."),
    MetricFamily(
      .clientTimeToFirstToken, "weir_client_time_to_first_token_seconds", .histogram, .exchange,
      buckets: .ttft, decimals: seconds,
      "What the client felt: from the request's first byte until the client's socket accepted the "
        + "first token, queue included."),
    MetricFamily(
      .timeToFirstChunk, "weir_time_to_first_chunk_seconds", .histogram, .exchange,
      buckets: .ttft, decimals: seconds,
      "From the first byte written upstream to the first event that is no comment and no ping."),
    MetricFamily(
      .upstreamResponseHeader, "weir_upstream_response_header_seconds", .histogram, .exchange,
      buckets: .ttft, decimals: seconds,
      "From the first byte written upstream to the response head."),
    MetricFamily(
      .interToken, "weir_inter_token_seconds", .histogram, .exchange, buckets: .gap,
      decimals: seconds, "Gaps between content events."),
    MetricFamily(
      .timePerOutputToken, "weir_time_per_output_token_seconds", .histogram, .exchange,
      buckets: .gap, decimals: seconds,
      "Time from the first to the last content event, per further output token reported."),
    MetricFamily(
      .burstEvents, "weir_burst_events_total", .counter, .route,
      "Content events beyond the first of one read."),
    MetricFamily(
      .streamMaxGap, "weir_stream_max_gap_seconds", .histogram, .route, buckets: .gap,
      decimals: seconds,
      "Longest gap of each stream; time blocked on the client is not counted."),
    MetricFamily(
      .streamStalls, "weir_stream_stalls_total", .counter, .exchange,
      labels: [ClosedLabel("threshold", Label.StallThreshold.self)], "Gaps over the threshold."),
    MetricFamily(
      .outputTokensPerSecond, "weir_output_tokens_per_second", .histogram, .exchange,
      buckets: .speed, decimals: 3, "Reported output tokens per second after the first."),
  ]

  private static let contentFamilies: [MetricFamily] = [
    MetricFamily(
      .events, "weir_events_total", .counter, .exchange,
      labels: [ClosedLabel("kind", Label.EventKind.self)], "Stream events seen."),
    MetricFamily(
      .eventSize, "weir_event_size_bytes", .histogram, .route, buckets: .bytes,
      "Size of stream events."),
    MetricFamily(
      .relayBytes, "weir_relay_bytes_total", .counter, .route,
      labels: [ClosedLabel("direction", Label.Direction.self)], "Body bytes relayed."),
    MetricFamily(
      .relayDelay, "weir_relay_delay_seconds", .histogram, .process,
      labels: [ClosedLabel("direction", Label.Direction.self)], buckets: .relay, decimals: seconds,
      "weir's own cost: from bytes read at one side to their acceptance by the other."),
    MetricFamily(
      .tokens, "weir_tokens_total", .counter, .tenant,
      labels: [
        ClosedLabel("direction", Label.TokenDirection.self),
        ClosedLabel("kind", Label.TokenKind.self),
      ],
      zeros: .some { LikelySeries.token(direction: $0[0], kind: $0[1]) },
      "Reported tokens; the kinds partition the direction."),
    MetricFamily(
      .requestTokens, "weir_request_tokens", .histogram, .exchange,
      labels: [ClosedLabel("direction", Label.TokenDirection.self)], buckets: .tokens,
      "Reported tokens of each request."),
    MetricFamily(
      .usageReports, "weir_usage_reports_total", .counter, .exchange,
      labels: [ClosedLabel("source", Label.UsageSource.self)], "Where usage came from."),
    MetricFamily(
      .cost, "weir_cost_usd_total", .counter, .tenant, decimals: 12, zeros: .none,
      "Cost in US dollars, where the settings give prices."),
    MetricFamily(
      .finishReasons, "weir_finish_reasons_total", .counter, .exchange,
      labels: [ClosedLabel("reason", Label.FinishReason.self)], "Why generation ended."),
  ]

  private static let flowFamilies: [MetricFamily] = [
    MetricFamily(
      .backpressureEvents, "weir_backpressure_events_total", .counter, .route,
      labels: [ClosedLabel("side", Label.Side.self)],
      "Times a peer's socket refused bytes and reading from the other side was paused."),
    MetricFamily(
      .backpressureSeconds, "weir_backpressure_seconds_total", .counter, .route,
      labels: [ClosedLabel("side", Label.Side.self)], decimals: seconds, "Time spent paused."),
    MetricFamily(
      .backpressuredStreams, "weir_backpressured_streams", .gauge, .route,
      labels: [ClosedLabel("side", Label.Side.self)], "Streams paused now."),
    MetricFamily(
      .bufferedBytes, "weir_buffered_bytes", .gauge, scrape: ["buffer"], "Bytes held now."),
  ]

  private static let limitFamilies: [MetricFamily] = [
    MetricFamily(
      .limitStreams, "weir_limit_streams", .gauge, scrape: ["limit"], "The limit of one key."),
    MetricFamily(
      .limitInUse, "weir_limit_in_use", .gauge, scrape: ["limit"],
      "Permits in use, summed over keys."),
    MetricFamily(
      .limitQueued, "weir_limit_queued", .gauge, scrape: ["limit"],
      "Requests waiting, summed over keys."),
    MetricFamily(.limitKeys, "weir_limit_keys", .gauge, scrape: ["limit"], "Keys held."),
    MetricFamily(
      .limitKeyInUseMax, "weir_limit_key_in_use_max", .gauge, scrape: ["limit"],
      "Permits in use of the fullest key."),
    MetricFamily(
      .limitWait, "weir_limit_wait_seconds", .histogram, .limit,
      labels: [ClosedLabel("decision", Label.Decision.self)], buckets: .wait, decimals: seconds,
      "From entering admission to its decision."),
    MetricFamily(
      .limitDecisions, "weir_limit_decisions_total", .counter, .limit,
      labels: [ClosedLabel("decision", Label.Decision.self)],
      "What admission decided; client_gone: the client left the queue, or sent a body that is refused."
    ),
    MetricFamily(
      .limitDrift, "weir_limit_drift", .gauge, scrape: ["limit"],
      "Permits in use minus streams that hold one: always 0."),
  ]

  private static let connectionFamilies: [MetricFamily] = [
    MetricFamily(
      .upstreamConnections, "weir_upstream_connections", .gauge, .upstream,
      labels: [ClosedLabel("state", Label.ConnectionState.self)], "Connections to the upstream."),
    MetricFamily(
      .upstreamConnect, "weir_upstream_connect_seconds", .histogram, .upstream,
      labels: [ClosedLabel("phase", Label.ConnectPhase.self)], buckets: .connect, decimals: seconds,
      "Time that the phases of connecting took."),
    MetricFamily(
      .upstreamRetries, "weir_upstream_retries_total", .counter, .upstream,
      labels: [ClosedLabel("reason", Label.RetryReason.self)], "Requests sent again."),
    MetricFamily(
      .upstreamUp, "weir_upstream_up", .gauge, scrape: ["upstream", "endpoint"],
      "Whether the endpoint, by its index, takes connections and is well."),
    MetricFamily(
      .upstreamRatelimitRemaining, "weir_upstream_ratelimit_remaining", .gauge,
      scrape: ["upstream", "resource"], "What the provider's rate-limit headers say is left."),
    MetricFamily(
      .downstreamConnections, "weir_downstream_connections", .gauge, .process,
      "Client connections open now."),
    MetricFamily(
      .downstreamConnectionsTotal, "weir_downstream_connections_total", .counter, .process,
      "Client connections accepted."),
  ]

  private static let hubFamilies: [MetricFamily] = [
    MetricFamily(
      .replayStreams, "weir_replay_streams", .gauge, scrape: [],
      "Streams kept for replay now."),
    MetricFamily(
      .replayResumes, "weir_replay_resumes_total", .counter, .process,
      labels: [ClosedLabel("result", Label.ResumeResult.self)], zeros: .none, "Requests to resume."),
    MetricFamily(
      .replayEvictions, "weir_replay_evictions_total", .counter, scrape: ["reason"],
      "Streams dropped from replay."),
    MetricFamily(
      .subscribers, "weir_subscribers", .gauge, .process, zeros: .none, "Subscribers now."),
    MetricFamily(
      .subscriberLagEvents, "weir_subscriber_lag_events_total", .counter, .process,
      labels: [ClosedLabel("action", Label.LagAction.self)], zeros: .none,
      "Times a subscriber fell behind, by what was done."),
    MetricFamily(
      .websocketSessions, "weir_websocket_sessions", .gauge, .process,
      labels: [ClosedLabel("mode", Label.SocketMode.self)], "WebSocket sessions open now."),
    MetricFamily(
      .websocketSessionsPeak, "weir_websocket_sessions_peak", .gauge, scrape: ["mode"],
      "Most WebSocket sessions open at once since the start."),
    MetricFamily(
      .websocketSessionsTotal, "weir_websocket_sessions_total", .counter, .process,
      labels: [ClosedLabel("mode", Label.SocketMode.self)], "WebSocket sessions begun."),
    MetricFamily(
      .websocketMessages, "weir_websocket_messages_total", .counter, .process,
      labels: [
        ClosedLabel("mode", Label.SocketMode.self),
        ClosedLabel("direction", Label.MessageDirection.self),
      ], "WebSocket messages."),
    MetricFamily(
      .websocketBytes, "weir_websocket_bytes_total", .counter, .process,
      labels: [
        ClosedLabel("mode", Label.SocketMode.self),
        ClosedLabel("direction", Label.MessageDirection.self),
      ], "Payload bytes of WebSocket messages."),
    MetricFamily(
      .websocketRTT, "weir_websocket_rtt_seconds", .histogram, .process,
      labels: [ClosedLabel("mode", Label.SocketMode.self)], buckets: .connect, decimals: seconds,
      "From a ping to its pong."),
  ]

  private static let selfFamilies: [MetricFamily] = [
    MetricFamily(
      .observerErrors, "weir_observer_errors_total", .counter, .process,
      labels: [ClosedLabel("kind", Label.ObserverError.self)],
      "Observation lost; the traffic itself was not affected."),
    MetricFamily(
      .logLines, "weir_log_lines_total", .counter, scrape: [], "Log lines taken for writing."),
    MetricFamily(
      .logLinesDropped, "weir_log_lines_dropped_total", .counter, scrape: [],
      "Log lines dropped because the log's target did not keep up."),
    MetricFamily(
      .metricsSeries, "weir_metrics_series", .gauge, scrape: [], "Series on this page."),
    MetricFamily(
      .labelOverflow, "weir_label_overflow_total", .counter, scrape: ["label"],
      "Values folded into other because a cap was reached."),
    MetricFamily(
      .scrapeSeconds, "weir_scrape_seconds", .gauge, scrape: [],
      "Time that the scrape before this one took."),
    MetricFamily(
      .loopLag, "weir_loop_lag_seconds", .histogram, .process, buckets: .relay, decimals: seconds,
      "How late a loop ran a timer that was due; one is due each second."),
    MetricFamily(
      .configReloads, "weir_config_reloads_total", .counter, .process,
      labels: [ClosedLabel("result", Label.ReloadResult.self)], "Reloads of the settings."),
    MetricFamily(.draining, "weir_draining", .gauge, scrape: [], "1 while draining, else 0."),
    MetricFamily(
      .buildInfo, "weir_build_info", .gauge, scrape: ["version", "commit"],
      "Always 1; the labels say what runs."),
    MetricFamily(
      .certificateExpiry, "weir_tls_certificate_expiry_timestamp_seconds", .gauge,
      scrape: ["certificate"], "When the certificate served to clients ends, in Unix time."),
  ]

  private static let processFamilies: [MetricFamily] = [
    MetricFamily(
      .processCPU, "process_cpu_seconds_total", .counter, scrape: [],
      "User and system CPU time spent."),
    MetricFamily(
      .processResidentMemory, "process_resident_memory_bytes", .gauge, scrape: [],
      "Resident memory."),
    MetricFamily(.processOpenFDs, "process_open_fds", .gauge, scrape: [], "Descriptors open."),
    MetricFamily(
      .processMaxFDs, "process_max_fds", .gauge, scrape: [], "Most descriptors that may be open."),
    MetricFamily(
      .processStartTime, "process_start_time_seconds", .gauge, scrape: [],
      "When the process began, in Unix time."),
    MetricFamily(.processThreads, "process_threads", .gauge, scrape: [], "Threads."),
  ]
}

"""weir / Overview: how streams do, what they cost, where they wait, and whose fault failures are."""

from .panels import (FILTERS, INSTANCE, JOB, MODEL, OUTCOMES, ROUTE, Row, choice, dashboard,
                     heatmap, lines, number, quantile, quantiles, rate, states, steps)

TTFT = "weir_time_to_first_token_seconds"
FELT = "weir_client_time_to_first_token_seconds"
# Values are bounds of TTFT's buckets, as floats: Prometheus 3 stores them so, and weir says so.
TTFT_SLO = choice("ttft_slo", "TTFT goal",
                  {"250ms": "0.25", "500ms": "0.5", "1s": "1.0", "2.5s": "2.5", "5s": "5.0"}, "2.5")
FAULTS = 'origin!="client"'


def total(metric, selection="@model", more="", by=""):
    grouped = f" by ({by})" if by else ""
    return f"sum{grouped} ({rate(metric, selection, more)})"


def per(label, metric, selection="@model", more=""):
    """One series for each value of a label, or of several."""
    legend = " ".join(f"{{{{{name.strip()}}}}}" for name in label.split(","))
    return total(metric, selection, more, label), legend


STRIP = Row(
    "",
    number("Requests", "Requests that ended, per second.", total("weir_requests_total"), "reqps"),
    number("Failed", "Share of requests that failed by weir's, the provider's or the network's "
           "fault, failures inside a 200 stream included; limits that refuse count here.",
           f"({total('weir_errors_total', more=FAULTS)} or vector(0))"
           f" / ({total('weir_requests_total')} > 0)",
           "percentunit", steps("green", 0.005, "orange", 0.05, "red"), decimals=2),
    number("TTFT p95", "The provider's time to first token: from the first byte written upstream "
           "to the first event with output.", quantile(0.95, TTFT), "s"),
    number("Gap p95", "Time between content events (inter-token latency).",
           quantile(0.95, "weir_inter_token_seconds"), "s"),
    number("Output tokens", "Reported output tokens per second, reasoning included.",
           total("weir_tokens_total", more='direction="output"'), "short"),
    number("Fullest limit", "Places in use of the fullest key, as a share of its limit.",
           "max(weir_limit_key_in_use_max{@} / (weir_limit_streams{@} > 0))", "percentunit",
           steps("green", 0.7, "orange", 0.9, "red"), max=1, noValue="no limits"),
    number("Queue wait p95", "How long requests waited for a limit, refused ones included.",
           quantile(0.95, "weir_limit_wait_seconds", "@"), "s",
           steps("green", 1, "orange", 5, "red")),
    number("Targets down", "Instances seen within the last day that cannot be scraped now.",
           "count(up{@} == 0 and on (job) max_over_time(weir_build_info{@}[1d])) or vector(0)",
           "none", steps("green", 1, "red"), noValue="0"))

TRAFFIC = Row(
    "Traffic: who asks for what, and how it ends",
    lines("Outcomes", "Exchanges ended, each exactly once; green is well, grey the client's own "
          "doing, red and orange failures.", [per("outcome", "weir_requests_total")], "reqps",
          stacked=True, width=12, colours=OUTCOMES),
    lines("Open now", "Requests and streams open, and the most streams open at once since the "
          "start.", [("sum(weir_requests_active{@route})", "requests"),
                     ("sum(weir_streams_active{@route})", "streams"),
                     ("sum(weir_streams_peak{@route})", "peak")], "none", width=12,
          dashed=["peak"]),
    lines("Requests by route", "Request heads read, whatever became of them.",
          [per("route", "weir_requests_accepted_total", "@route")], "reqps", stacked=True, width=6),
    lines("Requests by model", "Exchanges ended, by the model that answered.",
          [per("model", "weir_requests_total")], "reqps", stacked=True, width=6),
    lines("Requests by provider", "Exchanges ended, by provider and operation.",
          [per("provider, operation", "weir_requests_total")], "reqps", stacked=True, width=6),
    lines("Status codes", "Exchanges ended, by the class of the status the client got; none where "
          "it got no answer. A failure inside a stream has 2xx.",
          [per("code", "weir_requests_total")], "reqps", stacked=True, width=6,
          colours={"2xx": "green", "4xx": "orange", "5xx": "red", "none": "purple"}),
    lines("Bytes relayed", "Body bytes, up to the provider and down from it.",
          [per("direction", "weir_relay_bytes_total", "@route")], "Bps", width=12),
    lines("Client connections", "Connections open now, and those accepted per second.",
          [("sum(weir_downstream_connections{@})", "open"),
           (total("weir_downstream_connections_total", "@"), "accepted per second")],
          "none", width=12))

LATENCY = Row(
    "Latency: what the provider takes",
    heatmap("Time to first token", "Where first tokens lie; points are traces of sampled "
            "requests.", TTFT, "s"),
    lines("TTFT within the goal", "Share of first tokens within the goal chosen above.",
          [(f"sum({rate(TTFT + '_bucket', more='le=' + chr(34) + '$ttft_slo' + chr(34))})"
            f" / (sum({rate(TTFT + '_count')}) > 0)", "within $ttft_slo s")],
          "percentunit", max=1),
    lines("TTFT", "The provider's time to first token of any kind, reasoning included.",
          quantiles(TTFT), "s"),
    lines("What the client felt", "From the request's first byte until its socket took the first "
          "token, waiting for limits included.", quantiles(FELT), "s"),
    lines("On the way to the first token, p95", "Response head, first event, first output, first "
          "text or tool call. The distance of the last two is reasoning.",
          [(quantile(0.95, "weir_upstream_response_header_seconds"), "head"),
           (quantile(0.95, "weir_time_to_first_chunk_seconds"), "event"),
           (quantile(0.95, TTFT), "output"),
           (quantile(0.95, "weir_time_to_first_visible_token_seconds"), "visible")], "s"),
    lines("Gaps between events", "Inter-token latency, as it arrived.",
          quantiles("weir_inter_token_seconds"), "s"),
    lines("Time per output token", "From the first to the last content event, per reported token: "
          "unlike gaps, it does not depend on how tokens are packed into events.",
          quantiles("weir_time_per_output_token_seconds"), "s"),
    lines("Speed of a stream", "Reported output tokens per second after the first; p5 are the slow "
          "ones.", quantiles("weir_output_tokens_per_second", shares=(0.05, 0.5, 0.95)), "short"),
    lines("Longest gap of each stream", "What a reader notices; time blocked on the client is not "
          "in it.", quantiles("weir_stream_max_gap_seconds", "@route"), "s"),
    lines("Stalls", "Gaps over each threshold, per second.",
          [per("threshold", "weir_stream_stalls_total")], "cps"),
    lines("Request duration", "From the request's first byte to the last byte accepted by the "
          "client; streams and others apart.",
          [(quantile(share, "weir_request_duration_seconds", more=f'stream="{stream}"'),
            f"{name} p{share * 100:g}")
           for stream, name in (("true", "stream"), ("false", "other")) for share in (0.5, 0.95)],
          "s"))

COST_OF_WEIR = Row(
    "What weir adds",
    lines("Relay delay", "weir's own cost: from bytes read at one side until the other took them.",
          [(quantile(share, "weir_relay_delay_seconds", "@", by="direction"),
            f"{{{{direction}}}} p{share * 100:g}") for share in (0.5, 0.99)], "s"),
    lines("Loop lag", "How late a loop ran a timer that was due: the sign of a loop without time.",
          quantiles("weir_loop_lag_seconds", "@", shares=(0.5, 0.99)), "s"),
    lines("Bunched events", "Share of content events that came in one read with others: the "
          "provider, or a proxy on the way, sends them in bursts.",
          [(f"{total('weir_burst_events_total', '@route')} / "
            f"({total('weir_events_total', '@route', 'kind=' + chr(34) + 'content' + chr(34))} > 0)",
            "bunched")], "percentunit", max=1))

TOKENS = Row(
    "Tokens and cost, as reported by providers",
    lines("Tokens", "Per second; the kinds partition input and output.",
          [per("direction, kind", "weir_tokens_total")], "short", stacked=True),
    lines("Tokens of a request", "Reported tokens of each request.",
          [(quantile(share, "weir_request_tokens", more=f'direction="{way}"'),
            f"{way} p{share * 100:g}") for way in ("input", "output") for share in (0.5, 0.95)],
          "short"),
    lines("Output tokens by model", "Per second.",
          [per("model", "weir_tokens_total", more='direction="output"')], "short", stacked=True),
    lines("Cost by model", "US dollars an hour at the present rate, where the settings give "
          "prices.", [(f"3600 * {total('weir_cost_usd_total', by='model')}", "{{model}}")],
          "currencyUSD", stacked=True),
    lines("Cost by tenant", "US dollars an hour, where a route names a tenant_header.",
          [(f"3600 * {total('weir_cost_usd_total', more='tenant!=' + chr(34) * 2, by='tenant')}",
            "{{tenant}}")], "currencyUSD", stacked=True),
    lines("Cached input", "Share of input tokens that the provider read from its cache.",
          [(total("weir_tokens_total", more='direction="input", kind="cache_read"') + " / ("
            + total("weir_tokens_total", more='direction="input"') + " > 0)", "from cache")],
          "percentunit", max=1),
    lines("Where usage came from", "Requests by whether token counts were reported; without them "
          "there is no cost. OpenAI streams report usage if asked to (stream_options).",
          [per("source", "weir_usage_reports_total")], "reqps", stacked=True,
          colours={"reported": "green", "partial": "orange", "missing": "red"}),
    lines("Why generation ended", "Finish reasons per second; length means that answers were cut "
          "at the token limit.", [per("reason", "weir_finish_reasons_total")], "cps", stacked=True),
    lines("Events", "Stream events per second, by kind.", [per("kind", "weir_events_total")],
          "cps", stacked=True, width=4),
    lines("Event size", "Bytes of stream events.",
          quantiles("weir_event_size_bytes", "@route", shares=(0.5, 0.99)), "bytes", width=4))

LIMITS = Row(
    "Limits and queues",
    lines("Places in use", "Summed over keys, and the fullest key; dashed is the limit of one "
          "key.", [("sum by (limit) (weir_limit_in_use{@})", "{{limit}} in use"),
                   ("max by (limit) (weir_limit_key_in_use_max{@})", "{{limit}} fullest key"),
                   ("max by (limit) (weir_limit_streams{@})", "{{limit}} limit")], "none",
          overrides=[{"matcher": {"id": "byRegexp", "options": ".* limit"}, "properties": [
              {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 6]}},
              {"id": "custom.fillOpacity", "value": 0}]}]),
    lines("Waiting", "Requests in queues.",
          [("sum by (limit) (weir_limit_queued{@})", "{{limit}}")], "none"),
    lines("Decisions", "What admission decided, per second; queue_full and timeout are 429 to the "
          "client.", [per("limit, decision", "weir_limit_decisions_total", "@")], "reqps",
          stacked=True),
    lines("Wait, p95", "From entering admission to the decision.",
          [(quantile(0.95, "weir_limit_wait_seconds", "@", by="limit, decision"),
            "{{limit}} {{decision}}")], "s"),
    lines("Keys", "Keys that each limit holds; idle ones are dropped.",
          [("sum by (limit) (weir_limit_keys{@})", "{{limit}}")], "none"),
    lines("Drift", "Places in use less streams that hold one. Anything but 0 is a bug in weir.",
          [("sum by (limit) (weir_limit_drift{@})", "{{limit}}")], "none", min=None))

BACKPRESSURE = Row(
    "Flow control: who holds whom up",
    lines("Time paused", "Streams that stood still, on average: seconds paused per second. Side "
          "client: the app reads too slowly; upstream: the provider takes the request slowly.",
          [per("side", "weir_backpressure_seconds_total", "@route")], "none", width=6),
    lines("Pauses", "Times a socket refused bytes and reading from the other side paused.",
          [per("side", "weir_backpressure_events_total", "@route")], "cps", width=6),
    lines("Paused now", "Streams that stand still.",
          [("sum by (side) (weir_backpressured_streams{@route})", "{{side}}")], "none", width=6),
    lines("Bytes held", "What weir's bounded buffers hold.",
          [("sum by (buffer) (weir_buffered_bytes{@})", "{{buffer}}")], "bytes", width=6))

ERRORS = Row(
    "Errors: what broke, and where",
    lines("By type", "Failures per second, those inside a 200 stream included.",
          [per("error_type", "weir_errors_total")], "cps", stacked=True),
    lines("By side", "Who is at fault: the client, weir (relay), the provider (upstream), the "
          "network.", [per("origin", "weir_errors_total")], "cps", stacked=True,
          colours={"client": "#8e8e8e", "relay": "blue", "upstream": "red",
                   "network": "orange"}),
    lines("Before and inside the answer", "Failures by provider or network that a status shows, "
          "and those inside an answer that began with 2xx, which no status shows.",
          [(total("weir_requests_total",
                  more='outcome=~"connect_failed|upstream_.*", code!="2xx"'), "before"),
           (total("weir_requests_total",
                  more='outcome=~"connect_failed|upstream_.*", code="2xx"'), "inside 2xx")], "cps",
          stacked=True, colours={"before": "orange", "inside 2xx": "red"}),
    lines("By model and type", "Failures by the provider, per second.",
          [per("model, error_type", "weir_errors_total", more='origin="upstream"')], "cps",
          stacked=True),
    lines("Sent again", "Requests that weir sent a second time, by reason.",
          [per("upstream, reason", "weir_upstream_retries_total", "@")], "cps", stacked=True),
    lines("Observation lost", "Streams that weir could not read to the end. They passed "
          "untouched; their metrics are incomplete.",
          [per("kind", "weir_observer_errors_total", "@")], "cps", stacked=True))

UPSTREAMS = Row(
    "Upstreams",
    states("Endpoints", "Whether each endpoint takes connections.",
           [("min by (upstream, endpoint) (weir_upstream_up{@})", "{{upstream}} {{endpoint}}")],
           [("1", "up", "green"), ("0", "down", "red")], width=6),
    lines("Connections", "To each upstream, by state.",
          [("sum by (upstream, state) (weir_upstream_connections{@})", "{{upstream}} {{state}}")],
          "none", width=6),
    lines("Connecting, p95", "What name look-up, TCP and TLS took.",
          [(quantile(0.95, "weir_upstream_connect_seconds", "@", by="upstream, phase"),
            "{{upstream}} {{phase}}")], "s", width=6),
    lines("Left of the provider's quota", "What its rate-limit headers said last.",
          [("min by (upstream, resource) (weir_upstream_ratelimit_remaining{@})",
            "{{upstream}} {{resource}}")], "short", width=6))

HUB = Row(
    "Hub and WebSocket (empty unless the hub is on or WebSockets pass)",
    lines("Sessions", "WebSocket sessions open now, and the most at once since the start.",
          [("sum by (mode) (weir_websocket_sessions{@})", "{{mode}}"),
           ("sum by (mode) (weir_websocket_sessions_peak{@})", "{{mode}} peak")], "none", width=6),
    lines("Sessions begun", "Per second.", [per("mode", "weir_websocket_sessions_total", "@")],
          "cps", width=6),
    lines("Messages", "WebSocket messages per second.",
          [per("mode, direction", "weir_websocket_messages_total", "@")], "cps", width=6),
    lines("Bandwidth", "Payload bytes of messages.",
          [per("mode, direction", "weir_websocket_bytes_total", "@")], "Bps", width=6),
    lines("Round trip", "From a ping to its pong.",
          [(quantile(0.95, "weir_websocket_rtt_seconds", "@", by="mode"), "{{mode}} p95")], "s",
          width=6),
    lines("Kept for resuming", "Streams that can be replayed, and subscribers to streams.",
          [("sum(weir_replay_streams{@})", "streams"), ("sum(weir_subscribers{@})", "subscribers")],
          "none", width=6),
    lines("Resumes", "Requests to resume by result, and streams dropped from replay by reason.",
          [per("result", "weir_replay_resumes_total", "@"),
           (total("weir_replay_evictions_total", "@", by="reason"), "evicted: {{reason}}")],
          "cps", width=6),
    lines("Slow subscribers", "Times a subscriber fell behind, by what was done.",
          [per("action", "weir_subscriber_lag_events_total", "@")], "cps", width=6))

DASHBOARD = dashboard(
    "weir-overview", "Overview",
    "How LLM streams through weir do: traffic, latency, tokens and cost, limits, flow control, "
    "errors. Begin here.", [JOB, INSTANCE, ROUTE, MODEL, TTFT_SLO, FILTERS],
    [STRIP, TRAFFIC, LATENCY, ERRORS, LIMITS, BACKPRESSURE, TOKENS, UPSTREAMS, COST_OF_WEIR, HUB])

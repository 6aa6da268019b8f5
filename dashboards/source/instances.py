"""weir / Instances: which process is ill. One row of the table, one line of each panel an instance."""

from .panels import (FILTERS, INSTANCE, JOB, Row, dashboard, lines, number, quantile, rate, states,
                     steps, table)

OURS = " and on (job, instance) weir_build_info{@}"


def each(query, legend="{{instance}}"):
    return [(query, legend)]


def per_instance(metric, more=""):
    return f"sum by (job, instance) ({rate(metric, '@', more)})"


# Grafana merges the answers where all labels agree, so they may have no others, a name included.
TABLE = table(
    "Instances", "Each weir that is scraped. A click on an instance opens the overview of it.",
    [("group by (job, instance, version, commit) (weir_build_info{@})", "", "none"),
     (f"max by (job, instance) (time() - process_start_time_seconds{{@}}{OURS})", "Up for", "s"),
     ("sum by (job, instance) (weir_streams_active{@})", "Streams", "none"),
     (per_instance("weir_requests_total"), "Requests", "reqps"),
     (per_instance("weir_errors_total", 'origin!="client"'), "Failures", "cps"),
     (f"max by (job, instance) ({rate('process_cpu_seconds_total', '@')}{OURS})", "CPU",
      "percentunit"),
     (f"max by (job, instance) (process_resident_memory_bytes{{@}}{OURS})", "Memory", "bytes"),
     (f"max by (job, instance) (process_open_fds{{@}} / process_max_fds{{@}}{OURS})",
      "Descriptors", "percentunit"),
     ("max by (job, instance) (weir_draining{@})", "Draining", "none")],
    hidden=["__name__"],
    links=[("instance", {"title": "Overview of this instance", "url":
            "/d/weir-overview?var-datasource=${datasource}&var-job=${__data.fields.job}"
            "&var-instance=${__data.fields.instance}&${__url_time_range}"})])

DASHBOARD = dashboard(
    "weir-instances", "Instances",
    "Each weir process: load, resources, settings, and weir's checks of itself.",
    [JOB, INSTANCE, FILTERS],
    [Row("", TABLE),
     Row("Load",
         lines("Streams", "Streams open now.",
               each("sum by (instance) (weir_streams_active{@})"), "none"),
         lines("Requests", "Ended per second.",
               each(f"sum by (instance) ({rate('weir_requests_total', '@')})"), "reqps"),
         lines("Failures", "By weir, provider or network, per second.",
               each("sum by (instance) ("
                    + rate("weir_errors_total", "@", 'origin!="client"') + ")"), "cps"),
         lines("TTFT p95", "The provider's time to first token, as each instance sees it: a "
               "difference tells of its network.",
               each(quantile(0.95, "weir_time_to_first_token_seconds", "@", by="instance")), "s"),
         lines("Relay delay p99", "weir's own cost.",
               each(quantile(0.99, "weir_relay_delay_seconds", "@", by="instance")), "s"),
         lines("Loop lag p99", "A loop without time: too little CPU, or throttled.",
               each(quantile(0.99, "weir_loop_lag_seconds", "@", by="instance")), "s")),
     Row("Resources",
         lines("CPU", "Processors in use.",
               each(f"{rate('process_cpu_seconds_total', '@')}{OURS}"), "none"),
         lines("Memory", "Resident.", each(f"process_resident_memory_bytes{{@}}{OURS}"), "bytes"),
         lines("Descriptors", "Open, and dashed the most that may be open.",
               [(f"process_open_fds{{@}}{OURS}", "{{instance}}"),
                (f"min(process_max_fds{{@}}{OURS})", "most")], "none", dashed=["most"]),
         lines("Threads", "Of the process; a few for each loop are normal.",
               each(f"process_threads{{@}}{OURS}"), "none"),
         lines("Connections", "Of clients, and to upstreams.",
               [("sum by (instance) (weir_downstream_connections{@})", "{{instance}} clients"),
                ("sum by (instance) (weir_upstream_connections{@})", "{{instance}} upstreams")],
               "none"),
         lines("Buffers", "Bytes that weir's bounded buffers hold.",
               each("sum by (instance) (weir_buffered_bytes{@})"), "bytes")),
     Row("Life and settings",
         states("Draining", "Whether it finishes its streams and takes no more.",
                each("max by (instance) (weir_draining{@})"),
                [("0", "serving", "green"), ("1", "draining", "purple")], width=6),
         lines("Reloads", "Of the settings, within the last hour; after a refused one the old "
               "settings stay.",
               each("sum by (instance, result) (increase(weir_config_reloads_total{@}[1h]))",
                    "{{instance}} {{result}}"), "none", width=6),
         lines("Restarts", "Within the last hour.",
               each(f"changes(process_start_time_seconds{{@}}[1h]){OURS}"), "none", width=6),
         number("Certificate", "Until the first of the certificates served to clients ends.",
                "min(weir_tls_certificate_expiry_timestamp_seconds{@}) - time()", "s",
                steps("red", 7 * 86400, "orange", 21 * 86400, "green"), width=6, height=8,
                noValue="no TLS")),
     Row("weir's checks of itself",
         lines("Limit drift", "Places in use less streams that hold one: always 0.",
               each("sum by (instance) (weir_limit_drift{@})"), "none", min=None),
         lines("Observation lost", "Streams that weir could not read, per second.",
               each("sum by (instance, kind) (" + rate("weir_observer_errors_total", "@") + ")",
                    "{{instance}} {{kind}}"), "cps"),
         lines("Log lines", "Taken for writing, and dropped because the log's target did not keep "
               "up.",
               [("sum by (instance) (" + rate("weir_log_lines_total", "@") + ")",
                 "{{instance}}"),
                ("sum by (instance) (" + rate("weir_log_lines_dropped_total", "@") + ")",
                 "{{instance}} dropped")], "cps"),
         lines("Series", "On the metrics page; bounded by max_series.",
               each("sum by (instance) (weir_metrics_series{@})"), "none"),
         lines("Label values folded into other", "Per second: a cap on models, tenants or series "
               "was reached.",
               each("sum by (instance, label) (" + rate("weir_label_overflow_total", "@") + ")",
                    "{{instance}} {{label}}"), "cps"),
         lines("Scrape", "What writing the metrics page took.",
               each("max by (instance) (weir_scrape_seconds{@})"), "s"))])

"""weir / SLO: what is left of the error budgets, and how fast they burn.

Everything here comes from the recording rules in deploy/prometheus/rules, which sum over the
instances of a job, so there is no label `instance` to select by; `.lint` says so too.
"""

from .panels import FILTERS, INSTANCE, JOB, Row, dashboard, lines, number, steps, table

WINDOWS = ("5m", "1h", "6h", "3d")
# The burn rates at which the alerts speak: critical over an hour, critical over six, warning.
PAGES = {"page (1h)": 14.4, "page (6h)": 6, "ticket (3d)": 1}
OBJECTIVES = {
    "errors": ("weir_requests", "error", "requests that did not fail"),
    "first tokens": ("weir_ttft", "slow", "first tokens that came in time"),
}
JOBS = '{job=~"$job"}'


def left(family, kind):
    return (f"1 - job:{family}:{kind}_ratio_rate30d{JOBS}"
            f" / on (job) job:{family}:{kind}_budget{JOBS}")


def row(name, family, kind, good):
    ratio = f"job:{family}:{kind}_ratio_rate"
    budget = f"job:{family}:{kind}_budget{JOBS}"
    return Row(
        f"Objective: {name}",
        number("Budget left", f"Of the budget of 30 days for {name}, what has not been spent; below "
               "0 the objective is missed.", f"min({left(family, kind)})", "percentunit",
               steps("red", 0, "orange", 0.25, "green"), width=4, height=8, decimals=1),
        number("Now", f"Share of {good}, over the last hour.",
               f"1 - max({ratio}1h{JOBS})", "percentunit", width=4, height=8, decimals=3),
        lines("Burn rate", "How many times faster than allowed the budget is spent; dashed are the "
              "rates at which alerts speak.",
              [*((f"max({ratio}{window}{JOBS} / on (job) {budget})", window)
                 for window in WINDOWS), *((f"vector({rate})", mark)
                                           for mark, rate in PAGES.items())],
              "none", dashed=PAGES, colours={"page (1h)": "red", "page (6h)": "orange",
                                             "ticket (3d)": "yellow"}),
        lines("Against the objective", "The share that counts against the budget, by job; dashed is "
              "the budget.",
              [(f"{ratio}5m{JOBS}", "{{job}} 5m"), (f"{ratio}1h{JOBS}", "{{job}} 1h"),
               (f"max({budget})", "budget")], "percentunit", dashed=["budget"]))


DASHBOARD = dashboard(
    "weir-slo", "SLO",
    "Error budgets and burn rates for failures and for time to first token, from the recording "
    "rules in deploy/prometheus.", [JOB, INSTANCE, FILTERS],
    [*(row(name, *what) for name, what in OBJECTIVES.items()),
     Row("What counts",
         lines("Events per second", "Requests that count for the error objective (completed, or "
               "failed by no fault of the client), those that failed, and first tokens.",
               [(f"sum(job:weir_requests:valid_rate5m{JOBS})", "requests that count"),
                (f"sum(job:weir_requests:bad_rate5m{JOBS})", "failed"),
                (f"sum(job:weir_ttft:count_rate5m{JOBS})", "first tokens"),
                (f"sum(job:weir_ttft:slow_rate5m{JOBS})", "late first tokens")], "reqps", width=12),
         table("Alerts", "weir's alerts that wait or fire; each has a section in docs/runbooks.md.",
               [('ALERTS{alertname=~"Weir.*", job=~"$job|"}', "", "none")], width=12,
               hidden=["__name__"]))])

"""Reads Grafana's dashboards: their panels, queries and variables, and what Grafana's own linter
would find in them.

The rules are those of grafana/dashboard-linter, which is a Go program and not to be had from a
package index; they bear its names, so that a `.lint` file serves both.
"""

import json
import re

import promql_parser
import yaml

from catalogue import families_of, selectors
from processes import ROOT

FOLDER = ROOT / "dashboards"
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
# What Grafana sets by itself. The range suits a scrape each second.
BUILT_IN = {"__rate_interval": "10s", "__interval": "2s", "__range": "30s"}
# Of Grafana's value formats, those in use here.
UNITS = {"none", "short", "percentunit", "s", "bytes", "Bps", "reqps", "cps", "currencyUSD"}
FIGURES = {"stat", "gauge", "timeseries", "table"}
PANEL_KINDS = FIGURES | {"heatmap", "state-timeline", "row"}
COUNTING = {"rate", "irate", "increase"}


class Dashboard:
    def __init__(self, path):
        self.path, self.json = path, json.loads(path.read_text())
        self.panels = [panel for panel in self.json["panels"] if panel["type"] != "row"]
        self.variables = {variable["name"]: variable
                          for variable in self.json["templating"]["list"]}
        self.substitutes = {**BUILT_IN, **{
            name: self._chosen(variable) for name, variable in self.variables.items()}}

    @staticmethod
    def _chosen(variable):
        """What a query gets in place of the variable, everything being selected."""
        if variable["type"] == "query":
            return variable["allValue"]
        return (variable.get("current") or {}).get("value", "")

    def targets(self):
        for panel in self.panels:
            for target in panel["targets"]:
                yield panel, target

    def query(self, text):
        """The PromQL that Grafana would send."""
        def value(found):
            name = found[1] or found[2]
            if name not in self.substitutes:
                raise AssertionError(f"{self.path.name}: unknown variable {name} in {text}")
            return self.substitutes[name]
        return re.sub(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)", value, text)

    def metrics(self):
        return {name for _, target in self.targets()
                for name in families_of(self.query(target["expr"]))}


def dashboards():
    return [Dashboard(path) for path in sorted(FOLDER.glob("*.json"))]


class Findings:
    """What is wrong, less what `.lint` excuses; an excuse that nothing needs is wrong too."""

    def __init__(self):
        text = yaml.safe_load((FOLDER / ".lint").read_text())
        self.excused = {(rule, entry["dashboard"]) for rule, excuse in text["exclusions"].items()
                        for entry in excuse["entries"]}
        self.unused, self.found = set(self.excused), []

    def add(self, rule, dashboard, where, what):
        excuse = rule, dashboard.json["title"]
        self.unused.discard(excuse)
        if excuse not in self.excused:
            self.found.append(f"{dashboard.path.name}: {where}: {rule}: {what}")

    def all(self):
        return self.found + [f".lint: nothing needs {excuse}" for excuse in sorted(self.unused)]


def lint(dashboard, findings):
    def found(rule, where, what):
        findings.add(rule, dashboard, where, what)

    lint_dashboard(dashboard, found)
    lint_variables(dashboard, found)
    for panel in dashboard.panels:
        lint_panel(panel, lambda rule, what: found(rule, panel["title"], what))
    for panel, target in dashboard.targets():
        lint_target(dashboard, target, lambda rule, what: found(rule, panel["title"], what))


def lint_dashboard(dashboard, found):
    text = dashboard.json
    if text.get("editable", True):
        found("uneditable-dashboard", "dashboard", "editable")
    if text.get("id") is not None or "__inputs" in text or "__requires" in text:
        found("provisioning", "dashboard", "an id or inputs, which no provisioned file may have")
    if text["schemaVersion"] != 41 or not re.fullmatch(r"weir-\w+", text["uid"]):
        found("model", "dashboard", "schemaVersion or uid")
    for unknown in {panel["type"] for panel in text["panels"]} - PANEL_KINDS:
        found("model", "dashboard", f"a panel of kind {unknown}")
    numbers = [panel["id"] for panel in text["panels"]]
    if len(set(numbers)) != len(numbers):
        found("model", "dashboard", "panels share a number")
    for one, other in overlapping(text["panels"]):
        found("model", one["title"], f"lies over {other['title']}")


def overlapping(panels):
    def apart(a, b):
        return (a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
                or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"])
    for place, panel in enumerate(panels):
        if panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24:
            yield panel, {"title": "the grid's edge"}
        for other in panels[:place]:
            if not apart(panel["gridPos"], other["gridPos"]):
                yield panel, other


def lint_variables(dashboard, found):
    source = dashboard.variables.get("datasource", {})
    if (source.get("type"), source.get("query"), source.get("label")) != (
            "datasource", "prometheus", "Data source"):
        found("template-datasource-rule", "datasource", "missing, or not for Prometheus")
    for name in ("job", "instance"):
        variable = dashboard.variables.get(name, {})
        if (variable.get("type"), variable.get("datasource"), variable.get("multi"),
                variable.get("allValue"), variable.get("label")) != (
                    "query", DATASOURCE, True, ".+", name.capitalize()):
            found(f"template-{name}-rule", name, "not a multiple choice of all by default")
    for name, variable in dashboard.variables.items():
        if variable["type"] != "query":
            continue
        if variable["refresh"] != 2:
            found("template-on-time-change-reload-rule", name, "refresh is not 2")
        selector, _ = label_values(variable)
        promql_parser.parse(dashboard.query(selector))


def label_values(variable):
    """Selector and label of a variable's query."""
    found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
    assert found, f"template-label-promql-rule: {variable['query']}"
    return found[1], found[2]


def lint_panel(panel, found):
    if not panel.get("title") or not panel.get("description"):
        found("panel-title-description-rule", "without a title or a description")
    if panel.get("datasource") != DATASOURCE:
        found("panel-datasource-rule", "not the variable")
    if not panel.get("targets"):
        found("panel-no-targets-rule", "nothing to show")
    if panel["fieldConfig"]["defaults"].get("unit") not in UNITS:
        found("panel-units-rule", f"unit {panel['fieldConfig']['defaults'].get('unit')}")
    named = re.search(r"Metrics: (`[^`]+`(?:, `[^`]+`)*)\.$", panel["description"])
    if not named:
        found("description", "does not end with the metrics that it shows")


def lint_target(dashboard, target, found):
    if target["datasource"] != DATASOURCE:
        found("target-datasource-rule", "not the variable")
    query = dashboard.query(target["expr"])
    try:
        parts = selectors(query)
    except ValueError as error:
        return found("target-promql-rule", f"{error}: {query}")
    for function, window in re.findall(r"\b(i?rate)\([^\[\]]*\[([^\]]+)\]", target["expr"]):
        if window != "$__rate_interval":
            found("target-rate-interval-rule", f"{function} over {window}")
    for selector, inside in parts:
        for label in ("job", "instance"):
            if not any(matcher.name == label and matcher.value == ".+"
                       for matcher in selector.matchers.matchers):
                found(f"target-{label}-rule", f"{selector.name} is not selected by {label}")
        if selector.name.endswith("_total") and not COUNTING & set(inside):
            found("target-counter-agg-rule", f"{selector.name} outside a rate")
    return None

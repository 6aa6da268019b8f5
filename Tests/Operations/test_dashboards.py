"""The dashboards on real data: a weir under mixed traffic, scraped by a real Prometheus.

No panel may be empty or in error there, none may break a rule of Grafana's linter, and no metric of
weir may be missing from them without a reason. Grafana itself is not to be had here; what it would
ask, Prometheus is asked.
"""

import json
import re
import subprocess
import sys
import unittest

import yaml

from catalogue import METRICS, families_of, unknown
from grafana import FOLDER, Dashboard, Findings, dashboards, label_values, lint
from stage import RULES, stage
from tools import needs

COVERAGE = yaml.safe_load((FOLDER / "coverage.yml").read_text())


class FilesTest(unittest.TestCase):
    def test_they_are_what_their_sources_say(self):
        checked = subprocess.run([sys.executable, FOLDER / "build", "--check"],
                                 capture_output=True, text=True)
        self.assertEqual((checked.returncode, checked.stderr), (0, ""))

    def test_the_linter_finds_nothing(self):
        findings = Findings()
        for dashboard in dashboards():
            lint(dashboard, findings)
        self.assertEqual(findings.all(), [])

    def test_the_linter_would_find(self):
        """Each mistake, made in a copy of a dashboard, is found under the linter's name for it."""
        def query(panel, text):
            panel["targets"][0]["expr"] = text

        mistakes = {
            "uneditable-dashboard": lambda board, panel: board.update(editable=True),
            "provisioning": lambda board, panel: board.update(__inputs=[]),
            "model": lambda board, panel: panel["gridPos"].update(x=23),
            "template-datasource-rule": lambda board, panel: board["templating"]["list"][0].update(
                label="Source"),
            "template-job-rule": lambda board, panel: board["templating"]["list"][1].update(
                multi=False),
            "template-on-time-change-reload-rule":
                lambda board, panel: board["templating"]["list"][1].update(refresh=1),
            "panel-title-description-rule": lambda board, panel: panel.update(title=""),
            "panel-datasource-rule": lambda board, panel: panel.update(datasource=None),
            "panel-units-rule": lambda board, panel: panel["fieldConfig"]["defaults"].pop("unit"),
            "description": lambda board, panel: panel.update(description="Requests."),
            "target-promql-rule": lambda board, panel: query(panel, "sum(rate(x"),
            "target-rate-interval-rule": lambda board, panel: query(
                panel, 'rate(weir_log_lines_total{job=~"$job", instance=~"$instance"}[5m])'),
            "target-job-rule": lambda board, panel: query(
                panel, 'weir_draining{instance=~"$instance"}'),
            "target-instance-rule": lambda board, panel: query(panel, 'weir_draining{job=~"$job"}'),
            "target-counter-agg-rule": lambda board, panel: query(
                panel, 'weir_log_lines_total{job=~"$job", instance=~"$instance"}'),
        }
        for rule, mistake in mistakes.items():
            with self.subTest(rule=rule):
                dashboard = Dashboard(FOLDER / "weir-overview.json")
                mistake(dashboard.json, dashboard.panels[0])
                findings = Findings()
                lint(dashboard, findings)
                self.assertTrue([line for line in findings.found if f": {rule}: " in line],
                                findings.found)

    def test_every_metric_is_shown_or_excused(self):
        self.assertGreater(len(METRICS), 60)
        shown = set().union(*(dashboard.metrics() for dashboard in dashboards()))
        excused = set(COVERAGE["not_charted"])
        self.assertEqual(sorted(METRICS.keys() - shown - excused), [], "no panel shows them")
        self.assertEqual(sorted(excused & shown), [], "excused, and yet shown")
        self.assertLessEqual(set(COVERAGE["empty_without_cause"]), METRICS.keys())

    def test_what_they_ask_for_exists(self):
        """No metric, label or value of a closed set that weir never shows."""
        for dashboard in dashboards():
            for panel, target in dashboard.targets():
                with self.subTest(dashboard=dashboard.path.name, panel=panel["title"]):
                    self.assertEqual(list(unknown(dashboard.query(target["expr"]))), [])

    def test_what_does_not_exist_would_be_found(self):
        for query in ("weir_request_total", 'weir_requests_total{outcomes="completed"}',
                      'weir_requests_total{outcome="complete"}'):
            self.assertEqual(len(list(unknown(f"sum(rate({query}[5m]))"))), 1)

    def test_the_readme_names_every_dashboard(self):
        readme = (FOLDER / "README.md").read_text()
        for dashboard in dashboards():
            self.assertIn(f"`{dashboard.path.name}`", readme)

    def test_links_lead_to_dashboards(self):
        there = {dashboard.json["uid"] for dashboard in dashboards()}
        for dashboard in dashboards():
            linked = re.findall(r"/d/([\w-]+)", json.dumps(dashboard.json))
            self.assertLessEqual(set(linked), there)


@needs("prometheus")
class LiveTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.weir, cls.servers = cls.enterClassContext(stage())

    def each(self, check, things=((None, {}),)):
        """Checks each of the things with each Prometheus, as tests of their own."""
        for name, server in self.servers.items():
            for thing, told in things:
                with self.subTest(prometheus=name, **told):
                    check(server, thing)

    def test_every_panel_shows_something(self):
        empty_by_design = set(COVERAGE["empty_without_cause"])

        def check(server, query):
            values = server.range(query)
            if not families_of(query) <= empty_by_design:
                self.assertTrue(values, f"empty: {query}")
                self.assertTrue(set(values) - {"NaN"}, f"not a number: {query}")

        self.each(check, [(dashboard.query(target["expr"]),
                           {"dashboard": dashboard.path.name, "panel": panel["title"]})
                          for dashboard in dashboards()
                          for panel, target in dashboard.targets()])

    def test_shares_are_shares(self):
        """What is drawn on a scale that ends at 100 % is never beyond it, and nothing below 0."""
        def check(server, query):
            values = [float(value) for value in server.range(query) if value != "NaN"]
            self.assertGreaterEqual(min(values), 0, query)
            self.assertLessEqual(max(values), 1, query)

        panels = [(dashboard, panel) for dashboard in dashboards() for panel in dashboard.panels
                  if panel["fieldConfig"]["defaults"].get("max") == 1 or panel["title"] == "Failed"]
        self.assertGreater(len(panels), 4)
        self.each(check, [(dashboard.query(target["expr"]), {"panel": panel["title"]})
                          for dashboard, panel in panels for target in panel["targets"]])

    def test_what_is_not_there_is_empty(self):
        """So that a misspelt name would fail the test above."""
        self.each(lambda server, _: self.assertEqual(server.range("weir_request_total"), []))

    def test_the_columns_of_a_table_can_be_merged(self):
        """Grafana makes one row of answers whose labels agree; one label more makes two rows."""
        def check(server, queries):
            rows = [{frozenset(series["metric"].items())
                     for series in server.ask("query", query=query)["result"]}
                    for query in queries]
            first, *others = ({frozenset(pair for pair in row if pair[0] in ("job", "instance"))
                               for row in found} for found in rows)
            for labels, other in zip(others, rows[1:]):
                self.assertEqual(labels, first)
                self.assertEqual(other, labels, "labels beyond job and instance")

        self.each(check, [([dashboard.query(target["expr"]) for target in panel["targets"]],
                           {"panel": panel["title"]})
                          for dashboard in dashboards() for panel in dashboard.panels
                          if panel["type"] == "table" and len(panel["targets"]) > 1])

    def test_every_variable_has_values(self):
        def check(server, asked):
            dashboard, variable = asked
            selector, label = label_values(variable)
            self.assertTrue(server.values(label, dashboard.query(selector)))

        self.each(check, [((dashboard, variable),
                           {"dashboard": dashboard.path.name, "variable": name})
                          for dashboard in dashboards()
                          for name, variable in dashboard.variables.items()
                          if variable["type"] == "query"])

    def test_annotations_can_be_asked_for(self):
        self.each(lambda server, query: server.range(query), [
            (dashboard.query(annotation["expr"]),
             {"dashboard": dashboard.path.name, "annotation": annotation["name"]})
            for dashboard in dashboards()
            for annotation in dashboard.json["annotations"]["list"]])

    def test_goals_are_bounds_of_the_histogram(self):
        """A goal that is no bucket's bound would match nothing."""
        goals = {option["value"] for dashboard in dashboards()
                 for option in dashboard.variables.get("ttft_slo", {"options": []})["options"]}
        goals |= set(re.findall(r'le="([^"]+)"', "".join(
            path.read_text() for path in RULES.glob("*.yml"))))
        self.assertGreater(len(goals), 1)
        self.each(lambda server, _: self.assertLessEqual(
            goals, set(server.values("le", "weir_time_to_first_token_seconds_bucket"))))

    def test_exemplars_reach_the_heatmap(self):
        def check(server, _):
            found = server.ask("query_exemplars", start="0", end="9999999999",
                               query="weir_time_to_first_token_seconds_bucket")
            self.assertTrue(found and found[0]["exemplars"][0]["labels"]["trace_id"])

        self.each(check)

    def test_the_rules_evaluate(self):
        def check(server, _):
            rules = [rule for group in server.ask("rules")["groups"] for rule in group["rules"]]
            self.assertGreater(len(rules), 40)
            self.assertEqual([rule["name"] for rule in rules if rule["health"] != "ok"], [])

        self.each(check)


if __name__ == "__main__":
    unittest.main()

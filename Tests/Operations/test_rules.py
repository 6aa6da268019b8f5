"""Recording rules and alerts: promtool's checks, their unit tests, and their runbooks."""

import re
import unittest

import yaml

from catalogue import unknown
from processes import ROOT
from tools import needs, needs_newer, newer, run

FOLDER = ROOT / "deploy/prometheus"
RULES = sorted((FOLDER / "rules").glob("*.yml"))
TESTS = sorted((FOLDER / "tests").glob("*.yml"))
RUNBOOKS = (ROOT / "docs/runbooks.md").read_text()


def alerts():
    for path in RULES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from (rule for rule in group["rules"] if "alert" in rule)


@needs("promtool")
class PromtoolTest(unittest.TestCase):
    def succeeds(self, *arguments):
        code, said, complained = run("promtool", *arguments)
        self.assertEqual(code, 0, said + complained)

    def test_rules(self):
        self.succeeds("check", "rules", "--lint=all", "--lint-fatal", *RULES)

    def test_unit_tests(self):
        self.succeeds("test", "rules", *TESTS)

    def test_the_example(self):
        self.succeeds("check", "config", FOLDER / "prometheus.yml")


@needs_newer("promtool")
class NewerPromtoolTest(unittest.TestCase):
    """Debian's is built without Kubernetes' discovery, and is old."""

    def test_rules_and_examples(self):
        for arguments in (["check", "rules", "--lint=all", "--lint-fatal", *RULES],
                          ["check", "config", FOLDER / "prometheus.yml"],
                          ["check", "config", FOLDER / "prometheus-kubernetes.yml"]):
            code, said, complained = run(newer("promtool"), *arguments)
            self.assertEqual(code, 0, said + complained)


class AlertsTest(unittest.TestCase):
    def test_what_they_ask_for_exists(self):
        """No metric, label or value of a closed set that weir never shows."""
        for path in RULES:
            for group in yaml.safe_load(path.read_text())["groups"]:
                for rule in group["rules"]:
                    with self.subTest(rule=rule.get("alert") or rule["record"]):
                        self.assertEqual(list(unknown(rule["expr"])), [])

    def test_each_has_a_unit_test_in_which_it_speaks(self):
        tests = "".join(path.read_text() for path in TESTS)
        for name in {alert["alert"] for alert in alerts()}:
            self.assertRegex(tests, rf'alertname="{name}"[^\n]*\}}[^\n]*(\n\s+)?value: 1|'
                                    rf'alertname="{name}"[^\n]*value: 1')

    def test_each_says_what_its_readers_need(self):
        for alert in alerts():
            with self.subTest(alert=alert["alert"]):
                self.assertIn(alert["labels"]["severity"], ("critical", "warning"))
                self.assertEqual(set(alert["annotations"]),
                                 {"summary", "description", "runbook_url"})
                self.assertNotIn("{{", alert["annotations"]["summary"])
                self.assertNotIn("\n", alert["annotations"]["description"].strip())

    def test_each_has_a_runbook_and_each_runbook_an_alert(self):
        wanted = {alert["annotations"]["runbook_url"] for alert in alerts()}
        sections = re.findall(r"^## (\w+)$", RUNBOOKS, re.M)
        self.assertEqual(wanted, {
            f"https://weir.example/docs/runbooks.md#{section.lower()}" for section in sections})
        self.assertEqual({alert["alert"] for alert in alerts()}, set(sections))

    def test_each_runbook_is_whole(self):
        for section in re.split(r"^## ", RUNBOOKS, flags=re.M)[1:]:
            told = re.findall(r"^\*\*(\w+)\.\*\*", section, re.M)
            self.assertEqual(told, ["Meaning", "Impact", "Diagnosis", "Mitigation"],
                             section.split("\n")[0])

    def test_runbooks_link_to_what_is_there(self):
        anchors = {section.lower() for section in re.findall(r"^## (\w+)$", RUNBOOKS, re.M)}
        self.assertLessEqual(set(re.findall(r"\]\(#([\w-]+)\)", RUNBOOKS)), anchors)


if __name__ == "__main__":
    unittest.main()

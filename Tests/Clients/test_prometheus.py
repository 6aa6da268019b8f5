"""The metrics page as its readers take it: promtool, a Prometheus that scrapes, and the strict
OpenMetrics parser of prometheus_client."""

import contextlib
import gzip
import json
import re
import shutil
import subprocess
import tempfile
import threading
import unittest
import urllib.parse
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics

from live import (CI, Weir, ask, free_port, new_trace, provider, request_bytes, simulated,
                  traceparent, wait_until)

CHAT = "/v1/chat/completions"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def needs(tool):
    return unittest.skipUnless(
        CI or shutil.which(tool),
        f"SKIPPED: {tool} is not installed; scripts/install-test-tools does it")


def some_traffic(weir):
    for path in (CHAT, "/v1/messages", "/v1/responses", "/nowhere"):
        for more in ({}, {"x_sim_status": "429"}, {"x_sim_fault": "reset"}):
            ask(weir.address, path, **more)
    ask(weir.address, CHAT, x_sim_events="30", x_sim_gap="2ms")


class PagesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        upstream, _ = cls.enterClassContext(provider())
        cls.weir = cls.enterClassContext(Weir(simulated(upstream)))
        some_traffic(cls.weir)
        cls.weir.settled()

    @needs("promtool")
    def test_promtool_has_no_complaint(self):
        text = self.weir.metrics().text
        checked = subprocess.run(
            ["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))

    def test_the_strict_parser_reads_openmetrics(self):
        trace = new_trace()
        self.traced(trace, sampled=True)
        status, headers, text = self.weir.page("/metrics", accept=OPENMETRICS)
        self.assertEqual(status, 200)
        self.assertEqual(headers["content-type"],
                         "application/openmetrics-text; version=1.0.0; charset=utf-8")
        families = {family.name: family for family in openmetrics(text)}
        self.assertEqual(families["weir_requests"].type, "counter")
        # Both formats tell the same.
        plain = self.weir.metrics()
        for name in ("weir_requests", "weir_errors", "weir_tokens"):
            total = sum(sample.value for sample in families[name].samples
                        if sample.name == name + "_total")
            self.assertEqual(total, plain.sum(name + "_total"), name)

    def test_sampled_traces_become_exemplars_where_they_belong(self):
        sampled, unsampled = new_trace(), new_trace()
        self.traced(unsampled, sampled=False)
        self.traced(sampled, sampled=True)
        text = self.weir.page("/metrics", accept=OPENMETRICS)[2]
        found = {}
        for family in openmetrics(text):
            for sample in family.samples:
                if sample.exemplar:
                    found.setdefault(sample.exemplar.labels["trace_id"], set()).add(family.name)
        self.assertNotIn(unsampled, found)
        self.assertEqual(found[sampled], {"weir_time_to_first_token_seconds",
                                          "weir_request_duration_seconds"})
        self.assertNotIn(sampled, self.weir.metrics().text, "0.0.4 knows no exemplars")

    def traced(self, trace, sampled):
        parent = traceparent(trace, sampled)
        answer = ask(self.weir.address, "/echo", x_sim_echo="1", traceparent=parent,
                     tracestate="a=b,c=d")
        self.assertIn(f"\r\ntraceparent: {parent}\r\n".encode(), answer.body)
        self.assertIn(b"\r\ntracestate: a=b,c=d\r\n", answer.body)
        ask(self.weir.address, CHAT, traceparent=parent)
        self.assertTrue(wait_until(lambda: 2 == sum(
            line.get("trace_id") == trace for line in self.weir.exchanges())))

    def test_gzip_for_those_who_take_it(self):
        url = f"http://{self.weir.admin}/metrics"
        for asked, packed in (("gzip", True), ("br, gzip;q=0.5", True), ("*", True),
                              ("gzip;q=0", False), ("identity", False)):
            request = urllib.request.Request(url, headers={"accept-encoding": asked})
            with urllib.request.urlopen(request, timeout=20) as answer:
                body = answer.read()
                self.assertEqual(answer.headers["content-encoding"], "gzip" if packed else None)
            text = gzip.decompress(body) if packed else body
            self.assertTrue(text.startswith(b"# HELP weir_requests_accepted_total"), asked)
            self.assertIn(b"\nweir_metrics_series ", text)
            if packed:
                self.assertLess(len(body), len(text) / 4)

    def test_names_and_help(self):
        text = self.weir.metrics().text
        named = set(re.findall(r"^(\w+?)(?:_bucket|_sum|_count)?(?:\{| )", text, re.M))
        helped = set(re.findall(r"^# HELP (\w+) \S", text, re.M))
        self.assertEqual(helped, set(re.findall(r"^# TYPE (\w+) \S", text, re.M)))
        self.assertLessEqual(named - {"#"}, helped | {name + "_total" for name in helped})

    def test_le_is_written_as_a_float(self):
        for text in (self.weir.metrics().text,
                     self.weir.page("/metrics", accept=OPENMETRICS)[2]):
            bounds = set(re.findall(r'le="([^"]+)"', text))
            self.assertIn("+Inf", bounds)
            self.assertEqual(
                [], [bound for bound in bounds - {"+Inf"} if not re.search(r"[.e]", bound)])


@needs("prometheus")
class ScrapingTest(unittest.TestCase):
    """A Prometheus of Debian scrapes weir each second, under traffic, and answers questions."""

    @classmethod
    def setUpClass(cls):
        upstream, _ = cls.enterClassContext(provider())
        cls.weir = cls.enterClassContext(Weir(simulated(upstream)))
        cls.port = free_port()
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        with open(folder + "/prometheus.yml", "w") as config:
            json.dump({
                "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
                "scrape_configs": [{"job_name": "weir",
                                    "static_configs": [{"targets": [cls.weir.admin]}]}],
            }, config)
        process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml",
             f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{cls.port}",
             "--log.level=error"])
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.terminate)
        cls.enterClassContext(traffic(cls.weir))

    def query(self, text):
        url = f"http://127.0.0.1:{self.port}/api/v1/query?query={urllib.parse.quote(text)}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                result = json.load(answer)["data"]["result"]
        except OSError:
            return None
        return float(result[0]["value"][1]) if result else None

    def test_questions_of_a_dashboard(self):
        self.assertTrue(wait_until(
            lambda: (self.query("rate(weir_requests_total[10s])") is not None
                     and (self.query("count_over_time(up[1m])") or 0) >= 4), 30))
        self.assertEqual(self.query("min_over_time(up[1m])"), 1)
        for question in (
                "sum(rate(weir_requests_total[10s]))",
                'sum(rate(weir_requests_total{outcome="completed"}[10s]))',
                'sum(rate(weir_errors_total{error_type="rate_limited"}[10s]))',
                "sum(rate(weir_tokens_total[10s]))",
                "histogram_quantile(0.99, sum by (le) "
                "(rate(weir_time_to_first_token_seconds_bucket[10s])))",
                "sum(rate(weir_relay_bytes_total[10s]))",
                "process_resident_memory_bytes"):
            with self.subTest(question=question):
                self.assertTrue(wait_until(lambda: (self.query(question) or 0) > 0), question)
        # Series are there with all their outcomes from the start, so that rates are of zero.
        self.assertEqual(
            self.query('sum(rate(weir_requests_total{outcome="drained"}[10s]))'), 0)
        self.assertEqual(self.query(
            "max_over_time((sum(weir_requests_accepted_total) - sum(weir_requests_total)"
            " - sum(weir_requests_active))[1m:1s])"), 0)


@contextlib.contextmanager
def traffic(weir):
    """Requests in the background."""
    stopping = threading.Event()

    def run():
        while not stopping.wait(0.05):
            ask(weir.address, CHAT, b'{"stream":true,"stream_options":{"include_usage":true}}')
            ask(weir.address, CHAT, x_sim_status="429")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


if __name__ == "__main__":
    unittest.main()

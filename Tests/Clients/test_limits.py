"""The real openai and anthropic libraries at a limit of two streams, fifty at a time.

With a queue every stream comes through; without one the libraries raise their own rate-limit error
for exactly those streams that had no place. Afterwards no place is lost.
"""

import concurrent.futures
import http.client
import http.server
import json
import re
import threading
import unittest
import urllib.request

import anthropic
import httpx2
import openai

from processes import provider, running, wait_until

STREAMS = 50
LIMIT = 2


class CountingProvider(http.server.ThreadingHTTPServer):
    """Answers two requests at a time, both at the moment when it has both."""

    daemon_threads = True
    # More than weir may have open, so that too many would be seen.
    request_queue_size = STREAMS

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            with self.server.lock:
                self.server.active += 1
                self.server.most = max(self.server.most, self.server.active)
            self.server.both.wait(timeout=20)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"o")
            # Before the last byte: with it weir may send the next.
            with self.server.lock:
                self.server.active -= 1
            self.wfile.write(b"k")

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.lock, self.both = threading.Lock(), threading.Barrier(LIMIT)
        self.active = self.most = 0
        self.address = "127.0.0.1:%d" % self.server_address[1]
        self.thread = threading.Thread(target=self.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.thread.join()
        self.server_close()


class Limited:
    """A weir of two loops with a limit of two streams, and both libraries pointed at it."""

    def __init__(self, test, queue, upstream=None):
        upstream = upstream or test.enterContext(provider())[0]
        address, process = test.enterContext(running(
            "run", "--upstream", "http://" + upstream, "--listen", "127.0.0.1:0",
            "--admin", "127.0.0.1:0", "--log-to", "off", "--loops", "2",
            "--max-streams", str(LIMIT), "--queue", str(queue), announces="relaying on"))
        # The line behind it.
        self.admin = re.search(r"admin on http://(\S+)/", process.stderr.readline()).group(1)
        self.address = address
        url = "http://" + address
        http = test.enterContext(httpx2.Client(timeout=30, limits=httpx2.Limits(
            max_connections=STREAMS, max_keepalive_connections=STREAMS)))
        self.openai = openai.OpenAI(
            base_url=url + "/v1", api_key="test", max_retries=0, http_client=http)
        self.anthropic = anthropic.Anthropic(
            base_url=url, api_key="test", max_retries=0, http_client=http)

    def stream(self, number, **headers):
        """Streams with one of the libraries; returns the number of events, or the error's name."""
        ask = dict(stream=True, messages=[{"role": "user", "content": "hi"}],
                   extra_headers=headers)
        try:
            if number % 2:
                events = self.openai.chat.completions.create(model="gpt-4o", **ask)
            else:
                events = self.anthropic.messages.create(
                    model="claude-sonnet-4", max_tokens=64, **ask)
            with events:
                return sum(1 for _ in events)
        except (openai.RateLimitError, anthropic.RateLimitError) as error:
            assert error.response.headers["x-weir-error"] == "queue_full", error
            assert int(error.response.headers["retry-after"]) >= 1, error
            return type(error).__module__.split(".")[0]

    def all_at_once(self, **headers):
        with concurrent.futures.ThreadPoolExecutor(STREAMS) as threads:
            return list(threads.map(lambda number: self.stream(number, **headers),
                                    range(STREAMS)))

    def page(self, path):
        with urllib.request.urlopen(f"http://{self.admin}{path}", timeout=10) as answer:
            return answer.read().decode()

    def limit(self):
        return json.loads(self.page("/limits"))[0]

    def metric(self, name):
        found = re.search(rf'^{name}{{limit="all"}} (\S+)$', self.page("/metrics"), re.MULTILINE)
        return float(found.group(1))


class Watch:
    """Scrapes all the while, and remembers the most that was in use and every drift."""

    def __init__(self, limited):
        self.limited, self.in_use, self.drifts, self.queued = limited, [], [], []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.is_over.wait(0.005):
            self.in_use.append(self.limited.metric("weir_limit_in_use"))
            self.queued.append(self.limited.metric("weir_limit_queued"))
            self.drifts.append(self.limited.metric("weir_limit_drift"))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()


class LimitsTest(unittest.TestCase):
    def check_nothing_is_left(self, limited):
        # 50 ms are promised; other work on the machine may take the rest.
        self.assertTrue(wait_until(lambda: limited.limit()["in_use"] == 0, seconds=2))
        self.assertEqual(limited.limit()["queued"], 0)
        self.assertEqual(limited.metric("weir_limit_in_use"), 0)
        self.assertEqual(limited.metric("weir_limit_drift"), 0)

    def test_all_come_through_the_queue(self):
        limited = Limited(self, queue=100)
        with Watch(limited) as watch:
            streams = limited.all_at_once(**{"x-sim-ttft": "20ms"})
        self.assertNotIn("openai", streams)
        self.assertNotIn("anthropic", streams)
        self.assertGreater(min(streams), 0)
        self.assertEqual(max(watch.in_use), LIMIT)
        self.assertGreater(max(watch.queued), LIMIT)
        self.assertEqual(set(watch.drifts), {0})
        self.check_nothing_is_left(limited)

    def test_without_a_queue_exactly_the_excess_is_refused(self):
        limited = Limited(self, queue=0)
        # Longer than it takes to start them all, so that no place comes free meanwhile.
        with Watch(limited) as watch:
            streams = limited.all_at_once(**{"x-sim-ttft": "4s"})
        refused = [stream for stream in streams if isinstance(stream, str)]
        self.assertEqual(len(refused), STREAMS - LIMIT)
        self.assertEqual(set(refused), {"openai", "anthropic"})
        self.assertEqual(max(watch.in_use), LIMIT)
        self.assertEqual(set(watch.drifts), {0})
        self.check_nothing_is_left(limited)

    def test_the_provider_sees_two_at_a_time_and_never_three(self):
        upstream = self.enterContext(CountingProvider())
        limited = Limited(self, queue=100, upstream=upstream.address)

        def fetch(_):
            connection = http.client.HTTPConnection(limited.address, timeout=30)
            connection.request("GET", "/")
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            return answer.status, body

        with concurrent.futures.ThreadPoolExecutor(STREAMS) as threads:
            answers = list(threads.map(fetch, range(STREAMS)))
        self.assertEqual(answers, [(200, b"ok")] * STREAMS)
        self.assertEqual(upstream.most, LIMIT)
        self.check_nothing_is_left(limited)

    def test_streams_that_are_given_up_lose_no_place(self):
        limited = Limited(self, queue=100)
        ask = dict(model="gpt-4o", stream=True, messages=[{"role": "user", "content": "hi"}],
                   extra_headers={"x-sim-gap": "200ms"})
        for _ in range(5):
            with limited.openai.chat.completions.create(**ask) as events:
                next(iter(events))
        self.check_nothing_is_left(limited)


if __name__ == "__main__":
    unittest.main()

"""Everything goes wrong at once, and the books stay right.

Clients on many threads send a seeded mix of requests: well-behaved ones, garbage, halves, ones
that leave in each phase, by FIN or RST, and ones that read slowly or not at all; the provider
plays every fault it knows. At every scrape meanwhile accepted = ended + active; afterwards
nothing is left open or held, upstream neither, and every line and every series agree.
"""

import collections
import contextlib
import os
import random
import threading
import time
import unittest

from live import (Kept, Weir, connect, new_trace, provider, read_answer, request_bytes, reset,
                  simulated, wait_until)

SEED = int(os.environ.get("WEIR_SEED", random.randrange(1 << 32)))
THREADS = 12
EXCHANGES = 70
FAULTS_BEFORE_HEAD = ["reset-before-head", "close-before-head", "garbage-head"]
FAULTS_IN_BODY = ["reset", "close", "stall", "truncate", "garbage-chunk", "in-stream-error"]
PATHS = ["/v1/chat/completions", "/v1/responses", "/v1/messages", "/api/chat",
         "/v1beta/models/g:streamGenerateContent"]
FORBIDDEN = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 no TLS here\r\n\r\n",
    b"GET / HTTP/1.1\nhost: x\n\n",
    b"GET /\x00 HTTP/1.1\r\nhost: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nXYZ\r\n",
    b"POST / HTTP/1.1\r\nhost: x\r\nhost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost : x\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: x\r\n folded: y\r\n\r\n",
]


class Chaos:
    """One thread's clients; `wrong` gathers what no answer may be."""

    def __init__(self, address, seed, whole):
        self.address, self.whole = address, whole
        self.random = random.Random(seed)
        self.wrong, self.done = [], collections.Counter()

    def run(self):
        kinds = [self.good] * 5 + [self.faulty] * 6 + [
            self.garbage, self.half, self.leaves_early, self.leaves_late, self.leaves_late,
            self.slow, self.deaf, self.refused, self.tunnel, self.pipelined]
        for _ in range(EXCHANGES):
            kind = self.random.choice(kinds)
            self.done[kind.__name__] += 1
            try:
                with contextlib.closing(connect(self.address)) as connection:
                    kind(connection)
            except OSError as error:
                # A RST by a fault of the mix is no surprise; a silence is.
                if isinstance(error, TimeoutError):
                    self.wrong.append((kind.__name__, repr(error)))

    def check(self, answer, path, fault=None):
        """Byte-exact and whole, or visibly cut and a prefix of the original."""
        if answer.status is None:
            return self.wrong.append(("no answer at all", path, fault))
        if answer.status == 200:
            original = self.whole[path]
            exact = answer.body == original
            told = fault in ("truncate", "in-stream-error")
            if answer.whole and not exact and not told:
                self.wrong.append(("altered", path, fault, answer.body[-80:]))
            if not original.startswith(answer.body) and fault != "in-stream-error":
                self.wrong.append(("no prefix", path, fault, answer.body[-80:]))
        elif not answer.whole:
            self.wrong.append(("error cut", path, fault, answer.status))

    def ask(self, path, **headers):
        return request_bytes(path, trace=new_trace(), **headers)

    def pace(self):
        chunking = self.random.choice(["event", "byte", "whole", "random:3", "2-per-write"])
        more = {"x_sim_chunking": chunking}
        if chunking == "event" and self.random.random() < 0.5:
            more["x_sim_gap"] = "1ms"
        return more

    # Kinds of clients

    def good(self, connection):
        path = self.random.choice(PATHS)
        connection.sendall(self.ask(path, **self.pace()))
        answer = read_answer(connection)
        self.check(answer, path)
        if not (answer.whole and answer.status == 200):
            self.wrong.append(("a good one failed", path, answer.status))

    def faulty(self, connection):
        path = self.random.choice(PATHS)
        fault = self.random.choice(FAULTS_BEFORE_HEAD + FAULTS_IN_BODY + ["dribble-head"])
        headers = {"x_sim_fault": fault}
        if fault in FAULTS_IN_BODY:
            headers["x_sim_fault_after"] = str(self.random.randrange(5))
        if fault == "dribble-head":
            headers["x_sim_gap"] = "100us"
        if self.random.random() < 0.3 and fault != "in-stream-error":
            headers["x_sim_interim"] = self.random.choice(["100", "102", "103"])
        connection.sendall(self.ask(path, **headers))
        self.check(read_answer(connection), path, fault)

    def garbage(self, connection):
        connection.sendall(self.random.choice(FORBIDDEN))
        connection.recv(4096)

    def half(self, connection):
        request = self.ask(PATHS[0])
        connection.sendall(request[:self.random.randrange(1, len(request) - 1)])
        (reset if self.random.random() < 0.3 else lambda it: it.close())(connection)

    def leaves_early(self, connection):
        late = self.random.choice(["x_sim_head_delay", "x_sim_ttft", "x_sim_delay_body_read"])
        connection.sendall(self.ask(PATHS[0], **{late: "5s"}))
        time.sleep(self.random.random() * 0.02)
        if self.random.random() < 0.5:
            reset(connection)

    def leaves_late(self, connection):
        fault = self.random.choice([{"x_sim_fault": "never-ends"}, {"x_sim_events": "0"},
                                    {"x_sim_events": "1000", "x_sim_gap": "5ms"}])
        connection.sendall(self.ask(PATHS[0], **fault))
        for _ in range(self.random.randrange(1, 5)):
            connection.recv(self.random.choice([1, 500, 4000]))
        if self.random.random() < 0.5:
            reset(connection)

    def slow(self, connection):
        path = self.random.choice(PATHS)
        connection.sendall(self.ask(path, **self.pace()))
        time.sleep(0.05)
        self.check(read_answer(connection), path)

    def deaf(self, connection):
        connection.sendall(self.ask(PATHS[0], x_sim_events="0", x_sim_event_bytes="20000"))
        time.sleep(0.1)

    def refused(self, connection):
        status = self.random.choice(["400", "401", "404", "429", "500", "503", "529"])
        connection.sendall(self.ask(self.random.choice(PATHS), x_sim_status=status))
        answer = read_answer(connection)
        if answer.status != int(status) or not answer.whole:
            self.wrong.append(("status", status, answer.status))

    def tunnel(self, connection):
        connection.sendall(request_bytes(
            "/v1/realtime", method="GET", connection="Upgrade", upgrade="websocket",
            sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==", sec_websocket_version="13"))
        head = connection.recv(4096)
        frame = self.random.randbytes(200)
        connection.sendall(frame)
        echo = b""
        while b"101" in head and len(echo) < len(frame):
            echo += connection.recv(4096)
        if echo != frame:
            self.wrong.append(("tunnel", head, echo))

    def pipelined(self, connection):
        connection.sendall(self.ask(PATHS[0]) * 3)
        kept = Kept(connection)
        for _ in range(3):
            self.check(read_answer(kept), PATHS[0])


class Scraper(threading.Thread):
    """Scrapes until told to stop; `imbalances` gathers every page that does not add up."""

    def __init__(self, weir):
        super().__init__(daemon=True)
        self.weir, self.scrapes, self.imbalances = weir, 0, []
        self.stopping = threading.Event()
        self.start()

    def run(self):
        while not self.stopping.wait(0.2):
            page = self.weir.metrics()
            self.scrapes += 1
            if page.imbalance or page.sum("weir_requests_active") < 0:
                self.imbalances.append((self.scrapes, page.imbalance))


class ChaosTest(unittest.TestCase):
    def test_the_books_after_and_during_chaos(self):
        upstream, simulator = self.enterContext(provider())
        weir = self.enterContext(Weir(
            simulated(upstream, first_byte_timeout="10s", idle_timeout="2s",
                      keep_alive={"max_idle": 0})
            | {"slow_client_timeout": "2s", "client_header_timeout": "2s",
               "client_body_timeout": "2s", "client_idle_timeout": "3s"}))
        whole = {path: self.fetch(upstream, path) for path in PATHS}
        weir.metrics()
        start = weir.descriptors, descriptors(simulator.pid)

        scraper = Scraper(weir)
        crowd = [Chaos(weir.address, SEED + number, whole) for number in range(THREADS)]
        threads = [threading.Thread(target=one.run) for one in crowd]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        scraper.stopping.set()
        scraper.join()

        with self.subTest(seed=SEED):
            self.assertEqual([], [wrong for one in crowd for wrong in one.wrong][:5])
            self.assertGreater(scraper.scrapes, 5)
            self.assertEqual([], scraper.imbalances)
            self.nothing_is_left(weir, simulator.pid, start)
            self.lines_agree(weir)

    def fetch(self, upstream, path):
        with contextlib.closing(connect(upstream)) as connection:
            connection.sendall(request_bytes(path))
            return read_answer(connection).body

    def nothing_is_left(self, weir, simulator, start):
        page = weir.settled()
        self.assertTrue(
            wait_until(lambda: (weir.descriptors, descriptors(simulator)) <= start),
            f"descriptors {weir.descriptors}, {descriptors(simulator)}; at the start {start}")
        page = weir.metrics()
        self.assertEqual(page.imbalance, 0)
        for gauge in ("weir_requests_active", "weir_streams_active", "weir_buffered_bytes",
                      "weir_backpressured_streams", "weir_downstream_connections",
                      "weir_upstream_connections", "weir_websocket_sessions"):
            self.assertEqual(page.sum(gauge), 0, gauge)

    def lines_agree(self, weir):
        page = weir.metrics()
        ended = page.sum("weir_requests_total")
        self.assertTrue(wait_until(lambda: len(weir.exchanges()) >= ended))
        lines = weir.exchanges()
        dropped = page.sum("weir_log_lines_dropped_total")
        self.assertEqual(len(lines) + dropped, ended)
        self.assertEqual(len({line["request_id"] for line in lines}), len(lines))
        outcomes = collections.Counter(line["outcome"] for line in lines)
        for outcome, count in outcomes.items():
            self.assertEqual(page.sum("weir_requests_total", outcome=outcome), count, outcome)
        for outcome in (
                "completed", "invalid_request", "client_gone_before_first_token",
                "client_gone_mid_stream", "upstream_reset", "upstream_malformed",
                "upstream_stalled", "upstream_http_error", "upstream_error",
                "upstream_truncated"):
            self.assertGreater(outcomes[outcome], 0, f"{outcome} never came: {outcomes}")
        failures = collections.Counter(
            (line["error_origin"], line["error_type"]) for line in lines if "error_type" in line)
        for (origin, error_type), count in failures.items():
            self.assertEqual(
                page.sum("weir_errors_total", origin=origin, error_type=error_type), count)


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


if __name__ == "__main__":
    unittest.main()

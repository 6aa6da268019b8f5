"""Every row of the table of outcomes, as the client, the log and the metrics see it.

Each row makes one exchange end in its way, with a provider that really does so, and states what
the log line must say. At the end the metrics must hold what the lines hold, and nothing else.
"""

import collections
import contextlib
import re
import resource
import socket
import unittest

from live import (Weir, ask, connect, free_port, new_trace, provider, read_answer,
                  receive_until, request_bytes, reset, simulated, wait_until)

DONE = b"data: [DONE]\n\n"
CHAT = "/v1/chat/completions"


def settings(url, refusing, full):
    """One provider under several sets of time limits, and addresses where there is none."""
    quick = {"url": "http://" + url, "first_byte_timeout": "300ms", "idle_timeout": "300ms"}
    upstreams = {
        "sim": {"url": "http://" + url},
        "quick": quick,
        "short": {"url": "http://" + url, "stream_timeout": "300ms"},
        "refused": {"url": f"http://127.0.0.1:{refusing}", "retry": {"attempts": 1}},
        "full": {"url": f"http://127.0.0.1:{full}", "connect_timeout": "300ms",
                 "retry": {"attempts": 1}},
        "unnamed": {"url": "http://no-such-host.invalid", "retry": {"attempts": 1}},
        "tls": {"url": "https://" + url},
    }
    return {
        "upstreams": upstreams,
        "routes": [{"name": name, "path": f"/{name}/", "strip": True, "upstream": name}
                   for name in upstreams],
        "slow_client_timeout": "400ms", "client_header_timeout": "400ms",
        "client_body_timeout": "400ms", "max_request_body": "64KiB",
    }


@contextlib.contextmanager
def full_listener():
    """A port whose queue is full, so that the kernel answers no further SYN; yields it."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(contextlib.closing(socket.socket()))
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(contextlib.closing(socket.socket()))
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


class OutcomesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.upstream, _ = cls.enterClassContext(provider())
        full = cls.enterClassContext(full_listener())
        cls.weir = cls.enterClassContext(Weir(settings(cls.upstream, free_port(), full)))

    @classmethod
    def tearDownClass(cls):
        """What the lines say must be what the metrics say."""
        page = cls.weir.settled()
        told, counted = collections.Counter(), collections.Counter()
        failed, errors = collections.Counter(), collections.Counter()
        for line in cls.weir.exchanges():
            code = f"{line['status'] // 100}xx" if "status" in line else "none"
            told[line["route"], str(line["stream"]).lower(), code, line["outcome"]] += 1
            if "error_type" in line:
                failed[line["route"], line["error_origin"], line["error_type"]] += 1
        for sample in page.all:
            labels = sample.labels
            if sample.name == "weir_requests_total" and sample.value:
                key = labels["route"], labels["stream"], labels["code"], labels["outcome"]
                counted[key] += int(sample.value)
            if sample.name == "weir_errors_total" and sample.value:
                errors[labels["route"], labels["origin"], labels["error_type"]] += int(sample.value)
        assert told == counted, (told - counted, counted - told)
        assert failed == errors, (failed - errors, errors - failed)
        assert page.imbalance == 0
        assert page.sum("weir_streams_active") == 0

    def ends(self, trace, outcome, error_type=None, origin=None, **facts):
        """The exchange's line says so; returns the line."""
        line = self.weir.line(trace)
        said = line["outcome"], line.get("error_type"), line.get("error_origin")
        self.assertEqual(said, (outcome, error_type, origin), line)
        for name, value in facts.items():
            self.assertEqual(line.get(name), value, f"{name} in {line}")
        return line

    def asks(self, route="sim", path=CHAT, **keywords):
        trace = new_trace()
        return trace, ask(self.weir.address, f"/{route}{path}", trace=trace, **keywords)

    def sends(self, request):
        connection = connect(self.weir.address)
        self.addCleanup(connection.close)
        connection.sendall(request)
        return connection

    def opens(self, route="sim", path=CHAT, **keywords):
        trace = new_trace()
        return trace, self.sends(request_bytes(f"/{route}{path}", trace=trace, **keywords))

    # Completed

    def test_a_stream_to_its_terminal(self):
        trace, answer = self.asks()
        self.assertTrue(answer.whole and answer.body.endswith(DONE))
        self.ends(trace, "completed", status=200, stream=True, finish_reason="stop",
                  operation="chat", model_requested="gpt-4o", model="gpt-4o-2024-08-06",
                  bytes_down=len(answer.body))

    def test_a_client_that_closes_right_behind_the_terminal(self):
        # The framing's end comes later than the terminal, or not at all.
        for route, fault in (("sim", "stall"), ("quick", "stall"), ("sim", "reset")):
            with self.subTest(route=route, fault=fault):
                trace, connection = self.opens(
                    route, x_sim_replay="openai-chat/text-usage.sse", x_sim_fault=fault,
                    x_sim_fault_after="99")
                receive_until(connection, DONE)
                connection.close()
                line = self.ends(trace, "completed", status=200, stream=True)
                self.assertEqual(line["usage_source"], "reported")

    def test_an_answer_that_is_no_stream(self):
        trace, answer = self.asks(body=b'{"model":"gpt-4o"}')
        self.assertTrue(answer.whole)
        self.ends(trace, "completed", status=200, stream=False, usage_source="reported")

    def test_a_tunnel_closed_by_its_client(self):
        trace, connection = self.opens(
            path="/v1/realtime", method="GET", connection="Upgrade", upgrade="websocket",
            sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==", sec_websocket_version="13")
        receive_until(connection, b"\r\n\r\n")
        connection.close()
        self.ends(trace, "completed", status=101, stream=True)

    # The request

    def test_a_head_that_two_parsers_could_read_differently(self):
        # Refused before its fields are trusted, traceparent among them: found by its time alone.
        before = len(self.weir.exchanges())
        head = request_bytes("/sim" + CHAT).replace(b"host:", b"host :")
        answer = read_answer(self.sends(head))
        self.assertEqual((answer.status, answer.headers["x-weir-error"]), (400, "invalid_request"))
        self.one_more(before, "invalid_request", 400)

    def test_a_head_without_measure(self):
        before = len(self.weir.exchanges())
        answer = read_answer(self.sends(request_bytes("/sim" + CHAT, x_long="x" * 70_000)))
        self.assertEqual((answer.status, answer.headers["x-weir-error"]), (431, "too_large"))
        self.one_more(before, "too_large", 431)

    def test_half_a_head(self):
        before = len(self.weir.exchanges())
        answer = read_answer(self.sends(b"POST /sim/v1/chat HTTP/1.1\r\nhost: x\r\n"))
        self.assertEqual((answer.status, answer.headers["x-weir-error"]), (408, "timeout"))
        self.one_more(before, "timeout", 408)

    def one_more(self, before, error_type, status):
        self.assertTrue(wait_until(lambda: len(self.weir.exchanges()) > before))
        line = self.weir.exchanges()[before]
        self.assertEqual(
            (line["outcome"], line["error_type"], line["error_origin"], line["status"],
             line["route"]),
            ("invalid_request", error_type, "client", status, "none"))

    def test_half_a_body(self):
        trace = new_trace()
        request = request_bytes("/sim" + CHAT, trace=trace, body=b"x" * 50)[:-10]
        answer = read_answer(self.sends(request))
        self.assertEqual(answer.status, 408)
        self.ends(trace, "invalid_request", "timeout", "client", status=408)

    def test_a_body_over_the_limit(self):
        trace, answer = self.asks(body=b"x" * 70_000)
        self.assertEqual(answer.status, 413)
        self.ends(trace, "invalid_request", "too_large", "client", status=413)

    def test_a_path_without_a_route(self):
        trace, answer = self.asks("elsewhere")
        self.assertEqual(answer.status, 404)
        line = self.ends(trace, "invalid_request", "no_route", "client", status=404, route="none")
        self.assertNotIn("upstream", line)

    # The client

    def test_a_client_gone_before_the_first_token(self):
        for headers in ({"x_sim_head_delay": "30s"}, {"x_sim_ttft": "30s"}):
            with self.subTest(headers=headers):
                trace, connection = self.opens(**headers)
                if "x_sim_ttft" in headers:
                    receive_until(connection, b"\r\n\r\n")
                connection.close()
                self.ends(trace, "client_gone_before_first_token", "client_closed", "client")

    def test_a_client_gone_amid_a_stream(self):
        for leave in (lambda connection: connection.close(), reset):
            trace, connection = self.opens(x_sim_gap="50ms", x_sim_events="1000")
            receive_until(connection, b'"content":"a')
            leave(connection)
            line = self.ends(
                trace, "client_gone_mid_stream", "client_closed", "client", status=200)
            self.assertGreater(line["content_events"], 0)
            self.assertIn("ttft_ms", line)

    def test_a_client_gone_before_the_first_byte_of_another_body(self):
        trace, connection = self.opens(body=b"{}", x_sim_ttft="30s")
        receive_until(connection, b"\r\n\r\n")
        connection.close()
        self.ends(trace, "client_gone_before_first_token", "client_closed", "client", status=200)

    def test_a_client_that_takes_nothing(self):
        trace, connection = self.opens(x_sim_events="0", x_sim_event_bytes="16384")
        line = self.ends(trace, "slow_client", "slow_client", "client", status=200)
        self.assertGreater(line["backpressure_events"], 0)
        connection.close()

    # The network

    def test_nobody_upstream(self):
        for route, status, error_type in (
                ("refused", 502, "connect_refused"), ("full", 504, "connect_timeout"),
                ("unnamed", 502, "dns"), ("tls", 502, "tls")):
            with self.subTest(route=route):
                trace, answer = self.asks(route)
                self.assertEqual(
                    (answer.status, answer.headers["x-weir-error"]), (status, error_type))
                self.ends(trace, "connect_failed", error_type, "network", status=status,
                          upstream=route, stream=True)

    # Upstream

    def test_upstream_ends_before_its_head(self):
        for fault, outcome, error_type in (
                ("reset-before-head", "upstream_reset", "reset"),
                ("close-before-head", "upstream_reset", "reset"),
                ("garbage-head", "upstream_malformed", "malformed_response")):
            with self.subTest(fault=fault):
                trace, answer = self.asks(x_sim_fault=fault)
                self.assertEqual(
                    (answer.status, answer.headers["x-weir-error"]), (502, error_type))
                self.ends(trace, outcome, error_type, "upstream", status=502, stream=True)

    def test_upstream_breaks_off(self):
        for fault, outcome, error_type in (
                ("reset", "upstream_reset", "reset"), ("close", "upstream_reset", "reset"),
                ("garbage-chunk", "upstream_malformed", "malformed_response")):
            for body in (b'{"stream":true}', b"{}"):
                with self.subTest(fault=fault, body=body):
                    trace, answer = self.asks(
                        x_sim_fault=fault, x_sim_fault_after="1", x_sim_framing="chunked",
                        body=body)
                    self.assertEqual((answer.status, answer.whole), (200, False))
                    self.ends(trace, outcome, error_type, "upstream", status=200)

    def test_upstream_is_silent(self):
        trace, answer = self.asks("quick", x_sim_head_delay="30s")
        self.assertEqual((answer.status, answer.headers["x-weir-error"]), (504, "timeout"))
        self.ends(trace, "upstream_timeout", "timeout", "upstream", status=504)
        trace, answer = self.asks("quick", x_sim_fault="stall", x_sim_fault_after="3")
        self.assertEqual((answer.status, answer.whole), (200, False))
        self.ends(trace, "upstream_stalled", "stalled", "upstream", status=200)
        trace, answer = self.asks("short", x_sim_events="100", x_sim_gap="20ms")
        self.assertEqual((answer.status, answer.whole), (200, False))
        self.ends(trace, "upstream_timeout", "timeout", "upstream", status=200)

    def test_upstream_refuses(self):
        for path, status, error_type in (
                (CHAT, 400, "invalid_request"), (CHAT, 401, "authentication"),
                (CHAT, 403, "permission"), (CHAT, 404, "not_found"), (CHAT, 429, "rate_limited"),
                (CHAT, 500, "server_error"), (CHAT, 503, "overloaded"),
                ("/v1/messages", 401, "authentication"), ("/v1/messages", 429, "rate_limited"),
                ("/v1/messages", 529, "overloaded"), ("/v1/messages", 504, "timeout"),
                ("/v1beta/models/g:generateContent", 429, "rate_limited")):
            with self.subTest(path=path, status=status):
                trace, answer = self.asks(path=path, x_sim_status=str(status))
                self.assertEqual((answer.status, answer.whole), (status, True))
                self.assertNotIn("x-weir-error", answer.headers)
                self.ends(trace, "upstream_http_error", error_type, "upstream", status=status,
                          bytes_down=len(answer.body))

    def test_an_error_inside_a_stream_that_began_well(self):
        # Each says "Overloaded" in its own way, in a code, a type or the message.
        for path in (CHAT, "/v1/responses", "/v1/messages", "/api/chat",
                     "/v1beta/models/g:streamGenerateContent"):
            for encoding in ("identity", "gzip"):
                with self.subTest(path=path, encoding=encoding):
                    trace, answer = self.asks(
                        path=path, x_sim_fault="in-stream-error", x_sim_fault_after="3",
                        x_sim_encoding=encoding)
                    self.assertEqual((answer.status, answer.whole), (200, True))
                    line = self.ends(
                        trace, "upstream_error", "overloaded", "upstream", status=200, stream=True)
                    self.assertEqual(line.get("content_encoding"),
                                     "gzip" if encoding == "gzip" else None)

    def test_a_stream_without_its_terminal(self):
        for path in (CHAT, "/v1/responses", "/v1/messages", "/api/chat"):
            with self.subTest(path=path):
                trace, answer = self.asks(
                    path=path, x_sim_fault="truncate", x_sim_fault_after="6")
                self.assertTrue(answer.whole)
                self.ends(trace, "upstream_truncated", "truncated", "upstream", status=200)


class UnreadableTest(unittest.TestCase):
    """A coding that weir does not know costs the facts, and blames nobody."""

    def test_a_stream_in_an_unknown_coding(self):
        listener = self.enterContext(contextlib.closing(socket.create_server(("127.0.0.1", 0))))
        weir = self.enterContext(Weir(simulated("127.0.0.1:%d" % listener.getsockname()[1])))
        trace = new_trace()
        with contextlib.closing(connect(weir.address)) as client:
            client.sendall(request_bytes(CHAT, trace=trace))
            with contextlib.closing(listener.accept()[0]) as upstream:
                upstream.recv(65536)
                upstream.sendall(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                    b"content-encoding: br\r\ncontent-length: 5\r\n\r\n\x0b\x02\x80hi")
                self.assertEqual(read_answer(client).body, b"\x0b\x02\x80hi")
        line = weir.line(trace)
        self.assertEqual((line["outcome"], line["content_encoding"]), ("completed", "br"))
        page = weir.settled()
        self.assertEqual(page.sum("weir_observer_errors_total", kind="bad_encoding"), 1)
        self.assertEqual(page.sum("weir_observer_errors_total"), 1)


class LimitsTest(unittest.TestCase):
    """Turned away by a limit, or gone while waiting in its queue."""

    def test_full_and_slow_queues(self):
        upstream, _ = self.enterContext(provider())
        settings = simulated(upstream) | {"loops": 1, "limits": {
            "few": {"max_streams": 1, "queue": {"max": 1, "timeout": "400ms"}}}}
        settings["routes"][0]["limits"] = ["few"]
        weir = self.enterContext(Weir(settings))
        holder = self.enterContext(contextlib.closing(connect(weir.address)))
        holder.sendall(request_bytes(CHAT, x_sim_events="0", x_sim_gap="50ms"))
        receive_until(holder, b'"content":"a')

        def waits():
            trace = new_trace()
            connection = connect(weir.address)
            self.addCleanup(connection.close)
            connection.sendall(request_bytes(CHAT, trace=trace))
            self.assertTrue(wait_until(lambda: weir.metrics().sum("weir_limit_queued") == 1))
            return trace, connection

        trace, waiting = waits()
        full = new_trace()
        refused = ask(weir.address, CHAT, trace=full)
        self.assertEqual((refused.status, refused.headers["x-weir-error"]), (429, "queue_full"))
        self.assertIn("retry-after", refused.headers)
        late = read_answer(waiting)
        self.assertEqual((late.status, late.headers["x-weir-error"]), (429, "queue_timeout"))
        gone, waiting = waits()
        waiting.close()
        for trace, outcome, error_type, origin in (
                (trace, "rejected", "queue_timeout", "relay"),
                (full, "rejected", "queue_full", "relay"),
                (gone, "client_gone_before_first_token", "client_closed", "client")):
            line = weir.line(trace)
            self.assertEqual((line["outcome"], line["error_type"], line["error_origin"]),
                             (outcome, error_type, origin))
        next_one, waiting = waits()
        holder.close()
        self.assertTrue(read_answer(waiting).whole)
        line = weir.line(next_one)
        self.assertEqual((line["outcome"], line["limiter"]), ("completed", "few"))
        self.assertGreater(line["queue_ms"], 0)
        page = weir.settled()
        for gauge in ("weir_limit_in_use", "weir_limit_queued", "weir_limit_drift"):
            self.assertEqual(page.sum(gauge), 0, gauge)
        self.assertEqual(page.imbalance, 0)


class UsageTest(unittest.TestCase):
    """Tokens as reported, whatever cuts the stream or compresses it."""

    @classmethod
    def setUpClass(cls):
        cls.upstream, _ = cls.enterClassContext(provider())
        cls.weir = cls.enterClassContext(Weir(simulated(cls.upstream) | {
            "prices": {"gpt-4o-2024-08-06": {"input": 2.5, "output": 10}}}))

    def test_openai_and_anthropic_report_what_the_provider_said(self):
        usage = b'{"stream":true,"stream_options":{"include_usage":true}}'
        for path, body in ((CHAT, usage), (CHAT, b"{}"), ("/v1/responses", b'{"stream":true}'),
                           ("/v1/messages", b'{"stream":true}'), ("/api/chat", b"{}")):
            for more in ({}, {"x_sim_encoding": "gzip"}, {"x_sim_chunking": "byte"},
                         {"x_sim_chunking": "random:7", "x_sim_encoding": "gzip"}):
                with self.subTest(path=path, **more):
                    trace = new_trace()
                    plain = ask(self.upstream, path, body=body).body
                    answer = ask(self.weir.address, path, body=body, trace=trace, **more)
                    self.assertTrue(answer.whole)
                    line = self.weir.line(trace)
                    reported = reported_tokens(plain)
                    self.assertEqual(
                        (line["input_tokens"], line["output_tokens"], line["usage_source"]),
                        (*reported, "reported"))
                    if line.get("model") == "gpt-4o-2024-08-06":
                        cost = reported[0] * 2.5e-6 + reported[1] * 10e-6
                        self.assertAlmostEqual(line["cost_usd"], cost, places=12)

    def test_a_stream_without_usage_has_none(self):
        trace = new_trace()
        ask(self.weir.address, CHAT, trace=trace)
        line = self.weir.line(trace)
        self.assertEqual((line["outcome"], line["usage_source"]), ("completed", "missing"))
        self.assertNotIn("output_tokens", line)

    def test_usage_seen_before_a_cut_is_partial(self):
        # Anthropic reports its input with the first event.
        trace = new_trace()
        ask(self.weir.address, "/v1/messages", trace=trace, x_sim_fault="reset",
            x_sim_fault_after="5")
        line = self.weir.line(trace)
        self.assertEqual((line["outcome"], line["usage_source"]), ("upstream_reset", "partial"))
        self.assertGreater(line["input_tokens"], 0)

    def test_the_metrics_add_the_lines_up(self):
        self.test_usage_seen_before_a_cut_is_partial()
        page = self.weir.settled()
        lines = self.weir.exchanges()
        for direction in ("input", "output"):
            total = sum(line.get(direction + "_tokens", 0) for line in lines)
            self.assertEqual(page.sum("weir_tokens_total", direction=direction), total)
        cost = sum(line.get("cost_usd", 0) for line in lines)
        self.assertAlmostEqual(page.sum("weir_cost_usd_total"), cost, places=9)


def reported_tokens(body):
    """Input and output tokens by the last report in a body, read without weir's help."""
    def last(*names):
        found = re.findall(rb'"(?:' + b"|".join(names) + rb')":(\d+)', body)
        return int(found[-1])
    return (last(b"prompt_tokens", b"input_tokens", b"prompt_eval_count"),
            last(b"completion_tokens", b"output_tokens", b"eval_count"))


class ShortOfDescriptorsTest(unittest.TestCase):
    """Out of descriptors weir answers 503 and says that it is its own fault."""

    def test_relay_error(self):
        upstream, _ = self.enterContext(provider())
        # Enough for weir itself and a few streams of two descriptors each.
        few = 48
        weir = self.enterContext(Weir(
            simulated(upstream) | {"loops": 1},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (few, few))))
        held = []
        # A scrape takes descriptors of its own, so weir is asked for figures only afterwards.
        if (few - weir.descriptors) % 2 == 0:
            held.append(connect(weir.address))
        while True:
            connection = connect(weir.address)
            held.append(connection)
            connection.sendall(request_bytes(CHAT, x_sim_events="0", x_sim_gap="1s"))
            if not connection.recv(4096).startswith(b"HTTP/1.1 200"):
                break
            self.assertLess(len(held), few)
        for connection in held:
            connection.close()
        # Weir hears of that when its loop next turns; a scrape before then finds none left either.
        self.assertTrue(wait_until(lambda: weir.descriptors < few - 8))
        page = weir.settled()
        self.assertEqual(page.sum("weir_requests_total", outcome="relay_error", code="5xx"), 1)
        self.assertEqual(page.sum("weir_errors_total", origin="relay", error_type="other"), 1)
        self.assertEqual(page.imbalance, 0)
        # And it goes on well afterwards.
        self.assertTrue(ask(weir.address, CHAT).whole)


if __name__ == "__main__":
    unittest.main()

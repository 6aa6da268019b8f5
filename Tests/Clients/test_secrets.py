"""A canary in every place where a secret may stand, and not one of them anywhere in weir's words.

Planted in prompt, completion, key, cookie, query string, header values and settings; looked for in
the log at every level, on every admin page, on standard error, and in the bodies of weir's own
errors: one of each way in which a request can fail.
"""

import contextlib
import json
import unittest
import uuid

from live import (Weir, ask, connect, free_port, in_background, new_trace, provider, read_answer,
                  request_bytes, wait_until)


class SecretsTest(unittest.TestCase):
    level = "debug"

    def setUp(self):
        upstream, _ = self.enterContext(provider())
        self.canaries = {}
        self.weir = self.enterContext(Weir({
            "upstreams": {
                "sim": {"url": "http://" + upstream},
                "gone": {"url": f"http://127.0.0.1:{free_port()}", "retry": {"attempts": 1}},
                "unnamed": {"url": "http://weir.invalid", "retry": {"attempts": 1}},
                "tls": {"url": "https://" + upstream, "retry": {"attempts": 1}},
                "hasty": {"url": "http://" + upstream, "first_byte_timeout": "200ms",
                          "idle_timeout": "200ms"}},
            "routes": [
                *({"name": name, "path": f"/{name}/", "strip": True, "upstream": name}
                  for name in ("gone", "unnamed", "tls", "hasty")),
                {"name": "narrow", "path": "/narrow/", "strip": True, "upstream": "sim",
                 "limits": ["one"]},
                {"name": "sim", "path": "/", "upstream": "sim", "request_headers": {
                    "set": {"x-injected": "Bearer ${CANARY}", "x-plain": self.canary("settings")}}},
            ],
            "limits": {"one": {"by": "header:authorization", "max_streams": 1,
                               "queue": {"max": 1, "timeout": "2s"}}},
            "max_request_body": "1MiB", "client_header_timeout": "1s", "client_body_timeout": "500ms",
            "slow_client_timeout": "500ms"},
            level=self.level, environment={"CANARY": self.canary("variable")}))

    def canary(self, place):
        return self.canaries.setdefault(place, "canary" + uuid.uuid4().hex)

    def secret_headers(self):
        return {"authorization": "Bearer " + self.canary("key"),
                "x_api_key": self.canary("api-key"), "cookie": "s=" + self.canary("cookie"),
                "x_goog_api_key": self.canary("google-key"), "baggage": self.canary("baggage")}

    def test_no_canary_in_any_word_of_weirs(self):
        prompt = self.canary("prompt")
        query = "?key=" + self.canary("query")
        body = ('{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"%s"}]}'
                % prompt).encode()
        own, traces = [], []

        def asks(path, **more):
            traces.append(new_trace())
            return ask(self.weir.address, path + query, body, trace=traces[-1],
                       **self.secret_headers(), **more)

        # The echo is the completion: it holds all that was sent, the settings' header included.
        echo = asks("/echo", x_sim_echo="1").body.decode()
        for place in ("prompt", "key", "cookie", "query", "settings", "variable"):
            self.assertIn(self.canary(place), echo, f"{place} did not reach upstream")
        for path in ("/v1/chat/completions", "/v1/messages",
                     "/v1beta/models/g:streamGenerateContent"):
            for more in ({}, {"x_sim_status": "401"}, {"x_sim_fault": "in-stream-error"},
                         {"x_sim_fault": "garbage-chunk"}, {"x_sim_fault": "reset"}):
                asks(path, **more)
            own.append(asks(path, x_sim_fault="garbage-head"))
        for route in ("gone", "unnamed", "tls"):
            own.append(asks(f"/{route}/v1/chat/completions"))
        own.append(asks("/hasty/v1/chat/completions", x_sim_head_delay="5s"))
        asks("/hasty/v1/chat/completions", x_sim_fault="stall")
        own.append(self.malformed(query))
        own.append(self.asks_too_much(query))
        own.append(self.stops_amid_its_body(query))
        own += self.waits_in_vain("/narrow/v1/chat/completions" + query, body)
        self.takes_nothing(query)
        for trace in traces:
            if self.level == "debug":
                self.weir.line(trace)
        errors = {answer.headers["x-weir-error"] for answer in own}
        self.assertGreaterEqual(errors, {
            "malformed_response", "connect_refused", "dns", "tls", "timeout", "invalid_request",
            "too_large", "queue_full", "queue_timeout"})
        # A reload tells of settings, and of mistakes in them.
        self.weir.write_settings('{ upstreams: { a: { url: "%s" } } }' % self.canary("settings"))
        self.weir.process.send_signal(1)
        self.weir.said("not reloaded")

        words = {
            "log": self.weir.log_path.read_text(), "stderr": self.weir.stderr,
            "errors": "".join(answer.body.decode() + str(answer.headers) for answer in own)}
        for page in ("/metrics", "/config", "/healthz", "/readyz", "/streams", "/limits", "/",
                     "/nowhere" + query):
            words[page] = self.weir.page(page)[2]
        words["openmetrics"] = self.weir.page(
            "/metrics", accept="application/openmetrics-text; version=1.0.0")[2]
        for where, text in words.items():
            for place, canary in self.canaries.items():
                if (where, place) == ("stderr", "settings"):
                    continue  # the mistaken URL of the reload, which is no secret of a field
                self.assertFalse(canary in text, f"the {place} stands in {where}")
        self.assertIn("x-injected", words["/config"])

    def asks_too_much(self, query):
        return self.sends(request_bytes(
            "/v1/chat/completions" + query, **self.secret_headers()).replace(
                b"content-length: 32", b"content-length: 3000000"))

    def stops_amid_its_body(self, query):
        return self.sends(request_bytes(
            "/v1/chat/completions" + query, **self.secret_headers())[:-1])

    def waits_in_vain(self, path, body):
        """One stream holds the only place, one request waits too long, one finds the queue full."""
        headers = self.secret_headers()
        holder = connect(self.weir.address)
        self.addCleanup(holder.close)
        holder.sendall(request_bytes(path, body, x_sim_events="0", x_sim_gap="50ms", **headers))
        holder.recv(1)
        waiting = in_background(lambda: ask(self.weir.address, path, body, **headers))
        wait_until(lambda: self.weir.metrics().sum("weir_limit_queued") == 1)
        refused = ask(self.weir.address, path, body, **headers)
        return [refused, waiting.result()]

    def takes_nothing(self, query):
        connection = connect(self.weir.address, receive_buffer=4096)
        self.addCleanup(connection.close)
        connection.sendall(request_bytes(
            "/v1/chat/completions" + query, x_sim_events="0", x_sim_event_bytes="16384",
            **self.secret_headers()))
        wait_until(lambda: self.weir.metrics().sum("weir_requests_total", outcome="slow_client"))

    def sends(self, request):
        with contextlib.closing(connect(self.weir.address)) as connection:
            connection.sendall(request)
            return read_answer(connection)

    def malformed(self, query):
        connection = connect(self.weir.address)
        self.addCleanup(connection.close)
        request = request_bytes("/v1/chat/completions" + query, **self.secret_headers())
        connection.sendall(request.replace(b"host:", b"host :"))
        return read_answer(connection)


class SecretsAtInfoTest(SecretsTest):
    level = "info"


class SecretsAtErrorTest(SecretsTest):
    level = "error"


if __name__ == "__main__":
    unittest.main()

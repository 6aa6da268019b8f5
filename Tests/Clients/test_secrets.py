"""A canary in every place where a secret may stand, and not one of them anywhere in weir's words.

Planted in prompt, completion, key, cookie, query string, header values and settings; looked for in
the log at its most talkative, on every admin page, on standard error, and in the bodies of weir's
own errors.
"""

import unittest
import uuid

from live import Weir, ask, connect, free_port, new_trace, provider, read_answer, request_bytes


class SecretsTest(unittest.TestCase):
    def setUp(self):
        upstream, _ = self.enterContext(provider())
        self.canaries = {}
        self.weir = self.enterContext(Weir({
            "upstreams": {
                "sim": {"url": "http://" + upstream},
                "gone": {"url": f"http://127.0.0.1:{free_port()}", "retry": {"attempts": 1}}},
            "routes": [
                {"name": "gone", "path": "/gone/", "upstream": "gone"},
                {"name": "sim", "path": "/", "upstream": "sim", "request_headers": {
                    "set": {"x-injected": "Bearer ${CANARY}", "x-plain": self.canary("settings")}}},
            ]}, environment={"CANARY": self.canary("variable")}))

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
        own.append(asks("/gone/v1/chat/completions"))
        own.append(self.malformed(query))
        for trace in traces:
            self.weir.line(trace)
        for answer in own:
            self.assertIn("x-weir-error", answer.headers)
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

    def malformed(self, query):
        connection = connect(self.weir.address)
        self.addCleanup(connection.close)
        request = request_bytes("/v1/chat/completions" + query, **self.secret_headers())
        connection.sendall(request.replace(b"host:", b"host :"))
        return read_answer(connection)


if __name__ == "__main__":
    unittest.main()

"""The real openai and anthropic libraries see through weir what they see without it.

Each recording is streamed twice, from the simulated provider and through weir in front of it, and
the events that the library makes of it, its error included, must be the same. Over plaintext and
with TLS on both sides of weir.
"""

import ssl
import unittest

import anthropic
import httpx2
import openai

from processes import Certificates, provider, recordings, relay, running

BUILT_IN = {"openai-chat": [None], "openai-responses": [None], "anthropic-messages": [None]}


def replays(dialect):
    """The successful streams of a dialect in the corpus; the provider's own where there is none."""
    index = recordings()
    if index is None:
        return BUILT_IN[dialect]
    return [entry["file"] for entry in index
            if entry["dialect"] == dialect and entry["streaming"] and entry["http_status"] == 200]


def headers(replay, **more):
    return ({"x-sim-replay": replay} if replay else {}) | more


def collect(stream):
    """What a library makes of a stream: its events as JSON, and the error that ended it, if any."""
    events = []
    try:
        with stream() as opened:
            for event in opened:
                events.append(event.model_dump_json(warnings=False))
        return events, None
    except Exception as error:  # whatever the library raises is part of what the app sees
        return events, f"{type(error).__name__}: {getattr(error, 'message', error)}"


class Apps:
    """Both libraries, pointed at one address."""

    def __init__(self, url, verify=True):
        http = self.http = httpx2.Client(verify=verify, timeout=30)
        self.openai = openai.OpenAI(
            base_url=url + "/v1", api_key="test", max_retries=0, http_client=http)
        self.anthropic = anthropic.Anthropic(
            base_url=url, api_key="test", max_retries=0, http_client=http)

    def chat(self, replay, **more):
        return collect(lambda: self.openai.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "hi"}], stream=True,
            extra_headers=headers(replay, **more)))

    def responses(self, replay, **more):
        return collect(lambda: self.openai.responses.create(
            model="gpt-4o", input="hi", stream=True, extra_headers=headers(replay, **more)))

    def messages(self, replay, **more):
        return collect(lambda: self.anthropic.messages.create(
            model="claude-sonnet-4", max_tokens=64, stream=True,
            messages=[{"role": "user", "content": "hi"}], extra_headers=headers(replay, **more)))


class Streams:
    """What holds over plaintext and over TLS alike."""

    def compare(self, dialect, call, **more):
        names = replays(dialect)
        for name in names:
            with self.subTest(recording=name):
                direct = getattr(self.direct, call)(name, **more)
                through = getattr(self.through, call)(name, **more)
                self.assertEqual(direct, through)
        self.assertGreater(len(names), 0)

    def test_chat_completions(self):
        self.compare("openai-chat", "chat")

    def test_responses(self):
        self.compare("openai-responses", "responses")

    def test_messages(self):
        self.compare("anthropic-messages", "messages")

    def test_streams_cut_at_random(self):
        self.compare("anthropic-messages", "messages", **{"x-sim-chunking": "random:7"})

    def test_an_answer_that_is_no_stream(self):
        ask = dict(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
        direct = self.direct.openai.chat.completions.create(**ask)
        through = self.through.openai.chat.completions.create(**ask)
        self.assertEqual(direct.model_dump_json(), through.model_dump_json())

    def test_a_rate_limit_raises_the_librarys_own_error(self):
        for call in ("chat", "messages"):
            _, error = getattr(self.through, call)(None, **{"x-sim-status": "429"})
            self.assertRegex(error, "^RateLimitError")

    def test_weirs_own_refusal_raises_the_librarys_own_error(self):
        for call in ("chat", "messages"):
            _, error = getattr(self.through, call)(None, **{"x-sim-fault": "close-before-head"})
            self.assertRegex(error, "^InternalServerError: .*closed the connection")


class PlaintextTest(Streams, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        upstream, _ = cls.enterClassContext(provider())
        address, _ = cls.enterClassContext(relay("http://" + upstream))
        cls.direct, cls.through = Apps("http://" + upstream), Apps("http://" + address)
        cls.addClassCleanup(cls.direct.http.close)
        cls.addClassCleanup(cls.through.http.close)


class TLSTest(Streams, unittest.TestCase):
    """The app speaks TLS to weir, and weir to the provider, each verifying the other's name."""

    @classmethod
    def setUpClass(cls):
        certificates = Certificates()
        cls.addClassCleanup(certificates.folder.cleanup)
        pair = ["--certificate", str(certificates.certificate), "--key", str(certificates.key)]
        upstream, _ = cls.enterClassContext(provider(*pair))
        port = upstream.rsplit(":", 1)[1]
        config = certificates.path / "weir.json5"
        config.write_text(f"""{{
          listen: {{ address: "127.0.0.1:0", tls: {{
            certificate: "{certificates.certificate}", key: "{certificates.key}" }} }},
          admin: {{ listen: "off" }},
          log: {{ to: "off" }},
          upstreams: {{ sim: {{
            url: "https://localhost:{port}", tls: {{ ca_file: "{certificates.ca}" }} }} }},
          routes: [{{ name: "all", path: "/", upstream: "sim" }}],
        }}""")
        address, _ = cls.enterClassContext(
            running("run", "--config", str(config), announces="relaying on"))
        trust = ssl.create_default_context(cafile=str(certificates.ca))
        cls.direct = Apps("https://" + upstream, verify=trust)
        cls.through = Apps("https://" + address, verify=trust)
        cls.addClassCleanup(cls.direct.http.close)
        cls.addClassCleanup(cls.through.http.close)


if __name__ == "__main__":
    unittest.main()

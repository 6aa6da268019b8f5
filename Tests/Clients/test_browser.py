"""weir.js in a real browser: streams whose connection is cut, and cut again, arrive whole and in
order, over WebSocket and over HTTP."""

import contextlib
import http.server
import json
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

import websockets.sync.client

from live import CI, Weir
from processes import provider, wait_until
from test_websocket import route

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
               None)


class Cutter:
    """A TCP proxy whose connections can be cut, all at once and without a word."""

    def __init__(self, target):
        host, port = target.rsplit(":", 1)
        self.target = (host, int(port))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.open = set()
        self.lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            with self.lock:
                self.open |= {client, server}
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one, other):
        try:
            while piece := one.recv(65536):
                other.sendall(piece)
        except OSError:
            pass
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self):
        """Returns how many connections that were."""
        with self.lock:
            ends, self.open = self.open, set()
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        return len(ends) // 2

    def close(self):
        self.listener.close()
        self.cut()


class Browser:
    """Chromium without a window, driven over its debugging protocol."""

    def __init__(self, url):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-browser-", ignore_cleanup_errors=True)
        self.resources = contextlib.ExitStack()
        self.process = subprocess.Popen(
            [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--remote-debugging-port=0", f"--user-data-dir={self.folder.name}", url],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port_file = pathlib.Path(self.folder.name, "DevToolsActivePort")
        if not wait_until(lambda: port_file.exists() and port_file.read_text().count("\n"), 60):
            self.close()
            raise AssertionError("the browser did not start")
        port = port_file.read_text().split("\n")[0]
        pages = []

        def page():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
                pages[:] = [p for p in json.load(answer) if p["type"] == "page"]
            return pages
        wait_until(page, 30)
        # `connect` is to be used as a context manager; anything else is deprecated.
        self.socket = self.resources.enter_context(websockets.sync.client.connect(
            pages[0]["webSocketDebuggerUrl"], compression=None, max_size=None))
        self.number = 0

    def evaluate(self, expression):
        self.number += 1
        self.socket.send(json.dumps({
            "id": self.number, "method": "Runtime.evaluate",
            "params": {"expression": expression, "returnByValue": True, "awaitPromise": True}}))
        while True:
            answer = json.loads(self.socket.recv(60))
            if answer.get("id") == self.number:
                result = answer["result"]
                if "exceptionDetails" in result:
                    raise AssertionError(result["exceptionDetails"])
                return result["result"].get("value")

    def close(self):
        with contextlib.suppress(Exception):
            self.resources.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()


class Slow(http.server.BaseHTTPRequestHandler):
    """Answers no request but every other one: the first of a pair waits for its client to go."""

    count = 0

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        type(self).count += 1
        if self.count % 2:
            self.connection.settimeout(30)
            with contextlib.suppress(OSError):
                self.connection.recv(1)
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for word in ("one ", "two ", "three"):
            event = json.dumps({"choices": [{"delta": {"content": word}}]})
            self.wfile.write(f"data: {event}\n\n".encode())

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def slow_provider():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield "127.0.0.1:%d" % server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@unittest.skipUnless(BROWSER or CI, "there is no Chromium; scripts/install-test-tools installs it")
class BrowserTests(unittest.TestCase):
    CUTS = 5

    # Goal: the example page shows a stream that survives five cuts of its connection: its text is
    # complete and in order, with one request to the provider.
    # Method: a proxy between browser and weir cuts whenever more of the stream has come; afterwards
    # weir's own replay says what the text should have been.
    def test_cut_five_times(self):
        with provider() as (upstream, _):
            settings = route(f"http://{upstream}", resume=True, on_disconnect="continue")
            settings["routes"][0]["request_headers"] = {
                "set": {"x-sim-events": "400", "x-sim-gap": "10ms"}}
            with Weir(settings) as weir:
                cutter = Cutter(weir.address)
                browser = Browser(f"http://{cutter.address}/weir/example")
                try:
                    for transport in ("websocket", "sse"):
                        with self.subTest(transport=transport):
                            self.survive(weir, cutter, browser, transport)
                finally:
                    browser.close()
                    cutter.close()
                self.assertEqual(weir.metrics().sum("weir_requests_accepted_total"), 2)

    # Goal: a request whose connection broke before its answer is sent again only where that costs
    # nothing twice: with an Idempotency-Key. Without one it fails, and the page is told.
    def test_lost_start(self):
        with slow_provider() as upstream, \
                Weir(route(f"http://{upstream}", resume=True, on_disconnect="continue")) as weir:
            cutter = Cutter(weir.address)
            browser = Browser(f"http://{cutter.address}/weir/example")
            try:
                self.assertTrue(
                    wait_until(lambda: browser.evaluate("typeof Weir === 'function'"), 30))
                for transport in ("websocket", "sse"):
                    for key in ({}, {"Idempotency-Key": "k"}):
                        with self.subTest(transport=transport, key=bool(key)):
                            self.lose(cutter, browser, transport, key)
            finally:
                browser.close()
                cutter.close()

    def lose(self, cutter, browser, transport, headers):
        Slow.count = 0
        browser.evaluate(f"""{{
            window.text = "";
            window.lost = new Weir({{ transport: "{transport}" }}).start("/v1/chat/completions",
                {{ body: {{ stream: true }}, headers: {json.dumps(headers)} }});
            lost.ontext = piece => {{ text += piece; }}; 0
        }}""")
        self.assertTrue(wait_until(lambda: Slow.count == 1, 30))
        cutter.cut()
        self.assertTrue(wait_until(lambda: browser.evaluate("lost.isOver"), 30))
        if headers:
            self.assertEqual(browser.evaluate("[lost.state, text]"), ["done", "one two three"])
        else:
            self.assertEqual(browser.evaluate("[lost.state, lost.error.reason]"), ["failed", "lost"])
        self.assertEqual(Slow.count, 2 if headers else 1)

    def survive(self, weir, cutter, browser, transport):
        self.assertTrue(wait_until(
            lambda: browser.evaluate("typeof Weir === 'function' && !!document.forms.form"), 30))
        browser.evaluate(f"""{{
            document.getElementById("transport").value = "{transport}";
            document.getElementById("form").requestSubmit();
            window.numbers = [];
            const shown = stream.onchunk;
            stream.onchunk = chunk => {{ numbers.push(chunk.sequence); shown(chunk); }}; 0
        }}""")
        seen = 0
        for _ in range(self.CUTS):
            self.assertTrue(wait_until(
                lambda: browser.evaluate("stream.sequence") > seen + 10, 30),
                browser.evaluate("document.getElementById('state').textContent"))
            seen = browser.evaluate("stream.sequence")
            # Between two connections there is nothing to cut.
            self.assertTrue(wait_until(cutter.cut))
        self.assertTrue(wait_until(lambda: browser.evaluate("stream.isOver"), 60),
                        browser.evaluate("document.getElementById('state').textContent"))
        self.assertEqual(browser.evaluate("stream.state"), "done")
        self.assertGreaterEqual(browser.evaluate("stream.reconnections"), self.CUTS)
        numbers = browser.evaluate("numbers")
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        name = browser.evaluate("stream.id")
        with urllib.request.urlopen(f"http://{weir.address}/weir/streams/{name}") as answer:
            events = re.findall(r"^data: (\{.*\})$", answer.read().decode(), re.M)
        text = "".join(choice["delta"].get("content") or ""
                       for event in map(json.loads, events) for choice in event["choices"])
        self.assertGreater(len(text), 400)
        self.assertTrue(wait_until(
            lambda: browser.evaluate("document.getElementById('text').textContent") == text, 10))


if __name__ == "__main__":
    unittest.main()

"""No body grows memory: endless lines, vast events, bombs and depths, with the side path alone and
through the relay."""

import contextlib
import hashlib
import json
import os
import socket
import subprocess
import threading
import unittest
import zlib

from live import WEIR, Weir, connect, request_bytes, resident_bytes

MEGABYTE = 1 << 20


def vast_event(size):
    """One event of `size` bytes, its text in one JSON string."""
    yield b'data: {"model":"m","choices":[{"index":0,"delta":{"content":"'
    for _ in range(size // MEGABYTE):
        yield b"word " * (MEGABYTE // 5)
    yield b'"}}]}\n\ndata: [DONE]\n\n'


def endless_line(size):
    for _ in range(size // MEGABYTE):
        yield b"x" * MEGABYTE


def bomb(size):
    """An SSE stream in gzip, about a thousandth of its size."""
    squeeze = zlib.compressobj(9, wbits=31)
    for piece in vast_event(size):
        yield squeeze.compress(piece)
    yield squeeze.flush()


def nested(_size):
    yield b"data: " + b"[" * 1_000_000 + b"]" * 1_000_000 + b"\n\n"
    yield b'data: {"choices":[{"delta":{"content":"on it goes"}}]}\n\ndata: [DONE]\n\n'


def objects(_size):
    yield b"data: " + b'{"choices":' * 1_000_000 + b"1" + b"}" * 1_000_000 + b"\n\n"
    yield b"data: [DONE]\n\n"


# Kind, its bytes, its Content-Encoding, its size through the relay in MB.
BODIES = [("vast event", vast_event, None, 200), ("endless line", endless_line, None, 200),
          ("gzip bomb", bomb, "gzip", 200), ("brackets", nested, None, 0),
          ("objects", objects, None, 0)]


class ObserveTest(unittest.TestCase):
    def test_the_side_path_stays_small(self):
        for kind, body, encoding, _ in BODIES:
            with self.subTest(body=kind):
                process = subprocess.Popen(
                    [WEIR, "observe", "-", "--path", "/v1/chat/completions", "--content-type",
                     "text/event-stream", *(["--content-encoding", encoding] if encoding else [])],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                peak = 0
                with process:
                    for number, piece in enumerate(body(SIZE * MEGABYTE)):
                        process.stdin.write(piece)
                        if number % 16 == 0:
                            peak = max(peak, resident_bytes(process.pid, "VmHWM"))
                    process.stdin.flush()
                    peak = max(peak, resident_bytes(process.pid, "VmHWM"))
                    process.stdin.close()
                    facts = json.loads(process.stdout.read())
                self.assertEqual(process.returncode, 0)
                self.assertLess(peak, 60 * MEGABYTE)
                self.assertLessEqual(facts["observer_errors"], 1)
                # What the side path gave up is not held against the provider.
                if body in (vast_event, bomb):
                    self.assertEqual(facts["outcome"], "completed")
                if body is vast_event:
                    self.assertEqual(facts["text_chars"], SIZE * (MEGABYTE // 5) * 5)
                if body is nested:
                    self.assertEqual(facts["text_chars"], len("on it goes"))


# As much as the side path of a debug build reads in a moment; WEIR_VAST_MB=1024 for the real thing.
SIZE = int(os.environ.get("WEIR_VAST_MB", 64))


class Server(threading.Thread):
    """Answers each connection's request with one body, delimited by close."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.pieces, self.encoding = [], None
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with connection:
                    connection.recv(65536)
                    head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                    if self.encoding:
                        head += f"content-encoding: {self.encoding}\r\n"
                    connection.sendall(head.encode() + b"connection: close\r\n\r\n")
                    self.sent = hashlib.sha256()
                    for piece in self.pieces:
                        self.sent.update(piece)
                        connection.sendall(piece)


class RelayTest(unittest.TestCase):
    def test_vast_bodies_pass_and_leave_nothing(self):
        server = Server()
        self.addCleanup(server.listener.close)
        weir = self.enterContext(Weir({
            "upstreams": {"vast": {"url": "http://" + server.address}},
            "routes": [{"name": "vast", "path": "/", "upstream": "vast"}]}))
        weir.metrics()
        for kind, body, encoding, size in BODIES:
            with self.subTest(body=kind):
                server.pieces, server.encoding = body(size * MEGABYTE), encoding
                before = weir.resident_bytes
                errors = weir.metrics().sum("weir_observer_errors_total")
                received, peak = self.fetch(weir)
                self.assertEqual(received, server.sent.hexdigest())
                self.assertLess(peak - before, 20 * MEGABYTE)
                errors = weir.settled().sum("weir_observer_errors_total") - errors
                self.assertLessEqual(errors, 1)
        self.assertEqual(weir.metrics().sum("weir_buffered_bytes", buffer="relay"), 0)

    def fetch(self, weir):
        """The body's SHA-256, and the most memory that weir had meanwhile."""
        received, peak, head = hashlib.sha256(), 0, b""
        with contextlib.closing(connect(weir.address)) as connection:
            connection.sendall(request_bytes("/v1/chat/completions"))
            while b"\r\n\r\n" not in head:
                head += connection.recv(1024)
            received.update(head.split(b"\r\n\r\n", 1)[1])
            buffer, count = bytearray(1 << 18), 0
            while length := connection.recv_into(buffer):
                received.update(memoryview(buffer)[:length])
                count += 1
                if count % 100 == 1:
                    peak = max(peak, weir.resident_bytes)
        return received.hexdigest(), peak


if __name__ == "__main__":
    unittest.main()

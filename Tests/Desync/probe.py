"""Sends the tables' cases through a relay and tells what came out on either side.

A recording upstream reads what the relay passes on with the strict reading of `readings`, answers
what it can read, and keeps what it cannot. A case is followed by another client's request, which
must get its own answer whatever the case did to shared connections.
"""

import contextlib
import dataclasses
import socket
import socketserver
import threading

from readings import Answer, Incomplete, Request, Unreadable

LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
VICTIM = b"GET /victim HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Recorder(socketserver.ThreadingTCPServer):
    """The upstream. `seen` lists what it read since the last `take`, in order of arrival."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Connection)
        self.lock = threading.Lock()
        self.seen, self.unreadable = [], []
        # The answer to /case: raw bytes, whether to close behind them, and whether to send them
        # before the request's body is in.
        self.planned = b"", False, False
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.server_address[1]

    def take(self):
        with self.lock:
            seen, unreadable = self.seen, self.unreadable
            self.seen, self.unreadable = [], []
            return seen, unreadable

    def handle_error(self, _request, _address):
        """A relay may reset a connection that it has given up."""


class Connection(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data, early = b"", False
        while True:
            try:
                request = Request(data)
            except Incomplete:
                raw, _, at_head = self.server.planned
                if at_head and not early and b" /case " in data and b"\r\n\r\n" in data:
                    early = True
                    self.request.sendall(raw)
                piece = self.request.recv(65536)
                if not piece:
                    return
                data += piece
            except Unreadable as why:
                with self.server.lock:
                    self.server.unreadable.append(str(why))
                return
            else:
                data = data[request.end:]
                if not early and not self.answer(request):
                    return
                early = False

    def answer(self, request):
        with self.server.lock:
            if request.target not in (b"/last", b"/victim"):
                self.server.seen.append(request.triple)
        raw, closes, _ = self.server.planned
        if request.target != b"/case":
            closes = False
            body = b"" if request.method == b"HEAD" else request.target
            raw = (b"HTTP/1.1 200 OK\r\nX-Target: %s\r\nContent-Length: %d\r\n\r\n%s"
                   % (request.target, len(request.target), body))
        self.request.sendall(raw)
        return not closes


@dataclasses.dataclass
class Outcome:
    """What one case led to."""

    # (status, target that upstream says it answered) of each answer that the client could read.
    answers: list
    # Bytes that it could not read as an answer, and why.
    garbage: str | None
    # Whether the last request, which follows the case, went unanswered.
    closed: bool
    # Whether the connection has ended.
    ended: bool
    seen: list = dataclasses.field(default_factory=list)
    unreadable: list = dataclasses.field(default_factory=list)
    victim: bool = True
    body: bytes = b""

    @property
    def statuses(self):
        return [status for status, _ in self.answers if status >= 200]


class Client:
    """Reads answers off one connection until it ends or falls silent."""

    def __init__(self, address, patience):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=patience)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data, self.ended = b"", False
        self.answers, self.garbage = [], None
        # Nothing, then each answer's body, and last what could not be read.
        self.bodies = [b""]

    def send(self, data, pieces=None):
        with contextlib.suppress(OSError):
            for piece in pieces or [data]:
                self.socket.sendall(piece)

    def final(self):
        return sum(1 for status, _ in self.answers if status >= 200)

    def read(self, count, methods):
        """Until `count` final answers have come; False if the relay fell silent before."""
        while self.final() < count and self.garbage is None:
            method = methods[self.final()] if self.final() < len(methods) else b"GET"
            try:
                answer = Answer(self.data, method, self.ended)
            except Incomplete:
                try:
                    piece = self.socket.recv(65536)
                except TimeoutError:
                    return False
                except OSError:
                    piece = b""
                self.data += piece
                self.ended = not piece
            except Unreadable as why:
                if self.data:
                    self.garbage = str(why)
                    self.bodies.append(self.data)
                return True
            else:
                self.data = self.data[answer.end:]
                self.answers.append((answer.status, answer.header(b"x-target")))
                self.bodies.append(answer.body)
        return True


def ask(address, sent, expected, methods=(), pieces=None, patience=2):
    """Sends `sent`, reads the answers, then a last request, which tells whether anything is left."""
    client = Client(address, patience)
    with contextlib.closing(client.socket):
        client.send(sent, pieces)
        client.read(expected, list(methods))
        if not client.ended and client.garbage is None:
            # With the expected answers in, anything but the last request's own is one too many.
            methods = list(methods)[:client.final()] + [b"GET"]
            client.send(LAST)
            client.read(1 << 30, methods)
        own = client.answers and client.answers[-1] == (200, b"/last")
        answers = client.answers[:-1] if own else client.answers
        return Outcome(answers, client.garbage, closed=not own, ended=client.ended,
                       body=client.bodies[-1 if client.garbage else len(answers)])


def victim(address, patience=2):
    """Whether another client gets the answer to its own request."""
    client = Client(address, patience)
    with contextlib.closing(client.socket):
        client.send(VICTIM)
        client.read(1 << 30, [b"GET"])
        return client.garbage is None and client.answers == [(200, b"/victim")]


def request_case(recorder, address, case, pieces=None, patience=2):
    methods = [method for method, _, _ in case.requests]
    outcome = ask(address, case.sent, len(methods) + case.is_refused, methods, pieces, patience)
    outcome.victim = victim(address, patience)
    outcome.seen, outcome.unreadable = recorder.take()
    return outcome


def answer_case(recorder, address, case, patience=2):
    recorder.planned = case.sent, case.closes, case.at_head
    sent = case.method + b" /case HTTP/1.1\r\nHost: x\r\n" + case.request_fields + b"\r\n"
    outcome = ask(address, sent, 1, [case.method], None, patience)
    outcome.victim = victim(address, patience)
    outcome.seen, outcome.unreadable = recorder.take()
    return outcome

"""A whole weir under test: its settings, its log, its pages, and clients that misbehave.

What a test sends carries a traceparent of its own, by which its log line is found again.
"""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import uuid

from prometheus_client.parser import text_string_to_metric_families

from processes import ROOT, WEIR, provider, wait_until

CI = bool(os.environ.get("CI"))


class Samples:
    """One metrics page, read."""

    def __init__(self, text):
        self.text = text
        self.all = [sample for family in text_string_to_metric_families(text)
                    for sample in family.samples]

    def sum(self, name, **labels):
        """Over all series of that name that have these label values."""
        return sum(sample.value for sample in self.all
                   if sample.name == name and labels.items() <= sample.labels.items())

    def values(self, name, label):
        return {sample.labels[label] for sample in self.all
                if sample.name == name and label in sample.labels}

    def series(self, name):
        return sum(1 for sample in self.all if sample.name == name)

    @property
    def imbalance(self):
        """Invariant 3: accepted = ended + active, at every scrape. 0 if it holds."""
        return (self.sum("weir_requests_accepted_total") - self.sum("weir_requests_total")
                - self.sum("weir_requests_active"))


class Weir:
    """A running `weir run`. `settings` is the settings file; addresses and log go to free places."""

    def __init__(self, settings, *arguments, stdout=None, environment=None, log=True,
                 admin="127.0.0.1:0", config=True, level="debug",
                 **popen):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-test-")
        self.path = pathlib.Path(self.folder.name)
        self.log_path = self.path / "weir.log"
        self.settings = {"listen": "127.0.0.1:0", "admin": {"listen": admin}, "loops": 2,
                         **settings}
        if log:
            self.settings.setdefault("log", {"to": str(self.log_path), "level": level})
        if config:
            self.write_settings()
            arguments = ("--config", str(self.config), *arguments)
        self.stderr_path = self.path / "stderr"
        with open(self.stderr_path, "wb") as stderr:
            self.process = subprocess.Popen(
                [WEIR, "run", *arguments], stderr=stderr,
                stdout=stdout or subprocess.DEVNULL, env={**os.environ, **(environment or {})},
                **popen)
        self.address = self.admin = None

    @property
    def config(self):
        return self.path / "weir.json5"

    def write_settings(self, text=None):
        self.config.write_text(text or json.dumps(self.settings, indent=1))

    @property
    def stderr(self):
        return self.stderr_path.read_text()

    def said(self, pattern, seconds=15):
        """Waits for a line on standard error; returns the match."""
        found = []
        wait_until(lambda: found.append(re.search(pattern, self.stderr)) or found[-1]
                   or self.process.poll() is not None, seconds)
        match = re.search(pattern, self.stderr)
        if not match:
            raise AssertionError(f"weir has not said {pattern!r}, but: {self.stderr}")
        return match

    def __enter__(self):
        try:
            self.address = self.said(r"relaying on (\S+)")[1]
            if self.settings["admin"]["listen"] != "off":
                self.admin = self.said(r"admin on http://(\S+?)/")[1]
        except AssertionError:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            self.folder.cleanup()

    def stop(self, seconds=20):
        """SIGTERM; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"weir did not end; it said: {self.stderr}") from None

    def page(self, path, method="GET", **headers):
        """Status, headers and text of an admin page."""
        connection = http.client.HTTPConnection(self.admin, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()

    def command(self, name):
        """Runs `weir NAME` against this weir: its exit code, standard output and standard error."""
        done = subprocess.run([WEIR, name, "--admin", self.admin], capture_output=True, text=True,
                              timeout=20)
        return done.returncode, done.stdout, done.stderr

    def metrics(self):
        status, _, text = self.page("/metrics")
        assert status == 200, text
        return Samples(text)

    def lines(self):
        """The whole lines of the log so far."""
        text = self.log_path.read_text() if self.log_path.exists() else ""
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def exchanges(self):
        return [line for line in self.lines() if line["event"] == "exchange"]

    def line(self, trace, seconds=10):
        """The log line of the exchange with that trace."""
        def found():
            return [line for line in self.exchanges() if line.get("trace_id") == trace]
        if not wait_until(found, seconds):
            raise AssertionError(f"no log line for {trace}; the log holds {self.lines()[-3:]}")
        lines = found()
        assert len(lines) == 1, lines
        return lines[0]

    def settled(self, seconds=15):
        """Waits until no exchange is active; the page at that moment."""
        pages = []
        def idle():
            pages.append(self.metrics())
            return pages[-1].sum("weir_requests_active") == 0
        if not wait_until(idle, seconds):
            raise AssertionError("exchanges are still active")
        return pages[-1]

    @property
    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    @property
    def resident_bytes(self):
        return resident_bytes(self.process.pid)


def resident_bytes(pid, field="VmRSS"):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(field + r":\s+(\d+) kB", status)[1]) * 1024


def simulated(url, **more):
    """Settings of a weir in front of one provider."""
    return {"upstreams": {"sim": {"url": "http://" + url, **more}},
            "routes": [{"name": "sim", "path": "/", "upstream": "sim"}]}


def new_trace():
    return uuid.uuid4().hex


def traceparent(trace, sampled=False):
    return f"00-{trace}-00f067aa0ba902b7-{'01' if sampled else '00'}"


def request_bytes(path="/v1/chat/completions", body=b'{"model":"gpt-4o","stream":true}',
                  method="POST", trace=None, **headers):
    """A request for a raw socket. Keyword `x_sim_gap` becomes the header x-sim-gap."""
    lines = [f"{method} {path} HTTP/1.1", "host: weir.test",
             "content-type: application/json"]
    if trace:
        lines.append("traceparent: " + traceparent(trace))
    if method != "GET":
        lines.append(f"content-length: {len(body)}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body if method != "GET" else b"")


def connect(address, timeout=20, receive_buffer=None):
    host, port = address.rsplit(":", 1)
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(timeout)
    try:
        connection.connect((host, int(port)))
    except OSError:
        connection.close()
        raise
    return connection


def reset(connection):
    """Closes with a RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def receive_until(connection, mark):
    """Reads until `mark` has come; all that was read. Fails if the peer ends before."""
    received = b""
    while mark not in received:
        piece = connection.recv(65536)
        if not piece:
            raise AssertionError(f"the answer ended before {mark!r}: {received[-300:]!r}")
        received += piece
    return received


class Answer:
    """What a client got: `status` (None for nothing), `body`, and whether it was `whole`."""

    def __init__(self, status, headers, body, whole):
        self.status, self.headers, self.body, self.whole = status, headers, body, whole


def read_answer(connection):
    """Reads one answer to its proper end, or to where it was cut."""
    answer = http.client.HTTPResponse(connection)
    try:
        answer.begin()
    except (http.client.HTTPException, OSError):
        return Answer(None, {}, b"", False)
    try:
        body = answer.read()
        return Answer(answer.status, answer.headers, body, True)
    except http.client.IncompleteRead as cut:
        return Answer(answer.status, answer.headers, cut.partial, False)
    except (http.client.HTTPException, OSError):
        return Answer(answer.status, answer.headers, b"", False)
    finally:
        answer.close()


class Kept:
    """A connection on which several answers are read, one behind the other."""

    def __init__(self, connection):
        self.file = connection.makefile("rb")

    def makefile(self, _mode):
        return self

    def __getattr__(self, name):
        return getattr(self.file, name)

    def close(self):
        """What an answer's reader does at its end; the connection stays."""


def ask(address, *arguments, **keywords):
    """One request on a connection of its own; the answer."""
    with contextlib.closing(connect(address)) as connection:
        connection.sendall(request_bytes(*arguments, **keywords))
        return read_answer(connection)


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def in_background(work, *arguments):
    """Runs `work` on a thread; `result()` of what it returns gives its value or its error."""
    return Background(work, arguments)


class Background(threading.Thread):
    def __init__(self, work, arguments):
        super().__init__(daemon=True)
        self.work, self.arguments = work, arguments
        self.value = self.error = None
        self.start()

    def run(self):
        try:
            self.value = self.work(*self.arguments)
        except BaseException as error:  # it is raised again where the result is asked for
            self.error = error

    def result(self, seconds=30):
        self.join(seconds)
        if self.is_alive():
            raise AssertionError("work in the background has not ended")
        if self.error:
            raise self.error
        return self.value

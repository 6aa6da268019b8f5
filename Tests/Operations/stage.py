"""A weir under mixed traffic in front of simulated providers, and a Prometheus that scrapes it.

The traffic is such that every family of weir's metrics has something to tell: streams of several
providers, failures of all sides, limits that queue and refuse, readers that are slow, clients that
leave, TLS, tenants, prices, WebSockets, kept streams.
"""

import base64
import contextlib
import http.server
import json
import os
import pathlib
import re
import signal
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import kept
from live import (Weir, ask, connect, free_port, new_trace, provider, receive_until,
                  request_bytes, reset, traceparent, wait_until)
from processes import ROOT, Certificates
from tools import find, newer

RULES = ROOT / "deploy/prometheus/rules"
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
USAGE = b'{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true}}'


class Prometheus:
    """A server that scrapes each second and evaluates the shipped rules as often."""

    def __init__(self, program, target):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-prometheus-")
        path = pathlib.Path(self.folder.name)
        for rules in RULES.glob("*.yml"):
            (path / rules.name).write_text(
                re.sub(r"interval: \w+", "interval: 1s", rules.read_text()))
        (path / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [f"{path}/*.rules.yml", f"{path}/*.alerts.yml"],
            "scrape_configs": [{"job_name": "weir", "static_configs": [{"targets": [target]}]}]}))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/api/v1/"
        self.process = subprocess.Popen(
            [program, f"--config.file={path}/prometheus.yml", f"--storage.tsdb.path={path}/data",
             f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
             "--enable-feature=exemplar-storage"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()

    def ask(self, path, **parameters):
        """The answer's `data`; an error of Prometheus is raised with its words."""
        url = self.url + path + "?" + urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refusal:
            raise AssertionError(refusal.read().decode()) from None

    def range(self, query, seconds=20, step=1):
        """The values of the last seconds, as text, over all series."""
        now = time.time()
        found = self.ask("query_range", query=query, start=now - seconds, end=now, step=step)
        return [value for series in found["result"] for _, value in series["values"]]

    def values(self, label, selector=None):
        return self.ask(f"label/{label}/values", **({"match[]": selector} if selector else {}))

    def scrapes(self):
        try:
            found = self.ask("query", query="count_over_time(up[1h])")["result"]
        except (OSError, AssertionError):
            return 0
        return int(found[0]["value"][1]) if found else 0


class Quota(http.server.BaseHTTPRequestHandler):
    """A provider that says what is left of the quota, as OpenAI does; the simulated one does not."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("x-ratelimit-remaining-requests", "57")
        self.send_header("x-ratelimit-remaining-tokens", "123456")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def quota_provider():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quota) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield "127.0.0.1:%d" % server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def settings(plain, secure, quota, certificates):
    def upstream(url, **more):
        return {"url": url, **more}

    names = {
        "sim": upstream("http://" + plain),
        "quota": upstream("http://" + quota),
        "tls": upstream(f"https://localhost:{secure.rsplit(':', 1)[1]}",
                        tls={"ca_file": str(certificates.ca)}, keep_alive={"max_idle": 0}),
        "refused": upstream(f"http://127.0.0.1:{free_port()}",
                            retry={"attempts": 2, "backoff": "1ms"}),
        "retried": upstream("http://" + plain,
                            retry={"attempts": 2, "backoff": "1ms", "statuses": [429, 503]}),
        "silent": upstream("http://" + plain, first_byte_timeout="200ms", idle_timeout="200ms"),
    }
    return {
        "listen": [{"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": {
            "certificate": str(certificates.certificate), "key": str(certificates.key)}}],
        "upstreams": names,
        "routes": [
            {"name": "limited", "path": "/limited/", "strip": True, "upstream": "sim",
             "limits": ["few", "per-tenant"]},
            *({"name": name, "path": f"/{name}/", "strip": True, "upstream": name}
              for name in names),
            kept.ROUTE,
            {"name": "openai", "path": "/", "upstream": "sim", "tenant_header": "x-tenant"}],
        "limits": {
            "few": {"max_streams": 2, "queue": {"max": 2, "timeout": "150ms"}},
            "per-tenant": {"by": "header:x-tenant", "max_streams": 2}},
        "prices": {"gpt-4o": {"input": 2.5, "output": 10.0},
                   "gpt-4o-mini": {"input": 0.15, "output": 0.6}},
        "relay_buffer": "4KiB",
        "hub": kept.HUB,
    }


def read_slowly(address, seconds):
    """A client that leaves what it is sent in the kernel's buffers for some time, then reads."""
    with contextlib.closing(connect(address, receive_buffer=4096)) as connection:
        connection.sendall(request_bytes(CHAT, x_sim_events="4000", x_sim_event_bytes="2048",
                                         connection="close"))
        time.sleep(seconds)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and connection.recv(65536):
            pass


def leave(address, **scenario):
    """A client that goes after the first event."""
    connection = connect(address)
    connection.sendall(request_bytes(CHAT, x_sim_gap="20ms", x_sim_events="100", **scenario))
    receive_until(connection, b"data:")
    reset(connection)


def web_socket(address):
    """Opens one, has a message echoed, and closes."""
    with contextlib.closing(connect(address)) as connection:
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall(
            "GET /v1/realtime?model=gpt-4o-realtime HTTP/1.1\r\nhost: weir.test\r\n"
            "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
            f"sec-websocket-key: {key}\r\n\r\n".encode())
        receive_until(connection, b"\r\n\r\n")
        message = b'{"type":"session.update"}'
        connection.sendall(bytes([0x81, 0x80 | len(message), 0, 0, 0, 0]) + message)
        receive_until(connection, b"session.update")


def hand_shake(address):
    """One connection to the TLS listener; whom it trusts is not the matter here."""
    context = ssl._create_unverified_context()
    with contextlib.closing(context.wrap_socket(connect(address))) as connection:
        connection.sendall(request_bytes(CHAT, connection="close"))
        while connection.recv(65536):
            pass


def one_round(weir, secure):
    """Everything once; a stage plays it again and again."""
    plain = weir.address
    for tenant in ("alpha", "beta"):
        ask(plain, CHAT, USAGE, x_tenant=tenant, x_sim_gap="3ms", x_sim_ttft="20ms",
            traceparent=traceparent(new_trace(), sampled=True))
        ask(plain, MESSAGES, b'{"model":"claude-sonnet-4","stream":true}', x_tenant=tenant)
    ask(plain, "/v1/responses", x_tenant="alpha")
    ask(plain, "/api/chat", b'{"model":"llama3"}')
    ask(plain, "/v1/chat/completions", b'{"model":"gpt-4o-mini"}', x_sim_replay="openai-chat/text.json")
    for fault in ("in-stream-error", "truncate", "reset", "close", "garbage-head", "garbage-chunk"):
        ask(plain, CHAT, x_sim_fault=fault)
    for status in ("400", "401", "429", "503"):
        ask(plain, CHAT, x_sim_status=status)
    ask(plain, "/retried" + CHAT, x_sim_status="503")
    ask(plain, "/refused" + CHAT)
    ask(plain, "/tls" + CHAT)
    ask(plain, "/quota" + CHAT)
    ask(plain, "/silent" + CHAT, x_sim_fault="stall")
    ask(plain, CHAT, x_sim_events="40", x_sim_chunking="whole")
    leave(plain)
    web_socket(plain)
    hand_shake(secure)


def many_at_once(weir, count=6):
    """More requests than a limit has places and its queue has room for."""
    crowd = [threading.Thread(target=ask, args=(weir.address, "/limited" + CHAT), kwargs={
        "x_tenant": f"t{number % 3}", "x_sim_events": "10", "x_sim_gap": "10ms"}, daemon=True)
        for number in range(count)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()


@contextlib.contextmanager
def traffic(*works):
    """Plays each of the works over and over on a thread of its own. An error of one is raised."""
    stopping, errors = threading.Event(), []

    def play(work):
        while not stopping.is_set():
            try:
                work()
            except Exception as error:  # told at the end: a stage without its traffic proves nothing
                errors.append(error)
                return
            stopping.wait(0.2)

    threads = [threading.Thread(target=play, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join(30)
    if errors:
        raise errors[0]


@contextlib.contextmanager
def stage(scrapes=20):
    """Yields a weir, and servers that have scraped it so often: Debian's, and a newer one if there
    is one. Traffic goes on."""
    with contextlib.ExitStack() as stack:
        certificates = Certificates()
        stack.callback(certificates.folder.cleanup)
        plain, _ = stack.enter_context(provider())
        secure, _ = stack.enter_context(provider(
            "--certificate", str(certificates.certificate), "--key", str(certificates.key)))
        quota = stack.enter_context(quota_provider())
        weir = stack.enter_context(Weir(settings(plain, secure, quota, certificates)))
        # Two listeners; the second of those that weir names speaks TLS.
        own_tls = weir.said(r"relaying on \S+\n.*relaying on (\S+)")[1]
        stack.enter_context(traffic(
            lambda: one_round(weir, own_tls), lambda: many_at_once(weir),
            lambda: read_slowly(weir.address, 1.5), lambda: kept.one_round(weir.address),
            lambda: kept.lag(weir.address, 1.5)))
        servers = {name: stack.enter_context(Prometheus(program, weir.admin))
                   for name, program in (("older", find("prometheus")), ("newer", newer("prometheus")))
                   if program}
        weir.process.send_signal(signal.SIGHUP)
        for name, server in servers.items():
            if not wait_until(lambda: server.scrapes() >= scrapes, 60 + scrapes):
                raise AssertionError(f"the {name} Prometheus has not scraped weir")
        yield weir, servers

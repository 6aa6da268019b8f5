"""WebSocket through a live weir, with Python's `websockets` on both ends: tunnels as they pass, and
the hub's own sockets, over plain TCP and TLS."""

import contextlib
import json
import socket
import ssl
import threading
import time
import unittest

import websockets.exceptions
import websockets.sync.client
import websockets.sync.server

from live import Weir, connect, receive_until
from processes import Certificates, provider, wait_until

REALTIME = [
    {"type": "session.created", "session": {"model": "gpt-4o-realtime"}},
    {"type": "response.created", "response": {"id": "resp_1"}},
    {"type": "response.output_text.delta", "delta": "Hel"},
    {"type": "response.output_text.delta", "delta": "lo"},
    {"type": "response.done", "response": {
        "id": "resp_1", "status": "completed",
        "usage": {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18}}},
]


def serve_realtime(connection):
    """An echo, and for `go` a Realtime answer; `ping` pings, `bye` closes with a code."""
    for message in connection:
        if message == "go":
            for event in REALTIME:
                connection.send(json.dumps(event))
        elif message == "ping":
            connection.ping().wait(5)
            connection.send("ponged")
        elif message == "bye":
            connection.close(4321, "enough")
        else:
            connection.send(message)


@contextlib.contextmanager
def realtime_server():
    with websockets.sync.server.serve(serve_realtime, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield "http://127.0.0.1:%d" % server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()


def route(upstream, **hub):
    return {"upstreams": {"up": {"url": upstream}},
            "routes": [{"name": "r", "path": "/", "upstream": "up", **({"hub": hub} if hub else {})}]}


@contextlib.contextmanager
def other_protocol():
    """A server that leaves HTTP for a protocol of its own, in which it echoes one message."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            connection, _ = listener.accept()
            with connection:
                while b"\r\n\r\n" not in connection.recv(65536):
                    pass
                connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo/1\r\n"
                                   b"Connection: Upgrade\r\n\r\n")
                connection.sendall(connection.recv(65536))
                connection.recv(1)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield "http://127.0.0.1:%d" % listener.getsockname()[1]
        thread.join(10)


class TunnelTests(unittest.TestCase):
    # Goal: a tunnel of another protocol is a stream like any, and no session of WebSocket.
    def test_other_protocol(self):
        with other_protocol() as upstream, Weir(route(upstream)) as weir:
            with contextlib.closing(connect(weir.address)) as client:
                client.sendall(b"GET / HTTP/1.1\r\nhost: weir.test\r\nconnection: upgrade\r\n"
                               b"upgrade: echo/1\r\n\r\n")
                receive_until(client, b"\r\n\r\n")
                # Bytes that would be a WebSocket's frame.
                client.sendall(b"\x89\x80\0\0\0\0")
                receive_until(client, b"\x89\x80\0\0\0\0")
                metrics = weir.metrics()
                self.assertEqual(metrics.sum("weir_streams_active"), 1)
                self.assertEqual(metrics.sum("weir_websocket_sessions"), 0)
            self.assertTrue(wait_until(lambda: weir.metrics().sum("weir_requests_total") == 1))
            metrics = weir.metrics()
            for name in ("sessions", "sessions_total", "sessions_peak", "messages_total"):
                self.assertEqual(metrics.sum(f"weir_websocket_{name}"), 0, name)
            self.assertEqual(metrics.sum("weir_observer_errors_total"), 0)

    # Goal: what passes a tunnel is as it was, compressed or not, and is counted: sessions, their
    # peak, messages and bytes each way, pings, the close code, and a Realtime answer's usage.
    # Method: the same conversation with and without permessage-deflate.
    def test_conversation(self):
        for compression in ("deflate", None):
            with self.subTest(compression=compression), realtime_server() as upstream, \
                    Weir(route(upstream)) as weir:
                uri = f"ws://{weir.address}/v1/realtime?model=gpt-4o-realtime"
                with websockets.sync.client.connect(uri, compression=compression) as socket:
                    for message in ("hello", "ü" * 40_000, b"\x00\xff" * 1000, ""):
                        socket.send(message)
                        self.assertEqual(socket.recv(10), message)
                    socket.send("go")
                    self.assertEqual([json.loads(socket.recv(10)) for _ in REALTIME], REALTIME)
                    self.assertTrue(socket.ping().wait(10))
                    socket.send("ping")
                    self.assertEqual(socket.recv(10), "ponged")
                    self.assertEqual(
                        weir.metrics().sum("weir_websocket_sessions", mode="tunnel"), 1)
                    socket.send("bye")
                    with self.assertRaises(websockets.exceptions.ConnectionClosed) as closed:
                        socket.recv(10)
                self.assertEqual(closed.exception.rcvd.code, 4321)
                self.assertEqual(closed.exception.rcvd.reason, "enough")
                self.assertTrue(wait_until(
                    lambda: weir.metrics().sum("weir_websocket_sessions", mode="tunnel") == 0))
                metrics = weir.metrics()
                tunnel = {"mode": "tunnel"}
                self.assertEqual(metrics.sum("weir_websocket_sessions_total", **tunnel), 1)
                self.assertEqual(metrics.sum("weir_websocket_sessions_peak", **tunnel), 1)
                self.assertEqual(metrics.sum(
                    "weir_websocket_messages_total", direction="received", **tunnel), 7)
                self.assertEqual(metrics.sum(
                    "weir_websocket_messages_total", direction="sent", **tunnel), 10)
                received = metrics.sum(
                    "weir_websocket_bytes_total", direction="received", **tunnel)
                plain = 5 + 80_000 + 2_000 + 2 + 4 + 3
                if compression:
                    self.assertLess(received, plain / 10)
                else:
                    self.assertEqual(received, plain)
                self.assertEqual(metrics.sum("weir_websocket_rtt_seconds_count", **tunnel), 2)
                line = weir.lines()[-1]
                self.assertEqual(line["status"], 101)
                self.assertEqual(line["outcome"], "completed")
                self.assertEqual(line["close_code"], 4321)
                if not compression:
                    self.assertEqual((line["input_tokens"], line["output_tokens"]), (11, 7))
                    self.assertEqual(line["operation"], "realtime")


class HubTests(unittest.TestCase):
    START = {"type": "start", "id": "a", "path": "/v1/chat/completions",
             "body": {"model": "gpt-4o", "stream": True, "messages": []},
             "headers": {"Authorization": "Bearer k", "x-sim-events": "60", "x-sim-gap": "5ms"}}

    @staticmethod
    def read(socket, until=("done", "error"), limit=None):
        messages = []
        while not messages or messages[-1]["type"] not in until:
            messages.append(json.loads(socket.recv(20)))
            if limit and len(messages) == limit:
                break
        return messages

    # Goal: a stream begun over a socket survives it, over TLS as over TCP: what another socket
    # brings behind the last event seen completes it.
    # Method: the connection is broken in the middle; a third socket reads all of it.
    def test_resume(self):
        certificates = Certificates()
        for tls in (None, certificates):
            with self.subTest(tls=bool(tls)), provider() as (upstream, _):
                settings = route(f"http://{upstream}", resume=True, on_disconnect="continue")
                scheme, context = "ws", None
                if tls:
                    settings["listen"] = {
                        "address": "127.0.0.1:0",
                        "tls": {"certificate": str(tls.certificate), "key": str(tls.key)}}
                    scheme = "wss"
                    context = ssl.create_default_context(cafile=str(tls.ca))
                with Weir(settings) as weir:
                    uri = f"{scheme}://{weir.address}/weir/ws"
                    connect = lambda: websockets.sync.client.connect(uri, ssl=context)
                    with connect() as first:
                        first.send(json.dumps(self.START))
                        begun = self.read(first, limit=12)
                        self.assertEqual(begun[0]["type"], "started")
                        stream, last = begun[0]["stream"], begun[-1]["sequence"]
                        first.socket.shutdown(socket.SHUT_RDWR)
                    subscribe = {"type": "subscribe", "stream": stream,
                                 "headers": {"Authorization": "Bearer k"}}
                    with connect() as second:
                        second.send(json.dumps({**subscribe, "after": last}))
                        rest = self.read(second)
                    with connect() as third:
                        third.send(json.dumps(subscribe))
                        whole = self.read(third)
                    self.assertEqual(whole[-1]["type"], "done")
                    pick = lambda messages: [
                        (m["sequence"], m["data"]) for m in messages if m["type"] == "chunk"]
                    self.assertEqual(pick(begun) + pick(rest), pick(whole))
                    numbers = [number for number, _ in pick(whole)]
                    self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
                    self.assertEqual(whole[-2]["data"], "[DONE]")
                    metrics = weir.metrics()
                    self.assertEqual(metrics.sum("weir_requests_total", outcome="completed"), 1)
                    self.assertEqual(metrics.sum("weir_websocket_sessions_total", mode="hub"), 3)
                    self.assertGreaterEqual(
                        metrics.sum("weir_websocket_rtt_seconds_count", mode="hub"), 1)

    # Goal: the simple form: a body in, chunks, the end, a normal close.
    def test_simple_form(self):
        with provider() as (upstream, _), \
                Weir(route(f"http://{upstream}", resume=True, websocket="messages")) as weir:
            uri = f"ws://{weir.address}/v1/chat/completions"
            with websockets.sync.client.connect(uri) as socket:
                socket.send(json.dumps(self.START["body"]))
                messages = self.read(socket)
                self.assertEqual(messages[0]["type"], "started")
                self.assertEqual([m["type"] for m in messages[-2:]], ["chunk", "done"])
                with self.assertRaises(websockets.exceptions.ConnectionClosedOK):
                    socket.recv(10)


if __name__ == "__main__":
    unittest.main()

"""Traffic on a route whose streams are kept: readers who resume, one who does not keep up, one who asks
for what is not there, and sockets of the hub."""

import contextlib
import json
import re
import time

import websockets.sync.client

from live import connect, receive_until, request_bytes

PATH = "/kept/v1/chat/completions"
ROUTE = {"name": "kept", "path": "/kept/", "strip": True, "upstream": "sim",
         "hub": {"resume": True, "on_disconnect": "continue"}}
# So short a time, and so small a lag, that both are exceeded while a test looks.
HUB = {"retain": "1s", "lag_limit": "16KiB"}


def leave_stream(address, **scenario):
    """Asks for a stream, reads its beginning and goes; returns the stream's name."""
    with contextlib.closing(connect(address)) as connection:
        connection.sendall(request_bytes(PATH, **scenario))
        head = receive_until(connection, b"data:")
    return re.search(rb"x-weir-stream: (\w+)", head)[1].decode()


def resume(address, stream, after=0, **options):
    connection = connect(address, **options)
    connection.sendall(
        request_bytes(f"/weir/streams/{stream}?after={after}", method="GET", connection="close"))
    return connection


def read(connection):
    with contextlib.closing(connection):
        while connection.recv(65536):
            pass


def lag(address, seconds):
    """A reader of a fast stream that takes nothing of it."""
    stream = leave_stream(address, x_sim_events="3000", x_sim_event_bytes="4096", x_sim_gap="1ms")
    with contextlib.closing(resume(address, stream, receive_buffer=4096)):
        time.sleep(seconds)


def talk(address):
    """A stream begun and read over a socket, whose client answers the hub's ping."""
    with websockets.sync.client.connect(f"ws://{address}/weir/ws") as socket:
        socket.send(json.dumps({"type": "start", "path": PATH, "body": {
            "model": "gpt-4o", "stream": True, "messages": []}}))
        while json.loads(socket.recv(20))["type"] != "done":
            pass


def one_round(address):
    stream = leave_stream(address, x_sim_events="40", x_sim_gap="10ms")
    readers = [resume(address, stream, after=2), resume(address, stream, after=20)]
    for reader in readers:
        read(reader)
    read(resume(address, "0" * 32))
    talk(address)

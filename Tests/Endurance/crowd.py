"""Many streams at a time from one thread, each checked byte for byte as it comes.

A stream's bytes are known beforehand: the simulated provider sends the same for the same request,
and weir passes chunk framing on as it is. With `stamped` events, whose bytes hold the time at
which the provider sent them, latencies are gathered instead.
"""

import asyncio
import contextlib
import os
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Clients"))

from live import request_bytes, traceparent

CHAT = "/v1/chat/completions"
STAMP = re.compile(rb'"sent_ns":"(\d{20})"')


def generated(events, gap="0ms", **more):
    return {"x_sim_events": str(events), "x_sim_gap": gap, **more}


async def body_of(address, path, headers):
    """The body of an answer as it goes over the wire, chunk framing included."""
    reader, writer = await opened(address)
    writer.write(request_bytes(path, connection="close", **headers))
    data = await reader.read(-1)
    writer.close()
    head, _, body = data.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise RuntimeError(f"{path}: {head!r}")
    return body


def opened(address):
    host, port = address.rsplit(":", 1)
    return asyncio.open_connection(host, int(port), limit=1 << 16)


class Crowd:
    """Counts what its streams met; `wrong` gathers what no stream may meet."""

    def __init__(self, address):
        self.address = address
        self.whole = self.left = self.open = 0
        # Turned away with 503 while descriptors lacked; never once a stream had begun.
        self.refused = 0
        self.bytes = 0
        self.wrong = []
        self.latencies = []

    async def stream(self, expected, headers, leave_after=None, pause=0.0, abrupt=False):
        """One stream to its end, or to where the client leaves."""
        self.open += 1
        writer = None
        try:
            reader, writer = await opened(self.address)
            writer.write(request_bytes(CHAT, **headers))
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head.split(b"\r\n")[0]:
                return self.wrong.append(("status", head[:60]))
            received = 0
            while received < len(expected):
                if leave_after is not None and received >= leave_after:
                    if abrupt:
                        writer.transport.abort()
                    self.left += 1
                    return
                piece = await reader.read(4096)
                if not piece:
                    return self.wrong.append(("cut", received, len(expected)))
                if expected[received:received + len(piece)] != piece:
                    return self.wrong.append(("bytes", received, piece[:80]))
                received += len(piece)
                self.bytes += len(piece)
                if pause:
                    await asyncio.sleep(pause)
            self.whole += 1
        except (OSError, asyncio.IncompleteReadError) as error:
            self.wrong.append(("broken", repr(error)))
        finally:
            self.open -= 1
            if writer:
                writer.close()

    async def stamped(self, events, gap):
        """A stream whose events tell when they were sent: gathers how late each came, in ms."""
        self.open += 1
        writer = None
        try:
            reader, writer = await opened(self.address)
            writer.write(request_bytes(CHAT, x_sim_stamp="1", **generated(events, gap)))
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 503 " in head.split(b"\r\n")[0]:
                self.refused += 1
                return await asyncio.sleep(1)
            if b" 200 " not in head.split(b"\r\n")[0]:
                return self.wrong.append(("status", head[:60]))
            came, tail = 0, head[-1:]
            while not tail.endswith(b"0\r\n\r\n"):
                piece = await reader.read(4096)
                now = time.monotonic_ns()
                if not piece:
                    return self.wrong.append(("cut", came, events))
                tail = (tail + piece)[-2048:]
                stamp = latest_stamp(piece)
                if stamp:
                    came += 1
                    self.latencies.append((now - stamp) / 1e6)
            self.whole += 1
        except (OSError, asyncio.IncompleteReadError) as error:
            self.wrong.append(("broken", repr(error)))
        finally:
            self.open -= 1
            if writer:
                writer.close()


def latest_stamp(piece):
    stamps = STAMP.findall(piece)
    return int(stamps[-1]) if stamps else None


def slope(points):
    """Least squares through (x, y): the rise of y for each x."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    square = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / square if square else 0.0


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def commit():
    root = pathlib.Path(__file__).resolve().parents[2]
    with contextlib.suppress(OSError):
        return os.popen(f"git -C {root} rev-parse --short=12 HEAD").read().strip()
    return "unknown"

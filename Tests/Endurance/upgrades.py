"""Upgrades one after the other under load, and nobody notices.

usage: upgrades.py COUNT; WEIR names the binary.

Long streams, short requests on kept and on fresh connections, and kept connections that speak
seldom, while one weir after the other takes over from the one before. No stream breaks, no
connection is refused or lost, no answer is anything but whole, and all books together hold each
request once.
"""

import asyncio
import json
import os
import sys
import time

import crowd
from crowd import Crowd, body_of, generated, opened
from live import Weir, free_port, request_bytes, simulated
from processes import provider

PAUSE = 0.5


class Kept:
    """A client that keeps its connection while it may, and speaks every `pause` seconds."""

    def __init__(self, address, body, pause):
        self.address, self.body, self.pause = address, body, pause
        self.answered, self.connections, self.wrong = 0, 0, []

    async def run(self, over):
        while not over.is_set():
            reader = writer = None
            try:
                reader, writer = await opened(self.address)
                self.connections += 1
                while not over.is_set():
                    writer.write(request_bytes(crowd.CHAT))
                    head = await reader.readuntil(b"\r\n\r\n")
                    body = await reader.readexactly(len(self.body))
                    if b" 200 " not in head.split(b"\r\n")[0] or body != self.body:
                        self.wrong.append((head[:80], body[-40:]))
                        break
                    self.answered += 1
                    if b"connection: close" in head.lower():
                        break
                    await asyncio.sleep(self.pause)
            except (OSError, asyncio.IncompleteReadError) as error:
                self.wrong.append(repr(error))
            finally:
                if writer:
                    writer.close()


class Generations:
    """The weirs, each the successor of the one before."""

    def __init__(self, settings, listen, admin, path):
        self.settings = settings | {"listen": listen, "takeover": path, "drain_timeout": "60s"}
        self.admin, self.path, self.all = admin, path, []

    def next(self):
        successor = ["--takeover", self.path] if self.all else []
        weir = Weir(self.settings, *successor, admin=self.admin)
        weir.__enter__()
        self.all.append(weir)

    def books(self):
        return sum(len(weir.exchanges()) for weir in self.all)


async def upgrade(count, generations):
    for _ in range(count):
        await asyncio.sleep(PAUSE)
        await asyncio.to_thread(generations.next)


async def run(count, upstream, generations, listen):
    short = await body_of(upstream, crowd.CHAT, {})
    long = await body_of(upstream, crowd.CHAT, generated(40))
    await asyncio.to_thread(generations.next)
    over = asyncio.Event()
    clients = [Kept(listen, short, 0.01) for _ in range(8)] + [Kept(listen, short, 3) for _ in range(20)]
    people = Crowd(listen)

    async def streams():
        while not over.is_set():
            await people.stream(long, generated(40, "100ms"))

    async def fresh():
        while not over.is_set():
            await people.stream(short, {})
            await asyncio.sleep(0.02)

    tasks = [asyncio.create_task(client.run(over)) for client in clients]
    tasks += [asyncio.create_task(streams()) for _ in range(100)]
    tasks += [asyncio.create_task(fresh()) for _ in range(4)]
    await upgrade(count, generations)
    over.set()
    await asyncio.gather(*tasks)
    return clients, people


def main():
    count = int(sys.argv[1])
    listen, admin = (f"127.0.0.1:{free_port()}" for _ in range(2))
    path = f"/tmp/weir-upgrades-{os.getpid()}.sock"
    with provider() as (upstream, _):
        generations = Generations(simulated(upstream), listen, admin, path)
        start = time.monotonic()
        clients, people = asyncio.run(run(count, upstream, generations, listen))
        seconds = time.monotonic() - start
        codes = []
        for weir in generations.all[:-1]:
            codes.append(weir.process.wait(90))
        codes.append(generations.all[-1].stop(90))
        requests = people.whole + sum(client.answered for client in clients)
        faults = people.wrong + [fault for client in clients for fault in client.wrong]
        if generations.books() != requests:
            faults.append(("the books hold", generations.books(), "of", requests))
        if any(codes):
            faults.append(("exit codes", codes))
        for weir in generations.all:
            weir.folder.cleanup()
    print(json.dumps({
        "upgrades": count, "seconds": round(seconds), "commit": crowd.commit(), "requests": requests,
        "streams_and_fresh_connections": people.whole,
        "kept_connections": sum(client.connections for client in clients), "faults": faults[:5],
        "broken": len(faults)}))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()

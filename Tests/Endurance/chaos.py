"""Everything goes wrong at once to a part of 2,000 streams, and the others do not notice.

usage: chaos.py MINUTES [STREAMS]; WEIR names the binary. As root it also silences the name server.

Most streams behave: they are read to the end, and their events tell how late they come. Beside
them, quiet phases and wild ones take turns of half a minute. In the wild ones other processes play
the whole mix of `test_chaos.py` at the same weir, and the operator does what operators do: reloads,
bad reloads, other limits, a log pipe that nobody reads, a full disk, too few descriptors, a name
server that says nothing, and a second weir that is drained with streams open. No well-behaved
stream may break. At the end the books balance and all is back to zero.
"""

import asyncio
import json
import multiprocessing
import os
import random
import resource
import socket
import subprocess
import sys
import threading
import time

import crowd
from crowd import Crowd, body_of, generated, percentile
from live import Weir, ask, simulated, wait_until
from processes import WEIR, provider
from test_chaos import Chaos, PATHS

PHASE = 30
WILD_PROCESSES = 4
GAP = "1000ms"


def wild_clients(address, seed, whole, over, findings):
    """One process of misbehaving clients."""
    chaos = Chaos(address, seed, whole)
    while not over.is_set():
        chaos.run()
    findings.put((sum(chaos.done.values()), chaos.wrong[:5]))


class Operator(threading.Thread):
    """What happens to the process itself, one thing after the other, until told to stop."""

    def __init__(self, weir, upstream, seed):
        super().__init__(daemon=True)
        self.weir, self.upstream, self.random = weir, upstream, random.Random(seed)
        self.stopping = threading.Event()
        self.done, self.faults = {}, []

    def run(self):
        deeds = [self.reload_limits, self.bad_reload, self.full_disk, self.blocked_pipe,
                 self.few_descriptors, self.drained_neighbour, self.silent_names]
        while not self.stopping.is_set():
            deed = self.random.choice(deeds)
            try:
                deed()
                self.done[deed.__name__] = self.done.get(deed.__name__, 0) + 1
            except (OSError, AssertionError) as error:
                self.faults.append((deed.__name__, repr(error)))
            self.stopping.wait(1)

    def reload(self, **changes):
        self.weir.settings |= changes
        self.weir.write_settings()
        code, _, said = self.weir.command("reload")
        if code:
            self.faults.append(("reload", said))

    def reload_limits(self):
        limits = self.weir.settings["limits"]
        limits["wild"]["max_streams"] = self.random.randrange(5, 60)
        limits["wild"]["queue"]["max"] = self.random.randrange(0, 40)
        self.reload(limits=limits)

    def bad_reload(self):
        self.weir.write_settings("{ upstreams: 5 }")
        if self.weir.command("reload")[0] == 0:
            self.faults.append("a bad reload went through")
        self.weir.write_settings()

    def full_disk(self):
        log = self.weir.settings["log"]
        self.reload(log=log | {"to": "/dev/full"})
        self.stopping.wait(2)
        self.reload(log=log)

    def blocked_pipe(self):
        log, pipe = self.weir.settings["log"], str(self.weir.path / "pipe")
        if not os.path.exists(pipe):
            os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.reload(log=log | {"to": pipe})
        self.stopping.wait(3)
        # Unblocked by its reader's end.
        os.close(reader)
        self.reload(log=log)

    def few_descriptors(self):
        pid = self.weir.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (self.weir.descriptors + 2, before[1]))
        self.stopping.wait(0.5)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)

    def drained_neighbour(self):
        with Weir(simulated(self.upstream)) as neighbour:
            streams = [threading.Thread(target=self.expect_whole, args=(neighbour.address,))
                       for _ in range(10)]
            for stream in streams:
                stream.start()
            wait_until(lambda: neighbour.metrics().sum("weir_streams_active") == 10)
            code = neighbour.stop()
            for stream in streams:
                stream.join()
            if code:
                self.faults.append(("drain", code))

    def expect_whole(self, address):
        if not ask(address, crowd.CHAT, **generated(20, "50ms")).whole:
            self.faults.append("a drain cut a stream")

    def silent_names(self):
        answer = ask(self.weir.address, "/named/v1/chat/completions")
        if answer.status not in (502, 504, 503, None):
            self.faults.append(("names", answer.status))


class Scrapes(threading.Thread):
    def __init__(self, weir):
        super().__init__(daemon=True)
        self.weir, self.stopping = weir, threading.Event()
        self.count, self.faults, self.most = 0, [], 0

    def run(self):
        while not self.stopping.wait(2):
            try:
                page = self.weir.metrics()
            except OSError:
                continue  # no descriptor left for it just now
            self.count += 1
            self.most = max(self.most, page.sum("weir_requests_active"))
            if page.imbalance:
                self.faults.append(("imbalance", page.imbalance))
            for sample in page.all:
                if sample.name == "weir_limit_drift" and sample.value:
                    self.faults.append(("drift", sample.labels, sample.value))


async def settle_in(people, streams, over):
    async def place(number):
        await asyncio.sleep(number / streams * 15)
        while not over.is_set():
            await people.stamped(random.randrange(20, 60), GAP)
    return [asyncio.create_task(place(number)) for number in range(streams)]


async def run(minutes, streams, weir, upstream, seed):
    whole = {path: await body_of_plain(upstream, path) for path in PATHS}
    people, over = Crowd(weir.address), asyncio.Event()
    scrapes = Scrapes(weir)
    scrapes.start()
    tasks = await settle_in(people, streams, over)
    await asyncio.sleep(20)
    late = {"quiet": [], "wild": []}
    totals = {"wild exchanges": 0, "deeds": {}, "faults": []}
    end = time.monotonic() + minutes * 60
    phase = 0
    while time.monotonic() < end:
        people.latencies = late["quiet"]
        await asyncio.sleep(PHASE)
        people.latencies = late["wild"]
        await go_wild(weir, upstream, whole, seed + phase * 1000, totals)
        # What that leaves behind belongs to neither.
        people.latencies = []
        await asyncio.sleep(3)
        phase += 1
    over.set()
    await asyncio.gather(*tasks)
    scrapes.stopping.set()
    return people, scrapes, late, totals


async def body_of_plain(upstream, path):
    return (await asyncio.to_thread(ask, upstream, path)).body


async def go_wild(weir, upstream, whole, seed, totals):
    context = multiprocessing.get_context("spawn")
    over, findings = context.Event(), context.Queue()
    address = weir.address
    clients = [context.Process(target=wild_clients, args=(address, seed + number, whole, over, findings))
               for number in range(WILD_PROCESSES)]
    for client in clients:
        client.start()
    operator = Operator(weir, upstream, seed)
    operator.start()
    await asyncio.sleep(PHASE)
    over.set()
    operator.stopping.set()
    found = [await asyncio.to_thread(findings.get, True, 120) for _ in clients]
    await asyncio.to_thread(operator.join)
    for client in clients:
        await asyncio.to_thread(client.join)
    totals["wild exchanges"] += sum(count for count, _ in found)
    totals["faults"] += operator.faults + [
        wrong for _, wrongs in found for wrong in wrongs if not excused(wrong)]
    for deed, count in operator.done.items():
        totals["deeds"][deed] = totals["deeds"].get(deed, 0) + count


def excused(wrong):
    """While descriptors run out or limits are narrow, a client of the mix may be turned away."""
    return wrong[0] in ("a good one failed", "status", "tunnel") or wrong[0] == "no answer at all"


class SilentNames:
    """A name server that answers nothing, and the file that names it. Needs root."""

    def __enter__(self):
        self.possible = os.geteuid() == 0
        if not self.possible:
            return self
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.77", 53))
        self.file = f"/tmp/weir-chaos-{os.getpid()}.resolv"
        with open(self.file, "w") as file:
            file.write("nameserver 127.0.0.77\noptions timeout:30\n")
        return self

    def weir(self, settings):
        if not self.possible:
            return Weir(settings)
        wrapper = f"/tmp/weir-chaos-{os.getpid()}.sh"
        with open(wrapper, "w") as file:
            file.write(f"#!/bin/sh\nexec unshare -m sh -c 'mount --bind {self.file} /etc/resolv.conf"
                       f" && exec {WEIR} \"$@\"' sh \"$@\"\n")
        os.chmod(wrapper, 0o700)
        import live
        plain, live.WEIR = live.WEIR, wrapper
        try:
            return Weir(settings)
        finally:
            live.WEIR = plain

    def __exit__(self, *_):
        if self.possible:
            self.socket.close()
            os.unlink(self.file)
            os.unlink(f"/tmp/weir-chaos-{os.getpid()}.sh")


def settings_for(upstream, streams):
    settings = simulated(upstream, first_byte_timeout="10s", idle_timeout="5s")
    settings["upstreams"]["named"] = {
        "url": "http://nobody.weir.test", "connect_timeout": "2s", "retry": {"attempts": 1}}
    settings["routes"] = [
        {"name": "named", "path": "/named/", "strip": True, "upstream": "named", "limits": ["wild"]},
        {"name": "sim", "path": "/", "upstream": "sim", "limits": ["all"]}]
    return settings | {
        "limits": {"all": {"max_streams": streams + 500, "queue": {"max": 100, "timeout": "1s"}},
                   "wild": {"max_streams": 20, "queue": {"max": 20, "timeout": "1s"}}},
        "slow_client_timeout": "2s", "client_header_timeout": "10s", "client_body_timeout": "5s",
        "client_idle_timeout": "10s"}


def books(weir, scrapes):
    page = weir.settled(60)
    faults = list(scrapes.faults[:3])
    if not wait_until(lambda: weir.metrics().sum("weir_downstream_connections") == 0, 20):
        faults.append("connections are left")
    page = weir.metrics()
    for gauge in ("weir_requests_active", "weir_streams_active", "weir_buffered_bytes",
                  "weir_backpressured_streams", "weir_limit_in_use", "weir_limit_queued"):
        if page.sum(gauge):
            faults.append((gauge, page.sum(gauge)))
    if page.imbalance:
        faults.append(("imbalance", page.imbalance))
    return page, faults


def main():
    minutes, streams = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    seed = int(os.environ.get("WEIR_SEED", random.randrange(1 << 32)))
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with provider() as (upstream, _), SilentNames() as names:
        with names.weir(settings_for(upstream, streams)) as weir:
            people, scrapes, late, totals = asyncio.run(run(minutes, streams, weir, upstream, seed))
            page, faults = books(weir, scrapes)
            code = weir.stop()
    faults += people.wrong[:5] + totals["faults"][:5] + ([("exit", code)] if code else [])
    figures = {f"{name} p{int(share * 100)} ms": round(percentile(values, share), 2)
               for name, values in late.items() for share in (0.5, 0.99)}
    print(json.dumps({
        "minutes": minutes, "streams": streams, "seed": seed, "commit": crowd.commit(),
        "most active": scrapes.most, "well-behaved streams": people.whole,
        "turned away with 503": people.refused,
        "events timed": {name: len(values) for name, values in late.items()},
        "wild exchanges": totals["wild exchanges"], "deeds": totals["deeds"],
        "requests": page.sum("weir_requests_total"), "log lines dropped":
            page.sum("weir_log_lines_dropped_total"), **figures, "faults": faults}))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()

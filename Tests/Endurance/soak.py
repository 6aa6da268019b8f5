"""A thousand streams at a time for an hour: nothing grows.

usage: soak.py MINUTES [STREAMS]; WEIR names the binary.

Streams come and go all the time; most are read to the end and compared byte for byte, some are left
by FIN or RST, some are read slowly. Every ten seconds memory, descriptors, connections, buffers and
permits are looked at. Memory may not rise by more than 2 MiB an hour once it is warm, and at the
end all is back to zero.
"""

import asyncio
import json
import random
import sys
import time

import crowd
from crowd import Crowd, body_of, generated, slope
from live import Weir, simulated
from processes import provider

WARM_UP_SHARE = 0.25
GROWTH_LIMIT_KIB_PER_HOUR = 2048
EVENTS = [30, 60, 120]


async def inhabit(crowd_, bodies, end, seed):
    """One place in the crowd: one stream after the other until it is time."""
    draw = random.Random(seed)
    await asyncio.sleep(draw.random() * 20)
    while time.monotonic() < end:
        events = draw.choice(EVENTS)
        gap = draw.choice([500, 1000, 1500])
        expected = bodies[events]
        kind = draw.random()
        more = {}
        if kind < 0.05:
            more = {"leave_after": draw.randrange(len(expected)), "abrupt": kind < 0.02}
        elif kind < 0.08:
            gap, more = 0, {"pause": 0.5}
        await crowd_.stream(expected, generated(events, f"{gap}ms"), **more)


def look(weir, start):
    page = weir.metrics()
    return {
        "second": round(time.monotonic() - start), "rss_kib": weir.resident_bytes // 1024,
        "descriptors": weir.descriptors, "active": page.sum("weir_requests_active"),
        "upstream": page.sum("weir_upstream_connections"), "buffered": page.sum("weir_buffered_bytes"),
        "permits": page.sum("weir_limit_in_use"), "drift": page.sum("weir_limit_drift"),
        "imbalance": page.imbalance, "dropped": page.sum("weir_log_lines_dropped_total"),
        "cpu": round(page.sum("process_cpu_seconds_total"), 1),
    }


async def watch(weir, crowd_, end, samples):
    start = time.monotonic()
    while time.monotonic() < end:
        await asyncio.sleep(10)
        try:
            sample = await asyncio.to_thread(look, weir, start)
        except TimeoutError:
            continue  # the machine had no time for this; the next look comes
        sample["streams"] = crowd_.open
        samples.append(sample)
        print(json.dumps(sample), flush=True)


async def run(minutes, streams, upstream, weir):
    bodies = {events: await body_of(upstream, crowd.CHAT, generated(events)) for events in EVENTS}
    people, samples = Crowd(weir.address), []
    end = time.monotonic() + minutes * 60
    tasks = [asyncio.create_task(inhabit(people, bodies, end, seed)) for seed in range(streams)]
    await watch(weir, people, end, samples)
    # Streams that are open at the end run out.
    await asyncio.gather(*tasks)
    return people, samples


def verdict(people, samples, weir, minutes, streams):
    warm = [one for one in samples if one["second"] >= minutes * 60 * WARM_UP_SHARE]
    hours = [(one["second"] / 3600, one["rss_kib"]) for one in warm]
    growth = slope(hours)
    page = weir.settled(60)
    lines = sum(1 for line in open(weir.log_path) if '"event":"exchange"' in line)
    faults = list(people.wrong[:5])
    for gauge in ("weir_requests_active", "weir_buffered_bytes", "weir_limit_in_use",
                  "weir_downstream_connections"):
        if page.sum(gauge):
            faults.append((gauge, page.sum(gauge)))
    faults += [one for one in samples if one["imbalance"] or one["drift"]][:3]
    if lines + page.sum("weir_log_lines_dropped_total") != page.sum("weir_requests_total"):
        faults.append(("log lines", lines, page.sum("weir_requests_total")))
    if growth > GROWTH_LIMIT_KIB_PER_HOUR and minutes >= 30:
        faults.append(("memory grows", growth))
    return {
        "minutes": minutes, "streams": streams, "commit": crowd.commit(), "whole": people.whole,
        "left": people.left, "gigabytes": round(people.bytes / 1e9, 2),
        "rss_kib": [min(one["rss_kib"] for one in warm), max(one["rss_kib"] for one in warm)],
        "rss_growth_kib_per_hour": round(growth),
        "descriptors": [min(one["descriptors"] for one in warm), max(one["descriptors"] for one in warm)],
        "upstream_connections": [min(one["upstream"] for one in warm), max(one["upstream"] for one in warm)],
        "permits": [min(one["permits"] for one in warm), max(one["permits"] for one in warm)],
        "cpu_seconds": samples[-1]["cpu"], "faults": faults,
    }


def main():
    minutes, streams = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    with provider() as (upstream, _):
        settings = simulated(upstream) | {"limits": {"all": {"max_streams": streams + 100}}}
        settings["routes"][0]["limits"] = ["all"]
        with Weir(settings) as weir:
            people, samples = asyncio.run(run(minutes, streams, upstream, weir))
            result = verdict(people, samples, weir, minutes, streams)
            code = weir.stop()
    print(json.dumps(result))
    sys.exit(1 if result["faults"] or code else 0)


if __name__ == "__main__":
    main()

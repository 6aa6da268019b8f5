"""Runs the Autobahn WebSocket suite against weir's own WebSocket code, and again through weir's tunnel.

usage: run.py SUITE ECHO WEIR [CASE ...]

SUITE is a folder made by scripts/install-autobahn; ECHO and WEIR are programs of a build. Cases are
patterns such as `1.*`; without any, all but those of compression (12 and 13), which the echo server
does not offer. Fails on a failed case, and on any difference that the tunnel makes.
"""

import contextlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ALL = ["*"]
EXCLUDED = ["12.*", "13.*"]
# What the suite calls cases that went as the standard says, that it lets pass, or that judge nothing.
GOOD = {"OK", "NON-STRICT", "INFORMATIONAL"}


@contextlib.contextmanager
def program(arguments, pattern, stream):
    """Starts a program; yields the port that it names on that stream."""
    process = subprocess.Popen([str(argument) for argument in arguments], text=True,
                               **{stream: subprocess.PIPE})
    try:
        for line in getattr(process, stream):
            found = re.search(pattern, line)
            if found:
                yield int(found.group(1))
                return
        raise SystemExit(f"{arguments[0]} ended before it served")
    finally:
        process.terminate()
        process.wait()


def results(suite, port, cases):
    """What became of each case: its verdict, that on its closing, and the code of its close."""
    with tempfile.TemporaryDirectory() as folder:
        spec = pathlib.Path(folder, "spec.json")
        spec.write_text(json.dumps({
            "outdir": folder, "cases": cases, "exclude-cases": EXCLUDED, "exclude-agent-cases": {},
            "servers": [{"agent": "weir", "url": f"ws://127.0.0.1:{port}",
                         "options": {"version": 18}}],
        }))
        command = ("import sys; sys.argv = ['wstest', '-m', 'fuzzingclient', '-s', %r]; "
                   "from autobahntestsuite.wstest import run; run()" % str(spec))
        subprocess.run([str(suite / "python"), "-W", "ignore", "-c", command], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
        index = json.loads(pathlib.Path(folder, "index.json").read_text())["weir"]
        return {case: (found["behavior"], found["behaviorClose"], found["remoteCloseCode"])
                for case, found in index.items()}


def report(name, found):
    verdicts = {}
    for behaviour, closing, _ in found.values():
        verdicts[behaviour] = verdicts.get(behaviour, 0) + 1
    print(f"{name}: {len(found)} cases,",
          ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items())))
    return [case for case, (behaviour, closing, _) in found.items()
            if behaviour not in GOOD or closing not in GOOD]


def main(suite, echo, weir, *cases):
    suite = pathlib.Path(suite).resolve()
    cases = list(cases) or ALL
    with program([echo], r":(\d+)$", "stdout") as port:
        direct = results(suite, port, cases)
        with program([weir, "run", "--upstream", f"http://127.0.0.1:{port}", "--listen",
                      "127.0.0.1:0", "--admin", "off", "--log-to", "off"],
                     r"relaying on 127\.0\.0\.1:(\d+)", "stderr") as relayed_port:
            relayed = results(suite, relayed_port, cases)
    failures = report("weir's endpoint", direct) + report("through weir's tunnel", relayed)
    differences = [case for case in direct if direct[case] != relayed.get(case)]
    for case in sorted(set(failures + differences)):
        print(f"case {case}: directly {direct.get(case)}, through weir {relayed.get(case)}")
    if not direct or failures or differences:
        raise SystemExit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])

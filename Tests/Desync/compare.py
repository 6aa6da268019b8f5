"""Writes docs/desynchronisation.md: what weir, nginx and HAProxy make of each case of the tables.

usage: compare.py WEIR OUTPUT, on a machine with Debian's nginx and haproxy.
"""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Clients"))
if __name__ == "__main__":
    os.environ["WEIR"] = sys.argv[1]

from processes import relay, wait_until

import answers
import requests
from probe import Recorder, answer_case, request_case, victim
from readings import unchunked

NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/log crit;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  upstream up {{ server {upstream}; keepalive 16; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://up;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
    }}
  }}
}}
"""
HAPROXY = """
global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
  http-reuse always
frontend relay
  bind 127.0.0.1:{port}
  default_backend up
backend up
  server up {upstream}
"""


@contextlib.contextmanager
def peer(command, config, upstream):
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        path = pathlib.Path(folder) / "config"
        path.write_text(config.format(folder=folder, port=port, upstream=upstream))
        process = subprocess.Popen([*command, str(path)], stderr=subprocess.DEVNULL)
        try:
            address = f"127.0.0.1:{port}"
            if not wait_until(lambda: answers_victim(address)):
                raise RuntimeError(f"{command[0]} does not serve")
            yield address
        finally:
            process.terminate()
            process.wait()


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers_victim(address):
    try:
        return victim(address)
    except OSError:
        return False


def meanings(triples):
    """Requests without what a proxy may choose: how the payload is framed."""
    return [(method, origin(target), unchunked(body)) for method, target, body in triples]


def origin(target):
    """A target without the authority that the absolute form puts in front."""
    rest = re.sub(rb"^https?://[^/?]*", b"", target)
    return rest if rest.startswith(b"/") or rest == target else b"/" + rest


def request_verdict(case, outcome):
    """`ok`, or in a few words what happened instead."""
    told = danger(outcome)
    if told:
        return told
    if meanings(outcome.seen) == meanings(case.requests):
        refused = bool(outcome.statuses) and outcome.statuses[-1] >= 400
        silent = len(outcome.statuses) == len(case.requests)
        if case.is_refused and (refused or silent) and outcome.closed:
            return "ok" if refused else "ok, without an answer"
        if not case.is_refused and outcome.statuses == [200] * len(case.requests):
            return "ok"
    if case.is_refused:
        if any(target == b"/smuggled" for _, target, _ in outcome.seen):
            return "passed on" if len(outcome.seen) > 1 else "passed over"
        return "passed on, then closed" if outcome.seen else f"answered {statuses(outcome)}, connection kept"
    return f"refused with {statuses(outcome)}" if not outcome.seen else "other requests upstream"


def answer_verdict(case, outcome):
    told = danger(outcome)
    if told:
        return told
    if not outcome.answers and outcome.garbage is None:
        broken = case.cut or case.status == 502
        return ("ok, without an answer" if broken else "no answer") if outcome.ended else "no end"
    if case.cut:
        if outcome.garbage or outcome.statuses == [502]:
            return "ok" if outcome.garbage else "ok, as 502"
        return "the broken answer looks whole"
    if outcome.garbage:
        return f"passed on, unreadable: {outcome.garbage}"
    if outcome.statuses[:1] == [case.status] and len(outcome.statuses) == 1:
        return "ok"
    return f"answered {statuses(outcome)}" if case.status != 502 else f"passed on as {statuses(outcome)}"


def danger(outcome):
    if not outcome.victim:
        return "**the next client got another answer**"
    if outcome.unreadable:
        return f"**passed on what no strict reader can frame** ({outcome.unreadable[0]})"
    return None


def statuses(outcome):
    return ", ".join(map(str, outcome.statuses)) or "nothing"


def run(recorder, address):
    """A verdict for each case, in the tables' order."""
    found = []
    for case in requests.CASES:
        found.append(request_verdict(case, request_case(recorder, address, case, patience=0.4)))
    for case in answers.CASES:
        found.append(answer_verdict(case, answer_case(recorder, address, case, patience=0.4)))
    return found


def version(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return re.search(r"[0-9]+\.[0-9]+\.[0-9]+", done.stdout + done.stderr)[0]


def acceptable(case):
    if isinstance(case, answers.Case):
        return f"cut behind {len(case.body)} bytes" if case.cut else str(case.status)
    before = f"{len(case.requests)} passed on, then " if case.requests and case.is_refused else ""
    if case.is_refused:
        return before + str(case.status)
    return f"{len(case.requests)} request" + ("s" if len(case.requests) > 1 else "")


def main():
    output = pathlib.Path(sys.argv[2])
    recorder = Recorder()
    verdicts = {}
    with relay("http://" + recorder.address) as (address, _):
        verdicts["weir"] = run(recorder, address)
    with peer(["nginx", "-c"], NGINX, recorder.address) as address:
        verdicts["nginx " + version("nginx", "-v")] = run(recorder, address)
    with peer(["haproxy", "-f"], HAPROXY, recorder.address) as address:
        verdicts["HAProxy " + version("haproxy", "-v")] = run(recorder, address)
    output.write_text(page(verdicts))


def page(verdicts):
    cases = requests.CASES + answers.CASES
    lines = [HEAD.format(count=len(cases)), "| | " + " | ".join(verdicts) + " |",
             "| --- " * (len(verdicts) + 1) + "|"]
    counts = {
        "as the table says": lambda verdict: verdict.startswith("ok"),
        "otherwise": lambda verdict: not verdict.startswith("ok") and "**" not in verdict,
        "dangerous": lambda verdict: "**" in verdict,
    }
    for name, holds in counts.items():
        lines.append(f"| {name} | " + " | ".join(
            str(sum(map(holds, found))) for found in verdicts.values()) + " |")
    family = None
    for index, case in enumerate(cases):
        if case.family != family:
            family = case.family
            lines += ["", f"## {family}", "", "| case | acceptable | " + " | ".join(verdicts) + " |",
                      "| --- " * (len(verdicts) + 2) + "|"]
        name = case.name.replace("|", "\\|")
        lines.append(f"| {name} | {acceptable(case)} | "
                     + " | ".join(found[index] for found in verdicts.values()) + " |")
    return "\n".join(lines) + "\n"


HEAD = """# Messages that two parsers could read differently

`make compare-desync` writes this page: {count} raw messages of the published classes of request and
response smuggling, each with the one result that weir takes for acceptable, sent through weir, nginx
and HAProxy with kept-alive connections to the same upstream. The tables are
[`Tests/Desync/requests.py`](../Tests/Desync/requests.py) and
[`answers.py`](../Tests/Desync/answers.py); `make test` runs weir through them, whole and byte by
byte. `ok` is the acceptable result. What a proxy does otherwise need not be wrong: RFC 9112 lets a
recipient repair some of it, and nginx and HAProxy mostly rewrite what they pass on. Dangerous, in
bold, is what an upstream with a strict parser cannot frame, or what gives the next client an answer
that is not its own. "Passed on" is what went to upstream though a strict reader refuses it.
"""

if __name__ == "__main__":
    main()

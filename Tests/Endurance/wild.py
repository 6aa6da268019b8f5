"""Clients that do everything wrong, for as long as they are let.

usage: wild.py ADDRESS UPSTREAM PREFIX [SEED]; a line `exchanges N, wrong M` when it is told to stop.

They play the mix of `test_chaos.py` below PREFIX at the weir at ADDRESS, whose route leads from there
to the simulated provider at UPSTREAM.
"""

import contextlib
import pathlib
import random
import signal
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Clients"))

from live import ask, new_trace, request_bytes
from test_chaos import Chaos, PATHS

THREADS = 8


class Below(Chaos):
    """A mix whose requests go below a prefix."""

    prefix = ""

    def ask(self, path, **headers):
        return request_bytes(self.prefix + path, trace=new_trace(), **headers)

    def tunnel(self, connection):
        """The one kind that names its path itself, and does not lead below the prefix."""
        self.slow(connection)


def play(client, over):
    while not over.is_set():
        # A weir that is stopped first refuses its clients.
        with contextlib.suppress(OSError):
            client.run()


def main():
    address, upstream, Below.prefix = sys.argv[1:4]
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 32)
    whole = {path: ask(upstream, path).body for path in PATHS}
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    clients = [Below(address, seed + number, whole) for number in range(THREADS)]
    for client in clients:
        threading.Thread(target=play, args=(client, over), daemon=True).start()
    over.wait()
    print(f"exchanges {sum(sum(client.done.values()) for client in clients)}, "
          f"wrong {sum(len(client.wrong) for client in clients)}", flush=True)


if __name__ == "__main__":
    main()

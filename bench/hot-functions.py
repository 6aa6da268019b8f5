"""Writes down the functions that run once weir is ready, for the linker to place together.

usage: hot-functions.py PROFILES WEIR FILE

PROFILES holds callgrind's profiles of `weir-bench --regression --profiles`: two of each kind of work, which
differ in nothing but how much of it was done, and begin when weir is ready. What was called oftener in the
longer one is on the path of events and requests, and comes first. Then comes what ran at all: it decides how
much of the program the first request brings into memory.
Only functions of the program WEIR itself are written, not those of the libraries it loads.
"""

import collections
import pathlib
import re
import subprocess
import sys

# In the order in which they are placed: what is most sensitive to cold code first.
KINDS = ["event-alone", "event-of-32", "request", "event-alone-over-tls", "request-with-tls-resumption"]
# Where weir-bench has the profiles begin.
READY = "$s2IO12ProgramPagesO11forgetStartyyFZ"
HEAD = """# The functions that run once weir is ready, in the order in which the linker places them: first those that
# each event or request passes through, then those that the first of them needs.
# `make regression UPDATE=1` writes this file; a name that is no more is skipped.
"""


def calls(profile):
    """How often each function was called, in a profile with callgrind's compressed names."""
    names, counts, callee = {}, collections.Counter(), None
    for line in profile.open():
        if match := re.match(r"c?fn=\((\d+)\)(?: (.*))?$", line):
            number, name = match.groups()
            # A recursion is told by a number of its own.
            if name:
                names[number] = re.sub(r"'\d+$", "", name)
            callee = names[number]
        elif match := re.match(r"calls=(\d+)", line):
            counts[callee] += int(match[1])
    return counts


def profiles(folder, kind):
    """The shorter run's profile and the longer one's."""
    return sorted(folder.glob(f"{kind}.*.callgrind"), key=lambda path: int(path.suffixes[-2][1:]))


def on_path(folder, kind):
    short, long = profiles(folder, kind)
    more = calls(long)
    more.subtract(calls(short))
    steps = int(long.suffixes[-2][1:]) - int(short.suffixes[-2][1:])
    return [name for name, count in more.most_common() if count >= steps / 2]


def at_all(folder, kind):
    return [name for name, count in calls(profiles(folder, kind)[0]).most_common() if count > 0]


def defined_in(program):
    listing = subprocess.run(["nm", "--defined-only", program], check=True, capture_output=True, text=True)
    return {line.split(maxsplit=2)[2] for line in listing.stdout.splitlines()}


def main():
    folder, program, file = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
    known = defined_in(program)
    if READY not in known:
        sys.exit(f"{program} has no {READY}: the profiles would begin with its start")
    called = [name for kind in KINDS for name in on_path(folder, kind)]
    called += [name for kind in KINDS for name in at_all(folder, kind)]
    names = dict.fromkeys(name for name in called if name in known)
    file.write_text(HEAD + "".join(f"{name}\n" for name in names))
    print(f"{len(names)} functions written to {file}")


if __name__ == "__main__":
    main()

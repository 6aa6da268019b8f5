"""Finds the programs that the checks run.

Those that scripts/install-test-tools brings must be there in CI; elsewhere a test without them says
that it skipped. Newer ones, which scripts/install-deploy-tools fetches into .build/tools if it can,
may be missing everywhere.
"""

import pathlib
import shutil
import subprocess
import sys
import unittest

from live import CI
from processes import ROOT

ENVIRONMENT = pathlib.Path(sys.executable).parent
NEWER = ROOT / ".build/tools/usr/bin"


def find(tool):
    """The path of a program of this Python's environment or of the system; None without one."""
    inside = ENVIRONMENT / tool
    return str(inside) if inside.exists() else shutil.which(tool)


def newer(tool):
    """The path of a newer program; None without one."""
    path = NEWER / tool
    return str(path) if path.exists() else None


def needs(*tools):
    missing = [tool for tool in tools if not find(tool)]
    return unittest.skipIf(
        missing and not CI,
        f"SKIPPED: {', '.join(missing)} not installed; scripts/install-test-tools does it")


def needs_newer(tool):
    return unittest.skipUnless(
        newer(tool), f"SKIPPED: no newer {tool}; scripts/install-deploy-tools fetches it")


def run(tool, *arguments, **options):
    """Runs it; exit code, standard output, standard error."""
    done = subprocess.run([find(tool) or tool, *map(str, arguments)],
                          capture_output=True, text=True, **options)
    return done.returncode, done.stdout, done.stderr

"""Finds the programs that the checks run. Where one is missing a test says that it skipped; in CI
that is a failure, because scripts/install-test-tools must have brought it."""

import os
import pathlib
import shutil
import subprocess
import sys
import unittest

from live import CI

ENVIRONMENT = pathlib.Path(sys.executable).parent


def find(tool):
    """The path of a program, of this Python's environment or of the system."""
    inside = ENVIRONMENT / tool
    return str(inside) if inside.exists() else shutil.which(tool)


def needs(*tools):
    missing = [tool for tool in tools if not find(os.environ.get(tool.upper(), tool))]
    return unittest.skipIf(
        missing and not CI,
        f"SKIPPED: {', '.join(missing)} not installed; scripts/install-test-tools does it")


def run(tool, *arguments, **options):
    """Runs it; exit code, standard output, standard error."""
    done = subprocess.run([find(os.environ.get(tool.upper(), tool)) or tool,
                           *map(str, arguments)], capture_output=True, text=True, **options)
    return done.returncode, done.stdout, done.stderr

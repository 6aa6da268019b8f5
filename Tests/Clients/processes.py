"""Starts what the client tests talk to: weir, its simulated provider, and certificates."""

import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WEIR = os.environ.get("WEIR", str(ROOT / ".build/debug/weir"))
CORPUS = pathlib.Path(os.environ.get("WEIR_CORPUS", ROOT.parent / "shared/corpus"))


def recordings():
    """The corpus's index, or None where there is no corpus."""
    index = CORPUS / "index.json"
    return json.loads(index.read_text()) if index.exists() else None


@contextlib.contextmanager
def running(*arguments, announces, environment=None):
    """A weir that has said on standard error where it serves; yields that address and the process."""
    process = subprocess.Popen(
        [WEIR, *arguments], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        env={**os.environ, **(environment or {})})
    try:
        said = ""
        while True:
            line = process.stderr.readline()
            if not line:
                raise RuntimeError(f"weir {arguments} ended and said: {said}")
            said += line
            found = re.search(announces + r" (\S+?)[;/]?(\s|$)", line)
            if found:
                yield found.group(1), process
                return
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise RuntimeError("weir did not end after SIGTERM")
        finally:
            process.stderr.close()


def provider(*arguments):
    folder = ["--replay", str(CORPUS)] if recordings() else []
    return running("simulate", "--listen", "127.0.0.1:0", *folder, *arguments,
                   announces="simulating a provider on")


def relay(upstream, *arguments, listen="127.0.0.1:0"):
    return running("run", "--upstream", upstream, "--listen", listen, "--admin", "off",
                   "--log-to", "off", "--loops", "1", *arguments, announces="relaying on")


class Certificates:
    """A certificate authority of one test run, and what it signed for 127.0.0.1 and localhost."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        self.ca = self._make("ca", ["-x509", "-subj", "/CN=weir test authority"])
        self.certificate = self.path / "server.crt"
        self.key = self.path / "server.key"
        self._run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                  "-keyout", self.key, "-out", self.path / "server.csr", "-subj", "/CN=localhost")
        names = self.path / "names"
        names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self._run("x509", "-req", "-in", self.path / "server.csr", "-CA", self.ca,
                  "-CAkey", self.path / "ca.key", "-CAcreateserial", "-days", "2",
                  "-extfile", names, "-out", self.certificate)

    def _make(self, name, arguments):
        out = self.path / f"{name}.crt"
        self._run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                  "-days", "2", "-keyout", self.path / f"{name}.key", "-out", out, *arguments)
        return out

    @staticmethod
    def _run(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def exchange(address, request, tls=None, timeout=30):
    """Sends raw bytes on a fresh connection and returns all that comes until the end."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=timeout) as connection:
        if tls:
            connection = tls.wrap_socket(connection, server_hostname="localhost")
        connection.sendall(request)
        received = b""
        while True:
            piece = connection.recv(65536)
            if not piece:
                return received
            received += piece


def wait_until(condition, seconds=10):
    """Polls for something another process does; returns whether it came."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False

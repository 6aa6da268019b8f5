"""`weir top` in a terminal.

Goal: it shows what weir does in whatever size the terminal has, obeys keys, and leaves the terminal
as it was on every way out.
Method: a pseudo-terminal and an emulator (pyte), so that what is compared is what a person sees.
"""

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
import time
import unittest

import pyte

from live import WEIR, Weir, connect, provider, receive_until, request_bytes, simulated, wait_until


class Terminal:
    """A terminal with `weir top` in it."""

    def __init__(self, *arguments, columns=100, rows=24, **variables):
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.master, slave = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        environment.update({"TERM": "xterm-256color", "LANG": "C.UTF-8", **variables})
        self.process = subprocess.Popen(
            [WEIR, "top", *arguments], stdin=slave, stdout=slave, stderr=slave,
            env=environment, start_new_session=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with contextlib.suppress(OSError):
            while piece := os.read(self.master, 65536):
                self.raw += piece
                self.stream.feed(piece)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.slave)
        os.close(self.master)

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def press(self, keys):
        os.write(self.master, keys.encode())

    @property
    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def shows(self, *words, seconds=10):
        """Waits until all of the words are on the screen."""
        if not wait_until(lambda: all(word in self.text for word in words), seconds):
            raise AssertionError(f"{words} are not on the screen:\n{self.text}\n{self.raw[-300:]!r}")

    def hides(self, word, seconds=10):
        if not wait_until(lambda: word not in self.text, seconds):
            raise AssertionError(f"{word} is still on the screen:\n{self.text}")

    def expect_restored(self, case):
        """The process has ended and the terminal is as it was."""
        self.process.wait(10)
        case.assertTrue(wait_until(lambda: b"\x1b[?1049l" in self.raw), self.raw[-200:])
        case.assertIn(b"\x1b[?25h", self.raw)
        case.assertEqual(termios.tcgetattr(self.slave), self.before)


class TopTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        upstream, _ = cls.enterClassContext(provider())
        settings = simulated(upstream)
        settings["limits"] = {"all": {"max_streams": 40}}
        settings["routes"][0]["limits"] = ["all"]
        cls.weir = cls.enterClassContext(Weir(settings))
        cls.streams = []
        for model in ("gpt-4o", "gpt-4o", "claude-\x1b[31m\u202e日本語-with-a-name-that-goes-on-and-on"):
            connection = connect(cls.weir.address)
            cls.addClassCleanup(connection.close)
            body = '{"model":"%s","stream":true}' % model.replace("\x1b", "\\u001b")
            connection.sendall(request_bytes(
                body=body.encode(), x_sim_events="0", x_sim_gap="50ms", x_sim_head_delay="30m"))
            cls.streams.append(connection)
        running = connect(cls.weir.address)
        cls.addClassCleanup(running.close)
        running.sendall(request_bytes(x_sim_events="0", x_sim_gap="50ms"))
        receive_until(running, b"data:")

    def top(self, **more):
        return Terminal("--admin", self.weir.admin, **more)

    def test_what_is_on_the_screen(self):
        with self.top() as terminal:
            terminal.shows("live", "limit all", "4 of 40", "waiting", "streaming", "q quit")
            self.assertIn("claude-·[31m·日本語-w", terminal.text)
            self.assertIn("…", terminal.text)
            before = terminal.text
            self.assertTrue(wait_until(lambda: terminal.text != before), "nothing moves")

    def test_keys(self):
        with self.top() as terminal:
            terminal.shows("streaming", "claude")
            terminal.press("/CLAUDE")
            terminal.shows("filter: CLAUDE_")
            terminal.hides("streaming")
            terminal.press("\r")
            terminal.shows("filter: CLAUDE ", "q quit")
            terminal.press("\x1b")
            terminal.shows("streaming")
            terminal.press("m")
            terminal.shows("MODEL^")
            terminal.press("r")
            terminal.shows("MODELv")
            terminal.press("p")
            terminal.shows("paused")
            terminal.press("p")
            terminal.shows("live")
            terminal.press("q")
            self.assertEqual(terminal.process.wait(10), 0)
            terminal.expect_restored(self)

    def test_sizes(self):
        with self.top() as terminal:
            terminal.shows("SILENT", "BYTES")
            terminal.resize(44, 12)
            terminal.process.send_signal(signal.SIGWINCH)
            terminal.hides("BYTES")
            terminal.shows("MODEL", "TTFT", "SPEED")
            terminal.resize(120, 40)
            terminal.process.send_signal(signal.SIGWINCH)
            terminal.shows("BYTES", "ROUTE")

    def test_ways_out(self):
        for way in ("\x03", signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGABRT,
                    signal.SIGSEGV):
            with self.subTest(way=way), self.top() as terminal:
                terminal.shows("live")
                if isinstance(way, str):
                    terminal.press(way)
                else:
                    terminal.process.send_signal(way)
                terminal.expect_restored(self)
                crashed = way in (signal.SIGABRT, signal.SIGSEGV)
                self.assertEqual(terminal.process.returncode, -way if crashed else 0)

    def test_colours_are_optional(self):
        with self.top() as coloured, self.top(NO_COLOR="1") as plain:
            coloured.shows("live")
            plain.shows("live")
            self.assertIn(b"\x1b[32m", coloured.raw)
            self.assertNotIn(b"\x1b[32m", plain.raw)

    def test_a_weir_that_goes_and_comes(self):
        with Weir(simulated("127.0.0.1:1")) as weir:
            terminal = self.enterContext(Terminal("--admin", weir.admin))
            terminal.shows("live", "no stream is open")
            address = weir.admin
        terminal.shows("not connected")
        with Weir(simulated("127.0.0.1:1"), admin=address):
            terminal.shows("live", seconds=20)
            terminal.hides("not connected")

    def test_a_unix_socket(self):
        with Weir(simulated("127.0.0.1:1"), admin="unix:/tmp/weir-top-%d.sock" % os.getpid()) as weir:
            with Terminal("--admin", weir.settings["admin"]["listen"]) as terminal:
                terminal.shows("live")


if __name__ == "__main__":
    unittest.main()

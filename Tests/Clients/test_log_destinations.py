"""A log that cannot be written costs lines, which are counted, and never a stream's time."""

import contextlib
import fcntl
import json
import os
import select
import signal
import unittest

from live import Kept, Weir, ask, connect, provider, read_answer, request_bytes, simulated, \
    wait_until

CHAT = "/v1/chat/completions"
F_SETPIPE_SZ = 1031


class LogDestinationsTest(unittest.TestCase):
    def setUp(self):
        self.upstream, _ = self.enterContext(provider())

    def start(self, to, **more):
        settings = simulated(self.upstream) | {"log": {"to": to}, "loops": 1}
        settings["routes"][0]["tenant_header"] = "x-tenant"
        return self.enterContext(Weir(settings, **more))

    def asks(self, weir, count, **headers):
        with contextlib.closing(connect(weir.address)) as connection:
            kept = Kept(connection)
            for _ in range(count):
                connection.sendall(request_bytes(CHAT, **headers))
                answer = read_answer(kept)
                self.assertTrue(answer.whole and answer.status == 200)

    def test_a_full_disk(self):
        weir = self.start("/dev/full")
        self.asks(weir, 50)
        page = weir.settled()
        self.assertEqual(page.sum("weir_requests_total"), 50)
        # The line that says `started` is lost too.
        self.assertTrue(wait_until(
            lambda: weir.metrics().sum("weir_log_lines_dropped_total") == 51))
        self.assertEqual(weir.metrics().sum("weir_log_lines_total"), 0)
        self.assertEqual(weir.stop(), 0)

    def blocked(self):
        """A weir whose log is a small pipe that nobody reads; and the pipe's other end."""
        reading, writing = os.pipe()
        fcntl.fcntl(writing, F_SETPIPE_SZ, 4096)
        weir = self.start("stdout", stdout=writing)
        os.close(writing)
        self.addCleanup(close, reading)
        return weir, reading

    def test_a_blocked_pipe_holds_up_no_stream_and_its_reader_gets_whole_lines(self):
        weir, reading = self.blocked()
        self.asks(weir, 300, x_sim_events="20", x_sim_gap="100us")
        self.assertEqual(weir.settled().sum("weir_requests_total"), 300)
        for line in self.read_lines(reading, 301).splitlines():
            json.loads(line)
        self.assertEqual(weir.metrics().sum("weir_log_lines_dropped_total"), 0)

    def test_what_a_blocked_pipe_costs_is_counted(self):
        weir, reading = self.blocked()
        # More than the queue's 8 MiB: lines grow with what they quote.
        count = 0
        while weir.metrics().sum("weir_log_lines_dropped_total") < 20 and count < 20_000:
            self.asks(weir, 50, x_tenant="t" * 30_000)
            count += 50
        page = weir.settled()
        dropped = page.sum("weir_log_lines_dropped_total")
        self.assertGreater(dropped, 0)
        self.assertEqual(page.sum("weir_log_lines_total") + dropped, count + 1)
        self.assertGreater(page.sum("weir_buffered_bytes", buffer="log"), 0)
        self.assertLess(weir.resident_bytes, 100 << 20)
        # Once there is a reader again, what was written comes out whole.
        text = self.read_lines(reading, int(count + 1 - dropped))
        for line in text.splitlines():
            json.loads(line)

    def read_lines(self, reading, count):
        """Reads until that many lines have come, and that nothing follows."""
        pieces, lines = [], 0
        while lines < count:
            self.assertTrue(select.select([reading], [], [], 10)[0], f"{lines} lines of {count}")
            pieces.append(os.read(reading, 1 << 20))
            lines += pieces[-1].count(b"\n")
        self.assertEqual((lines, select.select([reading], [], [], 0.1)[0]), (count, []))
        return b"".join(pieces)

    def test_weir_ends_though_its_pipe_is_blocked(self):
        weir, _ = self.blocked()
        self.asks(weir, 100)
        self.assertEqual(weir.stop(10), 0)

    def test_a_reader_that_goes_ends_nothing(self):
        weir, reading = self.blocked()
        os.close(reading)
        self.asks(weir, 20)
        self.assertTrue(wait_until(
            lambda: weir.metrics().sum("weir_log_lines_dropped_total") > 0))
        page = weir.metrics()
        self.assertEqual(
            page.sum("weir_log_lines_total") + page.sum("weir_log_lines_dropped_total"), 21)
        self.assertIsNone(weir.process.poll())

    def test_a_file_is_opened_anew_on_sighup(self):
        weir = self.enterContext(Weir(simulated(self.upstream)))
        self.asks(weir, 3)
        self.assertTrue(wait_until(lambda: len(weir.exchanges()) == 3))
        rotated = weir.log_path.with_suffix(".1")
        weir.log_path.rename(rotated)
        weir.process.send_signal(signal.SIGHUP)
        weir.said("weir: reloaded")
        self.assertTrue(wait_until(weir.log_path.exists))
        self.asks(weir, 2)
        self.assertTrue(wait_until(lambda: len(weir.exchanges()) == 2))
        whole = rotated.read_text().count('"exchange"') + len(weir.exchanges())
        self.assertEqual(whole, 5)


def close(descriptor):
    with contextlib.suppress(OSError):
        os.close(descriptor)


if __name__ == "__main__":
    unittest.main()

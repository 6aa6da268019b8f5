"""Times as the log tells them, against what the provider was asked to do.

Bounds are gross, since a busy machine delays anything but makes nothing early; `weir-bench --study clocks`
measures how exact they are.
"""

import unittest

from live import Weir, ask, new_trace, provider, simulated

CHAT = "/v1/chat/completions"
GROSS = 400


class ClocksTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        upstream, _ = cls.enterClassContext(provider())
        cls.weir = cls.enterClassContext(Weir(simulated(upstream)))

    def line(self, **headers):
        trace = new_trace()
        self.assertTrue(ask(self.weir.address, CHAT, trace=trace, **headers).whole)
        return self.weir.line(trace)

    def between(self, value, least):
        # Both ends' timers have a grain of their own.
        self.assertGreaterEqual(value, least - 2)
        self.assertLess(value, least + GROSS)

    def test_the_first_token(self):
        line = self.line(x_sim_ttft="200ms", x_sim_events="3")
        for name in ("ttft_ms", "ttft_visible_ms", "ttft_client_ms"):
            self.between(line[name], 200)
        self.assertLess(line["header_ms"], GROSS)
        self.assertLessEqual(line["header_ms"], line["ttft_ms"])
        self.assertGreaterEqual(line["ttft_client_ms"], line["ttft_ms"])
        self.assertGreaterEqual(line["duration_ms"], line["ttft_client_ms"])

    def test_a_late_head(self):
        line = self.line(x_sim_head_delay="150ms", x_sim_events="3")
        self.between(line["header_ms"], 150)

    def test_a_prelude_without_content_starts_no_clock(self):
        # The recording's first event has a role alone; events come 50 ms apart.
        line = self.line(x_sim_gap="50ms")
        self.between(line["ttft_ms"], 50)
        page = self.weir.settled()
        self.assertGreater(page.sum("weir_time_to_first_chunk_seconds_count"), 0)

    def test_the_longest_gap(self):
        line = self.line(x_sim_events="4", x_sim_gap="100ms")
        self.between(line["max_gap_ms"], 100)
        self.assertEqual(line["content_events"], 4)

    def test_what_comes_in_one_read_is_one_gap_and_a_burst(self):
        before = self.weir.settled()
        line = self.line(x_sim_events="12", x_sim_chunking="4-per-write", x_sim_gap="60ms")
        after = self.weir.settled()
        self.assertEqual(line["content_events"], 12)
        grown = {name: after.sum(name) - before.sum(name)
                 for name in ("weir_inter_token_seconds_count", "weir_burst_events_total")}
        # Three writes, so two gaps; a write may yet come in two reads, so at most 11.
        self.assertGreaterEqual(grown["weir_inter_token_seconds_count"], 2)
        self.assertEqual(sum(grown.values()), 11)

    def test_the_histograms_hold_what_the_lines_say(self):
        self.line(x_sim_events="5", x_sim_gap="2ms", x_sim_ttft="20ms")
        page = self.weir.settled()
        lines = [line for line in self.weir.exchanges() if "ttft_ms" in line]
        for name, key in (("weir_time_to_first_token_seconds", "ttft_ms"),
                          ("weir_client_time_to_first_token_seconds", "ttft_client_ms"),
                          ("weir_request_duration_seconds", "duration_ms")):
            self.assertEqual(page.sum(name + "_count"), len(lines), name)
            self.assertAlmostEqual(
                page.sum(name + "_sum"), sum(line[key] for line in lines) / 1000, delta=0.001)


if __name__ == "__main__":
    unittest.main()

"""The status page in a real browser, and the feed and the JSON behind it, under live streams.

Goal: a person sees what weir does, with a mouse, a keyboard or a screen reader, in the light and in
the dark, on a phone; and the page asks nobody but its weir, whatever names the streams bear.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import unittest

from browser import CHROMIUM, Browser
from live import (WEIR, Weir, connect, provider, receive_until, request_bytes, simulated,
                  wait_until)

EVIL = '<img src=x onerror="document.title=1">'


def listen(weir, query="", host="localhost"):
    """A connection on which the feed is told."""
    connection = connect(weir.admin)
    connection.sendall(f"GET /events{query} HTTP/1.0\r\nhost: {host}\r\n\r\n".encode())
    return connection


def events(connection, count):
    """The next `count` events, as (name, data)."""
    found, held = [], b""
    while len(found) < count:
        piece = connection.recv(65536)
        if not piece:
            raise AssertionError(f"the feed ended after {found}")
        held += piece
        *whole, held = held.split(b"\n\n")
        for text in whole:
            match = re.search(rb"event: (\w+)\ndata: (.*)", text)
            if match:
                found.append((match[1].decode(), json.loads(match[2])))
    return found[:count]


class Traffic:
    """Streams through a weir that go on until they are closed."""

    def __init__(self, weir):
        self.weir, self.open = weir, []

    def start(self, count=1, model="gpt-4o", path="/v1/chat/completions", **headers):
        body = json.dumps({"model": model, "stream": True}).encode()
        fields = {"x_sim_events": "0", "x_sim_gap": "40ms", **headers}
        for _ in range(count):
            connection = connect(self.weir.address)
            connection.sendall(request_bytes(path, body, **fields))
            self.open.append(connection)

    def close(self):
        for connection in self.open:
            connection.close()
        self.open = []


class StatusCase(unittest.TestCase):
    limits = {"all": {"max_streams": 3000, "queue": {"max": 10, "timeout": "60s"}}}

    @classmethod
    def setUpClass(cls):
        upstream, _ = cls.enterClassContext(provider())
        settings = simulated(upstream)
        settings["limits"] = cls.limits
        settings["routes"][0]["limits"] = list(cls.limits)
        cls.weir = cls.enterClassContext(Weir(settings))

    def setUp(self):
        self.traffic = Traffic(self.weir)
        self.addCleanup(self.weir.settled)
        self.addCleanup(self.traffic.close)

    def streams(self, query=""):
        status, headers, text = self.weir.page("/streams" + query)
        self.assertEqual((status, headers["content-type"]), (200, "application/json"))
        return json.loads(text)


class StreamsTest(StatusCase):
    def test_live_streams_and_what_became_of_them(self):
        self.traffic.start(3, x_sim_ttft="50ms")
        self.assertTrue(wait_until(lambda: len([
            row for row in self.streams()["live"] if row.get("content_events", 0) > 5]) == 3))
        page = self.streams()
        self.assertEqual((page["live_count"], page["left_out"]), (3, 0))
        for row in page["live"]:
            self.assertEqual(row["state"], "streaming")
            self.assertEqual((row["route"], row["operation"]), ("sim", "chat"))
            self.assertGreaterEqual(row["ttft_ms"], 50)
            self.assertGreater(row["events_per_second"], 0)
            self.assertGreater(row["bytes_down"], 500)
            self.assertLess(row["silent_ms"], row["age_ms"])
        ids = {row["request_id"] for row in page["live"]}
        self.traffic.close()
        self.assertTrue(wait_until(lambda: self.streams()["live_count"] == 0))
        ended = {row["request_id"]: row for row in self.streams()["recent"]}
        for number in ids:
            self.assertEqual(ended[number]["outcome"], "client_gone_mid_stream")
            self.assertEqual(ended[number]["error_type"], "client_closed")
        logged = {line["request_id"] for line in self.weir.exchanges()}
        self.assertLessEqual(ids, logged)

    def test_no_secret_is_on_the_page(self):
        secrets = ("my-prompt", "my-key", "my-cookie", "my-query", "my-tenant")
        body = json.dumps({"model": "m", "stream": True, "messages": "my-prompt"}).encode()
        with contextlib.closing(connect(self.weir.address)) as connection:
            connection.sendall(request_bytes(
                "/v1/chat/completions?token=my-query", body, authorization="Bearer my-key",
                cookie="my-cookie", x_tenant="my-tenant", x_sim_events="0", x_sim_gap="20ms"))
            receive_until(connection, b"data:")
            shown = self.weir.page("/streams")[2] + self.weir.page("/")[2]
            with contextlib.closing(listen(self.weir)) as feed:
                shown += str(events(feed, 4))
        wait_until(lambda: self.streams()["live_count"] == 0)
        shown += self.weir.page("/streams")[2]
        for secret in secrets + ("127.0.0.1:" + str(connection),):
            self.assertNotIn(secret, shown)

    def test_a_pause_is_seen_while_it_lasts(self):
        with contextlib.closing(connect(self.weir.address, receive_buffer=4096)) as connection:
            connection.sendall(request_bytes(
                x_sim_events="0", x_sim_gap="0ms", x_sim_event_bytes="16384"))
            receive_until(connection, b"data:")
            self.assertTrue(wait_until(
                lambda: any(row["state"] == "paused" for row in self.streams()["live"])))
            row, = self.streams()["live"]
            self.assertEqual(row["paused_by"], "client")
            self.assertGreater(row["backpressure_events"], 0)
            self.assertGreater(row["buffered_bytes"], 0)


class FeedTest(StatusCase):
    def test_the_feed_says_each_second_what_is(self):
        self.traffic.start(2)
        with contextlib.closing(listen(self.weir)) as feed:
            told = events(feed, 6)
        self.assertEqual({name for name, _ in told}, {"snapshot", "streams"})
        snapshots = [data for name, data in told if name == "snapshot"]
        self.assertGreater(snapshots[1]["uptime_ms"], snapshots[0]["uptime_ms"])
        last = snapshots[-1]
        self.assertEqual((last["streams_active"], last["requests_active"]), (2, 2))
        self.assertGreater(last["events_per_second"], 10)
        self.assertEqual(last["limits"][0]["in_use"], 2)
        self.assertEqual(last["loops"], 2)
        self.assertEqual(len(last["gap"]["counts"]), len(last["gap"]["bounds_ms"]) + 1)
        self.assertGreater(last["gap"]["p50_ms"], 25)

    def test_ends_and_lifecycle(self):
        with contextlib.closing(listen(self.weir, "?events=ended,lifecycle")) as feed:
            receive_until(feed, b"retry: 1000")
            self.traffic.start(1)
            self.assertTrue(wait_until(
                lambda: any("ttft_ms" in row for row in self.streams()["live"])))
            self.traffic.close()
            (name, data), = events(feed, 1)
            self.assertEqual((name, data["ended"][0]["outcome"]), ("ended", "client_gone_mid_stream"))
            self.weir.process.send_signal(signal.SIGHUP)
            (name, data), = events(feed, 1)
            self.assertEqual((name, data["event"]), ("lifecycle", "reloaded"))

    def test_foreign_hosts_hear_nothing(self):
        for path in ("/", "/streams", "/events", "/limits"):
            self.assertEqual(self.weir.page(path, host="evil.example")[0], 421, path)


@unittest.skipUnless(CHROMIUM, "chromium is not installed; scripts/install-test-tools brings it")
class BrowserTest(unittest.TestCase):
    def test_it_starts_where_descriptors_have_two_digits(self):
        with contextlib.ExitStack() as held:
            for _ in range(16):
                held.enter_context(open(os.devnull))
            held.enter_context(Browser()).page().close()


@unittest.skipUnless(CHROMIUM, "chromium is not installed; scripts/install-test-tools brings it")
class PageTest(StatusCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.browser = cls.enterClassContext(Browser())

    def open(self, **look):
        page = self.browser.page(**look)
        self.addCleanup(page.close)
        page.open(f"http://{self.weir.admin}/")
        page.wait("snapshot !== null")
        return page

    def rows(self, page):
        return page.evaluate(
            "[...document.querySelectorAll('#live-table tbody tr:not(.gap)')]"
            ".map(row => [...row.cells].map(cell => cell.innerText))")

    def test_it_paints_and_asks_nobody_else(self):
        self.traffic.start(2)
        page = self.open()
        page.wait("document.querySelectorAll('#live-table tbody tr:not(.gap)').length === 2")
        page.wait("trend.streams.length > 2")
        base = f"http://{self.weir.admin}/"
        self.assertEqual(set(page.requested), {base, base + "events?rows=2000"})
        self.assertEqual(page.complaints, [])
        self.assertGreater(page.evaluate(
            "performance.getEntriesByName('first-contentful-paint')[0].startTime"), 0)
        self.assertEqual(page.evaluate("document.title"), "weir")
        self.assertLess(len(self.weir.page("/")[2].encode()), 60_000)

    def test_its_policy_lets_nothing_else_run(self):
        page = self.open()
        _, headers, _ = self.weir.page("/")
        policy = headers["content-security-policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        page.evaluate("document.body.append(Object.assign(document.createElement('script'),"
                      " {text: 'window.ran = 1'}))")
        self.assertIsNone(page.evaluate("window.ran ?? null"))

    def test_a_hostile_name_is_text(self):
        self.traffic.start(1, model=EVIL + "</script><script>window.ran=1</script>",
                           x_sim_head_delay="30m")
        wait_until(lambda: self.streams()["live_count"] == 1)
        page = self.open()
        page.wait("document.querySelector('#live-table tbody th') !== null")
        self.assertTrue(self.rows(page)[0][0].startswith(EVIL), self.rows(page))
        self.assertEqual(page.evaluate("document.querySelectorAll('img').length"), 0)
        self.assertEqual(page.evaluate("document.title"), "weir")
        self.assertIsNone(page.evaluate("window.ran ?? null"))
        self.assertEqual(page.complaints, [])

    def test_numbers_move_until_the_page_is_held(self):
        self.traffic.start(1)
        page = self.open()
        events = "Number(document.querySelector('#live-table tbody tr:not(.gap)')?.cells[7].innerText.split('\\n')[0].replaceAll(',', ''))"
        before = page.wait(events)
        page.wait(f"{events} > {before}")
        page.evaluate("document.getElementById('hold').click()")
        held = page.evaluate(events)
        heard = page.evaluate("trend.streams.length")
        page.wait(f"trend.streams.length > {heard + 1}")
        self.assertEqual(page.evaluate(events), held)
        self.assertEqual(page.evaluate("document.getElementById('hold').getAttribute('aria-pressed')"),
                         "true")
        page.evaluate("document.getElementById('hold').click()")
        page.wait(f"{events} > {held}")

    def test_the_keyboard_is_enough(self):
        self.traffic.start(2, model="gpt-4o", x_sim_head_delay="30m")
        self.traffic.start(1, model="claude-sonnet", x_sim_head_delay="30m")
        wait_until(lambda: self.streams()["live_count"] == 3)
        page = self.open()
        page.wait("document.querySelectorAll('#live-table tbody tr:not(.gap)').length === 3")
        page.press("Tab")
        self.assertEqual(page.evaluate("document.activeElement.className"), "skip")
        page.press("/", text="/")
        self.assertEqual(page.evaluate("document.activeElement.id"), "filter")
        page.type("CLAUDE")
        page.wait("document.querySelectorAll('#live-table tbody tr:not(.gap)').length === 1")
        self.assertIn("1 of 3 match", page.evaluate("document.getElementById('live-note').innerText"))
        self.assertIn("1 of 3 match", page.evaluate("document.getElementById('said').textContent"))
        page.press("Escape")
        page.wait("document.querySelectorAll('#live-table tbody tr:not(.gap)').length === 3")
        # From the filter on to the table, which scrolls, and to its first heading, which sorts.
        page.press("Tab")
        self.assertEqual(page.evaluate("document.activeElement.id"), "live-window")
        page.press("Tab")
        self.assertEqual(page.evaluate("document.activeElement.innerText"), "Model")
        page.press("Enter")
        page.wait("document.querySelector('#live-table th').getAttribute('aria-sort') === 'ascending'")
        self.assertTrue(self.rows(page)[0][0].startswith("claude-sonnet"))
        page.press("Enter")
        page.wait("document.querySelector('#live-table th').getAttribute('aria-sort') === 'descending'")
        self.assertTrue(self.rows(page)[0][0].startswith("gpt-4o"))
        self.assertEqual(page.evaluate("getComputedStyle(document.activeElement).outlineStyle"), "solid")

    def test_a_screen_reader_finds_names(self):
        self.traffic.start(1)
        page = self.open()
        page.wait("document.querySelector('#live-table tbody th') !== null")
        nodes = page.command("Accessibility.getFullAXTree")["nodes"]
        def named(role):
            return [node.get("name", {}).get("value", "") for node in nodes
                    if node.get("role", {}).get("value") == role and not node.get("ignored")]
        for role in ("button", "link", "searchbox", "region", "image", "columnheader", "table",
                     "heading"):
            names = named(role)
            self.assertTrue(names, f"there is no {role}")
            self.assertTrue(all(names), f"a {role} without a name: {names}")
        self.assertEqual(len(named("main")), 1)
        self.assertIn("Live streams", named("heading"))
        self.assertIn("Filter streams by model, route, state or request id", named("searchbox"))
        self.assertIn("sim-1", " ".join(named("rowheader")) + " ".join(named("StaticText")))
        self.assertTrue(named("status"))
        self.assertEqual(page.evaluate("document.documentElement.lang"), "en")

    def test_words_stand_out_in_the_light_and_in_the_dark(self):
        """WCAG AA: 4.5 to 1 for every text that is seen."""
        self.traffic.start(2)
        self.traffic.start(1, x_sim_status="529")
        for dark in (False, True):
            page = self.open(dark=dark)
            page.wait("document.querySelectorAll('#ended-table tbody tr:not(.gap)').length > 0")
            weak = page.evaluate(CONTRAST)
            self.assertEqual(weak, [], "dark" if dark else "light")

    def test_themes(self):
        colour = "getComputedStyle(document.body).backgroundColor"
        light, dark = self.open(), self.open(dark=True)
        self.assertNotEqual(light.evaluate(colour), dark.evaluate(colour))
        light.evaluate("document.getElementById('theme').click()")
        self.assertEqual(light.evaluate("document.getElementById('theme').innerText"), "Theme: light")
        light.evaluate("document.getElementById('theme').click()")
        self.assertEqual(light.evaluate(colour), dark.evaluate(colour))
        # It is remembered, and put back for the tests that follow.
        light.command("Page.reload")
        light.wait("document.readyState === 'complete' && document.documentElement.dataset.theme === 'dark'")
        light.evaluate("document.getElementById('theme').click()")

    def test_it_fits_a_phone(self):
        self.traffic.start(3, model="a-very-long-name-of-a-model-that-does-not-fit-a-phone")
        page = self.open(width=360, height=740)
        page.wait("document.querySelectorAll('#live-table tbody tr:not(.gap)').length === 3")
        self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 360)
        small = page.evaluate(
            "[...document.querySelectorAll('.tools button, #filter')]"
            ".filter(node => node.getBoundingClientRect().height < 40).length")
        self.assertEqual(small, 0, "controls that a finger misses")
        self.assertIn("streaming", self.rows(page)[0][0])

    def test_stillness_is_respected(self):
        page = self.open(still=True)
        self.assertEqual(page.evaluate(
            "[...document.querySelectorAll('*')].filter(node =>"
            " getComputedStyle(node).transitionDuration.split(', ').some(time => time !== '0s')).length"), 0)

    def test_a_weir_that_went_is_missed_and_found_again(self):
        admin = self.weir.admin
        with Weir(simulated("127.0.0.1:1")) as weir:
            page = self.browser.page()
            self.addCleanup(page.close)
            page.open(f"http://{weir.admin}/")
            # The page comes with its first figures; only the feed tells of an end.
            page.wait("snapshot !== null && feed.readyState === EventSource.OPEN")
            address = weir.admin
            weir.stop()
            page.wait("!document.getElementById('lost').hidden")
            self.assertIn("stopped", page.evaluate("document.getElementById('lost').innerText"))
            self.assertEqual(page.evaluate("document.getElementById('pulse').innerText"), "not connected")
        with Weir(simulated("127.0.0.1:1"), admin=address):
            page.wait("document.getElementById('lost').hidden", seconds=20)
            page.wait("document.getElementById('pulse').innerText === 'live'")

    def test_two_thousand_streams(self):
        """It shows a screenful of them at a time, and finds any of them."""
        self.traffic.start(2000, x_sim_head_delay="30m")
        self.traffic.start(1, model="needle", x_sim_head_delay="30m")
        self.assertTrue(wait_until(lambda: self.streams("?rows=0")["live_count"] == 2001, 30))
        page = self.open()
        page.wait("streams.live.length === 2000")
        self.assertIn("1 left out", page.evaluate("document.getElementById('live-note').innerText"))
        shown = page.evaluate("document.querySelectorAll('#live-table tbody tr').length")
        self.assertLess(shown, 60)
        page.evaluate("document.getElementById('live-window').scrollTop = 1e9")
        page.wait("[...document.querySelectorAll('#live-table tbody tr:not(.gap)')].some("
                  "row => row.getAttribute('aria-rowindex') === '2001')")
        self.assertEqual(page.complaints, [])


class TopTest(StatusCase):
    def test_plain_text_where_there_is_no_terminal(self):
        self.traffic.start(2)
        wait_until(lambda: self.streams()["live_count"] == 2)
        done = subprocess.run([WEIR, "top", "--admin", self.weir.admin], capture_output=True,
                              text=True, timeout=20)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertNotIn("\x1b", done.stdout)
        self.assertEqual(len(re.findall(r"streaming|waiting|connecting", done.stdout)), 2, done.stdout)
        self.assertIn("limit all", done.stdout)

    def test_nobody_to_ask(self):
        done = subprocess.run([WEIR, "top", "--admin", "127.0.0.1:1"], capture_output=True,
                              text=True, timeout=20)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("127.0.0.1:1: nobody answers", done.stderr)

    def test_something_else_answers(self):
        upstream = self.weir.address
        done = subprocess.run([WEIR, "top", "--admin", upstream], capture_output=True, text=True,
                              timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertIn("status", done.stderr)


CONTRAST = """(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(
    c => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const behind = node => {
    for (; node; node = node.parentElement) {
      const colour = rgba(getComputedStyle(node).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return [255, 255, 255];
  };
  const weak = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !node.checkVisibility() || node.closest("script, .hide")) continue;
    const [a, b] = [light(rgba(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) weak.push(walk.currentNode.data.trim() + " " + ratio.toFixed(2));
  }
  return [...new Set(weak)];
})()"""


if __name__ == "__main__":
    unittest.main()

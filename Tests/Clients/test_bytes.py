"""Every recording passes through weir byte for byte, however its provider cuts and frames it."""

import hashlib
import http.client
import unittest

from live import Weir, ask, simulated
from processes import CORPUS, provider, recordings, relay


@unittest.skipIf(recordings() is None, "SKIPPED: the recordings are not there (WEIR_CORPUS)")
class RecordingsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        upstream, _ = cls.enterClassContext(provider())
        cls.address, _ = cls.enterClassContext(relay("http://" + upstream))

    def fetch(self, connection, entry, **headers):
        # What the index puts behind a # is a note; no client sends a fragment.
        path = (entry["request_path"] or "/").split("#")[0]
        connection.request(
            "POST", path, body=b"{}",
            headers={"x-sim-replay": entry["file"], **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()

    def check(self, **headers):
        connection = http.client.HTTPConnection(self.address, timeout=30)
        for entry in recordings():
            with self.subTest(recording=entry["file"], **headers):
                status, body = self.fetch(connection, entry, **headers)
                self.assertEqual(status, entry["http_status"])
                self.assertEqual(hashlib.sha256(body).hexdigest(), entry["sha256"])
        connection.close()

    def test_each_event_in_a_chunk_of_its_own(self):
        self.check(**{"x-sim-chunking": "event"})

    def test_cut_at_random(self):
        self.check(**{"x-sim-chunking": "random:3"})

    def test_with_a_length(self):
        self.check(**{"x-sim-framing": "length"})

    def test_delimited_by_close(self):
        self.check(**{"x-sim-framing": "close"})

    def test_small_ones_byte_by_byte(self):
        small = [entry for entry in recordings() if entry["bytes"] < 2000]
        connection = http.client.HTTPConnection(self.address, timeout=30)
        for entry in small:
            with self.subTest(recording=entry["file"]):
                _, body = self.fetch(connection, entry, **{"x-sim-chunking": "byte"})
                self.assertEqual(body, (CORPUS / entry["file"]).read_bytes())
        connection.close()


class CountsTest(unittest.TestCase):
    def test_body_bytes_are_counted_both_ways(self):
        upstream, _ = self.enterContext(provider())
        weir = self.enterContext(Weir(simulated(upstream)))
        body = b'{"model":"gpt-4o","stream":true,"x":"' + b"y" * 100_000 + b'"}'
        answers = [ask(weir.address, body=body) for _ in range(3)]
        page = weir.settled()
        count = lambda way: page.sum("weir_relay_bytes_total", direction=way)
        self.assertEqual(count("up"), 3 * len(body))
        self.assertEqual(count("down"), sum(len(answer.body) for answer in answers))
        # At least the end of each body was sent in the turn that read it.
        for way in ("up", "down"):
            self.assertGreater(page.sum("weir_relay_delay_seconds_count", direction=way), 0)


if __name__ == "__main__":
    unittest.main()

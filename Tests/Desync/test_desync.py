"""No message that two parsers could read differently passes through weir.

Each case of the two tables goes through a live weir, whole and byte by byte, and must lead to its
one acceptable result: on the client's side, on the upstream's, and for the next client.
"""

import collections
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Clients"))

from processes import relay

import answers
import requests
from probe import Recorder, answer_case, request_case


class DesyncTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.recorder = Recorder()
        cls.addClassCleanup(cls.recorder.server_close)
        cls.addClassCleanup(cls.recorder.shutdown)
        cls.address, _ = cls.enterClassContext(relay("http://" + cls.recorder.address))

    def test_requests(self):
        for case in requests.CASES:
            with self.subTest(family=case.family, name=case.name):
                self.check_request(case, request_case(self.recorder, self.address, case))

    def test_requests_byte_by_byte(self):
        for case in requests.CASES:
            if len(case.sent) > 4000:
                continue
            pieces = [case.sent[at:at + 1] for at in range(len(case.sent))]
            with self.subTest(family=case.family, name=case.name):
                self.check_request(case, request_case(self.recorder, self.address, case, pieces))

    def check_request(self, case, outcome):
        refusal = [case.status] if case.is_refused else []
        self.assertEqual(outcome.statuses, [200] * len(case.requests) + refusal, outcome)
        self.assertEqual(outcome.seen, case.requests, outcome)
        self.assertEqual(outcome.closed, case.is_refused, outcome)
        self.common(outcome)

    def common(self, outcome):
        self.assertEqual(outcome.unreadable, [], outcome)
        self.assertTrue(outcome.victim, f"the next client got another's answer: {outcome}")

    def test_answers(self):
        for case in answers.CASES:
            with self.subTest(family=case.family, name=case.name):
                outcome = answer_case(self.recorder, self.address, case)
                self.common(outcome)
                if case.cut:
                    self.assertIsNotNone(outcome.garbage, outcome)
                    self.assertEqual(outcome.garbage, "cut short", outcome)
                    self.assertTrue(case.body in outcome.body, outcome)
                    self.assertFalse(b"smuggled" in outcome.body.lower(), outcome)
                    continue
                self.assertIsNone(outcome.garbage, outcome)
                if case.status != 502:
                    self.assertEqual(outcome.body, case.body, outcome)
                interims = tuple(status for status, _ in outcome.answers if status < 200)
                self.assertEqual(interims, case.interims, outcome)
                self.assertEqual(outcome.statuses, [case.status], outcome)

    def test_every_family_is_there(self):
        families = collections.Counter(case.family for case in requests.CASES + answers.CASES)
        self.assertGreaterEqual(set(families), {
            "CL.TE", "TE.CL", "TE.TE", "CL.0", "0.CL", "obs-fold", "line ends", "field name", "Host",
            "chunk size", "chunk extension", "chunk end", "trailer", "splitting", "HEAD", "1xx", "reuse"})


if __name__ == "__main__":
    unittest.main()

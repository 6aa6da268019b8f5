"""Peers that mean harm, and a process that has given up what it does not need.

Each attack runs against a weir with small times; meanwhile another client is served, and
afterwards nothing of the attack is left.
"""

import contextlib
import json
import os
import pathlib
import re
import resource
import subprocess
import unittest

from processes import Certificates
from live import Weir, ask, connect, provider, read_answer, request_bytes, simulated, wait_until

CHAT = "/v1/chat/completions"
MIB = 1 << 20
CAP_DAC_OVERRIDE = 1 << 1


class AttackTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.upstream, _ = cls.enterClassContext(provider())

    def start(self, **settings):
        return self.enterContext(Weir(simulated(self.upstream) | {
            "client_header_timeout": "1s", "client_body_timeout": "1s", "client_idle_timeout": "1s",
            **settings}))

    def crowd(self, weir, count):
        people = [connect(weir.address) for _ in range(count)]
        self.addCleanup(lambda: [one.close() for one in people])
        return people

    def nothing_is_left(self, weir):
        self.assertTrue(wait_until(
            lambda: weir.metrics().sum("weir_downstream_connections") == 0))
        page = weir.settled()
        self.assertEqual((page.imbalance, page.sum("weir_buffered_bytes")), (0, 0))

    def test_heads_that_never_end(self):
        weir = self.start()
        crowd = self.crowd(weir, 300)
        for one in crowd:
            one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        for _ in range(3):
            for one in crowd:
                one.sendall(b"a")
            self.assertEqual(ask(weir.address, CHAT).status, 200)
        for one in crowd:
            self.assertEqual(read_answer(one).status, 408)
        self.nothing_is_left(weir)

    def test_connections_that_say_nothing(self):
        weir = self.start()
        crowd = self.crowd(weir, 300)
        self.assertEqual(ask(weir.address, CHAT).status, 200)
        for one in crowd:
            self.assertEqual(one.recv(100), b"")
        self.nothing_is_left(weir)

    def test_bodies_that_never_end(self):
        weir = self.start()
        crowd = self.crowd(weir, 100)
        for one in crowd:
            one.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        self.assertEqual(ask(weir.address, CHAT).status, 200)
        for one in crowd:
            self.assertEqual(read_answer(one).status, 408)
        self.nothing_is_left(weir)

    def test_heads_as_large_as_they_may_be(self):
        weir = self.start()
        before = weir.resident_bytes
        crowd = self.crowd(weir, 300)
        for one in crowd:
            one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"y" * 60_000)
        self.assertEqual(ask(weir.address, CHAT).status, 200)
        # At most max_header_bytes for each, and what an allocator takes for it.
        self.assertLess(weir.resident_bytes - before, 300 * 128 * 1024 + 16 * MIB)
        for one in crowd:
            self.assertEqual(read_answer(one).status, 408)
        self.nothing_is_left(weir)

    def test_too_many_fields(self):
        weir = self.start()
        for bomb in (b"X: y\r\n" * 20_000, b"a" * 70_000, b":" * 70_000 + b"\r\n"):
            with contextlib.closing(connect(weir.address)) as one:
                one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + bomb + b"\r\n")
                self.assertIn(read_answer(one).status, (400, 431))
        self.nothing_is_left(weir)

    def test_more_connections_than_descriptors(self):
        weir = self.start()
        ask(weir.address, CHAT)
        most = weir.descriptors + 40
        before = resource.prlimit(weir.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(weir.process.pid, resource.RLIMIT_NOFILE, (most, before[1]))
        crowd = self.crowd(weir, 200)
        answers = [one.recv(4096) for one in crowd]
        told = [answer for answer in answers if answer.startswith(b"HTTP/1.1 503")]
        self.assertGreater(len(told), 0, "nobody was told")
        self.assertLessEqual(weir.descriptors, most)
        resource.prlimit(weir.process.pid, resource.RLIMIT_NOFILE, before)
        self.assertTrue(wait_until(lambda: ask(weir.address, CHAT).status == 200))
        self.nothing_is_left(weir)

    def test_more_connections_than_may_be(self):
        weir = self.start(max_connections=50)
        with contextlib.closing(connect(weir.address)) as first:
            first.sendall(request_bytes(CHAT))
            self.assertEqual(read_answer(first).status, 200)
            answers = [one.recv(4096) for one in self.crowd(weir, 200)]
            told = [answer for answer in answers if answer.startswith(b"HTTP/1.1 503")]
            self.assertGreaterEqual(len(told), 151)
        self.assertTrue(wait_until(lambda: ask(weir.address, CHAT).status == 200))
        self.nothing_is_left(weir)

    def test_own_errors_repeat_nothing_of_the_request(self):
        weir = self.start(routes=[{"name": "one", "path": "/one/", "upstream": "sim"}])
        marker = "marker%0d%0aset-cookie:%20x=y\"<script>"
        for request in (
                request_bytes("/" + marker), request_bytes("/v1/messages", x_marker=marker),
                request_bytes("/v1/messages").replace(b"host:", marker.encode() + b" :")):
            with contextlib.closing(connect(weir.address)) as one:
                one.sendall(request)
                answer = read_answer(one)
                self.assertIn(answer.status, (400, 404))
                self.assertNotIn("marker", answer.body.decode() + str(answer.headers))
                json.loads(answer.body)

    def test_settings_inject_no_header(self):
        for name, value in (("x", "a\r\nevil: 1"), ("x", "a\nb"), ("x", "\0"), ("x y", "a"),
                            ("x:", "a"), ("content-length", "5"), ("transfer-encoding", "chunked"),
                            ("", "a")):
            settings = simulated(self.upstream)
            settings["routes"][0]["request_headers"] = {"set": {name: "${VALUE}"}}
            weir = Weir(settings, environment={} if "\0" in value else {"VALUE": value})
            self.assertEqual(weir.process.wait(10), 1, (name, value))
            weir.folder.cleanup()


class ProcessTest(unittest.TestCase):
    def test_privileges_are_given_up(self):
        with Weir(simulated("127.0.0.1:1")) as weir:
            for task in pathlib.Path(f"/proc/{weir.process.pid}/task").iterdir():
                status = (task / "status").read_text()
                self.assertEqual(re.search(r"NoNewPrivs:\s+(\d)", status)[1], "1", task)
                for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
                    held = int(re.search(kind + r":\s+([0-9a-f]+)", status)[1], 16)
                    kept = CAP_DAC_OVERRIDE if os.geteuid() == 0 and kind in ("CapEff", "CapPrm") else 0
                    self.assertEqual(held & ~kept, 0, f"{task}: {kind} {held:x}")
            limits = pathlib.Path(f"/proc/{weir.process.pid}/limits").read_text()
            self.assertLessEqual(int(re.search(r"Max core file size\s+(\d+)", limits)[1]), 1)

    def test_the_kernels_table_of_descriptors_need_not_grow(self):
        # To let it grow in a process with threads holds a loop up for more than 10 ms.
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.assertGreater(most, 0, "without a limit there is nothing to compare with")
        with Weir(simulated("127.0.0.1:1")) as weir:
            status = pathlib.Path(f"/proc/{weir.process.pid}/status").read_text()
            self.assertGreaterEqual(int(re.search(r"FDSize:\s+(\d+)", status)[1]), min(most, 32_768))


class TLSProfileTest(unittest.TestCase):
    """Mozilla's intermediate profile, or stricter, as OpenSSL's own client sees it."""

    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.addClassCleanup(cls.certificates.folder.cleanup)
        cls.weir = cls.enterClassContext(Weir(simulated("127.0.0.1:1") | {
            "tls": {"certificate": str(cls.certificates.certificate), "key": str(cls.certificates.key)}}))

    def handshake(self, *arguments):
        """The protocol and cipher agreed on; None if the handshake failed."""
        done = subprocess.run(
            ["openssl", "s_client", "-connect", self.weir.address, "-CAfile", str(self.certificates.ca),
             "-verify_return_error", *arguments],
            input="", capture_output=True, text=True, timeout=20)
        found = re.search(r"New, (\S+), Cipher is (\S+)", done.stdout)
        return found.groups() if found and done.returncode == 0 else None

    def test_what_is_spoken(self):
        self.assertEqual(self.handshake()[0], "TLSv1.3")
        for cipher in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                       "ECDHE-ECDSA-CHACHA20-POLY1305"):
            self.assertEqual(self.handshake("-tls1_2", "-cipher", cipher), ("TLSv1.2", cipher))
        for group in ("X25519", "P-256", "P-384"):
            self.assertIsNotNone(self.handshake("-groups", group), group)

    def test_what_is_not_spoken(self):
        weak = "@SECLEVEL=0"
        for arguments in (
                ("-tls1", "-cipher", "ALL" + weak), ("-tls1_1", "-cipher", "ALL" + weak),
                ("-tls1_2", "-cipher", "AES128-GCM-SHA256" + weak),
                ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA" + weak),
                ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256" + weak),
                ("-tls1_2", "-cipher", "aNULL" + weak), ("-tls1_2", "-cipher", "DES-CBC3-SHA" + weak),
                ("-groups", "secp224r1")):
            with self.subTest(arguments=arguments):
                self.assertIsNone(self.handshake(*arguments))


if __name__ == "__main__":
    unittest.main()

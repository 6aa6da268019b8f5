"""The admin port's pages and who may read them; and the commands that ask it or check settings."""

import contextlib
import json
import socket
import subprocess
import tempfile
import unittest

from live import WEIR, Weir, ask, connect, provider, read_answer, simulated


def command(*arguments, **more):
    done = subprocess.run([WEIR, *arguments], capture_output=True, text=True, timeout=20, **more)
    return done.returncode, done.stdout, done.stderr


class AdminTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        upstream, _ = cls.enterClassContext(provider())
        cls.weir = cls.enterClassContext(Weir(simulated(upstream)))

    def test_health_and_readiness(self):
        self.assertEqual(self.weir.page("/healthz")[::2], (200, "ok\n"))
        self.assertEqual(self.weir.page("/readyz")[::2], (200, "ready\n"))
        self.assertEqual(command("healthcheck", "--admin", self.weir.admin)[0], 0)

    def test_the_settings_in_force(self):
        status, headers, text = self.weir.page("/config")
        self.assertEqual((status, headers["content-type"]), (200, "application/json"))
        json.loads(text)
        self.assertIn("upstreams", text)

    def test_a_name_that_dns_could_point_here_reads_probes_and_metrics_alone(self):
        for path in ("/config",):
            for host in ("evil.example", "evil.example:9347", "127.0.0.1.evil.example"):
                with self.subTest(path=path, host=host):
                    self.assertEqual(self.weir.page(path, host=host)[0], 421)
            for host in ("localhost:1", "127.0.0.1", "[::1]:9347", "a.localhost"):
                with self.subTest(path=path, host=host):
                    self.assertEqual(self.weir.page(path, host=host)[0], 200)
        for path in ("/metrics", "/healthz", "/readyz"):
            self.assertEqual(self.weir.page(path, host="weir.monitoring.svc")[0], 200)

    def test_methods(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            for path in ("/metrics", "/healthz", "/config"):
                self.assertEqual(self.weir.page(path, method)[0], 405, (method, path))
        for path in ("/metrics", "/healthz", "/config"):
            status, headers, text = self.weir.page(path, "HEAD")
            self.assertEqual((status, text), (200, ""))
            if path == "/metrics":
                # It is made while it is sent, so its length is not known.
                self.assertEqual(headers["transfer-encoding"], "chunked")
            else:
                self.assertGreater(int(headers["content-length"]), 0)

    def test_unknown_pages(self):
        for path in ("/nowhere", "/metrics/", "//metrics", "/metrics%00"):
            self.assertEqual(self.weir.page(path)[0], 404, path)
        self.assertEqual(self.weir.page("/metrics?name=x")[0], 200)

    def test_garbage_is_refused_and_forgotten(self):
        for garbage in (b"\x00\x01\x02\r\n\r\n", b"GET /metrics\r\n\r\n",
                        b"GET / HTTP/1.1\r\nhost : x\r\n\r\n"):
            with contextlib.closing(connect(self.weir.admin)) as connection:
                connection.sendall(garbage)
                self.assertEqual(read_answer(connection).status, 400)
        self.assertEqual(self.weir.page("/healthz")[0], 200)

    def test_admin_pages_are_not_on_the_relays_port(self):
        self.assertNotIn(b"weir_requests_total",
                         ask(self.weir.address, "/metrics", method="GET").body)


class CommandsTest(unittest.TestCase):
    def file(self, text):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        with open(folder + "/weir.json5", "w") as config:
            config.write(text)
        return config.name

    def test_check_of_good_settings(self):
        path = self.file('{ upstreams: { a: { url: "http://127.0.0.1:1" } },'
                         ' routes: [ { name: "a", path: "/", upstream: "a" } ] }')
        code, _, said = command("check", "--config", path)
        self.assertEqual(code, 0, said)
        code, printed, _ = command("check", "--config", path, "--print")
        self.assertEqual(code, 0)
        self.assertIn("127.0.0.1:1", printed)

    def test_check_says_where_what_is_wrong(self):
        for text, place, words in (
                ('{\n  relay_bufer: "1KiB"\n}', "2:3", "relay_buffer"),
                ('{\n  log: { level: "loud" }\n}', "2:17", "debug"),
                ('{ upstreams: {\n', "2:1", ""),
                ('{ drain_timeout: 5 }', "1:18", "drain_timeout")):
            with self.subTest(text=text):
                path = self.file(text)
                code, _, said = command("check", "--config", path)
                self.assertEqual(code, 1, said)
                self.assertIn(f"{path}:{place}: ", said)
                self.assertIn(words, said)

    def test_unknown_words_are_refused_with_the_nearest_known(self):
        code, _, said = command("run", "--upstreem", "http://127.0.0.1:1")
        self.assertEqual(code, 1)
        self.assertIn("--upstream", said)

    def test_a_held_port_is_exit_code_2(self):
        with contextlib.closing(socket.socket()) as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            held = "127.0.0.1:%d" % holder.getsockname()[1]
            for flags in (("--listen", held, "--admin", "off"),
                          ("--listen", "127.0.0.1:0", "--admin", held)):
                code, _, said = command("run", "--upstream", "http://127.0.0.1:1", *flags)
                self.assertEqual(code, 2, said)
                self.assertIn(held, said)

    def test_a_port_of_another_weir_is_held_too(self):
        with Weir(simulated("127.0.0.1:1")) as weir:
            code, _, said = command("run", "--upstream", "http://127.0.0.1:1",
                                    "--listen", weir.address, "--admin", "off")
            self.assertEqual(code, 2, said)

    def test_nobody_to_ask_is_unhealthy(self):
        self.assertNotEqual(command("healthcheck", "--admin", "127.0.0.1:1")[0], 0)


if __name__ == "__main__":
    unittest.main()

"""A weir that ends, reloads or hands over, with streams open: none is lost."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from processes import Certificates
from live import (WEIR, Kept, Weir, ask, connect, free_port, in_background, new_trace, provider,
                  read_answer, receive_until, request_bytes, simulated, wait_until)

CHAT = "/v1/chat/completions"
DONE = b"data: [DONE]\n\n"
SECOND = {"x_sim_events": "50", "x_sim_gap": "20ms"}


class LifecycleTest(unittest.TestCase):
    def setUp(self):
        self.upstream, _ = self.enterContext(provider())

    def start(self, **settings):
        return self.enterContext(Weir(simulated(self.upstream) | settings))

    def stream(self, weir, **headers):
        """A stream that has begun; the work that reads the rest of it."""
        connection = connect(weir.address)
        connection.sendall(request_bytes(CHAT, **headers))
        begun = receive_until(connection, b'"content":"a')

        def rest():
            received = begun
            with contextlib.closing(connection):
                while piece := connection.recv(65536):
                    received += piece
                    if received.endswith(b"0\r\n\r\n"):
                        break
            return received
        return in_background(rest)

    # SIGTERM

    def test_a_drain_lets_streams_end(self):
        weir = self.start(drain_delay="700ms")
        streams = [self.stream(weir, **SECOND) for _ in range(20)]
        idle = self.enterContext(contextlib.closing(connect(weir.address)))
        kept = Kept(idle)
        idle.sendall(request_bytes(CHAT))
        self.assertTrue(read_answer(kept).whole)
        weir.process.send_signal(signal.SIGTERM)
        weir.said("draining")
        self.assertEqual(weir.page("/readyz")[0], 503)
        self.assertEqual(weir.page("/healthz")[0], 200)
        self.assertEqual(weir.metrics().sum("weir_draining"), 1)
        trace = new_trace()
        refused = ask(weir.address, CHAT, trace=trace)
        self.assertEqual((refused.status, refused.headers["x-weir-error"],
                          refused.headers["connection"]), (503, "draining", "close"))
        line = weir.line(trace)
        self.assertEqual((line["outcome"], line["error_type"], line["error_origin"]),
                         ("rejected", "draining", "relay"))
        for stream in streams:
            self.assertIn(DONE, stream.result())
        self.assertEqual(weir.process.wait(10), 0)
        lines = weir.exchanges()
        self.assertEqual(len(lines), 22)
        self.assertEqual(sum(line["outcome"] == "completed" for line in lines), 21)
        self.assertEqual([line["event"] for line in weir.lines() if line["event"] != "exchange"],
                         ["started", "draining", "stopped"])

    def test_an_idle_weir_turns_clients_away_for_the_drains_delay(self):
        weir = self.start(drain_delay="600ms")
        begun = time.monotonic()
        weir.process.send_signal(signal.SIGTERM)
        # Each loop lends its figures after it has been told to drain.
        weir.said("draining")
        weir.metrics()
        refused = ask(weir.address, CHAT)
        self.assertEqual((refused.status, refused.headers["x-weir-error"]), (503, "draining"))
        self.assertEqual(weir.page("/readyz")[0], 503)
        self.assertEqual(weir.process.wait(10), 0)
        self.assertGreater(time.monotonic() - begun, 0.6)

    def test_what_outlasts_the_drain_is_cut_and_counted(self):
        weir = self.start(drain_timeout="300ms")
        stream = self.stream(weir, x_sim_events="0", x_sim_gap="20ms")
        self.assertEqual(weir.stop(), 0)
        self.assertFalse(stream.result().endswith(b"0\r\n\r\n"), "the client cannot tell")
        line, = weir.exchanges()
        self.assertEqual((line["outcome"], line["error_type"], line["error_origin"]),
                         ("drained", "draining", "relay"))

    def test_a_second_signal_ends_at_once(self):
        weir = self.start()
        self.stream(weir, x_sim_events="0", x_sim_gap="20ms")
        weir.process.send_signal(signal.SIGTERM)
        weir.said("draining")
        self.assertIsNone(weir.process.poll())
        weir.process.send_signal(signal.SIGTERM)
        self.assertNotEqual(weir.process.wait(5), 0)

    # SIGHUP

    def test_a_reload_changes_what_comes_next_and_no_open_stream(self):
        weir = self.start()
        stream = self.stream(weir, **SECOND)
        weir.settings["routes"][0] = {
            "name": "renamed", "path": "/new/", "strip": True, "upstream": "sim"}
        weir.write_settings()
        weir.process.send_signal(signal.SIGHUP)
        weir.said("weir: reloaded")
        self.assertTrue(wait_until(lambda: ask(weir.address, CHAT).status == 404))
        self.assertEqual(ask(weir.address, "/new" + CHAT).status, 200)
        self.assertIn(DONE, stream.result())
        page = weir.settled()
        self.assertEqual(page.sum("weir_config_reloads_total"), 1)
        self.assertEqual(page.imbalance, 0)
        routes = {line["route"] for line in weir.exchanges() if line["outcome"] == "completed"}
        self.assertEqual(routes, {"sim", "renamed"})

    def test_a_bad_reload_changes_nothing_and_says_why(self):
        weir = self.start()
        stream = self.stream(weir, **SECOND)
        weir.write_settings('{\n "upstreams": 5 }')
        weir.process.send_signal(signal.SIGHUP)
        said = weir.said(r"not reloaded\n(.*)")[1]
        self.assertIn(f"{weir.config}:2:15: upstreams", said)
        self.assertEqual(ask(weir.address, CHAT).status, 200)
        self.assertIn(DONE, stream.result())
        page = weir.metrics()
        self.assertEqual(page.sum("weir_config_reloads_total", result="success"), 0)
        self.assertEqual(page.sum("weir_config_reloads_total"), 1)

    def test_what_takes_a_restart_stays_as_it_was_however_often_it_is_asked_for(self):
        weir = self.start()
        weir.settings.update(listen="127.0.0.1:1", loops=3)
        weir.write_settings()
        for _ in range(2):
            self.assertEqual(weir.command("reload"), (0, "weir: reloaded\n", ""))
        self.assertEqual(weir.stderr.count("listen has changed; that takes a restart"), 2)
        self.assertEqual(weir.stderr.count("loops has changed; that takes a restart"), 2)

    def test_reload_and_drain_over_the_admin_port(self):
        weir = self.start()
        stream = self.stream(weir, **SECOND)
        self.assertEqual(weir.command("reload"), (0, "weir: reloaded\n", ""))
        weir.write_settings('{\n "upstreams": 5 }')
        code, _, said = weir.command("reload")
        self.assertEqual(code, 1)
        self.assertIn(f"{weir.config}:2:15: upstreams", said)
        self.assertEqual(weir.command("drain")[:2], (0, "weir: draining, for at most 30.0 seconds\n"))
        self.assertIn(DONE, stream.result())
        self.assertEqual(weir.process.wait(10), 0)
        self.assertEqual(weir.command("drain")[0], 1)

    def test_only_this_machine_and_no_web_page_changes_anything(self):
        weir = self.start()
        for path in ("/reload", "/drain"):
            self.assertEqual(weir.page(path)[0], 405)
            self.assertEqual(weir.page(path, "POST", origin="http://localhost")[0], 403)
            self.assertEqual(weir.page(path, "POST", host="attacker.example")[0], 421)
        self.assertEqual(weir.page("/readyz")[0], 200)
        self.assertEqual(weir.metrics().sum("weir_config_reloads_total"), 0)

    def test_watched_settings_are_read_again_when_a_config_map_changes(self):
        with tempfile.TemporaryDirectory() as folder:
            mount = ConfigMap(folder)
            mount.publish({"weir.json5": weir_settings(self.upstream, "first", folder), "key": "k1"})
            weir = self.enterContext(Weir(
                {}, "--watch-config", "--config", str(mount.path / "weir.json5"), config=False))
            ask(weir.address, CHAT)
            mount.publish({"weir.json5": weir_settings(self.upstream, "second", folder), "key": "k1"})
            weir.said("weir: reloaded")
            mount.publish({"weir.json5": "{ routes: 1 }", "key": "k1"})
            weir.said("not reloaded")
            mount.publish({"weir.json5": weir_settings(self.upstream, "third", folder), "key": "k2"})
            weir.said("(?s)reloaded.*not reloaded.*weir: reloaded")
            ask(weir.address, CHAT)
            page = weir.settled()
            self.assertEqual(page.values("weir_requests_total", "route") - {"second"},
                             {"first", "third"})
            # A file that the settings name is watched as they are.
            mount.publish({"weir.json5": weir_settings(self.upstream, "third", folder), "key": "k3"})
            weir.said("(?s)reloaded.*not reloaded.*weir: reloaded.*weir: reloaded")

    # systemd

    def test_systemd_hears_of_each_stage(self):
        with tempfile.TemporaryDirectory() as folder, contextlib.closing(
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as supervisor:
            path = folder + "/notify"
            supervisor.bind(path)
            supervisor.settimeout(10)
            weir = self.enterContext(Weir(
                simulated(self.upstream),
                environment={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"}))
            self.assertRegex(heard(supervisor), r"^READY=1\nSTATUS=relaying on 127.0.0.1:\d+$")
            for _ in range(3):
                self.assertEqual(heard(supervisor), "WATCHDOG=1")
            weir.process.send_signal(signal.SIGHUP)
            self.assertRegex(heard(supervisor, but="WATCHDOG=1"),
                             r"^RELOADING=1\nMONOTONIC_USEC=\d+$")
            self.assertRegex(heard(supervisor, but="WATCHDOG=1"), "^READY=1\n")
            self.assertEqual(weir.stop(), 0)
            self.assertEqual(heard(supervisor, but="WATCHDOG=1"),
                             "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=35000000")

    def test_a_watchdog_meant_for_another_process_hears_nothing(self):
        with tempfile.TemporaryDirectory() as folder, contextlib.closing(
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as supervisor:
            supervisor.bind(folder + "/notify")
            supervisor.settimeout(10)
            weir = self.enterContext(Weir(
                simulated(self.upstream),
                environment={"NOTIFY_SOCKET": folder + "/notify", "WATCHDOG_USEC": "1000",
                             "WATCHDOG_PID": "1"}))
            self.assertIn("READY=1", heard(supervisor))
            weir.stop()
            self.assertIn("STOPPING=1", heard(supervisor))

    # Authorities

    def test_authorities_come_from_ssl_cert_file(self):
        certificates = Certificates()
        self.addCleanup(certificates.folder.cleanup)
        secure, _ = self.enterContext(provider(
            "--certificate", str(certificates.certificate), "--key", str(certificates.key)))
        settings = simulated(self.upstream)
        settings["upstreams"]["sim"]["url"] = "https://" + secure.removeprefix("https://")
        known = self.enterContext(Weir(
            settings, environment={"SSL_CERT_FILE": str(certificates.ca)}))
        self.assertEqual(ask(known.address, CHAT).status, 200)
        unknown = self.enterContext(Weir(settings))
        refused = ask(unknown.address, CHAT)
        self.assertEqual((refused.status, refused.headers["x-weir-error"]), (502, "tls"))

    # Successors

    def test_a_takeover_under_fire(self):
        listen, admin = (f"127.0.0.1:{free_port()}" for _ in range(2))
        path = f"/tmp/weir-takeover-{os.getpid()}.sock"
        settings = {"listen": listen, "takeover": path}
        old = self.enterContext(Weir(simulated(self.upstream) | settings, admin=admin))
        streams = [self.stream(old, **SECOND) for _ in range(10)]
        crowd = [Hammer(listen, keeps) for keeps in (True, True, False, False)]
        self.addCleanup(lambda: [hammer.stop() for hammer in crowd])
        time.sleep(0.2)
        new = self.enterContext(Weir(
            simulated(self.upstream) | settings, "--takeover", path, admin=admin))
        for stream in streams:
            self.assertIn(DONE, stream.result())
        self.assertEqual(old.process.wait(15), 0)
        # The successor serves, and alone.
        before = [hammer.answered for hammer in crowd]
        self.assertTrue(wait_until(lambda: all(
            hammer.answered > count + 5 for hammer, count in zip(crowd, before))))
        for hammer in crowd:
            hammer.stop()
        self.assertEqual([], [failure for hammer in crowd for failure in hammer.failures])
        self.assertEqual(new.page("/readyz")[0], 200)
        self.assertTrue(wait_until(lambda: len(old.exchanges()) + len(new.exchanges())
                                   == 10 + sum(hammer.answered for hammer in crowd)))
        self.assertEqual({line["outcome"] for line in old.exchanges() + new.exchanges()},
                         {"completed"})

    def test_kept_connections_go_to_the_successor(self):
        listen, admin = (f"127.0.0.1:{free_port()}" for _ in range(2))
        path = f"/tmp/weir-takeover-{os.getpid()}.sock"
        settings = {"listen": listen, "takeover": path}
        old = self.enterContext(Weir(simulated(self.upstream) | settings, admin=admin))
        idle = [self.enterContext(contextlib.closing(connect(listen))) for _ in range(150)]
        for connection in idle[:100]:
            connection.sendall(request_bytes(CHAT))
            self.assertTrue(read_answer(Kept(connection)).whole)
        # Half a request stays where its first half is.
        halved = request_bytes(CHAT)
        idle[-1].sendall(halved[:10])
        self.assertTrue(wait_until(lambda: old.metrics().sum("weir_downstream_connections") == 150))
        new = self.enterContext(Weir(
            simulated(self.upstream) | settings, "--takeover", path, admin=admin))
        self.assertTrue(wait_until(lambda: new.metrics().sum("weir_downstream_connections") == 149))
        idle[-1].sendall(halved[10:])
        self.assertEqual(read_answer(idle[-1]).headers["connection"], "close")
        # Nothing keeps the old one, long before its drain_timeout.
        self.assertEqual(old.process.wait(10), 0)
        for connection in idle[:-1]:
            connection.sendall(request_bytes(CHAT))
            answer = read_answer(Kept(connection))
            self.assertEqual((answer.status, answer.whole, answer.headers["connection"]),
                             (200, True, None))
        self.assertEqual(len(old.exchanges()), 101)
        self.assertTrue(wait_until(lambda: len(new.exchanges()) == 149))

    def test_sockets_of_systemd(self):
        with contextlib.closing(socket.socket()) as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            address = "127.0.0.1:%d" % listener.getsockname()[1]
            # Whoever comes before weir waits in the queue.
            early = in_background(ask, address, CHAT)
            process = subprocess.Popen(
                ["sh", "-c", f'exec 3<&{listener.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"',
                 "sh", WEIR, "run", "--upstream", "http://" + self.upstream, "--listen", address,
                 "--admin", "off", "--log-to", "off"],
                pass_fds=[listener.fileno()], stderr=subprocess.PIPE)
        try:
            self.assertTrue(early.result().whole)
            self.assertTrue(ask(address, CHAT).whole)
        finally:
            process.terminate()
            said = process.communicate()[1]
        self.assertEqual(process.returncode, 0, said)


class ConfigMap:
    """A folder as kubelet mounts a ConfigMap: files are links through `..data`, which is swapped."""

    def __init__(self, folder):
        self.path, self.count = pathlib.Path(folder), 0

    def publish(self, files):
        self.count += 1
        version = self.path / f"..{self.count}"
        version.mkdir()
        for name, text in files.items():
            (version / name).write_text(text)
            link = self.path / name
            if not link.is_symlink():
                link.symlink_to(f"..data/{name}")
        (self.path / "..data_tmp").symlink_to(version.name)
        (self.path / "..data_tmp").rename(self.path / "..data")


def weir_settings(upstream, route, folder):
    """Settings with a route of that name, which reads a key from a file beside them."""
    return json.dumps({
        "listen": "127.0.0.1:0", "admin": {"listen": "127.0.0.1:0"}, "log": {"to": "off"},
        "upstreams": {"sim": {"url": "http://" + upstream}},
        "routes": [{"name": route, "path": "/", "upstream": "sim",
                    "request_headers": {"set": {"x-key": f"file:{folder}/key"}}}]})


def heard(supervisor, but=None):
    """The next datagram that is not `but`."""
    while (text := supervisor.recv(4096).decode()) == but:
        pass
    return text


class Hammer(threading.Thread):
    """Sends requests without pause, on one connection while it is kept, or on fresh ones."""

    def __init__(self, address, keeps):
        super().__init__(daemon=True)
        self.address, self.keeps = address, keeps
        self.answered, self.failures = 0, []
        self.stopping = threading.Event()
        self.start()

    def run(self):
        while not self.stopping.is_set():
            try:
                with contextlib.closing(connect(self.address)) as connection:
                    self.use(connection)
            except OSError as error:
                self.failures.append(repr(error))

    def use(self, connection):
        kept = Kept(connection)
        while not self.stopping.is_set():
            connection.sendall(request_bytes(CHAT))
            answer = read_answer(kept)
            if not (answer.status == 200 and answer.whole):
                self.failures.append(
                    (self.keeps, answer.status, dict(answer.headers), answer.body[-200:]))
                return
            self.answered += 1
            if not self.keeps or answer.headers["connection"] == "close":
                return

    def stop(self):
        self.stopping.set()
        self.join()


if __name__ == "__main__":
    unittest.main()

"""Labels stay few, whatever clients send: models and tenants are capped."""

import contextlib
import unittest

from live import Weir, connect, Kept, provider, read_answer, request_bytes, simulated

CHAT = "/v1/chat/completions"


class LabelsTest(unittest.TestCase):
    def setUp(self):
        self.upstream, _ = self.enterContext(provider())

    def weir(self, settings=None, **route):
        settings = simulated(self.upstream) | (settings or {})
        settings["routes"][0] |= route
        return self.enterContext(Weir(settings, log=False))

    def send(self, weir, requests):
        """All on one connection, one behind the other."""
        with contextlib.closing(connect(weir.address)) as connection:
            kept = Kept(connection)
            for request in requests:
                connection.sendall(request)
                self.assertTrue(read_answer(kept).whole)

    def send_junk(self, weir, numbers):
        # An echo names no model, so the requested one would be the label.
        self.send(weir, (request_bytes("/junk", b'{"model":"junk-%d"}' % number, x_sim_echo="1")
                         for number in numbers))

    def test_junk_models_fold_into_other(self):
        weir = self.weir({"max_series": 200_000})
        self.send_junk(weir, range(1000))
        page = weir.settled()
        models = page.values("weir_requests_total", "model")
        self.assertLessEqual({"other", "junk-0", "junk-100"}, models)
        self.assertLessEqual(len(models), 128 + 2)
        self.assertEqual(page.sum("weir_requests_total", outcome="completed"), 1000)
        self.assertGreater(page.sum("weir_label_overflow_total", label="model"), 0)
        before = page.sum("weir_metrics_series")
        self.send_junk(weir, range(2000, 2200))
        self.assertEqual(weir.settled().sum("weir_metrics_series"), before)

    def test_series_stay_under_their_limit(self):
        weir = self.weir({"max_series": 5000})
        self.send_junk(weir, range(100))
        page = weir.settled()
        self.assertEqual(page.sum("weir_requests_total", outcome="completed"), 100)
        self.assertIn("other", page.values("weir_requests_total", "model"))
        self.assertLessEqual(len(page.all), 5000)

    def test_a_model_that_upstream_refuses_is_no_label(self):
        weir = self.weir()
        self.send(weir, (request_bytes(CHAT, b'{"model":"junk-%d"}' % number, x_sim_status="404")
                         for number in range(20)))
        models = weir.settled().values("weir_requests_total", "model")
        self.assertEqual({name for name in models if name.startswith("junk")}, set())

    def test_tenants_are_opt_in_and_few(self):
        def requests():
            return (request_bytes(CHAT, x_tenant=f"tenant-{number}") for number in range(100))
        without = self.weir()
        self.send(without, requests())
        self.assertEqual(without.settled().values("weir_requests_total", "tenant"), set())
        counting = self.weir(tenant_header="x-tenant")
        self.send(counting, requests())
        page = counting.settled()
        tenants = page.values("weir_requests_total", "tenant")
        self.assertLessEqual(len(tenants), 64 + 2)
        self.assertIn("other", tenants)
        self.assertEqual(page.sum("weir_requests_total", outcome="completed"), 100)
        self.assertEqual(page.sum("weir_requests_total", outcome="completed", tenant="tenant-3"), 1)


if __name__ == "__main__":
    unittest.main()

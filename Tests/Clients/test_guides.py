"""docs/guides.md is true: its settings are good, and its Python streams through a weir that has them.

The providers are the simulated one; nothing else of the page is changed but addresses.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from live import ROOT, WEIR, Weir, provider

PAGE = (ROOT / "docs/guides.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


SETTINGS = next(block for block in blocks("json5") if block.startswith("// weir.json5"))


class GuidesTest(unittest.TestCase):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.path = pathlib.Path(folder) / "weir.json5"

    def check(self, text):
        self.path.write_text(text)
        return subprocess.run([WEIR, "check", "--config", self.path], capture_output=True, text=True,
                              env={**os.environ, "OPENAI_API_KEY": "k"}, timeout=20)

    def test_the_settings_are_good(self):
        self.assertEqual(self.check(SETTINGS).returncode, 0)
        for fragment in blocks("json5"):
            if fragment == SETTINGS:
                continue
            with self.subTest(fragment=fragment):
                key = fragment.split(":", 1)[0].strip()
                rest = re.sub(rf"^  {key}: (\[.*?^  \]|\{{.*?^  \}}),\n", "", SETTINGS,
                              flags=re.MULTILINE | re.DOTALL)
                whole = rest.rstrip().removesuffix("}") + fragment.rstrip().rstrip(",") + "\n}"
                done = self.check(whole)
                self.assertEqual(done.returncode, 0, done.stderr + whole)

    def test_the_python_streams(self):
        upstream, _ = self.enterContext(provider())
        self.path.write_text(re.sub(r'url: "[^"]*"', f'url: "http://{upstream}"', SETTINGS))
        weir = self.enterContext(Weir({}, "--config", str(self.path), "--listen", "127.0.0.1:0",
                                      "--admin", "127.0.0.1:0", "--log-to", "off", config=False))
        programs = blocks("python")
        self.assertEqual(len(programs), 5)
        for program in programs:
            with self.subTest(program=program):
                self.assertIn("http://127.0.0.1:9346", program)
                program = program.replace("127.0.0.1:9346", weir.address)
                done = subprocess.run(
                    [sys.executable, "-c", program], capture_output=True, text=True, timeout=60,
                    env={**os.environ, "OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"})
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertTrue(done.stdout, "nothing was streamed")
        page = weir.settled()
        for route in ("openai", "anthropic", "ollama", "vllm", "azure"):
            self.assertEqual(page.sum("weir_requests_total", route=route, outcome="completed",
                                      stream="true"), 1, route)
        self.assertIn("weir_requests_total", weir.metrics().text)


if __name__ == "__main__":
    unittest.main()

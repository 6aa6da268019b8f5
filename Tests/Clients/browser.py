"""Headless Chromium, spoken to over the pipe of its DevTools protocol: nothing but Python is needed.

https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

# The browser reads commands from descriptor 3 and writes to 4. A shell could not see to that: Debian's knows
# descriptors of one digit only.
LAUNCH = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD_CLOEXEC, 10) for end in sys.argv[1:3]]
for place, end in zip((3, 4), ends):
    os.dup2(end, place)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """A browser without a window. It asks nobody but what its pages ask."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-chromium-", ignore_cleanup_errors=True)
        self.answers, self.pages, self.number = {}, {}, 0
        self.news = threading.Condition()

    def __enter__(self):
        to_browser, self.write_end = os.pipe()
        self.read_end, from_browser = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(to_browser), str(from_browser),
             CHROMIUM, "--headless=new", "--remote-debugging-pipe",
             "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
             "--disable-background-networking", "--disable-component-update", "--no-first-run",
             "--force-color-profile=srgb", "--user-data-dir=" + self.folder.name, "about:blank"],
            pass_fds=[to_browser, from_browser], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(self, *_):
        try:
            self.command("Browser.close")
        except (AssertionError, OSError):
            self.process.kill()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.write_end)
        self.folder.cleanup()

    def _read(self):
        held = b""
        while piece := os.read(self.read_end, 1 << 20):
            *messages, held = (held + piece).split(b"\0")
            with self.news:
                for message in map(json.loads, messages):
                    if "id" in message:
                        self.answers[message["id"]] = message
                    elif message.get("sessionId") in self.pages:
                        self.pages[message["sessionId"]].events.append(message)
                self.news.notify_all()
        os.close(self.read_end)

    def command(self, method, session=None, seconds=30, **parameters):
        """Sends a command and waits for its result."""
        with self.news:
            self.number += 1
            number = self.number
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        with self.news:
            if not self.news.wait_for(lambda: number in self.answers, seconds):
                raise AssertionError(f"chromium did not answer {method}")
            answer = self.answers.pop(number)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def page(self, width=1280, height=900, dark=False, scale=1, still=False):
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        session = self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session, target)
        self.pages[session] = page
        for domain in ("Page", "Runtime", "Network", "Log", "Accessibility"):
            page.command(domain + ".enable")
        page.command("Emulation.setDeviceMetricsOverride", width=width, height=height,
                     deviceScaleFactor=scale, mobile=width < 500)
        page.look(dark, still)
        return page


class Page:
    """One tab. `events` is all that the protocol has told of it."""

    def __init__(self, browser, session, target):
        self.browser, self.session, self.target, self.events = browser, session, target, []

    def close(self):
        """A browser keeps six connections to a host at most, and a page that listens has one."""
        self.browser.command("Target.closeTarget", targetId=self.target)

    def command(self, method, **parameters):
        return self.browser.command(method, self.session, **parameters)

    def look(self, dark, still=False):
        self.command("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"}])

    def open(self, url):
        self.command("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def evaluate(self, expression):
        """The value of an expression, which may be a promise."""
        result = self.command("Runtime.evaluate", expression=expression, returnByValue=True,
                              awaitPromise=True)
        if "exceptionDetails" in result:
            raise AssertionError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, expression, seconds=15):
        """Polls until the expression is true, and returns what it then is."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := self.evaluate(expression):
                return value
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {expression}")

    def press(self, key, code=None, text=None):
        """A key, by its name in the DOM."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}
        parameters = {"key": key, "code": code or key,
                      "windowsVirtualKeyCode": codes.get(key, ord(key[0].upper()))}
        if key == "Enter":
            text = "\r"
        if text:
            parameters["text"] = text
        self.command("Input.dispatchKeyEvent", type="keyDown", **parameters)
        self.command("Input.dispatchKeyEvent", type="keyUp", **parameters)

    def type(self, text):
        for letter in text:
            self.press(letter, text=letter)

    def screenshot(self, path, clip_height=None):
        more = {}
        if clip_height:
            width = self.evaluate("innerWidth")
            more = {"captureBeyondViewport": True,
                    "clip": {"x": 0, "y": 0, "width": width, "height": clip_height, "scale": 1}}
        image = self.command("Page.captureScreenshot", format="png", **more)
        pathlib.Path(path).write_bytes(base64.b64decode(image["data"]))

    def told(self, *methods):
        return [event for event in self.events if event["method"] in methods]

    @property
    def complaints(self):
        """Errors on the console: exceptions, refusals by the content security policy, failed loads."""
        found = [event["params"]["entry"]["text"] for event in self.told("Log.entryAdded")
                 if event["params"]["entry"]["level"] in ("error", "warning")]
        found += [str(event["params"]) for event in self.told("Runtime.exceptionThrown")]
        found += [str(event["params"]["args"]) for event in self.told("Runtime.consoleAPICalled")
                  if event["params"]["type"] in ("error", "warning", "assert")]
        return found

    @property
    def requested(self):
        """The addresses that it asked for, data: URLs left out."""
        urls = [event["params"]["request"]["url"]
                for event in self.told("Network.requestWillBeSent")]
        return [url for url in urls if not url.startswith("data:")]

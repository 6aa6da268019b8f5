"""Takes pictures of the status page of a running `weir demo`, for the README.

usage: screenshots.py FOLDER
"""

import pathlib
import re
import subprocess
import sys
import time

from browser import Browser
from processes import WEIR

SIZES = {
    "status-light": dict(width=1280, height=860),
    "status-dark": dict(width=1280, height=860, dark=True),
    "status-phone": dict(width=360, height=760, scale=2),
}
# So long the demo runs before: the charts have something to show.
WARM_UP_SECONDS = 62
BYTES_AT_MOST = 150_000


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    demo = subprocess.Popen([WEIR, "demo"], stdout=subprocess.PIPE, text=True)
    try:
        said = iter(demo.stdout.readline, "")
        address = next(match[1] for line in said if (match := re.search(r"status\s+(\S+)", line)))
        with Browser() as browser:
            pages = {name: browser.page(**look) for name, look in SIZES.items()}
            for page in pages.values():
                page.open(address)
            time.sleep(WARM_UP_SECONDS)
            for name, page in pages.items():
                page.command("Page.bringToFront")
                page.wait("document.querySelectorAll('#live-table tbody tr:not(.gap)').length > 6")
                time.sleep(1.5)
                path = folder / f"{name}.png"
                page.screenshot(path)
                print(path, path.stat().st_size)
                if path.stat().st_size > BYTES_AT_MOST:
                    raise SystemExit(f"{path} is larger than {BYTES_AT_MOST} bytes")
    finally:
        demo.terminate()
        demo.wait(20)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

"""Take the pictures of the README and the docs anew, of the demo season: `make pictures` (needs Chromium).

tools/pictures/take.py [--only trace map] [--folder docs/images]
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "f1site.settings")

RACE = "/f1/2022/velmora/race/"
LIGHT: Literal["light"] = "light"
DARK: Literal["dark"] = "dark"
PICTURES: dict[str, tuple[str, Literal["light", "dark"], int]] = {  # {name: (address, scheme, height)}
    "session": (RACE, LIGHT, 900),
    "trace": (f"{RACE}trace/", LIGHT, 860),
    "strategy": (f"{RACE}strategy/", DARK, 860),
    "pace": (f"{RACE}pace/", LIGHT, 900),
    "telemetry": (f"{RACE}telemetry/", LIGHT, 1000),
    "map": (f"{RACE}map/?by=speed", DARK, 900),
    "replay": (f"{RACE}replay/?t=1500", LIGHT, 860),
}
WIDTH = 1280  # px
COLOURS = 128  # of a picture's palette: a third of the bytes, and no difference to be seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PICTURES, default=list(PICTURES), help="some of the pictures")
    parser.add_argument("--folder", type=Path, default=ROOT / "docs/images", help="where to put them (default: docs/images)")
    given = parser.parse_args()

    import django
    from playwright.sync_api import sync_playwright

    django.setup()
    from pages.tests.site import serving

    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder), upstream=None, sessions=[]) as url,
        sync_playwright() as play,
    ):
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        for name in given.only:
            address, scheme, height = PICTURES[name]
            page = browser.new_page(viewport={"width": WIDTH, "height": height}, color_scheme=scheme)
            page.goto(url + address, wait_until="load")
            page.wait_for_timeout(1000)  # until canvases are drawn
            page.screenshot(path=given.folder / f"{name}.png")
            page.close()
            shrink(given.folder / f"{name}.png")
            print(f"{given.folder / name}.png, {(given.folder / f'{name}.png').stat().st_size:,} bytes")
        browser.close()


def shrink(path: Path) -> None:
    """Store a picture with a palette."""
    from PIL import Image

    with Image.open(path) as picture:
        reduced = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    reduced.save(path, optimize=True)


if __name__ == "__main__":
    main()

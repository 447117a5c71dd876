"""The pictures in the documents: the real page over the processed sample meeting, in a real browser.

    python -m tests.screenshots                 after `make demo`; writes docs/pictures/*.png

A copy of the data folder is served, so that what the pictures show being corrected is corrected nowhere else. Dates of
today are shown as one fixed day, and the address as the usual one, so that a picture changes only when the page or what
it shows does (the grey of the player's bar, how much of the recording is fetched, may differ).
"""

import argparse
import io
import json
import secrets
import shutil
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from playwright.sync_api import FloatRect, Page, ViewportSize, sync_playwright

from pipeline import accounts, asked
from tests.house import ROOT, onrecord
from tests.page_house import browser_path, served

PICTURES = ROOT / "docs" / "pictures"
MEETING = "2024-05-14-public-safety"
WORDS = "no engagement with residents"
QUERY = "residents OR consultation"
PERSON = "alison-tranter"
WRITER = "Mira Castell"
PASSWORD = secrets.token_urlsafe()
VIEW: ViewportSize = {"width": 1000, "height": 760}
MARGIN_PX = 12
TODAY = "1 July 2024"


class Place(NamedTuple):
    """What is photographed: where the page is served, the meeting, words said in it, and the quote that says them."""

    base: str
    meeting: str
    words: str
    quote: str


# -- scenes: each goes to a page, does what a reader would do, and names what is to be in the picture, or nothing: all
# that the window shows


def search(page: Page, at: Place) -> str:
    page.goto(f"{at.base}/?q={quote(QUERY)}")
    page.wait_for_selector(".hit mark")
    page.wait_for_selector(".hit .play")
    page.wait_for_selector(".facet .counts a")
    return ""


def meeting(page: Page, at: Place) -> str:
    page.goto(f"{at.base}/meeting/{at.meeting}?q={quote(at.words)}")
    ready(page)
    page.click(".voices summary")
    page.wait_for_selector(".voices li .known")
    page.wait_for_selector("#timeline")
    return ""


def selecting(page: Page, at: Place) -> str:
    """A reader selects the words of the quote, and the page offers what can be done with them."""
    page.goto(f"{at.base}/meeting/{at.meeting}")
    ready(page)
    start = at.quote.rpartition("/")[2].split("-")[0]
    page.evaluate(
        """id => {
            const said = document.getElementById(id);
            said.scrollIntoView({block: 'center'});
            getSelection().selectAllChildren(said);
        }""",
        f"t{start}",
    )
    page.wait_for_selector("#picked:not([hidden]) #picked-copy")
    page.wait_for_selector("#picked-clip")
    return ""


def one_quote(page: Page, at: Place) -> str:
    page.goto(f"{at.base}/quote/{at.quote}")
    ready(page)
    page.wait_for_selector(".clip button")
    return "article.one"


def citation(page: Page, at: Place) -> str:
    page.goto(f"{at.base}/quote/{at.quote}")
    page.wait_for_selector("[data-copy=style-plain]:visible")
    page.wait_for_selector("#permalink")
    return "section.citing"


def evidence(page: Page, at: Place) -> str:
    page.goto(f"{at.base}/person/{PERSON}")
    page.click(".appearances details summary")
    page.wait_for_selector(".appearances details li")
    return "section.appearances"


def sign_in(page: Page, at: Place) -> str:
    page.goto(f"{at.base}/sign-in")
    page.fill("input[name=name]", WRITER)
    page.wait_for_selector("input[name=password]")
    return "main"


def queue(page: Page, at: Place) -> str:
    signed_in(page, at)
    page.goto(f"{at.base}/queue")
    page.wait_for_selector(".task form button")
    page.wait_for_selector(".kinds a")
    return ""


def voices(page: Page, at: Place) -> str:
    """A voice is confirmed on the page of the meeting."""
    signed_in(page, at)
    page.goto(f"{at.base}/meeting/{at.meeting}")
    page.click(".voices > summary")
    page.locator(".voices li details summary").first.click()
    page.wait_for_selector(".voices .voice-forms select")
    return ".voices"


def correcting(page: Page, at: Place) -> str:
    """The words of a quote, open to be put right."""
    signed_in(page, at)
    page.goto(f"{at.base}/quote/{at.quote}")
    ready(page)
    page.click("#edit-words")
    page.wait_for_selector("textarea#words-text")
    page.wait_for_selector("button:has-text('Save these words')")
    return "article.one"


def hiding(page: Page, at: Place) -> str:
    """Below the quote: who speaks, that somebody listened, and what hides it."""
    signed_in(page, at)
    page.goto(f"{at.base}/quote/{at.quote}")
    page.wait_for_selector("#work .listened button")
    page.wait_for_selector("#work select[name=person]")
    page.click("#work summary:has-text('Hide it')")
    page.wait_for_selector("#work button:has-text('Withhold')")
    page.wait_for_selector("#work button:has-text('Hide personal details')")
    return "#work"


SCENES: dict[str, Callable[[Page, Place], str]] = {
    "search": search,
    "meeting": meeting,
    "selecting": selecting,
    "quote": one_quote,
    "citation": citation,
    "evidence": evidence,
    "sign-in": sign_in,
    "queue": queue,
    "voices": voices,
    "correcting": correcting,
    "hiding": hiding,
}


def signed_in(page: Page, at: Place) -> None:
    """Sign in, unless that was done."""
    page.goto(f"{at.base}/sign-in?next=/queue")
    if page.query_selector("input[name=password]"):
        page.fill("input[name=name]", WRITER)
        page.fill("input[name=password]", PASSWORD)
        page.click("main button")
    page.wait_for_selector("form.signed")


# -- taking them ----------------------------------------------------------------------------------


def ready(page: Page) -> None:
    """Wait for the recording, all of it where it is fetched, so that the player's bar looks much the same."""
    page.wait_for_selector("#media")
    page.evaluate("document.querySelector('#media').preload = 'auto'")
    for _ in range(30):
        if page.evaluate(
            """(() => {
                const media = document.querySelector('#media');
                const n = media.buffered.length;
                return n > 0 && !media.seeking && media.buffered.end(n - 1) > media.duration - 1;
            })()"""
        ):
            break
        page.wait_for_timeout(50)
    page.wait_for_timeout(300)  # until the bar is drawn
    assert page.evaluate("document.querySelector('#media').readyState") >= 1, "the recording is never ready"


def first_quote(base: str, words: str) -> str:
    """The address of the best match for these words."""
    with urllib.request.urlopen(f"{base}/api/search?q={quote(words)}&limit=1") as answer:
        (hit,) = json.load(answer)["quotes"]
    return str(hit["quote"]["address"])


def with_account(data: Path) -> None:
    """Let somebody write on the page of this folder, with a password that nobody will know."""
    layout = asked.layout_of(data)
    if WRITER not in [a.name for a in accounts.read(layout)]:
        accounts.add(layout, WRITER, PASSWORD)


@contextmanager
def opened(base: str) -> Iterator[Page]:
    """A tab that looks the same each time: light, still, of one size."""
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=browser_path(), args=["--no-sandbox", "--hide-scrollbars"])
        context = browser.new_context(viewport=VIEW, color_scheme="light", reduced_motion="reduce", locale="en-GB")
        yield context.new_page()
        browser.close()


def taken(page: Page, wanted: str) -> bytes:
    """A picture as PNG of at most 128 colours, of what `wanted` selects and a margin, or of the whole window."""
    from PIL import Image

    port = urlsplit(page.url).port
    passing = [*((day, TODAY) for day in todays()), (f"127.0.0.1:{port}", "127.0.0.1:8600")]
    page.evaluate(
        """passing => {
            const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (texts.nextNode()) {
                const node = texts.currentNode;
                for (const [now, then] of passing) node.data = node.data.replaceAll(now, then);
            }
            for (const field of document.querySelectorAll('input[readonly]'))
                for (const [now, then] of passing) field.value = field.value.replaceAll(now, then);
            for (const field of document.querySelectorAll('input[type=date]')) field.value = '2024-08-08';
        }""",
        passing,
    )
    if wanted:
        page.evaluate("scrollTo(0, 0)")
        area = page.locator(wanted).first.bounding_box()
        assert area, wanted
        clip: FloatRect = {
            "x": max(area["x"] - MARGIN_PX, 0),
            "y": max(area["y"] - MARGIN_PX, 0),
            "width": area["width"] + 2 * MARGIN_PX,
            "height": area["height"] + 2 * MARGIN_PX,
        }
        shot = page.screenshot(full_page=True, clip=clip, animations="disabled")
    else:
        shot = page.screenshot(animations="disabled")
    few = Image.open(io.BytesIO(shot)).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    kept = io.BytesIO()
    few.save(kept, "PNG", optimize=True)
    return kept.getvalue()


def todays() -> list[str]:
    """Today as the page and citations write it."""
    now = datetime.now(UTC)
    return [f"{now.day} {now:%B %Y}", f"{now:%B} {now.day}, {now.year}", f"{now:%Y-%m-%d}"]


def take(data: Path, out: Path, names: list[str]) -> None:
    """Write the pictures that are named (none: all) of a data folder that holds the processed sample."""
    with tempfile.TemporaryDirectory() as below:
        copy = Path(below) / "data"
        shutil.copytree(data, copy)
        done = onrecord("run", data=copy, within_s=3600)
        assert done.returncode == 0, done.stderr
        with_account(copy)
        with served(copy) as (base, _), opened(base) as page:
            at = Place(base, MEETING, WORDS, first_quote(base, WORDS))
            out.mkdir(parents=True, exist_ok=True)
            for name, scene in SCENES.items():
                if names and name not in names:
                    continue
                shot = taken(page, scene(page, at))
                (out / f"{name}.png").write_bytes(shot)
                print(f"{name}.png  {len(shot) / 1000:.0f} kB")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("names", nargs="*", help="some pictures only")
    options.add_argument("--data", type=Path, default=ROOT / "data")
    options.add_argument("--out", type=Path, default=PICTURES)
    said = options.parse_args()
    take(said.data, said.out, said.names)

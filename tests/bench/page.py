"""How fast the page is: start-up, a meeting of four hours in a real browser, and many readers at once.

    python -m tests.bench.page                          # in a scratch folder, about two minutes
    python -m tests.bench.page --statements 1000000     # instead: pages of searches over so many, facets included

Prints what was measured; nothing is asserted, since other work on the machine changes it.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
import urllib.request
import wave
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright
from starlette.testclient import TestClient

from pipeline.meetings import Layout
from pipeline.shelf import DataFolder
from search import index, web
from search.quotes import Quote
from tests.bench import searching as corpus
from tests.house import TOML, onrecord
from tests.page_house import browser_path, served

HOURS, WORDS = 4, 40_000
SAID = ["the", "residents", "were", "told", "about", "facial", "recognition", "and", "nobody", "asked", "them", "first"]
# From the click until the frame after the one in which the words of that time stand on the screen.
JUMP = """async (at) => {
    const box = document.getElementById('timeline').getBoundingClientRect();
    const began = performance.now();
    const to = {bubbles: true, clientX: box.left + box.width * at, clientY: box.top + 5};
    document.getElementById('timeline').dispatchEvent(new MouseEvent('click', to));
    await new Promise((f) => requestAnimationFrame(() => requestAnimationFrame(f)));
    const ms = at * Number(document.getElementById('deck').dataset.length);
    const seen = [...document.querySelectorAll('.turn')].filter((t) => {
        const r = t.getBoundingClientRect();
        return r.bottom > 0 && r.top < innerHeight;
    });
    const near = seen.some((t) => Math.abs(Number(t.dataset.at) - ms) < 120000);
    return near ? performance.now() - began : Infinity;
}"""
N_READERS, PER_READER_S, LAST_S = 50, 2.0, 20


def long_meeting(data: Path) -> None:
    place = data / "raw" / "long"
    place.mkdir(parents=True)
    (place / "meeting.toml").write_text('captions = "captions.vtt"\nmedia = "meeting.wav"\n' + TOML, "utf-8")
    n_cues = WORDS // 12
    each_ms = HOURS * 3_600_000 // n_cues
    draw = random.Random(1)
    cues = []
    for i in range(n_cues):
        start_ms, voice = i * each_ms, ("Jo Okafor", "Alison Tranter", "Somebody")[i // 5 % 3]
        a, b = (
            f"{t // 3_600_000:02d}:{t // 60_000 % 60:02d}:{t // 1000 % 60:02d}.{t % 1000:03d}"
            for t in (start_ms, start_ms + each_ms - 200)
        )
        text = " ".join(draw.choice(SAID) for _ in range(11)).capitalize()
        cues.append(f"{a} --> {b}\n<v {voice}>{text} here.</v>\n")
    (place / "captions.vtt").write_text("\n".join(["WEBVTT\n", *cues]), "utf-8")
    with wave.open(str(place / "meeting.wav"), "wb") as f:
        f.setparams((1, 2, 8_000, 0, "NONE", ""))
        for _ in range(HOURS * 60):
            f.writeframes(bytes(2 * 8_000 * 60))


def start_up(data: Path) -> float:
    began = time.monotonic()
    with served(data):
        return time.monotonic() - began


def browse(base: str) -> None:
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        paints = []
        for _ in range(3):
            page.goto(f"{base}/meeting/long")
            page.wait_for_timeout(500)
            paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        jumps = [page.evaluate(JUMP, at) for at in (0.9, 0.1, 0.5, 0.99, 0.3)]
        print(f"first paint of {HOURS} h, {WORDS:,} words: {', '.join(f'{x:.0f}' for x in paints)} ms")
        print(f"a jump: {', '.join(f'{x:.0f}' for x in jumps)} ms")
        browser.close()


async def reader(base: str, took: list[float], wrong: list[int], seed: int) -> None:
    draw = random.Random(seed)
    host, port = base.removeprefix("http://").split(":")
    await asyncio.sleep(draw.random() * PER_READER_S)
    until = time.monotonic() + LAST_S
    while time.monotonic() < until:
        path = draw.choice(["/", "/?q=residents", "/?q=facial+recognition&sort=newest", "/meetings", "/help"])
        began = time.monotonic()
        into, out = await asyncio.open_connection(host, int(port))
        out.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        answer = await into.read()
        out.close()
        took.append(1000 * (time.monotonic() - began))
        if not answer.startswith(b"HTTP/1.1 200"):
            wrong.append(int(answer[9:12] or b"0"))
        await asyncio.sleep(max(0.0, PER_READER_S - (time.monotonic() - began)))


async def many(base: str) -> None:
    took: list[float] = []
    wrong: list[int] = []
    await asyncio.gather(*(reader(base, took, wrong, n) for n in range(N_READERS)))
    p95 = statistics.quantiles(took, n=20)[-1]
    print(f"{N_READERS} readers, {len(took)} pages: median {statistics.median(took):.0f}, p95 {p95:.0f} ms")
    print(f"errors: {wrong or 'none'}")


def searches(root: Path, n_statements: int) -> None:
    """The time in which the application makes a page of each kind of search, without the network."""
    chance = random.Random(1)
    words = corpus.vocabulary(chance)

    def made() -> Iterator[tuple[str, list[Quote]]]:
        for meeting, quotes in corpus.meetings(n_statements, words, chance):
            (root / "raw" / meeting).mkdir(parents=True)
            yield meeting, quotes

    index.rebuild(root / "processed" / "index", made())
    web.BURST = 1e9
    page = TestClient(web.application(DataFolder(Layout(root=root))), base_url="http://localhost")
    for kind, queries in corpus.queries(words, random.Random(2), 25).items():
        took = []
        for query in queries:
            began = time.perf_counter()
            assert page.get("/", params={"q": query}).status_code == 200
            took.append(1000 * (time.perf_counter() - began))
        print(f"{kind:24} median {statistics.median(took):5.1f}  p95 {statistics.quantiles(took, n=20)[-1]:5.1f} ms")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--statements", type=int)
    n_statements = asked.parse_args().statements
    if n_statements:
        with tempfile.TemporaryDirectory() as folder:
            searches(Path(folder), n_statements)
        return
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        long_meeting(data)
        done = onrecord(
            "run", "--asr", "captions", "--diariser", "captions", "--jobs", "0",
            data=data, env={"ONRECORD_MODELS": str(Path(folder) / "none")}, within_s=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        print(f"start-up, until the first page: {start_up(data):.2f} s")
        with served(data) as (base, _):
            for _ in range(2):
                began = time.monotonic()
                n_bytes = len(urllib.request.urlopen(f"{base}/meeting/long").read())
                print(f"the meeting's page: {n_bytes / 1e6:.1f} MB in {time.monotonic() - began:.2f} s")
            browse(base)
            asyncio.run(many(base))


if __name__ == "__main__":
    main()

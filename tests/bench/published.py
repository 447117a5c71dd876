"""How long `onrecord publish` takes, and the search of its pages: `python tests/bench/published.py [STATEMENTS]`.

Writes a data folder of made-up meetings with 500 statements each, a tenth of them on the topic, publishes it, takes one
meeting out and puts it back, and searches the folder in Chromium from `file://`. Words come out of a Zipf distribution.
Prints seconds (of the processor, too, for a machine that does other things meanwhile) and sizes, and of each kind of
query the median and the longest time in the page itself (looking through all statements and ordering what was found),
and until the first quotes stand on the page.
"""

import argparse
import hashlib
import random
import sys
import tempfile
import time
from bisect import bisect
from collections.abc import Callable
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

from playwright.sync_api import Page, sync_playwright

from analyse.records import Statement, Statements, Tag, Topic
from pipeline import meeting_toml, publish
from pipeline.meetings import Layout
from pipeline.receipts import put
from search.quotes import quotes, write_parquet
from tests.bench.searching import CODES, SURNAMES, vocabulary
from tests.page_house import browser_path, until
from transcribe.documents import dump
from transcribe.records import Recording, SpeakerName, Transcript, Word, text_of

N_PER_MEETING, N_VOICES = 500, 12


def make(data: Path, n_statements: int, words: list[str]) -> None:
    chance = random.Random(1)
    weights = list(accumulate(1 / (rank + 30) for rank in range(len(words))))
    for m in range(-(-n_statements // N_PER_MEETING)):
        folder = f"meeting-{m:04d}"
        held_on = date(2015, 1, 1) + timedelta(days=7 * m)
        toml = f'title = "Scrutiny Panel {m}"\nbody = "Wrenbridge Council"\nheld_on = {held_on}\n'
        toml += f'source_url = "https://www.youtube.com/watch?v=meeting{m:04d}"\n'
        (data / "raw" / folder).mkdir(parents=True)
        (data / "raw" / folder / "meeting.toml").write_text(toml)
        (data / "raw" / folder / "captions.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nSo.\n")
        spoken: list[Word] = []
        said: list[Statement] = []
        for i in range(min(N_PER_MEETING, n_statements - m * N_PER_MEETING)):
            first, at_ms, voice = len(spoken), i * 20_000, f"S{chance.randrange(N_VOICES)}"
            for k in range(chance.randint(8, 45)):
                word = words[bisect(weights, chance.random() * weights[-1])]
                start_ms = at_ms + k * 400
                spoken.append(Word(text=word, start_ms=start_ms, end_ms=start_ms + 350, speaker=voice))
            tags = [c for c in CODES if chance.random() < 0.1] if i % 10 == 0 else []
            said.append(
                Statement(
                    meeting=folder,
                    start_ms=at_ms,
                    end_ms=spoken[-1].end_ms or 0,
                    first_word=first,
                    end_word=len(spoken),
                    speaker=voice,
                    text=text_of(spoken[first:]),
                    topic=Topic(about=i % 10 == 0, score=1.0),
                    tags=tuple(
                        Tag(code=c, score=1, first_word=first, end_word=first + 1, tagger="t/1", codebook="c/1")
                        for c in tags
                    ),
                )
            )
        names = tuple(
            SpeakerName(
                label=f"S{v}",
                display=f"Councillor {SURNAMES[(m + v) % len(SURNAMES)]} {v}",
                person=f"{SURNAMES[(m + v) % len(SURNAMES)].lower()}-{v}",
                status="inferred",
                probability=0.99,
            )
            for v in range(N_VOICES)
        )
        made = data / "processed" / folder
        made.mkdir(parents=True)
        recording = Recording(meeting=folder, duration_ms=N_PER_MEETING * 20_000, sha256="0" * 64)
        transcript = Transcript(
            recording_sha256="0" * 64, language="en", engine="made", words=tuple(spoken), turns=(), names=names
        )
        content = dump(transcript, "transcript/2")
        sha256 = hashlib.sha256(content).hexdigest()
        statements = Statements(
            meeting=folder, transcript_sha256=sha256, codebook="c/1", tagger="t/1", statements=tuple(said)
        )
        put(made / "recording.json", dump(recording, "recording/1"))
        put(made / "transcript.json", content)
        put(made / "statements.json", dump(statements, "statements/2"))
        meeting, _ = meeting_toml.examine(data / "raw" / folder, folder)
        write_parquet(quotes(statements, transcript, meeting, recording, sha256), made / "quotes.parquet")


def searches(page: Page, words: list[str]) -> dict[str, list[tuple[float, float]]]:
    chance = random.Random(2)

    def common() -> str:
        return words[chance.randrange(40)]

    def middling() -> str:
        return words[chance.randrange(200, 3000)]

    kinds: dict[str, Callable[[], str]] = {
        "common word": common,
        "middling word": middling,
        "two words": lambda: f"{common()} {middling()}",
        "phrase": lambda: f'"{common()} {common()}"',
        "prefix": lambda: f"{middling()[:4]}*",
        "word without another": lambda: f"{middling()} -{common()}",
        "nothing found": lambda: f"{common()}qqx",
    }
    taken: dict[str, list[tuple[float, float]]] = {}
    for kind, asked in kinds.items():
        for _ in range(15):
            query = asked()
            page.fill("#q", query)
            began = time.perf_counter()
            page.keyboard.press("Enter")
            page.wait_for_function(
                "q => new URLSearchParams(location.hash.slice(1)).get('q') === q &&"
                " document.querySelector('#found').dataset.shown === location.hash",
                arg=query,
            )
            whole_ms = 1000 * (time.perf_counter() - began)
            taken.setdefault(kind, []).append(
                (float(page.evaluate("document.querySelector('#found').dataset.ms")), whole_ms)
            )
    return taken


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("statements", type=int, nargs="?", default=50_000)
    asked.add_argument("--keep", type=Path, help="make the data and pages here and leave them; or use what is there")
    options = asked.parse_args()
    words = vocabulary(random.Random(20240514))
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        layout, site = Layout(root=folder / "data"), folder / "site"
        if not layout.root.exists():
            make(layout.root, options.statements, words)
        began, cpu = time.perf_counter(), time.process_time()
        found = publish.publish(layout, site, publish.Given(), force=True)
        took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
        what = f"{found.n_statements:,} statements as {found.n_files:,} files"
        print(f"published {what}: {took_s:.0f} s, {cpu_s:.0f} s busy")
        for name in ("data", "meeting", "quote", "person", "code"):
            sizes = [p.stat().st_size for p in (site / name).rglob("*") if p.is_file()]
            print(f"  {name}/: {len(sizes):,} files, {sum(sizes) / 1e6:.1f} MB, the largest {max(sizes) / 1e6:.2f} MB")
        meeting = found.meetings[-1]
        began = time.perf_counter()
        publish.withdraw(layout, meeting)
        print(f"one meeting taken out: {time.perf_counter() - began:.2f} s", end="; ")
        began, cpu = time.perf_counter(), time.process_time()
        publish.renew(layout, meeting)
        print(f"published again: {time.perf_counter() - began:.0f} s, {time.process_time() - cpu:.0f} s busy")
        with sync_playwright() as p:
            browser = p.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
            page = browser.new_page()
            page.goto((site / "index.html").as_uri())
            began = time.perf_counter()
            page.goto((site / "index.html").as_uri() + "#q=qqqq")
            page.reload()
            until(page, "document.querySelector('#found').dataset.shown === location.hash")
            print(f"all statements read, and the first search: {time.perf_counter() - began:.2f} s")
            for kind, times in searches(page, words).items():
                inside, whole = ([t[i] for t in times] for i in (0, 1))
                print(
                    f"  {kind}: {median(inside):.0f} ms, at most {max(inside):.0f} ms;"
                    f" until shown {median(whole):.0f} ms, at most {max(whole):.0f} ms"
                )
            used = page.evaluate("performance.memory ? performance.memory.usedJSHeapSize : 0")
            print(f"memory of the page: {used / 1e6:.0f} MB")
            browser.close()


if __name__ == "__main__":
    main()

"""How fast the index is built and searched, on a made corpus.

    python tests/bench/searching.py [STATEMENTS] [--beside]

The corpus is the same every time. Words come out of a Zipf distribution (the commonest stands in about one statement
in five, as "the" would not: stop words would only flatter the figures), statements are 8 to 60 words long, 1,000
to a meeting, with speakers, codes and dates. Prints, per kind of query, how many there were, hits, and the median and
95th percentile of the time of one search: parsing, 20 hits decoded and highlighted. With `--busy`
times of searches are the processor's, for a machine that does other things meanwhile: everything lies in memory.
With `--beside` the same statements are also put into a plain Tantivy index (text and address, no stems, no filters),
for the rate of building, and into SQLite's FTS5, which is then asked the same of words, best first, with the count of
all: ratios say how many times as long it took.
"""

import argparse
import random
import resource
import sqlite3
import sys
import tempfile
import time
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import tantivy

sys.path.insert(0, str(Path(__file__).parents[2]))

from search import find, index
from search.quotes import Quote

N_VOCABULARY = 60_000
N_PER_MEETING = 1_000
SYLLABLES = [
    "ba",
    "co",
    "de",
    "fi",
    "gu",
    "la",
    "me",
    "ni",
    "po",
    "ra",
    "si",
    "tu",
    "va",
    "we",
    "zo",
    "chi",
    "dra",
    "fle",
    "gro",
    "pla",
    "ste",
    "thi",
]
CODES = ["consultation", "notification", "transparency", "oversight", "trust_confidence", "question", "commitment"]
SURNAMES = [
    "Okafor",
    "Lindqvist",
    "Powys",
    "Dasgupta",
    "Marchetti",
    "Oyelaran",
    "Trevithick",
    "Halloran",
    "Zielinska",
    "Abara",
]


def vocabulary(chance: random.Random) -> list[str]:
    made: dict[str, None] = {}
    while len(made) < N_VOCABULARY:
        made["".join(chance.choices(SYLLABLES, k=chance.randint(2, 5)))] = None
    return list(made)


def meetings(n_statements: int, words: Sequence[str], chance: random.Random) -> Iterator[tuple[str, list[Quote]]]:
    weights = list(accumulate(1 / (rank + 30) for rank in range(len(words))))
    for m in range(-(-n_statements // N_PER_MEETING)):
        meeting = f"meeting-{m:05d}"
        held_on = date(2010, 1, 1) + timedelta(days=m * 5400 // max(1, n_statements // N_PER_MEETING))
        rows = []
        for i in range(min(N_PER_MEETING, n_statements - m * N_PER_MEETING)):
            n = chance.randint(8, 60)
            text = " ".join(words[bisect(weights, chance.random() * weights[-1])] for _ in range(n))
            speaker = chance.randrange(200)
            surname = SURNAMES[speaker % len(SURNAMES)]
            rows.append(
                Quote(
                    address=f"{meeting}/{i * 14_000}-{i * 14_000 + 12_000}",
                    check="00000000",
                    meeting=meeting,
                    title="Public Safety Scrutiny Panel",
                    body=f"Wrenbridge Ward {speaker % 30}",
                    held_on=held_on,
                    start_ms=i * 14_000,
                    end_ms=i * 14_000 + 12_000,
                    text=text.capitalize() + ".",
                    speaker_label=f"S{speaker}",
                    speaker=f"Councillor {surname} {speaker}",
                    speaker_status="inferred",
                    person=f"{surname.lower()}-{speaker}",
                    role="Member",
                    party="Wren Alliance",
                    agenda_item=str(i // 100),
                    topic=i % 10 == 0,
                    codes=tuple(code for code in CODES if chance.random() < 0.05),
                    stance=chance.choice(("concerned", "supportive", "mixed", "neutral")) if i % 10 == 0 else None,
                    stance_holder=None,
                    listen_first=(),
                    source_url="https://video.example/panel",
                    source_start_ms=i * 14_000,
                    transcript_sha256="f" * 64,
                )
            )
        yield meeting, rows


def queries(words: Sequence[str], chance: random.Random, n: int) -> dict[str, list[str]]:
    def common() -> str:
        return words[chance.randrange(40)]

    def middling() -> str:
        return words[chance.randrange(200, 3000)]

    def rare() -> str:
        return words[chance.randrange(20_000, N_VOCABULARY)]

    def person() -> str:
        return f"speaker:{chance.choice(SURNAMES)}"

    kinds: dict[str, Callable[[], str]] = {
        "rare word": rare,
        "common word": common,
        "two words": lambda: f"{common()} {middling()}",
        "phrase": lambda: f'"{common()} {common()}"',
        "near": lambda: f"{common()} near/5 {middling()}",
        "prefix": lambda: f"{chance.choice(SYLLABLES)}{chance.choice(SYLLABLES)}*",
        "wide OR": lambda: " OR ".join(common() for _ in range(8)),
        "word without another": lambda: f"{middling()} -{common()}",
        "word, speaker, date": lambda: f"{middling()} {person()} after:{chance.randrange(2011, 2024)}",
        "word and code": lambda: f"{common()} tag:{chance.choice(CODES)}",
        "filter alone": lambda: f"tag:{chance.choice(CODES)} {person()}",
        "nothing found": lambda: f"{common()}qqx",
    }
    return {kind: [make() for _ in range(n)] for kind, make in kinds.items()}


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def anonymous_mb() -> float:
    """Memory that is not a mapped file's: that of the index's files is the system's to give away."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def plain_s(folder: Path, made: Iterator[tuple[str, list[Quote]]]) -> float:
    """Seconds to build an index of text and address alone, not counting the making of the statements."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", stored=True)
    builder.add_text_field("address", stored=True, tokenizer_name="raw")
    schema = builder.build()
    taken = 0.0
    writer: Any = tantivy.Index(schema, str(folder)).writer(index.WHOLE_HEAP_BYTES, 2)
    for _, rows in made:
        started = time.perf_counter()
        for row in rows:
            writer.add_document(tantivy.Document.from_dict({"text": row.text, "address": row.address}, schema))
        taken += time.perf_counter() - started
    started = time.perf_counter()
    writer.commit()
    writer.wait_merging_threads()
    return taken + time.perf_counter() - started


def in_sqlite(path: Path, made: Iterator[tuple[str, list[Quote]]]) -> sqlite3.Connection:
    db = sqlite3.connect(path)
    db.execute("pragma journal_mode = off")
    db.execute("pragma mmap_size = 8000000000")
    db.execute("create table quotes (id integer primary key, address text, text text)")
    db.execute(
        "create virtual table fts using fts5 (text, content='quotes', content_rowid='id', tokenize='porter unicode61')"
    )
    for _, rows in made:
        db.executemany("insert into quotes (address, text) values (?, ?)", [(r.address, r.text) for r in rows])
    db.execute("insert into fts (fts) values ('rebuild')")
    db.execute("insert into fts (fts) values ('optimize')")
    db.commit()
    return db


def of_fts5(kind: str, text: str) -> str:
    """The query as FTS5 writes it; empty for what it has no words for."""
    parts = text.split()
    match kind:
        case "near":
            return f"NEAR({parts[0]} {parts[2]}, 4)"
        case "word without another":
            return f"{parts[0]} NOT {parts[1][1:]}"
        case "rare word" | "common word" | "two words" | "phrase" | "prefix" | "wide OR":
            return text
    return ""


def ask_sqlite(db: sqlite3.Connection, match: str) -> int:
    best = "select address, quotes.text from fts join quotes on quotes.id = fts.rowid"
    db.execute(f"{best} where fts match ? order by rank limit 20", (match,)).fetchall()
    return int(db.execute("select count(*) from fts where fts match ?", (match,)).fetchone()[0])


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("statements", type=int, nargs="?", default=200_000)
    asked.add_argument("--queries", type=int, default=50, help="of each kind")
    asked.add_argument("--keep", type=Path, help="build the index here and leave it; or use the one that is there")
    asked.add_argument("--busy", action="store_true", help="the processor's time of searches, not the clock's")
    asked.add_argument("--beside", action="store_true", help="also build a plain index and SQLite's, and compare")
    options = asked.parse_args()
    chance = random.Random(20240514)
    words = vocabulary(chance)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        made_s = made_cpu_s = 0.0
        clock = time.thread_time if options.busy else time.perf_counter

        def timed() -> Iterator[tuple[str, list[Quote]]]:
            nonlocal made_s, made_cpu_s
            made_s = made_cpu_s = 0.0
            made = meetings(options.statements, words, random.Random(1))
            while True:
                started, cpu = time.perf_counter(), time.thread_time()
                item = next(made, None)
                made_s += time.perf_counter() - started
                made_cpu_s += time.thread_time() - cpu
                if item is None:
                    return
                yield item

        if not any(folder.iterdir()):
            started, cpu = time.perf_counter(), time.process_time()
            index.rebuild(folder, timed())
            build_s, cpu = time.perf_counter() - started - made_s, time.process_time() - cpu - made_cpu_s
            size_mb = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6
            print(
                f"built    {options.statements:,} statements in {build_s:.1f} s: {options.statements / build_s:,.0f}/s"
            )
            print(f"         {1e6 * cpu / options.statements:.0f} microseconds of processor time each")
            print(
                f"         {size_mb:.0f} MB on disk, peak memory {peak_mb():.0f} MB, anonymous {anonymous_mb():.0f} MB"
            )
        db: sqlite3.Connection | None = None
        if options.beside:
            with tempfile.TemporaryDirectory() as side:
                cpu = time.process_time()
                taken = plain_s(Path(side), timed())
                cpu = time.process_time() - cpu - made_cpu_s
            print(
                f"plain    {options.statements / taken:,.0f}/s, {1e6 * cpu / options.statements:.0f} microseconds each"
            )
            started = time.perf_counter()
            db = in_sqlite(Path(scratch) / "fts5.db", timed())
            taken = time.perf_counter() - started - made_s
            print(f"FTS5     {options.statements / taken:,.0f}/s")

        replaced = []
        for meeting, rows in meetings(5 * N_PER_MEETING, words, chance):
            started = time.perf_counter()
            index.replace(folder, meeting, rows)
            replaced.append(time.perf_counter() - started)
        middle_ms, longest_ms = 1000 * median(replaced), 1000 * max(replaced)
        print(f"replaced a meeting of {N_PER_MEETING:,} in {middle_ms:.0f} ms, at most {longest_ms:.0f}")
        started = time.perf_counter()
        n_held = len(index.held(folder))
        print(f"held     {n_held:,} meetings told in {(time.perf_counter() - started) * 1000:.0f} ms")

        every: list[float] = []
        print(
            f"{'milliseconds':24}{'median':>9}{'p95':>9}{'newest':>9}{'p95':>9}{'facets':>9}{'p95':>9}{'hits':>10}"
            f"{'FTS5' if db else '':>8}"
        )
        for kind, some in queries(words, chance, options.queries).items():
            columns = []
            totals = []
            ways: list[dict[str, Any]] = [{"sort": "best"}, {"sort": "newest"}, {"facets": True}]
            for how in ways:
                find.search(folder, some[0], **how)
                times = []
                for text in some:
                    started = clock()
                    totals.append(find.search(folder, text, **how).total)
                    times.append((clock() - started) * 1000)
                columns += [median(times), quantiles(times, n=20)[-1]]
                every += times
            beside = ""
            if db and of_fts5(kind, some[0]):
                times = []
                for text in some:
                    started = clock()
                    ask_sqlite(db, of_fts5(kind, text))
                    times.append((clock() - started) * 1000)
                longest = quantiles(times, n=20)[-1] / columns[1]
                beside = f"  {median(times) / columns[0]:.1f} times (p95 {longest:.1f})"
            print(f"{kind:24}" + "".join(f"{ms:9.1f}" for ms in columns) + f"{median(totals):10,.0f}{beside}")
        print(f"median over all of these {median(every):.1f} ms")
        print(f"peak memory {peak_mb():.0f} MB, anonymous {anonymous_mb():.0f} MB")


if __name__ == "__main__":
    main()

"""How fast the index is built and searched, on a made corpus: `python tests/bench/search.py [STATEMENTS] [--keep DIR]`.

The corpus is the same every time. Words come out of a Zipf distribution (the commonest stands in about one statement
in five, as "the" would not: stop words would only flatter the figures), statements are 8 to 60 words long, 1,000
to a meeting, with speakers, codes and dates. Prints, per kind of query, how many there were, hits, and the median and
95th percentile of the time of one search: parsing, 20 hits decoded and highlighted.
"""

import argparse
import random
import resource
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


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("statements", type=int, nargs="?", default=200_000)
    asked.add_argument("--queries", type=int, default=50, help="of each kind")
    asked.add_argument("--keep", type=Path, help="build the index here and leave it")
    options = asked.parse_args()
    chance = random.Random(20240514)
    words = vocabulary(chance)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        made_s = 0.0

        def timed() -> Iterator[tuple[str, list[Quote]]]:
            nonlocal made_s
            made = meetings(options.statements, words, chance)
            while True:
                started = time.perf_counter()
                item = next(made, None)
                made_s += time.perf_counter() - started
                if item is None:
                    return
                yield item

        started = time.perf_counter()
        index.rebuild(folder, timed())
        build_s = time.perf_counter() - started - made_s
        size_mb = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6
        print(f"built    {options.statements:,} statements in {build_s:.1f} s: {options.statements / build_s:,.0f}/s")
        print(f"         {size_mb:.0f} MB on disk, peak memory {peak_mb():.0f} MB")

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

        print(f"{'milliseconds':24}{'median':>9}{'p95':>9}{'newest':>9}{'p95':>9}{'facets':>9}{'p95':>9}{'hits':>10}")
        for kind, some in queries(words, chance, options.queries).items():
            columns = []
            totals = []
            ways: list[dict[str, Any]] = [{"sort": "best"}, {"sort": "newest"}, {"facets": True}]
            for how in ways:
                find.search(folder, some[0], **how)
                times = []
                for text in some:
                    started = time.perf_counter()
                    totals.append(find.search(folder, text, **how).total)
                    times.append((time.perf_counter() - started) * 1000)
                columns += [median(times), quantiles(times, n=20)[-1]]
            print(f"{kind:24}" + "".join(f"{ms:9.1f}" for ms in columns) + f"{median(totals):10,.0f}")
        print(f"peak memory {peak_mb():.0f} MB")


if __name__ == "__main__":
    main()

"""How fast quotations are checked, on the made corpus of `search.py`: `python tests/bench/verify.py [STATEMENTS]`.

Each meeting has its transcript and its table on disk, as a run leaves them. Quotations are words of a statement, words
across the border of two, the same with every third word another, and words that nobody said in that order. Prints the
median and 95th percentile of the time of one check with nothing kept at hand, and of one after another as in an
article, and how many were led to their place.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipeline.meetings import Layout
from pipeline.verified import Checker
from search import index
from search.quotes import Quote, parse_address, write_parquet
from tests.bench.searching import meetings, vocabulary
from transcribe.documents import dump
from transcribe.records import Coverage, SpeakerName, Transcript, Word


def transcript(rows: list[Quote]) -> Transcript:
    words, names = [], {}
    for row in rows:
        said = row.text.split()
        step = (row.end_ms - row.start_ms) // len(said)
        for i, text in enumerate(said):
            start_ms = row.start_ms + i * step
            words.append(Word(text=text, start_ms=start_ms, end_ms=start_ms + step, speaker=row.speaker_label))
        names[row.speaker_label] = SpeakerName(
            label=row.speaker_label or "", display=row.speaker, person=row.person, status="inferred", probability=0.9
        )
    end_ms = rows[-1].end_ms
    covers = Coverage(
        duration_ms=end_ms, transcribed_ms=end_ms, untranscribed={}, excluded_ms=0, no_speech_ms=0, unattributed_ms=0,
        listened=True,
    )  # fmt: skip
    return Transcript(
        recording_sha256="a" * 64, language="en", engine="made", words=tuple(words), turns=(),
        names=tuple(names.values()), coverage=covers,
    )  # fmt: skip


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("statements", type=int, nargs="?", default=200_000)
    asked.add_argument("--quotations", type=int, default=40, help="of each kind")
    options = asked.parse_args()
    chance = random.Random(20240514)
    words = vocabulary(chance)
    with tempfile.TemporaryDirectory() as scratch:
        layout = Layout(root=Path(scratch))
        made = []
        for meeting, rows in meetings(options.statements, words, chance):
            folder = layout.made(meeting)
            folder.mkdir(parents=True)
            write_parquet(rows, folder / "quotes.parquet")
            (folder / "transcript.json").write_bytes(dump(transcript(rows), "transcript/2"))
            made.append((meeting, rows))
        index.rebuild(layout.index, made)
        kinds: dict[str, list[tuple[str, str, int]]] = {"said": [], "across two": [], "every third word other": []}
        for _ in range(options.quotations):
            meeting, rows = chance.choice(made)
            at = chance.randrange(len(rows) - 1)
            said, after = rows[at].text.rstrip(".").split(), rows[at + 1].text.rstrip(".").split()
            kinds["said"].append((" ".join(said[:12]), meeting, rows[at].start_ms))
            kinds["across two"].append((" ".join(said[-3:] + after[:2]), meeting, rows[at].end_ms - 5_000))
            other = [chance.choice(words) if i % 3 == 1 else word for i, word in enumerate(said[:20])]
            kinds["every third word other"].append((" ".join(other), meeting, rows[at].start_ms))
        common = words[:300]
        kinds["never said"] = [(" ".join(chance.choices(common, k=12)), "", 0) for _ in range(options.quotations)]
        print(f"{'milliseconds':26}{'alone':>9}{'p95':>9}{'article':>9}{'p95':>9}{'there':>8}{'elsewhere':>11}")
        for kind, quotations in kinds.items():
            times: list[list[float]] = [[], []]
            n_there = n_elsewhere = 0
            kept = Checker(layout)
            for text, meeting, start_ms in quotations:
                for which, checker in enumerate((Checker(layout), kept)):
                    started = time.perf_counter()
                    found = checker.text(text)
                    times[which].append((time.perf_counter() - started) * 1000)
                if found.quote:
                    place = parse_address(found.quote.address)
                    right = place.meeting == meeting and start_ms - 5_000 <= place.start_ms <= start_ms + 12_000
                    n_there, n_elsewhere = n_there + right, n_elsewhere + (not right)
            columns = [figure for some in times for figure in (median(some), quantiles(some, n=20)[-1])]
            print(f"{kind:26}" + "".join(f"{ms:9.0f}" for ms in columns) + f"{n_there:8}{n_elsewhere:11}", flush=True)


if __name__ == "__main__":
    main()

"""Topic where statements stand: labelled rows laid out as meetings, read from captions as the pipeline reads them.

python tests/bench/topic.py RECIPE LABELLED.jsonl [N_SEEDS] [--half 0|1] [--show]

RECIPE is `pseudo_meetings.py` of the evaluation data; LABELLED holds rows as in its `lfr/dev.jsonl`. `--half` takes
only the documents of one half, so that what was written with one in view can be checked on the other. `--show` prints
the errors of the first seed.
"""

import argparse
import contextlib
import hashlib
import importlib.util
import io
import json
import re
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from analyse.codebook import load
from analyse.records import Statement
from analyse.rules import tag_transcript
from transcribe import captions
from transcribe.attribute import attribute
from transcribe.records import Meeting, Transcript

Row = dict[str, Any]


class Judged(NamedTuple):
    """A row of the truth, and what was said of the statements that it takes its topic from."""

    row: Row
    about: bool
    found: tuple[Statement, ...]


class Rates(NamedTuple):
    f1: float
    f1_keywords: float
    f1_whole_items: float
    recall: float
    recall_unnamed: float  # of statements on the topic that name no technology
    false_other: float  # of statements in items on other subjects
    false_neighbour: float  # of those on a neighbouring subject in an item on the topic
    recall_paraphrase: float
    false: float  # of all statements on something else
    false_paraphrase: float


def layouts(recipe: Path, rows: Sequence[Row], folder: Path, n_seeds: int) -> Iterator[tuple[Path, list[Row], str]]:
    """For each seed the folder of its meetings, the truth, and what the recipe printed."""
    spec = importlib.util.spec_from_file_location("pseudo_meetings", recipe)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    source = folder / "rows.jsonl"
    source.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    for seed in range(n_seeds):
        raw, truth = folder / f"raw-{seed}", folder / f"truth-{seed}.jsonl"
        with contextlib.redirect_stdout(io.StringIO()) as said:
            made.main(source, raw, truth, seed)
        yield raw, read_rows(truth), said.getvalue()


def read_rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def transcript(path: Path) -> Transcript:
    """The transcript of a meeting that has captions only."""
    words, turns = captions.read(path, recording_sha256="0" * 64, duration_ms=None)
    said = attribute(words.words, turns.turns)
    return Transcript(recording_sha256="0" * 64, language="en", engine=words.engine, words=said, turns=turns.turns)


def judge(rows: Sequence[Row], found: Sequence[Statement]) -> list[Judged]:
    """A row is on the topic if a statement whose midpoint lies in it is, or else the one that overlaps it most."""
    out = []
    for row in rows:
        start, end = row["start_ms"], row["end_ms"]
        inside = [s for s in found if start <= (s.start_ms + s.end_ms) // 2 < end]
        if not inside:
            inside = [max(found, key=lambda s: min(s.end_ms, end) - max(s.start_ms, start))]
        out.append(Judged(row, any(s.topic.about for s in inside), tuple(inside)))
    return out


def rates(judged: Sequence[Judged], said: str) -> Rates:
    def share(of: Sequence[Judged]) -> float:
        return statistics.mean(j.about for j in of) if of else float("nan")

    on = [j for j in judged if j.row["topic_lfr"]]
    off = [j for j in judged if not j.row["topic_lfr"]]
    right = sum(j.about for j in on)
    keywords, whole = (float(x) for x in re.findall(r"F1 ([.\d]+)", said))
    return Rates(
        f1=2 * right / (len(on) + sum(j.about for j in judged)),
        f1_keywords=keywords,
        f1_whole_items=whole,
        recall=share(on),
        recall_unnamed=share([j for j in on if not j.row["explicit_mention"]]),
        false_other=share([j for j in off if j.row["item"] == "other"]),
        false_neighbour=share([j for j in off if j.row["item"] == "lfr"]),
        recall_paraphrase=share([j for j in on if j.row["style"] == "paraphrase"]),
        false=share(off),
        false_paraphrase=share([j for j in off if j.row["style"] == "paraphrase"]),
    )


def show(judged: Sequence[Judged]) -> None:
    for j in judged:
        if j.about != j.row["topic_lfr"]:
            print("missed" if j.row["topic_lfr"] else f"false ({j.row['item']})", "|", j.row["text"])
            for s in j.found:
                print(f"    {s.topic.about} {s.topic.score} {s.topic.reason}")


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("recipe", type=Path)
    asked.add_argument("labelled", type=Path)
    asked.add_argument("n_seeds", type=int, nargs="?", default=8)
    asked.add_argument("--half", type=int, choices=(0, 1))
    asked.add_argument("--show", action="store_true")
    args = asked.parse_args()
    book = load("lfr-engagement")
    rows = read_rows(args.labelled)
    if args.half is not None:
        rows = [r for r in rows if half(r["source_doc"]) == args.half]
    seconds, n_statements, per_seed = 0.0, 0, []
    with tempfile.TemporaryDirectory() as folder:
        for seed, (raw, truth, said) in enumerate(layouts(args.recipe, rows, Path(folder), args.n_seeds)):
            by_meeting = defaultdict(list)
            for row in truth:
                by_meeting[row["meeting"]].append(row)
            judged = []
            for meeting, own in sorted(by_meeting.items()):
                heard = transcript(raw / meeting / "captions.vtt")
                started = time.perf_counter()
                found = tag_transcript(heard, Meeting(id=meeting, folder=meeting), book, "0" * 64).statements
                seconds += time.perf_counter() - started
                n_statements += len(found)
                judged += judge(own, found)
            if args.show and seed == 0:
                show(judged)
            per_seed.append(rates(judged, said))
    print(f"{len(rows)} rows, {args.n_seeds} seeds; {n_statements / seconds:,.0f} statements a second")
    for name, values in zip(Rates._fields, zip(*per_seed, strict=True), strict=True):
        print(f"{name:18} {statistics.mean(values):.3f}  ({min(values):.3f} to {max(values):.3f})")


def half(document: str) -> int:
    return hashlib.sha256(f"half {document}".encode()).digest()[0] % 2


if __name__ == "__main__":
    main()

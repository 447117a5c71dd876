"""Words to voices, measured: the program's way beside plain maximum overlap.

python tests/bench/attribution.py ami FOLDER                  reference words and turns, word times shaken
python tests/bench/attribution.py meeting REFERENCE PROCESSED end to end: a meeting's own words.json and turns.json

FOLDER holds *.words.json and ami.rttm. Excerpts with odd numbers were looked at while the costs in
transcribe/attribute.py were chosen; the others were not, and come first.
"""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np

from transcribe import references, score_voices
from transcribe.attribute import attribute
from transcribe.documents import load
from transcribe.records import Turn, Turns, Word, Words
from transcribe.transcript import LEAST_MARGIN

JITTER_MS, NEAR_MS, N_SHAKES = 200, 500, 20
Way = Callable[[Sequence[Word], Sequence[Turn]], Sequence[Word]]


def maximum_overlap(words: Sequence[Word], turns: Sequence[Turn]) -> list[Word]:
    """The baseline: the voice that speaks most of the word's time, else the nearest one."""

    def nearness(word: Word, turn: Turn) -> int:
        assert word.start_ms is not None
        assert word.end_ms is not None
        return min(word.end_ms, turn.end_ms) - max(word.start_ms, turn.start_ms)

    exclusive = [t for t in turns if t.exclusive] or turns
    return [msgspec.structs.replace(w, speaker=max(exclusive, key=lambda t: nearness(w, t)).speaker) for w in words]


def sure(words: Sequence[Word], turns: Sequence[Turn]) -> list[Word]:
    """As a transcript has it: a voice that is nearly a toss-up is none."""
    return [
        msgspec.structs.replace(w, speaker=None) if (w.speaker_margin or 0) < LEAST_MARGIN else w
        for w in attribute(words, turns)
    ]


WAYS: dict[str, Way] = {"best voice": attribute, "as written": sure, "maximum overlap": maximum_overlap}


def shaken(words: Sequence[Word], seed: int) -> list[Word]:
    """The same words in the same order, each start off by up to JITTER_MS, each as long as it was."""
    by_ms = np.random.default_rng(seed).integers(-JITTER_MS, JITTER_MS + 1, len(words))
    starts = np.maximum.accumulate(np.maximum(np.array([w.start_ms for w in words]) + by_ms, 0))
    return [
        msgspec.structs.replace(w, start_ms=int(at), end_ms=int(at) + (w.end_ms or 0) - (w.start_ms or 0), speaker=None)
        for w, at in zip(words, starts, strict=True)
    ]


def verdicts(reference: Sequence[Word], found: Sequence[Word], counted: Sequence[bool]) -> Counter[str]:
    n = Counter(right=0, wrong=0, none=0)
    for r, f, counts in zip(reference, found, counted, strict=True):
        if counts:
            n["none" if f.speaker is None else "right" if f.speaker == r.speaker else "wrong"] += 1
    return n


def crossed(words: Sequence[Word], turns: Sequence[Turn]) -> list[bool]:
    """Whether somebody else speaks, by the reference's turns, during any of the word."""
    return [
        any(t.start_ms < (w.end_ms or 0) and t.end_ms > (w.start_ms or 0) and t.speaker != w.speaker for t in turns)
        for w in words
    ]


def near_change(words: Sequence[Word]) -> list[bool]:
    """Whether the middle of a word is within NEAR_MS of where one voice follows another."""
    changes = [b.start_ms or 0 for a, b in pairwise(words) if a.speaker != b.speaker]
    middles = [((w.start_ms or 0) + (w.end_ms or 0)) / 2 for w in words]
    return [any(abs(middle - change) <= NEAR_MS for change in changes) for middle in middles]


def ami(folder: Path) -> None:
    names = sorted(references.read_rttm(folder / "ami.rttm"))
    for part, odd in (("not looked at", 0), ("looked at", 1)):
        totals = judged(folder, [n for n in names if int(n[3:5]) % 2 == odd])
        for (kind, way), n in totals.items():
            print(f"{part:14} {kind:26} {way:16} {_shares(n)}")


def judged(folder: Path, names: Sequence[str], *, n_shakes: int = N_SHAKES) -> dict[tuple[str, str], Counter[str]]:
    """Verdicts on words by kind of place and way, over these excerpts, each shaken so many times."""
    every = references.read_rttm(folder / "ami.rttm")
    totals: dict[tuple[str, str], Counter[str]] = {}
    for name in names:
        words, turns = references.read_words(folder / f"{name}.words.json"), every[name]
        alone = [not c for c in crossed(words, turns)]
        near = near_change(words)
        kinds = {
            "outside overlap": alone,
            "within 0.5 s of a change": near,
            "... and outside overlap": [a and n for a, n in zip(alone, near, strict=True)],
        }
        for seed in range(n_shakes):
            given = shaken(words, seed)
            for way, assign in WAYS.items():
                found = assign(given, turns)
                for kind, counted in kinds.items():
                    totals.setdefault((kind, way), Counter()).update(verdicts(words, found, counted))
    return totals


def meeting(reference: Path, processed: Path) -> None:
    wanted = references.words_of(references.read_sentences(reference))
    words = load((processed / "words.json").read_bytes(), Words, "words/1").words
    turns = load((processed / "turns.json").read_bytes(), Turns, "turns/1").turns
    for way, assign in WAYS.items():
        n = score_voices.speaker_words(wanted, assign(words, turns))
        lost = n.n_reference - n.n_found
        wrong = n.n_found - n.n_right - n.n_unvoiced
        print(f"{way:16} {_shares(Counter(right=n.n_right, wrong=wrong, none=n.n_unvoiced, lost=lost))}")


def _shares(n: Counter[str]) -> str:
    total = n.total()
    return f"{total:6} words  " + "  ".join(f"{k} {n[k] / total:6.1%}" for k in n)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["ami", folder]:
            ami(Path(folder))
        case ["meeting", reference, processed]:
            meeting(Path(reference), Path(processed))
        case _:
            sys.exit(__doc__)

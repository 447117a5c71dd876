"""Fit the weights of evidence for names, and show what comes of them on transcripts that they were not fitted on.

python tests/bench/fit_names.py [--print] TRANSCRIPT …

Transcripts as tests/committees.py reads them; our own and the sample meeting always come along. Each is taken as it is,
and with voices split, merged and words gone astray. What is fitted is a conditional logistic regression: of the people
whom something speaks for, and of nobody among them, which one is a voice, by how far each rule of evidence holds for
each. There are few such voices, and so weights are drawn to what they were set to by hand (`BY_HAND`), as far as
nothing speaks against it, and none changes its sign. A transcript's figures are those of weights fitted on all the
others; of all those together is the reliability table. `--print` writes the table of `transcribe/weights.py` as it
should be.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipeline.meeting_toml import read_meeting
from tests.committees import DAMAGE, Committee, Score, committee, score
from transcribe import cues, name, weights
from transcribe.mentions import Roster
from transcribe.records import SpeakerName
from transcribe.references import read_sentences, words_of
from transcribe.weights import BEFORE, BY_HAND, Weight

TREE = Path(__file__).parents[2]
SAMPLE = TREE / "data" / "raw" / "2024-05-14-public-safety"
RULES = tuple(BY_HAND)
SPREAD = 0.6  # standard deviation of a weight about what it was set to by hand
SEEDS = (1, 2)


class Case(NamedTuple):
    """A transcript, as it is or damaged. For every voice with evidence, the amounts of it, a row for each person whom
    it speaks for, and which of them it is (one, or none)."""

    kind: str
    meeting: Committee
    voices: list[tuple[NDArray[np.float64], NDArray[np.float64]]]


def sample() -> Committee:
    """The sample meeting, from its reference."""
    said = words_of(read_sentences(SAMPLE / "reference" / "reference.json"))
    people = list(read_meeting(SAMPLE, "sample").people)
    ids = {p.id for p in people}
    truth = {w.speaker or "": w.speaker if w.speaker in ids else None for w in said}
    return Committee("sample", list(said), people, truth)


def cases(meeting: Committee) -> list[Case]:
    damaged = [(f"{kind}", damage(meeting, seed)) for kind, damage in DAMAGE.items() for seed in SEEDS]
    return [_case(kind, m) for kind, m in [("as it is", meeting), *damaged]]


def _case(kind: str, meeting: Committee) -> Case:
    items = name.weigh(cues.find(meeting.words, Roster(meeting.people), {}, {}), meeting.words, meeting.people)
    voices: dict[str, list[tuple[list[float], bool]]] = defaultdict(list)
    for (voice, person), about in items.items():
        if person == cues.STRANGER or not any(BY_HAND[i.rule].log_odds > 0 for i in about):
            continue
        row = dict.fromkeys(RULES, 0.0) | {BEFORE: 1.0}
        for item in about:
            row[item.rule] += item.amount
        voices[voice].append((list(row.values()), meeting.truth.get(voice) == person))
    return Case(
        kind,
        meeting,
        [(np.array([r for r, _ in rows]), np.array([float(ok) for _, ok in rows])) for rows in voices.values()],
    )


def fit(found: Sequence[Case]) -> dict[str, Weight]:
    """The weights that make who the voices of these cases are most likely, drawn to those by hand; Newton's method."""
    by_hand = np.array([BY_HAND[rule].log_odds for rule in RULES])
    fitted = by_hand.copy()
    for _ in range(30):
        slope = -(fitted - by_hand) / SPREAD**2
        bend = np.eye(len(RULES)) / SPREAD**2
        for amounts, true in (voice for c in found for voice in c.voices):
            odds = np.exp(np.clip(amounts @ fitted, -30, 30))
            likely = odds / (1 + odds.sum())
            slope += amounts.T @ (true - likely)
            bend += amounts.T @ (np.diag(likely) - np.outer(likely, likely)) @ amounts
        fitted += np.linalg.solve(bend, slope)
    fitted = np.where(np.sign(fitted) == np.sign(by_hand), fitted, 0.1 * np.sign(by_hand))
    return {rule: BY_HAND[rule]._replace(log_odds=round(float(w), 2)) for rule, w in zip(RULES, fitted, strict=True)}


def named(meeting: Committee, table: Mapping[str, Weight]) -> tuple[SpeakerName, ...]:
    weights.WEIGHTS.clear()
    weights.WEIGHTS.update(table)
    return name.name(meeting.words, [], meeting.people)


def _sum(scores: Iterable[Score]) -> Score:
    return Score(*(sum(n) for n in zip(*scores, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("transcripts", nargs="*", type=Path)
    parser.add_argument("--print", action="store_true", help="the table of weights, fitted on all of them")
    asked = parser.parse_args()
    own = sorted((TREE / "tests" / "data" / "committees").glob("*.txt"))
    found = [cases(m) for m in [sample(), *map(committee, [*own, *asked.transcripts])]]
    tables = [fit([c for other in found if other is not these for c in other]) for these in found]
    results = [(c.kind, c.meeting, named(c.meeting, t)) for these, t in zip(found, tables, strict=True) for c in these]
    for these in found:
        own_name = these[0].meeting.name
        print(own_name, *(score(m, n) for k, m, n in results if m.name == own_name and k == "as it is"))
    for kind in ("as it is", *DAMAGE):
        print(f"{kind:10}", _sum(score(m, n) for k, m, n in results if k == kind))
    print("\nprobability of a name, and how often it was right")
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for _, meeting, given in results:
        for n in given:
            guess = (n.person, n.probability or 0.0) if n.person else n.runner_up
            if guess:
                bins[min(9, int(10 * guess[1]))].append((guess[1], guess[0] == meeting.truth[n.label]))
    for b, hits in sorted(bins.items()):
        mean, right = np.mean([p for p, _ in hits]), np.mean([ok for _, ok in hits])
        print(f"  {b / 10:.1f}-{(b + 1) / 10:.1f}  {len(hits):4} voices, said {mean:.2f}, was {right:.2f}")
    if asked.print:
        for rule, weight in fit([c for these in found for c in these]).items():
            print(f"    {'BEFORE' if rule == BEFORE else repr(rule)}: {weight.log_odds},")


if __name__ == "__main__":
    main()

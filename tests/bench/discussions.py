"""Topic, codes and stance in made-up meetings in which people answer each other and seldom name what they speak of.

    python tests/bench/discussions.py [--shared FOLDER] [--show]

`tests/data/discussions/*.txt` are meetings of the made-up borough Wrenbridge, a line for each thing said: what it is
about (L live facial recognition, N a neighbouring subject, O another, - not counted), stance, codes, voice, words. All
were read while the rules were written but `panel.txt`, which was written when they stood. With the evaluation data each
discussion is also put into real meetings on other subjects, at places drawn by chance and without an announcement:
what is found around it is false. `--show` prints the errors on topic.
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from analyse.codebook import load
from analyse.records import Statement
from analyse.rules import tag_text, tag_transcript
from tests.test_topic import CDP, HANSARD, QMSUM, turns
from transcribe.records import Meeting, Transcript, Word

FOLDER = Path(__file__).parents[1] / "data" / "discussions"
REAL = (
    f"{CDP}/expected-seattle-briefing-transcript.json",
    f"{QMSUM}/canada_covid_4.json",
    f"{QMSUM}/ami_ES2011a.json",
    f"{HANSARD}/commons_2009-10-27.xml",
    f"{HANSARD}/westminster_hall_2009-10-28.xml",
)
AROUND, PLACES = 40, 3  # turns of a real meeting on each side; how often in each meeting
BOOK = load("lfr-engagement")


class Said(NamedTuple):
    about: str
    stance: str
    codes: frozenset[str]
    voice: str
    text: str


def read(path: Path) -> list[Said]:
    lines = (line.split("|", 4) for line in path.read_text("utf-8").splitlines())
    return [Said(a, s, frozenset(filter(None, codes.split(","))), voice, text) for a, s, codes, voice, text in lines]


def found_in(said: Sequence[Said]) -> list[tuple[Said, list[Statement]]]:
    """What each line of a meeting was cut into and found to be."""
    words, edges = list[Word](), list[int]()
    at = 0
    for line in said:
        for word in line.text.split():
            words.append(Word(text=word, start_ms=at, end_ms=at + 330, speaker=line.voice))
            at += 330 + 120 * (word[-1] in ".?!")
        at += 500
        edges.append(len(words))
    made = Transcript(recording_sha256="0" * 64, language="en", engine="made up", words=tuple(words), turns=())
    found = tag_transcript(made, Meeting(id="m", folder="m"), BOOK, "0" * 64).statements
    first = [0, *edges]
    return [
        (line, [s for s in found if a <= s.first_word < b or s.first_word <= a < s.end_word])
        for line, a, b in zip(said, first, edges, strict=False)
    ]


def spliced(said: Sequence[Said], shared: Path) -> Iterator[list[Said]]:
    """The longest discussion on the topic without another item in it, in real meetings."""
    on = [i for i, line in enumerate(said) if line.about == "L"]
    parted = [b for a, b in pairwise(on) if any(x.about == "O" for x in said[a:b])]
    runs = [[i for i in on if first <= i < end] for first, end in pairwise([on[0], *parted, on[-1] + 1])]
    longest = max(runs, key=len)
    block = list(said[longest[0] : longest[-1] + 1])
    drawn = random.Random(0)
    for name in REAL:
        real = [Said("O", "", frozenset(), f"real {voice}", text) for voice, text in turns(shared / "captions" / name)]
        real = [line for line in real if line.text.split()]
        for _ in range(PLACES):
            at = drawn.randrange(3, len(real) - 3)
            yield [*real[max(0, at - AROUND) : at], *block, *real[at : at + AROUND]]


def rates(judged: Sequence[tuple[Said, list[Statement]]]) -> str:
    n: Counter[tuple[str, bool]] = Counter((line.about, any(s.topic.about for s in own)) for line, own in judged)
    right, missed = n["L", True], n["L", False]
    false = n["N", True] + n["O", True]
    return (
        f"F1 {2 * right / max(1, 2 * right + missed + false):.3f}, {right} of {right + missed} found; "
        f"false beside {n['N', True]} of {n['N', True] + n['N', False]}, "
        f"elsewhere {n['O', True]} of {n['O', True] + n['O', False]}"
    )


def codes(said: Sequence[Said]) -> str:
    """Codes and stance of what is on the topic, each line alone, with the topic given."""
    n: Counter[tuple[str, bool, bool]] = Counter()
    stances: Counter[bool] = Counter()
    for line in said:
        if line.about == "L":
            reading = tag_text(line.text, BOOK, context="Live facial recognition", about=True)
            got = {t.code for t in reading.tags}
            n.update((c.code, c.code in line.codes, c.code in got) for c in BOOK.codes)
            stances[reading.stance is not None and reading.stance.stance == line.stance] += 1
    right = sum(k for (_, a, b), k in n.items() if a and b)
    wrong = sum(k for (_, a, b), k in n.items() if a != b)
    return f"codes F1 {2 * right / (2 * right + wrong):.3f}; stance {stances[True]} of {stances.total()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path)
    parser.add_argument("--show", action="store_true")
    asked_for = parser.parse_args()
    for path in sorted(FOLDER.glob("*.txt"), reverse=True):
        said = read(path)
        judged = found_in(said)
        print(f"{path.stem}: {rates(judged)}; {codes(said)}")
        if asked_for.show:
            for line, own in judged:
                if line.about != "-" and any(s.topic.about for s in own) != (line.about == "L"):
                    print(f"  {line.about} {[s.topic.score for s in own]} {line.text}")
        if asked_for.shared:
            inside = [pair for meeting in spliced(said, asked_for.shared) for pair in found_in(meeting)]
            print(f"  in real meetings: {rates(inside)}")


if __name__ == "__main__":
    main()

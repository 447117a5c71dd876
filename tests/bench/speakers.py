"""How many words get a name, and how many of those the right one: also where diarisation went wrong.

    python tests/bench/speakers.py PATH …                     made meetings, the sample, published transcripts
    python tests/bench/speakers.py --plot FILE.png PATH …     and coverage against precision over thresholds

A PATH is a folder with a meeting's reference (or of such folders), or a published transcript as tests/committees.py
reads it. Its words are right, its voices anonymous, and its people are the list: naming alone is measured. Then a
third of the voices are heard as two, a third as another's, or one word in five goes to another voice, on purpose;
`--seeds N` does so N times, otherwise each time. "Right voice" judges a voice's name by whose words it mostly holds,
"right word" every single word: one that a diariser put into another's voice is wrong then, whatever the name.
"""

import argparse
import sys
import tomllib
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipeline import show_score
from pipeline.measure import Scored
from tests.committees import Committee, astray, committee, merged, split
from transcribe import decide
from transcribe.name import name
from transcribe.records import Person, Turn, Word
from transcribe.references import read_sentences, words_of
from transcribe.score import Counts
from transcribe.score_names import NameScore, NameWords, name_words, score_names
from transcribe.score_voices import SpeakerScore

DAMAGE = {"voices split": split, "voices merged": merged, "words astray": astray}
MADE_ROLES = {"chair": "Chair", "councillor": "Member", "officer": "Officer", "resident": "Resident"}


def meetings(path: Path) -> Iterator[Committee]:
    """Whatever is at `path`: a transcript, a meeting, or a folder of them."""
    references = [f for f in (path / "truth.json", path / "reference" / "reference.json") if f.exists()]
    if path.suffix == ".json":
        yield committee(path)
    elif references:
        yield _meeting(path, references[0])
    else:
        for inner in sorted(f for f in path.iterdir() if f.is_dir() or f.suffix == ".json"):
            yield from meetings(inner)


def _meeting(folder: Path, reference: Path) -> Committee:
    """A meeting whose reference has people's ids for voices; they become V1, V2 … as they first speak."""
    said = words_of(read_sentences(reference))
    labels = {person: f"V{n}" for n, person in enumerate(dict.fromkeys(w.speaker or "" for w in said), 1)}
    words = [msgspec.structs.replace(w, speaker=labels[w.speaker or ""]) for w in said]
    return Committee(folder.name, words, _people(folder, reference), {label: p for p, label in labels.items()})


def _people(folder: Path, reference: Path) -> list[Person]:
    """Those of meeting.toml, or of a made meeting's own list."""
    if (toml := folder / "meeting.toml").exists():
        return msgspec.convert(tomllib.loads(toml.read_text("utf-8"))["people"], list[Person])
    listed = msgspec.json.decode(reference.read_bytes())["people"]
    return [
        Person(id=p["id"], name=_whole(p["name"], p["called"]), role=MADE_ROLES.get(p["role"], p["role"]))
        for p in listed
    ]


def _whole(name: str, called: str) -> str:
    """A name with the title that somebody is called by.

    >>> _whole("Samira Haddadin", "Councillor Haddadin")
    'Councillor Samira Haddadin'
    """
    title, _, rest = called.partition(" ")
    return f"{title} {name}" if rest and title not in name.split() else name


class Fared(Counts):
    """`words` judges every word; `voices` every word as one of whoever says most of its voice, which is what naming
    alone could do about a diariser's mistakes."""

    words: NameScore = NameScore()
    voices: NameWords = NameWords()


def fared(meeting: Committee, heard: Committee) -> Fared:
    """Names of `heard`, whose words are those of `meeting` with other voices."""
    truth = [msgspec.structs.replace(w, speaker=meeting.truth[w.speaker or ""] or "nobody") for w in meeting.words]
    mostly = [msgspec.structs.replace(w, speaker=heard.truth[w.speaker or ""] or "nobody") for w in heard.words]
    turns = _turns(heard.words)
    names = name(heard.words, turns, heard.people)
    return Fared(
        words=score_names(truth, heard.words, names, turns=(_turns(truth), turns)),
        voices=name_words(mostly, heard.words, names),
    )


def _turns(words: Sequence[Word]) -> list[Turn]:
    """A turn for each run of a voice's words."""
    runs = [(voice, list(run)) for voice, run in groupby(words, key=lambda w: w.speaker or "")]
    return [
        Turn(speaker=voice, start_ms=run[0].start_ms or 0, end_ms=max(w.end_ms or 0 for w in run), exclusive=True)
        for voice, run in runs
    ]


def table(rows: dict[str, Fared]) -> None:
    print(f"{'':<26}{'words':>8}{'named':>8}{'right voice':>13}{'right word':>12}{'time named':>12}{'right':>8}")
    for title, f in rows.items():
        shares = (
            f.words.coverage,
            f.voices.precision,
            f.words.precision,
            f.words.time.coverage,
            f.words.time.precision,
        )
        cells = (f"{show_score.share(share):>{n}}" for share, n in zip(shares, (8, 13, 12, 12, 8), strict=True))
        print(f"{title[:25]:<26}{f.words.n_words:>8,}{''.join(cells)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, default=3, help="how often voices are made wrong")
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args()
    found = [meeting for path in asked.paths for meeting in meetings(path)]
    for kind in ("as it is", *DAMAGE):
        print(f"\n{kind}")
        rows = {}
        for meeting in found:
            seeds = range(1, asked.seeds + 1)
            heard = [DAMAGE[kind](meeting, seed) for seed in seeds] if kind in DAMAGE else [meeting]
            rows[meeting.name] = sum((fared(meeting, h) for h in heard), Fared())
        table(rows | {"all": sum(rows.values(), Fared())})
    decide.LEAST_PROBABILITY = 0.5  # so that there is something to see below the threshold that is used
    total = sum((fared(m, m).words for m in found), NameScore())
    print("\nif names at least so likely were given   coverage  precision")
    for point in total.curve.points:
        print(f"{point.at_least:>38.0%}{show_score.share(point.coverage):>13}{show_score.share(point.precision):>11}")
    if asked.plot:
        show_score.check_plot(asked.plot)
        show_score.plot_names(Scored(recordings={}, total=SpeakerScore(names=total)), asked.plot)


if __name__ == "__main__":
    main()

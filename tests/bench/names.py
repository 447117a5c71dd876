"""Names as whisper:base hears them and as they are after repair, with and without a prompt, and what repair breaks.

python tests/bench/names.py CACHE_FOLDER [MEETING_FOLDER …]

A meeting's folder holds meeting.flac and truth.json, as make_meetings.py writes them; the sample meeting always comes
along. What was heard stays in CACHE_FOLDER. A name counts word by word, as a person would have written it, accents
and hyphens included; a repair is wrong where the words beside it are not what was said. Every meeting is also repaired
against 400 made-up people who were never there. Last, people who are on no list are spoken of: how
many are written as somebody else.
"""

import random
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from transcribe import engines
from transcribe.audio import Source, decode
from transcribe.records import Person, Word
from transcribe.references import read_sentences
from transcribe.repair import repaired, repairs
from transcribe.spoken import name_parts

SAMPLE = Path(__file__).parents[2] / "data" / "raw" / "2024-05-14-public-safety"
FIRST = """Adaora Aisling Aleksander Amara Anjali Ayşe Bartosz Bronagh Catrin Chidi Ciarán Dafydd Dilnoza Ebele Eirlys
    Emeka Fatima Folake Freya Gethin Hamza Harpreet Ifeoma Imran Ingrid Jadwiga Kasia Khadija Kwame Lakshmi Lars Linh
    Magnus Mehmet Meera Nadia Niamh Ngozi Olga Padraig Parveen Quang Rania Rhiannon Sanjeev Selma Siôn Sunita Tadeusz
    Tuan Wiktoria Yasmin Zainab Zoltan Alice Peter Grace Mark June""".split()  # noqa: SIM905
LAST = """Abernathy Achebe Ahlgren Akintola Aldridge Anand Asante Baptiste Bhatt Bielak Blomqvist Bojang Brown Caddick
    Cholewa Cole Dhillon Doğan Driscoll Eze Fairclough Farrow Gill Green Gwynne Hall Haque Hassan Idowu Iyer Jankowski
    Joshi Kaya Kelleher Kumar Lai Lindholm Llewellyn Mahajan Marsden May Mistry Moberg Mulcahy Nair Nguyen Nowicki
    Obi Odhiambo Okonkwo Öztürk Parekh Pham Pilkington Price Pugh Quashie Qureshi Rafferty Rahman Rao Sandhu Sesay
    Shah Sigurdsson Sinclair Szymańska Thapa Thistlethwaite Tran Uddin Vasquez Verma Whitcombe Wood Yıldız""".split()  # noqa: SIM905

PRESENT = """Jan Kowalski, Wei Chen, Rajesh Patel, Sarah King, Ann Lee, Fatima Rahman, Adaeze Nwosu, Kwame Mensah,
    Siobhán O'Brien, Jean-Luc Bélanger, Ayşe Şahin, Priya Sharma, Ivana Horvat, Peter Lindqvist, Dai Llewellyn,
    Mehmet Yılmaz, Olu Adeyemi, Amy Li, Leo Ray, Tom Okafor"""
ALIKE = """Kowalczyk Kovalenko Kovacs Shen Cheng Zhang Patil Pathak Kang Qing Leigh Lea Raman Rehman Rahim Nwankwo Owusu
    Mensink Mansah O'Bryan O'Byrne Oberoi Bellinger Beranger Shaheen Shah Verma Sherma Horvath Hurwitz Lindgren
    Lindstrom Lewellen Yildirim Adebayo Adeleke Olufemi Amelie Leora Okoro Okonkwo Pieter Priti""".split()  # noqa: SIM905
ASIDES = ("I call Councillor {} next.", "Thank you {} for that.", "we met {} about the matter on Friday.")


class Case(NamedTuple):
    name: str
    said: list[str]
    people: list[Person]
    vocabulary: list[str]
    sound: Path


class Tally(NamedTuple):
    """Words of names said, heard right, and right after repair; repairs, of them wrong; repairs towards strangers."""

    n_said: int
    n_heard: int
    n_right: int
    n_repairs: int
    n_wrong: int
    n_strangers: int
    n_words: int


def sample() -> Case:
    toml = tomllib.loads((SAMPLE / "meeting.toml").read_text("utf-8"))
    people = [msgspec.convert(p, Person) for p in toml["people"]]
    sentences = read_sentences(SAMPLE / "reference" / "reference.json")
    said = [w for s in sentences for w in s.text.split()]
    return Case("sample", said, people, toml["vocabulary"], SAMPLE / "meeting.opus")


def made(folder: Path) -> Case:
    truth: dict[str, Any] = msgspec.json.decode((folder / "truth.json").read_bytes())
    people = [Person(id=f"p{i}", name=p["name"], role=p["role"]) for i, p in enumerate(truth["people"])]
    said = [w for s in truth["sentences"] for w in s["text"].split()]
    return Case(folder.name, said, people, [], folder / "meeting.flac")


def listen(case: Case, cache: Path, vocabulary: Sequence[str]) -> list[Word]:
    """What whisper:base hears, once for all runs of this program."""
    kept = cache / f"{case.name}{' prompted' if vocabulary else ''}.json"
    if not kept.exists():
        with tempfile.TemporaryDirectory() as scratch:
            audio = decode([Source(case.sound)], Path(scratch) / "sound.s16")
            recogniser = engines.recogniser(engines.choose_recogniser("whisper:base"))
            blocks = recogniser.words(audio, language="en", vocabulary=vocabulary, progress=lambda done, total: None)
            kept.write_bytes(msgspec.json.encode([w for b in blocks for w in b.words]))
    return msgspec.json.decode(kept.read_bytes(), type=list[Word])


def tally(case: Case, heard: Sequence[Word], strangers: Sequence[Person]) -> Tally:
    repaired_words = repaired(heard, case.people, case.vocabulary)
    said = [_bare(w) for w in case.said]
    names = {_bare(part) for p in case.people for half in name_parts(p.name) for part in half}
    names |= {_bare(part) for phrase in case.vocabulary for part in phrase.split()}
    before, after = _right(said, heard), _right(said, repaired_words)
    in_names = [i for i, word in enumerate(said) if word in names]
    written = {j for j, word in enumerate(repaired_words) if word.change}
    return Tally(
        len(in_names),
        sum(i in before for i in in_names),
        sum(i in after for i in in_names),
        len(written),
        len(written - set(after.values())),
        len(repairs(repaired(heard, strangers))),
        len(heard),
    )


def renamed(confidence: float | None) -> tuple[int, int, int]:
    """How often somebody who is on no list is written as somebody who is, of the names in ALIKE and in LAST that none
    of them bears; and how many sentences there were for each of the first."""
    present = [Person(id=f"p{i}", name=n.strip(), role="Councillor") for i, n in enumerate(PRESENT.split(","))]
    borne = {part for p in present for half in name_parts(p.name) for part in half}
    n_alike, n_others = (
        sum(any(w.change for w in repaired(_aside(a, name, confidence), present)) for name in names for a in ASIDES)
        for names in (ALIKE, [n for n in LAST if n not in borne])
    )
    return n_alike, n_others, len(ALIKE) * len(ASIDES)


def _aside(sentence: str, name: str, confidence: float | None) -> list[Word]:
    texts = [t.format(name) for t in sentence.split()]
    sure = [confidence if name in t else confidence and 0.98 for t in texts]
    return [Word(text=t, timing="none", confidence=c) for t, c in zip(texts, sure, strict=True)]


def _right(said: Sequence[str], heard: Sequence[Word]) -> dict[int, int]:
    """Words said -> words heard, where they are the same."""
    blocks = SequenceMatcher(None, said, [_bare(w.text) for w in heard], autojunk=False).get_matching_blocks()
    return {a + k: b + k for a, b, n in blocks for k in range(n)}


def _bare(text: str) -> str:
    return text.strip(".,;:?!“”\"'’()").removesuffix("'s").removesuffix("’s").casefold().replace("’", "'")


def main(cache: str, *folders: str) -> None:
    Path(cache).mkdir(parents=True, exist_ok=True)
    rng = random.Random(11)
    everybody = [f"{a} {b}" for a in FIRST for b in LAST]
    strangers = [Person(id=f"s{i}", name=n, role="Councillor") for i, n in enumerate(rng.sample(everybody, 400))]
    cases = [sample(), *(made(Path(f)) for f in folders)]
    print(f"{'meeting':<22} prompt  names  heard  after  repairs  wrong  strangers")
    totals: dict[bool, list[int]] = {False: [0] * 7, True: [0] * 7}
    for case in cases:
        vocabulary = sorted({*case.vocabulary, *(p.name for p in case.people)})
        for prompted in (False, True):
            counts = tally(case, listen(case, Path(cache), vocabulary if prompted else ()), strangers)
            totals[prompted] = [a + b for a, b in zip(totals[prompted], counts, strict=True)]
            _print(case.name, prompted, counts)
    for prompted, total in totals.items():
        _print("all", prompted, Tally(*total))
    words = [w for case in cases for w in listen(case, Path(cache), ())]
    long = [words[i % len(words)] for i in range(40_000)]
    began = time.process_time()
    repaired(long, strangers)
    print(f"40,000 words and 400 people: {time.process_time() - began:.1f} s")
    for confidence in (None, 0.98, 0.9, 0.8, 0.7, 0.6, 0.5):
        n_alike, n_others, n = renamed(confidence)
        print(
            f"strangers renamed at {confidence}: {n_alike} of {n} whose names are alike, {n_others} of {3 * len(LAST)}"
        )


def _print(name: str, prompted: bool, t: Tally) -> None:
    print(
        f"{name:<22} {'yes' if prompted else 'no':<7} {t.n_said:>5} {t.n_heard / t.n_said:>6.1%} "
        f"{t.n_right / t.n_said:>6.1%} {t.n_repairs:>8} {t.n_wrong:>6} {t.n_strangers:>10}"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Published transcripts of committees, made into anonymous voices, to measure how well naming gets the names back.

python -m tests.committees [--damage KIND] TRANSCRIPT …

A transcript is one of our own (tests/data/committees), QMSum's JSON ("meeting_transcripts": a list of "speaker" and
"content"), or a debate as XML, as TheyWorkForYou has it ("speech") or as Akoma Ntoso. Every name in its speaker field
is brought to one person; the people, with the roles and constituencies that the field gives them, are the list of the
meeting; their voices become V1, V2 … in the order of hearing. Times are made from the number of words. `--damage` shows
what wrong diarisation does: `split`, `merged` or `astray`.

Printed: precision (share of named words with the right name), coverage (share of words in voices that got a name),
every voice with its evidence where it is wrong, and why the others have no name.
"""

import argparse
import json
import random
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from transcribe.name import name
from transcribe.records import Person, SpeakerName, Word
from transcribe.spoken import name_parts, plain

WORD_MS, GAP_MS = 400, 500

_HONOURS = re.compile(
    r"^(?:the|cllr|councillor|chief|superintendent|inspector|rt\.?|right|hon\.?|honou?rable|mr\.?|mrs\.?|ms\.?"
    r"|miss|dr\.?|prof\.?|sir|dame)\s+",
    re.I,
)
_AFTER = re.compile(r"(?:,?\s+\b(?:AM|AS|MS|MP|MSP|QC|KC|OBE|CBE|MBE))+$")
_NOBODY = re.compile(
    r"(?:an |some |the )?(?:hon(?:\.|ourable) members?|members?|voices?|unknown.*|clerk|interpreter|all)", re.I
)


class Committee(NamedTuple):
    """`truth` is whose words a voice's mostly are, None for somebody who is no named person."""

    name: str
    words: list[Word]
    people: list[Person]
    truth: dict[str, str | None]


class Score(NamedTuple):
    """Words in all, in voices that got a name, and of them in voices that got the right one."""

    n_words: int
    n_named: int
    n_right: int

    @property
    def precision(self) -> float:
        return self.n_right / self.n_named if self.n_named else 1.0

    @property
    def coverage(self) -> float:
        return self.n_named / self.n_words if self.n_words else 0.0

    def __str__(self) -> str:
        return f"precision {self.precision:.3f}  coverage {self.coverage:.3f}  of {self.n_words} words"


# -- reading -------------------------------------------------------------------------------------------


def committee(path: Path) -> Committee:
    """A transcript as words of anonymous voices, with the list of people and the truth."""
    if path.suffix == ".txt":
        who, said = _made(path.read_text("utf-8"))
    elif path.suffix == ".xml":
        who, said = _debate(ElementTree.parse(path).getroot())
    else:
        said = [(t["speaker"], t["content"]) for t in json.loads(path.read_text("utf-8"))["meeting_transcripts"]]
        who = _people([speaker for speaker, _ in said])
    ids = {p.id for p in who.values() if p}
    people = {p.id: p for p in who.values() if p}
    for p in [p for p in who.values() if p]:  # what one spelling of a name says of a person, the others may not
        kept = people[p.id]
        role = "; ".join(dict.fromkeys(r for r in (*kept.role.split("; "), *p.role.split("; ")) if r))
        people[p.id] = msgspec.structs.replace(kept, role=role, party=kept.party or p.party)
    labels: dict[str, str] = {}
    words: list[Word] = []
    at_ms = 0
    for speaker, content in said:
        person = who[speaker]
        label = labels.setdefault(person.id if person else speaker, f"V{len(labels) + 1}")
        for token in re.sub(r"\b(Mr|Ms|Mrs|Dr)\.(?=\w)", r"\1. ", content).split():
            words.append(Word(text=token, start_ms=at_ms, end_ms=at_ms + WORD_MS, speaker=label))
            at_ms += WORD_MS
        at_ms += GAP_MS
    truth = {label: key if key in ids else None for key, label in labels.items()}
    return Committee(path.stem, words, list(people.values()), truth)


def _made(text: str) -> tuple[dict[str, Person | None], list[tuple[str, str]]]:
    """One of our own: "> name | role | absent" for everybody on the list, then "name: what they said", ? for others."""
    who: dict[str, Person | None] = {}
    said = []
    for n, line in enumerate(text.splitlines()):
        if line.startswith("> "):
            name, role, absent, *_ = [*(part.strip() for part in line[2:].split("|")), "", ""]
            person = msgspec.structs.replace(_person(name, role, ""), name=name, present=not absent)
            who[" ".join(name_parts(name)[0] + name_parts(name)[1])] = person
        elif line and not line.startswith("#"):
            speaker, _, words = line.partition(": ")
            speaker = f"?{n}" if speaker == "?" else speaker
            who.setdefault(speaker, None)
            said.append((speaker, words))
    return who, said


def _debate(root: ElementTree.Element) -> tuple[dict[str, Person | None], list[tuple[str, str]]]:
    """A debate's speeches. Each of several offices that a speaker is given is a role; whoever is "Mr. Speaker", or "in
    the Chair" by a heading, is in the chair."""
    who: dict[str, Person | None] = {}
    said: list[tuple[str, str]] = []
    text = " ".join(" ".join(e.itertext()) for e in root.iter() if e.tag.endswith("heading"))
    chair = re.search(r"\[([^\]]*?) in the Chair\]", text)
    in_chair = plain(_bare(chair[1])) if chair else ""
    shown = {f"#{e.get('eId')}": e.get("showAs", "") for e in root.iter() if e.tag.endswith("}TLCPerson")}
    for speech in (e for e in root.iter() if e.tag.rpartition("}")[2] == "speech"):
        speaker = speech.get("speakername") or shown.get(speech.get("by", ""), "") or speech.get("by", "").lstrip("#")
        words = " ".join(" ".join(p.itertext()) for p in speech.iter() if p.tag.rpartition("}")[2] == "p")
        if not words.strip():
            continue
        speaker = speaker or f"?{len(said)}"
        said.append((speaker, words))
        nobody = speaker.startswith("?") or _NOBODY.fullmatch(speaker) or re.match("several|hon", speaker, re.I)
        presides = (
            re.fullmatch(r"(?:the |mr\.? |madam )*(?:deputy )?speaker", speaker, re.I) or plain(speaker) == in_chair
        )
        office = "Chair" if presides else speech.get("speakeroffice", "").removeprefix("The ")
        person = who.setdefault(speaker, None if nobody else _person(speaker, "", ""))
        if person and office not in person.role.split("; "):
            role = "; ".join(r for r in (person.role, office) if r)
            who[speaker] = msgspec.structs.replace(person, role=role)
    return who, said


def _people(speakers: Sequence[str]) -> dict[str, Person | None]:
    """Every string of the speaker field -> who that is."""
    found: dict[str, Person | None] = {}
    chair: Person | None = None
    for speaker in speakers:
        outer, _, inner = speaker.partition("(")
        outer, inner = outer.strip(), inner.rstrip(") ").strip()
        if re.match(r"the\b.*\bchair", outer, re.I):
            if inner:
                chair = _person(inner.partition("(")[0], outer.removeprefix("The "), inner.partition("(")[2])
            found[speaker] = chair
        elif _NOBODY.fullmatch(outer):
            found[speaker] = None
        else:
            found[speaker] = _person(outer, "", inner)
    return found


def _person(name: str, office: str, about: str) -> Person:
    bare = _bare(name)
    place, _, party = about.rpartition(",") if re.search(r", \w+\.?$", about) else ("", "", "")
    role = f"Member for {place.strip()}" if place else about
    id = re.sub(r"[^a-z0-9]+", "-", " ".join(plain(p) for p in bare.split()))[:80] or "nobody"
    return Person(id=id, name=name.strip(), role="; ".join(r for r in (office, role) if r), party=party.strip(" ."))


def _bare(name: str) -> str:
    """A name without titles and honours."""
    bare = name.strip()
    while (shorter := _AFTER.sub("", _HONOURS.sub("", bare)).strip()) != bare:
        bare = shorter
    return bare


# -- damage --------------------------------------------------------------------------------------------


def split(meeting: Committee, seed: int = 1) -> Committee:
    """A third of the voices heard as two each, one after the other."""
    n = Counter(w.speaker or "" for w in meeting.words)
    victims = set(random.Random(seed).sample(sorted(n), len(n) // 3))
    seen: Counter[str] = Counter()

    def second(word: Word) -> str:
        label = word.speaker or ""
        seen[label] += 1
        return f"{label}b" if label in victims and seen[label] > n[label] / 2 else label

    return _again(meeting, second)


def merged(meeting: Committee, seed: int = 1) -> Committee:
    """A third of the voices heard as another's."""
    labels = sorted({w.speaker or "" for w in meeting.words})
    victims = random.Random(seed).sample(labels, len(labels) // 3)
    into = dict(zip(victims, victims[1:] + victims[:1], strict=True)) if len(victims) > 1 else {}
    chosen = dict(list(into.items())[::2])
    return _again(meeting, lambda w: chosen.get(w.speaker or "", w.speaker or ""))


def astray(meeting: Committee, seed: int = 1) -> Committee:
    """One word in five given to a random other voice, in stretches of one to fifteen words."""
    rng = random.Random(seed)
    labels = sorted({w.speaker or "" for w in meeting.words})
    left, other = 0, ""

    def stray(word: Word) -> str:
        nonlocal left, other
        if left == 0 and rng.random() < 0.2 / 8 / 0.8:
            left, other = rng.randint(1, 15), rng.choice(labels)
        left = max(0, left - 1)
        return other if left else word.speaker or ""

    return _again(meeting, stray)


def _again(meeting: Committee, heard: Callable[[Word], str]) -> Committee:
    words = [msgspec.structs.replace(w, speaker=heard(w)) for w in meeting.words]
    mostly: dict[str, Counter[str | None]] = defaultdict(Counter)
    for before, after in zip(meeting.words, words, strict=True):
        mostly[after.speaker or ""][meeting.truth[before.speaker or ""]] += 1
    return meeting._replace(words=words, truth={label: c.most_common(1)[0][0] for label, c in mostly.items()})


DAMAGE: Mapping[str, Callable[[Committee, int], Committee]] = {"split": split, "merged": merged, "astray": astray}


# -- judging -------------------------------------------------------------------------------------------


def score(meeting: Committee, names: Sequence[SpeakerName], least: float = 0.0) -> Score:
    """Words with a name, of at least this probability, and with the right one."""
    spoke = Counter(w.speaker for w in meeting.words)
    sure = [n for n in names if n.person and (n.probability or 1.0) >= least]
    right = sum(spoke[n.label] for n in sure if n.person == meeting.truth[n.label])
    return Score(len(meeting.words), sum(spoke[n.label] for n in sure), right)


def told(meeting: Committee, names: Sequence[SpeakerName]) -> str:
    """What is wrong, and what there is of evidence for the voices without a name, the longest first."""
    spoke = Counter(w.speaker for w in meeting.words)
    lines = [f"{meeting.name}: {score(meeting, names)}"]
    for n in sorted(names, key=lambda n: -spoke[n.label]):
        truth = meeting.truth[n.label]
        if n.person == truth:
            continue
        rival = f", next {n.runner_up[0]} {n.runner_up[1]:.2f}" if n.runner_up else ""
        what = f"WRONG: {n.person} {n.probability}" if n.person else "no name"
        lines.append(f"  {n.label} ({spoke[n.label]} words) is {truth}; {what}{rival}")
        lines += [f"      {e.weight:+.2f} {e.kind}, {e.person}: {e.words[-90:]}" for e in n.evidence[:5]]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("transcripts", nargs="+", type=Path)
    parser.add_argument("--damage", choices=DAMAGE)
    parser.add_argument("--seed", type=int, default=1, help="of the damage")
    parser.add_argument("--names-only", action="store_true", help="people without roles")
    parser.add_argument("--brief", action="store_true", help="one line for each transcript")
    asked = parser.parse_args()
    for path in asked.transcripts:
        meeting = committee(path)
        if asked.damage:
            meeting = DAMAGE[asked.damage](meeting, asked.seed)
        if asked.names_only:
            meeting = meeting._replace(people=[Person(id=p.id, name=p.name) for p in meeting.people])
        names = name(meeting.words, [], meeting.people)
        print(f"{meeting.name}: {score(meeting, names)}" if asked.brief else told(meeting, names))


if __name__ == "__main__":
    main()

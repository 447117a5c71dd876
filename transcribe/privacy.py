"""The public's privacy: who is shown by name.

Councillors, officers, police and whoever speaks for somebody do so in an office, and are named. Somebody who only came
to speak is "Member of the public", in the transcript and in all that is made of it, unless that person or the data
folder says otherwise.
"""

import re
from collections.abc import Sequence
from itertools import count

from msgspec.structs import replace

from transcribe.records import Evidence, Person, SpeakerName, Turn, Word
from transcribe.said_by import BY_PEOPLE, people_called
from transcribe.spoken import MEMBER, POLICE, plain, split_name

SHOWN = "Member of the public"
OFFICES = MEMBER | POLICE | {"mayor", "hon", "honourable"}  # titles of office; Dr and Lady are none
_AFTER_NAME = {"am", "mp", "ms", "msp"}  # members of parliaments, behind a name
_OF_PUBLIC = {"resident", "residents", "public", "petitioner", "questioner", "objector", "applicant", "neighbour"}
_OF_PUBLIC |= {"citizen", "tenant", "leaseholder", "parent", "visitor", "guest"}
_BESIDE = {"a", "an", "the", "of", "and", "from", "to", "member", "speaker", "local", "lead", "supporter", "questions"}
_STAND_IN = re.compile(rf"{BY_PEOPLE}?public-[0-9]+(-[0-9]+)?")
_HEARD = re.compile(r"[A-Za-z]{0,8}[-_]?[0-9]+")  # labels that diarisers give


def has_office(person: Person) -> bool:
    """Whether somebody speaks in an office, by title, party, ward or role.

    >>> has_office(Person(id="a", name="Cllr Ana Lindqvist")), has_office(Person(id="b", name="Mr Desmond Pell"))
    (True, False)
    >>> has_office(Person(id="c", name="Desmond Pell", role="Local resident"))
    False
    """
    titles, _ = split_name(person.name)
    if person.party or person.ward or OFFICES & set(titles) or plain(person.name.rpartition(" ")[2]) in _AFTER_NAME:
        return True
    role = {plain(word) for word in re.findall(r"\w+", person.role)}
    return bool(role) and not (role & _OF_PUBLIC and role <= _OF_PUBLIC | _BESIDE)


def not_named(people: Sequence[Person]) -> list[Person]:
    """Those of a meeting's people who are not shown by name.

    A bare list, with no office on it at all, does not tell councillors from the public, and to call them that would be
    wrong: it hides only those of whom it says that they are.

    >>> pell = Person(id="pell", name="Desmond Pell")
    >>> [p.id for p in not_named([Person(id="jo", name="Jo Okafor", role="Chair"), pell])]
    ['pell']
    >>> not_named([Person(id="jo", name="Jo Okafor"), pell])
    []
    """
    tells = any(map(has_office, people))

    def is_public(person: Person) -> bool:
        return not person.public and not has_office(person) and bool(tells or person.role)

    return [p for p in people if p.public == "unnamed" or is_public(p)]


def stand_ins(people: Sequence[Person]) -> dict[str, str]:
    """What stands for the id of each person who is not shown by name: `public-1` and so on, in the order of the list.

    >>> stand_ins([Person(id="jo", name="Cllr Jo Okafor"), Person(id="desmond-pell", name="Desmond Pell")])
    {'desmond-pell': 'public-1'}
    """
    taken = {p.id for p in people}
    numbers = (each for each in (f"public-{n}" for n in count(1)) if each not in taken)
    return {p.id: number for p, number in zip(not_named(people), numbers, strict=False)}


def meant(people: Sequence[Person], id: str | None) -> str | None:
    """The id of the person who is meant by an id, which may stand in for that of somebody who is not shown by name."""
    return next((own for own, shown in stand_ins(people).items() if shown == id), id)


def stands_in(label: str | None) -> bool:
    """Whether this is the label or the id of somebody who is not shown by name."""
    return bool(label and _STAND_IN.fullmatch(label))


def kept_back(person: str | None, role: str) -> bool:
    """Whether somebody with this id, or none, and this role is shown as a member of the public, not by name."""
    return role == SHOWN and (person is None or stands_in(person))


def shown_evidence(name: SpeakerName) -> tuple[Evidence, ...]:
    """What a voice's name rests on, as readers may see it: nothing that would name somebody who is not shown by name.

    >>> said = Evidence(kind="chair handover", person="public-1", at_ms=0, words="Mr Pell, please.", weight=5.0)
    >>> shown_evidence(SpeakerName(label="S1", display=SHOWN, role=SHOWN, person="public-1", evidence=(said,)))
    ()
    """
    if kept_back(name.person, name.role):
        return ()
    return tuple(e for e in name.evidence if e.person == name.person or not stands_in(e.person))


def unnamed(
    words: Sequence[Word], turns: Sequence[Turn], names: Sequence[SpeakerName], people: Sequence[Person]
) -> tuple[tuple[Word, ...], tuple[Turn, ...], tuple[SpeakerName, ...]]:
    """Words, turns and names in which nothing but the words themselves says who somebody without an office is.

    A label that holds a name, since captions or a correction gave it, goes with it.
    """
    instead = stand_ins(people)
    if not instead:
        return tuple(words), tuple(turns), tuple(names)
    hidden = [p for p in people if p.id in instead]
    label_of = {f"{BY_PEOPLE}{id}": f"{BY_PEOPLE}{number}" for id, number in instead.items()}
    shown = []
    for n in names:
        # What captions call a voice is shown where nobody was named; it may be the name of one of these.
        called = people_called(hidden, n.display) if n.person is None else ()
        person = n.person if n.person in instead else called[0].id if called else None
        telling = (person is not None and not _HEARD.fullmatch(n.label)) or people_called(hidden, n.label)
        if telling and n.label not in label_of:
            taken = {*label_of.values(), *(each.label for each in names)}
            label_of[n.label] = _free(instead[person] if person else "voice", taken)
        shown.append(_without_name(n, person, instead))
    return (
        tuple(replace(w, speaker=label_of[w.speaker]) if w.speaker in label_of else w for w in words),
        tuple(replace(t, speaker=label_of[t.speaker]) if t.speaker in label_of else t for t in turns),
        tuple(replace(n, label=label_of.get(n.label, n.label)) for n in shown),
    )


def shown_as(speaker: str, person: str | None, people: Sequence[Person]) -> tuple[str, str | None]:
    """How somebody who was shown as `speaker`, and was `person`, is shown by what is said of people now.

    >>> shown_as("Desmond Pell", "desmond-pell", [Person(id="desmond-pell", name="Desmond Pell", role="Resident")])
    ('Member of the public', 'public-1')
    """
    instead = stand_ins(people)
    called = people_called([p for p in people if p.id in instead], speaker) if instead and person is None else ()
    id = person if person in instead else called[0].id if called else None
    return (speaker, person) if id is None else (_display(id, instead), person and instead[id])


def _display(id: str, instead: dict[str, str]) -> str:
    return SHOWN if len(instead) == 1 else f"{SHOWN} {instead[id].rpartition('-')[2]}"


def _free(label: str, taken: set[str]) -> str:
    """A label that nobody has: two voices that captions tell apart may be called like one person."""
    n = 1
    while (label if n == 1 else f"{label}-{n}") in taken:
        n += 1
    return label if n == 1 else f"{label}-{n}"


def _without_name(name: SpeakerName, person: str | None, instead: dict[str, str]) -> SpeakerName:
    """A voice's name as it is shown; `person` is who is not to be named by it."""
    evidence = tuple(_without_id(e, instead) for e in name.evidence)
    runner_up = name.runner_up and (instead.get(name.runner_up[0], name.runner_up[0]), name.runner_up[1])
    if person is None:
        return replace(name, evidence=evidence, runner_up=runner_up)
    return replace(
        name,
        display=_display(person, instead),
        in_captions=False,
        person=name.person and instead[person],
        role=SHOWN,
        party="",
        evidence=evidence,
        runner_up=runner_up,
    )


def _without_id(evidence: Evidence, instead: dict[str, str]) -> Evidence:
    if evidence.person not in instead:
        return evidence
    words = "what the captions call this voice" if evidence.kind == "caption voice" else evidence.words
    return replace(evidence, person=instead[evidence.person], words=words)

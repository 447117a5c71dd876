"""The names of a meeting: its people's and its vocabulary, found by how they sound."""

import math
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rapidfuzz.distance import Indel

from transcribe import english
from transcribe.phones import closeness, keys, weight
from transcribe.records import Person
from transcribe.spoken import name_parts, plain

MOST_LETTERS = 60  # of a name: longer ones, and longer words, are let be
FEW_NAMES, PER_TENFOLD = 40, 0.05  # the more names there are, the more likely one is near by chance
CLOSE = 0.70  # after "Councillor", where a name is what we expect, for what the recogniser was very unsure of
LEAST_SPELLING = 0.3  # names that share fewer letters are not tried


class Name(NamedTuple):
    """A name to look for. `people` are those who have it, empty for vocabulary."""

    texts: tuple[str, ...]
    parts: tuple[str, ...]  # the same, plain
    people: frozenset[str]
    english: bool  # consists of English words: it may have been meant as them
    first: bool  # a first name alone
    surname: bool

    @property
    def sound(self) -> str:
        return "".join(self.texts)


class Roster:
    """The names of a meeting, found by how they sound."""

    def __init__(self, people: Sequence[Person], vocabulary: Sequence[str]) -> None:
        owners: dict[tuple[str, ...], set[str]] = defaultdict(set)
        more, surnames = set(), set()
        for person in people:
            given, surname = name_parts(_shown(person.name))
            surnames.add(tuple(surname))
            for texts in _called(person):
                owners[texts].add(person.id)
                if texts != tuple(given[:1]):
                    more.add(texts)
        for phrase in vocabulary:
            owners[tuple(_shown(phrase).split())] |= set()
        self.names = [
            _name(texts, ids, first=texts not in more, surname=texts in surnames)
            for texts, ids in owners.items()
            if 2 < len(plain("".join(texts))) <= MOST_LETTERS
        ]
        self.heaviest = 1.5 * max((weight(n.sound) for n in self.names), default=0.0)  # more is no name heard
        self.chance = PER_TENFOLD * max(0.0, math.log10(max(1, len(self.names)) / FEW_NAMES))
        self.has_phrases = any(not n.people for n in self.names)
        self.parts = {part for n in self.names for part in n.parts}
        self._by_key: dict[str, dict[Name, None]] = defaultdict(dict)
        for n in self.names:
            for key in keys(n.sound):
                self._by_key[key][n] = None
        self.exact = {"".join(n.parts): n for n in self.names}
        self.begun = {name[:n] for name in self.exact for n in range(len(name) + 1)}
        self._near: dict[tuple[str, bool], list[tuple[float, Name]]] = {}

    def near(self, heard: str, *, phrases: bool) -> list[tuple[float, Name]]:
        """Names that plain `heard` sounds rather like, the closest first: of vocabulary alone with `phrases`."""
        key = heard, phrases
        if key not in self._near:
            known = keys(heard) if weight(heard) <= self.heaviest else ()
            close = {n: "".join(n.parts) for key in known for n in self._by_key.get(key, ())}
            scored = [
                (closeness(heard, name.sound, CLOSE), name)
                for name, letters in close.items()
                if not (phrases and name.people) and Indel.normalized_similarity(heard, letters) >= LEAST_SPELLING
            ]
            self._near[key] = sorted((s for s in scored if s[0]), key=lambda s: -s[0])
        return self._near[key]


def _called(person: Person) -> Iterator[tuple[str, ...]]:
    """What somebody may be called, title apart: the whole name, without middle names, surname, first name, aliases."""
    given, surname = name_parts(_shown(person.name))
    yield (*given, *surname)
    if given:
        yield (given[0], *surname)
        yield (given[0],)
    yield tuple(surname)
    if len(surname) == 1:
        yield from ((part,) for part in surname[0].split("-") if len(part) > 3)
    for alias in person.aliases:
        yield tuple(text for part in name_parts(_shown(alias)) for text in part)


def _shown(name: str) -> str:
    """A name without characters that print nothing: control characters, marks of direction, of no width.

    >>> _shown("Jo\\u200b Okafor\\x07")
    'Jo Okafor'
    """
    return "".join(c for c in name if c.isspace() or not unicodedata.category(c).startswith("C"))


def _name(texts: tuple[str, ...], people: set[str], *, first: bool, surname: bool) -> Name:
    is_english = all(map(english.is_word, texts))
    return Name(texts, tuple(map(plain, texts)), frozenset(people), is_english, bool(people) and first, surname)

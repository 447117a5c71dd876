"""What the list of people says of each of them: names, which kind of office, and the place that they stand for."""

import re
from typing import NamedTuple

from transcribe.records import Person
from transcribe.spoken import MEMBER, POLICE, name_parts, plain, split_name

_OTHER_OFFICE = re.compile(
    r"\b(officer|director|head of|clerk|solicitor|manager|resident|public|police|witness|commander|superintendent"
    r"|inspector|constable|sergeant|chief executive)\b"
)
_PLACES = (
    re.compile(r"(?i)\b(?:member|councillor|mp|ms|msp|am) for (?:the )?([^;,(]+?)(?: ward)?(?=$|[;,(])"),
    re.compile(r"(?i)(?:^|[;,] ?)(?:the )?([^;,(]+?) ward(?=$|[;,(])"),
)


class Known(NamedTuple):
    """A person's names, plain."""

    id: str
    kind: str  # member, police, other, or empty where the list does not say
    full: tuple[str, ...]
    surname: str
    first: str


def known_by(person: Person) -> Known:
    titles, names = split_name(person.name)
    given, last = name_parts(person.name)
    surname = plain("".join(last)) if given else ""
    full = [plain("".join(names))]
    if surname:
        full += [plain(names[0]) + surname, plain(names[0])[:1] + surname]
    about = f"{' '.join(titles)} {person.role.lower()}"
    if MEMBER & set(titles) or re.search(r"\b(councillor|cabinet member|leader|chair\w*)\b", about):
        kind = "member"
    elif POLICE & set(about.split()):
        kind = "police"
    else:
        kind = "other" if _OTHER_OFFICE.search(about) else ""
    whole = tuple(dict.fromkeys(f for f in full if f))
    return Known(person.id, kind, whole, surname, plain(given[0]) if given else "")


def places_of(person: Person) -> list[str]:
    """Wards and constituencies, plain.

    >>> places_of(Person(id="a", name="Ann Holt", role="Committee member, Mill ward"))
    ['mill']
    """
    places = [person.ward, *(place for at in _PLACES for place in at.findall(person.role))]
    return [p for p in dict.fromkeys(map(plain, places)) if p]

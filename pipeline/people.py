"""People across meetings: who `data/people.toml` knows, and what each was on the day of a meeting.

An id means one person wherever it stands. What `meeting.toml` says of somebody wins, field by field, over the meeting's
`roster.toml`, and that over what `people.toml` says held on the day.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from pipeline import toml_files
from pipeline.rosters import Roster
from pipeline.toml_files import Fault, Toml
from transcribe.privacy import has_office
from transcribe.records import Id, Person, Public, Record

LARGEST = 20_000_000  # bytes of data/people.toml
FILE = "people.toml"


class Held(Record):
    """Something that was so from one day to another, both included; without them it always was. `source` says where
    that can be looked up."""

    since: date | None = None
    until: date | None = None
    source: str = ""

    def on(self, day: date | None) -> bool:
        """Whether it is known to have held on a day. Where the day is not known, only what always held did."""
        if day is None:
            return self.since is None and self.until is None
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


class Office(Held, kw_only=True):
    """A role, in a body such as a panel or a council, or in none."""

    role: str
    body: str = ""


class Party(Held, kw_only=True):
    party: str


class Ward(Held, kw_only=True):
    ward: str


class Known(Record):
    """Somebody whom `data/people.toml` knows."""

    id: Id
    name: str
    aliases: tuple[str, ...] = ()
    public: Public = ""
    offices: tuple[Office, ...] = ()
    parties: tuple[Party, ...] = ()
    wards: tuple[Ward, ...] = ()


class Register(Record):
    """`data/people.toml`."""

    people: tuple[Known, ...] = ()


class Listed(Record):
    """Somebody in a `meeting.toml`, as written: what is None is left to `roster.toml` and `people.toml`."""

    id: Id
    name: str | None = None
    role: str | None = None
    party: str | None = None
    ward: str | None = None
    aliases: tuple[str, ...] | None = None
    present: bool | None = None
    public: Public | None = None


EXAMPLES = {  # of how each key of people.toml is written
    "people": '[[people]] and, below it, id = "jo-okafor" and name = "Councillor Jo Okafor"',
    "people.id": 'id = "jo-okafor"',
    "people.name": 'name = "Councillor Jo Okafor"',
    "people.aliases": 'aliases = ["Jo"]',
    "people.public": 'public = "named", or "unnamed"',
    "people.offices": '[[people.offices]] and, below it, role = "Chair", body = "Public Safety Panel", '
    "since = 2023-05-22 and until = 2025-05-01",
    "people.offices.since": "since = 2023-05-22, the first day",
    "people.offices.until": "until = 2025-05-01, the last day",
    "people.parties": '[[people.parties]] and, below it, party = "Civic Alliance" and since = 2022-05-09',
    "people.wards": '[[people.wards]] and, below it, ward = "Tannery" and since = 2022-05-09',
}


# -- data/people.toml -----------------------------------------------------------------------------


def path_for(folder: Path) -> Path:
    """The `people.toml` of the data folder that a meeting's folder, `raw/<meeting>`, is in."""
    return folder.parent.parent / FILE


def read(path: Path) -> tuple[Register, list[Fault]]:
    """Who is known, as far as the file can be read, and everything that is wrong with it, in order of lines.

    Raises Problem where it cannot be read at all.
    """
    try:
        found = path.stat()
        register, faults = _read(path, found.st_mtime_ns, found.st_size)
    except OSError:
        register, faults = _read.__wrapped__(path, 0, 0)
    return register, list(faults)


@lru_cache(maxsize=4)
def _read(path: Path, mtime_ns: int, size: int) -> tuple[Register, tuple[Fault, ...]]:
    toml = toml_files.read(path, largest_bytes=LARGEST)
    good, faults = toml_files.fields(toml, Register, EXAMPLES)
    rows = good.get("people", ())
    faults += _twice(toml, rows)
    for i, known in enumerate(rows):
        for key in ("offices", "parties", "wards"):
            for n, held in enumerate(getattr(known, key, ())):
                if held.since and held.until and held.since > held.until:
                    what = f"this ended before it began: {held.since} to {held.until}"
                    faults.append(toml.fault(what, "people", i, key, n, "until", fix="write the earlier day as since"))
    register = Register(people=tuple(k for k in rows if k))
    return register, tuple(sorted(faults, key=lambda f: f.line or 0))


def _twice(toml: Toml, rows: Sequence[Known | Listed | None]) -> list[Fault]:
    """Ids that two people have, empty names and empty aliases."""
    first: dict[str, int] = {}
    faults = []
    for i, row in enumerate(rows):
        if not row:
            continue
        n = first.setdefault(row.id, i)
        if n != i:
            line = toml.line("people", n, "id")
            what = f"two people have the id {row.id!r}: this one and the one on line {line}"
            faults.append(toml.fault(what, "people", i, "id", fix="make ids differ"))
        if row.name is not None and not row.name.strip():
            fix = "write it, or delete the person"
            faults.append(toml.fault("this person has no name", "people", i, "name", fix=fix))
        for k, alias in enumerate(row.aliases or ()):
            if not alias.strip():
                faults.append(toml.fault("this alias is empty", "people", i, "aliases", k, fix="delete it"))
    return faults


# -- who is who on the day ------------------------------------------------------------------------

H = TypeVar("H", bound=Held)


def latest(held: Sequence[H], day: date | None) -> H | None:
    """What held on a day; of several, what began last."""
    return max((h for h in held if h.on(day)), key=lambda h: h.since or date.min, default=None)


def office_on(known: Known, day: date | None, bodies: Sequence[str]) -> Office | None:
    """The office that counts in a meeting of these bodies, the nearest first: one held in such a body, else one that is
    of no body. What somebody is elsewhere, the chair of another committee, is not what they are here."""
    for body in (*map(_fold, filter(None, bodies)), ""):
        if found := latest([o for o in known.offices if _fold(o.body) == body], day):
            return found
    return None


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def on_the_day(
    toml: Toml,
    listed: Sequence[Listed | None],
    roster: Roster,
    register: Register,
    *,
    day: date | None,
    bodies: Sequence[str],
    public: Public = "",
) -> tuple[tuple[Person, ...], list[Fault]]:
    """The people of a meeting, those of its `meeting.toml` first, as they were on its day; and what is wrong with that
    list. `bodies` are what the meeting is of: its title and whose it is; `public` says whether people without an office
    are shown by name where they do not say."""
    faults = _twice(toml, listed)
    known = {k.id: k for k in register.people}
    rostered = {r.id: r for r in roster.people}
    rows: list[tuple[int, Listed]] = [(i, row) for i, row in enumerate(listed) if row]
    ids = {row.id for _, row in rows}
    rows += [(-1, Listed(id=r.id)) for r in roster.people if r.id not in ids]
    people = []
    for i, row in rows:
        told = [row, rostered.get(row.id), *_as_listed(known.get(row.id), day, bodies)]
        found = {f: v for f in Person.__struct_fields__ if (v := _first(told, f)) is not None}
        if "name" not in found:
            what = f"nobody says who {row.id!r} is: no name is here, nor in {FILE} or roster.toml"
            faults.append(toml.fault(what, "people", i, fix=f'write name = "…", or add the person to {FILE}'))
            continue
        person = Person(**found)
        if public and not person.public and not has_office(person):
            person = msgspec.structs.replace(person, public=public)
        people.append(person)
    return tuple(people), faults


def _first(told: Sequence[Any], field: str) -> Any:
    """What is said of a field where it is said first; what `meeting.toml` leaves empty is meant to be so."""
    for n, row in enumerate(told):
        value = getattr(row, field, None)
        if value is not None and (n == 0 or value not in ("", ())):
            return value
    return None


def _as_listed(known: Known | None, day: date | None, bodies: Sequence[str]) -> Iterator[Listed]:
    if known:
        office, party, ward = office_on(known, day, bodies), latest(known.parties, day), latest(known.wards, day)
        yield Listed(
            id=known.id,
            name=known.name,
            role=office.role if office else None,
            party=party.party if party else None,
            ward=ward.ward if ward else None,
            aliases=known.aliases,
            public=known.public,
        )

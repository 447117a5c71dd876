"""`data/raw/<meeting>/roster.toml`: what public sources say of a meeting, beside what people write of it."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from pipeline import toml_files
from pipeline.toml_files import Fault, quoted
from transcribe.records import AgendaItem, Id, Record

FILE = "roster.toml"
SCHEMA = "roster/1"
LARGEST = 5_000_000  # bytes


class Source(Record):
    """Where a roster's facts are from: a file's name or an address, what it is, and when it was read (UTC)."""

    where: str
    what: str
    read: str
    sha256: str


class Rostered(Record):
    """Somebody at a meeting, or who might be. `present` is None where nobody says, `attendance` how the source puts it.
    `posts` are those that the source gave when it was asked, perhaps not on the day: they are nobody's role here."""

    id: Id
    name: str
    role: str = ""
    party: str = ""
    ward: str = ""
    aliases: tuple[str, ...] = ()
    present: bool | None = None
    attendance: str = ""
    posts: str = ""
    source: str = ""


class Roster(Record):
    schema: str = SCHEMA
    title: str = ""
    body: str = ""
    held_on: date | None = None
    sources: tuple[Source, ...] = ()
    people: tuple[Rostered, ...] = ()
    agenda: tuple[AgendaItem, ...] = ()


_AGAIN = "write it again: onrecord roster SOURCE MEETING"
EXAMPLES = {
    "schema": f'schema = "{SCHEMA}"',
    "title": 'title = "Public Safety Panel"',
    "body": 'body = "Wrenbridge Council"',
    "held_on": "held_on = 2024-05-14",
    "sources": _AGAIN,
    "people": '[[people]] and, below it, id = "jo-okafor" and name = "Councillor Jo Okafor"',
    "agenda": '[[agenda]] and, below it, item = 5 and title = "Live facial recognition"',
}


def read(folder: Path) -> tuple[Roster, list[Fault]]:
    """The roster of a meeting's folder, empty where there is none, and everything that is wrong with it.

    Raises Problem where it cannot be read at all.
    """
    toml = toml_files.read(folder / FILE, largest_bytes=LARGEST)
    good, faults = toml_files.fields(toml, Roster, EXAMPLES)
    if good.get("schema", SCHEMA) != SCHEMA:
        faults.append(toml.fault(f"this is {good['schema']!r:.50}, not {SCHEMA}", "schema", fix=_AGAIN))
    lists = {k: tuple(x for x in v if x is not None) for k, v in good.items() if isinstance(v, tuple)}
    roster = Roster(**good | lists)
    first: dict[str, int] = {}
    for i, person in enumerate(good.get("people", ())):
        if person and first.setdefault(person.id, i) != i:
            faults.append(toml.fault(f"two people have the id {person.id!r}", "people", i, "id", fix=_AGAIN))
    return roster, faults


def to_toml(roster: Roster) -> str:
    """A roster as its file."""
    return "\n".join(_lines(roster)) + "\n"


def _lines(roster: Roster) -> Iterator[str]:
    yield "# Made by `onrecord roster`, which writes it anew. What meeting.toml says wins, field by field."
    yield f"schema = {quoted(roster.schema)}"
    for key in ("title", "body"):
        if value := getattr(roster, key):
            yield f"{key} = {quoted(value)}"
    if roster.held_on:
        yield f"held_on = {roster.held_on}"
    for source in roster.sources:
        yield from ("", "[[sources]]")
        yield from (f"{key} = {quoted(getattr(source, key))}" for key in source.__struct_fields__)
    for person in roster.people:
        yield from ("", "[[people]]")
        for key in person.__struct_fields__:
            value = getattr(person, key)
            if isinstance(value, bool):
                yield f"{key} = {str(value).lower()}"
            elif isinstance(value, tuple) and value:
                yield f"{key} = [{', '.join(map(quoted, value))}]"
            elif value or key == "name":
                yield f"{key} = {quoted(value)}"
    for item in roster.agenda:
        yield from ("", "[[agenda]]", f"item = {item.item if isinstance(item.item, int) else quoted(item.item)}")
        yield f"title = {quoted(item.title)}"

"""Popolo: people, organisations, memberships and events, as many civic data sets have them in JSON.

Names, roles, parties, areas and their dates are taken; contact details, e-mails, links, pictures and dates of birth
never are. Where only a year or a month is given, something is taken to hold on no day on which it may not have.
"""

import calendar
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from pipeline.moderngov import Attendee, Meeting, to_date, to_text
from pipeline.people import Office, Party, Ward
from transcribe.records import Record

KEYS = ("persons", "people", "memberships", "organizations", "events", "posts", "areas")
MOST = 100_000  # things of a kind

Thing = Mapping[str, Any]


class Somebody(Record):
    """A person with all that memberships say of them."""

    id: str
    name: str
    aliases: tuple[str, ...] = ()
    offices: tuple[Office, ...] = ()
    parties: tuple[Party, ...] = ()
    wards: tuple[Ward, ...] = ()


def read(found: Thing, *, source: str = "") -> tuple[tuple[Somebody, ...], tuple[Meeting, ...]]:
    """The people and the events of a Popolo document. `source` is kept with every office."""
    persons = {_said(p, "id"): p for p in _all(found, "persons", "people") if _said(p, "id") and _name(p)}
    organisations = {_said(o, "id"): o for o in _all(found, "organizations", "organisations")}
    posts = {_said(p, "id"): p for p in _all(found, "posts")}
    areas = {_said(a, "id"): a for a in _all(found, "areas")}
    held: dict[str, list[Thing]] = {id: list(_all(p, "memberships")) for id, p in persons.items()}
    for membership in _all(found, "memberships"):
        held.setdefault(_said(membership, "person_id") or _said(membership, "person", "id"), []).append(membership)
    for id, organisation in organisations.items():
        for membership in _all(organisation, "memberships"):
            about = {**membership, "organization_id": _said(membership, "organization_id") or id}
            held.setdefault(_said(membership, "person_id"), []).append(about)
    people = tuple(_somebody(id, p, held[id], organisations, posts, areas, source) for id, p in persons.items())
    return people, tuple(_events(found, {p.id: p.name for p in people}, organisations))


def _somebody(
    id: str,
    person: Thing,
    memberships: list[Thing],
    organisations: Mapping[str, Thing],
    posts: Mapping[str, Thing],
    areas: Mapping[str, Thing],
    source: str,
) -> Somebody:
    offices: list[Office] = []
    parties: list[Party] = []
    wards: list[Ward] = []
    for m in memberships:
        try:  # surely from the last day that the start may mean, and to the first that the end may
            since, until = _when(_said(m, "start_date"), first=False), _when(_said(m, "end_date"), first=True)
        except (ValueError, calendar.IllegalMonthError):
            continue  # may be any day
        organisation = organisations.get(_said(m, "organization_id")) or _inside(m, "organization")
        behalf = organisations.get(_said(m, "on_behalf_of_id")) or _inside(m, "on_behalf_of")
        post = posts.get(_said(m, "post_id")) or _inside(m, "post")
        area = areas.get(_said(m, "area_id") or _said(post, "area_id")) or _inside(m, "area") or _inside(post, "area")
        is_party = _said(organisation, "classification").casefold() in ("party", "political party")
        role = "" if is_party else _said(m, "role") or _said(post, "label") or _said(post, "role") or _said(m, "label")
        if party := _said(organisation if is_party else behalf, "name"):
            parties.append(Party(party=party, since=since, until=until, source=source))
        if role:
            offices.append(
                Office(role=_capital(role), body=_said(organisation, "name"), since=since, until=until, source=source)
            )
        if ward := _said(area, "name"):
            wards.append(Ward(ward=ward, since=since, until=until, source=source))
    others = (_said(o, "name") for o in _all(person, "other_names"))
    name = _name(person)
    return Somebody(
        id=id,
        name=name,
        aliases=tuple(dict.fromkeys(o for o in others if o and o != name)),
        offices=tuple(offices),
        parties=tuple(parties),
        wards=tuple(wards),
    )


def _events(found: Thing, names: Mapping[str, str], organisations: Mapping[str, Thing]) -> Iterator[Meeting]:
    for event in _all(found, "events"):
        ids = [_said(a, "id") or _said(a, "person_id") for a in _all(event, "attendees")]
        organisation = organisations.get(_said(event, "organization_id")) or _inside(event, "organization")
        yield Meeting(
            id=_said(event, "id"),
            held_on=to_date(_said(event, "start_date")),
            committee=_said(organisation, "name") or _said(event, "name"),
            status=_said(event, "status"),
            whole=True,
            attendees=tuple(Attendee(id=id, name=names[id], attendance="Present") for id in ids if id in names),
        )


# -- what stands in it ----------------------------------------------------------------------------


def _all(found: Any, *keys: str) -> list[Thing]:
    """The things under a key: one alone stands for itself."""
    for key in keys:
        value = found.get(key) if isinstance(found, Mapping) else None
        if value:
            rows = value if isinstance(value, list) else [value]
            return [row for row in rows[:MOST] if isinstance(row, Mapping)]
    return []


def _inside(found: Any, key: str) -> Thing | None:
    value = found.get(key) if isinstance(found, Mapping) else None
    return value if isinstance(value, Mapping) else {"name": value} if isinstance(value, str) else None


def _said(found: Any, *keys: str) -> str:
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return to_text(str(found)) if isinstance(found, str | int) and not isinstance(found, bool) else ""


def _name(person: Thing) -> str:
    given = " ".join(filter(None, (_said(person, "given_name"), _said(person, "family_name"))))
    name, prefix = _said(person, "name") or given, _said(person, "honorific_prefix")
    return f"{prefix} {name}" if prefix and name and not name.casefold().startswith(prefix.casefold()) else name


def _capital(role: str) -> str:
    return role[:1].upper() + role[1:]


def _when(said: str, *, first: bool) -> date | None:
    """A day, or the first or last of the month or year that is said. Raises ValueError for what is none."""
    found = re.match(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?:$|[T ])", said)
    if not said:
        return None
    if not found:
        raise ValueError(said)
    year, month = int(found[1]), int(found[2] or (1 if first else 12))
    return date(year, month, int(found[3] or (1 if first else calendar.monthrange(year, month)[1])))

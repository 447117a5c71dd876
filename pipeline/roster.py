"""A meeting's roster out of what public sources say: who was there or might have been, as what, and the agenda.

Nothing is guessed. A role is the one that the meeting's own list of attendance gives, or one that is known to have held
on the day; party and ward are those of the term of office that the day is in. Posts that a source gives without dates
may be those of today: they are kept beside, and are nobody's role.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from pathlib import Path

import msgspec

from pipeline import meeting_toml, meetings, people, rosters
from pipeline.meetings import few
from pipeline.moderngov import Attendee, Meeting, Member
from pipeline.people import Known, Office, Party, Register, Ward, latest, office_on
from pipeline.popolo import Somebody
from pipeline.receipts import put
from pipeline.rosters import Roster, Rostered
from pipeline.sources import Said, Wanted, read
from transcribe.problem import Problem
from transcribe.records import AgendaItem, Person, Record
from transcribe.spoken import MEMBER, plain, split_name

ABSENT = re.compile(r"\b(apolog|absent|absence|not present|not attend|did not)", re.IGNORECASE)
PRESENT = re.compile(r"\b(present|in attendance|attended|attending|substitut|remote|virtual)", re.IGNORECASE)


class Draft(Record):
    """A roster that may be written, and what people should know of it."""

    roster: Roster
    notes: tuple[str, ...] = ()


def draft(folder: Path, id: str, sources: Sequence[str], *, number: str = "") -> Draft:
    """What sources say of the meeting in a folder. Raises Problem where one of them can't be read or is of
    another meeting, or where none says anything of it."""
    meeting, _ = meeting_toml.examine(folder, id, roster=Roster())
    register, _ = people.read(people.path_for(folder))
    wanted = Wanted(day=meeting.held_on, titles=(meeting.title,), number=number)
    said = [each for source in sources for each in read(source, wanted)]
    held = _meeting(said, wanted, meeting.folder)
    day = meeting.held_on or (held.held_on if held else None)
    committee = _committee(said, held)
    title = meeting.title if meeting.title != meetings.readable(folder.name) else committee
    notes = [f"{each.source.where}: {note}" for each in said for note in each.answer.notes]
    if day is None:
        notes.append("the meeting's date is not known: what somebody was on that day is left out")
    candidates = _candidates(said)
    ids, bodies = _Ids(meeting.people, register), (title, committee, meeting.body)
    if held and held.attendees:
        known = {a.id: candidates[a.id] for a in held.attendees if a.id in candidates}
        found = [_attending(a, known.get(a.id), day, bodies, ids) for a in held.attendees]
    else:
        known = {number: k for number, k in candidates.items() if day is None or any(o.on(day) for o in k.offices)}
        found = [_in_list(number, k, day, bodies, ids) for number, k in known.items()]
        if left := len(candidates) - len(known):
            notes.append(f"{left} people of these lists held no office on {day}: left out")
    notes += _doubtful(found, known.values(), day)
    agenda = tuple(AgendaItem(item=_item(n), title=t) for n, t in (held.agenda if held else ()) if n)
    if not (found or agenda):
        raise Problem(
            "these sources say nothing of this meeting",
            where=meeting.folder,
            fix="give GetMeeting of this very meeting, or a list of councillors who were in office on its day",
        )
    roster = Roster(
        title=committee,
        held_on=held.held_on if held else None,
        sources=tuple(each.source for each in said if each.source.what),
        people=tuple(found),
        agenda=agenda,
    )
    return Draft(roster=roster, notes=tuple(notes))


def write(folder: Path, roster: Roster) -> Path:
    """Put a roster into a meeting's folder, in place of an earlier one."""
    path = folder / rosters.FILE
    put(path, rosters.to_toml(roster).encode())
    return path


# -- which meeting --------------------------------------------------------------------------------


def _meeting(said: Sequence[Said], wanted: Wanted, where: str) -> Meeting | None:
    """The meeting itself, where a source tells more of it than its date."""
    told = [m for each in said for m in each.answer.meetings if m.whole]
    fits = [m for m in told if wanted.number in ("", m.id) and wanted.day in (None, m.held_on)]
    fits = fits if len(fits) < 2 else [m for m in fits if m.committee in wanted.titles]
    if len(fits) == 1:
        return fits[0]
    if len(told) == 1:
        other = told[0]
        if wanted.day is None or other.held_on is None:
            return other
        raise Problem(
            f"the source is about a meeting on {other.held_on}, and this one was held on {wanted.day}",
            where=where,
            fix="give that of this meeting, or put held_on right in its meeting.toml",
        )
    if told:
        numbers = ", ".join(f"{m.id} ({m.held_on}, {m.committee or 'no title'})" for m in told[:8])
        raise Problem("nobody can say which of these meetings this is", where=where, fix=f"give --number: {numbers}")
    return None


def _committee(said: Sequence[Said], held: Meeting | None) -> str:
    """What the meeting is of: as the list of meetings has it, or as it says itself."""
    if held is None:
        return ""
    listed = (m.committee for each in said for m in each.answer.meetings if m.id == held.id and not m.whole)
    return next(filter(None, listed), held.committee)


def _item(number: str) -> int | str:
    return int(number) if number.isdecimal() and len(number) < 5 else number[:20]


# -- who ------------------------------------------------------------------------------------------


def _candidates(said: Iterable[Said]) -> dict[str, Known]:
    """Everybody in a list, by the source's own number. What a later list adds to an earlier one is put together."""
    found: dict[str, Known] = {}
    for each in said:
        told = [(m.id, _from_list(m, each.source.where)) for m in each.answer.members]
        told += [(p.id, _from_popolo(p)) for p in each.people]
        for number, known in told:
            before = found.get(number)
            found[number] = _both(before, known) if before and _bare(before.name) == _bare(known.name) else known
    return found


def _from_list(member: Member, source: str) -> Known:
    """A councillor of a list, which is of those in office when it was asked: so the last term of office goes on, even
    where its end is past, and party and ward, which are told of that day, hold for that term alone."""
    titles, _ = split_name(member.name)
    role = "Councillor" if MEMBER & set(titles) or member.ward or not titles else "Member"
    terms = sorted(member.terms, key=lambda t: t[0] or date.min)
    since = terms[-1][0] if terms else None
    spans = [*terms[:-1], (since, None)]
    return Known(
        id="x",
        name=member.name,
        offices=tuple(Office(role=role, since=a, until=b, source=source) for a, b in spans),
        parties=(Party(party=member.party, since=since, source=source),) if member.party else (),
        wards=(Ward(ward=member.ward, since=since, source=source),) if member.ward else (),
    )


def _from_popolo(p: Somebody) -> Known:
    return Known(id="x", name=p.name, aliases=p.aliases, offices=p.offices, parties=p.parties, wards=p.wards)


def _both(one: Known, other: Known) -> Known:
    return msgspec.structs.replace(
        one,
        aliases=tuple(dict.fromkeys((*one.aliases, *other.aliases))),
        offices=one.offices or other.offices,
        parties=one.parties or other.parties,
        wards=one.wards or other.wards,
    )


def _attending(a: Attendee, known: Known | None, day: date | None, bodies: Sequence[str], ids: "_Ids") -> Rostered:
    office = office_on(known, day, bodies) if known else None
    party, ward = (latest(known.parties, day), latest(known.wards, day)) if known else (None, None)
    role = a.role.removeprefix("Committee ").strip()
    if "officer" in role.casefold() or not role:
        role = a.representing or role or (office.role if office else "")
    elif a.representing and a.representing.casefold() not in role.casefold():
        role = f"{role}; {a.representing}"
    return Rostered(
        id=ids.of(a.name, a.id),
        name=a.name,
        role=role,
        party=party.party if party else "" if known and known.parties else a.party,
        ward=ward.ward if ward else "" if known and known.wards else a.ward,
        aliases=known.aliases if known else (),
        present=is_present(a.attendance),
        attendance=a.attendance,
        posts=a.posts,
        source=a.id,
    )


def _in_list(number: str, known: Known, day: date | None, bodies: Sequence[str], ids: "_Ids") -> Rostered:
    office, party, ward = office_on(known, day, bodies), latest(known.parties, day), latest(known.wards, day)
    return Rostered(
        id=ids.of(known.name, number),
        name=known.name,
        role=office.role if office else "",
        party=party.party if party else "",
        ward=ward.ward if ward else "",
        aliases=known.aliases,
        source=number,
    )


def is_present(attendance: str) -> bool | None:
    """Whether somebody was there, as a list of attendance puts it; None where it does not say.

    >>> is_present("Present, as expected"), is_present("Apologies, sent representative"), is_present("Expected")
    (True, False, None)
    """
    if ABSENT.search(attendance):
        return False
    return True if PRESENT.search(attendance) else None


def _doubtful(found: Sequence[Rostered], known: Collection[Known], day: date | None) -> list[str]:
    notes = []
    changed = [k.name for k in known if day and k.parties and latest(k.parties, day) is None]
    if changed:
        notes.append(f"party and ward on {day} are not known: {few(changed)}")
    twice = [r.name for r in found if sum(_bare(r.name) == _bare(o.name) for o in found) > 1]
    if twice:
        notes.append(f"several people of one name, which nothing that is said can tell apart: {few(twice)}")
    return notes


class _Ids:
    """Ids of people: the one that somebody of that name has already in this data folder, or one made of the name."""

    def __init__(self, listed: Sequence[Person], register: Register) -> None:
        self._known: dict[tuple[str, ...], set[str]] = {}
        self._taken: dict[str, tuple[tuple[str, ...], str]] = {}
        both: tuple[Person | Known, ...] = (*listed, *register.people)
        for person in both:
            for name in (person.name, *person.aliases):
                self._known.setdefault(_bare(name), set()).add(person.id)
            self._taken[person.id] = _bare(person.name), ""

    def of(self, name: str, number: str) -> str:
        """The id of somebody with a name and, where there is one, a number at the source."""
        bare, own = _bare(name), self._known.get(_bare(name), set())
        if len(own) == 1:
            (id,) = own
            if self._taken[id][1] in ("", number):
                self._taken[id] = bare, number
                return id
        plainly = meetings.slug(" ".join(split_name(name)[1]) or name)
        for id in (plainly, f"{plainly[:60]}-{meetings.slug(number)[:18]}"):
            if self._taken.setdefault(id, (bare, number)) == (bare, number):
                return id
        raise Problem(f"two people have the name {name!r} and one number", fix="mend the source, or leave it out")


def _bare(name: str) -> tuple[str, ...]:
    return tuple(map(plain, split_name(name)[1])) or (name,)

"""ModernGov's web service: councillors, committees, meetings with their agenda and attendance, out of its XML.

What comes is not trusted: no entities, no document types, nothing fetched, bounded in size and depth. Names, parties,
wards, terms of office, attendance and agenda are taken; addresses, telephone numbers, e-mails and pictures never are.
"""

import contextlib
import html
import re
from collections.abc import Iterator, Mapping
from datetime import date
from html.entities import name2codepoint
from itertools import pairwise
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from transcribe.problem import Problem
from transcribe.records import Record

DEEPEST = 64
LONGEST = 300  # characters of a name, a title or a role
ROOTS = {  # of each answer, and what it is
    "councillorsbyward": "GetCouncillorsByWard",
    "councillorsbywardid": "GetCouncillorsByWardId",
    "memberlist": "GetMemberGroup",
    "committees": "GetCommittees",
    "getmeetings": "GetMeetings",
    "meeting": "GetMeeting",
}
_RECORDS = {"councillor", "member", "attendee", "agendaitem", "committee", "meeting"}  # are whole, or not taken
_XML_ENTITIES = {"amp", "lt", "gt", "quot", "apos"}
_VOID = re.compile(r"<(br|hr|img|wbr|col|input|meta|link)\b([^<>]*?)/?>", re.IGNORECASE)
_AMPERSAND = re.compile(r"&(?:(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)?")


class Member(Record):
    """A councillor in a list. `terms` are terms of office, first and last day, where they are told; `party` and `posts`
    are those of the day on which the service was asked."""

    id: str
    name: str
    party: str = ""
    ward: str = ""
    posts: str = ""
    terms: tuple[tuple[date | None, date | None], ...] = ()


class Attendee(Record):
    """Somebody in a meeting's list of attendance, as the service puts it."""

    id: str
    name: str
    role: str = ""
    attendance: str = ""
    party: str = ""
    ward: str = ""
    representing: str = ""
    posts: str = ""


class Meeting(Record):
    """A meeting: the whole of it from GetMeeting (`whole`), or a line of GetMeetings."""

    id: str
    held_on: date | None = None
    committee: str = ""
    status: str = ""
    whole: bool = False
    attendees: tuple[Attendee, ...] = ()
    agenda: tuple[tuple[str, str], ...] = ()  # number and title


class Answer(Record):
    """What one answer of the service holds. `notes` say what of it could not be read."""

    what: str
    members: tuple[Member, ...] = ()
    committees: tuple[tuple[str, str], ...] = ()  # id and title, those that still meet first
    meetings: tuple[Meeting, ...] = ()
    notes: tuple[str, ...] = ()


# -- reading --------------------------------------------------------------------------------------


def read(data: bytes, *, where: str = "") -> Answer:
    """An answer of the service. Raises Problem for anything else, and for what could do harm."""
    root, notes = parse(data, where=where)
    return answer(root, notes, where=where)


def answer(root: Element, notes: tuple[str, ...] = (), *, where: str = "") -> Answer:
    """What a document of the service holds, whose tags are in small letters. Raises Problem for another document."""
    what = ROOTS.get(root.tag)
    if what is None:
        shown = "a web page" if root.tag == "html" else f"<{root.tag[:40]}>"
        raise Problem(
            f"this is {shown}, no answer of ModernGov that is known here",
            where=where,
            fix=f"give XML of {', '.join(dict.fromkeys(ROOTS.values()))}, or Popolo JSON",
        )
    if what == "GetCommittees":
        return Answer(what=what, committees=tuple(_committees(root)), notes=notes)
    if what == "GetMeetings":
        found = [
            _meeting(m, committee=_text(c, "committeetitle")) for c in root.iter("committee") for m in c.iter("meeting")
        ]
        return Answer(what=what, committees=tuple(_committees(root)), meetings=tuple(found), notes=notes)
    if what == "GetMeeting":
        return Answer(what=what, meetings=(_meeting(root, whole=True),), notes=notes)
    return Answer(what=what, members=tuple(_members(root)), notes=notes)


def parse(data: bytes, *, where: str = "") -> tuple[Element, tuple[str, ...]]:
    """The tree of an XML document, tags in small letters without namespaces; and what was wrong with it.

    HTML that has strayed into it is put right, and what breaks off is read as far as its records are whole. Raises
    Problem where there is nothing to read, or it declares entities or a document type.
    """
    try:
        return _parsed(data)
    except ParseError as e:
        raise Problem(f"this is not XML: {e}", where=where, fix="fetch it again, and look at it") from e
    except (DefusedXmlException, _TooDeep) as e:
        raise _harmful(e, where) from e


def _parsed(data: bytes) -> tuple[Element, tuple[str, ...]]:
    with contextlib.suppress(ParseError):
        return _tree(data, _Builder()), ()
    mended = _VOID.sub(r"<\1\2/>", _AMPERSAND.sub(_entity, _decoded(data))).encode()
    builder = _Builder()
    try:
        return _tree(mended, builder), ("stray HTML in it was put right",)
    except ParseError as e:
        if root := builder.whole():
            return root, (f"it breaks off or is damaged in line {e.position[0]}: read as far as that",)
        raise


def _tree(data: bytes, builder: "_Builder") -> Element:
    parser = XMLParser(target=builder, forbid_dtd=True)
    parser.feed(data)
    root: Element = parser.close()
    return root


class _TooDeep(Exception):
    pass


def _harmful(error: Exception, where: str) -> Problem:
    what = "elements too deep in each other" if isinstance(error, _TooDeep) else "a document type or entities"
    return Problem(
        f"this XML has {what}, and is not read", where=where, fix="no answer of ModernGov has; check the source"
    )


class _Builder(TreeBuilder):
    """A tree as it is built, of which what is whole can be had when it breaks off."""

    def __init__(self) -> None:
        super().__init__()
        self._open: list[Element] = []
        self._root: Element | None = None

    def start(self, tag: Any, attrs: dict[Any, Any]) -> Element:
        name = str(tag).rpartition("}")[2].lower()
        found = super().start(name, {str(k).rpartition("}")[2].lower(): v for k, v in attrs.items()})
        self._root = self._root if self._root is not None else found
        self._open.append(found)
        if len(self._open) > DEEPEST:
            raise _TooDeep
        return found

    def end(self, tag: Any) -> Element:
        self._open.pop()
        return super().end(str(tag).rpartition("}")[2].lower())

    def whole(self) -> Element | None:
        """The tree without the record, or else without the text, at which it broke off."""
        for outer, inner in pairwise(self._open):
            record = inner.tag in _RECORDS and inner.find("committeemeetings") is None
            if record or (inner is self._open[-1] and not len(inner)):
                outer.remove(inner)
                break
        return self._root if self._root is not None and len(self._root) else None


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    declared = re.match(rb"\s*<\?xml[^>]*encoding=[\"']([A-Za-z0-9._-]{1,40})", data)
    try:
        text = data.decode(declared[1].decode() if declared else "utf-8-sig", "replace")
    except LookupError:
        text = data.decode("utf-8", "replace")
    return re.sub(r"^\s*<\?xml[^>]*\?>", "", text)


def _entity(found: "re.Match[str]") -> str:
    name = found[1]
    if name is None:
        return "&amp;"
    if name.startswith("#") or name in _XML_ENTITIES:
        return found[0]
    return f"&#{name2codepoint[name]};" if name in name2codepoint else f"&amp;{name};"


def from_json(value: Mapping[str, Any]) -> Element:
    """The same document where somebody made JSON of it: one element alone stands for itself, several are a list, and
    attributes begin with `@` or not. Raises Problem where it is too deep."""
    (tag, body), *rest = value.items()
    return _element(tag, body if not rest else value, 0)


def _element(tag: str, body: Any, depth: int) -> Element:
    if depth > DEEPEST:
        raise _harmful(_TooDeep(), "")
    found = Element(re.sub(r"^[@$]", "", str(tag)).rpartition(":")[2].lower())
    if isinstance(body, Mapping):
        for key, child in body.items():
            if key in ("#text", "$", "_"):
                found.text = str(child)
            for each in child if isinstance(child, list) else [child]:
                found.append(_element(key, each, depth + 1))
    elif body is not None:
        found.text = str(body)
    return found


# -- what is in it --------------------------------------------------------------------------------


def _members(root: Element) -> Iterator[Member]:
    for ward, row in _rows(root):
        if name := _text(row, "fullusername"):
            yield Member(
                id=_text(row, "councillorid", "memberid"),
                name=name,
                party=_text(row, "politicalpartytitle"),
                ward=_text(row, "wardtitle") or ward,
                posts=_text(row, "keyposts"),
                terms=tuple(
                    (to_date(_text(t, "startdate")), to_date(_text(t, "enddate"))) for t in row.iter("termofoffice")
                ),
            )


def _rows(root: Element) -> Iterator[tuple[str, Element]]:
    for ward in root.iter("ward"):
        yield from ((_text(ward, "wardtitle"), row) for row in ward.iter("councillor"))
    yield from (("", row) for row in root.iter("member"))


def _committees(root: Element) -> Iterator[tuple[str, str]]:
    rows = [
        (_text(c, "committeeexpired") == "True" or _text(c, "committeedeleted") == "True", c)
        for c in root.iter("committee")
    ]
    for _, c in sorted(rows, key=lambda row: row[0]):
        if title := _text(c, "committeetitle"):
            yield _text(c, "committeeid"), title


def _meeting(row: Element, *, committee: str = "", whole: bool = False) -> Meeting:
    items = list(row.iter("agendaitem"))
    owners = {_text(d, "committeetitle") for d in row.iter("linkeddoc")} | {_text(i, "refertocommittee") for i in items}
    owners -= {""}
    return Meeting(
        id=_text(row, "meetingid"),
        held_on=to_date(_text(row, "meetingdate")),
        # GetMeeting does not say whose meeting it is; where all that hangs on it is one committee's, it is that one's.
        committee=committee or _text(row, "committeetitle") or (owners.pop() if len(owners) == 1 else ""),
        status=_text(row, "meetingstatus"),
        whole=whole,
        attendees=tuple(_attendees(row)),
        agenda=tuple((_number(i), title) for i in items if (title := _text(i, "agendaitemtitle"))),
    )


def _number(item: Element) -> str:
    return "".join(_text(item, key).strip(". ") for key in ("agendaitemnumber", "agendaitemsubnumber"))


def _attendees(row: Element) -> Iterator[Attendee]:
    for a in row.iter("attendee"):
        if name := _text(a, "name", "fullusername"):
            yield Attendee(
                id=_text(a, "memberid"),
                name=name,
                role=_text(a, "roledescription"),
                attendance=_text(a, "attendance"),
                party=_text(a, "politicalparty", "politicalpartytitle"),
                ward=_text(a, "ward", "wardtitle"),
                representing=_text(a, "representing"),
                posts=_text(a, "keyposts"),
            )


def _text(row: Element, *names: str) -> str:
    """What an element says under one of these names, as a child or an attribute, as plain text."""
    for name in names:
        child = row.find(name)
        said = " ".join(child.itertext()) if child is not None else row.get(name, "")
        if found := to_text(said):
            return found
    return ""


def to_text(said: str) -> str:
    """Text without tags, entities and what can't be seen, on one line.

    >>> to_text("Leader&#39;s <b>Question&nbsp;Time</b>\\n(15 minutes)")
    "Leader's Question Time (15 minutes)"
    """
    bare = re.sub(r"<[^<>]{0,2000}>", " " if "<p" in said or "<br" in said else "", html.unescape(said))
    shown = "".join(c if c.isprintable() else " " for c in html.unescape(bare))
    return " ".join(shown.split())[:LONGEST].strip()


def to_date(said: str) -> date | None:
    """A day as ModernGov writes it (`21/11/2025`), or as ISO 8601 does; None where it is none."""
    if found := re.match(r"(\d{1,2})/(\d{1,2})/(\d{4})\b", said):
        day, month, year = map(int, found.groups())
    elif found := re.match(r"(\d{4})-(\d{2})-(\d{2})", said):
        year, month, day = map(int, found.groups())
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None

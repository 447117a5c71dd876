"""What public sources say, out of files, folders and a council's web service: fetched within bounds, and read."""

import hashlib
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import date
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import msgspec

from pipeline import moderngov, popolo
from pipeline.events import now
from pipeline.meetings import readable
from pipeline.moderngov import Answer
from pipeline.popolo import Somebody
from pipeline.rosters import Source
from transcribe.documents import GENERATOR
from transcribe.problem import LACKING, Problem, reading
from transcribe.records import Record

LARGEST = 20_000_000  # bytes of one answer or file
MOST_FILES = 200  # of a folder
TIMEOUT_S, LONGEST_S = 20.0, 120.0  # of silence, of one answer
SERVICE = "mgWebService.asmx"


class Said(Record):
    """What one source says: an answer of ModernGov, or people and events of Popolo."""

    source: Source
    answer: Answer
    people: tuple[Somebody, ...] = ()


class Wanted(Record):
    """The meeting that is asked for: its day and titles as far as they are known, and its number at the service."""

    day: date | None
    titles: tuple[str, ...]
    number: str = ""


def is_address(source: str) -> bool:
    return "://" in source


def read(source: str, wanted: Wanted) -> Iterator[Said]:
    """All that a source says: a file, each XML and JSON file of a folder, or an address.

    An address is that of one answer, of a meeting's page, or of the council's site, which is asked for the meeting.
    Of a folder, files that are nothing that is known are left out, with a note, and have no `what`. Raises Problem
    where a source cannot be had, or nothing of it is known.
    """
    if is_address(source):
        yield from _ask(source, wanted)
        return
    path = Path(source)
    if not path.is_dir():
        yield _file(path)
        return
    found = sorted(p for p in path.iterdir() if p.suffix.lower() in (".xml", ".json") and p.is_file())
    if not found or len(found) > MOST_FILES:
        what = "holds no XML or JSON" if not found else f"holds more than {MOST_FILES} files of XML or JSON"
        raise Problem(f"this folder {what}", where=readable(source), fix="name the files themselves")
    refused: list[Problem] = []
    for each in found:
        try:
            yield _file(each)
        except Problem as e:
            refused.append(e)
            left_out = Source(where=readable(each.name), what="", read=now(), sha256="")
            yield Said(source=left_out, answer=Answer(what="", notes=(f"left out: {e.what}",)))
    if len(refused) == len(found):
        raise refused[0]


def _file(path: Path) -> Said:
    with reading(path), path.open("rb") as f:
        data = f.read(LARGEST + 1)
    return _said(data, readable(path.name), readable(str(path)))


def _said(data: bytes, name: str, where: str) -> Said:
    """What a document says, whatever it is. `name` is how it is remembered, `where` how it is complained of."""
    if len(data) > LARGEST:
        raise Problem(
            f"this is larger than {LARGEST / 1e6:g} MB", where=where, fix="check that it is what it should be"
        )
    people: tuple[Somebody, ...] = ()
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        found = _json(data, where)
        roots = {str(key).rpartition(":")[2].lower() for key in found}
        if roots & moderngov.ROOTS.keys() and not roots & set(popolo.KEYS):
            answer = moderngov.answer(moderngov.from_json(found), where=where)
        else:
            people, events = popolo.read(found, source=name)
            answer = Answer(what="Popolo", meetings=events)
            if not people and not events:
                fix = "give ModernGov XML, or Popolo JSON with persons and memberships"
                raise Problem("this JSON names nobody that can be read", where=where, fix=fix)
    else:
        answer = moderngov.read(data, where=where)
    source = Source(where=name, what=answer.what, read=now(), sha256=hashlib.sha256(data).hexdigest())
    return Said(source=source, answer=answer, people=people)


def _json(data: bytes, where: str) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(data.decode("utf-8-sig"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise Problem(f"this is not JSON: {e}", where=where, fix="fetch it again, and look at it") from e
    return found if isinstance(found, Mapping) else {"persons": found}


# -- a council's web service ----------------------------------------------------------------------


def _ask(address: str, wanted: Wanted) -> Iterator[Said]:
    parts = urlsplit(address)
    asked = {key.lower(): values[0] for key, values in parse_qs(parts.query).items()}
    folder, _, last = parts.path.rpartition("/")
    if f"/{SERVICE.lower()}/" in parts.path.lower() or last.lower().endswith((".xml", ".json")):
        yield _fetched(address)
        return
    if last and "." not in last:  # a folder without a slash behind it
        folder = parts.path
    base = urlunsplit((parts.scheme, parts.netloc, folder.rstrip("/"), "", ""))

    def ask(method: str, **arguments: str) -> Said:
        query = f"?{urlencode(arguments)}" if arguments else ""
        return _fetched(f"{base}/{SERVICE}/{method}{query}")

    number = wanted.number or asked.get("mid", "")
    if not number:
        committees = ask("GetCommittees")
        yield committees
        listed = _listed(ask, committees.answer, asked.get("cid", ""), wanted, address)
        yield listed
        number = _one(listed.answer, wanted, address)
    yield ask("GetMeeting", lMeetingId=number)
    yield ask("GetCouncillorsByWard")


def _listed(ask: Any, answer: Answer, committee: str, wanted: Wanted, where: str) -> Said:
    """The meetings, on the day, of the committee whose title is the meeting's."""
    if wanted.day is None:
        fix = "write held_on into meeting.toml, give --number, or the address of the meeting's own page"
        raise Problem("nobody can look for a meeting without its date", where=where, fix=fix)
    titles = {_fold(t) for t in wanted.titles if t}
    found = [id for id, title in answer.committees if id == committee or (not committee and _fold(title) in titles)]
    if not found:
        near = ", ".join(title for _, title in answer.committees[:8])
        fix = f"write its title as there ({near} …) into meeting.toml, or give --number"
        raise Problem(
            f"no committee there is called {' or '.join(filter(None, wanted.titles))!r}", where=where, fix=fix
        )
    day = f"{wanted.day:%d/%m/%Y}"
    said: Said = ask("GetMeetings", lCommitteeId=found[0], sFromDate=day, sToDate=day)
    return said


def _one(answer: Answer, wanted: Wanted, where: str) -> str:
    there = [m for m in answer.meetings if m.held_on == wanted.day and "cancel" not in m.status.casefold()]
    if len(there) == 1:
        return there[0].id
    what = f"{len(there)} meetings were held then" if there else "no meeting was held then"
    numbers = f": one of {', '.join(m.id for m in there)}" if there else ", the number in the address of its page"
    raise Problem(f"{what}: {wanted.day}", where=where, fix=f"give --number{numbers}")


def _fold(title: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in title.casefold().replace("&", " and ")).split())


class _OnlyWeb(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        _check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _check(address: str) -> None:
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host:
        raise Problem("this is no address of the web", where=address[:200], fix="write all of it, from https:// on")
    if parts.username or parts.password:
        raise Problem("this address holds a password, which would be kept", where=host, fix="leave it out")


def _fetched(address: str) -> Said:
    """An answer from the web: only http and https, no more than so large, and no longer than so long."""
    _check(address)
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _OnlyWeb(),
    ):
        opener.add_handler(handler)
    request = urllib.request.Request(address, headers={"User-Agent": GENERATOR, "Accept": "text/xml, application/json"})
    until, data = time.monotonic() + LONGEST_S, b""
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            while len(data) <= LARGEST and (piece := answer.read1(1 << 16)):
                data += piece
                if time.monotonic() > until:
                    raise TimeoutError(f"not finished after {LONGEST_S:g} s")
    except (OSError, HTTPException, ValueError) as e:
        why = f"it answers {e.code} {e.reason}" if isinstance(e, urllib.error.HTTPError) else f"{e}"
        fix = "check the address and the network, or save the XML by hand and give the file"
        raise Problem(f"this cannot be fetched: {why}", where=address[:300], fix=fix, exit_code=LACKING) from e
    return _said(data, address, address)

"""The reading pages as files: what the page shows, for a folder that opens by itself or lies on any web host.

The same templates are rendered, and what they link to is turned into files beside each other. What only a server can
do stays away, and a search over files of its own takes the place of the index. A page says which meetings it holds
words of, so that it can be taken out when something in one of them is hidden.
"""

import html
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from hashlib import sha256
from itertools import groupby
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from search import links, pages, reading, web
from search.edition import Chosen, Edition, Media, Recorded, Source
from search.find import Hit, Results
from search.quotes import Quote, parse_address
from search.reading import Appearance, Ground, Known, Shelf
from search.styles import day
from transcribe.records import Record, SpeakerName

STATIC = ("icon.svg", "page.css", "page.js", "published.js")
N_HITS = 50  # quotes on a page of a person or a code
N_TOGETHER = 2_500  # quotes in a file of the search, or a few more: a meeting is never parted


class Page(Record):
    """A file: where it goes, the meetings of which it holds words, and what makes it."""

    path: str
    meetings: tuple[str, ...]
    make: Callable[[], bytes]


class Site:
    """Pages and recordings of meetings, as they stand. Raises Problem for a meeting that is not to be shown now."""

    def __init__(
        self,
        shelf: Shelf,
        ids: Sequence[str],
        *,
        on: date,
        media: Media,
        stance: bool,
        contact: str,
        players: dict[str, str],
        why: Callable[[SpeakerName], tuple[Ground, ...]],
    ) -> None:
        self.edition = Edition(on, media, stance=stance, players=players)
        self._shelf = Chosen(shelf, ids, self.edition)
        self._codes = reading.code_names(shelf.codebook())
        self._app = web.application(shelf, contact=contact)
        self._app.state.shelf = self._shelf
        self._templates = self._app.state.templates
        self._templates.globals["published"] = self.edition
        self.rows: dict[str, tuple[Quote, ...]] = {}
        self._seen: dict[str, list[Appearance]] = {}
        by_id = {m.id: m for m in self._shelf.meetings()}
        for id in ids:
            held = self._shelf.meeting(id)
            if not held.settled or held.statements is None or id not in by_id:
                raise reading.NotNow("it is being brought up to date", fix="onrecord run, then publish again")
            self.rows[id] = held.quotes
            self.edition.all[id] = Source(
                meeting=id,
                title=held.title,
                url=links.link(held.meeting.source_url, None).url,
                transcript_sha256=held.statements.transcript_sha256,
            )
            sound = shelf.sound(id) if media == "copy" else None
            if sound:
                path = f"media/{id}{sound.path.suffix.lower()}"
                self.edition.recorded[id] = Recorded(meeting=id, path=path, sound=sound)
            for name in held.transcript.names:
                if name.person and reading.has_page(name.person, name.role):
                    found = Appearance(meeting=by_id[id], name=name, evidence=why(name))
                    self._seen.setdefault(name.person, []).append(found)
        hashes = sorted(s.transcript_sha256 for s in self.edition.all.values())
        self.edition.name = sha256("".join(hashes).encode()).hexdigest()[:8]
        self.edition.paged = {q.address for rows in self.rows.values() for q in rows if q.topic or q.codes}
        newest = sorted((q for rows in self.rows.values() for q in rows), key=_newest, reverse=True)
        self._newest = [q for _, group in groupby(newest, key=lambda q: q.meeting) for q in reversed(list(group))]
        self._of_person = _by(self._newest, lambda q: (q.person,) if q.person else ())
        self._of_code = _by(self._newest, lambda q: q.codes)

    @property
    def recorded(self) -> Sequence[Recorded]:
        return tuple(self.edition.recorded.values())

    def pages(self) -> Iterator[Page]:
        """Every file but recordings; the first page of all comes last, since it names files of the search."""
        for name in STATIC:
            yield Page(path=f"static/{name}", meetings=(), make=(web.HERE / "static" / name).read_bytes)
        for id, rows in self.rows.items():
            yield self._asked(f"meeting/{id}.html", pages.meeting_page, (id,), id=id)
            for quote in rows:
                if self.edition.has(quote):
                    place = parse_address(quote.address)
                    range = f"{place.start_ms}-{place.end_ms}~{quote.check}"
                    yield self._asked(
                        self._file(f"/quote/{quote.address}"), pages.quote_page, (id,), meeting=id, range=range
                    )
        for person in self._seen:
            yield from self._listing(f"/person/{person}", self._of_person.get(person, []), self._person(person))
        for code, rows_of in self._of_code.items():
            yield from self._listing(f"/code/{code}", rows_of, self._of(code))
        data = list(self._data())
        yield from data
        yield self._asked("meetings.html", pages.meetings_page, ())
        yield self._asked("about.html", pages.about_page, (), sources=tuple(self.edition.all))
        yield self._rendered("help.html", "published_help.html", (), codes=self._code_list())
        yield self._rendered("people.html", "list.html", (), title="People", items=self._people())
        yield self._rendered("codes.html", "list.html", (), title="What was talked about", items=self._code_list())
        yield self._rendered(
            "index.html",
            "published.html",
            (),
            data=[page.path for page in data],
            n=sum(map(len, self.rows.values())),
            n_meetings=len(self.rows),
            people=self._people(),
            codes=self._code_list(),
        )

    # -- pages ------------------------------------------------------------------------------------

    def _asked(
        self,
        path: str,
        answer: Callable[[Request], Response],
        meetings: tuple[str, ...],
        sources: tuple[str, ...] | None = None,
        **params: str,
    ) -> Page:
        """What a page of the server answers to somebody who only reads."""

        def make() -> bytes:
            self.edition.sources = self._sources(meetings if sources is None else sources)
            asked = "/" + path.removesuffix(".html")
            scope = {
                "type": "http", "method": "GET", "path": asked, "path_params": params, "query_string": b"",
                "headers": [], "scheme": "http", "server": ("localhost", 80), "root_path": "", "app": self._app,
                "state": {}, "session": {},
            }  # fmt: skip
            return self._placed(bytes(answer(Request(scope)).body).decode(), path)

        return Page(path=path, meetings=meetings, make=make)

    def _rendered(self, path: str, template: str, meetings: tuple[str, ...], **what: Any) -> Page:
        def make() -> bytes:
            self.edition.sources = self._sources(meetings)
            asked = "/" if path == "index.html" else "/" + path.removesuffix(".html")
            made = self._templates.get_template(template).render(contact=self._app.state.contact, path=asked, **what)
            return self._placed(made, path)

        return Page(path=path, meetings=meetings, make=make)

    def _listing(
        self, here: str, rows: Sequence[Quote], what: Callable[[Sequence[Quote]], tuple[str, dict[str, Any]]]
    ) -> Iterator[Page]:
        """Pages of quotes, the newest first."""
        for offset in range(0, max(1, len(rows)), N_HITS):
            shown = rows[offset : offset + N_HITS]
            template, more = what(rows)
            later = offset + N_HITS
            meetings = [q.meeting for q in shown]
            if here.startswith("/person/"):  # where they spoke, and why that is known, is words of these meetings, too
                meetings += [a.meeting.id for a in self._seen[here.removeprefix("/person/")]]
            yield self._rendered(
                self._file(web.url(here, **{"from": offset})),
                template,
                tuple(dict.fromkeys(meetings)),
                results=Results(total=len(rows), hits=(), understood=""),
                groups=[(hits[0].quote, hits) for hits in _by_meeting(shown)],
                marks={q.address: self._marks(q) for q in shown},
                plays={q.address: self.edition.plays(q) for q in shown},
                earlier=web.url(here, **{"from": offset - N_HITS}) if offset else "",
                later=web.url(here, **{"from": later}) if later < len(rows) else "",
                **more,
            )

    def _person(self, id: str) -> Callable[[Sequence[Quote]], tuple[str, dict[str, Any]]]:
        seen = sorted(self._seen[id], key=lambda a: str(a.meeting.held_on or ""), reverse=True)
        known = Known(id=id, name=seen[0].name.display, appearances=tuple(seen))

        def what(rows: Sequence[Quote]) -> tuple[str, dict[str, Any]]:
            counted = Counter(code for q in rows for code in q.codes).most_common()
            codes = [(self._code(c), n, False, web.url("/", speaker=id, code=c)) for c, n in counted]
            return "person.html", {"person": known, "codes": codes, "everything": web.url("/", speaker=id)}

        return what

    def _of(self, code: str) -> Callable[[Sequence[Quote]], tuple[str, dict[str, Any]]]:
        return lambda rows: ("quotes.html", {"title": self._code(code)})

    def _people(self) -> list[tuple[str, str, str, int]]:
        """Address, name, id and number of quotes of everybody who is known to have spoken, by name."""
        names = {id: self._person(id)([])[1]["person"].name for id in self._seen}
        found = [(f"/person/{id}", name, id, len(self._of_person.get(id, []))) for id, name in names.items()]
        return sorted(found, key=lambda p: (p[1].casefold(), p[2]))

    def _code_list(self) -> list[tuple[str, str, str, int]]:
        found = [(f"/code/{code}", self._code(code), code, len(rows)) for code, rows in self._of_code.items()]
        return sorted(found, key=lambda c: (-c[3], c[1]))

    def _code(self, code: str) -> str:
        return self._codes.get(code, code.replace("_", " "))

    def _marks(self, q: Quote) -> tuple[str, ...]:
        return reading.marks(q.codes, q.stance if q.topic else None, q.stance_holder, self._codes)

    def _sources(self, meetings: Sequence[str]) -> tuple[Source, ...]:
        return tuple(self.edition.all[id] for id in meetings)

    # -- links ------------------------------------------------------------------------------------

    def _placed(self, made: str, path: str) -> bytes:
        """A page with its links to the server's pages turned into links to files. Text in a page holds no quotation
        mark that is not escaped, so that nothing but attributes of the templates looks like one."""
        up = "../" * path.count("/")

        def link(found: re.Match[str]) -> str:
            target = self._file(html.unescape(found[2]))
            return f'{found[1]}="{html.escape(up + target)}"' if target else ""

        return _LINK.sub(link, made).encode()

    def _file(self, target: str) -> str:
        """The file that a page of the server becomes; nothing for a recording that is not there."""
        parts = urlsplit(target)
        kind, _, rest = parts.path.lstrip("/").partition("/")
        end = f"#{parts.fragment}" if parts.fragment else ""
        asked = parse_qs(parts.query)
        if not kind:
            code = "".join(asked.get("q", [])).removeprefix("tag:")
            if code in self._of_code:
                return f"code/{code}.html"
            return f"index.html#{parts.query}" if parts.query else f"index.html{end}"
        if kind == "media":
            recorded = self.edition.recorded.get(rest)
            return recorded.path + end if recorded else ""
        if kind == "quote":
            place = parse_address(rest)
            if f"{place.meeting}/{place.start_ms}-{place.end_ms}" in self.edition.paged:
                return f"quote/{place.meeting}/{place.start_ms}-{place.end_ms}.html{end}"
            return f"meeting/{place.meeting}.html#t{place.start_ms}"
        if kind in ("person", "code"):
            n = int("".join(asked.get("from", ["0"]))) // N_HITS
            return f"{kind}/{rest}{f'~{n + 1}' if n else ''}.html{end}"
        if kind == "static":
            return f"static/{rest}"
        if kind == "meeting" or (not rest and kind in ("meetings", "people", "codes", "about", "help")):
            return f"{kind}{'/' if rest else ''}{rest}.html{end}"
        raise ValueError(f"a published page cannot lead to {target}")

    # -- the search -------------------------------------------------------------------------------

    def _data(self) -> Iterator[Page]:
        """Quotes for the search of the first page, in files that hand them to it."""
        together: list[str] = []
        n = 0
        for id in [*dict.fromkeys(q.meeting for q in self._newest), None]:
            if together and (id is None or n + len(self.rows[id]) > N_TOGETHER):
                made = self._packed(together)
                # A name of its own for what it holds: browsers must not keep what was hidden since.
                name = f"data/{sha256(made).hexdigest()[:16]}.js"
                yield Page(path=name, meetings=tuple(together), make=lambda made=made: made)  # type: ignore[misc]
                together, n = [], 0
            if id is not None:
                together.append(id)
                n += len(self.rows[id])

    def _packed(self, ids: Sequence[str]) -> bytes:
        """Quotes as rows of numbers and text. What repeats stands once, in tables beside them."""
        speakers, codes, reasons = _Table(), _Table(), _Table()
        meetings, rows = [], []
        for at, id in enumerate(ids):
            quotes = self.rows[id]
            plays = [self.edition.plays(q) for q in quotes]
            prefix = _common([p for p in plays if p.startswith("http")])
            first = quotes[0]
            recorded = self.edition.recorded.get(id)
            held_on = day(first.held_on) if first.held_on else ""
            media = recorded.path if recorded else ""
            meetings.append([id, first.title or id, first.body, str(first.held_on or ""), held_on, media, prefix])
            for q, link in zip(quotes, plays, strict=True):
                marked = self._marks(q)
                person = q.person or "" if reading.has_page(q.person, q.role) else ""
                told = [reading.LISTEN.get(r, r) for r in q.listen_first if r not in reading.OF_ALL]
                rows.append(
                    [
                        at,
                        speakers((q.speaker, q.speaker_status, person, q.role, q.speaker_in_captions)),
                        q.start_ms,
                        q.end_ms,
                        q.text,
                        [codes((c, self._code(c))) for c in dict.fromkeys(q.codes)],
                        [reasons(r) for r in told],
                        marked[-1] if len(marked) > len(dict.fromkeys(q.codes)) else "",
                        int(self.edition.has(q)),
                        link.removeprefix(prefix) if link.startswith("http") else None,
                    ]
                )
        packed = {
            "meetings": meetings,
            "speakers": list(speakers),
            "codes": list(codes),
            "reasons": list(reasons),
            "rows": rows,
        }
        # Whatever a host says that this is, it can't be read as markup.
        return b"onrecord(" + msgspec.json.encode(packed).replace(b"<", b"\\u003c") + b");\n"


def _common(texts: Sequence[str]) -> str:
    """What all of these begin with."""
    first, last = min(texts, default=""), max(texts, default="")
    return next((first[:n] for n in range(len(first), 0, -1) if last.startswith(first[:n])), "")


class _Table(dict[Any, int]):
    """Values in the order in which they were first asked for, each with its number."""

    def __call__(self, value: Any) -> int:
        return self.setdefault(value, len(self))


_LINK = re.compile(r'\b(href|src|action|data-play)="(/[^"]*)"')


def _newest(q: Quote) -> tuple[str, str, int]:
    return str(q.held_on or ""), q.meeting, q.start_ms


def _by(quotes: Sequence[Quote], keys: Callable[[Quote], Sequence[str]]) -> dict[str, list[Quote]]:
    found: dict[str, list[Quote]] = {}
    for quote in quotes:
        for key in dict.fromkeys(keys(quote)):
            found.setdefault(key, []).append(quote)
    return found


def _by_meeting(quotes: Sequence[Quote]) -> Iterator[list[Hit]]:
    for _, group in groupby(quotes, key=lambda q: q.meeting):
        yield [Hit(quote=q, spans=()) for q in group]

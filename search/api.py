"""The JSON interface of the page: what the pages show, for programs. See `docs/api.md`.

Every answer is a record below, and the OpenAPI document is made from these records: what it says is what is sent.
Fields may be added within `/api`; none is taken away or gets another meaning.
"""

from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from analyse.records import PlacedItem, TopicRange
from search import pages, reading
from search.cite import NOTICE, Said
from search.find import N_HITS, Facet
from search.find import Hit as Found
from search.quotes import Quote
from search.web import shelf_of, url
from transcribe.documents import GENERATOR
from transcribe.records import Coverage, Record, Stretch

LIMIT = 20
MOST_FROM = 1_000_000


class Hit(Record, omit_defaults=False):
    """A quote, how it is cited, where in its text the words stand that were looked for, and its page."""

    quote: Quote
    cited: str
    spans: tuple[tuple[int, int], ...]
    page: str


class Search(Record, omit_defaults=False):
    """`next` is where more are; null where these were the last."""

    notice: str
    understood: str
    notes: tuple[str, ...]
    suggestions: tuple[str, ...]
    total: int
    quotes: tuple[Hit, ...]
    facets: tuple[Facet, ...]
    next: str | None


class Place(Record, omit_defaults=False):
    """A place in time as it now reads. `changed` says whether it reads otherwise than cited; null where no check was
    given."""

    notice: str
    quote: Quote
    cited: str
    page: str
    changed: bool | None
    before: tuple[Said, ...]
    after: tuple[Said, ...]
    citations: dict[str, str]
    evidence: tuple[str, ...]
    confirmed_by: str
    history: tuple[str, ...]
    published: str


class Entry(Record, omit_defaults=False):
    id: str
    title: str
    body: str
    held_on: str | None
    duration_ms: int
    has_sound: bool
    page: str


class Meetings(Record, omit_defaults=False):
    notice: str
    total: int
    meetings: tuple[Entry, ...]
    next: str | None


class Voice(Record, omit_defaults=False):
    """`label` is null for words of nobody. `status` is confirmed, inferred or unknown."""

    label: str | None
    name: str
    person: str | None
    role: str
    status: str


class MeetingAnswer(Record, omit_defaults=False):
    """`sound` is where the recording plays; null where there is none to play. `quotes` are all, in order, in pages."""

    notice: str
    id: str
    title: str
    body: str
    held_on: str | None
    duration_ms: int
    source_url: str
    sound: str | None
    voices: tuple[Voice, ...]
    stretches: tuple[Stretch, ...]
    coverage: Coverage | None
    items: tuple[PlacedItem, ...]
    topics: tuple[TopicRange, ...]
    total: int
    quotes: tuple[Quote, ...]
    next: str | None


class Appearance(Record, omit_defaults=False):
    meeting: str
    title: str
    held_on: str | None
    role: str
    party: str
    status: str
    evidence: tuple[str, ...]


class PersonAnswer(Record, omit_defaults=False):
    notice: str
    id: str
    name: str
    appearances: tuple[Appearance, ...]
    total: int
    quotes: tuple[Quote, ...]
    next: str | None


class Error(Record, omit_defaults=False):
    error: str


def routes() -> list[BaseRoute]:
    return [
        Route("/api/search", search),
        Route("/api/quotes/{meeting}/{range}", quote),
        Route("/api/meetings", meetings),
        Route("/api/meetings/{id}", meeting),
        Route("/api/people/{id}", person),
        Route("/api/openapi.json", openapi),
    ]


def search(request: Request) -> Response:
    limit, first = _paged(request)
    _, _, whole = pages.asked(request)
    if request.query_params.get("sort", "best") not in ("best", "newest"):
        raise HTTPException(400, "sort is best or newest")
    sort = pages.order(request)
    found = shelf_of(request).search(whole, sort=sort, limit=limit, offset=first, facets=True)
    return _answer(
        Search(
            notice=NOTICE,
            understood=found.understood,
            notes=found.notes,
            suggestions=found.suggestions,
            total=found.total,
            quotes=tuple(map(_hit, found.hits)),
            facets=found.facets,
            next=_next(request, first, limit, found.total),
        )
    )


def _hit(hit: Found) -> Hit:
    return Hit(quote=hit.quote, cited=hit.quote.cited, spans=hit.spans, page=f"/quote/{hit.quote.cited}")


def quote(request: Request) -> Response:
    shelf = shelf_of(request)
    held, passage = shelf.passage(f"{request.path_params['meeting']}/{request.path_params['range']}")
    told = shelf.told(held, passage)
    return _answer(
        Place(
            notice=NOTICE,
            quote=passage.quote,
            cited=passage.quote.cited,
            page=f"/quote/{passage.quote.cited}",
            changed=passage.changed,
            before=passage.before,
            after=passage.after,
            citations=told.citations,
            evidence=tuple(map(str, told.evidence)),
            confirmed_by=told.confirmed_by,
            history=told.changes,
            published=told.link,
        )
    )


def meetings(request: Request) -> Response:
    limit, first = _paged(request)
    listed = sorted(shelf_of(request).meetings(), key=lambda m: (str(m.held_on or ""), m.id), reverse=True)
    entries = [
        Entry(
            id=m.id,
            title=m.title,
            body=m.body,
            held_on=_day(m.held_on),
            duration_ms=m.duration_ms,
            has_sound=m.has_sound,
            page=f"/meeting/{m.id}",
        )
        for m in listed[first : first + limit]
    ]
    return _answer(
        Meetings(
            notice=NOTICE,
            total=len(listed),
            meetings=tuple(entries),
            next=_next(request, first, limit, len(listed)),
        )
    )


def meeting(request: Request) -> Response:
    limit, first = _paged(request)
    shelf = shelf_of(request)
    held = shelf.meeting(request.path_params["id"])
    about, statements = held.meeting, held.statements
    voices = [
        Voice(label=v.label, name=v.name.display, person=v.name.person, role=v.name.role, status=v.name.status)
        for v in held.voices.values()
    ]
    return _answer(
        MeetingAnswer(
            notice=NOTICE,
            id=about.id,
            title=held.title,
            body=about.body,
            held_on=_day(about.held_on),
            duration_ms=held.duration_ms,
            source_url=about.source_url,
            sound=f"/media/{about.id}" if shelf.sound(about.id) else None,
            voices=tuple(voices),
            stretches=held.transcript.stretches,
            coverage=held.transcript.coverage,
            items=statements.items if statements else (),
            topics=statements.topics if statements else (),
            total=len(held.quotes),
            quotes=held.quotes[first : first + limit],
            next=_next(request, first, limit, len(held.quotes)),
        )
    )


def person(request: Request) -> Response:
    limit, first = _paged(request)
    shelf = shelf_of(request)
    known = shelf.person(request.path_params["id"])
    found = shelf.search(f'person:"{known.id}"', sort="newest", limit=limit, offset=first, facets=False)
    return _answer(
        PersonAnswer(
            notice=NOTICE,
            id=known.id,
            name=known.name,
            appearances=tuple(map(_appearance, known.appearances)),
            total=found.total,
            quotes=tuple(hit.quote for hit in found.hits),
            next=_next(request, first, limit, found.total),
        )
    )


def _appearance(a: reading.Appearance) -> Appearance:
    return Appearance(
        meeting=a.meeting.id,
        title=a.meeting.title,
        held_on=_day(a.meeting.held_on),
        role=a.name.role,
        party=a.name.party,
        status=a.name.status,
        evidence=tuple(map(str, a.evidence)),
    )


def _day(day: Any) -> str | None:
    return day.isoformat() if day else None


def _answer(record: Record) -> Response:
    return Response(msgspec.json.encode(record), media_type="application/json", headers={"Cache-Control": "no-cache"})


def _paged(request: Request) -> tuple[int, int]:
    return _whole(request, "limit", LIMIT, 1, N_HITS), _whole(request, "from", 0, 0, MOST_FROM)


def _whole(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise HTTPException(400, f"{name} is a whole number from {least} to {most}")
    return int(text)


def _next(request: Request, first: int, limit: int, total: int) -> str | None:
    if first + limit >= min(total, MOST_FROM):
        return None
    asked = {k: request.query_params.getlist(k) for k in ("q", "f", "sort")}
    return url(request.url.path, **asked, **{"limit": limit, "from": first + limit})


# -- the document ----------------------------------------------------------------------------------

_ID = {"type": "string", "pattern": "^[a-z0-9-]{1,80}$"}
_RANGE = {"type": "string", "pattern": "^[0-9]{1,10}-[0-9]{1,10}(~[0-9a-f]{8})?$"}


def _parameter(name: str, about: str, schema: dict[str, Any], where: str = "query") -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "description": about, "schema": schema}


def openapi(request: Request) -> Response:
    """The OpenAPI document of what is above."""
    limit = _parameter("limit", "how many", {"type": "integer", "minimum": 1, "maximum": N_HITS, "default": LIMIT})
    first = _parameter("from", "after how many", {"type": "integer", "minimum": 0, "maximum": MOST_FROM, "default": 0})
    asked = [
        _parameter("q", "in the query language", {"type": "string", "maxLength": 10_000}),
        _parameter("f", "narrowed by; may be given several times", {"type": "array", "items": {"type": "string"}}),
        _parameter("sort", "what comes first", {"type": "string", "enum": ["best", "newest"], "default": "best"}),
    ]
    paths: dict[str, tuple[str, type[Record], list[dict[str, Any]]]] = {
        "/api/search": ("Quotes that a query finds", Search, [*asked, limit, first]),
        "/api/quotes/{meeting}/{range}": (
            "What is said at an address, how it is known, and how to cite it",
            Place,
            [
                _parameter("meeting", "a meeting's id", _ID, "path"),
                _parameter("range", "<start_ms>-<end_ms>, with or without ~check", _RANGE, "path"),
            ],
        ),
        "/api/meetings": ("All meetings, the newest first", Meetings, [limit, first]),
        "/api/meetings/{id}": (
            "A meeting, with its quotes",
            MeetingAnswer,
            [_parameter("id", "its id", _ID, "path"), limit, first],
        ),
        "/api/people/{id}": (
            "A person, and all that they said",
            PersonAnswer,
            [_parameter("id", "their id", _ID, "path"), limit, first],
        ),
    }
    kinds = [kind for _, kind, _ in paths.values()]
    _, components = msgspec.json.schema_components([*kinds, Error], ref_template="#/components/schemas/{name}")
    document = {
        "openapi": "3.1.0",
        "info": {"title": "onrecord", "version": GENERATOR.split()[-1], "description": NOTICE},
        "paths": {path: {"get": _operation(about, kind, given)} for path, (about, kind, given) in paths.items()},
        "components": {"schemas": components},
    }
    return Response(msgspec.json.encode(document), media_type="application/json")


def _operation(about: str, kind: type[Record], parameters: list[dict[str, Any]]) -> dict[str, Any]:
    def sent(name: str, text: str) -> dict[str, Any]:
        schema = {"$ref": f"#/components/schemas/{name}"}
        return {"description": text, "content": {"application/json": {"schema": schema}}}

    return {
        "summary": about,
        "parameters": parameters,
        "responses": {
            "200": sent(kind.__name__, about),
            "400": sent("Error", "The question cannot be read"),
            "404": sent("Error", "There is nothing of this name, or nothing is said there"),
            "414": sent("Error", "The address is too long: at most 16,000 bytes"),
            "429": sent("Error", "Too many requests: see Retry-After"),
            "503": sent("Error", "It is being changed just now: try again"),
        },
    }

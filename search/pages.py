"""The reading pages, an address each: search, meetings, a meeting, a quote, a person, and what is in the data."""

import functools
import re
from collections.abc import Iterator
from datetime import UTC, datetime, time
from itertools import groupby
from typing import Any, Literal
from xml.etree import ElementTree as xml

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from search import cite, examples, find, reading, tables, working
from search import query as q
from search.find import Results
from search.quotes import Quote, parse_address
from search.reading import Held
from search.web import number, render, shelf_of, url
from transcribe.correct import silence
from transcribe.problem import Problem

N_HITS, N_FEED = 20, 50
MOST_OFFSET = 1_000_000
NOTHING = Results(total=0, hits=(), understood="")
QUESTIONS = {  # the heads of what a search can be narrowed by
    "speaker": "Who spoke",
    "code": "What it is about",
    "stance": "How the speaker sounds: a guess",
    "body": "Council",
    "year": "Year",
    "status": "How the name is known",
}


def routes() -> list[BaseRoute]:
    return [
        Route("/", search_page, name="search"),
        Route("/quotes.csv", search_csv),
        Route("/quotes.atom", search_atom),
        Route("/meetings", meetings_page),
        Route("/meeting/{id}", meeting_page),
        Route("/person/{id}", person_page),
        Route("/quote", quote_by_clock),
        Route("/quote/{meeting}/{range}", quote_page),
        Route("/about", about_page),
        Route("/help", help_page),
    ]


# -- search ---------------------------------------------------------------------------------------


def asked(request: Request) -> tuple[str, list[str], str]:
    """What a search asks for: what was typed, what it was narrowed by, and both as one query."""
    typed = request.query_params.get("q", "")
    narrowed = [f for f in request.query_params.getlist("f")[:20] if f]
    if not narrowed:
        return typed, [], typed
    # As it was understood, so that an open bracket or quotation mark cannot swallow what follows.
    root = q.parse(typed).root
    whole = "" if root in (q.All(), q.Any()) else q.understood(q.Query(root=root))
    return typed, narrowed, " ".join([f"({whole})" if isinstance(root, q.Any) and whole else whole, *narrowed])


def order(request: Request) -> Literal["best", "newest"]:
    return "newest" if request.query_params.get("sort") == "newest" else "best"


def search_page(request: Request) -> Response:
    shelf = shelf_of(request)
    typed, narrowed, whole = asked(request)
    sort = order(request)
    offset = number(request.query_params.get("from"), 0, 0, MOST_OFFSET)
    results, trouble = NOTHING, ""
    try:
        results = shelf.search(whole, sort=sort, limit=N_HITS, offset=offset, facets=True)
    except Problem as e:
        if whole.strip():
            raise
        trouble = e.what
    names = reading.code_names(shelf.codebook())
    notes = dict.fromkeys([*(q.parse(typed).notes if narrowed else ()), *results.notes])
    told = {"q": typed, "sort": sort if sort == "newest" else ""}
    is_asked = bool(typed.strip() or narrowed or "q" in request.query_params)
    return render(
        request,
        "search.html",
        typed=typed,
        narrowed=narrowed,
        sort=sort,
        results=results,
        notes=list(notes),
        trouble=trouble,
        asked=is_asked,
        examples=[] if is_asked or trouble else [e for e in _examples(request, results) if e.found],
        facets=[_facet(f, told, narrowed, names) for f in _in_order(results) if f.values],
        chosen_off=[(value, url("/", **told, f=[f for f in narrowed if f != value])) for value in narrowed],
        marks={h.quote.address: _marks(h.quote, names) for h in results.hits},
        plays={h.quote.address: shelf.plays(h.quote) for h in results.hits},
        earlier=url("/", **told, f=narrowed, **{"from": max(0, offset - N_HITS)}) if offset else "",
        later=url("/", **told, f=narrowed, **{"from": offset + N_HITS}) if offset + N_HITS < results.total else "",
        first=offset + 1,
        sorts=[(s, url("/", q=typed, f=narrowed, sort=s)) for s in ("best", "newest")],
        csv=url("/quotes.csv", **told, f=narrowed),
        n_csv=find.N_HITS,
        json=url("/api/search", **told, f=narrowed),
        atom=url("/quotes.atom", q=typed, f=narrowed),
        codes=names,
    )


def _in_order(results: Results) -> list[find.Facet]:
    by_name = {f.name: f for f in results.facets}
    return [by_name[name] for name in QUESTIONS if name in by_name]


def _facet(facet: find.Facet, told: dict[str, str], narrowed: list[str], names: dict[str, str]) -> dict[str, Any]:
    def shown(value: str) -> str:
        if facet.name == "code":
            return names.get(value, value.replace("_", " "))
        return reading.STATUS.get(value, value) if facet.name == "status" else value

    values = []
    for v in facet.values:
        on = v.query in narrowed
        others = [f for f in narrowed if f != v.query]
        values.append((shown(v.value), v.n, on, url("/", **told, f=others if on else [*narrowed, v.query])))
    return {"name": facet.name, "head": QUESTIONS[facet.name], "values": values}


def _marks(quote: Quote, names: dict[str, str]) -> tuple[str, ...]:
    return reading.marks(quote.codes, quote.stance if quote.topic else None, quote.stance_holder, names)


def search_csv(request: Request) -> Response:
    _, _, whole = asked(request)
    results = shelf_of(request).search(whole, sort=order(request), limit=find.N_HITS, offset=0, facets=False)
    n, n_found = len(results.hits), results.total
    remark = f"These are the first {n:,} of {n_found:,} quotes that were found." if n < n_found else ""
    rows = tables.to_csv([[hit.quote for hit in results.hits]], remark)
    return StreamingResponse(
        rows,
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="quotes.csv"', "Cache-Control": "no-cache"},
    )


def search_atom(request: Request) -> Response:
    """The newest quotes that a search finds, as a feed; each names its speaker with how that is known."""
    typed, narrowed, whole = asked(request)
    results = shelf_of(request).search(whole, sort="newest", limit=N_FEED, offset=0, facets=False)
    base = str(request.base_url).rstrip("/")
    days = [h.quote.held_on for h in results.hits if h.quote.held_on]
    feed = xml.Element("feed", xmlns="http://www.w3.org/2005/Atom")
    _child(feed, "title", f"Quotes: {results.understood}")
    _child(feed, "subtitle", cite.NOTICE)
    _child(feed, "id", base + url("/quotes.atom", q=typed, f=narrowed))
    _child(feed, "updated", _moment(max(days, default=None)))
    _child(feed, "author").append(_text("name", "onrecord"))
    feed.append(xml.Element("link", rel="self", href=base + url("/quotes.atom", q=typed, f=narrowed)))
    feed.append(xml.Element("link", rel="alternate", href=base + url("/", q=typed, f=narrowed, sort="newest")))
    for hit in results.hits:
        quote = hit.quote
        entry = _child(feed, "entry")
        _child(entry, "title", f"{cite.who(quote)}, {quote.title}, {cite.timecode(quote.start_ms)}")
        _child(entry, "id", f"{base}/quote/{quote.address}")
        _child(entry, "updated", _moment(quote.held_on))
        entry.append(xml.Element("link", rel="alternate", href=f"{base}/quote/{quote.cited}"))
        _child(entry, "content", f"“{quote.text}”\n\n{cite.NOTICE}").set("type", "text")
    body = xml.tostring(feed, encoding="utf-8", xml_declaration=True)
    return Response(body, media_type="application/atom+xml", headers={"Cache-Control": "no-cache"})


def _child(parent: xml.Element, name: str, text: str = "") -> xml.Element:
    child = _text(name, text)
    parent.append(child)
    return child


def _text(name: str, text: str) -> xml.Element:
    element = xml.Element(name)
    # XML has no place for most control characters, however they are written.
    element.text = re.sub("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text) or None
    return element


def _moment(day: Any) -> str:
    return datetime.combine(day, time(), UTC).isoformat() if day else datetime(1970, 1, 1, tzinfo=UTC).isoformat()


# -- meetings --------------------------------------------------------------------------------------


def meetings_page(request: Request) -> Response:
    newest = sorted(shelf_of(request).meetings(), key=lambda m: (m.held_on is not None, m.held_on, m.id), reverse=True)
    years = [(year, list(group)) for year, group in groupby(newest, key=lambda m: m.held_on.year if m.held_on else 0)]
    return render(request, "meetings.html", years=years, n=len(newest))


def meeting_page(request: Request) -> Response:
    shelf = shelf_of(request)
    held = shelf.meeting(request.path_params["id"])
    typed = request.query_params.get("q", "")
    book = shelf.codebook()
    names = reading.code_names(book)
    look_for = find.highlighter(typed) if typed.strip() else lambda text: ()
    made = reading.blocks(held, names, look_for)
    topics = held.statements.topics if held.statements else ()
    sound = shelf.sound(held.meeting.id)
    spoken, about = reading.timeline(made, topics, held.duration_ms)
    return render(
        request,
        "meeting.html",
        held=held,
        blocks=made,
        spoken=spoken,
        about=about,
        topics=topics,
        topic=examples.topic(book),
        sound=sound,
        silencing=sound is None and _is_hidden_in(held),
        voices=list(held.voices.values()),
        typed=typed,
        n_found=sum(len(p.found) > 0 for b in made for p in b.pieces),
        n_topic=sum(p.topic for b in made for p in b.pieces),
        coverage=held.transcript.coverage,
        moment=functools.partial(shelf.moment, held),
        **working.of_meeting(request, held),
    )


def _is_hidden_in(held: Held) -> bool:
    """Whether something is hidden in a meeting that was recorded: only a copy without it is ever played."""
    recorded = held.recording is not None and bool(held.recording.media)
    return recorded and bool(silence(held.transcript.stretches))


# -- a quote ---------------------------------------------------------------------------------------


def quote_by_clock(request: Request) -> Response:
    """From a form: a meeting and two times as a player shows them."""
    given = request.query_params
    place = parse_address(f"{given.get('meeting', '')}/{given.get('start', '')}-{given.get('end', '')}")
    return RedirectResponse(f"/quote/{place}", status_code=303)


def quote_page(request: Request) -> Response:
    shelf = shelf_of(request)
    address = f"{request.path_params['meeting']}/{request.path_params['range']}"
    held, passage = shelf.passage(address)
    quote = passage.quote
    sound = shelf.sound(quote.meeting)
    return render(
        request,
        "quote.html",
        held=held,
        passage=passage,
        quote=quote,
        cited=address,
        told=shelf.told(held, passage),
        marks=_marks(quote, reading.code_names(shelf.codebook())),
        sound=sound,
        silencing=sound is None and _is_hidden_in(held),
        voice=held.voices.get(quote.speaker_label),
        work=working.at(request, held, quote.start_ms, quote.end_ms),
        base=str(request.base_url).rstrip("/"),
    )


# -- a person --------------------------------------------------------------------------------------


def person_page(request: Request) -> Response:
    shelf = shelf_of(request)
    id = request.path_params["id"]
    known = shelf.person(id)
    offset = number(request.query_params.get("from"), 0, 0, MOST_OFFSET)
    narrowed = request.query_params.get("f", "")
    results = shelf.search(f'person:"{id}" {narrowed}', sort="newest", limit=N_HITS, offset=offset, facets=True)
    names = reading.code_names(shelf.codebook())
    here = f"/person/{id}"
    codes = next((f for f in results.facets if f.name == "code"), None)
    return render(
        request,
        "person.html",
        person=known,
        results=results,
        narrowed=narrowed,
        codes=[
            (
                names.get(v.value, v.value.replace("_", " ")),
                v.n,
                v.query == narrowed,
                url(here, f=v.query if v.query != narrowed else ""),
            )
            for v in (codes.values if codes else ())
        ],
        marks={h.quote.address: _marks(h.quote, names) for h in results.hits},
        plays={h.quote.address: shelf.plays(h.quote) for h in results.hits},
        groups=[(hits[0].quote, hits) for hits in _by_meeting(results)],
        first=offset + 1,
        earlier=url(here, f=narrowed, **{"from": max(0, offset - N_HITS)}) if offset else "",
        later=url(here, f=narrowed, **{"from": offset + N_HITS}) if offset + N_HITS < results.total else "",
        everything=url("/", f=[f'person:"{id}"']),
    )


def _by_meeting(results: Results) -> Iterator[list[find.Hit]]:
    for _, group in groupby(results.hits, key=lambda h: h.quote.meeting):
        yield list(group)


# -- about -----------------------------------------------------------------------------------------


def about_page(request: Request) -> Response:
    listed = shelf_of(request).meetings()
    covered = [m for m in listed if m.coverage]
    known = [m.coverage for m in covered if m.coverage]
    reasons: dict[str, int] = {}
    for c in known:
        for reason, ms in c.untranscribed.items():
            reasons[reason] = reasons.get(reason, 0) + ms
    words = {s: sum(m.words_by_status.get(s, 0) for m in listed) for s in reading.STATUS}
    return render(
        request,
        "about.html",
        n=len(listed),
        duration_ms=sum(m.duration_ms for m in listed),
        transcribed_ms=sum(c.transcribed_ms for c in known),
        no_speech_ms=sum(c.no_speech_ms for c in known if c.listened),
        uncaptioned_ms=sum(c.no_speech_ms for c in known if not c.listened),
        excluded_ms=sum(c.excluded_ms for c in known),
        untranscribed=sorted(reasons.items(), key=lambda r: -r[1]),
        n_words=sum(m.n_words for m in listed),
        words=words,
        bodies=sorted({m.body for m in listed if m.body}),
        days=sorted(m.held_on for m in listed if m.held_on),
        n_captions=sum(m.engine.startswith("captions") for m in listed),
        engines=sorted({m.engine for m in listed if m.engine}),
        codes=reading.code_names(shelf_of(request).codebook()),
    )


def help_page(request: Request) -> Response:
    shelf = shelf_of(request)
    try:
        everything = shelf.search("", sort="newest", limit=1, offset=0, facets=True)
    except Problem:
        everything = NOTHING
    return render(
        request,
        "help.html",
        examples=[*_examples(request, everything), *examples.of_fields(everything)],
        codes=reading.code_names(shelf.codebook()),
    )


def _examples(request: Request, everything: Results) -> tuple[examples.Example, ...]:
    """Made once for what the index holds."""
    shelf, state = shelf_of(request), request.app.state
    book = shelf.codebook()

    def n_found(query: str) -> int:
        if not everything.total:
            return 0
        return shelf.search(query, sort="newest", limit=1, offset=0, facets=False).total

    if getattr(state, "examples_of", None) != (everything.as_of, book):
        state.examples = examples.examples(book, n_found)
        state.examples_of = everything.as_of, book
    made: tuple[examples.Example, ...] = state.examples
    return made

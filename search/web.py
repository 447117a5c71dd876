"""The page: one Starlette application that shows what a `Shelf` holds, and where a `Desk` changes it.

Everything is rendered here and works without JavaScript. Templates escape whatever they are given; nothing is
loaded from anywhere else, and the browser is told to refuse it (Content-Security-Policy, without inline script or
style). What is offered to those who may write is in `search.working`.
"""

import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from search import cite, exports, reading
from search.desk import Desk
from search.index import Stale
from search.measured import MEASURED
from search.reading import Held, NotNow, Shelf
from search.sessions import Attempts, Session, Sessions
from search.styles import day
from transcribe.documents import Unreadable
from transcribe.problem import Problem

HERE = Path(__file__).parent
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
BODY_BYTES = 64_000  # of a request; reading needs none
PER_S, BURST, N_CLIENTS = 40.0, 200.0, 10_000  # requests of one client; media and static files are not counted
QUERY_BYTES = 16_000
IN_CAPITALS = {"apa": "APA", "oscola": "OSCOLA", "csl-json": "CSL-JSON", "ris": "RIS", "bibtex": "BibTeX"}
STYLE_NAMES = {style: IN_CAPITALS.get(style, style.capitalize()) for style in cite.STYLES}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # by which a browser also tells this server that a form is its own
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
log = logging.getLogger("onrecord")


def application(
    shelf: Shelf, *, hosts: Sequence[str] = LOCAL_HOSTS, contact: str = "", desk: Desk | None = None
) -> Starlette:
    """The page over a shelf. It answers only to the names in `hosts` (`*`: to any), so that no other site's page can
    have a browser read what is for this machine alone; `contact` is where people ask for a correction. Who is signed in
    can write at a `desk`; without one the page can only be read."""
    from search import api, pages, recordings, signing, working

    app = Starlette(
        routes=[
            *pages.routes(),
            *recordings.routes(),
            *api.routes(),
            *((*signing.routes(), *working.routes()) if desk else ()),
            Mount("/static", StaticFiles(directory=HERE / "static"), name="static"),
        ],
        middleware=[
            Middleware(Headers),
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts),
            Middleware(Limits),
        ],
        exception_handlers={Problem: _problem, HTTPException: _refused, OSError: _vanished, Exception: _bug},
    )
    app.state.shelf = shelf
    app.state.contact = contact
    app.state.templates = _templates()
    app.state.desk = desk
    app.state.sessions = Sessions(desk.mark) if desk else None
    app.state.attempts = Attempts()
    app.state.limits = {}
    return app


# -- templates ------------------------------------------------------------------------------------


def _templates() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {
        "clock": cite.timecode,
        "day": day,
        "lasting": _lasting,
        "share": _share,
        "chosen": lambda hit: list(reading.chosen(hit.quote.text, hit.spans)),
        "parts": lambda piece: list(reading.chosen(piece.text, piece.found)),
        "telling": lambda reasons: [r for r in reasons if r not in reading.OF_ALL],
        "listen": lambda reasons: [reading.LISTEN.get(r, r) for r in reasons],
    }
    env.globals |= {"NOTICE": cite.NOTICE, "STATUS": reading.STATUS, "url": url, "published": None}
    env.globals |= {"has_page": reading.has_page, "silent": exports.silent}
    env.globals |= {"STYLE_NAMES": STYLE_NAMES, "writer": None, "work": None, "people": (), "told_now": ()}
    env.globals |= {"can_sign_in": False, "MEASURED": MEASURED}
    return env


def _lasting(ms: int) -> str:
    """How long something takes, as people say it.

    >>> _lasting(7_510_000), _lasting(471_000), _lasting(20_000)
    ('2 h 5 min', '8 min', '20 s')
    """
    minutes = round(ms / 60_000)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{round(ms / 1000)} s"


def _share(n: int, of: int) -> str:
    """A share in whole percent; a little of something is not nothing, and nearly all not all.

    >>> _share(0, 9), _share(1, 900), _share(450, 900), _share(899, 900), _share(9, 9), _share(0, 0)
    ('0 %', 'under 1 %', '50 %', 'over 99 %', '100 %', '0 %')
    """
    percent = 100 * n / max(1, of)
    if 0 < percent < 1:
        return "under 1 %"
    return "over 99 %" if 99 < percent < 100 else f"{percent:.0f} %"


def url(path: str, **query: Any) -> str:
    """A link with what is asked; what is empty is left out, and a list is given once for each of its values."""
    asked = {k: v for k, v in query.items() if v}
    return f"{path}?{urlencode(asked, doseq=True)}" if asked else path


def render(request: Request, template: str, *, status: int = 200, **what: Any) -> HTMLResponse:
    """A page; what it offers to whoever is signed in is nobody else's, nor to be kept."""
    state = request.app.state
    writer = writer_of(request)
    made = state.templates.get_template(template).render(
        contact=state.contact,
        path=request.url.path,
        writer=writer,
        told_now=writer.told() if writer else (),
        can_sign_in=bool(state.desk and state.desk.has_accounts()),
        **what,
    )
    return HTMLResponse(made, status_code=status, headers={"Cache-Control": "no-store" if writer else "no-cache"})


def writer_of(request: Request) -> Session | None:
    """Who is signed in, if anybody is."""
    sessions: Sessions | None = request.app.state.sessions
    return sessions.of(request) if sessions else None


# -- errors ---------------------------------------------------------------------------------------


def _plain(request: Request) -> bool:
    return request.url.path.startswith(("/api/", "/media/"))


def _error(request: Request, status: int, what: str, fix: str = "", held: Held | None = None) -> Response:
    if _plain(request):
        return _json_error(status, what)
    return render(request, "error.html", status=status, what=what, fix=fix, number=status, held=held)


def _meeting_of(request: Request) -> Held | None:
    """The meeting in which somebody looked for what is not there."""
    try:
        return shelf_of(request).meeting(request.path_params["meeting"])
    except (KeyError, Problem, OSError):
        return None


def _json_error(status: int, what: str) -> Response:
    import msgspec

    return Response(msgspec.json.encode({"error": what}), status_code=status, media_type="application/json")


async def _problem(request: Request, error: Exception) -> Response:
    """What is not there. Its place and its remedy are for who keeps the data, not for readers."""
    assert isinstance(error, Problem)
    place = f" ({'; '.join(filter(None, (str(error.where), error.fix)))})" if error.where else ""
    log.warning("%s: %s%s", request.url.path, error.what, place)
    if isinstance(error, Unreadable | Stale):
        answer = _error(request, 503, "This cannot be read just now", "Try again in a few minutes.")
    elif isinstance(error, NotNow):
        answer = _error(request, 503, error.what, error.fix)
    else:
        held = None if _plain(request) else await run_sync(_meeting_of, request)
        return _error(request, 404, error.what, "" if error.where else error.fix, held)
    answer.headers["Retry-After"] = "5"
    return answer


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    what = {404: "There is no such page", 405: "This page can only be read"}.get(error.status_code, error.detail)
    answer = _error(request, error.status_code, what)
    answer.headers.update(error.headers or {})
    return answer


async def _vanished(request: Request, error: Exception) -> Response:
    log.warning("%s: %r", request.url.path, error)
    return _error(request, 503, "This cannot be read just now", "Try again in a moment.")


async def _bug(request: Request, error: Exception) -> Response:
    answer = _error(request, 500, "Something went wrong in this program", "It has been written to the log.")
    answer.headers.update(HEADERS)  # this one answer is made outside of what puts them on all others
    return answer


# -- around every answer --------------------------------------------------------------------------


class Headers:
    """What every answer carries, errors too."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


class Limits:
    """Refuses large requests, and a client that asks for pages faster than anybody reads."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # client -> (tokens, when)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if refusal:
            await refusal(scope, receive, send)
        else:
            await self.app(scope, _at_most(BODY_BYTES, receive), send)

    def _refusal(self, scope: Scope) -> Response | None:
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > BODY_BYTES:
            return _json_error(413, "this is too large")
        if len(scope.get("query_string", b"")) + len(scope.get("raw_path") or b"") > QUERY_BYTES:
            return _json_error(414, "this address is too long")
        if not scope["path"].startswith(("/static/", "/media/")) and not self._may(scope):
            answer = _json_error(429, "too many requests")
            answer.headers["Retry-After"] = "2"
            return answer
        return None

    def _may(self, scope: Scope) -> bool:
        client = (scope.get("client") or ("",))[0]
        now = time.monotonic()
        tokens, then = self._left.pop(client, (BURST, now))
        tokens = min(BURST, tokens + (now - then) * PER_S)
        self._left[client] = (max(0.0, tokens - 1), now)
        while len(self._left) > N_CLIENTS:
            self._left.popitem(last=False)
        return tokens >= 1


def _at_most(n_bytes: int, receive: Receive) -> Callable[[], Awaitable[Message]]:
    """Hands on at most so much of a body that did not say how long it is."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > n_bytes:
                raise HTTPException(413, "too large")
        return message

    return counted


def shelf_of(request: Request) -> Shelf:
    shelf: Shelf = request.app.state.shelf
    return shelf


def number(text: str | None, default: int, least: int, most: int) -> int:
    """A number from an address; what is none, or too large, is what it may be at most."""
    with contextlib.suppress(ValueError):
        return min(max(int((text or "").strip()[:12]), least), most)
    return default

"""Signing in and out on the page, and what every form of those who are signed in goes through."""

import re
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import parse_qsl

import anyio
from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from search import sessions
from search.desk import Desk
from search.sessions import Attempts, Sessions
from search.web import render, url, writer_of

N_FIELDS = 40
T = TypeVar("T")


def routes() -> list[BaseRoute]:
    return [
        Route("/sign-in", sign_in_page, methods=["GET"]),
        Route("/sign-in", sign_in, methods=["POST"]),
        Route("/sign-out", sign_out, methods=["POST"]),
    ]


def desk_of(request: Request) -> Desk:
    """The desk. Without accounts there is none."""
    desk: Desk | None = request.app.state.desk
    if desk is None or not desk.has_accounts():
        raise HTTPException(404)
    return desk


def sign_in_page(request: Request) -> Response:
    desk_of(request)
    after = own_path(request.query_params.get("next", ""))
    if writer_of(request):
        return RedirectResponse(after or "/queue", status_code=303)
    return render(request, "sign_in.html", name="", after=after, trouble="")


async def sign_in(request: Request) -> Response:
    desk = await run_sync(lambda: desk_of(request))
    form = await form_of(request)
    name, after = form.get("name", "")[:200], own_path(form.get("next", ""))
    attempts: Attempts = request.app.state.attempts
    client = request.client.host if request.client else ""
    trouble, status = "This name and this password do not belong together.", 403
    if attempts.may(name, client):
        # Each takes memory and time on purpose: two at once are enough.
        found = await aside(request, "passwords", 2, lambda: desk.sign_in(name, form.get("password", "")))
        if found:
            attempts.forget(name, client)
            answer = RedirectResponse(after or "/queue", status_code=303)
            held: Sessions = request.app.state.sessions
            held.begin(request, answer, *found)
            return answer
    else:
        trouble, status = "Too many attempts. Wait a quarter of an hour, and try again.", 429
    return await run_sync(
        lambda: render(request, "sign_in.html", status=status, name=name, after=after, trouble=trouble)
    )


async def sign_out(request: Request) -> Response:
    form = await form_of(request)
    answer = RedirectResponse("/", status_code=303)
    session = await run_sync(lambda: writer_of(request))
    if session is None or not sessions.matches(session, form.get("token", "")):
        raise HTTPException(403, "You are not signed in")
    held: Sessions = request.app.state.sessions
    held.end(request, answer)
    return answer


def own_path(text: str) -> str:
    """A path of this page, to go to afterwards; empty for anything else.

    >>> own_path("/quote/panel/0-9000#work"), own_path("//elsewhere.example"), own_path("https://elsewhere.example")
    ('/quote/panel/0-9000#work', '', '')
    """
    return text if re.fullmatch(r"/(?![/\\])[\w/.~?=&%+:#-]{0,2000}", text, re.ASCII) else ""


async def form_of(request: Request) -> dict[str, str]:
    """What a form of this page says. Raises HTTPException for any other."""
    if not sessions.is_own(request):
        raise HTTPException(403, "This was not sent from a page of this server")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(415, "This is not a form of this page")
    body = await request.body()
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=N_FIELDS, errors="strict")
    except (ValueError, UnicodeDecodeError) as e:
        raise HTTPException(400, "This is not a form of this page") from e
    return {name: value.replace("\r\n", "\n") for name, value in pairs}


def to_sign_in(request: Request) -> Response:
    """The way to where one signs in, and back."""
    desk_of(request)
    here = own_path(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
    return RedirectResponse(url("/sign-in", next=here), status_code=303)


async def aside(request: Request, what: str, n: int, work: Callable[[], T]) -> T:
    """Do some of this work in at most `n` threads at once, so that whoever only reads never waits for it."""
    limits: dict[str, anyio.CapacityLimiter] = request.app.state.limits
    return await run_sync(work, limiter=limits.setdefault(what, anyio.CapacityLimiter(n)))

"""Working on the page: correcting, confirming, hiding, taking back, and the queue of what needs a person.

Everything here is for whoever is signed in. Each change is a form that works without JavaScript; it carries what the
person saw, so that nobody overwrites what somebody else changed meanwhile without having read it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

import msgspec
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from search import sessions
from search.desk import KINDS, Conflict, Desk, Do, Done, Entry, Task, TaskKind, Wanted
from search.quotes import Address, parse_address, resolve, speaker_name
from search.reading import Held, Voice
from search.signing import aside, desk_of, form_of, own_path, to_sign_in
from search.web import number, render, shelf_of, url, writer_of
from transcribe import listened, privacy, said_by
from transcribe.problem import Problem
from transcribe.ranges import length
from transcribe.records import Record, SpeakerName, text_of

N_TASKS = 10
SAMPLE_MS = 20_000  # of a voice, to be played
WITHHELD_DAYS = 28  # which is proposed, and can be changed
HEADS: dict[TaskKind, str] = {
    "name": "Who speaks",
    "words": "What is said",
    "correction": "Corrections to look at again",
    "withheld": "Withheld, and due",
    "personal": "Personal details",
}


def routes() -> list[BaseRoute]:
    return [
        Route("/queue", queue_page, methods=["GET"]),
        Route("/work/{meeting}/{range}", work_page, methods=["GET"]),
        Route("/work/{meeting}/{range}", change, methods=["POST"]),
    ]


# -- what can be done at a place -------------------------------------------------------------------


class VoiceWork(Record):
    """A voice that somebody may name: how much it speaks, where to listen to it, and why it is who it is said to be.
    `person` is whom it may be."""

    label: str
    name: SpeakerName
    lasts_ms: int
    n_stretches: int
    start_ms: int
    end_ms: int
    person: str
    evidence: tuple[str, ...]


class Work(Record):
    """What can be changed at a place, and what was. `text` is empty where nothing is said, or nothing that is shown."""

    meeting: str
    start_ms: int
    end_ms: int
    text: str
    speakers: str
    voice: VoiceWork | None
    people: tuple[tuple[str, str], ...]
    history: tuple[Entry, ...]
    playable: bool
    listened: bool
    first_day: date
    usual_day: date

    @property
    def address(self) -> str:
        return f"{self.meeting}/{self.start_ms}-{self.end_ms}"


def at(request: Request, held: Held, start_ms: int, end_ms: int) -> Work | None:
    """What whoever is signed in can do at a place of a meeting; None where nobody is."""
    session = writer_of(request)
    if session is None:
        return None
    desk = desk_of(request)
    meeting, transcript = held.meeting.id, held.transcript
    words = resolve(Address(meeting=meeting, start_ms=start_ms, end_ms=end_ms), transcript)
    names = dict.fromkeys(speaker_name(w.speaker, transcript.names).display for w in words)
    labels = {w.speaker for w in words}
    voice = held.voices.get(next(iter(labels))) if len(labels) == 1 else None
    today = datetime.now(UTC).date()
    return Work(
        meeting=meeting,
        start_ms=start_ms,
        end_ms=end_ms,
        text=text_of(words),
        speakers=", ".join(names),
        voice=voice_work(desk, held, voice) if voice else None,
        people=tuple(desk.people(meeting)),
        history=tuple(desk.history(held, start_ms, end_ms)),
        playable=shelf_of(request).sound(meeting) is not None,
        listened=session.name in [p.by for p in transcript.listened if listened.who(words, [p])],
        first_day=today + timedelta(days=1),
        usual_day=today + timedelta(days=WITHHELD_DAYS),
    )


def of_meeting(request: Request, held: Held) -> dict[str, Any]:
    """What the page of a meeting offers to whoever is signed in: its voices that can be named, by label, and people."""
    if writer_of(request) is None:
        return {"work": None, "people": (), "is_listed": None}
    desk = desk_of(request)
    made = (voice_work(desk, held, v) for v in held.voices.values())
    return {
        "work": {v.label: v for v in made if v},
        "people": desk.people(held.meeting.id),
        "is_listed": lambda start_ms, end_ms: is_listed(held, start_ms, end_ms),
    }


def is_listed(held: Held, start_ms: int, end_ms: int) -> bool:
    """Whether a place is left out by the list in meeting.toml, which is changed there alone."""
    return any(a <= start_ms and end_ms <= b for a, b, _ in held.meeting.exclude)


def voice_work(desk: Desk, held: Held, voice: Voice) -> VoiceWork | None:
    """A voice to be named. None of what people gave to somebody stretch by stretch, or what has no time."""
    if not voice.label or voice.label.startswith(said_by.BY_PEOPLE):
        return None
    stretches = said_by.time_of(held.transcript.words, voice.label)
    if not stretches:
        return None
    start_ms, end_ms = max(stretches, key=lambda s: s[1] - s[0])
    likely = voice.name.person or (voice.name.runner_up[0] if voice.name.runner_up else "")
    likely = privacy.meant(held.meeting.people, likely) or ""
    return VoiceWork(
        label=voice.label,
        name=voice.name,
        lasts_ms=length(stretches),
        n_stretches=len(stretches),
        start_ms=start_ms,
        end_ms=min(end_ms, start_ms + SAMPLE_MS),
        person=likely,
        evidence=desk.evidence(voice.name),
    )


def work_page(request: Request) -> Response:
    """A place, and all that can be done there: also where nothing is said, or nothing is shown."""
    if writer_of(request) is None:
        return to_sign_in(request)
    shelf = shelf_of(request)
    place = parse_address(f"{request.path_params['meeting']}/{request.path_params['range']}")
    held = shelf.meeting(place.meeting)
    work = at(request, held, place.start_ms, place.end_ms)
    silent = ""
    if work and not work.text:
        try:
            shelf.passage(str(msgspec.structs.replace(place, check="")))
        except Problem as e:
            silent = e.what
    return render(
        request,
        "work.html",
        held=held,
        work=work,
        silent=silent,
        listed=is_listed(held, place.start_ms, place.end_ms),
        sound=shelf.sound(place.meeting),
    )


# -- changing ---------------------------------------------------------------------------------------


async def change(request: Request) -> Response:
    """One change at a place. Asked by a script it is answered as JSON."""
    form = await form_of(request)
    session = await run_sync(lambda: writer_of(request))
    if session is None or not sessions.matches(session, form.get("token", "")):
        return await run_sync(lambda: _signed_out(request, form, session))
    desk = await run_sync(lambda: desk_of(request))
    try:
        wanted = _wanted(request, form)
        if wanted.do == "listen":
            await run_sync(lambda: _check_played(request, wanted, form))
        done = await aside(request, "changes", 6, lambda: desk.change(wanted, session.name))
    except (Problem, OSError) as e:
        unwritten = Problem("this could not be written just now", fix="try again in a moment")
        problem = e if isinstance(e, Problem) else unwritten
        return await run_sync(lambda: _not_done(request, form, problem))
    told = await run_sync(lambda: _told(desk, wanted, done))
    gone = wanted.do in ("mask", "exclude", "withhold") or (wanted.do == "words" and not wanted.text.strip())
    place = f"{wanted.meeting}/{wanted.start_ms}-{wanted.end_ms}"
    back = own_path(form.get("back", ""))
    goes_on = back.startswith(("/queue", "/meeting/")) or (back and not gone)
    after = back if goes_on else f"/work/{place}" if gone else f"/quote/{place}"
    session.tell(told)
    if _by_script(request):
        return _json({"done": told, "after": after, "wall_s": done.wall_s})
    return RedirectResponse(after, status_code=303)


def _wanted(request: Request, form: Mapping[str, str]) -> Wanted:
    place = parse_address(f"{request.path_params['meeting']}/{request.path_params['range']}")
    if form.get("do") not in get_args(Do):
        raise Problem("this does not say what to do", fix="choose one of the forms of the page")
    until = None
    if form["do"] == "withhold":
        try:
            until = date.fromisoformat(form.get("until", ""))
        except ValueError as e:
            raise Problem("this is no day on which it is to be looked at again", fix="write it as 2027-03-01") from e
    return msgspec.convert(
        {
            "meeting": place.meeting,
            "start_ms": place.start_ms,
            "end_ms": place.end_ms,
            "until": until,
            **{k: form[k] for k in ("do", "saw", "text", "person", "label", "reason", "id") if k in form},
        },
        Wanted,
    )


def _check_played(request: Request, wanted: Wanted, form: Mapping[str, str]) -> None:
    if form.get("played") != "yes":
        raise Problem("this was not played from its beginning to its end", fix="listen to it first")
    if shelf_of(request).sound(wanted.meeting) is None:
        raise Problem("there is no recording here that somebody could have listened to")


def _told(desk: Desk, wanted: Wanted, done: Done) -> str:
    """What was done, for whoever did it."""
    name = dict(desk.people(wanted.meeting)).get(wanted.person, "")
    told = {
        "words": f"Saved. It now says: “{' '.join(wanted.text.split())[:300]}”"
        if wanted.text.strip()
        else "Saved. These words are gone: nothing is said there.",
        "speaker": f"Saved. These words are by {name}." if name else "Saved. Nobody knows who says these words.",
        "confirm": f"Saved. This voice is {name}." if name else "Saved. Nobody knows whose voice this is.",
        "reject": f"Saved. This voice is not {name or wanted.saw or 'that person'}.",
        "listen": "Saved. You listened, and these words are what is said.",
        "withhold": "Withheld. Nobody can find, hear or read it now. Nothing is lost: it waits to be decided again.",
        "mask": "Taken out of the text, the search and the sound.",
        "exclude": "Taken out of the text, the search and the sound.",
        "undo": "Taken back. That is an entry of its own: both stay in the history.",
    }[wanted.do]
    if done.waits:
        told += " Part of this has to be listened to again by software: it comes with the next run."
    if done.elsewhere:
        told += f" It still stands in files elsewhere, which somebody has to delete: {', '.join(done.elsewhere)}."
    if done.published:
        told += f" Published pages: {'; '.join(done.published)}."
    return told


def _by_script(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _json(what: dict[str, Any], status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(msgspec.json.encode(what), status_code=status, media_type="application/json", headers=headers)


def _signed_out(request: Request, form: Mapping[str, str], session: sessions.Session | None) -> Response:
    """Nothing is done, and nothing that somebody wrote is lost: with the token of another session, begun since in this
    browser, a script can send it again."""
    what = "You are not signed in any more: nothing was changed"
    if _by_script(request):
        anew = {"name": session.name, "token": session.token} if session else None
        return _json({"error": what, "anew": anew}, 403)
    back = own_path(form.get("back", ""))
    again = url("/sign-in", next=back)
    return render(request, "not_done.html", status=403, what=what, form=form, again=again, back=back, now=None, fix="")


def _not_done(request: Request, form: Mapping[str, str], problem: Problem) -> Response:
    now = problem.now if isinstance(problem, Conflict) else None
    status = 409 if now is not None else 422
    if _by_script(request):
        return _json({"error": problem.what, "fix": problem.fix, "now": now}, status)
    back = own_path(form.get("back", "")) or "/queue"
    return render(
        request,
        "not_done.html",
        status=status,
        what="Somebody else changed this meanwhile" if now is not None else problem.what,
        form=form,
        again="",
        back=back,
        now=now,
        fix="" if problem.where else problem.fix,
    )


# -- the queue ---------------------------------------------------------------------------------------


async def queue_page(request: Request) -> Response:
    # Meetings are looked through here: one page of that at a time, beside everybody who reads.
    return await aside(request, "queues", 2, lambda: _queue(request))


def _queue(request: Request) -> Response:
    if writer_of(request) is None:
        return to_sign_in(request)
    desk = desk_of(request)
    todo = desk.todo()
    chosen, meeting = request.query_params.get("kind", ""), request.query_params.get("meeting", "")
    own = [t for t in todo.tasks if meeting in ("", t.meeting)]
    kinds = [
        (kind, HEADS[kind], sum(t.kind == kind for t in own), url("/queue", kind=kind, meeting=meeting))
        for kind in KINDS
    ]
    shown = [t for t in own if chosen in ("", t.kind)]
    last = max(0, (len(shown) - 1) // N_TASKS * N_TASKS)  # what was done leaves the queue shorter
    first = min(number(request.query_params.get("from"), 0, 0, 1_000_000), last)
    told = {"kind": chosen, "meeting": meeting}
    page = shown[first : first + N_TASKS]
    today = datetime.now(UTC).date()
    return render(
        request,
        "queue.html",
        tasks=page,
        people=_people(desk, page),
        kinds=kinds,
        kind=chosen,
        meeting=meeting,
        n=len(shown),
        n_all=len(own),
        n_left=todo.n_left,
        behind=todo.behind,
        first=first + 1,
        here=url("/queue", **told, **{"from": first}),
        everything=url("/queue", meeting=meeting),
        all_meetings=url("/queue", kind=chosen),
        earlier=url("/queue", **told, **{"from": max(0, first - N_TASKS)}) if first else "",
        later=url("/queue", **told, **{"from": first + N_TASKS}) if first + N_TASKS < len(shown) else "",
        heads=HEADS,
        playable={t.meeting: shelf_of(request).sound(t.meeting) is not None for t in page},
        first_day=today + timedelta(days=1),
        usual_day=today + timedelta(days=WITHHELD_DAYS),
    )


def _people(desk: Desk, tasks: Sequence[Task]) -> dict[str, Sequence[tuple[str, str]]]:
    return {t.meeting: desk.people(t.meeting) for t in tasks}

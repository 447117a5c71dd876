"""The one way to change what a meeting says.

The command line and the page come through here. A correction (see `pipeline.amend`) is first kept, then carried through
the stages that need no engine, up to the index; what has to be listened to again waits for the next run.
"""

import contextlib
import time

import msgspec

from pipeline import corrections, hear, hear_words, purge, work
from pipeline.amend import changed, speakers_of
from pipeline.context import Context
from pipeline.events import Sink
from pipeline.stages import Stage
from search.quotes import Address, resolve
from transcribe import listened, locks, said_by
from transcribe.correct import HIDING, VOICES, Correction, in_force
from transcribe.problem import SOME_FAILED, Problem
from transcribe.records import Record, text_of


class Applied(Record):
    """What became of a correction: `ran` are the stages that were brought up to date, `waits` says what is left.
    `elsewhere` are files outside the data folder that still hold what was hidden, `published` says what became of
    folders of pages. `n_beside` words went with it though they may not be in it: of captions nobody knows when in a
    line each is said."""

    correction: Correction
    ran: tuple[str, ...]
    wall_s: float
    waits: str = ""
    elsewhere: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    n_beside: int = 0


def apply(context: Context, correction: Correction, sink: Sink, *, copy: bool = True, rows: bool = True) -> Applied:
    """Keep a correction, and bring the meeting up to date as far as no engine is needed.

    Where something is hidden, the copy that people listen to goes first; with `copy` it is made again, silenced, at the
    end, with pages that were published of the meeting, and with `rows` what the index dropped leaves the disk: both
    may take a while, and can be left to `finish`.
    Raises Changed when it does not say any more what the correction was made from; Problem when a correction can't
    be kept, or when it is kept and the rest can't be done now: what is hidden is out of transcript and index even so.
    """
    began = time.monotonic()
    _check_there(context)
    n_outside = _n_outside(context, correction)
    deaf = msgspec.structs.replace(context, only=(0, 0))  # what waits to be listened to goes on waiting
    undone = _keep(deaf, correction, sink)
    hiding = bool({correction.kind, undone.kind if undone else ""} & HIDING.keys())
    if correction.kind in HIDING:
        work.silence_at_once(context)
    elsewhere = purge.forget_outputs(context) if correction.kind in HIDING else ()
    ran, waits, late = _carry_through(deaf, sink)
    if hiding and undone and not waits and hear_words.words_listen(context):
        waits = f"what was hidden has to be listened to: onrecord run {context.meeting.id}"
    if rows and correction.kind in ("mask", "exclude"):
        purge.forget_rows(context)
    if late:
        if correction.kind in HIDING and copy:
            purge.publish_again(context)
        raise late
    if hiding and copy and _make(context, work.ALL_STAGES[work.NAMES.index("playable")], sink):
        ran.append("playable")
    again = purge.publish_again if copy else purge.to_publish_again
    published = again(context) if correction.kind in HIDING else ()
    return Applied(
        correction=correction,
        ran=tuple(ran),
        wall_s=round(time.monotonic() - began, 3),
        waits=waits,
        elsewhere=elsewhere,
        published=published,
        n_beside=max(0, n_outside - _n_outside(context, correction)),
    )


def _keep(context: Context, correction: Correction, sink: Sink) -> Correction | None:
    """Put a correction behind the others, unless it is late. Returns what it takes back, if it takes anything back."""
    with contextlib.ExitStack() as alone:
        try:
            alone.enter_context(corrections.held(context.made))
        except locks.Busy as e:
            raise Problem(
                "nothing was changed: somebody else is changing this meeting just now",
                fix="try again in a moment",
                exit_code=SOME_FAILED,
            ) from e
        _check_there(context)
        _check_same(context, correction, sink)
        undone = next((c for c in in_force(context.corrections()) if c.id == correction.undoes), None)
        if correction.kind == "undo" and undone is None:
            raise Problem("somebody took this correction back just now", where=context.raw, fix="look at it again")
        corrections.append(context.raw, correction)
        if correction.kind in HIDING:
            purge.forget_wording(context)
    return undone


def _carry_through(context: Context, sink: Sink) -> tuple[list[str], str, Problem | None]:
    """Bring all that is made from words up to date, as far as nobody has to listen: the stages that were, what waits,
    and what kept those that listen from it."""
    ran: list[str] = []
    waits, late = "", None
    for stage in work.ALL_STAGES[work.NAMES.index("words") :]:
        listens = stage.name in ("words", "turns")
        if not (context.made / "transcript.json").is_file() and not listens:
            waits = f"this meeting is not finished: onrecord run {context.meeting.id}"
            break
        try:
            if stage.listens(context):
                waits = f"an engine must make {stage.name} again: onrecord run {context.meeting.id}"
            elif _make(context, stage, sink, wait_s=0.0 if listens else corrections.WAIT_S):
                ran.append(stage.name)
        except Problem as e:
            if not listens:
                raise
            late = e
    return ran, waits, late


def _n_outside(context: Context, c: Correction) -> int:
    """How many words of captions stand outside what a correction hides; 0 where it hides nothing, or others were
    heard."""
    there = (context.made / "transcript.json").is_file()
    if c.kind not in HIDING or not there or not hear.uses_captions(context, "words", context.asr):
        return 0
    return sum(not c.touches(w.start_ms, w.end_ms or 0) for w in context.transcript().words if w.start_ms is not None)


def finish(context: Context, correction: Correction, sink: Sink) -> None:
    """Do what `apply` left without `copy` and `rows`. Nobody reads or hears anything else by it."""
    if correction.kind in ("mask", "exclude"):
        purge.forget_rows(context)
    if context.made.is_dir():
        _make(context, work.ALL_STAGES[work.NAMES.index("playable")], sink)
    if correction.kind in HIDING:
        purge.publish_again(context)


def _check_same(context: Context, c: Correction, sink: Sink) -> None:
    """Raise Changed where a correction, about to be kept, was not made from what stands there now. What others kept
    before counts, though their transcript may not be there yet. To hide something it need not say anything."""
    if c.kind in HIDING or c.kind == "undo" or not (context.made / "transcript.json").is_file():
        return
    try:
        _made_again(context, work.ALL_STAGES[work.NAMES.index("transcript")], sink, wait_s=corrections.WAIT_S)
    except locks.Busy as e:
        raise Problem(
            f"nothing was changed: another run is at the transcript of this meeting: {e}",
            where=context.made,
            fix="try again when it is done",
            exit_code=SOME_FAILED,
        ) from e
    except Problem:  # it can't be made now: that is told when it has to be
        pass
    transcript = context.transcript()
    place = Address(meeting=context.meeting.id, start_ms=c.start_ms, end_ms=c.end_ms)
    words = resolve(place, transcript)
    if c.kind == "words" and text_of(words).split() != c.old.split():
        raise changed(str(place), text_of(words))
    if c.kind == "listen" and listened.fingerprint(words) != c.words_sha256:
        raise changed(str(place), text_of(words))
    if c.kind == "speaker" and speakers_of(words, transcript) != c.old:
        raise changed(str(place), speakers_of(words, transcript))
    if c.kind in VOICES:
        shown = [n.display for n in transcript.names if said_by.time_of(transcript.words, n.label) == c.stretches]
        if c.old not in shown:
            raise changed(str(place), ", ".join(shown) or "another voice")


def _check_there(context: Context) -> None:
    if not (context.raw.is_dir() and context.made.is_dir()):
        raise Problem("this meeting was taken out meanwhile", where=context.raw, fix="`onrecord status` lists meetings")


def _make(context: Context, stage: Stage, sink: Sink, *, wait_s: float = corrections.WAIT_S) -> bool:
    """Bring a stage up to date; another run that is at it just now is waited for."""
    try:
        return _made_again(context, stage, sink, wait_s=wait_s)
    except locks.Busy as e:
        raise Problem(
            f"the correction is kept, but another run is at {stage.name} of this meeting",
            where=context.made,
            fix=f"when it is done: onrecord run {context.meeting.id}",
            exit_code=SOME_FAILED,
        ) from e


def _made_again(context: Context, stage: Stage, sink: Sink, *, wait_s: float) -> bool:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return work.make(context, stage, sink) is not None
        except locks.Busy:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.05)

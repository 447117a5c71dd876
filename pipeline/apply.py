"""Changing what a meeting says: corrections made from an address, and the one way to apply them.

The command line and the page come through here. A correction is first kept, then carried through the stages that need
no engine, up to the index; what has to be listened to again waits for the next run. It says what it changes: where that
is no longer what stands there, somebody else was faster, and nothing is changed (`Changed`).
"""

import secrets
import time
import unicodedata
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from pipeline import corrections, hear, hear_words, places, purge, work
from pipeline.context import Context
from pipeline.events import Sink, now
from pipeline.stages import Stage
from search import cite
from search.quotes import Address, read_parquet, resolve, speaker_name
from transcribe import listened, locks, said_by
from transcribe.correct import HIDING, VOICES, Correction, Kind, heard_as, in_force
from transcribe.privacy import meant
from transcribe.problem import SOME_FAILED, USAGE, Problem
from transcribe.records import GAP, Person, Record, SpeakerName, Transcript, Word, text_of
from transcribe.said_by import Standing, people_called

N_AROUND = 4
UNKNOWN = "unknown"  # how somebody says that nobody knows who spoke


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


class Changed(Problem):
    """What somebody wanted to change is not what stands there any more: `now` is."""

    def __init__(
        self, what: str, *, where: str | Path = "", fix: str = "", exit_code: int = USAGE, now: str = ""
    ) -> None:
        super().__init__(what, where=where, fix=fix, exit_code=exit_code)
        self.now = now


# -- corrections from an address --------------------------------------------------------------------


def reword(context: Context, address: Address, text: str, *, by: str, saw: str | None = None) -> Correction:
    """The words at an address become `text`; without any they go. Raises Problem where nothing is said there, and
    Changed where it isn't what the person `saw`, as with all that follow."""
    transcript = _transcript(context)
    words = _said(context, address, transcript)
    said = text_of(words)
    _check_seen(address, saw, said)
    new = " ".join(unicodedata.normalize("NFC", text).split())
    if not all(c.isprintable() for c in new):
        raise Problem("these words hold characters that print nothing", fix="write them again, without")
    if new == said:
        raise Problem("that is what it says already", where=str(address), fix="write the words as they should be")
    before, after = _around(transcript, address)
    heard = heard_as(words)
    return _made(context, address, "words", by=by, old=said, new=new, heard=heard, before=before, after=after)


def assign(context: Context, address: Address, person: str, *, by: str, saw: str | None = None) -> Correction:
    """The words at an address were said by a person of the meeting (an id, name or alias), or by an unknown. The person
    `saw` a speaker's name as it is shown, or several with commas between."""
    transcript = _transcript(context)
    speakers = _speakers(_said(context, address, transcript), transcript)
    _check_seen(address, saw, speakers)
    id = "" if person.casefold() == UNKNOWN else _person(context, person).id
    return _made(context, address, "speaker", by=by, old=speakers, new=id)


def listen(context: Context, address: Address, *, by: str, saw: str | None = None) -> Correction:
    """Somebody listened to the words at an address, and these are what is said."""
    transcript = _transcript(context)
    words = _said(context, address, transcript)
    _check_seen(address, saw, text_of(words))
    if by in [part.by for part in transcript.listened if listened.who(words, [part])]:
        raise Problem(f"{by} listened to these words already", where=str(address), fix="there is nothing to do")
    return _made(context, address, "listen", by=by, words_sha256=listened.fingerprint(words))


def withhold(context: Context, address: Address, *, by: str, reason: str, until: date) -> Correction:
    """Nobody is to find, hear or read what is said at an address for now; on the day `until` it is to be decided again.
    Nothing comes back by itself, and nothing is lost."""
    if not reason.strip():
        raise Problem("this does not say why it is withheld", fix='everybody will read it: --reason "under complaint"')
    if until <= corrections.today():
        raise Problem(f"{until} is not in the future", fix="name the day on which this is to be looked at again")
    return hide(context, address, "withhold", by=by, reason=reason, until=until)


def hide(
    context: Context, address: Address, kind: Kind, *, by: str, reason: str, until: date | None = None
) -> Correction:
    """Nobody is to hear or read what is said at an address (a `kind` of HIDING). It need not hold words."""
    transcript = _transcript(context)
    if any(w.timing == "none" for w in transcript.words):
        raise Problem(
            "this meeting has words without times: nobody can say which of them that hides",
            where=context.raw,
            fix="take them out of the captions themselves, or give it captions with times",
        )
    _check_unchanged(context, address, transcript)
    duration_ms = context.recording().duration_ms
    if address.start_ms >= duration_ms:
        raise Problem("the recording ends before that", where=str(address), fix="check the times")
    inside = Address(meeting=address.meeting, start_ms=address.start_ms, end_ms=min(address.end_ms, duration_ms))
    return _made(context, inside, kind, by=by, reason=" ".join(reason.split()), until=until)


def undo(context: Context, address: Address, *, by: str, id: str = "") -> Correction:
    """Take back the latest correction in force that touches an address, but not what is about whole voices; with an
    `id` that one. Raises Problem where there is none."""
    made = [c for c in in_force(context.corrections()) if c.kind not in VOICES]
    found = [c for c in made if c.touches(address.start_ms, address.end_ms) and id in ("", c.id)]
    if not found:
        raise Problem(
            "there is no correction here to take back",
            where=str(address),
            fix=f"{context.raw / corrections.FILE} lists them, with their times",
        )
    return _undoing(context, found[-1], by)


def _undoing(context: Context, c: Correction, by: str) -> Correction:
    place = Address(meeting=context.meeting.id, start_ms=c.start_ms, end_ms=c.end_ms)
    return _made(context, place, "undo", by=by, undoes=c.id)


def _made(context: Context, address: Address, kind: Kind, *, by: str, **more: Any) -> Correction:
    try:
        return Correction(
            id=secrets.token_hex(4),
            at=now(),
            by=by,
            kind=kind,
            start_ms=address.start_ms,
            end_ms=address.end_ms,
            recording_sha256=context.recording().sha256,
            **more,
        )
    except ValueError as e:
        raise Problem(f"this can't be a correction: {e}", where=str(address), fix="make it smaller") from e


# -- corrections of whole voices --------------------------------------------------------------------


def confirm(context: Context, label: str, person: str, *, by: str, saw: str | None = None) -> Correction:
    """All that a voice says is said by a person of the meeting (an id, name or alias), or nobody knows by whom. The
    person `saw` the voice's name as it is shown."""
    transcript = _transcript(context)
    name = _voice(context, transcript, label)
    _check_named(context, name, saw)
    id = "" if person.casefold() == UNKNOWN else _person(context, person).id
    if name.status == "confirmed" and meant(context.meeting.people, name.person) == id:
        raise Problem(f"{name.label} is confirmed as {name.display} already", where=context.raw / corrections.FILE)
    return _of_voice(context, transcript, name, "confirm", id, by)


def reject(context: Context, label: str, person: str = "", *, by: str, saw: str | None = None) -> Correction:
    """A voice is not this person of the meeting; without one, not whom it is named as."""
    transcript = _transcript(context)
    name = _voice(context, transcript, label)
    _check_named(context, name, saw)
    if not person and name.person is None:
        raise Problem(
            f"{name.label} is named as nobody",
            fix=f"say who it is not: --reject {name.label}=PERSON",
            where=context.raw,
        )
    id = _person(context, person).id if person else meant(context.meeting.people, name.person) or ""
    return _of_voice(context, transcript, name, "reject", id, by)


def take_back(context: Context, wanted: str, *, by: str) -> Correction:
    """Take back what was last said of a whole voice: by its label, or by the correction's id."""
    known = context.corrections()
    made = [c for c in in_force(known) if c.kind in VOICES]
    if not (found := [c for c in made if c.id == wanted.strip().casefold()]):
        name = _voice(context, _transcript(context), wanted)
        holding = {s.correction.id for s in voices(context) if s.label == name.label}
        found = [c for c in made if c.id in holding]
    if not found:
        raise Problem(
            f"nobody confirmed or rejected {wanted}",
            where=context.raw / corrections.FILE,
            fix=f"`onrecord speakers {context.meeting.id}` shows what people said of voices",
        )
    return _undoing(context, found[-1], by)


def voices(context: Context) -> tuple[Standing, ...]:
    """What people said of whole voices, and for which voices of the transcript that holds now."""
    return said_by.standing(_transcript(context).words, context.corrections(), context.meeting.people)


def _of_voice(
    context: Context, transcript: Transcript, name: SpeakerName, kind: Kind, person: str, by: str
) -> Correction:
    stretches = said_by.time_of(transcript.words, name.label)
    if not stretches:
        raise Problem(
            f"{name.label} says no word whose time is known, so that this voice could not be found again",
            where=context.made,
            fix="say who it is in meeting.toml: what captions call a voice may be one of that person's aliases",
        )
    timed = [w for w in transcript.words if w.start_ms is not None]
    heard = Address(
        meeting=context.meeting.id,
        start_ms=min(timed[0].start_ms or 0, stretches[0][0]),
        end_ms=max(stretches[-1][1], *(w.end_ms or 0 for w in timed)),
    )
    return _made(context, heard, kind, by=by, old=name.display, new=person, stretches=stretches)


def _voice(context: Context, transcript: Transcript, label: str) -> SpeakerName:
    fold = label.strip().casefold()
    found = [n for n in transcript.names if n.label == label] or [
        n for n in transcript.names if n.label.casefold() == fold
    ]
    if len(found) != 1:
        known = _few([n.label for n in transcript.names]) or "none"
        raise Problem(f"there is no voice {label!r} in this meeting", where=context.made, fix=f"its voices are {known}")
    if found[0].label.startswith(said_by.BY_PEOPLE):
        raise Problem(
            f"{found[0].label} is what people said of stretches one by one",
            where=context.made,
            fix="change such a stretch at its address: onrecord correct ADDRESS --speaker PERSON, or --undo",
        )
    return found[0]


# -- what corrections are made from -----------------------------------------------------------------


def _said(context: Context, address: Address, transcript: Transcript) -> tuple[Word, ...]:
    _check_unchanged(context, address, transcript)
    if address.end_ms > (duration_ms := context.recording().duration_ms):
        raise Problem(
            "the recording ends before that stretch does",
            where=str(address),
            fix=f"check the address: the last moment is {address.meeting}/…-{duration_ms}",
        )
    words = resolve(address, transcript)
    if not words:
        raise places.why_silent(context.layout, address, transcript)
    return words


def _check_unchanged(context: Context, address: Address, transcript: Transcript) -> None:
    """Raise Problem where an address that carries a check no longer says what it said when it was copied."""
    table = context.made / "quotes.parquet"
    if not address.check or not table.is_file():
        return
    passage = cite.around(address, read_parquet(table), transcript, 0)
    if passage.changed or passage.moved:
        raise Problem(
            "this place no longer says what it said when its address was copied",
            where=str(address),
            fix=f"look at it again: onrecord quote {address.meeting}/{address.start_ms}-{address.end_ms}",
        )


def _check_seen(address: Address, saw: str | None, now: str) -> None:
    if saw is not None and saw.replace(GAP, " ").split() != now.split():
        raise _changed(str(address), now)


def _check_named(context: Context, name: SpeakerName, saw: str | None) -> None:
    if saw is not None and saw.split() != name.display.split():
        raise _changed(str(context.raw), name.display)


def _changed(where: str, now: str) -> Changed:
    return Changed(
        f"this was changed meanwhile, and now says: {now[:500] or 'nothing'}",
        where=where,
        fix="look at it again, and correct that if it is still wrong",
        now=now,
    )


def _speakers(words: Sequence[Word], transcript: Transcript) -> str:
    return ", ".join(dict.fromkeys(speaker_name(w.speaker, transcript.names).display for w in words))


def _around(transcript: Transcript, address: Address) -> tuple[str, str]:
    """A few words on either side of an address, by which it is found again where it has moved."""
    timed = [w for w in transcript.words if w.start_ms is not None]
    earlier = [w for w in timed if (w.start_ms or 0) + (w.end_ms or 0) < 2 * address.start_ms]
    later = [w for w in timed if (w.start_ms or 0) + (w.end_ms or 0) >= 2 * address.end_ms]
    return text_of(earlier[-N_AROUND:]), text_of(later[:N_AROUND])


def _transcript(context: Context) -> Transcript:
    if not (context.made / "transcript.json").is_file():
        raise Problem(
            "this meeting has no transcript yet", where=context.made, fix=f"onrecord run {context.meeting.id}"
        )
    return context.transcript()


def _person(context: Context, wanted: str) -> Person:
    people = context.meeting.people
    found = people_called(people, wanted)
    if len(found) == 1:
        return found[0]
    known = _few([p.id for p in people]) or "nobody"
    raise Problem(
        f"{len(found)} people of this meeting are called {wanted!r}" if found else f"{wanted!r} is not of this meeting",
        where=context.raw / "meeting.toml",
        fix=f"give an id ({known}), write [[people]] into meeting.toml, or say {UNKNOWN}",
    )


def _few(ids: Sequence[str]) -> str:
    return ", ".join(ids[:12]) + (" ..." if len(ids) > 12 else "")


# -- applying -------------------------------------------------------------------------------------


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
    with corrections.held(context.made):
        _check_there(context)
        _check_same(deaf, correction, sink)
        known = context.corrections()
        undone = next((c for c in in_force(known) if c.id == correction.undoes), None)
        if correction.kind == "undo" and undone is None:
            raise Problem("somebody took this correction back just now", where=context.raw, fix="look at it again")
        corrections.append(context.raw, correction)
        if correction.kind in HIDING:
            purge.forget_wording(context)
    hiding = bool({correction.kind, undone.kind if undone else ""} & HIDING.keys())
    if correction.kind in HIDING:
        work.silence_at_once(context)
    elsewhere = purge.forget_outputs(context) if correction.kind in HIDING else ()
    ran, waits, late = [], "", None
    for stage in work.ALL_STAGES[work.NAMES.index("words") :]:
        listens = stage.name in ("words", "turns")
        if not (context.made / "transcript.json").is_file() and not listens:
            waits = f"this meeting is not finished: onrecord run {context.meeting.id}"
            break
        try:
            if stage.listens(deaf):
                waits = f"an engine must make {stage.name} again: onrecord run {context.meeting.id}"
            elif _make(deaf, stage, sink, wait_s=0.0 if listens else corrections.WAIT_S):
                ran.append(stage.name)
        except Problem as e:
            if not listens:
                raise
            late = e
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
        raise _changed(str(place), text_of(words))
    if c.kind == "listen" and listened.fingerprint(words) != c.words_sha256:
        raise _changed(str(place), text_of(words))
    if c.kind == "speaker" and _speakers(words, transcript) != c.old:
        raise _changed(str(place), _speakers(words, transcript))
    if c.kind in VOICES:
        shown = [n.display for n in transcript.names if said_by.time_of(transcript.words, n.label) == c.stretches]
        if c.old not in shown:
            raise _changed(str(place), ", ".join(shown) or "another voice")


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

"""Corrections, made from an address or a voice and what stands there now.

Each says what it changes: where that is no longer what somebody saw, another was faster, and none is made (`Changed`).
`pipeline.apply` keeps them and carries them through.
"""

import secrets
import unicodedata
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pipeline import corrections, places
from pipeline.context import Context
from pipeline.events import now
from pipeline.meetings import few
from search import cite
from search.quotes import Address, read_parquet, resolve, speaker_name
from transcribe import listened, said_by
from transcribe.correct import VOICES, Correction, Kind, heard_as, in_force
from transcribe.privacy import meant
from transcribe.problem import USAGE, Problem
from transcribe.records import GAP, Person, SpeakerName, Transcript, Word, text_of
from transcribe.said_by import Standing, people_called

N_AROUND = 4
MOST_NAMED = 12  # voices or people to choose from
UNKNOWN = "unknown"  # how somebody says that nobody knows who spoke


class Changed(Problem):
    """What somebody wanted to change is not what stands there any more: `now` is."""

    def __init__(
        self, what: str, *, where: str | Path = "", fix: str = "", exit_code: int = USAGE, now: str = ""
    ) -> None:
        super().__init__(what, where=where, fix=fix, exit_code=exit_code)
        self.now = now


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
    speakers = speakers_of(_said(context, address, transcript), transcript)
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
        known = few([n.label for n in transcript.names], MOST_NAMED) or "none"
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
        raise changed(str(address), now)


def _check_named(context: Context, name: SpeakerName, saw: str | None) -> None:
    if saw is not None and saw.split() != name.display.split():
        raise changed(str(context.raw), name.display)


def changed(where: str, now: str) -> Changed:
    return Changed(
        f"this was changed meanwhile, and now says: {now[:500] or 'nothing'}",
        where=where,
        fix="look at it again, and correct that if it is still wrong",
        now=now,
    )


def speakers_of(words: Sequence[Word], transcript: Transcript) -> str:
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
    known = few([p.id for p in people], MOST_NAMED) or "nobody"
    raise Problem(
        f"{len(found)} people of this meeting are called {wanted!r}" if found else f"{wanted!r} is not of this meeting",
        where=context.raw / "meeting.toml",
        fix=f"give an id ({known}), write [[people]] into meeting.toml, or say {UNKNOWN}",
    )

"""What nobody may hear or read of a meeting, by what people wrote last, and whether what was made of it may show that.

Until a run has taken it out of all that was made, nothing of the meeting is shown, nor given away.
"""

from pathlib import Path

from pipeline import corrections, meeting_toml, receipts
from pipeline.meetings import Layout
from pipeline.receipts import Receipt
from transcribe import correct
from transcribe.problem import SOME_FAILED, Problem
from transcribe.ranges import Ranges, without
from transcribe.records import Meeting, Stretch


def stretches(folder: Path, meeting: Meeting) -> tuple[Stretch, ...]:
    """What is hidden, and why: excluded in meeting.toml, or excluded, masked or withheld since."""
    excluded = (
        Stretch(kind="excluded", start_ms=start_ms, end_ms=end_ms, reason=why)
        for start_ms, end_ms, why in meeting.exclude
    )
    return (*excluded, *correct.hidden(corrections.read(folder)))


def silence(folder: Path, id: str) -> Ranges:
    """All time that is hidden of the meeting in a folder. Raises Problem where what people wrote cannot be read."""
    return correct.silence(stretches(folder, meeting_toml.examine(folder, id)[0]))


def still_shown(transcript: Receipt | None, silence: Ranges) -> Ranges:
    """What of it a transcript may still show, by its receipt: what was hidden after it had been made."""
    left_out = transcript.params.get("silence", ()) if transcript else ()
    return without(silence, [(s["start_ms"], s["end_ms"]) for s in left_out])


def check_out(layout: Layout, folder: Path, id: str) -> Ranges:
    """All time that is hidden of a meeting. Raises Problem where some of it may still be in what was made of it."""
    hidden = silence(folder, id)
    if still_shown(receipts.read(layout.made(id), "transcript"), hidden):
        raise being_hidden(folder, id)
    return hidden


def check_since(folder: Path, id: str, known: Ranges) -> None:
    """Raise Problem where more of a meeting is hidden by now than was `known`."""
    if without(silence(folder, id), known):
        raise being_hidden(folder, id)


def being_hidden(folder: Path, id: str) -> Problem:
    return Problem(
        f"part of {id} was hidden, and is not out of it yet",
        where=folder,
        fix=f"onrecord run {id}, then try again",
        exit_code=SOME_FAILED,
    )

"""Taking what was masked or excluded out of everything that was kept before: corrections, the index, earlier exports.

Stages cut it out of what they make. This is about the rest: what people wrote there before, deleted rows that the index
still has on the disk, and files made from the meeting, as far as they lie in the data folder.
"""

import contextlib
from collections.abc import Sequence
from functools import cache

from pipeline import corrections, outputs
from pipeline.context import Context
from pipeline.events import now
from pipeline.index import rebuild
from transcribe import purge
from transcribe.correct import Correction
from transcribe.problem import Problem
from transcribe.records import Word
from transcribe.transcript import by_the_program, words_outside


def forget_wording(context: Context) -> None:
    """Rewrite the meeting's corrections without words that are masked or excluded, while they are `held`, and whatever
    an earlier restore or a killed process left of them beside."""
    if not (erased := context.erased()):
        return
    as_it_was = cache(lambda: _words(context))

    def left_of(made: Sequence[Correction]) -> list[tuple[Correction, ...]]:
        words = as_it_was() if any(c.kind == "words" for c in made) else []
        return purge.purged(made, erased, words, at=now())

    for unfinished in context.raw.glob(f".{corrections.FILE}.*"):
        unfinished.unlink(missing_ok=True)
    for path in (context.raw / corrections.FILE, *context.raw.glob(f"{corrections.FILE}.before-*")):
        corrections.rewrite(path, left_of)


def _words(context: Context) -> list[tuple[Word, ...]]:
    """The meeting's words outside what is erased as they were heard, and as the program puts them right."""
    with contextlib.suppress(OSError, Problem):  # without them, more is taken out
        words = context.words()
        heard = words_outside(words.words, context.erased())
        return [heard, by_the_program(words, context.meeting)(heard)]
    return []


def forget_rows(context: Context) -> None:
    """Make the index again: rows that it dropped stay on the disk until then, though nobody finds them."""
    rebuild(context.layout)


def forget_outputs(context: Context) -> tuple[str, ...]:
    """Delete files made from what is hidden now, as far as they lie in the data folder, and take the meeting out of
    published folders wherever they lie. Returns files and folders that still hold it, as far as it can be known which
    there are: where it can't, `publish_again` says so, once it is out of the meeting itself."""
    from pipeline import publish

    try:
        _, refused = publish.withdraw(context.layout, context.meeting.id)
        return (*outputs.purge(context.layout, context.meeting.id, context.silence()), *map(str, refused))
    except Problem:
        return ()


def to_publish_again(context: Context) -> tuple[str, ...]:
    """A line on each folder that the meeting was taken out of, and into which `publish_again` will put it back."""
    return tuple(
        f"{path}: taken out, and being published again without it; what was copied from there must be replaced"
        for path in outputs.folders(context.layout, context.meeting.id)
    )


def publish_again(context: Context) -> tuple[str, ...]:
    """Put the meeting, as it stands now, back into the folders that it was published in. Returns a line on each."""
    from pipeline import publish

    renewed = publish.renew(context.layout, context.meeting.id)
    return tuple(
        f"{path}: published again without it; what was copied from there must be replaced"
        if path in renewed
        else f"{path}: this meeting was taken out; `onrecord publish {path}` puts it back, without that"
        for path in outputs.folders(context.layout, context.meeting.id)
    )

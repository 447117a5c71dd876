"""What an engine hears of a recording, block by block, each on disk before the next."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipeline import hear, journal
from pipeline.context import Context
from transcribe import engines
from transcribe.audio import Audio
from transcribe.media import Progress
from transcribe.ranges import Ranges, length, without
from transcribe.records import Meeting, language_code

VERSION = 3  # of the words stage
BLOCKS_VERSION = 3  # of what a killed job left in the scratch folder


def heard(
    context: Context, engine: engines.Choice, audio: Audio, ranges: Ranges, progress: Progress
) -> list[engines.Block]:
    """The blocks of these ranges: those of an earlier, killed attempt, and the rest, each on disk before the next."""
    asked = params(context, engine.fingerprint)
    del asked["vocabulary"]  # a person who is added meanwhile makes nobody listen again
    log = context.scratch / f"words-{hear.digest(asked | {'blocks': BLOCKS_VERSION})}.jsonl"
    kept, size = journal.read(log, engines.Block)
    done = [b for b in kept if length(without([(b.start_ms, b.end_ms)], ranges)) == 0]
    todo, total_ms = without(ranges, [(b.start_ms, b.end_ms) for b in done]), length(ranges)
    if todo:
        done += _listen(context, engine, audio, todo, log, size, lambda left_ms: progress(total_ms - left_ms, total_ms))
    return sorted(done, key=lambda b: b.start_ms)


def _listen(
    context: Context,
    engine: engines.Choice,
    audio: Audio,
    todo: Ranges,
    log: Path,
    size: int,
    left: Callable[[int], None],
) -> Iterator[engines.Block]:
    ahead_ms = length(todo)  # of what comes at or after `start_ms`
    left(ahead_ms)
    recogniser = engines.recogniser(engine, n_threads=context.n_threads)
    with journal.append(log, size) as keep:
        for start_ms, end_ms in todo:
            zero_ms = start_ms + ahead_ms  # where nothing would be left

            def reached(at_ms: int, _: int, zero_ms: int = zero_ms) -> None:
                left(zero_ms - at_ms)

            for block in recogniser.words(
                audio,
                language=context.meeting.language or None,
                others=context.meeting.other_languages,
                vocabulary=_vocabulary(context.meeting),
                progress=reached,
                from_ms=start_ms,
                to_ms=end_ms,
            ):
                keep(block)
                left(zero_ms - block.end_ms)
                yield block
            ahead_ms -= end_ms - start_ms


def _vocabulary(meeting: Meeting) -> list[str]:
    return sorted({*meeting.vocabulary, *(p.name for p in meeting.people)})


def params(context: Context, engine: str) -> dict[str, Any]:
    """All that decides which words an engine hears."""
    meeting = context.meeting
    others = sorted(map(language_code, meeting.other_languages))
    made = {
        "recording": context.recording().sha256,
        "engine": engine,
        "language": language_code(meeting.language),  # how it is spelled makes nobody listen again
        "vocabulary": _vocabulary(meeting),
    }
    return made | ({"other_languages": others} if others else {})

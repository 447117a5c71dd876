"""The words stage: from captions (`hear_captions`), or from an engine (`hear_blocks`)."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from pipeline import hear, hear_blocks, hear_captions, receipts
from pipeline.context import Context, write
from transcribe import engines
from transcribe.audio import Audio
from transcribe.documents import dump
from transcribe.media import Progress
from transcribe.problem import LACKING, Problem
from transcribe.ranges import Ranges, joined, length, within, without
from transcribe.records import Passage, Record, Stretch, Word, Words
from transcribe.transcript import words_outside


def words_listen(context: Context) -> bool:
    """Whether it takes an engine to bring the words up to date."""
    if hear.uses_captions(context, "words", context.asr):
        return hear_captions.listens(context)
    task = _task(context)
    return bool(task.to_hear) or not task.keep


class _Task(Record):
    """What must be done for words: keep those that stand outside `unheard`, and listen to `to_hear` with `engine`."""

    engine: engines.Choice
    keep: bool
    silence: tuple[tuple[int, int], ...]
    unheard: tuple[tuple[int, int], ...]
    to_hear: tuple[tuple[int, int], ...]
    made_by: str  # fingerprint of the result


def _task(context: Context) -> _Task:
    whole, silence = hear.whole(context), hear.silence(context)
    ignore = hear.ignored(context.asr, upgrade=context.upgrade)
    params = hear_blocks.params(context, context.asr.fingerprint)
    receipt = hear.stands(context, "words", hear_blocks.VERSION, params, *ignore)
    if receipt:
        made_by, before = str(receipt.params["engine"]), hear.unheard(context)
        missing = joined(before.ranges)
        to_hear = _asked(context, without(missing, silence))
        engine = context.asr
        if to_hear and ignore and before.engine and engine.fingerprint != made_by:
            engine = engines.choose_recogniser(before.engine)
        if not to_hear or engine.fingerprint == made_by:
            return _Task(
                engine=engine,
                keep=True,
                silence=tuple(silence),
                unheard=tuple(missing),
                to_hear=tuple(to_hear),
                made_by=made_by,
            )
    return _Task(
        engine=context.asr,
        keep=False,
        silence=tuple(silence),
        unheard=tuple(whole),
        to_hear=tuple(_asked(context, without(whole, silence))),
        made_by=context.asr.fingerprint,
    )


def _asked(context: Context, ranges: Ranges) -> Ranges:
    return within(ranges, [context.only]) if context.only else ranges


def words_params(context: Context) -> dict[str, Any]:
    if hear.uses_captions(context, "words", context.asr):
        return hear_captions.params(context)
    return hear_blocks.params(context, _task(context).made_by)


def words_lost(context: Context) -> str:
    """Why words that stand must be looked at again: something was hidden, or has not been listened to yet."""
    if hear.uses_captions(context, "words", context.asr):
        return ""
    missing, silence = hear.unheard(context).ranges, hear.silence(context)
    if without(silence, missing):
        return "a stretch was excluded or masked"
    if left := _asked(context, without(missing, silence)):
        return f"{length(left) / 1000:.0f} s of it have not been listened to"
    return ""


def words_notes(context: Context) -> list[str]:
    return list(hear_captions.notes(context)) if hear.uses_captions(context, "words", context.asr) else []


def make_words(context: Context, progress: Progress) -> list[str]:
    if hear.uses_captions(context, "words", context.asr):
        return [write(context, "words.json", dump(hear_captions.make(context, progress), "words/1"))]
    recording = context.recording()
    if not recording.media:
        raise Problem(
            "this meeting has captions but no recording to listen to", where=context.raw, fix="leave --asr away"
        )
    task = _task(context)
    if task.to_hear and task.engine.lacks:  # before an hour of sound is decoded for nothing
        raise Problem(task.engine.lacks, fix=task.engine.fix, exit_code=LACKING)
    if context.only and context.only[0] >= recording.duration_ms:
        raise Problem("the recording ends before that", where=context.raw, fix="give --only a stretch that is in it")
    if context.only and not task.keep and receipts.read(context.made, "words"):
        raise Problem(
            "these words are from another engine or another recording: a part of them alone can't be made again",
            where=context.raw,
            fix="run it whole, without --only",
        )
    before = context.words() if task.keep else None
    words = list(before.words) if before else []
    stretches = _cut(before.stretches, without(hear.whole(context), task.unheard)) if before else []
    passages = _cut(before.passages, without(hear.whole(context), task.unheard)) if before else []
    speech: Sequence[tuple[int, int]] | None = before.speech if before else ()
    language = context.meeting.language or (before.language if before else "")
    missing = list(task.unheard)
    if task.to_hear:
        audio = hear.decoded(context, list(task.silence), progress)
        ranges = _to_pauses(audio, task) if context.only else list(task.to_hear)
        blocks = hear_blocks.heard(context, task.engine, audio, ranges, progress)
        words += [w for b in blocks for w in b.words]
        stretches += _cut([*audio.lost, *(s for b in blocks for s in b.stretches)], ranges)
        passages += _cut([p for b in blocks for p in b.passages], ranges)
        language = language or max((b.language for b in blocks if b.words), key=_spoken(blocks), default="")
        missing = without(missing, ranges)
        speech = None if speech is None else joined([*speech, *(span for b in blocks for span in b.speech)])
    silence = hear.silence(context)
    missing = joined([*missing, *silence])
    heard = without(hear.whole(context), silence)
    made = Words(
        recording_sha256=recording.sha256,
        language=language,
        engine=task.made_by,
        words=words_outside(sorted(words, key=_start), silence),
        stretches=tuple(sorted(_cut(stretches, heard), key=lambda s: (s.start_ms, s.end_ms))),
        passages=tuple(sorted(_cut(passages, heard), key=lambda p: p.start_ms)),
        speech=None if speech is None else tuple(without(speech, silence)),
    )
    names = [write(context, "words.json", dump(made, "words/1"))]
    if missing:
        left = hear.Unheard(ranges=tuple(missing), engine=task.engine.name)
        names.append(write(context, "unheard.json", dump(left, "unheard/1")))
    return names


T = TypeVar("T", Stretch, Passage)


def _cut(stretches: Iterable[T], windows: Ranges) -> list[T]:
    """What of some stretches lies inside `windows`."""
    return [
        msgspec.structs.replace(s, start_ms=a, end_ms=b)
        for s in stretches
        for a, b in within([(s.start_ms, s.end_ms)], windows)
    ]


def _start(word: Word) -> int:
    return word.start_ms or 0


def _spoken(blocks: Iterable[engines.Block]) -> Callable[[str], int]:
    blocks = list(blocks)
    return lambda language: sum(len(b.words) for b in blocks if b.language == language)


def _to_pauses(audio: Audio, task: _Task) -> Ranges:
    """The stretches asked for, widened to the nearest pauses, so that no word is heard by halves."""
    from transcribe.vad import CLIP_MS, nearest_pause

    free = without(task.unheard, task.silence)
    wide = []
    for start, end in task.to_hear:
        ((low, high),) = [(a, b) for a, b in free if a <= start and end <= b]
        if start > low:
            start = nearest_pause(audio, start, max(low, start - CLIP_MS), start)
        if end < high:
            end = nearest_pause(audio, end, end, min(high, end + CLIP_MS))
        wide.append((start, end))
    return joined(wide)

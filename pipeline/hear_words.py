"""The words stage: from captions, put on the sound where there is one, or from an engine."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from pipeline import hear, journal, receipts
from pipeline.context import Context, write
from pipeline.receipts import Receipt
from transcribe import engines
from transcribe.audio import Audio
from transcribe.documents import dump
from transcribe.media import Progress
from transcribe.problem import LACKING, Problem
from transcribe.ranges import Ranges, joined, length, within, without
from transcribe.records import Meeting, Passage, Record, Stretch, Word, Words, language_code
from transcribe.transcript import words_outside

if TYPE_CHECKING:
    from transcribe.align import Aligner

VERSION = 3
ON_THE_SOUND = "on the sound"  # what becomes of the words of captions
MOVED, FOUND_ANEW = f"moved as one {ON_THE_SOUND}", f"found anew {ON_THE_SOUND}"  # where their own times do not fit
FEW_FOUND, MOST_FOUND = 0.3, 0.5  # of them: so few where their times are wrong altogether, and so many where others fit
CUE_REACH_MS = 10_000  # a word may be said so long before or after its cue shows it
BLOCKS_VERSION = 3  # of what a killed job left in the scratch folder


def words_listen(context: Context) -> bool:
    """Whether it takes an engine to bring the words up to date."""
    if hear.uses_captions(context, "words", context.asr):
        return _aligner(context) is not None and _captions_to_cut(context, words_params(context)) is None
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
    params = _heard_params(context, context.asr.fingerprint)
    receipt = hear.stands(context, "words", VERSION, params, *ignore)
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


def _vocabulary(meeting: Meeting) -> list[str]:
    return sorted({*meeting.vocabulary, *(p.name for p in meeting.people)})


def _heard_params(context: Context, engine: str) -> dict[str, Any]:
    meeting = context.meeting
    others = sorted(map(language_code, meeting.other_languages))
    params = {
        "recording": context.recording().sha256,
        "engine": engine,
        "language": language_code(meeting.language),  # how it is spelled makes nobody listen again
        "vocabulary": _vocabulary(meeting),
    }
    return params | ({"other_languages": others} if others else {})


def words_params(context: Context) -> dict[str, Any]:
    if hear.uses_captions(context, "words", context.asr):
        params = _heard_params(context, "captions") | {"vocabulary": [], "silence": context.erased()}
        if aligner := _aligner(context):
            params["aligner"] = aligner.fingerprint
            if kept := _captions_to_cut(context, params):
                params["aligner"] = kept.params["aligner"]
        return params
    return _heard_params(context, _task(context).made_by)


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
    made = context.words()
    words = made.words
    notes = []
    if words and all(w.timing == "none" for w in words):
        notes.append(
            "words without times: nothing can be cited. Times come from a recording beside them and an engine (--asr)"
        )
    elif n_found := _n_found(words):
        rest = "has no times and can't be cited" if any(w.timing == "none" for w in words) else "keeps the cue's time"
        more = f"; the rest {rest}" if n_found < len(words) else ""
        notes.append(f"words of captions put on the sound: {math.floor(100 * n_found / len(words))} %{more}")
        if FOUND_ANEW in made.engine:
            notes.append("the captions' own times do not fit this recording: it was listened to, to place their words")
        if MOVED in made.engine:
            notes.append("the captions are early or late, all by the same time: they were moved by that")
    elif ON_THE_SOUND in made.engine:
        notes.append("next to nothing of the captions is in the sound: are they another recording's, or shifted?")
    if hear.uses_captions(context, "words", context.asr):
        notes += _notes_after(context, made)
        if context.only and length([context.only]):  # of what is corrected, nothing is to be heard
            notes.append("captions give all words at once: --only changes nothing")
    return notes


def _notes_after(context: Context, made: Words) -> Iterator[str]:
    """How much of captions stands after the end of the recording, and so is nowhere."""
    if context.recording().media and FOUND_ANEW not in made.engine and MOVED not in made.engine:
        end_ms = context.recording().duration_ms
        n_after = sum(_start(w) >= end_ms for w in hear.from_captions(context, whole=True)[0].words)
        if n_after:
            yield f"captions go on after the recording ends: {n_after} words of theirs are left out"


def make_words(context: Context, progress: Progress) -> list[str]:
    if hear.uses_captions(context, "words", context.asr):
        if kept := _captions_to_cut(context, words_params(context)):
            cut = _cut_captions(context.words(), context.erased(), kept.params["silence"])
            return [write(context, "words.json", dump(cut, "words/1"))]
        captions, aligner = hear.from_captions(context)[0], _aligner(context)
        if aligner and any(w.timing in ("cue", "none") for w in captions.words):
            captions = _on_the_sound(context, captions, aligner, progress)
        return [write(context, "words.json", dump(captions, "words/1"))]
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
        blocks = _heard(context, task.engine, audio, ranges, progress)
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


def _heard(
    context: Context, engine: engines.Choice, audio: Audio, ranges: Ranges, progress: Progress
) -> list[engines.Block]:
    """The blocks of these ranges: those of an earlier, killed attempt, and the rest, each on disk before the next."""
    params = _heard_params(context, engine.fingerprint)
    del params["vocabulary"]  # a person who is added meanwhile makes nobody listen again
    log = context.scratch / f"words-{hear.digest(params | {'blocks': BLOCKS_VERSION})}.jsonl"
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


# -- captions on the sound ------------------------------------------------------------------------


def _aligner(context: Context) -> engines.Choice | None:
    """The model that puts the words of captions on the sound, if there is a recording, and such a model here.

    None also where the words stand as they were read, and nobody asked for more.
    """
    choice = engines.choose_recogniser() if context.asr.name == "captions" else context.asr
    if not context.meeting.media or not choice.name.startswith("whisper:") or choice.lacks:
        return None
    receipt = receipts.read(context.made, "words")
    if receipt and "aligner" not in receipt.params and not (context.asr.by_hand or context.upgrade):
        is_same = receipt.params.get("recording") == context.recording().sha256
        return None if is_same and receipt.params["engine"] == "captions" else choice
    return choice


def _captions_to_cut(context: Context, params: dict[str, Any]) -> Receipt | None:
    """The receipt of captions on the sound, of which some words may have to go, and to which none need be added."""
    receipt, captions = receipts.read(context.made, "words"), context.captions()
    if receipt is None or captions is None or "aligner" not in receipt.params:
        return None
    differs = receipts.first_difference(
        context.made,
        receipt,
        version=VERSION,
        params=params,
        inputs={f"raw/{context.meeting.captions}": captions},
        ignore=frozenset(("silence", *hear.ignored(context.asr, upgrade=context.upgrade))),
        verify=context.verify,
    )
    return None if differs or without(receipt.params["silence"], params["silence"]) else receipt


def _cut_captions(before: Words, hidden: Ranges, known: Ranges) -> Words:
    """Captions without what is hidden."""
    sure = _sure(before.words, without(hidden, known))
    return msgspec.structs.replace(before, words=words_outside(sure, hidden))


def _sure(words: Sequence[Word], hidden: Ranges) -> tuple[Word, ...]:
    """Those not said in what is hidden. Where a word of a cue is said nobody knows, so those near it go too."""
    near = [(start_ms - CUE_REACH_MS, end_ms + CUE_REACH_MS) for start_ms, end_ms in hidden]
    return tuple(w for w in words if w.timing != "cue" or words_outside([w], near))


def _on_the_sound(context: Context, captions: Words, choice: engines.Choice, progress: Progress) -> Words:
    """Captions whose words have the times at which they are said, where they are found in the recording.

    They are looked for near their cues, and again near these moved, where most words are early or late by the same
    time; where there are no cues, or these drift so that next to nothing is found, near what a recogniser hears.
    """
    from transcribe import align

    sound = _sound(context, captions, choice, progress)
    if sound is None:
        return captions
    how = ON_THE_SOUND
    if all(w.start_ms is None for w in captions.words):
        words = _near(sound, captions.words, _as_heard(sound, captions.words), "recognised")
    else:
        words = _near(sound, captions.words, _in_time(captions.words), "cues")
        early_ms = _early_ms(captions.words, words)
        if abs(early_ms) > align.SLACK_MS:
            whole = hear.from_captions(context, whole=True)[0].words
            again = _near_moved(sound, whole, [ms + early_ms for ms in _in_time(whole)], "cues that were moved")
            if _n_found(again) > _n_found(words):
                words, how = again, MOVED
        if _share_found(words) < FEW_FOUND:
            whole = hear.from_captions(context, whole=True)[0].words
            again = _near_moved(sound, whole, _as_heard(sound, whole), "recognised")
            if _share_found(again) >= MOST_FOUND:
                words, how = again, FOUND_ANEW
    if not words:
        return captions
    return msgspec.structs.replace(captions, engine=f"{captions.engine}, {how} by {choice.name}", words=words)


class _Sound(NamedTuple):
    """A recording on which the words of captions are put, and what does that: `choice` is the model that aligns them,
    and that recognises what is said."""

    context: Context
    audio: Audio
    choice: engines.Choice
    aligner: "Aligner"
    language: str
    others: Sequence[str]
    progress: Progress


def _sound(context: Context, captions: Words, choice: engines.Choice, progress: Progress) -> _Sound | None:
    """None where no model can align, or not in the language of the meeting."""
    from transcribe.hearing import detected

    aligner = engines.aligner(choice, n_threads=context.n_threads)
    if aligner is None:
        return None
    audio = hear.decoded(context, context.erased(), progress)
    language = language_code(context.meeting.language or captions.language) or detected(aligner, audio)
    if language not in aligner.languages:
        return None
    others = [code for code in map(language_code, context.meeting.other_languages) if code in aligner.languages]
    return _Sound(context, audio, choice, aligner, language, others, progress)


def _as_heard(sound: _Sound, words: Sequence[Word]) -> list[int]:
    """When each word is said, by what a recogniser hears; nothing where it hears nothing."""
    from transcribe import align

    blocks = _heard(sound.context, sound.choice, sound.audio, hear.whole(sound.context), sound.progress)
    return align.about(words, [w for b in blocks for w in b.words])


def _near(sound: _Sound, words: Sequence[Word], about_ms: Sequence[int], how: str) -> tuple[Word, ...]:
    """Words looked for in the recording near `about_ms`, each piece on disk before the next; none where nothing says
    where. `how` those times are known tells apart what killed attempts left."""
    from transcribe import align

    if not about_ms:
        return ()
    params = words_params(sound.context) | {"inputs": sound.context.inputs, "about": how}
    log = sound.context.scratch / f"words-{hear.digest(params)}.jsonl"
    done, size = journal.read(log, align.Piece)
    with journal.append(log, size) as keep:
        for piece in align.pieces(
            words, about_ms, sound.audio, sound.aligner, language=sound.language, others=sound.others, done=done
        ):
            keep(piece)
            done.append(piece)
            sound.progress(piece.until_ms, sound.audio.duration_ms)
    return align.in_order([word for piece in done for word in piece.words])


def _near_moved(sound: _Sound, words: Sequence[Word], about_ms: Sequence[int], how: str) -> tuple[Word, ...]:
    """Words whose own times do not fit, looked for near others, as far as the recording goes and nothing is hidden."""
    hidden = sound.context.erased()
    moved = words_outside(_moved(words, about_ms, sound.audio.duration_ms), hidden)
    return _sure(_near(sound, moved, list(map(_start, moved)), how), hidden)


def _in_time(words: Sequence[Word]) -> list[int]:
    """When words begin by their cues, never going back."""
    return list(itertools.accumulate(map(_start, words), max))


def _early_ms(cues: Sequence[Word], words: Sequence[Word]) -> int:
    """By how much the cues of most words that were found are too early; less than 0 where they are late."""
    apart = [_start(w) - _start(cue) for cue, w in zip(cues, words, strict=True) if w.timing == "aligned"]
    return round(median(apart)) if apart else 0


def _n_found(words: Sequence[Word]) -> int:
    return sum(w.timing == "aligned" for w in words)


def _share_found(words: Sequence[Word]) -> float:
    return _n_found(words) / max(1, len(words))


def _moved(words: Sequence[Word], about_ms: Sequence[int], end_ms: int) -> list[Word]:
    """Words with times, moved to where they are thought to be said, as far as the recording goes; none where nothing
    says where."""
    return [
        msgspec.structs.replace(
            w, start_ms=ms, end_ms=min(end_ms, ms + (w.end_ms or 0) - (w.start_ms or 0)), timing="cue"
        )
        for w, ms in zip(words, about_ms, strict=bool(about_ms))
        if ms < end_ms
    ]

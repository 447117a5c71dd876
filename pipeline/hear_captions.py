"""Words of captions: as they stand there, or put on the sound of the recording, where a model is here that can."""

import itertools
import math
from collections.abc import Iterator, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pipeline import hear, hear_blocks, journal, receipts
from pipeline.context import Context
from pipeline.receipts import Receipt
from transcribe import engines
from transcribe.audio import Audio
from transcribe.media import Progress
from transcribe.ranges import Ranges, length, without
from transcribe.records import Word, Words, language_code
from transcribe.transcript import words_outside

if TYPE_CHECKING:
    from transcribe.align import Aligner

PLACING = 2  # of how words are put on the sound
ON_THE_SOUND = "on the sound"  # what becomes of the words of captions
MOVED, FOUND_ANEW = f"moved as one {ON_THE_SOUND}", f"found anew {ON_THE_SOUND}"  # where their own times do not fit
FEW_FOUND, MOST_FOUND = 0.3, 0.5  # of them: so few where their times are wrong altogether, and so many where others fit
CUE_REACH_MS = 10_000  # a word may be said so long before or after its cue shows it


def listens(context: Context) -> bool:
    """Whether it takes an engine to bring them up to date."""
    return _aligner(context) is not None and _to_cut(context, params(context)) is None


def params(context: Context) -> dict[str, Any]:
    """All that decides what becomes of them."""
    made = hear_blocks.params(context, "captions") | {"vocabulary": [], "silence": context.erased()}
    if context.meeting.media:
        made["placing"] = PLACING
    if aligner := _aligner(context):
        made["aligner"] = aligner.fingerprint
        if kept := _to_cut(context, made):
            made["aligner"] = kept.params["aligner"]
    return made


def make(context: Context, progress: Progress) -> Words:
    """They anew, or those that stand without what was hidden since."""
    if kept := _to_cut(context, params(context)):
        return _cut(context.words(), context.erased(), kept.params["silence"])
    captions, aligner = hear.from_captions(context)[0], _aligner(context)
    if aligner and any(w.timing in ("cue", "none") for w in captions.words):
        return _on_the_sound(context, captions, aligner, progress)
    return captions


def notes(context: Context) -> Iterator[str]:
    """What became of them, for whoever runs it."""
    made = context.words()
    if made.words and all(w.timing == "none" for w in made.words):
        yield "words without times: nothing can be cited. Times come from a recording beside them and an engine (--asr)"
    elif n_found := _n_found(made.words):
        is_untimed = any(w.timing == "none" for w in made.words)
        rest = "has no times and can't be cited" if is_untimed else "keeps the cue's time"
        more = f"; the rest {rest}" if n_found < len(made.words) else ""
        yield f"words of captions put on the sound: {math.floor(100 * n_found / len(made.words))} %{more}"
        if FOUND_ANEW in made.engine:
            yield "the captions' own times do not fit this recording: it was listened to, to place their words"
        if MOVED in made.engine:
            yield "the captions are early or late, all by the same time: they were moved by that"
    elif ON_THE_SOUND in made.engine:
        yield "next to nothing of the captions is in the sound: are they another recording's, or shifted?"
    yield from _notes_after(context, made)
    if context.only and length([context.only]):  # of what is corrected, nothing is to be heard
        yield "captions give all words at once: --only changes nothing"


def _notes_after(context: Context, made: Words) -> Iterator[str]:
    """How much of captions stands after the end of the recording, and so is nowhere."""
    if context.recording().media and FOUND_ANEW not in made.engine and MOVED not in made.engine:
        end_ms = context.recording().duration_ms
        n_after = sum(_start(w) >= end_ms for w in hear.from_captions(context, whole=True)[0].words)
        if n_after:
            yield f"captions go on after the recording ends: {n_after} words of theirs are left out"


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


def _to_cut(context: Context, asked: dict[str, Any]) -> Receipt | None:
    """The receipt of captions on the sound, of which some words may have to go, and to which none need be added."""
    receipt, captions = receipts.read(context.made, "words"), context.captions()
    if receipt is None or captions is None or "aligner" not in receipt.params:
        return None
    differs = receipts.first_difference(
        context.made,
        receipt,
        version=hear_blocks.VERSION,
        params=asked,
        inputs={f"raw/{context.meeting.captions}": captions},
        ignore=frozenset(("silence", *hear.ignored(context.asr, upgrade=context.upgrade))),
        verify=context.verify,
    )
    return None if differs or without(receipt.params["silence"], asked["silence"]) else receipt


def _cut(before: Words, hidden: Ranges, known: Ranges) -> Words:
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

    blocks = hear_blocks.heard(sound.context, sound.choice, sound.audio, hear.whole(sound.context), sound.progress)
    return align.about(words, [w for b in blocks for w in b.words])


def _near(sound: _Sound, words: Sequence[Word], about_ms: Sequence[int], how: str) -> tuple[Word, ...]:
    """Words looked for in the recording near `about_ms`, each piece on disk before the next; none where nothing says
    where. `how` those times are known tells apart what killed attempts left."""
    from transcribe import align

    if not about_ms:
        return ()
    asked = params(sound.context) | {"inputs": sound.context.inputs, "about": how}
    log = sound.context.scratch / f"words-{hear.digest(asked)}.jsonl"
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


def _start(word: Word) -> int:
    return word.start_ms or 0

"""Clips to words, whatever Whisper is asked: every clip is judged, heard again where it fails, and left out if it still does.

Whisper's batched path drops and invents without a word of warning, so nothing is taken on trust: text that repeats
itself, that the model itself finds unlikely, that holds more words than fit into the speech, or leaves speech
without words, is heard again by other means. What fails those too becomes an `untranscribed` stretch: the
program would rather show a gap than words that nobody said.
"""

import zlib
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from transcribe.audio import Audio
from transcribe.engines import Block
from transcribe.records import Record, Stretch, Word
from transcribe.vad import Clip, clips

BLOCK_MS = 600_000
LARGEST_COMPRESSION = 2.4  # Whisper's own measure of text that repeats itself
LEAST_LOGPROB = -1.0
MOST_WORDS_PER_S = 7.0
UNHEARD_MS = 4_000  # speech in a row that no word covers
LEAST_WORDS_PER_S = 0.4
NOTHING_LIKELY = 0.6  # the model's own probability that nobody speaks
SMALL_TALK_MS = 1_000  # speech so short that finding no word in it is no loss


class Heard(Record):
    """A piece of what a model made of a clip. Times are seconds from the clip's start; words keep Whisper's spaces."""

    words: tuple[tuple[str, float, float, float], ...]  # text, start, end, probability
    logprob: float
    no_speech: float
    compression: float


class Ears(Protocol):
    """One Whisper implementation with its model loaded."""

    def detect(self, samples: NDArray[np.float32]) -> str:
        """The language spoken in up to 30 s."""
        ...

    def first(self, samples: Sequence[NDArray[np.float32]], language: str, prompt: str) -> list[list[Heard]]:
        """Clips of at most 30 s, heard in the fastest way."""
        ...

    def again(self, samples: NDArray[np.float32], language: str) -> list[Heard]:
        """One clip heard slowly: temperature fallback, nothing prompted."""
        ...


def blocks(
    ears: Ears, audio: Audio, *, language: str | None, vocabulary: Sequence[str], from_ms: int, multilingual: bool
) -> Iterator[Block]:
    """The words of a recording in blocks of about ten minutes, whose edges lie in silence."""
    if not multilingual:
        language = "en"
    elif not language:
        language = _language(ears, audio)
    prompt = ", ".join(vocabulary)
    held: list[Clip] = []
    start_ms = from_ms
    for clip in clips(audio, from_ms):
        if held and clip.end_ms - start_ms > BLOCK_MS:
            end_ms = (held[-1].end_ms + clip.start_ms) // 2
            yield _block(ears, audio, held, start_ms, end_ms, language, prompt)
            start_ms, held = end_ms, []
        held.append(clip)
    yield _block(ears, audio, held, start_ms, audio.duration_ms, language, prompt)


def _language(ears: Ears, audio: Audio) -> str:
    """The language of most of the first clips that hold some speech."""
    votes: dict[str, int] = {}
    n = 0
    for clip in clips(audio):
        if clip.speech_ms >= 3_000:
            found = ears.detect(audio.slice(clip.start_ms, clip.end_ms))
            votes[found] = votes.get(found, 0) + clip.speech_ms
            n += 1
        if n == 5:
            break
    return max(votes, key=lambda code: votes[code], default="en")


def _block(
    ears: Ears, audio: Audio, held: Sequence[Clip], start_ms: int, end_ms: int, language: str, prompt: str
) -> Block:
    words: list[Word] = []
    lost: list[Stretch] = []
    sounds = [audio.slice(c.start_ms, c.end_ms) for c in held]
    for clip, sound, heard in zip(held, sounds, ears.first(sounds, language, prompt) if held else [], strict=True):
        more, unheard = _settle(ears, audio, clip, sound, heard, language)
        words += more
        lost += unheard
    return Block(
        start_ms=start_ms,
        end_ms=end_ms,
        language=language,
        words=tuple(_in_order(words, end_ms)),
        stretches=tuple(lost),
    )


def _settle(
    ears: Ears, audio: Audio, clip: Clip, sound: NDArray[np.float32], heard: Sequence[Heard], language: str
) -> tuple[list[Word], list[Stretch]]:
    """The words of a clip, by the first way of hearing it that passes; or the stretch where none does."""
    if not judge(clip, heard):
        return to_words(clip, heard), []
    heard = ears.again(sound, language)
    why = judge(clip, heard)
    if not why:
        return to_words(clip, heard), []
    halves = _halves(clip)
    if not halves:
        quiet = clip.speech_ms < SMALL_TALK_MS
        return [], [] if quiet else [
            Stretch(kind="untranscribed", start_ms=clip.start_ms, end_ms=clip.end_ms, reason=why)
        ]
    words: list[Word] = []
    lost: list[Stretch] = []
    for half in halves:
        part = audio.slice(half.start_ms, half.end_ms)
        more, unheard = _settle(ears, audio, half, part, ears.again(part, language), language)
        words += more
        lost += unheard
    return words, lost


def _halves(clip: Clip) -> list[Clip]:
    """A clip cut in two at its longest inner pause, if both sides hold some speech; else nothing."""
    if len(clip.speech) < 2:
        return []
    gaps = [b[0] - a[1] for a, b in zip(clip.speech, clip.speech[1:], strict=False)]
    best = max(range(len(gaps)), key=lambda i: (gaps[i], -abs(i - len(gaps) / 2)))
    sides = clip.speech[: best + 1], clip.speech[best + 1 :]
    return [Clip(start_ms=side[0][0], end_ms=side[-1][1], speech=side) for side in sides]


def judge(clip: Clip, heard: Sequence[Heard]) -> str:
    """What is wrong with what was heard in a clip, in words; empty where nothing is."""
    heard = [h for h in heard if h.words]
    text = "".join(word for h in heard for word, *_ in h.words).strip()
    n_words = len(text.split())
    speech_s = clip.speech_ms / 1000
    if not n_words:
        return "speech, but no words found in it" if clip.speech_ms >= SMALL_TALK_MS else ""
    if compression(text) > LARGEST_COMPRESSION or max(h.compression for h in heard) > LARGEST_COMPRESSION:
        return "the text repeats itself"
    if loops(text):
        return "the text goes round in a loop"
    weight = sum(len(h.words) for h in heard)
    logprob = sum(h.logprob * len(h.words) for h in heard) / weight
    if logprob < LEAST_LOGPROB:
        return "too unsure of the words"
    if max(h.no_speech for h in heard) > NOTHING_LIKELY and logprob < LEAST_LOGPROB / 2:
        return "probably not speech"
    if n_words > 2 + MOST_WORDS_PER_S * speech_s:
        return "more words than fit into the speech"
    if speech_s > 3 and n_words < LEAST_WORDS_PER_S * speech_s:
        return "fewer words than the speech must hold"
    if unheard_ms(clip, heard) > UNHEARD_MS:
        return "speech that no word covers"
    return ""


def unheard_ms(clip: Clip, heard: Sequence[Heard]) -> int:
    """The longest stretch of the clip's speech that no word touches, in ms."""
    covered = sorted(
        (clip.start_ms + round(start * 1000), clip.start_ms + round(end * 1000))
        for h in heard
        for _, start, end, _ in h.words
    )
    longest = 0
    for start, end in clip.speech:
        free = start
        for a, b in covered:
            if b <= free or a >= end:
                continue
            longest = max(longest, a - free)
            free = b
        longest = max(longest, end - free)
    return longest


def compression(text: str) -> float:
    """How much smaller text becomes when compressed: Whisper's measure."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def loops(text: str) -> bool:
    """Whether a few words follow themselves again and again, as no speaker does.

    >>> loops("I'm sorry. I'm sorry. I'm sorry. I'm sorry. I'm sorry."), loops("no, no, no, I mean no")
    (True, False)
    """
    words = ["".join(c for c in w.casefold() if c.isalnum()) for w in text.split()]
    for n in range(1, 9):
        most = 6 if n == 1 else 4
        for offset in range(n):
            run = 1
            for i in range(offset + n, len(words) - n + 1, n):
                run = run + 1 if words[i : i + n] == words[i - n : i] else 1
                if run >= most:
                    return True
    return False


def to_words(clip: Clip, heard: Sequence[Heard]) -> list[Word]:
    """Words on the meeting's timeline, inside their clip. A piece without a space before it belongs to the word before."""
    pieces: list[tuple[str, float, float, list[float]]] = []
    for h in heard:
        for text, start, end, p in h.words:
            if pieces and not text[:1].isspace() and not pieces[-1][0][-1:].isspace():
                before = pieces[-1]
                pieces[-1] = (before[0] + text, before[1], max(before[2], end), [*before[3], p])
            else:
                pieces.append((text, start, end, [p]))
    words = []
    for text, start, end, probabilities in pieces:
        start_ms = min(clip.end_ms, clip.start_ms + max(0, round(start * 1000)))
        end_ms = min(clip.end_ms, clip.start_ms + max(0, round(end * 1000)))
        confidence = min(1.0, max(0.0, float(np.mean(probabilities))))
        words += [
            Word(text=part, start_ms=start_ms, end_ms=max(start_ms, end_ms), confidence=round(confidence, 4))
            for part in text.split()
        ]
    return words


def _in_order(words: Sequence[Word], end_ms: int) -> Iterator[Word]:
    """Words as they came, none starting before the one before it."""
    import msgspec

    last = 0
    for word in words:
        assert word.start_ms is not None
        assert word.end_ms is not None
        start = max(word.start_ms, last)
        last = start
        yield msgspec.structs.replace(word, start_ms=start, end_ms=min(end_ms, max(start, word.end_ms)))

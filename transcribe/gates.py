"""What a model made of a clip, judged: is it to be trusted, and which speech does it say nothing of?

Whisper repeats itself, goes round in loops, invents words where nobody speaks, and passes over whole passages, in
each of its ways of listening, and says so nowhere. Each of these shows in what it hands over.
"""

import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise

from transcribe.ranges import length, within
from transcribe.records import Record
from transcribe.vad import Clip

LARGEST_COMPRESSION = 2.4  # Whisper's own measure of text that repeats itself
LEAST_LOGPROB = -1.0
NOTHING_LIKELY = 0.6  # the model's own probability that nobody speaks
MOST_WORDS_PER_S = 7.0
LEAST_WORDS_PER_S = 0.4
UNHEARD_MS = 2_000  # speech in a row that no word covers
SMALL_TALK_MS = 1_000  # speech so short that it may be a cough
LONG_WORD_MS = 2_000  # a word that seems longer was drawn out over something else


class Heard(Record):
    """A piece of what a model made of a clip. Times are seconds from the clip's start; words keep Whisper's spaces."""

    words: tuple[tuple[str, float, float, float], ...]  # text, start, end, probability
    logprob: float
    no_speech: float
    compression: float
    foreign: str = ""  # the language that it surely is in, where that is not the one asked for


def judge(clip: Clip, heard: Sequence[Heard]) -> str:
    """Why the words heard in a clip are not to be trusted, in words; empty where they are, or are none."""
    heard = [h for h in heard if h.words]
    text = "".join(word for h in heard for word, *_ in h.words).strip()
    n_words = len(text.split())
    speech_s = clip.speech_ms / 1000
    if not n_words:
        return ""
    if compression(text) > LARGEST_COMPRESSION or max(h.compression for h in heard) > LARGEST_COMPRESSION:
        return "the text repeats itself"
    if loops(text):
        return "the text goes round in a loop"
    logprob = sum(h.logprob * len(h.words) for h in heard) / sum(len(h.words) for h in heard)
    if logprob < LEAST_LOGPROB:
        return "too unsure of the words"
    if max(h.no_speech for h in heard) > NOTHING_LIKELY and logprob < LEAST_LOGPROB / 2:
        return "probably not speech"
    if any(_is_crowded(clip, sentence) for sentence in _sentences(heard)):
        return "more words than fit into the speech"
    heard_s = speech_s - sum(span_ms(gap) for gap in unheard(clip, heard)) / 1000
    if heard_s > 3 and n_words < LEAST_WORDS_PER_S * heard_s:
        return "fewer words than the speech must hold"
    return ""


def _sentences(heard: Sequence[Heard]) -> Iterator[list[tuple[str, float, float, float]]]:
    """Words up to the end of a sentence or of a piece."""
    for h in heard:
        sentence = []
        for word in h.words:
            sentence.append(word)
            if word[0].endswith((".", "?", "!")):
                yield sentence
                sentence = []
        if sentence:
            yield sentence


def _is_crowded(clip: Clip, sentence: Sequence[tuple[str, float, float, float]]) -> bool:
    """Whether there are more words than could be said in the speech between the first of them and the last."""
    span = clip.start_ms + round(1000 * sentence[0][1]), clip.start_ms + round(1000 * sentence[-1][2])
    n_words = len("".join(text for text, *_ in sentence).split())
    return n_words > 2 + MOST_WORDS_PER_S * length(within(clip.speech, [span])) / 1000


def echoes(heard: Sequence[Heard], vocabulary: Sequence[str]) -> bool:
    """Whether two neighbours of the list that was prompted follow each other in the text, as they do in no speech.

    A list of one word or name is echoed by text that is nothing else. What was truly said, such as a roll call in that
    very order, is heard again without the list, and passes then.
    """
    text = _plain("".join(text for h in heard for text, *_ in h.words))
    if len(vocabulary) == 1:
        only, said = _plain(vocabulary[0]).split(), text.split()
        return bool(only and said) and said == only * (len(said) // len(only))
    return any(f" {_plain(a)} {_plain(b)} " in f" {text} " for a, b in pairwise(vocabulary))


def _plain(text: str) -> str:
    letters = "".join(c if c.isalnum() else " " for c in text.casefold())
    return " ".join(letters.split())


def unheard(clip: Clip, heard: Sequence[Heard]) -> list[tuple[int, int]]:
    """Long stretches of the clip's speech that no word touches, in ms."""
    covered = sorted(
        span for h in heard for _, start, end, _ in h.words for span in _covers(clip, start * 1000, end * 1000)
    )
    return uncovered(clip, covered)


def uncovered(clip: Clip, covered: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Long stretches of the clip's speech outside some ranges, which are in order."""
    if not covered:
        return [spoken(clip)] if clip.speech_ms >= SMALL_TALK_MS else []
    gaps = []
    for start, end in clip.speech:
        free = start
        for a, b in covered:
            if a < end and b > free:
                gaps.append((free, a))
                free = b
        gaps.append((free, end))
    return [gap for gap in gaps if span_ms(gap) > UNHEARD_MS]


def span_ms(gap: tuple[int, int]) -> int:
    return gap[1] - gap[0]


def _covers(clip: Clip, start_ms: float, end_ms: float) -> list[tuple[int, int]]:
    """What a word can be heard in: of one that was drawn out, only its two ends."""
    a, b = clip.start_ms + round(start_ms), clip.start_ms + round(end_ms)
    half = LONG_WORD_MS // 2
    return [(a, b)] if b - a <= LONG_WORD_MS else [(a, a + half), (b - half, b)]


def compression(text: str) -> float:
    """How much smaller text becomes when compressed: Whisper's measure."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def loops(text: str) -> bool:
    """Whether a few words follow themselves again and again, as no speaker does.

    >>> loops("I'm sorry. I'm sorry. I'm sorry. I'm sorry. I'm sorry."), loops("no, no, no, I mean no")
    (True, False)
    """
    words = _plain(text).split()
    for n in range(1, 9):
        most = 6 if n == 1 else 4
        for offset in range(n):
            run = 1
            for i in range(offset + n, len(words) - n + 1, n):
                run = run + 1 if words[i : i + n] == words[i - n : i] else 1
                if run >= most:
                    return True
    return False


def spoken(clip: Clip) -> tuple[int, int]:
    return clip.speech[0][0], clip.speech[-1][1]

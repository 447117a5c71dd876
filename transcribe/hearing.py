"""Clips to words, whichever Whisper listens: every clip is judged, and heard again by other means where it fails.

Whisper's batched path drops and invents without a word of warning, so nothing is taken on trust. Text that goes
round in circles, that repeats what it was prompted with, that the model itself finds unlikely, or that holds more
words than fit into the speech, is never kept: a clip for which there is nothing better becomes an `untranscribed`
stretch. Speech that no word covers is heard again too, and where it stays without words, that part alone is such a
stretch. So is what is said in another language, which Whisper would turn into English of its own, and sound that may
be speech. The program would rather show a gap than words that nobody said.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from transcribe.align import Aligner
from transcribe.audio import Audio
from transcribe.engines import Block, Progress
from transcribe.pauses import runs_of_sound, settled
from transcribe.problem import Problem
from transcribe.ranges import Ranges, length, within, without
from transcribe.records import Record, Stretch, Word
from transcribe.vad import EDGE_MS, PAD_MS, Clip, clips

BLOCK_MS = 600_000
LARGEST_COMPRESSION = 2.4  # Whisper's own measure of text that repeats itself
LEAST_LOGPROB = -1.0
NOTHING_LIKELY = 0.6  # the model's own probability that nobody speaks
MOST_WORDS_PER_S = 7.0
LEAST_WORDS_PER_S = 0.4
SURE = 0.5  # probability of a language: another one had at most 0.4 in English excerpts, 0.8 and more in half German
TELLING_MS = 3_000  # of speech, in which its language shows
UNHEARD_MS = 2_000  # speech in a row that no word covers
SMALL_TALK_MS = 1_000  # speech so short that it may be a cough
LONG_WORD_MS = 2_000  # a word that seems longer was drawn out over something else
N_CUTS = 2  # how often a clip that fails is cut in two
WORDLESS = "speech in which no words were found"
SEED = 0  # for the temperatures above nought, so that the same sound gives the same words


class Heard(Record):
    """A piece of what a model made of a clip. Times are seconds from the clip's start; words keep Whisper's spaces."""

    words: tuple[tuple[str, float, float, float], ...]  # text, start, end, probability
    logprob: float
    no_speech: float
    compression: float
    foreign: str = ""  # the language that it surely is in, where that is not the one asked for


class Ears(Protocol):
    """One Whisper implementation with its model loaded."""

    @property
    def languages(self) -> frozenset[str]:
        """Codes of the languages that it knows."""
        ...

    def detect(self, samples: NDArray[np.float32]) -> tuple[str, float]:
        """The language most likely spoken in up to 30 s, and its probability."""
        ...

    def first(self, samples: Sequence[NDArray[np.float32]], language: str, prompt: str) -> Iterable[list[Heard]]:
        """Clips of at most 30 s, heard in the fastest way, a few at a time."""
        ...

    def again(self, samples: NDArray[np.float32], language: str) -> list[Heard]:
        """One clip heard slowly: temperature fallback, nothing prompted, the same result each time."""
        ...


class Listener(Record):
    """A recogniser (see `transcribe.engines.Recogniser`) with its model loaded, whichever Whisper it is."""

    fingerprint: str
    ears: Ears
    aligner: Aligner | None = None  # of the same model, where it can find words that are given

    def words(
        self,
        audio: Audio,
        *,
        language: str | None,
        vocabulary: Sequence[str],
        progress: Progress | None = None,
        from_ms: int = 0,
        to_ms: int | None = None,
    ) -> Iterator[Block]:
        return blocks(
            self.ears,
            audio,
            language=language,
            vocabulary=vocabulary,
            progress=progress,
            from_ms=from_ms,
            to_ms=to_ms,
        )


def blocks(
    ears: Ears,
    audio: Audio,
    *,
    language: str | None,
    vocabulary: Sequence[str],
    from_ms: int,
    to_ms: int | None,
    progress: Progress | None = None,
) -> Iterator[Block]:
    """The words of a recording between two times, in blocks of about ten minutes, whose inner edges lie in silence.

    Without a language the one of most of the first clips is taken. `progress` is called after each clip, and whenever
    one was heard again. Raises Problem for a language that the model lacks.
    """

    def reach(at_ms: int) -> None:
        if progress:
            progress(at_ms, audio.duration_ms)

    code = _known(ears, language) if language else ""
    if ears.languages == {"en"}:
        code = "en"
    code = code or detected(ears, audio)
    sitting = _Sitting(ears, audio, code, reach)
    held: list[Clip] = []
    start_ms = from_ms
    for clip in clips(audio, from_ms, to_ms):
        if held and clip.end_ms - start_ms > BLOCK_MS:
            end_ms = (held[-1].end_ms + clip.start_ms) // 2
            yield _block(sitting, held, start_ms, end_ms, vocabulary)
            start_ms, held = end_ms, []
        held.append(clip)
    end_ms = audio.duration_ms if to_ms is None else to_ms
    yield _block(sitting, held, start_ms, end_ms, vocabulary)


def _known(ears: Ears, language: str) -> str:
    """`en-GB` is `en`."""
    code = language.lower().replace("_", "-").split("-")[0]
    if code not in ears.languages and ears.languages != {"en"}:
        raise Problem(
            f"Whisper knows no language {language!r}", where="meeting.toml", fix='write a code: language = "en"'
        )
    return code


def detected(ears: Ears | Aligner, audio: Audio) -> str:
    """The language of most of the speech in the first clips that hold some; of silence, English."""
    votes: dict[str, int] = {}
    n = 0
    for clip in clips(audio):
        if clip.speech_ms >= TELLING_MS:
            found, _ = ears.detect(audio.slice(clip.start_ms, clip.end_ms))
            votes[found] = votes.get(found, 0) + clip.speech_ms
            n += 1
        if n == 5:
            break
    return max(votes, key=lambda code: votes[code], default="en")


class _Sitting(NamedTuple):
    """What is the same from clip to clip."""

    ears: Ears
    audio: Audio
    language: str
    reach: Callable[[int], None]

    def sound(self, clip: Clip) -> NDArray[np.float32]:
        return self.audio.slice(clip.start_ms, clip.end_ms)

    def runs(self, clip: Clip) -> Ranges:
        """Where in a clip there is sound that may be words."""
        runs = runs_of_sound(self.sound(clip))
        runs = [(clip.start_ms + start_ms, clip.start_ms + end_ms) for start_ms, end_ms in runs]
        return within(runs, clip.speech) or list(clip.speech)

    def is_foreign(self, start_ms: int, end_ms: int) -> bool:
        found, p = self.ears.detect(self.audio.slice(start_ms, end_ms))
        return found != self.language and p >= SURE


def _block(sitting: _Sitting, held: Sequence[Clip], start_ms: int, end_ms: int, vocabulary: Sequence[str]) -> Block:
    words: list[Word] = []
    lost = [_stretch(c.start_ms, c.end_ms, "faint sound that may be speech") for c in held if not c.speech]
    spoken = [c for c in held if c.speech]
    prompt = ", ".join(vocabulary) + "." if vocabulary else ""  # prompted without a full stop, Whisper writes none
    sounds = [sitting.sound(clip) for clip in spoken]
    for clip, heard in zip(spoken, sitting.ears.first(sounds, sitting.language, prompt) if spoken else [], strict=True):
        more, stretches = _settle(sitting, clip, heard, vocabulary, N_CUTS)
        words += more
        lost += stretches
        sitting.reach(clip.end_ms)
    return Block(
        start_ms=start_ms,
        end_ms=end_ms,
        language=sitting.language,
        words=tuple(_in_order(words, end_ms)),
        stretches=tuple(sorted(lost, key=lambda s: s.start_ms)),
        speech=tuple(span for clip in held for span in clip.speech),
    )


def _settle(
    sitting: _Sitting, clip: Clip, heard: Sequence[Heard], vocabulary: Sequence[str], n_cuts: int
) -> tuple[list[Word], list[Stretch]]:
    """The words of a clip by the first way of hearing it that passes, and the stretches where none does.

    `vocabulary` is what the clip was heard with; later ways go without.
    """
    halves = _halves(clip) if n_cuts else []
    # Seconds do not tell a language, except where they are part of a clip that has failed already.
    foreign = next((h.foreign for h in heard if clip.speech_ms >= TELLING_MS or n_cuts < N_CUTS), "")
    if foreign:
        return _cut(sitting, halves, n_cuts) or (
            [],
            [_stretch(*_spoken(clip), f"said in another language ({foreign})")],
        )
    fault = judge(clip, heard) or ("only what was prompted" if echoes(heard, vocabulary) else "")
    gaps = unheard(clip, heard)
    if not fault and any(_span(gap) >= TELLING_MS and sitting.is_foreign(*gap) for gap in gaps):
        return _written(sitting, clip, heard)  # the slow way would hear the rest, and translate it
    passed = [] if fault else [heard]
    if fault or gaps:
        heard = sitting.ears.again(sitting.sound(clip), sitting.language)
        sitting.reach(clip.start_ms)
        fault = judge(clip, heard)
        passed += [] if fault else [heard]
    if passed and not unheard(clip, passed[-1]):
        return _written(sitting, clip, passed[-1])
    cut = _cut(sitting, halves, n_cuts)
    best = min(passed, key=lambda way: _length(_gaps(clip, way)), default=None)
    if cut and (best is None or _length(cut[1]) < _length(_gaps(clip, best))):
        return cut
    if best is None:
        return [], [_stretch(*_spoken(clip), fault)]
    return _written(sitting, clip, best)


def _written(sitting: _Sitting, clip: Clip, way: Sequence[Heard]) -> tuple[list[Word], list[Stretch]]:
    """The words of a way of hearing a clip, where they are in its sound, and speech that is left without any."""
    words = to_words(clip, way, sitting.runs(clip))
    said = sorted((w.start_ms or 0, w.end_ms or 0) for w in words)
    gaps = without([*unheard(clip, way), *_uncovered(clip, said)], said)
    return words, [_stretch(start, end, WORDLESS) for start, end in gaps]


def _cut(sitting: _Sitting, halves: Sequence[Clip], n_cuts: int) -> tuple[list[Word], list[Stretch]] | None:
    """The words and stretches of a clip's halves, each heard by itself; None where it has none."""
    if not halves:
        return None
    words: list[Word] = []
    stretches: list[Stretch] = []
    for half in halves:
        (fresh,) = sitting.ears.first([sitting.sound(half)], sitting.language, "")
        more, lost = _settle(sitting, half, fresh, (), n_cuts - 1)
        words += more
        stretches += lost
    return words, stretches


def _stretch(start_ms: int, end_ms: int, reason: str) -> Stretch:
    return Stretch(kind="untranscribed", start_ms=start_ms, end_ms=end_ms, reason=reason)


def _spoken(clip: Clip) -> tuple[int, int]:
    return clip.speech[0][0], clip.speech[-1][1]


def _gaps(clip: Clip, heard: Sequence[Heard]) -> list[Stretch]:
    return [_stretch(start, end, WORDLESS) for start, end in unheard(clip, heard)]


def _length(stretches: Sequence[Stretch]) -> int:
    return sum(s.end_ms - s.start_ms for s in stretches)


def _halves(clip: Clip) -> list[Clip]:
    """A clip cut in two at its longest inner pause, if both sides hold some speech; else nothing."""
    if len(clip.speech) < 2:
        return []
    pauses = [b[0] - a[1] for a, b in pairwise(clip.speech)]
    best = max(range(len(pauses)), key=lambda i: (pauses[i], -abs(i - len(pauses) / 2)))
    end_ms, start_ms = clip.speech[best][1], clip.speech[best + 1][0]
    edge_ms = min(EDGE_MS - PAD_MS, (start_ms - end_ms) // 2)
    return [
        Clip(start_ms=clip.start_ms, end_ms=end_ms + edge_ms, speech=clip.speech[: best + 1]),
        Clip(start_ms=start_ms - edge_ms, end_ms=clip.end_ms, speech=clip.speech[best + 1 :]),
    ]


# -- judging --------------------------------------------------------------------------------------


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
    heard_s = speech_s - sum(_span(gap) for gap in unheard(clip, heard)) / 1000
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
    return _uncovered(clip, covered)


def _uncovered(clip: Clip, covered: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Long stretches of the clip's speech outside some ranges, which are in order."""
    if not covered:
        return [_spoken(clip)] if clip.speech_ms >= SMALL_TALK_MS else []
    gaps = []
    for start, end in clip.speech:
        free = start
        for a, b in covered:
            if a < end and b > free:
                gaps.append((free, a))
                free = b
        gaps.append((free, end))
    return [gap for gap in gaps if _span(gap) > UNHEARD_MS]


def _span(gap: tuple[int, int]) -> int:
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


# -- words ----------------------------------------------------------------------------------------


def to_words(clip: Clip, heard: Sequence[Heard], sound: Ranges) -> list[Word]:
    """Words on the meeting's timeline, inside their clip, each in one run of `sound` (see `transcribe.pauses`).

    A piece with no space before it belongs to the last word.
    """
    pieces: list[tuple[str, float, float, list[float]]] = []
    for h in heard:
        for text, start, end, p in h.words:
            if pieces and not text[:1].isspace() and not pieces[-1][0][-1:].isspace():
                before = pieces[-1]
                pieces[-1] = (before[0] + text, before[1], max(before[2], end), [*before[3], p])
            else:
                pieces.append((text, start, end, [p]))
    rough = []
    for text, start, end, _ in pieces:
        start_ms, end_ms = (min(clip.end_ms, clip.start_ms + max(0, round(s * 1000))) for s in (start, end))
        rough.append((text, start_ms, max(start_ms, end_ms)))
    words = []
    for (text, *_, probabilities), (start_ms, end_ms) in zip(pieces, settled(rough, sound), strict=True):
        confidence = round(min(1.0, max(0.0, float(np.mean(probabilities)))), 4)
        words += [Word(text=part, start_ms=start_ms, end_ms=end_ms, confidence=confidence) for part in text.split()]
    return words


def _in_order(words: Sequence[Word], end_ms: int) -> Iterator[Word]:
    """Words as they came, none starting before the one before it."""
    last = 0
    for word in words:
        assert word.start_ms is not None
        assert word.end_ms is not None
        last = max(word.start_ms, last)
        yield msgspec.structs.replace(word, start_ms=last, end_ms=min(end_ms, max(last, word.end_ms)))

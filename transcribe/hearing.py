"""Clips to words, whichever Whisper listens: every clip is judged, and heard again by other means where it fails.

Whisper's batched path drops and invents without a word of warning, so nothing is taken on trust. Text that goes
round in circles, that repeats what it was prompted with, that the model itself finds unlikely, or that holds more
words than fit into the speech, is never kept: a clip for which there is nothing better becomes an `untranscribed`
stretch. Speech that no word covers is heard again too, and where it stays without words, that part alone is such a
stretch. So is what is said in another language, which Whisper would turn into English of its own, and sound that may
be speech. The program would rather show a gap than words that nobody said.

Where a meeting is held in several languages, each clip is heard in the one that it surely is in, and one in which they
change is cut there.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, groupby, pairwise
from typing import NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from transcribe.align import Aligner
from transcribe.audio import Audio
from transcribe.engines import Block
from transcribe.gates import Heard, echoes, judge, span_ms, spoken, uncovered, unheard
from transcribe.media import Progress
from transcribe.moments import middle
from transcribe.pauses import runs_in, settled
from transcribe.problem import Problem
from transcribe.ranges import Ranges, without
from transcribe.records import Passage, Record, Stretch, Word, language_code
from transcribe.vad import EDGE_MS, PAD_MS, Clip, clips

BLOCK_MS = 600_000
SURE = 0.5  # probability of a language: another one had at most 0.4 in English excerpts, 0.8 and more in half German
WHOLLY = 0.95  # among a meeting's languages: 3 s of German had 0.97 and more, 3 s of English at most 0.61 of another
TELLING_MS = 3_000  # of speech, in which its language shows
N_TOLD = 8  # clips whose languages are told before the first of them is heard
N_CUTS = 2  # how often a clip that fails is cut in two
WORDLESS = "speech in which no words were found"
BEAM = 5
TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # of the slow way, tried until one passes Whisper's own thresholds
SEED = 0  # for the temperatures above nought, so that the same sound gives the same words


class Ears(Protocol):
    """One Whisper implementation with its model loaded."""

    @property
    def languages(self) -> frozenset[str]:
        """Codes of the languages that it knows."""
        ...

    def detect(self, samples: NDArray[np.float32], among: Collection[str] = ()) -> tuple[str, float]:
        """The language most likely spoken in up to 30 s, and its probability (see `surest`)."""
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
        others: Sequence[str] = (),
        progress: Progress | None = None,
        from_ms: int = 0,
        to_ms: int | None = None,
    ) -> Iterator[Block]:
        return blocks(
            self.ears,
            audio,
            language=language,
            vocabulary=vocabulary,
            others=others,
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
    others: Sequence[str] = (),
    progress: Progress | None = None,
) -> Iterator[Block]:
    """The words of a recording between two times, in blocks of about ten minutes, whose inner edges lie in silence.

    Without a language the one of most of the first clips is taken. `others` may be spoken besides. `progress` is called
    after each clip, and whenever one was heard again. Raises Problem for a language that the model lacks.
    """

    def reach(at_ms: int) -> None:
        if progress:
            progress(at_ms, audio.duration_ms)

    code = _known(ears, language) if language else detected(ears, audio)
    sitting = _Sitting(ears, audio, code, tuple(_known(ears, other) for other in others), reach)
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
    code = language_code(language)
    if code not in ears.languages:
        alone = ears.languages == {"en"}
        raise Problem(
            f"this model knows English alone, not {language!r}" if alone else f"Whisper knows no language {language!r}",
            where="meeting.toml",
            fix="name another model, as in --asr whisper:base" if alone else 'write a code: language = "en"',
        )
    return code


def surest(probabilities: Mapping[str, float], among: Collection[str] = ()) -> tuple[str, float]:
    """The likeliest language, and its probability; of a few alone where they are given, as if there were no others.

    >>> surest({"en": 0.5, "cy": 0.3, "nn": 0.2}), surest({"en": 0.25, "cy": 0.75, "nn": 0}, ("en", "cy"))
    (('en', 0.5), ('cy', 0.75))
    """
    best = max(among or probabilities, key=lambda code: probabilities[code])
    p = float(probabilities[best])
    return best, p / sum(probabilities[code] for code in among) if among and p else p


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
    others: tuple[str, ...]
    reach: Callable[[int], None]

    def sound(self, clip: Clip) -> NDArray[np.float32]:
        return self.audio.slice(clip.start_ms, clip.end_ms)

    def is_foreign(self, start_ms: int, end_ms: int) -> bool:
        found, p = self.ears.detect(self.audio.slice(start_ms, end_ms))
        return found != self.language and p >= SURE


def _block(sitting: _Sitting, held: Sequence[Clip], start_ms: int, end_ms: int, vocabulary: Sequence[str]) -> Block:
    words: list[Word] = []
    said: list[tuple[str, int, int]] = []
    lost = [_stretch(c.start_ms, c.end_ms, "faint sound that may be speech") for c in held if not c.speech]
    prompt = ", ".join(vocabulary) + "." if vocabulary else ""  # prompted without a full stop, Whisper writes none
    for part, heard in _first(sitting, [c for c in held if c.speech], prompt):
        spoken = sitting._replace(language=part.language)
        more, stretches = _settle(spoken, part.clip, heard, vocabulary, part.n_cuts)
        words += more
        if more:
            said.append((part.language, part.clip.start_ms, max(part.clip.end_ms, middle(more[-1]) + 1)))
        lost += stretches
        sitting.reach(part.clip.end_ms)
    return Block(
        start_ms=start_ms,
        end_ms=end_ms,
        language=sitting.language,
        words=tuple(_in_order(words, end_ms)),
        stretches=tuple(sorted(lost, key=lambda s: s.start_ms)),
        passages=tuple(_passages(said, sitting.language)),
        speech=tuple(span for clip in held for span in clip.speech),
    )


def _passages(said: Sequence[tuple[str, int, int]], main: str) -> Iterator[Passage]:
    """What is said in other languages than the main one, each as far as nothing else is said."""
    for language, run in groupby(said, key=lambda part: part[0]):
        parts = list(run)
        if language != main:
            yield Passage(language=language, start_ms=parts[0][1], end_ms=parts[-1][2])


class _Part(NamedTuple):
    """A clip, or what one was cut to, and how often it may be cut again."""

    clip: Clip
    language: str
    n_cuts: int


def _first(sitting: _Sitting, spoken: Sequence[Clip], prompt: str) -> Iterator[tuple[_Part, list[Heard]]]:
    """Clips as they are heard in the fastest way, in order, each in its language."""
    n_told = N_TOLD if sitting.others else max(1, len(spoken))
    for i in range(0, len(spoken), n_told):
        parts = [part for clip in spoken[i : i + n_told] for part in _parts(sitting, clip, N_CUTS)]
        for language, run in groupby(parts, key=lambda part: part.language):
            alike = list(run)
            sounds = [sitting.sound(part.clip) for part in alike]
            yield from zip(alike, sitting.ears.first(sounds, language, prompt), strict=True)


def _parts(sitting: _Sitting, clip: Clip, n_cuts: int) -> list[_Part]:
    """A clip whole, or where another language begins in it cut there: in the one that it surely is in, or the main.

    A clip in two languages seems to be wholly in one of them, so each few seconds of it are told by themselves.
    """
    if not sitting.others:
        return [_Part(clip, sitting.language, n_cuts)]
    halves, n_left, language = _halves(clip, TELLING_MS), N_CUTS - 1, sitting.language
    if not halves:
        found, p = sitting.ears.detect(sitting.sound(clip), (sitting.language, *sitting.others))
        language = found if p >= WHOLLY else language
        halves, n_left = _halves(clip) if p < WHOLLY and n_cuts else [], n_cuts - 1
    parts = [part for half in halves for part in _parts(sitting, half, n_left)]
    spoken = {part.language for part in parts}
    return parts if len(spoken) > 1 else [_Part(clip, min(spoken, default=language), n_cuts)]


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
        unsure = foreign in sitting.others
        why = f"not clearly in one language ({foreign}?)" if unsure else f"said in another language ({foreign})"
        return _cut(sitting, halves, n_cuts) or ([], [_stretch(*spoken(clip), why)])
    fault = judge(clip, heard) or ("only what was prompted" if echoes(heard, vocabulary) else "")
    gaps = unheard(clip, heard)
    if not fault and any(span_ms(gap) >= TELLING_MS and sitting.is_foreign(*gap) for gap in gaps):
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
        return [], [_stretch(*spoken(clip), fault)]
    return _written(sitting, clip, best)


def _written(sitting: _Sitting, clip: Clip, way: Sequence[Heard]) -> tuple[list[Word], list[Stretch]]:
    """The words of a way of hearing a clip, where they are in its sound, and speech that is left without any."""
    words = to_words(clip, way, runs_in(clip, sitting.sound(clip)))
    said = sorted((w.start_ms or 0, w.end_ms or 0) for w in words)
    gaps = without([*unheard(clip, way), *uncovered(clip, said)], said)
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


def _gaps(clip: Clip, heard: Sequence[Heard]) -> list[Stretch]:
    return [_stretch(start, end, WORDLESS) for start, end in unheard(clip, heard)]


def _length(stretches: Sequence[Stretch]) -> int:
    return sum(s.end_ms - s.start_ms for s in stretches)


def _halves(clip: Clip, least_ms: int = 0) -> list[Clip]:
    """A clip cut in two at its longest inner pause, if both sides hold so much speech; else nothing."""
    pauses = [b[0] - a[1] for a, b in pairwise(clip.speech)]
    before_ms = list(accumulate(end - start for start, end in clip.speech))
    fit = [i for i in range(len(pauses)) if least_ms <= before_ms[i] <= clip.speech_ms - least_ms]
    if not fit:
        return []
    best = max(fit, key=lambda i: (pauses[i], -abs(i - len(pauses) / 2)))
    end_ms, start_ms = clip.speech[best][1], clip.speech[best + 1][0]
    edge_ms = min(EDGE_MS - PAD_MS, (start_ms - end_ms) // 2)
    return [
        Clip(start_ms=clip.start_ms, end_ms=end_ms + edge_ms, speech=clip.speech[: best + 1]),
        Clip(start_ms=start_ms - edge_ms, end_ms=clip.end_ms, speech=clip.speech[best + 1 :]),
    ]


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

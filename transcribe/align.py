"""Words that somebody wrote down, put on the sound: forced alignment by Whisper, clip by clip.

Where a word is said about, its caption's cue tells, or else what a recogniser makes of the recording, matched with
the text. Each clip is then given the words that may be in it, and Whisper's decoder is walked through them: that tells
where each is, and how likely it is after the ones before. What is unlikely is not in this sound: the caption left
something out, added to it or tidied it. Such a word keeps the time that it had, or none.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from statistics import median
from typing import NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from transcribe.audio import Audio
from transcribe.pauses import Span, longest_ms, runs_in, settled, usual_ms
from transcribe.ranges import length, within
from transcribe.records import Record, Word
from transcribe.vad import Clip, clips

SLACK_MS = 3_000  # words may be said so much before or after they are thought to be
LEAST_LOGPROB = -2.0  # of words that are there, on average; those that are not are far below
LOWEST_LOGPROB = -6.0  # so far down a single one counts: a name may be spelt as it will
LEAST_LETTER_MS = 10  # a word with less for each letter was squeezed in where it is not
SQUEEZED = 3.0  # off its log-probability
CHANGE = 4.0  # log-probability that it takes to leave words out, or to go on with them
ASTRAY_MS = 1_000  # of sound that a word is drawn out over and that isn't its own, so that
NEAR = 2  # words beside it may be on the wrong side of that sound
RECENT = 100  # words, of which one that is much earlier or later than thought is not one
ANCHOR = 3  # words in a row that are the same in both texts


class Placed(NamedTuple):
    """Where a word is in a clip, in seconds, and how likely it is there: of its tokens, the mean log-probability and
    the mean probability."""

    start_s: float
    end_s: float
    logprob: float
    p: float


Walk = Callable[[Sequence[str]], list[Placed]]  # words to their places; nothing where they are too many


class Aligner(Protocol):
    """A model that finds given words in sound."""

    @property
    def languages(self) -> frozenset[str]:
        """Codes of the languages that it knows."""
        ...

    def detect(self, samples: NDArray[np.float32], among: Collection[str] = ()) -> tuple[str, float]:
        """The language spoken in up to 30 s, of these where there are some, and how likely it is."""
        ...

    def walk(self, samples: NDArray[np.float32], language: str) -> Walk:
        """Takes in up to 30 s of sound once, to look for words in it as often as wanted."""
        ...


class Piece(Record):
    """The next words of a text, and up to where the sound has been gone through for them."""

    until_ms: int
    words: tuple[Word, ...]


def pieces(
    words: Sequence[Word],
    about_ms: Sequence[int],
    audio: Audio,
    aligner: Aligner,
    *,
    language: str,
    others: Collection[str] = (),
    done: Sequence[Piece] = (),
) -> Iterator[Piece]:
    """All words, in order: those that were found with `timing = "aligned"`, the others as they were.

    Where `others` may be spoken beside `language`, each clip is in the likeliest of them.
    `about_ms` says for each word when it begins, roughly, and never goes back. After a break, `done` are the pieces
    that there were, and the rest comes as it would have come.
    """
    texts = _unshouted([w.text for w in words])
    settled_before = [word for piece in done for word in piece.words]
    at = len(settled_before)  # the first word that is not settled
    lately = [_start(w) - ms for w, ms in zip(settled_before, about_ms, strict=False) if w.timing == "aligned"]
    for clip in clips(audio, done[-1].until_ms if done else 0):
        first = _reached(about_ms, clip.start_ms - SLACK_MS, at)
        last = _reached(about_ms, clip.end_ms + SLACK_MS, first)
        spoken = (language, *others)
        found = _found(clip, texts[first:last], audio, aligner, spoken) if clip.speech and first < last else {}
        late_ms = {i: start_ms - about_ms[first + i] for i, (start_ms, _) in found.items()}
        usual = median([*lately[-RECENT:], *late_ms.values()]) if found else 0
        found = {i: span for i, span in found.items() if abs(late_ms[i] - usual) <= SLACK_MS}
        lately += [late_ms[i] for i in found]
        end = max(_reached(about_ms, clip.end_ms - SLACK_MS, first), first + max(found, default=-1) + 1)
        yield Piece(
            until_ms=clip.end_ms,
            words=(*words[at:first], *(_at(words[i], found.get(i - first)) for i in range(first, end))),
        )
        at = end
    yield Piece(until_ms=audio.duration_ms, words=tuple(words[at:]))


def _start(word: Word) -> int:
    return word.start_ms or 0


def _unshouted(texts: Sequence[str]) -> list[str]:
    """Texts in small letters where they are all in capitals, as live captions are: models find such words unlikely."""
    letters = [c for text in texts for c in text if c.isalpha()]
    is_shouted = sum(map(str.isupper, letters)) > 0.8 * len(letters)
    return [text.lower() for text in texts] if is_shouted else list(texts)


def _reached(about_ms: Sequence[int], at_ms: int, i: int) -> int:
    """The first word from `i` on that is said at a time or later."""
    while i < len(about_ms) and about_ms[i] < at_ms:
        i += 1
    return i


def _at(word: Word, span: Span | None) -> Word:
    return msgspec.structs.replace(word, start_ms=span[0], end_ms=span[1], timing="aligned") if span else word


def in_order(words: Sequence[Word]) -> tuple[Word, ...]:
    """Words of which the cue's time is known alone kept between those that were found on either side."""
    ceiling_ms = list(accumulate((w.start_ms if w.timing == "aligned" else None for w in reversed(words)), _earlier))
    floor_ms, ordered = 0, []
    for word, until_ms in zip(words, reversed(ceiling_ms), strict=True):
        if word.start_ms is not None and word.end_ms is not None:
            start_ms, end_ms = max(word.start_ms, floor_ms), word.end_ms
            if until_ms is not None and word.timing != "aligned":
                start_ms, end_ms = min(start_ms, until_ms), min(end_ms, until_ms)
            word = msgspec.structs.replace(word, start_ms=start_ms, end_ms=max(start_ms, end_ms))
            floor_ms = start_ms
        ordered.append(word)
    return tuple(ordered)


def _earlier(a_ms: int | None, b_ms: int | None) -> int | None:
    return a_ms if b_ms is None else b_ms


# -- one clip ---------------------------------------------------------------------------------------


def _found(clip: Clip, texts: Sequence[str], audio: Audio, aligner: Aligner, spoken: Sequence[str]) -> dict[int, Span]:
    """Of words that may be in a clip, those that are, by their index, with their times in the recording."""
    samples = audio.slice(clip.start_ms, clip.end_ms)
    language = aligner.detect(samples, spoken)[0] if len(spoken) > 1 else spoken[0]
    walk = aligner.walk(samples, language)
    runs = runs_in(clip, samples)
    placed = walk(texts)
    kept = likely(texts, placed)
    if 0 < len(kept) < len(placed):  # those that are not there were in the way of the others
        texts_left = [texts[i] for i in kept]
        placed = walk(texts_left)
        left = likely(texts_left, placed)
        kept, placed = [kept[k] for k in left], [placed[k] for k in left]
    rough = [
        (texts[i], clip.start_ms + round(1000 * p.start_s), clip.start_ms + round(1000 * p.end_s))
        for i, p in zip(kept, placed, strict=False)
    ]
    unsure: set[int] = set()
    for k, (text, start_ms, end_ms) in enumerate(rough):
        start_ms, end_ms = max(start_ms, runs[0][0]), min(end_ms, runs[-1][1])
        if end_ms - start_ms > longest_ms(text):  # over a pause, or something else: it may be before that or after it
            unsure.add(k)
        if length(within([(start_ms, end_ms)], runs)) > longest_ms(text) + ASTRAY_MS:
            unsure.update(range(k - NEAR, k + NEAR + 1))
    spans = settled(rough, runs)
    unsure.update(k for k, (a, b) in enumerate(spans) if b - a < _least_ms(rough[k][0]))
    return {i: span for k, (i, span) in enumerate(zip(kept, spans, strict=True)) if k not in unsure}


def likely(texts: Sequence[str], placed: Sequence[Placed]) -> list[int]:
    """Which words are in the sound: the runs of words that are likely there in sum, where every change has its price.

    So neither does a doubtful word amid others fall, nor do a few likely words stay amid what is not there. What comes
    before the first word and after the last one counts as there.
    """
    gains = [_gain(text, p) for text, p in zip(texts, placed, strict=False)]
    there, gone = 0.0, -CHANGE  # the best sums so far, if the last word is in the sound or is not
    froms: list[tuple[bool, bool]] = []  # of both, whether the word before is in the sound
    for gain in gains:
        stays, leaves = there >= gone - CHANGE, there - CHANGE >= gone
        froms.append((stays, leaves))
        there, gone = (there if stays else gone - CHANGE) + gain, there - CHANGE if leaves else gone
    is_there = there >= gone - CHANGE
    runs: list[list[int]] = [[]]
    for i in range(len(gains) - 1, -1, -1):
        if is_there:
            runs[-1].append(i)
        elif runs[-1]:
            runs.append([])
        is_there = froms[i][0 if is_there else 1]
    return [i for run in reversed(runs) if sum(gains[i] for i in run) > 0 for i in reversed(run)]


def _gain(text: str, placed: Placed) -> float:
    squeezed = SQUEEZED if 1000 * (placed.end_s - placed.start_s) < _least_ms(text) else 0.0
    return max(placed.logprob, LOWEST_LOGPROB) - squeezed - LEAST_LOGPROB


def _least_ms(text: str) -> int:
    return LEAST_LETTER_MS * sum(map(str.isalnum, text))


# -- texts without times ----------------------------------------------------------------------------


def about(words: Sequence[Word], recognised: Sequence[Word]) -> list[int]:
    """When each word is said, roughly, in ms: where it was recognised, and in between by its place."""
    anchors = [(i, recognised[k].start_ms or 0) for i, k in matched(words, recognised)]
    if not anchors:
        return []
    before, after = anchors[0], anchors[-1]
    anchors = [(-1, max(0, before[1] - _usual(words[: before[0]]))), *anchors]
    anchors.append((len(words), after[1] + _usual(words[after[0] :])))
    out: list[int] = []
    for (i, a_ms), (k, b_ms) in pairwise(anchors):
        out += [a_ms + (b_ms - a_ms) * (n - max(i, 0)) // max(1, k - max(i, 0)) for n in range(max(i, 0), k)]
    return out


def _usual(words: Iterable[Word]) -> int:
    return sum(usual_ms(w.text) for w in words)


def matched(ours: Sequence[Word], theirs: Sequence[Word]) -> list[tuple[int, int]]:
    """Pairs of the same word in two texts, a few or more in a row, by a least-edit alignment."""
    from rapidfuzz.distance import Levenshtein

    a, b = ([_letters(w.text) for w in words] for words in (ours, theirs))
    return [
        (op.src_start + n, op.dest_start + n)
        for op in Levenshtein.opcodes(a, b)
        if op.tag == "equal" and op.src_end - op.src_start >= ANCHOR
        for n in range(op.src_end - op.src_start)
    ]


def _letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())

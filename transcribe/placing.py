"""When words are said in sound that Whisper has taken in: those that it heard, and those that it was given.

Its decoder is walked through the words, and where it looks in the sound at each token tells when that is said. "Um" it
passes over when it listens, and such sound then falls to the next word, seconds early at worst. So where a word is
drawn out, an "um" before it is tried, and kept if it is likely there.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from transcribe.align import Placed
from transcribe.pauses import usual_ms

FRAMES_PER_S = 50  # of what the encoder gives
MOST_TOKENS = 400  # of a text beside what else the decoder is told; it holds 448
LEAST_P = 1e-9
PUNCTUATION = ",.;:!?…-–—\"'”’)]}，。、！？；：」』）"
UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue"})  # languages that are written without spaces between words
FILLER = " um,"
LEAST_FILLER_LOGPROB = -3.5  # those that are there: -1 to -3; others: -4, and mostly far less
DRAWN_OUT = 2  # times as long as usual


class Written(NamedTuple):
    """A word as tokens. The first `n_spoken` are spoken; the others are punctuation, which is given the pause."""

    text: str
    tokens: Sequence[int]
    n_spoken: int


Align = Callable[
    [Sequence[Sequence[int]]], Sequence[Any]
]  # tokens of texts, each in its own sound, to CTranslate2's paths


def given(tokenizer: Any, words: Sequence[str]) -> list[Written]:
    return [
        Written(word, tokenizer.encode(" " + word), len(tokenizer.encode(" " + word.rstrip(PUNCTUATION))))
        for word in words
    ]


def heard(tokenizer: Any, tokens: Sequence[int]) -> list[Written]:
    """The words of what was decoded, with the space before them: a piece without one belongs to the word before, but in
    languages without spaces, where only punctuation does."""
    words: list[Written] = []
    pieces = tokenizer.split_to_word_tokens([token for token in tokens if token < tokenizer.eot])
    for piece, own in zip(*pieces, strict=True):
        is_spoken = bool(piece.strip(PUNCTUATION + " "))
        goes_on = not piece[:1].isspace() and not (is_spoken and tokenizer.language_code in UNSPACED)
        text, before, n_spoken = words.pop() if words and goes_on else Written("", [], 0)
        words.append(Written(text + piece, [*before, *own], len(before) + len(own) if is_spoken else n_spoken))
    return words


def placed(texts: Sequence[Sequence[Written]], tokenizer: Any, align: Align) -> list[list[Placed]]:
    """Where the words of each text are in its sound, and how likely each is there. A text may have no words."""
    filler = Written("", tokenizer.encode(FILLER), 1)

    def walked(before: Sequence[Sequence[int]]) -> list[list[Placed]]:
        """With a filler before some words of each text; it comes before the word."""
        filled = [
            [part for i, word in enumerate(words) for part in ([filler] * (i in at) + [word])]
            for words, at in zip(texts, before, strict=True)
        ]
        paths = align([[token for word in words for token in word.tokens] for words in filled])
        return [_places(words, path) for words, path in zip(filled, paths, strict=True)]

    found = walked([()] * len(texts))
    tried = [_drawn_out(words, places, len(filler.tokens)) for words, places in zip(texts, found, strict=True)]
    if not any(tried):
        return found
    again = walked(tried)
    kept = [
        [i for n, i in enumerate(at) if places[i + n].logprob > LEAST_FILLER_LOGPROB]
        for at, places in zip(tried, again, strict=True)
    ]
    if not any(kept):
        return found
    if kept != tried:
        again = walked(kept)
    return [
        [p._replace(start_s=now.start_s, end_s=now.end_s) for p, now in zip(first, _without(at, places), strict=True)]
        for first, at, places in zip(found, kept, again, strict=True)
    ]


def _drawn_out(words: Sequence[Written], places: Sequence[Placed], n_more: int) -> list[int]:
    """Which words take much longer than usual, if there is room for so many tokens before each."""
    at = [
        i
        for i, (word, place) in enumerate(zip(words, places, strict=True))
        if 1000 * (place.end_s - place.start_s) > DRAWN_OUT * usual_ms(word.text)
    ]
    return at if _length(words) + n_more * len(at) <= MOST_TOKENS else []


def _length(words: Sequence[Written]) -> int:
    return sum(len(word.tokens) for word in words)


def _without(at: Sequence[int], places: Sequence[Placed]) -> list[Placed]:
    """Places without those of the fillers before the words `at`."""
    fillers = {i + n for n, i in enumerate(at)}
    return [place for i, place in enumerate(places) if i not in fillers]


def _places(words: Sequence[Written], path: Any) -> list[Placed]:
    """Words from the path through their tokens: a token begins at the first frame that is given to it."""
    if not words:
        return []
    token, frame = np.array(path.alignments, np.int64).reshape(-1, 2).T
    edges = np.cumsum([0, *(len(word.tokens) for word in words)])  # the last one is the end of the text
    starts_s = frame[np.minimum(np.searchsorted(token, np.arange(edges[-1] + 1)), len(frame) - 1)] / FRAMES_PER_S
    chances = np.maximum(np.array(path.text_token_probs, np.float64), LEAST_P)
    found = []
    for word, (a, end) in zip(words, pairwise(edges), strict=True):
        b = min(a + word.n_spoken, end) if word.n_spoken else end
        spoken = chances[a:b]
        found.append(
            Placed(float(starts_s[a]), float(starts_s[b]), float(np.mean(np.log(spoken))), float(np.mean(spoken)))
        )
    return found

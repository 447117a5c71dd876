"""A meeting as naming reads it: runs of one voice, their sentences, and each sentence with its names as @0, @1 …"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from transcribe.mentions import Mention, Roster
from transcribe.records import Word, text_of
from transcribe.spoken import is_full_stop

LONGEST = 80  # words of a sentence; some captions have no full stops
PAUSE_MS = 1200  # ends a sentence
SLIP = 15  # words of another voice inside a sentence, without a pause: no change of speaker, but a diariser's slip
SLIP_PAUSE_MS = 250


class Sentence(NamedTuple):
    """`pattern` is the sentence in lower case with its mentions as @0, @1 …, which rules are written on."""

    first: int
    end: int
    pattern: str
    mentions: tuple[Mention, ...]


class Run(NamedTuple):
    """Words `[first, end)` of one voice, and their sentences."""

    speaker: str | None
    first: int
    end: int
    sentences: tuple[Sentence, ...]


def runs(words: Sequence[Word], roster: Roster) -> list[Run]:
    """The runs of a meeting, in order; a few words that a diariser gave to somebody else in the middle of a sentence
    stay with it."""
    letters = [c for w in words for c in w.text if c.isalpha()]
    cased = 0 < sum(map(str.isupper, letters)) < 0.5 * len(letters)
    return [
        Run(speaker, first, end, tuple(_sentences(words, first, end, roster, cased)))
        for speaker, first, end in _without_slips(words, _spans(words))
    ]


def between_ms(words: Sequence[Word], i: int) -> int | None:
    """Time from the end of word `i` to the start of the next, None where either has none."""
    end_ms, start_ms = words[i].end_ms, words[i + 1].start_ms
    return None if end_ms is None or start_ms is None else start_ms - end_ms


_Span = tuple[str | None, int, int]


def _spans(words: Sequence[Word]) -> list[_Span]:
    spans, first = [], 0
    for i in range(1, len(words) + 1):
        if i == len(words) or words[i].speaker != words[first].speaker:
            spans.append((words[first].speaker, first, i))
            first = i
    return spans


def _without_slips(words: Sequence[Word], spans: Sequence[_Span]) -> list[_Span]:
    kept: list[_Span] = []
    i = 0
    while i < len(spans):
        speaker, first, end = spans[i]
        while (
            i + 2 < len(spans)
            and spans[i + 2][0] == speaker is not None
            and spans[i + 1][2] - spans[i + 1][1] <= SLIP
            and _runs_on(words, spans[i + 1][1] - 1)
            and _runs_on(words, spans[i + 1][2] - 1)
        ):
            i += 2
            end = spans[i][2]
        kept.append((speaker, first, end))
        i += 1
    return kept


def _runs_on(words: Sequence[Word], i: int) -> bool:
    """Whether word `i` and the next are in the middle of one sentence."""
    return words[i].text[-1] not in ".?!…—-" and (between_ms(words, i) or 0) <= SLIP_PAUSE_MS


def _sentences(words: Sequence[Word], first: int, end: int, roster: Roster, cased: bool) -> Iterator[Sentence]:
    for i in range(first, end):
        text = words[i].text.rstrip("\"'”’)")
        ends = text[-1:] in ("?", "!", "…") or is_full_stop(text) or text[-2:] in ("—.", "--")
        if i + 1 == end or ends or (between_ms(words, i) or 0) > PAUSE_MS or i - first >= LONGEST:
            mentions = list(roster.mentions(words, first, i + 1, cased=cased))
            if not mentions and i - first < 3:
                called = text_of(words[first : i + 1])
                fits = roster.alone(called)  # "Nawosu?" called out on its own
                mentions = [Mention(first, i + 1, fits, False)] if fits else []
            yield Sentence(first, i + 1, _pattern(words, first, i + 1, mentions, roster), tuple(mentions))
            first = i + 1


def _pattern(words: Sequence[Word], first: int, end: int, mentions: Sequence[Mention], roster: Roster) -> str:
    at = {m.first: (k, m) for k, m in enumerate(mentions)}
    parts, i = [], first
    while i < end:
        if i in at:
            k, mention = at[i]
            parts.append(f"@{k}'s" if mention.possessive else f"@{k}")
            i = mention.end
        elif roster.speaks_to_chair(words, i, first):
            parts.append("chair")  # "Madam Mayor", in the chair
            i += 1
        else:
            parts.append(_as_pattern(words[i].text))
            i += 1
    return " ".join(p for p in parts if p)


@lru_cache(maxsize=50_000)
def _as_pattern(text: str) -> str:
    return re.sub(r"[^\w']", "", text.lower().replace("’", "'"))

"""What became of every second of a recording: the receipt that nothing was dropped without a word."""

from bisect import bisect_left
from collections.abc import Sequence

from transcribe.correct import HIDING
from transcribe.ranges import Ranges, joined, length, within, without
from transcribe.records import Coverage, Passage, Stretch, Word

WORDLESS = "sounds of speech without words: a cough, a murmur, or words that a person took out"


def measure(
    words: Sequence[Word],
    stretches: Sequence[Stretch],
    *,
    speech: Sequence[tuple[int, int]] | None,
    duration_ms: int,
    passages: Sequence[Passage] = (),
) -> Coverage:
    """The receipt of a meeting. `speech` is where its sound held some, or None where nobody listened for it.

    Speech that holds a word counts as transcribed, all of it but what a stretch takes away: between two words of one
    stretch of speech the recogniser was judged already. Speech without any word never does.
    """
    whole = [(0, duration_ms)]
    hidden = within([(s.start_ms, s.end_ms) for s in stretches if s.kind in HIDING.values()], whole)
    rest = without(whole, hidden)
    untranscribed: dict[str, int] = {}
    for stretch in stretches:
        if stretch.kind in ("untranscribed", "partial"):
            mine = within([(stretch.start_ms, stretch.end_ms)], rest)
            rest = without(rest, mine)
            untranscribed[stretch.reason] = untranscribed.get(stretch.reason, 0) + length(mine)
    said = _times(words)
    wordless = within(_untouched(speech or (), said), rest)
    transcribed = within(without(joined([*(speech or ()), *said]), wordless), rest)
    if wordless:
        untranscribed[WORDLESS] = length(wordless)
    return Coverage(
        duration_ms=duration_ms,
        transcribed_ms=length(transcribed),
        untranscribed=untranscribed,
        excluded_ms=length(hidden),
        no_speech_ms=length(without(rest, [*transcribed, *wordless])),
        unattributed_ms=length(within(_times([w for w in words if w.speaker is None]), transcribed)),
        other_languages={
            language: length(within(transcribed, [(p.start_ms, p.end_ms) for p in passages if p.language == language]))
            for language in sorted({p.language for p in passages})
        },
        listened=speech is not None,
    )


def _times(words: Sequence[Word]) -> Ranges:
    return joined(
        (w.start_ms, max(w.end_ms, w.start_ms + 1)) for w in words if w.start_ms is not None and w.end_ms is not None
    )


def _untouched(speech: Sequence[tuple[int, int]], said: Ranges) -> Ranges:
    """Stretches of speech in which no word lies, not even a part of one."""
    ends = [end for _, end in said]
    out = []
    for start, end in speech:
        i = bisect_left(ends, start + 1)  # the first that ends inside, or after
        if i == len(said) or said[i][0] >= end:
            out.append((start, end))
    return out

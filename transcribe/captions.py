"""Captions and transcripts that exist already, as words and voices.

Where a file gives a word a time of its own, the word keeps it, if it can be true: inside its cue and not before the
word that stands before it. All other words share the time that is left, by their length, and are marked `cue`, as is
every word whose time had to be moved; words of a text without times are marked `none`. Lines that roll on, shown again
under the next ones, are taken once, and so is a cue that stands in the file again, with the same times.
Files come from outside and are not to be trusted: what they may cost is bounded, and what is wrong has a place.
"""

import itertools
import operator
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from transcribe import marks, plaintext, timedtext, transcripts, youtube
from transcribe.problem import Problem, reading
from transcribe.ranges import shares
from transcribe.records import Timing, Turn, Turns, Word, Words
from transcribe.timedtext import MOST_WORDS, Cue, Found, Said, spoken_ms

SUFFIXES = frozenset([".vtt", ".srt", ".sbv", ".json", ".json3", ".srv1", ".srv3", ".xml", ".txt"])
LARGEST_BYTES = 20_000_000
MOST_LETTERS = 1_000  # of a word
MOST_PAIRS = 20_000_000  # words times voices: each word is weighed for each voice
JOIN_MS = 1_000  # a voice that goes on after a shorter pause is one turn
SLACK_MS = 1_000  # a word's own time may be this far outside its cue, or before the word that stands before it
MOVED_MS = 50  # moved further than this, a time is no longer the word's own
MOST_AT_ONCE = 4  # cues that one may be put before
LONGEST_WORD_MS = 2_000  # where only the beginning of a word is known
MOST_SHOWN = 8  # lines that captions show at once, and so again
ROLLS_WITHIN_MS, LEAST_ROLLING = 100, 3  # a line rolls on at once; so many that do are no chance
CLEARED_MS = 1_000  # or after so short a while, where that is a file's manner
FASTEST = 0.5  # of what words usually take, they may be said in
LEAST_EVEN, MOSTLY = 6, 0.6  # words as long as the one before: so many, and such a share of a file


def read(
    path: Path,
    *,
    recording_sha256: str,
    duration_ms: int | None,
    exclude: Sequence[tuple[int, int]] = (),
) -> tuple[Words, Turns]:
    """Words, and turns for the voices that are named, from a file of one of the kinds in `SUFFIXES`.

    Words are spread over the whole of their cue. Where cues overlap, one has all its words before the next, so that no
    sentence is torn apart, in the order that moves words least. Nothing is kept that begins at `duration_ms` or later;
    of cues that touch an excluded stretch, only words whose own times lie outside it. Words without any times cannot
    be excluded: a file of them is refused
    where a stretch is. Raises Problem, with the line, where the file is not what its name and beginning say.
    """
    found = _parsed(path)
    cues = _counted(found.cues, path)
    untimed = bool(cues) and all(c.timing == "none" for c in cues)
    if untimed and exclude:
        raise Problem(
            "words without times may lie in what is excluded: nobody can say",
            where=path,
            fix="take those words out of the file, and then `exclude` out of meeting.toml",
        )
    ordered = cues if untimed else _in_order(cues, rolling=found.rolling)
    said = _checked(list(marks.unmarked(ordered)) if found.marked else ordered, path)
    timed = [] if untimed else list(_heard(said, duration_ms, exclude))
    is_spread = _is_spread(timed)
    apart = list(_apart(timed, is_spread=is_spread))
    named = any(run.voice for run in apart)
    overlapping = [run for cue in timed for run in _runs(cue, timing=cue.timing)] if named else []
    words = _untimed(said) if untimed else (word for run in apart for word in run.words)
    engine = f"captions {found.kind}"
    return (
        Words(recording_sha256=recording_sha256, language=found.language, engine=engine, words=tuple(words)),
        Turns(
            recording_sha256=recording_sha256,
            engine=engine,
            turns=(*_turns(apart, exclusive=True), *_turns(overlapping, exclusive=False)),
        ),
    )


def turns_of(words: Iterable[Word]) -> tuple[Turn, ...]:
    """Turns of the voices that words have, at the times of the words."""
    timed = [w for w in words if w.start_ms is not None]
    return tuple(_turns((_Run(w.speaker or "", w.start_ms or 0, w.end_ms or 0, [w]) for w in timed), exclusive=True))


# -- cues to words and turns ----------------------------------------------------------------------


class _Run(NamedTuple):
    """Words of one voice, one after the other, in a cue."""

    voice: str
    start_ms: int
    end_ms: int
    words: list[Word]


def _counted(cues: Iterable[Cue], path: Path) -> list[Cue]:
    """The cues that hold words. Raises Problem where there are more, or longer ones, than a meeting has."""
    kept: list[Cue] = []
    n_words = 0
    for cue in cues:
        words = cue.words
        if not words:
            continue
        kept.append(cue)
        n_words += len(words)
        longest = max(len(word.text) for word in words)
        if n_words > MOST_WORDS:
            timedtext.too_many("words", MOST_WORDS, str(path))
        if longest > MOST_LETTERS:
            raise Problem(
                f"a word of {longest:,} letters is no word", where=path, fix="check that this is the right file"
            )
    return kept


def _checked(cues: list[Cue], path: Path) -> list[Cue]:
    """The same cues. Raises Problem where there are none, or more voices than a meeting has."""
    if not cues:
        raise Problem(
            "there are no words in this file",
            where=f"{path}, line 1",
            fix="get it again; or take it away, so that the recording is listened to",
        )
    n_words = sum(len(cue.words) for cue in cues)
    n_voices = len({word.voice for cue in cues for word in cue.words})
    if n_words * n_voices > MOST_PAIRS:
        raise Problem(
            f"so many voices are named here ({n_voices:,}) that this is no meeting",
            where=path,
            fix="check what stands in the place of names",
        )
    return cues


def _is_spread(cues: Iterable[Cue]) -> bool:
    """Whether a program spread the words evenly over their cues: then their own times are only the cues' after all.

    Where people speak, two words after one another are seldom as long as each other to the millisecond.
    """
    steps: list[tuple[int, int]] = []
    for cue in cues:
        starts = [word.start_ms for word in cue.words if word.start_ms is not None]
        steps += itertools.pairwise(b - a for a, b in itertools.pairwise(starts))
    n_even = sum(abs(b - a) <= 2 for a, b in steps)  # milliseconds, for rounding
    return n_even >= max(LEAST_EVEN, MOSTLY * len(steps))


def _untimed(cues: Iterable[Cue]) -> Iterator[Word]:
    return (Word(text=w.text, timing="none", speaker=w.voice or None) for cue in cues for w in cue.words)


def _in_order(cues: Iterable[Cue], *, rolling: bool) -> list[Cue]:
    """Cues in order of time, each once, without the lines that rolling captions show again.

    A file rolls if most cues begin, as the one before ends, with its last lines and go on, or show without times what
    had times in it: elsewhere, who says the same thing twice has said it twice. Over a short gap lines only ever go on,
    and only where they do so over most of them.
    """
    ordered = sorted(_once(cues), key=lambda c: c.start_ms)
    if not rolling:
        return ordered
    pairs = list(itertools.pairwise(ordered))
    again = _shown_again(pairs)
    goes_on = [0 < n < len(b.lines) for n, (_, b) in zip(again, pairs, strict=True)]
    had_times = [
        n > 0 and any(w.start_ms is not None for w in a.lines[-1]) for n, (a, _) in zip(again, pairs, strict=True)
    ]
    n_rolling = sum(map(operator.or_, had_times, goes_on))
    if 2 * n_rolling <= len(pairs) or not (any(had_times) or n_rolling >= LEAST_ROLLING):
        return ordered
    again.insert(0, 0)
    fresh = [msgspec.structs.replace(c, lines=c.lines[n:]) for c, n in zip(ordered, again, strict=True)]
    return [cue for cue in fresh if cue.lines]


def _shown_again(pairs: Sequence[tuple[Cue, Cue]]) -> list[int]:
    """How many of its first lines the second of two cues may show again, as far as the time between them allows."""
    gaps_ms = [b.start_ms - a.end_ms for a, b in pairs]
    again = [_repeated(a.lines, b.lines) if ms <= CLEARED_MS else 0 for ms, (a, b) in zip(gaps_ms, pairs, strict=True)]
    goes_on = [0 < n < len(b.lines) for n, (_, b) in zip(again, pairs, strict=True)]
    over_gaps = [on for ms, on in zip(gaps_ms, goes_on, strict=True) if ROLLS_WITHIN_MS < ms <= CLEARED_MS]
    is_manner = 2 * sum(over_gaps) > len(over_gaps)
    return [
        n if ms <= ROLLS_WITHIN_MS or (on and is_manner) else 0
        for n, ms, on in zip(again, gaps_ms, goes_on, strict=True)
    ]


def _once(cues: Iterable[Cue]) -> Iterator[Cue]:
    """Cues without those that stand in the file again: in a stream's pieces, what goes over a seam is in both."""
    known = set()
    for cue in cues:
        if cue not in known or cue.start_ms == cue.end_ms:
            known.add(cue)
            yield cue


def _repeated(before: Sequence[Sequence[Said]], lines: Sequence[Sequence[Said]]) -> int:
    """How many lines at the beginning are the last ones of what was shown before. One with times in it is new."""
    shown = [[word.text for word in line] for line in before[-MOST_SHOWN:]]
    old = itertools.takewhile(lambda line: all(word.start_ms is None for word in line), lines[: len(shown)])
    texts = [[word.text for word in line] for line in old]
    return next((n for n in range(len(texts), 0, -1) if texts[:n] == shown[-n:]), 0)


def _heard(cues: Iterable[Cue], duration_ms: int | None, exclude: Sequence[tuple[int, int]]) -> Iterator[Cue]:
    """What of the cues lies in the recording and outside the excluded stretches."""
    for cue in cues:
        if duration_ms is not None and cue.end_ms >= duration_ms:
            if cue.start_ms >= duration_ms:
                continue
            lines = tuple(tuple(w for w in line if (w.start_ms or 0) < duration_ms) for line in cue.lines)
            cue = msgspec.structs.replace(cue, end_ms=duration_ms, lines=lines)
        touched = [(a, b) for a, b in exclude if _touch(cue.start_ms, cue.end_ms, a, b)]
        if touched:
            lines = tuple(tuple(w for w in line if _is_outside(w, cue, touched)) for line in cue.lines)
            cue = msgspec.structs.replace(cue, lines=lines)
        if any(cue.lines):
            yield cue


def _is_outside(word: Said, cue: Cue, stretches: Sequence[tuple[int, int]]) -> bool:
    """Whether a word has times of its own, and they lie outside all stretches."""
    if word.start_ms is None or word.end_ms is None or not cue.start_ms <= word.start_ms <= word.end_ms:
        return False
    return not any(_touch(word.start_ms, word.end_ms, a, b) for a, b in stretches)


def _touch(start_ms: int, end_ms: int, a_ms: int, b_ms: int) -> bool:
    return start_ms < b_ms and a_ms < max(end_ms, start_ms + 1)


def _apart(cues: Iterable[Cue], *, is_spread: bool) -> Iterator[_Run]:
    """The words of all cues in order of time, one whole cue after the other."""
    floor_ms = end_ms = 0
    for cue in _in_turn(cues):
        start_ms = max(cue.start_ms, floor_ms)
        is_over = floor_ms >= max(cue.end_ms, cue.start_ms + 1)  # then it stands beside the last word before it
        end_ms = max(start_ms, end_ms) if is_over else cue.end_ms
        placed = msgspec.structs.replace(cue, start_ms=start_ms, end_ms=end_ms)
        for run in _runs(placed, timing="cue" if is_spread else cue.timing):
            yield run
            floor_ms = run.words[-1].start_ms or 0


class _Turn(NamedTuple):
    """A cue whose turn it may be: how many words it has, and about when the last of them begins."""

    cue: Cue
    n_words: int
    last_ms: float

    def moved_ms(self, before: "_Turn") -> float:
        """About how far its words would move in all, since none may begin before the other's last one."""
        start_ms, length_ms = self.cue.start_ms, self.cue.end_ms - self.cue.start_ms
        late_ms = before.last_ms - start_ms
        if late_ms <= 0:
            return 0
        return self.n_words * (late_ms**2 / length_ms / 2 if late_ms < length_ms else late_ms - length_ms / 2)


def _in_turn(cues: Iterable[Cue]) -> Iterator[Cue]:
    """Cues one after the other, though they may overlap: what is said into somebody's words comes before or after
    them, whichever moves fewer words less far."""
    order: list[_Turn] = []
    for cue in _shown_no_longer(_together(cues)):
        words = cue.words
        share = (len(words[-1].text) + 1) / sum(len(w.text) + 1 for w in words)
        own_ms = words[-1].start_ms
        last_ms = cue.end_ms - (cue.end_ms - cue.start_ms) * share if own_ms is None else min(own_ms, cue.end_ms)
        turn, i = _Turn(cue, len(words), last_ms), len(order)
        while i and len(order) - i < MOST_AT_ONCE and order[i - 1].moved_ms(turn) < turn.moved_ms(order[i - 1]):
            i -= 1
        order.insert(i, turn)
    return (turn.cue for turn in order)


def _together(cues: Iterable[Cue]) -> Iterator[Cue]:
    """Cues of the very same time share it, unless their words have times of their own."""
    for (start_ms, end_ms), same in itertools.groupby(cues, key=lambda c: (c.start_ms, c.end_ms)):
        group = list(same)
        if any(w.start_ms is not None for c in group for w in c.words):
            yield from group
            continue
        spans = shares(start_ms, end_ms, [sum(len(w.text) + 1 for w in c.words) for c in group])
        for cue, (a, b) in zip(group, spans, strict=True):
            yield msgspec.structs.replace(cue, start_ms=a, end_ms=b)


def _shown_no_longer(cues: Iterable[Cue]) -> Iterator[Cue]:
    """Cues that end where the next one begins, if it has the same voice, or neither names one: they are only shown for
    longer. One that outlasts the next, or that nobody can say so fast, is left as it is."""
    for cue, after in _with_next(cues):
        if after and cue.start_ms < after.start_ms < cue.end_ms <= after.end_ms:
            words = cue.words
            end_ms = max([after.start_ms, *(min(w.start_ms, cue.end_ms) for w in words if w.start_ms is not None)])
            fits = end_ms - cue.start_ms >= spoken_ms(words) * FASTEST
            if fits and words[-1].voice == after.words[0].voice:
                cue = msgspec.structs.replace(cue, end_ms=end_ms)
        yield cue


def _with_next(cues: Iterable[Cue]) -> Iterator[tuple[Cue, Cue | None]]:
    first, second = itertools.tee(cues)
    return itertools.zip_longest(first, itertools.islice(second, 1, None))


def _runs(cue: Cue, *, timing: Timing) -> Iterator[_Run]:
    """A cue's words with their times, in runs of one voice."""
    placed = zip(cue.words, _placed(cue), strict=True)
    for voice, run in itertools.groupby(placed, key=lambda p: p[0].voice):
        words = [
            Word(
                text=said.text,
                start_ms=start_ms,
                end_ms=end_ms,
                timing=timing if own else "cue",
                confidence=said.confidence,
                speaker=voice or None,
            )
            for said, (start_ms, end_ms, own) in run
        ]
        yield _Run(voice, words[0].start_ms or 0, max(w.end_ms or 0 for w in words), words)


def _placed(cue: Cue) -> Iterator[tuple[int, int, bool]]:
    """For each word of a cue its start, its end, and whether these are its own and have not been moved."""
    words = cue.words
    starts = _own_starts(cue, words)
    kept = [a is not None and abs(a - (w.start_ms or 0)) <= MOVED_MS for a, w in zip(starts, words, strict=True)]
    known = [i for i, start_ms in enumerate(starts) if start_ms is not None]
    first = known[0] if known else len(words)
    until_ms = cue.end_ms if first == len(words) else starts[first] or 0
    yield from _spread(cue.start_ms, until_ms, words[:first])
    for i, j in itertools.zip_longest(known, known[1:]):
        start_ms, until_ms = starts[i] or 0, cue.end_ms if j is None else starts[j] or 0
        rest, end_ms = words[i + 1 : j], words[i].end_ms
        if end_ms is not None and start_ms <= end_ms <= cue.end_ms + SLACK_MS:
            yield start_ms, min(end_ms, cue.end_ms), kept[i] and end_ms <= cue.end_ms + MOVED_MS
            end_ms = min(end_ms, cue.end_ms)
            yield from _spread(min(end_ms, until_ms), until_ms, rest)
        elif rest:
            (a, b, _), *others = _spread(start_ms, until_ms, words[i:j])
            yield a, b, kept[i] and end_ms is None
            yield from others
        else:
            yield start_ms, min(until_ms, start_ms + LONGEST_WORD_MS), kept[i] and end_ms is None


def _own_starts(cue: Cue, words: Sequence[Said]) -> list[int | None]:
    """Times of the words' own that can be true, put in order where they are a little out of it."""
    starts: list[int | None] = []
    at_ms = cue.start_ms
    for word in words:
        own_ms = word.start_ms
        if own_ms is not None and at_ms - SLACK_MS <= own_ms <= cue.end_ms + SLACK_MS:
            at_ms = min(max(own_ms, at_ms), cue.end_ms)
            starts.append(at_ms)
        else:
            starts.append(None)
    return starts


def _spread(start_ms: int, end_ms: int, words: Sequence[Said]) -> Iterator[tuple[int, int, bool]]:
    return ((a, b, False) for a, b in shares(start_ms, end_ms, [len(w.text) + 1 for w in words]))


def _turns(runs: Iterable[_Run], *, exclusive: bool) -> list[Turn]:
    """A turn wherever a named voice speaks. An exclusive one ends where the next begins."""
    turns: list[Turn] = []
    last: dict[str, int] = {}  # voice -> place of its last turn
    for run in runs:
        if not run.voice:
            last.clear()
            continue
        i = last.get(run.voice)
        if i is not None and run.start_ms - turns[i].end_ms <= JOIN_MS:
            turns[i] = msgspec.structs.replace(turns[i], end_ms=max(turns[i].end_ms, run.end_ms))
        else:
            if exclusive:
                last.clear()
                if turns and turns[-1].end_ms > run.start_ms:
                    turns[-1] = msgspec.structs.replace(turns[-1], end_ms=run.start_ms)
            last[run.voice] = len(turns)
            turns.append(Turn(speaker=run.voice, start_ms=run.start_ms, end_ms=run.end_ms, exclusive=exclusive))
    return [t for t in turns if t.start_ms < t.end_ms]


# -- files to cues --------------------------------------------------------------------------------


def _parsed(path: Path) -> Found:
    """A file's cues. Its name says how it is written, and its beginning which of the kinds that are written so."""
    data, where, suffix = _bytes(path), str(path), path.suffix.lower()
    match suffix:
        case ".xml" | ".srv1" | ".srv3":
            return youtube.from_xml(data, where=where)
        case ".json" | ".json3":
            return transcripts.from_json(_text(data), where=where)
        case ".vtt" | ".srt" | ".sbv" | ".txt":
            text = _text(data)
        case _:
            raise Problem(
                "captions of this kind cannot be read",
                where=path,
                fix=f"use one of {', '.join(sorted(SUFFIXES))}",
            )
    match timedtext.guess(text) or "plain" if suffix == ".txt" else suffix[1:]:
        case "vtt":
            return timedtext.webvtt(text, where=where)
        case "srt":
            return timedtext.srt(text, where=where)
        case "sbv":
            return timedtext.sbv(text, where=where)
        case _:
            return plaintext.transcript(text, where=where)


def _bytes(path: Path) -> bytes:
    with reading(path), path.open("rb") as f:
        data = f.read(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise Problem("this caption file is larger than 20 MB", where=path, fix="check that it is captions")
    return data


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")  # what older captioning software writes

"""Timed text in lines (WebVTT, SRT, SBV) as cues of words, and what every kind of captions has in common.

Sources: WebVTT (W3C, 2019); SRT as players read it; SBV as YouTube writes it.
"""

import html
import io
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, NoReturn

from transcribe.problem import Problem
from transcribe.records import Record, Timing

MOST_WORDS = 500_000  # two days without a pause
MOST_LINES = 1_000_000
LATEST_MS = 100 * 3_600_000  # what begins later than this is no time in a meeting
LONGEST_NAME = 200  # letters
DASHES = "-–"
LETTER_MS = 65  # of speech, spaces counted


class Said(NamedTuple):
    """A word as a file gives it: who said it ("" is nobody named), and times of its own where it has them."""

    text: str
    voice: str = ""
    start_ms: int | None = None
    end_ms: int | None = None
    confidence: float | None = None


class Cue(Record):
    """What a file shows, or says that somebody said, at a time. `timing` is what its words' own times are."""

    start_ms: int
    end_ms: int
    lines: tuple[tuple[Said, ...], ...]
    timing: Timing = "engine"

    @property
    def words(self) -> list[Said]:
        return [word for line in self.lines for word in line]


class Found(Record):
    """A file's cues, read as they are asked for; `language` is what the file names, else nothing. Captions that may
    be `rolling` show lines again; a transcript says everything once. `marked` are captions in which a mark may say that
    somebody else speaks."""

    kind: str
    cues: Iterator[Cue]
    language: str = ""
    rolling: bool = False
    marked: bool = False


class Piece(NamedTuple):
    """A run of text with one voice; `at_ms` is the time that stands before it, if one does."""

    text: str
    voice: str = ""
    at_ms: int | None = None


Untold = tuple[int, int | None, tuple[tuple[Said, ...], ...]]  # start_ms, end_ms or open, lines


# -- text to words --------------------------------------------------------------------------------


class _Shown(dict[int, str]):
    """Letter by letter, what is left of a text: direction marks and other format characters vanish, controls and
    what else prints nothing become spaces."""

    def __missing__(self, code: int) -> str:
        c = chr(code)
        self[code] = c if c == "\n" or c.isprintable() else "" if unicodedata.category(c) == "Cf" else " "
        return self[code]


_SHOWN = _Shown()


def shown(text: str) -> str:
    """Text as it may be shown: markup is not looked at, and nothing in it can steer a terminal or a page."""
    return text if text.isprintable() else text.translate(_SHOWN)


def voice_name(name: str) -> str:
    """A voice as a file names it, on one line, without tags and of a bearable length. Labels that begin with @ are
    kept for what people correct."""
    return " ".join(untagged(name[: 20 * LONGEST_NAME]).split()).lstrip("@ ")[:LONGEST_NAME].strip()


def lines_of(pieces: Sequence[Piece], start_ms: int, *, where: str) -> tuple[tuple[Said, ...], ...]:
    """The words of a cue, line by line. A word has the voice, and the time, that stands before its first letter.

    Times inside a line also say when it begins: with the cue. Raises Problem where there are too many words.
    """
    if len(pieces) == 1 and pieces[0].at_ms is None:
        text, voice, _ = pieces[0]
        split = (line.split(maxsplit=MOST_WORDS) for line in text.split("\n"))
        return tuple(tuple(Said(word, voice) for word in line) for line in split if line)
    edges = [0, *itertools.accumulate(len(p.text) for p in pieces)]
    lines: list[tuple[Said, ...]] = []
    line: list[Said] = []
    k, end, n, first_timed = -1, 0, 0, None
    for found in re.finditer(r"\S+|\n", "".join(p.text for p in pieces)):
        if found[0] == "\n":
            lines.append(tuple(line))
            line = []
            continue
        at_ms = None
        while k + 1 < len(pieces) and edges[k + 1] <= found.start():
            k += 1
            if edges[k] >= end and pieces[k].at_ms is not None:
                at_ms = pieces[k].at_ms
        line.append(Said(found[0], pieces[k].voice, at_ms))
        end, n = found.end(), n + 1
        if at_ms is not None and first_timed is None:
            first_timed = len(lines)
        if n > MOST_WORDS:
            too_many("words", MOST_WORDS, where)
    lines.append(tuple(line))
    if first_timed is not None and lines[first_timed][0].start_ms is None:
        first, *rest = lines[first_timed]
        lines[first_timed] = (first._replace(start_ms=start_ms), *rest)
    return tuple(line for line in lines if line)


def too_many(what: str, limit: int, where: str) -> NoReturn:
    raise Problem(
        f"more than {limit:,} {what} are here, which is no meeting",
        where=where,
        fix="check that it is the right file, or cut it",
    )


def spoken_ms(words: Iterable[Said]) -> int:
    """About how long words take to say."""
    return LETTER_MS * sum(len(w.text) + 1 for w in words)


def until_next(cues: Iterable[Untold]) -> Iterator[Cue]:
    """Cues whose end may be left open: they last until the next begins, and the last one as long as it takes to say."""
    for cue, after in _with_next(c for c in cues if c[2]):
        start_ms, end_ms, lines = cue
        if end_ms is None:
            words = [w for line in lines for w in line]
            timed = [i for i, w in enumerate(words) if w.start_ms is not None]
            last, last_ms = max([(0, start_ms), *((i, words[i].start_ms or 0) for i in timed)], key=lambda t: t[1])
            end_ms = max(last_ms, after[0]) if after else last_ms + spoken_ms(words[last:])
        yield Cue(start_ms=start_ms, end_ms=end_ms, lines=lines)


def _with_next(cues: Iterable[Untold]) -> Iterator[tuple[Untold, Untold | None]]:
    first, second = itertools.tee(cues)
    return itertools.zip_longest(first, itertools.islice(second, 1, None))


# -- lines: WebVTT, SRT, SBV ----------------------------------------------------------------------


class _Syntax(NamedTuple):
    """How a format writes times. `numbered`: cues have numbers, and blank lines may stand inside them."""

    time: re.Pattern[str]
    meant: re.Pattern[str]  # a line that is meant to be a time
    example: str
    numbered: bool = False


_CLOCK = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{2})[.,](\d{3})"
_ARROW = re.compile(rf"\s*{_CLOCK}\s*-->\s*{_CLOCK}(?:\s.*)?")
_MEANT_ARROW = re.compile(r"\s*+(?:-?\d[^\s-]*+)?+\s*+-->")
_VTT = _Syntax(_ARROW, _MEANT_ARROW, "00:01:02.500 --> 00:01:05.000")
_SRT = _Syntax(_ARROW, _MEANT_ARROW, "00:01:02,500 --> 00:01:05,000", numbered=True)
_SBV = _Syntax(
    re.compile(rf"\s*{_CLOCK},{_CLOCK}\s*"),
    re.compile(r"\s*\d+:\d\d[\d:.]*\s*,\s*\d*:"),
    "0:01:02.500,0:01:05.000",
)
_VOICE = r"<v(?:\.[^\s<>]*)?\s([^<>]*)>"
_INLINE = re.compile(rf"{_VOICE}|(</v>)|<{_CLOCK}>")
_TAG = re.compile(r"</?[a-zA-Z0-9][^<>]*>|<>")
_ENDLESS = re.compile(r"&#\d{8,};?")  # a number that is no letter, and may be too long to be read as a number
_SRT_OVERRIDE = re.compile(r"\{\\[^{}\n]*\}")
_LANGUAGE = re.compile(r"Language:\s*([a-zA-Z]{2,3})\b")
_METADATA = re.compile(r"(?:Kind|Language|X-TIMESTAMP-MAP)\s*[:=].*")
_CLOCK_MAP = re.compile(r"X-TIMESTAMP-MAP\s*=(.*)")
_CLOCK_MAP_PART = re.compile(rf"(?:MPEGTS:(\d{{1,19}})|LOCAL:{_CLOCK})\s*")


class _Block(NamedTuple):
    """Lines that are not blank, and the number of the first. `loose`: what is before it is blank but not empty."""

    line: int
    texts: list[str]
    loose: bool


def webvtt(text: str, *, where: str) -> Found:
    """WebVTT: voices, inline times, metadata; notes, styles and regions are passed over."""
    blocks = _blocks(text, where)
    header = next(blocks, None)
    first: _Block | None = None
    if header is None or header.line != 1 or not re.match(r"WEBVTT(\s|$)", header.texts[0]):
        raise Problem("this is not WebVTT: its first line must be WEBVTT", where=f"{where}, line 1", fix="check it")
    language = ""
    while header:
        n = next((i for i, t in enumerate(header.texts) if "-->" in t), None)
        for line, metadata in enumerate(header.texts[:n], header.line):
            _check_clock_map(metadata, f"{where}, line {line}")
            named = _LANGUAGE.match(metadata)
            language = named[1].lower() if named else language
        if n is not None:  # no blank line parts it from the first cue
            first = _Block(header.line + n, header.texts[n:], loose=False)
            break
        first = next(blocks, None)
        header = first if first and all(map(_METADATA.fullmatch, first.texts)) else None
    told = (
        b
        for b in itertools.chain([first] if first else [], blocks)
        if not re.match(r"(NOTE|STYLE|REGION)(\s|$)", b.texts[0])
    )
    return Found(kind="vtt", language=language, cues=_cues(told, _VTT, where), rolling=True, marked=True)


def _check_clock_map(metadata: str, where: str) -> None:
    """Times of a broadcast are of no use: where the recording begins in it is known to nobody here."""
    found = _CLOCK_MAP.match(metadata)
    if not found:
        return
    parts = [_CLOCK_MAP_PART.fullmatch(p) for p in found[1].split(",")] if len(found[1]) < 100 else []
    stream_ms = next((int(p[1]) // 90 for p in parts if p and p[1]), None)
    local_ms = next((_ms(p.groups()[1:]) for p in parts if p and not p[1]), None)
    if stream_ms is None or stream_ms != local_ms:
        raise Problem(
            "the times of these captions count from the start of a broadcast, not of a recording (X-TIMESTAMP-MAP)",
            where=where,
            fix="get the captions as one file together with the recording; if their times fit it, delete this line",
        )


def srt(text: str, *, where: str) -> Found:
    return Found(kind="srt", cues=_cues(_blocks(text, where), _SRT, where), rolling=True, marked=True)


def sbv(text: str, *, where: str) -> Found:
    return Found(kind="sbv", cues=_cues(_blocks(text, where), _SBV, where), rolling=True, marked=True)


def guess(text: str) -> str:
    """`vtt`, `srt` or `sbv` where the first lines of a text can be nothing else; else nothing."""
    top = [line for line in text[:2_000].splitlines() if line.strip()][:2]
    if top and re.match(r"WEBVTT(\s|$)", top[0]):
        return "vtt"
    if len(top) == 2 and top[0].strip().isdigit() and _MEANT_ARROW.match(top[1]):
        return "srt"
    return "sbv" if top and _SBV.time.fullmatch(top[0]) else ""


def _blocks(text: str, where: str) -> Iterator[_Block]:
    texts: list[str] = []
    first, loose = 1, True
    for n, line in enumerate(itertools.chain(io.StringIO(text, newline=None), [""]), 1):
        if n > MOST_LINES:
            too_many("lines", MOST_LINES, where)
        held = line.rstrip("\n")
        if held.strip():
            texts.append(held)
            continue
        if texts:
            yield _Block(first, texts, loose)
            texts, loose = [], True
        first, loose = n + 1, loose and bool(held)


def _cues(blocks: Iterable[_Block], syntax: _Syntax, where: str) -> Iterator[Cue]:
    """Cues: text under a time, with or without a name or number above it."""
    span: tuple[int, int] | None = None
    texts: list[str] = []
    number = 0
    for block in blocks:
        times = [i for i, line in enumerate(block.texts) if _is_time(line, syntax, f"{where}, line {block.line + i}")]
        if not times:
            missing = syntax.numbered and block.texts[0].strip() == str(number + 1)
            if span is None or missing or not (syntax.numbered or block.loose):
                raise Problem(
                    f"this text stands under no time: {block.texts[-1].strip()[:60]!r}",
                    where=f"{where}, line {block.line + missing}",
                    fix=f"write its time on a line above it: {syntax.example}",
                )
            texts += block.texts
            continue
        for i, after in itertools.zip_longest(times, times[1:]):
            if span:
                yield _cue(span, texts, where)
            span = _span(block.texts[i], syntax, f"{where}, line {block.line + i}")
            texts = block.texts[i + 1 : after]
            if syntax.numbered and after and texts and texts[-1].strip().isdigit():
                texts.pop()  # the number of the next cue
            above = block.texts[i - 1].strip() if i else ""
            number = int(above) if above.isdecimal() and len(above) < 10 else 0
    if span:
        yield _cue(span, texts, where)


def _is_time(line: str, syntax: _Syntax, where: str) -> bool:
    if syntax.time.fullmatch(line):
        return True
    if syntax.meant.match(line):
        raise Problem(
            f"this is not a cue's time: {line.strip()[:60]!r}", where=where, fix=f"write it as {syntax.example}"
        )
    return False


def _span(line: str, syntax: _Syntax, where: str) -> tuple[int, int]:
    found = syntax.time.fullmatch(line)
    assert found
    return checked_span(_ms(found.groups()[:4]), _ms(found.groups()[4:]), where)


def checked_span(start_ms: int, end_ms: int, where: str) -> tuple[int, int]:
    """The two times of a cue, if they are that."""
    if end_ms < start_ms:
        raise Problem("this cue ends before it starts", where=where, fix="put its two times right")
    if start_ms > LATEST_MS:
        raise Problem("this cue begins after more than 100 hours", where=where, fix="put its time right")
    return start_ms, min(end_ms, LATEST_MS)


def _cue(span: tuple[int, int], texts: Sequence[str], where: str) -> Cue:
    start_ms, end_ms = span
    pieces = list(_pieces(_SRT_OVERRIDE.sub("", "\n".join(texts))))
    return Cue(start_ms=start_ms, end_ms=end_ms, lines=lines_of(pieces, start_ms, where=where))


def _pieces(text: str) -> Iterator[Piece]:
    """A cue's text parted where the voice changes or a time stands, tags taken away."""
    at, voice, at_ms = 0, "", None
    for found in _INLINE.finditer(text):
        before = untagged(text[at : found.start()])
        if before:
            yield Piece(before, voice, at_ms)
            at_ms = None
        at = found.end()
        if found[1] is not None:
            voice = voice_name(found[1])
        elif found[2]:
            voice = ""
        else:
            at_ms = _ms(found.groups()[2:])
    yield Piece(untagged(text[at:]), voice, at_ms)


def untagged(text: str) -> str:
    """Text without tags, entities and characters that print nothing."""
    return shown(html.unescape(_ENDLESS.sub("\ufffd", _TAG.sub("", text))))


def _ms(parts: Sequence[str | None]) -> int:
    h, m, s, ms = (int(p or 0) for p in parts)
    return ((h * 60 + m) * 60 + s) * 1000 + ms

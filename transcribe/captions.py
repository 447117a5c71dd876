"""Captions that exist already, as words and voices: WebVTT (with `<v Name>`) and SRT.

Only a cue's time is known: the times of its words are spread over it by their length and marked `cue`. Lines that
roll on, shown again under the next ones, are taken once. Captions come from outside and are not to be trusted.
"""

import html
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from transcribe.problem import Problem
from transcribe.records import Record, Turn, Turns, Word, Words

LARGEST_BYTES = 20_000_000
JOIN_MS = 1_000  # a voice that goes on after a shorter pause is one turn
_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{2})[.,](\d{3})"
_ARROW = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?")
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s([^<>]*)>|(</v>)")
_TAG = re.compile(r"</?[a-zA-Z0-9][^<>]*>|<>")
_LANGUAGE = re.compile(r"Language:\s*([a-zA-Z]{2,3})\b")


class Cue(Record):
    """What a caption file shows at a time. `voice` is empty where none is named."""

    start_ms: int
    end_ms: int
    text: str
    voice: str = ""


def read(
    path: Path,
    *,
    recording_sha256: str,
    duration_ms: int | None,
    exclude: Sequence[tuple[int, int]] = (),
) -> tuple[Words, Turns]:
    """Words, and turns for the voices that are named, from a caption file.

    Each word lies inside its cue; where cues overlap, one has its words before the next begins, so that no sentence
    is torn apart. Nothing is kept of cues that touch an excluded stretch or begin after `duration_ms`. Raises
    Problem, with the line, where the file is not what its name says.
    """
    language, found = _parse(path)
    cues = [
        c if duration_ms is None else msgspec.structs.replace(c, end_ms=min(c.end_ms, duration_ms))
        for c in _unrolled(found)
        if (duration_ms is None or c.start_ms < duration_ms)
        and not any(c.start_ms < end_ms and start_ms < c.end_ms for start_ms, end_ms in exclude)
    ]
    apart = list(_apart(cues))
    engine = f"captions {path.suffix.lower().lstrip('.')}"
    return (
        Words(
            recording_sha256=recording_sha256,
            language=language,
            engine=engine,
            words=tuple(word for cue in apart for word in _spread(cue)),
        ),
        Turns(
            recording_sha256=recording_sha256,
            engine=engine,
            turns=(*_turns(apart, exclusive=True), *_turns(cues, exclusive=False)),
        ),
    )


# -- cues to words and turns ----------------------------------------------------------------------


def _unrolled(cues: Iterable[Cue]) -> list[Cue]:
    """Cues in order of time, without the lines that rolling captions show again.

    A file rolls if somewhere a cue begins with the line before it and goes on: elsewhere, who says the same thing
    twice has said it twice.
    """
    ordered = sorted(cues, key=lambda c: c.start_ms)
    shown = [[" ".join(line.split()) for line in cue.text.splitlines() if line.strip()] for cue in ordered]
    again = [0, *(_repeated(a, b) for a, b in itertools.pairwise(shown))]
    if not any(0 < n < len(lines) for n, lines in zip(again, shown, strict=False)):
        again = [0] * len(ordered)
    fresh = [
        msgspec.structs.replace(cue, text=" ".join(lines[n:]))
        for cue, lines, n in zip(ordered, shown, again, strict=False)
    ]
    return [cue for cue in fresh if cue.text]


def _repeated(before: Sequence[str], lines: Sequence[str]) -> int:
    """How many lines at the beginning are the last ones of what was shown before."""
    longest = min(len(before), len(lines))
    return next((n for n in range(longest, 0, -1) if lines[:n] == before[-n:]), 0)


def _apart(cues: Sequence[Cue]) -> Iterator[Cue]:
    """Cues that do not overlap: each ends where the next begins, and those that begin together share the time."""
    groups = [list(group) for _, group in itertools.groupby(cues, key=lambda c: c.start_ms)]
    for group, after in itertools.zip_longest(groups, groups[1:]):
        start_ms, end_ms = group[0].start_ms, min(c.end_ms for c in group)
        if after:
            end_ms = min(end_ms, after[0].start_ms)
        for cue, (a, b) in zip(group, _shares(start_ms, end_ms, [len(c.text) for c in group]), strict=True):
            yield msgspec.structs.replace(cue, start_ms=a, end_ms=b)


def _shares(start_ms: int, end_ms: int, weights: Sequence[int]) -> Iterator[tuple[int, int]]:
    """A stretch of time cut into one piece for each weight."""
    edges = [0, *itertools.accumulate(weights)]
    for a, b in itertools.pairwise(edges):
        yield start_ms + (end_ms - start_ms) * a // edges[-1], start_ms + (end_ms - start_ms) * b // edges[-1]


def _spread(cue: Cue) -> Iterator[Word]:
    texts = cue.text.split()
    for text, (a, b) in zip(texts, _shares(cue.start_ms, cue.end_ms, [len(t) + 1 for t in texts]), strict=True):
        yield Word(text=text, start_ms=a, end_ms=b, timing="cue", speaker=cue.voice or None)


def _turns(cues: Iterable[Cue], *, exclusive: bool) -> list[Turn]:
    """A turn wherever a named voice speaks. Exclusive ones are made of cues that are apart."""
    turns: list[Turn] = []
    last: dict[str, int] = {}  # voice -> place of its last turn
    for cue in cues:
        if not cue.voice:
            last.clear()
            continue
        i = last.get(cue.voice)
        if i is not None and cue.start_ms - turns[i].end_ms <= JOIN_MS:
            turns[i] = msgspec.structs.replace(turns[i], end_ms=max(turns[i].end_ms, cue.end_ms))
        else:
            if exclusive:
                last.clear()
            last[cue.voice] = len(turns)
            turns.append(Turn(speaker=cue.voice, start_ms=cue.start_ms, end_ms=cue.end_ms, exclusive=exclusive))
    return [t for t in turns if t.start_ms < t.end_ms]


# -- files to cues --------------------------------------------------------------------------------


def _parse(path: Path) -> tuple[str, list[Cue]]:
    """The language that the file names (else nothing), and its cues as they come."""
    kind = path.suffix.lower()
    if kind not in (".vtt", ".srt"):
        raise Problem("captions of this kind cannot be read", where=path, fix="use WebVTT (.vtt) or SRT (.srt)")
    lines = _text(path).splitlines()
    language = ""
    blocks = _blocks(lines)
    if kind == ".vtt":
        if not lines or not re.match(r"WEBVTT(\s|$)", lines[0]):
            raise Problem("this is not WebVTT: its first line must be WEBVTT", where=f"{path}, line 1", fix="check it")
        _, header = next(blocks)
        named = next(filter(None, map(_LANGUAGE.match, header)), None)
        language = named[1].lower() if named else ""
    cues: list[Cue] = []
    for line, block in blocks:
        if kind == ".vtt" and re.match(r"(NOTE|STYLE|REGION)(\s|$)", block[0]):
            continue
        cues = _with_block(cues, block, f"{path}, line ", line, numbered=kind == ".srt")
    if kind == ".srt" and not cues:
        raise Problem("there is no caption in this file", where=path, fix="check it")
    return language, [part for cue in cues for part in _by_voice(cue)]


def _blocks(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Runs of lines that are not blank, each with the number of its first."""
    for blank, run in itertools.groupby(enumerate(lines, 1), key=lambda numbered: not numbered[1].strip()):
        if not blank:
            held = list(run)
            yield held[0][0], [line for _, line in held]


def _with_block(cues: list[Cue], block: list[str], where: str, line: int, *, numbered: bool) -> list[Cue]:
    """Cues with those of a block: text under a time, with or without a name or number above it.

    Text under no time (a blank line inside a cue does that) belongs to the cue before.
    """
    arrows = [i for i, text in enumerate(block) if _ARROW.fullmatch(text)]
    broken = next((i for i, text in enumerate(block) if "-->" in text and i < (arrows or [len(block)])[0]), None)
    if broken is not None:
        raise Problem(
            f"this is not a cue's time: {block[broken].strip()[:60]!r}",
            where=f"{where}{line + broken}",
            fix="write it as 00:01:02.500 --> 00:01:05.000",
        )
    if not arrows:
        text = block[1:] if numbered and block[0].strip().isdigit() else block
        if cues and text:
            before = cues.pop()
            cues.append(msgspec.structs.replace(before, text="\n".join([before.text, *text])))
        return cues
    for arrow, after in itertools.zip_longest(arrows, arrows[1:]):
        found = _ARROW.fullmatch(block[arrow])
        assert found
        start_ms, end_ms = _ms(found.groups()[:4]), _ms(found.groups()[4:])
        if end_ms < start_ms:
            raise Problem(
                "this cue ends before it starts", where=f"{where}{line + arrow}", fix="put its two times right"
            )
        text = block[arrow + 1 : after]
        if numbered and after and text and text[-1].strip().isdigit():
            text = text[:-1]  # the next cue's number
        cues.append(Cue(start_ms=start_ms, end_ms=end_ms, text="\n".join(text)))
    return cues


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise Problem("this caption file is larger than 20 MB", where=path, fix="check that it is captions")
        data = path.read_bytes()
    except FileNotFoundError as e:
        raise Problem("there is no such file", where=path, fix="put it there, or name another in meeting.toml") from e
    except PermissionError as e:
        raise Problem("this file may not be read", where=path, fix="give yourself the right to: chmod u+r") from e
    except OSError as e:
        raise Problem(f"this file cannot be read ({e.strerror})", where=path, fix="check the disk and the file") from e
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")  # what older captioning software writes


def _ms(parts: Sequence[str | None]) -> int:
    h, m, s, ms = (int(p or 0) for p in parts)
    return ((h * 60 + m) * 60 + s) * 1000 + ms


def _by_voice(cue: Cue) -> list[Cue]:
    """A cue parted by its voices, tags taken away; each part gets its share of the time by its length."""
    parts: list[tuple[str, str]] = []
    at, voice = 0, ""
    for found in _VOICE.finditer(cue.text):
        parts.append((voice, _plain(cue.text[at : found.start()])))
        voice, at = " ".join(html.unescape(found[1] or "").split())[:200], found.end()
    parts.append((voice, _plain(cue.text[at:])))
    parts = [(voice, text) for voice, text in parts if text.strip()]
    spans = _shares(cue.start_ms, cue.end_ms, [len(text) for _, text in parts])
    return [
        Cue(start_ms=a, end_ms=b, text=text, voice=voice) for (voice, text), (a, b) in zip(parts, spans, strict=True)
    ]


def _plain(text: str) -> str:
    """Text without tags, entities and characters that print nothing."""
    text = html.unescape(_TAG.sub("", text))
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)

"""Captions that exist already, as words and voices: WebVTT (with `<v Name>`) and SRT.

Only a cue's time is known: the times of its words are spread over it by their length and marked `cue`. Cues that
roll on, repeating what was shown before, are taken once. Captions come from outside and are not to be trusted.
"""

import html
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from transcribe.problem import Problem
from transcribe.records import Record, Turn, Turns, Word, Words

LARGEST_BYTES = 50_000_000
_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{2})[.,](\d{3})"
_ARROW = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?$")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]*)>")
_TAG = re.compile(r"</?[a-zA-Z0-9][^>]*>|<>")


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

    Nothing is kept of cues that touch an excluded stretch or begin after `duration_ms`. Raises Problem, with the
    line, where the file is not what its name says.
    """
    cues = [
        c
        for c in _unrolled(_cues(path))
        if (duration_ms is None or c.start_ms < duration_ms)
        and not any(c.start_ms < end and start < c.end_ms for start, end in exclude)
    ]
    words: list[Word] = []
    turns: list[Turn] = []
    last_ms = 0
    for cue in cues:
        end_ms = cue.end_ms if duration_ms is None else min(cue.end_ms, duration_ms)
        start_ms = min(max(cue.start_ms, last_ms), end_ms)
        spread = list(_spread(cue, start_ms, max(start_ms, end_ms)))
        if not spread:
            continue
        words += spread
        last_ms = spread[-1].start_ms or 0
        if cue.voice and start_ms < end_ms:
            turns = _with_turn(turns, cue.voice, start_ms, end_ms)
    engine = f"captions {path.suffix.lower().lstrip('.')}"
    return (
        Words(recording_sha256=recording_sha256, language="", engine=engine, words=tuple(words)),
        Turns(recording_sha256=recording_sha256, engine=engine, turns=tuple(turns)),
    )


def _with_turn(turns: list[Turn], voice: str, start_ms: int, end_ms: int) -> list[Turn]:
    """Turns with one more: the same voice goes on, another one begins where the last one ends."""
    if turns and turns[-1].speaker == voice and start_ms - turns[-1].end_ms <= 1_000:
        *turns, before = turns
        start_ms, end_ms = before.start_ms, max(before.end_ms, end_ms)
    elif turns:
        start_ms = min(max(start_ms, turns[-1].end_ms), end_ms)
    return [*turns, Turn(speaker=voice, start_ms=start_ms, end_ms=end_ms, exclusive=True)]


def _spread(cue: Cue, start_ms: int, end_ms: int) -> Iterator[Word]:
    texts = cue.text.split()
    total = sum(len(t) + 1 for t in texts)
    done = 0
    for text in texts:
        begin = start_ms + (end_ms - start_ms) * done // total
        done += len(text) + 1
        yield Word(
            text=text,
            start_ms=begin,
            end_ms=start_ms + (end_ms - start_ms) * done // total,
            timing="cue",
            speaker=cue.voice or None,
        )


def _unrolled(cues: Sequence[Cue]) -> Iterator[Cue]:
    """Cues in order of time, without the lines that rolling captions show a second time."""
    shown: list[str] = []
    for cue in sorted(cues, key=lambda c: c.start_ms):
        lines = [line for line in cue.text.splitlines() if line.strip()]
        fresh = lines
        for n in range(min(len(lines), len(shown)), 0, -1):
            if lines[:n] == shown[-n:]:
                fresh = lines[n:]
                break
        if lines:
            shown = lines
        if fresh:
            yield Cue(start_ms=cue.start_ms, end_ms=cue.end_ms, text=" ".join(fresh), voice=cue.voice)


def _cues(path: Path) -> list[Cue]:
    kind = path.suffix.lower()
    if kind not in (".vtt", ".srt"):
        raise Problem("captions of this kind cannot be read", where=path, fix="use WebVTT (.vtt) or SRT (.srt)")
    lines = _text(path).splitlines()
    if kind == ".vtt" and (not lines or not re.match(r"WEBVTT(\s|$)", lines[0])):
        raise Problem("this is not WebVTT: its first line must be WEBVTT", where=f"{path}, line 1", fix="check the file")
    cues: list[Cue] = []
    at = 0
    while at < len(lines):
        if "-->" not in lines[at]:
            at += 1
            continue
        found = _ARROW.match(lines[at])
        if not found:
            raise Problem(
                f"this is not a cue's time: {lines[at].strip()[:60]!r}",
                where=f"{path}, line {at + 1}",
                fix="write it as 00:01:02.500 --> 00:01:05.000",
            )
        start_ms, end_ms = _ms(found.groups()[:4]), _ms(found.groups()[4:])
        if end_ms < start_ms:
            raise Problem("this cue ends before it starts", where=f"{path}, line {at + 1}", fix="put its times right")
        first = at + 1
        at = first
        while at < len(lines) and lines[at].strip() and not _ARROW.match(lines[at]):
            at += 1
        cues += _by_voice(start_ms, end_ms, "\n".join(lines[first:at]))
    if lines and not cues and kind == ".srt":
        raise Problem("there is no caption in this file", where=path, fix="check the file")
    return cues


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise Problem("this caption file is larger than 50 MB", where=path, fix="check that it is captions")
        data = path.read_bytes()
    except PermissionError as e:
        raise Problem("this file may not be read", where=path, fix="give yourself the right to: chmod u+r") from e
    except FileNotFoundError as e:
        raise Problem("there is no such file", where=path, fix="put it there, or name another in meeting.toml") from e
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")  # what older captioning software writes


def _ms(parts: Sequence[str | None]) -> int:
    h, m, s, ms = (int(p or 0) for p in parts)
    return ((h * 60 + m) * 60 + s) * 1000 + ms


def _by_voice(start_ms: int, end_ms: int, body: str) -> list[Cue]:
    """A cue's text parted by its voices, tags taken away; each part gets its share of the time by its length."""
    parts: list[tuple[str, str]] = []
    at, voice = 0, ""
    for found in _VOICE.finditer(body):
        parts.append((voice, body[at : found.start()]))
        voice, at = " ".join(html.unescape(found[1]).split())[:200], found.end()
    parts.append((voice, body[at:]))
    plain = [(v, _plain(t)) for v, t in parts]
    plain = [(v, t) for v, t in plain if t.strip()]
    total = sum(len(t) for _, t in plain)
    cues = []
    done = 0
    for v, t in plain:
        begin = start_ms + (end_ms - start_ms) * done // total
        done += len(t)
        cues.append(Cue(start_ms=begin, end_ms=start_ms + (end_ms - start_ms) * done // total, text=t, voice=v))
    return cues


def _plain(text: str) -> str:
    """Text without tags, entities and characters that print nothing."""
    text = html.unescape(_TAG.sub("", text))
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)

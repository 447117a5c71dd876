"""Transcripts in JSON: Whisper's, WhisperX's, those of the Council Data Project (CDP), and YouTube's json3.

Each is read into typed records, so that what is not needed is never kept. What is wrong is named with its line.
"""

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, NoReturn

import msgspec

from transcribe.problem import Problem
from transcribe.spoken import plain
from transcribe.timedtext import (
    LATEST_MS,
    MOST_WORDS,
    Cue,
    Found,
    Piece,
    Said,
    Untold,
    checked_span,
    lines_of,
    shown,
    until_next,
    voice_name,
)

SLACK_S = 1.0  # a time this little before the beginning is the beginning
_Index = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
_Ms = Annotated[int, msgspec.Meta(ge=0, le=LATEST_MS)]


class _Word(msgspec.Struct):
    """Of Whisper (`probability`) or WhisperX (`score`; no times where the aligner knew no letter of it)."""

    word: str
    start: float | None = None
    end: float | None = None
    probability: float | None = None
    score: float | None = None
    speaker: str | _Index | None = None


class _Segment(msgspec.Struct):
    start: float
    end: float
    text: str = ""
    words: list[_Word] | None = None
    speaker: str | _Index | None = None


class _CdpWord(msgspec.Struct):
    text: str
    start_time: float | None = None
    end_time: float | None = None


class _Sentence(msgspec.Struct):
    """Of the CDP. Its `confidence` is one number for a sentence or a whole file, and so no word's."""

    start_time: float
    end_time: float
    text: str = ""
    words: list[_CdpWord] | None = None
    speaker_name: str | None = None
    speaker_index: _Index | None = None


class _Piece(msgspec.Struct):
    utf8: str
    tOffsetMs: _Ms | None = None


class _Event(msgspec.Struct):
    """Of json3; one without `segs` opens a window and shows nothing."""

    tStartMs: _Ms
    dDurationMs: _Ms | None = None
    segs: list[_Piece] | None = None


class _Document(msgspec.Struct):
    segments: list[_Segment] | None = None
    sentences: list[_Sentence] | None = None
    events: list[_Event] | None = None
    word_segments: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    language: str | None = None


def from_json(text: str, *, where: str) -> Found:
    """Whichever of the four this is. Raises Problem with line and column for what is no JSON, and with the line and
    the path (`segments[3].words[0].start`) for what is not shaped as its kind is."""
    data = text.encode()
    document = _decoded(data, where)
    named = [n for n in ("segments", "sentences", "events") if getattr(document, n) is not None]
    if len(named) != 1:
        raise Problem(
            "this JSON is no transcript that is known here",
            where=f"{where}, line 1",
            fix="use JSON with `segments` (Whisper, WhisperX), `sentences` (CDP) or `events` (YouTube json3)",
        )
    place = _Place(data, where)
    language = re.match(r"[a-zA-Z]{2,3}\b", document.language or "")
    aligned = document.word_segments is not msgspec.UNSET or any(
        w.score is not None for s in document.segments or () for w in s.words or ()
    )
    kind, cues = (
        ("cdp", _cdp(document.sentences, place))
        if document.sentences is not None
        else ("json3", until_next(_json3(document.events, where)))
        if document.events is not None
        else ("whisperx" if aligned else "whisper", _whisper(document.segments or [], place, aligned=aligned))
    )
    return Found(
        kind=kind, cues=cues, language=language[0].lower() if language else "", marked=document.events is not None
    )


# -- kinds ----------------------------------------------------------------------------------------


def _whisper(segments: Sequence[_Segment], place: "_Place", *, aligned: bool) -> Iterator[Cue]:
    for i, s in enumerate(segments):
        start_ms, end_ms = _span(s.start, s.end, place, f"segments[{i}]", "start")
        voice = _voice(s.speaker)
        heard = [
            Said(
                shown(w.word),
                voice if w.speaker is None else _voice(w.speaker),
                _word_ms(w.start),
                _word_ms(w.end),
                _probability(w.score if w.score is not None else w.probability),
            )
            for w in s.words or ()
        ]
        words = told(shown(s.text), heard, voice)
        yield Cue(start_ms=start_ms, end_ms=end_ms, lines=(words,), timing="aligned" if aligned else "engine")


def _cdp(sentences: Sequence[_Sentence], place: "_Place") -> Iterator[Cue]:
    for i, s in enumerate(sentences):
        start_ms, end_ms = _span(s.start_time, s.end_time, place, f"sentences[{i}]", "start_time")
        unnamed = "" if s.speaker_index is None else f"speaker {s.speaker_index}"
        voice = voice_name(s.speaker_name or "") or unnamed
        heard = [Said(shown(w.text), voice, _word_ms(w.start_time), _word_ms(w.end_time)) for w in s.words or ()]
        yield Cue(start_ms=start_ms, end_ms=end_ms, lines=(told(shown(s.text), heard, voice),))


def _json3(events: Sequence[_Event], where: str) -> Iterator[Untold]:
    for e in events:
        if not e.segs:
            continue
        end_ms = None if e.dDurationMs is None else e.tStartMs + e.dDurationMs
        pieces = [Piece(shown(p.utf8), "", None if p.tOffsetMs is None else e.tStartMs + p.tOffsetMs) for p in e.segs]
        yield e.tStartMs, end_ms, lines_of(pieces, e.tStartMs, where=where)


# -- a segment's text and its words ---------------------------------------------------------------


def told(text: str, heard: Sequence[Said], voice: str) -> tuple[Said, ...]:
    """The words of a segment as its text writes them, with the times, voices and confidence of the words heard.

    Both are the same letters; only the text has the sentences' capitals and stops. A printed word takes the time from
    the beginning of the first word that it is made of to the end of the last, and the lowest of their confidences;
    part of a heard word has no time of its own. Where the letters differ, the words heard are taken as they are, unless
    the text has more: then nothing of it is lost, and only what both begin and end with has the times that were heard.
    """
    written = text.split(maxsplit=MOST_WORDS)
    if not heard:
        return tuple(Said(t, voice) for t in written)
    heard = [part for word in heard for part in _unspaced(word)]
    letters = [plain(t) for t in written]
    heard_letters = [plain(w.text) for w in heard]
    if letters == heard_letters:
        return tuple(w._replace(text=t) for t, w in zip(written, heard, strict=True))
    if not any(letters) or "".join(letters) != "".join(heard_letters):
        return tuple(_filled(written, letters, heard, heard_letters, voice) if len(written) > len(heard) else heard)
    return tuple(_gathered(written, letters, heard, heard_letters))


def _filled(
    written: Sequence[str], letters: Sequence[str], heard: Sequence[Said], heard_letters: Sequence[str], voice: str
) -> Iterator[Said]:
    """All words of a text of which fewer were heard."""
    n_first = _n_alike(letters, heard_letters)
    n_last = _n_alike(letters[n_first:][::-1], heard_letters[n_first:][::-1])
    voices = {w.voice for w in heard}
    own = voice or (voices.pop() if len(voices) == 1 else "")
    for i, text in enumerate(written):
        k = i if i < n_first else i - len(written)
        if i < n_first or k >= -n_last:
            yield heard[k]._replace(text=text)
        else:
            yield Said(text, own)


def _n_alike(some: Sequence[str], others: Sequence[str]) -> int:
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(some, others, strict=False)))


def _gathered(
    written: Sequence[str], letters: Sequence[str], heard: Sequence[Said], heard_letters: Sequence[str]
) -> Iterator[Said]:
    """Words made of the words heard that share letters with them."""
    i, used = 0, 0  # the word heard, and how many of its letters are used up
    for text, own in zip(written, letters, strict=True):
        parts: list[Said] = []
        begins = True
        left = len(own)
        while left:
            if used == len(heard_letters[i]):
                i, used = i + 1, 0
                continue
            begins = begins and (bool(parts) or used == 0)
            taken = min(left, len(heard_letters[i]) - used)
            left, used = left - taken, used + taken
            parts.append(heard[i])
        first = parts[0] if parts else heard[i]
        sure = [p.confidence for p in parts if p.confidence is not None]
        yield Said(
            text,
            first.voice,
            first.start_ms if parts and begins else None,
            parts[-1].end_ms if parts and begins and used == len(heard_letters[i]) else None,
            min(sure) if sure and len(sure) == len(parts) else None,
        )


def _unspaced(word: Said) -> list[Said]:
    """One word for each that stands in it: the first has its beginning, the last its end is not known apart."""
    parts = word.text.split()
    if len(parts) == 1:
        return [word._replace(text=parts[0])]
    return [word._replace(text=t, start_ms=None if i else word.start_ms, end_ms=None) for i, t in enumerate(parts)]


def _voice(speaker: str | int | None) -> str:
    return voice_name("" if speaker is None else f"speaker {speaker}" if isinstance(speaker, int) else speaker)


def _probability(value: float | None) -> float | None:
    return value if value is not None and 0 <= value <= 1 else None


# -- times ----------------------------------------------------------------------------------------


def _span(start_s: float, end_s: float, place: "_Place", path: str, key: str) -> tuple[int, int]:
    """The times of a segment in milliseconds. Raises Problem, with its place, where they cannot be that."""
    wrong = next((v for v in (start_s, end_s) if not (math.isfinite(v) and -SLACK_S <= v <= LATEST_MS / 1000)), None)
    if wrong is not None:
        raise Problem(f"{wrong:g} s is no time in a recording", where=place(f"{path}.{key}"), fix="put it right")
    if end_s < start_s:
        checked_span(1, 0, place(f"{path}.{key}"))
    return max(0, round(start_s * 1000)), max(0, round(end_s * 1000))


def _word_ms(value_s: float | None) -> int | None:
    """A word's time; what cannot be one counts as not given."""
    if value_s is None or not math.isfinite(value_s) or not -SLACK_S <= value_s <= LATEST_MS / 1000:
        return None
    return max(0, round(value_s * 1000))


# -- JSON, and where in it ------------------------------------------------------------------------

_STRING = rb'"(?:[^"\\]++|\\.)*+(?:"|\Z)'
_TOKEN = re.compile(_STRING + rb"|[{}\[\],:]|[^\s{}\[\],:\"]++", re.DOTALL)
_TO_NO_NUMBER = re.compile(rb"((?:" + _STRING + rb"|[^\"NI-]++|-(?!I))*+)(NaN|-?Infinity|[NI-]|\Z)", re.DOTALL)
_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_HALF_LETTER = re.compile(
    rb"(?<!\\)((?:\\\\)*+)(?:" + _HIGH + rb"(?!\\u[dD][c-fC-F])|(?<!" + _HIGH + rb")" + _LOW + rb")"
)


def _decoded(data: bytes, where: str) -> _Document:
    try:
        try:
            return msgspec.json.decode(data, type=_Document)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            return msgspec.json.decode(_mended(data), type=_Document)
    except msgspec.ValidationError as e:
        what, _, path = str(e).partition(" - at `$")
        path = path.rstrip("`").lstrip(".")
        raise Problem(
            f"this is not shaped as a transcript: {what}",
            where=_Place(data, where)(path),
            fix="check that it is the right file",
        ) from e
    except msgspec.DecodeError as e:
        _refuse(data, e, where)
    except RecursionError as e:
        raise Problem(
            "this JSON is nested deeper than any transcript",
            where=f"{where}, line 1",
            fix="check that it is the right file",
        ) from e


def _mended(data: bytes) -> bytes:
    """JSON without what Python writes and the standard does not know: NaN becomes null, half a letter a mark."""
    if b"NaN" in data or b"Infinity" in data:
        data = _TO_NO_NUMBER.sub(lambda m: m[1] + (b"null" if len(m[2]) > 1 else m[2]), data, count=MOST_WORDS)
    return _HALF_LETTER.sub(rb"\1\\ufffd", data, count=MOST_WORDS)


def _refuse(data: bytes, error: msgspec.DecodeError, where: str) -> NoReturn:
    at = re.search(r"\(byte (\d+)\)", str(error))
    offset = int(at[1]) if at else len(data)
    line = data.count(b"\n", 0, offset) + 1
    column = len(data[data.rfind(b"\n", 0, offset) + 1 : offset].decode("utf-8", "replace")) + 1
    what = str(error).removeprefix("JSON is malformed: ").split(" (byte")[0] if at else "it ends too early"
    raise Problem(f"this is not JSON: {what}", where=f"{where}, line {line}, column {column}", fix="get the file again")


class _Place:
    """Where in a file something stands, by its path such as `segments[3].start`."""

    def __init__(self, data: bytes, path: str) -> None:
        self._data, self.path = data, path

    def __call__(self, path: str) -> str:
        wanted = [int(n) if n else key for n, key in re.findall(r"\[(\d+)\]|([^.\[\]]+)", path)]
        offset = _offset(_TOKEN.finditer(self._data), wanted)
        line = self._data.count(b"\n", 0, offset) + 1
        return f"{self.path}, line {line}" + (f", {path}" if path else "")


def _offset(tokens: Iterable[re.Match[bytes]], wanted: Sequence[str | int]) -> int:
    """Where the value at a path begins; where it is missing, what holds it."""
    if not wanted:
        return 0
    keys: list[str | int | None] = []  # the path of the value that is being read
    best, reached = 0, 0
    key = b""
    for token in tokens:
        mark = token[0]
        if mark == b",":
            if keys and isinstance(keys[-1], int):
                keys[-1] += 1
            elif keys:
                keys[-1] = None
            continue
        if mark == b":":
            if keys:
                keys[-1] = key.strip(b'"').decode("utf-8", "replace")
            continue
        if mark in b"]}":
            if keys:
                keys.pop()
            if len(keys) < reached:
                break
            continue
        key = mark
        if len(keys) > reached and keys == list(wanted[: len(keys)]):
            best, reached = token.start(), len(keys)
            if reached == len(wanted):
                break
        if mark == b"[":
            keys.append(0)
        elif mark == b"{":
            keys.append(None)
    return best

"""Clips: the unedited sound (and film) of an address, with its words as captions and a record of where it is from."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from search.cite import timecode
from search.exports import silent
from search.quotes import Address
from transcribe import cut as cutting
from transcribe.audio import Source
from transcribe.cut import Piece
from transcribe.problem import Problem
from transcribe.records import Media, Passage, Record, Recording, Stretch, Transcript, Word
from transcribe.transcript import NOTICE, to_webvtt

MOST_PAD_S = 600


class Part(Record, omit_defaults=False):
    """What a clip was cut from: a file of the meeting and its SHA-256, and where in it, ms."""

    file: str
    sha256: str
    from_ms: int
    to_ms: int


class Clip(Record, omit_defaults=False):
    """Where a clip is from, as is written beside it (`clip/1`).

    `asked` is the range of the address and `delivered` what the clip plays, padding included, both on the meeting's
    timeline, ms. `how` is `copied` (the recording's own packets) or `encoded`, and `why` then why not copied.
    """

    meeting: str
    title: str
    address: str
    asked: tuple[int, int]
    pad_ms: int
    delivered: tuple[int, int]
    how: str
    why: str
    codecs: tuple[str, ...]
    parts: tuple[Part, ...]
    recording_sha256: str
    transcript_sha256: str
    source_url: str
    clip_sha256: str
    made: str
    versions: tuple[str, ...]
    notes: tuple[str, ...]
    notice: str = NOTICE


class Range(Record):
    """What a clip is to play, on the meeting's timeline, and what should be known of that."""

    start_ms: int
    end_ms: int
    notes: tuple[str, ...] = ()


def plan(address: Address, recording: Recording, hidden: Sequence[Stretch], *, pad_ms: int = 0) -> Range:
    """The range of a clip: the address with padding, as far as nothing is hidden and the recording goes.

    Raises Problem where there is no recording, the address is beyond its end, or something in it is hidden.
    """
    where = str(address)
    if not recording.media:
        raise Problem(
            "this meeting has captions only: there is no recording to cut from",
            where=where,
            fix="put the recording beside them and name it as `media` in meeting.toml",
        )
    if not 0 <= pad_ms <= MOST_PAD_S * 1000:
        raise Problem(f"padding is 0 to {MOST_PAD_S} seconds", where=where, fix="leave --pad away, or give less")
    if address.start_ms >= recording.duration_ms:
        ends = f"the recording ends before that, at {timecode(recording.duration_ms)}"
        raise Problem(ends, where=where, fix="check the times")
    inside = [s for s in hidden if s.start_ms < address.end_ms and address.start_ms < s.end_ms]
    if inside:
        s = inside[0]
        raise Problem(
            silent(s),
            where=where,
            fix="cut what lies before or after it",
        )
    notes = []
    end_ms = min(address.end_ms, recording.duration_ms)
    if end_ms < address.end_ms:
        notes.append(f"the recording ends at {timecode(end_ms)}, and so does the clip")
    start_ms, last_ms = max(0, address.start_ms - pad_ms), min(recording.duration_ms, end_ms + pad_ms)
    from_ms = max([start_ms, *(s.end_ms for s in hidden if s.end_ms <= address.start_ms)])
    to_ms = min([last_ms, *(s.start_ms for s in hidden if s.start_ms >= end_ms)])
    if (from_ms, to_ms) != (start_ms, last_ms):
        notes.append("padding was cut back at what is hidden")
    return Range(start_ms=from_ms, end_ms=to_ms, notes=tuple(notes))


def cut(
    wanted: Range, recording: Recording, paths: dict[str, Path], hidden: Sequence[Stretch], out: Path, suffix: str
) -> tuple[cutting.Cut, Range, tuple[Part, ...]]:
    """Write a clip to `out`, as a file of the kind of `suffix`: how, what it plays, and from which parts.

    `paths` has the file of each part by its name. Raises Problem where no part plays in that range, or it can't be cut.
    """
    pieces = _pieces(wanted, recording.media, paths)
    if not pieces:
        raise Problem("no part of the recording plays then", where=out, fix="check the times")
    first = pieces[0]
    begins = first.media.start_ms
    away = [(s.start_ms - begins, s.end_ms - begins) for s in hidden]
    done = cutting.cut(pieces, out, suffix, hidden=away)
    start_ms = wanted.start_ms + (done.start_ms - first.from_ms)
    parts = tuple(
        Part(
            file=p.media.file,
            sha256=p.media.sha256,
            from_ms=done.start_ms if p is first else p.from_ms,
            to_ms=p.to_ms,
        )
        for p in pieces
    )
    return done, Range(start_ms=start_ms, end_ms=wanted.end_ms, notes=wanted.notes), parts


def _pieces(wanted: Range, media: Sequence[Media], paths: dict[str, Path]) -> list[Piece]:
    """The files that play in a range, each until the next begins."""
    pieces = []
    for n, part in enumerate(media):
        end_ms = part.start_ms + part.duration_ms
        if n + 1 < len(media):
            end_ms = min(end_ms, media[n + 1].start_ms)
        from_ms, to_ms = max(wanted.start_ms, part.start_ms), min(wanted.end_ms, end_ms)
        if from_ms < to_ms:
            source = Source(paths[part.file], part.start_ms, part.audio_track, part.channel)
            at_ms = from_ms - wanted.start_ms
            pieces.append(Piece(source, part, from_ms - part.start_ms, to_ms - part.start_ms, at_ms))
    return pieces


def captions(transcript: Transcript, played: Range) -> str:
    """The words of a clip as WebVTT with `<v Name>`, times from its own start."""
    words = tuple(
        _moved(word, played)
        for word in transcript.words
        if word.start_ms is not None
        and word.end_ms is not None
        and 2 * played.start_ms <= word.start_ms + word.end_ms < 2 * played.end_ms
    )
    passages = tuple(_moved(passage, played) for passage in transcript.passages)
    return to_webvtt(replace(transcript, words=words, passages=passages))


W = TypeVar("W", Word, Passage)


def _moved(said: W, played: Range) -> W:
    length_ms = played.end_ms - played.start_ms
    start_ms, end_ms = (min(max(0, (ms or 0) - played.start_ms), length_ms) for ms in (said.start_ms, said.end_ms))
    return replace(said, start_ms=start_ms, end_ms=end_ms)

"""What the heads of files say that FFmpeg keeps to itself: whether a key is needed, and how much sound there should be.

Every number in them may be a lie; all that is read here is a few kilobytes.
"""

import bisect
import io
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

_MOST_BOXES = 100_000
_ENCRYPTED = frozenset({b"enca", b"drms"})  # kinds of sound in an MP4 that need a key
_W64 = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
_CHUNK = re.compile(rb"[A-Za-z0-9_ -]{4}")
_XING = re.compile(rb"(?:Xing|Info)(.{8})", re.DOTALL)
_XING_WITHIN = 200  # bytes of a frame
ADTS_BYTES = 7
_ADTS_RATES_HZ = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)


# -- MP4 ------------------------------------------------------------------------------------------


def is_encrypted(path: Path, track: int) -> bool:
    """Whether an MP4's index says that this track needs a key, which FFmpeg keeps to itself and decodes as noise."""
    n_sound = 0
    with path.open("rb") as f:
        for at, end in _boxes(f, 0, path.stat().st_size, b"moov", b"trak"):
            for start, _ in _boxes(f, at, end, b"mdia", b"hdlr"):
                f.seek(start + 8)
                if f.read(4) == b"soun":
                    n_sound += 1
            if n_sound == track:
                for start, _ in _boxes(f, at, end, b"mdia", b"minf", b"stbl", b"stsd"):
                    f.seek(start + 12)
                    return f.read(4) in _ENCRYPTED
    return False


def second_mp4(path: Path) -> int | None:
    """Where in a file another MP4 begins that has an index of its own, as where two were joined; None without one."""
    with path.open("rb") as f:
        size = path.stat().st_size
        indices = list(_boxes(f, 0, size, b"moov"))
        if len(indices) < 2 or any(_boxes(f, *indices[1], b"mvex")):  # in fragments an index may come again
            return None
        begins = [at for at, _ in _boxes(f, 0, size, b"ftyp")]
        return begins[1] - 8 if len(begins) > 1 else None


def _boxes(f: Any, at: int, end: int, kind: bytes, *below: bytes) -> Iterator[tuple[int, int]]:
    """Where the content of an MP4's boxes of this kind (and of those kinds below it) starts and ends."""
    for _ in range(_MOST_BOXES):
        if at + 8 > end:
            return
        f.seek(at)
        head = f.read(16)
        length, header = int.from_bytes(head[:4]), 8
        if length == 1:
            length, header = int.from_bytes(head[8:16]), 16
        to = end if length == 0 else at + length
        if (length and length < header) or to > end:
            to = end
        if head[4:8] == kind:
            if below:
                yield from _boxes(f, at + header, to, *below)
            else:
                yield at + header, to
        at = to


# -- WAV ------------------------------------------------------------------------------------------


class Pcm(NamedTuple):
    """The samples in a WAV or W64 file, in bytes."""

    stated: int | None  # None where whoever wrote it did not know, as when it was streamed
    there: int
    goes_on: bool  # behind the stated end come more samples, and no other part of the file


def pcm(path: Path) -> Pcm | None:
    """How much sound a WAV or W64 file says that it holds, and how much is there; None where it is no such file."""
    size = path.stat().st_size
    with path.open("rb") as f:
        head = f.read(16)
        wide = head == _W64
        if not wide and not (head[:4] == b"RIFF" and head[8:12] == b"WAVE"):
            return None
        at, header, align = (40, 24, 8) if wide else (12, 8, 2)
        for _ in range(_MOST_BOXES):
            f.seek(at)
            found = f.read(header)
            if len(found) < header:
                return None
            length = int.from_bytes(found[16:], "little") - header if wide else int.from_bytes(found[4:], "little")
            if found[:4] == b"data":
                there = size - at - header
                if _is_unstated(length, wide):
                    return Pcm(None, there, goes_on=False)
                behind = length + -length % align
                f.seek(at + header + length)
                next_up = f.read(align + 4)
                starts = {next_up[:4], next_up[behind - length : behind - length + 4]}  # some forget the padding
                return Pcm(length, there, goes_on=behind + header < there and not any(map(_CHUNK.fullmatch, starts)))
            at += header + max(0, length + -length % align)
    return None


def _is_unstated(length: int, wide: bool) -> bool:
    """Whether this length stands for none: programs write nought, the most that the field holds, or half of that, give
    or take a page."""
    if wide:
        return length <= 0 or length >= 1 << 62
    return length == 0 or (1 << 31) - 4096 <= length <= 1 << 31 or length >= (1 << 32) - 4096


class Joined(NamedTuple):
    """WAV files that were joined byte after byte: what is to be read as one of them, in bytes (from, to), and where
    one begins whose samples are of another kind than the first's, None where none is."""

    spans: tuple[tuple[int, int], ...]
    other: int | None


def joined(path: Path) -> Joined | None:
    """What a WAV file holds besides the first of its samples; None where that is nothing, and where it is no WAV."""
    size = path.stat().st_size
    spans: list[tuple[int, int]] = []
    first = kind = b""
    other = None
    at = began = 0
    with path.open("rb") as f:
        for _ in range(_MOST_BOXES):
            f.seek(at)
            head = f.read(12)
            if head[:4] == b"RIFF" and head[8:] == b"WAVE":
                began, at = at, at + 12
                continue
            if at == 0 or not _CHUNK.fullmatch(head[:4]) or len(head) < 8:
                break
            length = int.from_bytes(head[4:8], "little")
            samples, at = at + 8, at + 8 + length
            if head[:4] == b"fmt ":
                f.seek(samples)
                kind = f.read(min(length, 40))
            elif head[:4] == b"data" and len(kind) >= 16:
                first = first or kind
                if _alike(kind) != _alike(first):
                    other = began
                    break
                endless = _is_unstated(length, wide=False)
                end = size if endless else min(at, size)
                whole = max(1, int.from_bytes(kind[12:14], "little"))
                spans.append((samples if spans else 0, end - (end - samples) % whole))
                if endless:
                    break
            f.seek(at)
            at += length % 2 and f.read(4) != b"RIFF"  # some forget the padding
    return Joined(tuple(spans), other) if len(spans) > 1 or other else None


def _alike(kind: bytes) -> bytes:
    """What samples of one kind have in common: codec, channels, rate and depth."""
    return kind[:16] + (kind[24:26] if kind[:2] == b"\xfe\xff" else b"")


class Spliced(io.RawIOBase):
    """Parts of a file, read as if there were nothing between them."""

    def __init__(self, path: Path, spans: Sequence[tuple[int, int]]) -> None:
        self._file, self._spans, self._at = path.open("rb"), spans, 0
        self._ends = list(accumulate(to - start for start, to in spans))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + (0, self._at, self._ends[-1])[whence])
        return self._at

    def read(self, n: int = -1) -> bytes:
        i = bisect.bisect_right(self._ends, self._at)
        if i == len(self._ends):
            return b""
        left = self._ends[i] - self._at
        self._file.seek(self._spans[i][1] - left)
        found = self._file.read(min(n, left) if n >= 0 else left)
        self._at += len(found)
        return found

    def close(self) -> None:
        self._file.close()
        super().close()


# -- MP3 ------------------------------------------------------------------------------------------


def mp3_frames(path: Path) -> int | None:
    """How many frames an MP3's index (Xing or Info, in its first frame) says that follow; None without one."""
    with path.open("rb") as f:
        head = f.read(10)
        tag = head[:3] == b"ID3"  # its length is written in bytes of seven bits
        f.seek(10 + sum((b & 127) << shift for b, shift in zip(head[6:10], (21, 14, 7, 0), strict=True)) if tag else 0)
        first = f.read(4096)
    begins = re.search(rb"\xff[\xe0-\xff]", first)
    index = begins and _XING.search(first, begins.start(), begins.start() + _XING_WITHIN)
    if not index or not index[1][3] & 1:
        return None
    return int.from_bytes(index[1][4:]) or None


# -- bare AAC -------------------------------------------------------------------------------------


def adts_s(head: bytes) -> Fraction:
    """How long a frame of bare AAC (ADTS) sounds, in seconds, by its first `ADTS_BYTES`; 0 where they are no head."""
    if len(head) < ADTS_BYTES or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return Fraction(0)
    rate = head[2] >> 2 & 15
    n_samples = 1024 * (1 + (head[6] & 3))
    return Fraction(n_samples, _ADTS_RATES_HZ[rate]) if rate < len(_ADTS_RATES_HZ) else Fraction(0)

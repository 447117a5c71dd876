"""A stretch of a recording as a file of its own: its packets copied as they are, or decoded and encoded again.

Nothing is changed beyond that: no fade, no filter, no louder or quieter. What is encoded again is AAC,
Opus, VP9, or samples.
"""

import contextlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from transcribe.audio import Source
from transcribe.media import Clock, opened, packets, pick, stamp_s, tracks, with_next
from transcribe.mixing import kind_of
from transcribe.problem import Problem
from transcribe.records import Media

RATE_HZ = 48_000
NEAR_MS = 100  # a copy starts no further from where it was asked to
GUARD_MS = 1_000  # a copy keeps so far from what is hidden, since packets do not end where they are told to
BEFORE_S = 2.0  # decoding begins so much earlier, for decoders that need a start
_SOUND_BIT_RATE = 96_000

# By suffix: the container (FFmpeg's name), the encoder of sound, that of film or none, and what codecs may be copied.
_KINDS: dict[str, tuple[str, str, str, frozenset[str]]] = {
    ".m4a": ("ipod", "aac", "", frozenset({"aac", "alac"})),
    ".mp4": ("mp4", "aac", "libvpx-vp9", frozenset({"aac", "mp3", "opus", "h264", "hevc", "vp9", "av1", "libdav1d"})),
    ".webm": ("webm", "libopus", "libvpx-vp9", frozenset({"opus", "vorbis", "vp8", "vp9", "av1", "libdav1d"})),
    ".mkv": (
        "matroska",
        "libopus",
        "libvpx-vp9",
        frozenset(["aac", "mp3", "opus", "vorbis", "flac", "h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg4"]),
    ),
    ".ogg": ("ogg", "libopus", "", frozenset({"opus", "vorbis"})),
    ".opus": ("opus", "libopus", "", frozenset({"opus"})),
    ".wav": ("wav", "pcm_s16le", "", frozenset()),
    ".mp3": ("mp3", "", "", frozenset({"mp3"})),
}
SUFFIXES = tuple(_KINDS)
# Whose timestamps are right after a seek; in others the way there is read packet by packet.
_SEEKS = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "wav", "ogg", "flac"})


class Piece(NamedTuple):
    """A stretch of one file of a recording: where it plays in the file, and where in the clip, ms."""

    source: Source
    media: Media
    from_ms: int
    to_ms: int
    at_ms: int


class Cut(NamedTuple):
    """What was written: how, why it was not copied, and where in the first file it really starts, ms."""

    how: Literal["copied", "encoded"]
    why: str
    start_ms: int
    codecs: tuple[str, ...]


def check_suffix(path: Path) -> None:
    if path.suffix.lower() not in _KINDS:
        raise Problem(
            f"clips are written as {', '.join(SUFFIXES)}, not as {path.suffix or 'files without an ending'!r}",
            where=path,
            fix="name the file clip.m4a for sound, clip.webm for film",
        )


def cut(pieces: Sequence[Piece], out: Path, suffix: str, *, hidden: Sequence[tuple[int, int]]) -> Cut:
    """Write pieces of a recording to `out` as a file of the kind of `suffix`. `hidden` are stretches of the first
    file, in ms, that nobody may hear or see. Raises Problem for what cannot be decoded, or can't be written so."""
    why = _no_copy(pieces, suffix, hidden)
    if not why:
        start_ms, codecs, why = _copied(pieces[0], out, suffix)
        if not why:
            return Cut("copied", "", start_ms, codecs)
    if not _KINDS[suffix][1]:
        raise Problem(
            f"this cannot be copied into a {suffix} file ({why}), and MP3 is not encoded here",
            where=pieces[0].source.path,
            fix="name the file clip.m4a or clip.webm",
        )
    return Cut("encoded", why, pieces[0].from_ms, _encoded(pieces, out, suffix))


def _no_copy(pieces: Sequence[Piece], suffix: str, hidden: Sequence[tuple[int, int]]) -> str:
    piece = pieces[0]
    if len(pieces) > 1:
        return "the stretch lies in several files"
    if any(a < piece.to_ms + GUARD_MS and piece.from_ms - GUARD_MS < b for a, b in hidden):
        return "something hidden lies beside it"
    if piece.media.channel:
        return "its channels cancel each other"
    if piece.media.container not in _SEEKS and piece.media.container != "mp3":
        return f"{piece.media.container} files are not cut without decoding"
    if piece.media.container == "mp3" and not piece.media.even:
        return "its bit rate changes"
    return ""


def _film(container: Any, suffix: str) -> Any:
    """The film of a file, where the clip can have one; a cover is none."""
    import av

    if not _KINDS[suffix][2]:
        return None
    cover = av.stream.Disposition.attached_pic
    return next((v for v in container.streams.video if not v.disposition & cover and v.codec_context), None)


# -- copying --------------------------------------------------------------------------------------


def _copied(piece: Piece, out: Path, suffix: str) -> tuple[int, tuple[str, ...], str]:
    """Copy packets; where the clip starts in the file, the codecs, and, where it can't be, why not."""
    import av

    kind, _, _, codecs = _KINDS[suffix]
    with opened(piece.source.path) as container:
        sound = tracks(container)[pick(container, piece.source.path, piece.source.track) - 1]
        film = _film(container, suffix)
        streams = [s for s in (film, sound) if s is not None]
        names = tuple(s.codec_context.name.removesuffix("float") for s in streams)
        if other := next((name for name in names if name not in codecs), None):
            return 0, (), f"{suffix} files take no {other}"
        origin_s = Clock(container).origin_s
        from_s, to_s = origin_s + piece.from_ms / 1000, origin_s + piece.to_ms / 1000
        near_s = NEAR_MS / 1000
        _seek(container, from_s - (0 if film else near_s), film)
        held: list[Any] = []
        start_s: float | None = None
        last: dict[int, float] = {}
        try:
            with av.open(str(out), "w", format=kind) as made:
                copies = {s.index: made.add_stream_from_template(s) for s in streams}
                for packet in packets(container):
                    stamp = stamp_s(packet)
                    if packet.stream_index not in copies or packet.dts is None or stamp is None:
                        continue
                    if start_s is None:
                        leads = packet.stream_index == streams[0].index
                        if leads and packet.is_keyframe and from_s - near_s <= stamp <= from_s + near_s:
                            start_s = stamp
                        elif leads and stamp > from_s + near_s:
                            return 0, (), f"no frame that it could start at lies within {NEAR_MS} ms"
                        else:
                            held = [*held, packet][-200:]
                            continue
                        ready = [
                            *(
                                p
                                for p in held
                                if (stamp_s(p) or 0) >= start_s and p.stream_index != packet.stream_index
                            ),
                            packet,
                        ]
                    else:
                        ready = [packet]
                    for each in ready:
                        place = stamp_s(each) or 0.0
                        if place < start_s or place >= to_s:
                            continue
                        shift = round(start_s / each.time_base)
                        each.pts, each.dts = each.pts - shift, each.dts - shift
                        stream_index = each.stream_index
                        each.stream = copies[stream_index]
                        made.mux(each)
                    last[packet.stream_index] = stamp
                    if len(last) == len(streams) and min(last.values()) >= to_s + 0.5:
                        break
        except (av.FFmpegError, ValueError) as e:
            return 0, (), f"its packets do not fit ({str(e)[:80]})"
    if start_s is None:
        return 0, (), f"no frame that it could start at lies within {NEAR_MS} ms"
    return round((start_s - origin_s) * 1000), names, ""


def _seek(container: Any, to_s: float, film: Any) -> None:
    import av

    with contextlib.suppress(av.FFmpegError):
        if film is not None:
            container.seek(max(0, round((to_s + NEAR_MS / 1000) / film.time_base)), stream=film, backward=True)
        else:
            container.seek(max(0, round(to_s * 1_000_000)), backward=True)


# -- encoding -------------------------------------------------------------------------------------


def _encoded(pieces: Sequence[Piece], out: Path, suffix: str) -> tuple[str, ...]:
    """Decode and encode again, each piece where it plays in the clip; what no file covers is silent, and black."""
    import av

    kind, sound_codec, film_codec, _ = _KINDS[suffix]
    layout, size = _shape(pieces, suffix)
    n_ms = max(p.at_ms + p.to_ms - p.from_ms for p in pieces)
    with av.open(str(out), "w", format=kind) as made:
        film: Any = None
        if size:
            film = made.add_stream(film_codec, rate=Fraction(25))
            film.width, film.height, film.pix_fmt = size[0], size[1], "yuv420p"
            film.time_base = film.codec_context.time_base = Fraction(1, 1000)
            film.options = {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "32", "b:v": "0"}
        sound: Any = made.add_stream(sound_codec, rate=RATE_HZ)
        sound.layout = layout
        if not sound_codec.startswith("pcm"):
            sound.bit_rate = _SOUND_BIT_RATE
        resampler = av.AudioResampler(format=sound.format, layout=layout, rate=RATE_HZ)
        at = 0

        def write(samples: Any) -> None:
            nonlocal at
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(samples.reshape(1, -1)), format="s16", layout=layout
            )
            frame.sample_rate, frame.time_base, frame.pts = RATE_HZ, Fraction(1, RATE_HZ), at
            at += samples.shape[0]
            for ready in resampler.resample(frame):
                made.mux(sound.encode(ready))

        def silent_until(sample: int) -> None:
            while at < sample:
                write(np.zeros((min(sample - at, RATE_HZ), 1 if layout == "mono" else 2), np.int16))

        last_ms = -1
        for piece in pieces:
            for what, place_ms, value in _frames(piece, layout, film is not None):
                if what == "film":
                    pts = round(piece.at_ms + place_ms)
                    if pts > last_ms:
                        last_ms = pts
                        frame = value.reformat(film.width, film.height, format="yuv420p")
                        frame.pts, frame.time_base, frame.pict_type = pts, Fraction(1, 1000), 0
                        made.mux(film.encode(frame))
                    continue
                first = round((piece.at_ms + place_ms) * RATE_HZ / 1000)
                end = round((piece.at_ms + piece.to_ms - piece.from_ms) * RATE_HZ / 1000)
                if first - at > RATE_HZ // 25:
                    silent_until(min(first, end))
                skip = max(0, at - first) if at - first > RATE_HZ // 25 or not at else 0
                kept = value[skip : skip + max(0, end - at)]
                if len(kept):
                    write(kept)
        silent_until(round(n_ms * RATE_HZ / 1000))
        for ready in resampler.resample(None):
            made.mux(sound.encode(ready))
        made.mux(sound.encode(None))
        if film:
            made.mux(film.encode(None))
    return (*((film_codec,) if size else ()), sound_codec)


def _shape(pieces: Sequence[Piece], suffix: str) -> tuple[str, tuple[int, int] | None]:
    """The layout of the sound, and the size of the film: those of the first file."""
    piece = pieces[0]
    with opened(piece.source.path) as container:
        sound = tracks(container)[pick(container, piece.source.path, piece.source.track) - 1]
        film = _film(container, suffix)
        mono = sound.codec_context.channels == 1 or piece.media.channel is not None
        size = (film.width // 2 * 2, film.height // 2 * 2) if film is not None and film.width > 1 else None
    return "mono" if mono else "stereo", size


def _frames(piece: Piece, layout: str, wants_film: bool) -> Iterator[tuple[str, float, Any]]:
    """("sound", ms into the piece, samples of shape (n, channels)) and ("film", ms into the piece, frame)."""
    import av

    path, from_s, to_s = piece.source.path, piece.from_ms / 1000, piece.to_ms / 1000
    with opened(path) as container:
        sound = tracks(container)[pick(container, path, piece.source.track) - 1]
        film = _film(container, ".mkv") if wants_film else None
        streams = {s.index: s for s in (sound, film) if s is not None}
        clock, begin_s = Clock(container), max(0.0, from_s - BEFORE_S)
        origin_s = clock.origin_s
        seeks = piece.media.container in _SEEKS and piece.media.states_length
        if seeks and begin_s:
            _seek(container, begin_s + origin_s, None)
        channel = piece.source.channel
        resampler: Any = None
        kind: tuple[Any, ...] = ()
        ended: set[int] = set()
        reached_s = begin_s if seeks else 0.0
        found = False
        for packet, after in with_next(packets(container, None if film is not None else sound)):
            if packet.stream_index not in streams:
                continue
            stamp = stamp_s(packet)
            is_sound = packet.stream_index == sound.index
            if is_sound and stamp is not None:
                placed_s = stamp - origin_s if seeks else clock.place(stamp, stamp_s(after), reached_s)
                shift_s = placed_s - stamp
                reached_s = placed_s + float((packet.duration or 0) * packet.time_base)
            elif not seeks:
                shift_s = -clock.origin_s
            else:
                shift_s = -origin_s
            if packet.size and reached_s < begin_s and not seeks and film is None:
                continue
            frames: list[Any] = []
            with contextlib.suppress(av.FFmpegError):  # players pass over single broken packets, too
                frames = packet.decode()
            for frame in frames:
                at = stamp_s(frame)
                if at is None:
                    continue
                place_s = at + shift_s
                if place_s >= to_s:
                    ended.add(packet.stream_index)
                elif not is_sound and place_s >= from_s:
                    yield "film", 1000 * (place_s - from_s), frame
                elif is_sound:
                    frame.pts = None
                    left: list[Any] = []
                    if kind != (kind := kind_of(frame)):
                        left = resampler.resample(None) if resampler else []
                        mixed = layout if channel is None else frame.layout
                        resampler = av.AudioResampler(format="s16", layout=mixed, rate=RATE_HZ)
                    for ready in [*left, *resampler.resample(frame)]:
                        samples = ready.to_ndarray().reshape(-1, ready.layout.nb_channels)
                        if channel is not None:
                            samples = samples[:, min(channel, samples.shape[1]) - 1 :][:, :1]
                        skip = max(0, round((from_s - place_s) * RATE_HZ))
                        if skip < len(samples):
                            found = True
                            yield "sound", 1000 * max(0.0, place_s - from_s), samples[skip:]
                        place_s += len(samples) / RATE_HZ
            if len(ended) == len(streams):
                break
        if not found:
            raise Problem("no sound could be decoded there", where=path, fix="check that the file plays at that time")

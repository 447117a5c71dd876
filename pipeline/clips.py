"""A clip written where it was asked for: the file, its words and its provenance beside it, all or none of them."""

import contextlib
from pathlib import Path

import av

from pipeline import hidden, outputs, receipts
from pipeline.context import Context
from pipeline.events import now
from pipeline.receipts import hash_file
from search import cite, clip
from search.clip import Clip
from search.quotes import Address, read_parquet
from transcribe import cut as cutting
from transcribe.documents import GENERATOR, dump
from transcribe.problem import Problem
from transcribe.ranges import within
from transcribe.records import Media, Transcript


def give(context: Context, address: Address, out: Path, *, pad_s: float = 0.0, force: bool = False) -> Clip:
    """Write a clip, and remember its files, so that they are found where something in them is hidden later. Raises
    Problem as `write` does, and where something was hidden while it was cut: then nothing is left of it."""
    made = write(context, address, out, pad_s=pad_s, force=force)
    paths = _beside(out)
    for path in paths:
        outputs.note(context.layout, path, "clip", [made.meeting], made.delivered)
    with outputs.taken_back(*paths):
        if within(context.silence(), [made.delivered]):
            raise hidden.being_hidden(context.raw, made.meeting)
    return made


def write(context: Context, address: Address, out: Path, *, pad_s: float = 0.0, force: bool = False) -> Clip:
    """Cut what an address plays into `out`, with `.vtt` and `.json` beside it.

    Raises Problem where that may not be, where the recording is gone or another than was listened to, and where a file
    is there already and `force` is not set.
    """
    cutting.check_suffix(out)
    for path in _beside(out):
        outputs.check_free(path, force=force)
    if not out.parent.is_dir():
        raise Problem("there is no such folder", where=out.parent, fix="make it first")
    if not (context.made / "transcript.json").is_file():
        raise Problem("this meeting is not finished", where=context.made, fix=f"onrecord run {context.meeting.id}")
    recording, transcript, silent = context.recording(), context.transcript(), context.hidden()
    wanted = clip.plan(address, recording, silent, pad_ms=round(pad_s * 1000))
    paths = {m.file: _found(context, m) for m in recording.media if _plays(m, wanted)}
    with contextlib.ExitStack() as all_or_none:
        sides = [all_or_none.enter_context(outputs.whole(path)) for path in reversed(_beside(out))]
        about, captions, part = sides
        try:
            done, played, parts = clip.cut(wanted, recording, paths, silent, part, out.suffix.lower())
        except av.FFmpegError as e:
            raise OSError(e.errno, e.strerror, str(out)) from e
        made = Clip(
            meeting=context.meeting.id,
            title=context.meeting.title,
            address=str(address),
            asked=(address.start_ms, address.end_ms),
            pad_ms=round(pad_s * 1000),
            delivered=(played.start_ms, played.end_ms),
            how=done.how,
            why=done.why,
            codecs=done.codecs,
            parts=parts,
            recording_sha256=recording.sha256,
            transcript_sha256=hash_file(context.made / "transcript.json"),
            source_url=context.meeting.source_url,
            clip_sha256=hash_file(part),
            made=now(),
            versions=(GENERATOR, f"PyAV {av.__version__}", transcript.engine),
            notes=(*played.notes, *_changed(context, address, transcript)),
        )
        captions.write_bytes(clip.captions(transcript, played).encode())
        about.write_bytes(dump(made, "clip/1"))
    return made


def _beside(out: Path) -> list[Path]:
    """The files of a clip: itself, its words, and where it is from."""
    return [out, out.with_suffix(".vtt"), out.with_suffix(".json")]


def _changed(context: Context, address: Address, transcript: Transcript) -> list[str]:
    """What should be known where the clip does not play what was cited: a recording plays what it plays."""
    table = context.made / "quotes.parquet"
    if not address.check or not table.is_file():
        return []
    try:
        rows = read_parquet(table)
    except Problem as e:
        return [f"nobody knows whether this place still says what was cited: {e.what}"]
    try:
        passage = cite.around(address, rows, transcript, 0)
    except Problem:
        return ["this place no longer says what was cited: nothing is said there"]
    if passage.changed:
        return [f"this place no longer says what was cited: {passage.what_changed}"]
    return [f"what was cited is now at {passage.quote.address}"] if passage.moved else []


def _plays(media: Media, wanted: clip.Range) -> bool:
    return media.start_ms < wanted.end_ms and wanted.start_ms < media.start_ms + media.duration_ms


def _found(context: Context, media: Media) -> Path:
    """The very file that was listened to: in its place, or under another name in the meeting's folder."""
    path = context.raw / media.file
    probed = receipts.read(context.made, "probe")
    known = probed.inputs.get(f"raw/{media.file}") if probed else None
    try:
        if path.is_file() and receipts.state_of(path, known).sha256 == media.sha256:
            return path
        for other in sorted(context.raw.iterdir()):
            if other.is_file() and other.stat().st_size == media.size and hash_file(other) == media.sha256:
                return other
    except OSError as e:
        raise Problem(f"the recording cannot be read: {e.strerror or e}", where=path, fix="check its rights") from e
    what = "changed since it was listened to" if path.exists() else "not there any more"
    raise Problem(
        f"the recording is {what}, and a clip of it would not be what was said",
        where=path,
        fix=f"put the file back, or run again with what is there: onrecord run {context.meeting.id}",
    )

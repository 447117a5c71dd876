"""What the stages that listen have in common: the sound, what of it is hidden or not heard yet, and when a result of
theirs stands.

What of a recording nobody has listened to is kept beside the words, in `unheard.json`: the rest after `--only`, and
what was excluded or masked, whose words are cut out on the spot. A stretch that is wanted again is listened to
by itself, by the engine that the other words are from; words of two engines are never mixed.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from pipeline import receipts
from pipeline.context import Context
from pipeline.receipts import Receipt
from transcribe import engines
from transcribe.audio import Audio, Source, decode
from transcribe.documents import load
from transcribe.media import Progress
from transcribe.problem import Problem, reading
from transcribe.ranges import Ranges, joined, within
from transcribe.records import Record, Turns, Words


class Unheard(Record):
    """Stretches that the words know nothing of, and the name of the engine to hear them with."""

    ranges: tuple[tuple[int, int], ...]
    engine: str


def unheard(context: Context) -> Unheard:
    path = context.made / "unheard.json"
    if not path.exists():
        return Unheard(ranges=(), engine="")
    return load(path.read_bytes(), Unheard, "unheard/1", where=path)


def sources(context: Context, channel: int | None = None) -> list[Source]:
    """What there is to listen to, or one channel of it. Raises Problem where a file is no longer the one that was
    probed."""
    probed = receipts.read(context.made, "probe")
    found = []
    for m in context.recording().media:
        path = context.raw / m.file
        if receipts.state_of(path, probed.inputs.get(f"raw/{m.file}") if probed else None).sha256 != m.sha256:
            raise changed(path)
        found.append(Source(path=path, start_ms=m.start_ms, track=m.audio_track, channel=channel or m.channel))
    return found


def changed(path: Path) -> Problem:
    return Problem(
        "this file changed since the run began", where=path, fix="wait until all of it is there, then run again"
    )


def whole(context: Context) -> Ranges:
    return joined([(0, context.recording().duration_ms)])


def silence(context: Context) -> Ranges:
    return within(context.erased(), whole(context))


def decoded(context: Context, silence: Ranges, progress: Progress, channel: int | None = None) -> Audio:
    """The recording as 16 kHz samples in the scratch folder, decoded once for the stages that listen."""
    recording = context.recording()
    one = {"channel": channel} if channel else {}
    key = digest({"recording": recording.sha256, "silence": silence} | one)
    path = context.scratch / f"audio-{key}.s16"
    if path.exists():
        return Audio(path=path)
    return decode(
        sources(context, channel),
        path,
        silence=silence,
        duration_ms=recording.duration_ms,
        progress=lambda _, total_ms: progress(0, total_ms),  # decoding is no part of listening, but a sign of life
    )


def digest(params: dict[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(params)).hexdigest()[:16]


def stands(context: Context, stage: str, version: int, params: dict[str, Any], *ignore: str) -> Receipt | None:
    """The receipt of a stage whose result an engine made and nothing speaks against but what is ignored."""
    receipt = receipts.read(context.made, stage)
    if receipt is None or by_captions(receipt):
        return None
    differs = receipts.first_difference(
        context.made,
        receipt,
        version=version,
        params=params,
        inputs={},
        ignore=frozenset(ignore),
        verify=context.verify,
    )
    return None if differs else receipt


def ignored(choice: engines.Choice, *, upgrade: bool) -> tuple[str, ...]:
    """Params that make nobody listen again: what `auto` takes today must not overwrite what a better engine wrote
    yesterday, nor is a meeting heard again because a person was added to it, whose name would only help a little, nor
    are captions put on the sound because a model has come."""
    if upgrade:
        return ()
    return ("vocabulary",) if choice.by_hand else ("engine", "vocabulary", "aligner")


# -- captions or engines --------------------------------------------------------------------------


def by_captions(receipt: Receipt) -> bool:
    """Whether words or turns were read from captions, or would have been if these named voices."""
    return str(receipt.params.get("engine", "")).startswith("captions")


def uses_captions(context: Context, stage: str, choice: engines.Choice) -> bool:
    """Captions give words and voices unless an engine is named, or one has finished: that result stands."""
    if choice.by_hand or not context.meeting.captions:
        return choice.name == "captions"
    receipt = None if context.upgrade else receipts.read(context.made, stage)
    return receipt is None or by_captions(receipt)


def caption_inputs(stage: str, choice: Callable[[Context], engines.Choice]) -> Callable[[Context], dict[str, Path]]:
    def inputs(context: Context) -> dict[str, Path]:
        captions = context.captions()
        used = captions and uses_captions(context, stage, choice(context))
        return {f"raw/{context.meeting.captions}": captions} if captions and used else {}

    return inputs


def from_captions(context: Context, *, whole: bool = False) -> tuple[Words, Turns]:
    """Words and turns, as far as the recording goes and nothing is hidden, or the whole file. Two stages ask for them,
    one right after the other, and the file is read once."""
    path, recording = context.captions(), context.recording()
    if path is None:
        raise Problem(
            "there are no captions for this meeting", where=context.raw, fix='name them: captions = "captions.vtt"'
        )
    with reading(path):
        found = path.stat()
    state = found.st_ino, found.st_mtime_ns, found.st_size
    end_ms, erased = (None, ()) if whole else (recording.duration_ms, tuple(context.erased()))
    return _captions(path, state, recording.sha256, end_ms, erased)


@lru_cache(maxsize=2)
def _captions(
    path: Path,
    state: tuple[int, int, int],
    recording_sha256: str,
    duration_ms: int | None,
    erased: tuple[tuple[int, int], ...],
) -> tuple[Words, Turns]:
    from transcribe import captions

    return captions.read(path, recording_sha256=recording_sha256, duration_ms=duration_ms, exclude=erased)

"""Before a run: what it would do, how long that takes, and whether the disk is large enough."""

import shutil
import statistics
from collections.abc import Iterable, Sequence

from pipeline import receipts
from pipeline.batch import NAMES, Job, audio_ms_of, context_of, up_to, why
from pipeline.meetings import Layout
from pipeline.stages import Context
from transcribe.problem import LACKING, Problem
from transcribe.records import Record, Unreadable

SCRATCH_BYTES_PER_S = 2 * 16_000  # a decoded recording while it is listened to
PLAYABLE_BYTES_PER_S = 8_000


class Plan(Record):
    """What a run would do for one meeting."""

    meeting: str
    stage: str  # the first that would run; empty when all is done
    why: str
    audio_ms: int
    expected_s: float | None
    needed_bytes: int


def plan(job: Job, speeds: dict[str, float]) -> Plan:
    """What `run` would do for a meeting. `speeds` are seconds of work per second of audio, per stage."""
    context = context_of(job)
    first, reason = "", ""
    for stage in up_to(job.through):
        try:
            reason = why(context, stage, verify=job.verify)
        except FileNotFoundError:
            reason = "an earlier stage has not been made yet"
        except Unreadable as e:
            reason = e.what
        if reason:
            first = stage.name
            break
    audio_ms = audio_ms_of(context) or _probed_ms(context)
    todo = [s.name for s in up_to(job.through)][NAMES.index(first) :] if first else []
    known = [speeds[name] for name in todo if name in speeds]
    listens = bool({"words", "turns"} & set(todo))
    return Plan(
        meeting=job.id,
        stage=first,
        why=reason,
        audio_ms=audio_ms,
        expected_s=sum(known) * audio_ms / 1000 if known and (not listens or "words" in speeds) else None,
        needed_bytes=int(
            audio_ms / 1000 * (SCRATCH_BYTES_PER_S * listens + PLAYABLE_BYTES_PER_S * ("playable" in todo))
        ),
    )


def _probed_ms(context: Context) -> int:
    from transcribe.audio import probe

    return sum(probe(context.raw / m.file, sha256="").duration_ms for m in context.meeting.media)


def speeds(layout: Layout, ids: Iterable[str]) -> dict[str, float]:
    """Median seconds of work per second of audio of each stage, from the receipts at hand."""
    seen: dict[str, list[float]] = {}
    for id in ids:
        for name in NAMES:
            receipt = receipts.read(layout.made(id), name)
            if receipt and receipt.audio_ms:
                seen.setdefault(name, []).append(receipt.wall_s / (receipt.audio_ms / 1000))
    return {name: statistics.median(values) for name, values in seen.items()}


def check_disk(layout: Layout, plans: Sequence[Plan], n_workers: int) -> None:
    """Raises Problem where the disk is too small for what the busiest workers need at once."""
    needed = sum(sorted((p.needed_bytes for p in plans), reverse=True)[: max(1, n_workers)])
    layout.processed.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(layout.processed).free
    if needed > free:
        raise Problem(
            f"the disk is too full: {needed / 1e6:.0f} MB are needed for a while, {free / 1e6:.0f} MB are free",
            where=layout.processed,
            fix="make room, or run fewer meetings at once with --jobs 1",
            exit_code=LACKING,
        )

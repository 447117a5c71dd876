"""Before a run: what it would do, how long that takes, and whether the disk is large enough."""

import shutil
import statistics
from collections.abc import Iterable, Sequence

import msgspec

from pipeline import hear, hear_turns, receipts
from pipeline.context import Context
from pipeline.meetings import Layout
from pipeline.work import ALL_STAGES, NAMES, Job, audio_ms_of, context_of, up_to, why
from transcribe.documents import Unreadable
from transcribe.problem import LACKING, Problem
from transcribe.ranges import length, within, without
from transcribe.records import Record

SCRATCH_BYTES_PER_S = 2 * 16_000  # a decoded recording while it is listened to
PLAYABLE_BYTES_PER_S = 8_000
HEARD = ("words", "turns")  # stages that listen, unless captions spare them that


class Plan(Record):
    """What a run would do for one meeting."""

    meeting: str
    stage: str  # the first that would run; empty when all is done
    why: str
    audio_ms: int
    expected_s: float | None
    needed_bytes: int
    through: str = "index"  # the last that would run


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
    read = {s.name for s in up_to(job.through) if s.name in HEARD and s.inputs(context)}  # from captions
    takes_ms = dict.fromkeys(todo, audio_ms)
    if context.meeting.media and set(HEARD).intersection(todo) - read:
        heard_ms = _to_hear(context, first, audio_ms)
        takes_ms |= {name: heard_ms[name] for name in HEARD if name in todo and name not in read}
    known = {name: speeds[key] for name in todo if (key := _speed_key(name, read=name in read)) in speeds}
    heard = {name for name in HEARD if name not in read and takes_ms.get(name)}
    # Captions may name no voices, and then somebody has to listen after all.
    listens = bool(context.meeting.media) and bool(heard or "turns" in read.intersection(todo))
    return Plan(
        meeting=job.id,
        stage=first,
        why=reason,
        audio_ms=audio_ms,
        expected_s=sum(known[n] * takes_ms[n] for n in known) / 1000 if known and heard <= speeds.keys() else None,
        needed_bytes=int(
            audio_ms / 1000 * (SCRATCH_BYTES_PER_S * listens + PLAYABLE_BYTES_PER_S * ("playable" in todo))
        ),
        through=job.through,
    )


def _to_hear(context: Context, first: str, audio_ms: int) -> dict[str, int]:
    """Time that engines would listen to, in ms, where `first` is the first stage that runs."""
    whole, silence = [(0, audio_ms)], context.erased()
    words = ALL_STAGES[NAMES.index("words")]
    try:
        stand = first != "probe" and why(context, words) == words.lost(context)  # nothing else speaks against them
        missing = within(hear.unheard(context).ranges, whole) if stand else whole
        wanted = without(missing, silence)
        if context.only:
            wanted = within(wanted, [context.only])
        is_cut = stand and not wanted and not hear_turns.turns_listen(context)
    except (FileNotFoundError, Unreadable):
        return dict.fromkeys(HEARD, audio_ms)
    voices = [] if is_cut else without(whole, [*silence, *without(missing, wanted)])
    return {"words": length(wanted), "turns": length(voices)}


class Link(Record, omit_defaults=False):
    """Why one stage would run, or that it would not. `made` is when it was (UTC) and `engine` by what, where anything
    listened; `upgrade` what `--upgrade`, or naming the engine, would change about a result that otherwise stands."""

    stage: str
    runs: bool
    why: str = ""
    made: str = ""
    engine: str = ""
    upgrade: str = ""


def chain(context: Context) -> list[Link]:
    """Every stage of a meeting in order. After the first that would run, the others follow it."""
    links: list[Link] = []
    blocked = ""
    for stage in up_to(NAMES[-1]):
        receipt = receipts.read(context.made, stage.name)
        reason = blocked or why(context, stage)
        upgrade = ""
        if not reason and stage.name in HEARD:
            upgrade = why(msgspec.structs.replace(context, upgrade=True), stage)
        if reason and not blocked:
            blocked = f"{stage.name} runs first: {reason}"
        links.append(
            Link(
                stage=stage.name,
                runs=bool(reason),
                why=reason,
                made=receipt.finished if receipt else "",
                engine=str(receipt.params.get("engine", "")) if receipt else "",
                upgrade=upgrade,
            )
        )
    return links


def _probed_ms(context: Context) -> int:
    from transcribe.audio import probe

    return sum(probe(context.raw / m.file, sha256="", track=m.audio_track).duration_ms for m in context.meeting.media)


def _speed_key(stage: str, *, read: bool) -> str:
    """Reading captions tells nothing about how long listening takes."""
    return f"{stage} from captions" if read else stage


def speeds(layout: Layout, ids: Iterable[str]) -> dict[str, float]:
    """Median seconds of work per second of audio of each stage, from the receipts at hand."""
    seen: dict[str, list[float]] = {}
    for id in ids:
        for name in NAMES:
            receipt = receipts.read(layout.made(id), name)
            if receipt and receipt.audio_ms:
                read = hear.by_captions(receipt)
                seen.setdefault(_speed_key(name, read=read), []).append(receipt.wall_s / (receipt.audio_ms / 1000))
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

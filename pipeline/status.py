"""How every meeting stands: what is done, what comes next, what failed and why. No engine is asked, nothing is written.

What would run comes from `pipeline.plan`, as for a run. A failure of an earlier run comes from that run's log and
counts for as long as the stage that failed is the next to run and nothing that it could depend on has changed.
"""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from pipeline import asked, corrections, hear, manifest, receipts
from pipeline.context import Context
from pipeline.events import Event
from pipeline.manifest import Behind
from pipeline.meetings import Layout, is_id, read_ids, readable
from pipeline.plan import Plan
from pipeline.remove import in_trash, indexed, trash_of
from pipeline.work import NAMES, Job, Outcome, as_problem, context_of, failed
from transcribe import correct, locks, models
from transcribe.documents import Unreadable
from transcribe.problem import Problem
from transcribe.ranges import Ranges, joined, length, within, without
from transcribe.records import Coverage, Record, Stretch

LOG_BYTES = 64_000_000  # of the newest logs; what failed before that is tried again soon enough


class Standing(Record, omit_defaults=False):
    """How one meeting stands. `stage` and `why` say what would run next; `what`, `where`, `fix` why it failed, at
    `failed_at` (UTC) by the run with this `log`, or now where there is none. `covered_ms` is time that was listened
    to, or read from captions, and is not hidden; `partial_ms` waits to be. `coverage` is the transcript's receipt of
    all time; `words` and `voices` are the fingerprints of the engines that made them."""

    meeting: str
    folder: str
    state: Literal["done", "to do", "running", "failed"]
    stage: str = ""
    why: str = ""
    expected_s: float | None = None
    what: str = ""
    where: str = ""
    fix: str = ""
    failed_at: str = ""
    log: str = ""
    audio_ms: int = 0
    covered_ms: int = 0
    uncovered_ms: int = 0
    excluded_ms: int = 0
    masked_ms: int = 0
    withheld_ms: int = 0
    partial_ms: int = 0
    coverage: Coverage | None = None
    words: str = ""
    voices: str = ""
    captions_only: bool = False
    due: tuple[str, ...] = ()  # what was withheld, and should be decided again by now
    n_bytes: int = 0


class Leftover(Record, omit_defaults=False):
    """What was made of a meeting whose folder in `raw` is gone. `folder` is what it was called, where that is known."""

    meeting: str
    folder: str
    n_bytes: int
    indexed: bool


class Engine(Record, omit_defaults=False):
    """How many meetings have words, or voices, by one engine."""

    makes: Literal["words", "voices"]
    fingerprint: str
    n_meetings: int


class Status(Record, omit_defaults=False):
    """The data folder as a whole. `expected_s` is None where no earlier run tells how long all of it takes. Folders of
    pages that are `behind` no longer say what their meetings say."""

    n_done: int
    n_to_do: int
    n_running: int
    n_failed: int
    audio_ms: int
    covered_ms: int
    expected_s: float | None
    n_bytes: int
    engines: tuple[Engine, ...]
    meetings: tuple[Standing, ...]
    leftovers: tuple[Leftover, ...]
    behind: tuple[Behind, ...] = ()


def status(layout: Layout, wanted: list[str] | None = None) -> Status:
    """How the meetings asked for stand, or all. Raises Problem where there is nothing to look at."""
    jobs, refused = asked.jobs_of(layout, wanted)
    plans, broken = asked.plans_of(layout, jobs)
    planned = {p.meeting: p for p in plans}
    job_of = {j.id: j for j in jobs}
    failures = last_failures(layout.runs, {p.meeting for p in plans if p.stage})
    found = [_broken(layout, outcome) for outcome in (*refused, *broken)]
    for id, plan in planned.items():
        try:
            found.append(_standing(layout, job_of[id], plan, failures.get(id)))
        except (Problem, OSError) as e:  # somebody is at it: it was fine a moment ago
            problem = e if isinstance(e, Problem) else as_problem(e, layout.raw / job_of[id].folder, "meeting")
            found.append(_broken(layout, failed(id, job_of[id].folder, problem)))
    ids = {s.meeting for s in found}
    todo = [s for s in found if s.state != "done" and not s.what]
    expected = [s.expected_s for s in todo if s.expected_s is not None]
    count = Counter(s.state for s in found)
    return Status(
        n_done=count["done"],
        n_to_do=count["to do"],
        n_running=count["running"],
        n_failed=count["failed"],
        audio_ms=sum(s.audio_ms for s in found),
        covered_ms=sum(s.covered_ms for s in found),
        expected_s=sum(expected) if len(expected) == len(todo) else None,
        n_bytes=sum(s.n_bytes for s in found),
        engines=(*_engines("words", found), *_engines("voices", found)),
        meetings=tuple(sorted(found, key=lambda s: s.folder)),
        leftovers=() if wanted else tuple(leftovers(layout, ids)),
        behind=() if wanted else tuple(manifest.behind(layout)),
    )


# -- one meeting ----------------------------------------------------------------------------------


class _Made(msgspec.Struct):
    """What is read of words.json or transcript.json; words are skipped, which makes it fast."""

    engine: str
    stretches: tuple[Stretch, ...] = ()
    coverage: Coverage | None = None


def _standing(layout: Layout, job: Job, plan: Plan, failure: "tuple[Event, Path] | None") -> Standing:
    context = context_of(job)
    made = _made(context)
    whole, hidden = [(0, plan.audio_ms)], context.hidden()
    silence, missing = correct.silence(hidden), _unheard(context)
    untold = _of_kind(made.stretches if made else (), "untranscribed")
    words, _, voices = made.engine.partition(" + ") if made else ("", "", "")
    standing = Standing(
        meeting=job.id,
        folder=readable(job.folder),
        state="to do" if plan.stage else "done",
        stage=plan.stage,
        why=plan.why,
        expected_s=plan.expected_s,
        audio_ms=plan.audio_ms,
        covered_ms=length(without(whole, [*missing, *silence, *untold])) if made else 0,
        uncovered_ms=length(untold),
        excluded_ms=length(within(_of_kind(hidden, "excluded"), whole)),
        masked_ms=length(within(_of_kind(hidden, "masked"), whole)),
        withheld_ms=length(within(_of_kind(hidden, "withheld"), whole)),
        due=tuple(
            f"{job.id}/{c.start_ms}-{c.end_ms}, since {c.until}: {c.reason}" for c in corrections.due(context.raw)
        ),
        partial_ms=length(within(without(missing, silence), whole)),
        coverage=made.coverage if made else None,
        words=words,
        voices=voices,
        captions_only=not context.meeting.media,
        n_bytes=size_of(context.made),
    )
    if not plan.stage:
        return standing
    if any(locks.holder(context.made / "locks" / name) for name in NAMES):
        return msgspec.structs.replace(standing, state="running")
    if failure is None or failure[0].stage not in ("", plan.stage):
        return standing
    event, log = failure
    if changed := _changed_since(layout, job, event):
        return msgspec.structs.replace(standing, why=f"it failed before, and {changed} has changed since")
    return msgspec.structs.replace(
        standing,
        state="failed",
        what=event.message,
        where=event.where,
        fix=event.fix,
        failed_at=event.at,
        log=str(log),
    )


def _broken(layout: Layout, outcome: Outcome) -> Standing:
    """A meeting of which nothing can be said before it is put right."""
    return Standing(
        meeting=outcome.meeting,
        folder=outcome.folder,
        state="failed",
        what=outcome.what,
        where=outcome.where,
        fix=outcome.fix,
        n_bytes=size_of(layout.made(outcome.meeting)),
    )


def _made(context: Context) -> _Made | None:
    for stage, name in (("transcript", "transcript.json"), ("words", "words.json")):
        if receipts.receipt_path(context.made, stage).exists():
            try:
                return msgspec.json.decode((context.made / name).read_bytes(), type=_Made)
            except (OSError, msgspec.MsgspecError):
                continue  # then it is made again, which is what the plan says
    return None


def _unheard(context: Context) -> Ranges:
    try:
        return list(hear.unheard(context).ranges)
    except Unreadable:
        return []  # made again, too


def _of_kind(stretches: Iterable[Stretch], kind: str) -> Ranges:
    return joined((s.start_ms, s.end_ms) for s in stretches if s.kind == kind)


def _engines(makes: Literal["words", "voices"], found: Sequence[Standing]) -> list[Engine]:
    of: Callable[[Standing], str] = (lambda s: s.words) if makes == "words" else (lambda s: s.voices)
    count = Counter(of(s) for s in found if of(s))
    return [Engine(makes=makes, fingerprint=f, n_meetings=n) for f, n in count.most_common()]


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder; links count for nothing, and what cannot be read neither."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                stat = os.lstat(os.path.join(parent, name))  # noqa: PTH118 - thousands of files
            except OSError:
                continue
            total += stat.st_size
    return total


# -- failures of earlier runs ---------------------------------------------------------------------


def last_failures(runs: Path, meetings: Collection[str]) -> dict[str, tuple[Event, Path]]:
    """Of these meetings, those for which the newest run that came to them ended in failure: its event and its log."""
    found: dict[str, tuple[Event, Path]] = {}
    left, n_bytes = set(meetings), 0
    for log in sorted(runs.glob("*.jsonl"), reverse=True):
        if not left or n_bytes > LOG_BYTES:
            break
        last: dict[str, Event] = {}
        for event in read_log(log):
            if event.meeting in left and event.what in ("start", "done", "fresh", "failed"):
                last[event.meeting] = event
        n_bytes += log.stat().st_size
        left -= last.keys()
        found |= {id: (event, log) for id, event in last.items() if event.what == "failed"}
    return found


def read_log(path: Path) -> Iterable[Event]:
    """The events of a run, in order. A line that was cut short by a kill, or is none of ours, is passed over."""
    try:
        with path.open("rb") as lines:
            for line in lines:
                try:
                    yield msgspec.json.decode(line, type=Event)
                except (msgspec.MsgspecError, RecursionError):
                    continue
    except OSError:
        return


def _changed_since(layout: Layout, job: Job, event: Event) -> str:
    """What of a meeting changed after it failed: a file's name, or nothing. Times of files that were moved here are
    old, but the time at which the folder's entry changed is not."""
    then_s = datetime.fromisoformat(event.at).timestamp()
    raw = layout.raw / job.folder
    looked_at = [(raw, "its folder"), *((p, p.name) for p in (layout.codebook, layout.taggers, layout.coded))]
    if event.stage in ("words", "turns", ""):
        looked_at.append((models.folder(), "the folder of models"))
    looked_at = [*((p, readable(p.name)) for p in sorted(raw.iterdir())), *looked_at]
    for path, name in looked_at:
        try:
            stat = path.stat()
        except OSError:
            continue
        if max(stat.st_mtime, stat.st_ctime) > then_s:
            return name
    return ""


# -- what is left of meetings that are gone -------------------------------------------------------


def leftovers(layout: Layout, ids: Collection[str]) -> Iterable[Leftover]:
    """Meetings that were made or indexed and have no folder in `raw` any more. `ids` are those that have one."""
    held = indexed(layout)
    folders = {id: folder for folder, id in read_ids(layout).items()}
    made = {p.name for p in layout.processed.iterdir() if p.is_dir()} if layout.processed.is_dir() else set()
    for id in sorted(filter(is_id, (made | held | in_trash(layout)) - set(ids))):
        yield Leftover(
            meeting=id,
            folder=folders.get(id, ""),
            n_bytes=sum(map(size_of, (layout.made(id), *trash_of(layout, id)))),
            indexed=id in held,
        )

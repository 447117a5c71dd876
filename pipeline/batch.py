"""Run the stages of many meetings: each once only, in order, several at a time, one failure never stopping the rest.

`work` is what a worker does for one meeting; `run` hands meetings to workers and keeps the index, which has one
writer. Everything is found again after a kill: a stage without a receipt is simply not done.
"""

import contextlib
import functools
import time
import traceback
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Literal

import msgspec

from analyse.codebook import Codebook
from pipeline import meetings, receipts
from pipeline.context import Context
from pipeline.corrections import FILE as CORRECTIONS
from pipeline.events import Event, Sink, now
from pipeline.hear import ignored
from pipeline.index import INDEX
from pipeline.meetings import Layout
from pipeline.receipts import FileState
from pipeline.stages import STAGES, Stage
from pipeline.workers import STALL_S, Inline, Processes, Workers
from transcribe import engines, locks
from transcribe.problem import BUG, SOME_FAILED, Problem, Starved
from transcribe.ranges import without
from transcribe.records import Record, Unreadable

ALL_STAGES = (*STAGES, INDEX)
NAMES = tuple(s.name for s in ALL_STAGES)
LISTENING = ("playable", "words", "turns")  # what reads a meeting's media
HEARING = ("audio-*", "excerpt-*", "words-*")  # what they keep in the scratch folder
ASK_AGAIN_S = 1.0  # for meetings that other runs hold


class Job(Record):
    """What a worker must know to take a meeting through the stages."""

    root: Path
    folder: str
    id: str
    asr: engines.Choice
    diariser: engines.Choice
    codebook: Codebook
    through: str = "index"
    upgrade: bool = False
    verify: bool = False
    only: tuple[int, int] | None = None
    n_threads: int = 0


class StageRun(Record):
    stage: str
    wall_s: float
    audio_ms: int


class Outcome(Record):
    """How a meeting went. `ran` are the stages that did something; `starved` means for want of memory."""

    meeting: str
    folder: str
    status: Literal["done", "fresh", "failed", "busy"]
    ran: tuple[StageRun, ...] = ()
    stage: str = ""  # where it failed or is busy
    what: str = ""
    where: str = ""
    fix: str = ""
    exit_code: int = 0
    starved: bool = False


def failed(meeting: str, folder: str, problem: Problem, *, stage: str = "", ran: tuple[StageRun, ...] = ()) -> Outcome:
    return Outcome(
        meeting=meeting,
        folder=meetings.readable(folder),
        status="failed",
        ran=ran,
        stage=stage,
        what=meetings.readable(problem.what),
        where=meetings.readable(problem.where),
        fix=problem.fix,
        exit_code=problem.exit_code,
        starved=isinstance(problem, Starved),
    )


# -- one meeting ----------------------------------------------------------------------------------


def context_of(job: Job) -> Context:
    layout = Layout(root=job.root)
    return Context(
        layout=layout,
        meeting=meetings.read_meeting(layout.raw / job.folder, job.id),
        asr=job.asr,
        diariser=job.diariser,
        codebook=job.codebook,
        upgrade=job.upgrade,
        only=job.only,
        n_threads=job.n_threads,
    )


def why(context: Context, stage: Stage, *, verify: bool = False) -> str:
    """Why a stage would run now, or nothing. Stages before it must be finished."""
    choice = {"words": context.asr, "turns": context.diariser}.get(stage.name)
    ignore = ignored(choice, upgrade=context.upgrade) if choice else ()
    difference = receipts.first_difference(
        context.made,
        receipts.read(context.made, stage.name),
        version=stage.version,
        params=stage.params(context),
        inputs=stage.inputs(context),
        ignore=frozenset(ignore),
        verify=verify,
    )
    return difference or stage.lost(context)


def make(context: Context, stage: Stage, sink: Sink, *, verify: bool = False) -> StageRun | None:
    """Bring one stage up to date; None when it was. Raises Busy where another run is at it, Problem where it fails."""
    if stage.name != NAMES[0] and receipts.read(context.made, NAMES[0]) is None:
        raise locks.Busy("this meeting was taken out meanwhile")  # it begins anew if its recording is there
    if not why(context, stage, verify=verify):
        return None
    with locks.hold(context.made / "locks" / stage.name) as lock:
        reason = why(context, stage, verify=verify)
        if not reason:
            return None  # another run finished it while we asked for the lock
        paths = stage.inputs(context)
        _check_made(context, stage, paths)
        id = context.meeting.id
        sink(Event(at=now(), meeting=id, what="start", stage=stage.name, message=reason))
        context.scratch.mkdir(parents=True, exist_ok=True)
        known = receipts.read(context.made, stage.name)
        inputs = {n: receipts.state_of(p, known.inputs.get(n) if known else None) for n, p in paths.items()}
        context = msgspec.structs.replace(context, verify=True, inputs=inputs)
        version, params = stage.version, stage.params(context)
        began = time.monotonic()

        heard_ms = 0  # of what was listened to, where the stage is one that listens

        def progress(done_ms: int, total_ms: int) -> None:
            nonlocal heard_ms
            heard_ms = total_ms
            sink(Event(at=now(), meeting=id, what="progress", stage=stage.name, done_ms=done_ms, total_ms=total_ms))

        names = stage.make(context, progress)
        read = {paths[n]: state for n, state in inputs.items()}
        if stage.name in LISTENING:
            read |= _media(context)
        _check_unchanged(context, read, names)
        if not lock.still_ours():
            raise locks.Busy(f"{stage.name} was taken over by another run")
        if stage.name == "playable" and stage.params(context) != params:
            _tidy(context.scratch, *HEARING, *names)
            raise locks.Busy("somebody hid something, or no longer does, while the copy was made")
        _put_in_place(context, stage, names, set(known.outputs if known else ()) - set(names))
        audio_ms = heard_ms if stage.name in ("words", "turns") else audio_ms_of(context)
        ran = StageRun(stage=stage.name, wall_s=round(time.monotonic() - began, 3), audio_ms=audio_ms)
        receipts.write(
            context.made,
            receipts.Receipt(
                stage=stage.name,
                version=version,
                params=msgspec.to_builtins(params),
                inputs=inputs,
                outputs={n: receipts.state_of(context.made / n) for n in names},
                audio_ms=ran.audio_ms,
                wall_s=ran.wall_s,
                finished=now(),
            ),
        )
        if stage.name == "words":
            _tidy(context.scratch, "words-*")
        for note in stage.notes(context):
            sink(Event(at=now(), meeting=id, what="note", stage=stage.name, message=note))
        sink(Event(at=now(), meeting=id, what="done", stage=stage.name, wall_s=ran.wall_s))
        return ran


def _check_made(context: Context, stage: Stage, paths: Mapping[str, Path]) -> None:
    """Raise Unreadable where what an earlier stage made, and this one is about to read, is not what was written."""
    written = {
        context.made / name: state.sha256
        for earlier in ALL_STAGES[: NAMES.index(stage.name)]
        if (receipt := receipts.read(context.made, earlier.name))
        for name, state in receipt.outputs.items()
    }
    for path in {*paths.values(), context.made / "recording.json", context.made / "unheard.json"} & written.keys():
        if not path.is_file() or receipts.state_of(path).sha256 != written[path]:
            raise Unreadable("this file is not what was written", where=path, fix="make it again with `onrecord run`")


def _media(context: Context) -> dict[Path, FileState]:
    """A meeting's media as they were when they were probed."""
    probed = receipts.read(context.made, "probe")
    return {context.raw / n.removeprefix("raw/"): s for n, s in probed.inputs.items()} if probed else {}


def _check_unchanged(context: Context, read: Mapping[Path, FileState], names: Sequence[str]) -> None:
    """Throw away what was made where a file is not what it was when it was hashed: nobody knows what of it has been
    read. Raises Problem; or Busy where it may be tried again at once."""
    for path, state in read.items():
        if receipts.state_of(path, state).sha256 != state.sha256:
            _tidy(context.scratch, *HEARING, *names)
            if path.parent == context.made or path.name == CORRECTIONS:
                raise locks.Busy(f"{path.name} was changed meanwhile, by another run or somebody's correction")
            raise Problem(
                "this file was changed while it was being read",
                where=path,
                fix="run again when nothing writes to it any more",
                exit_code=SOME_FAILED,
            )


def _put_in_place(context: Context, stage: Stage, names: Sequence[str], gone: Collection[str]) -> None:
    """Move outputs out of the scratch folder. All is on the disk before a receipt can vouch for it, and no old receipt
    vouches for outputs of which some are new."""
    for name in names:
        receipts.to_disk(context.scratch / name)
    receipts.receipt_path(context.made, stage.name).unlink(missing_ok=True)
    for name in names:
        (context.scratch / name).replace(context.made / name)
    for name in gone:
        (context.made / name).unlink(missing_ok=True)
    receipts.to_disk(context.made)


def _withdraw(context: Context, unreadable: Unreadable, withdrawn: set[str]) -> bool:
    """Make the receipt of the stage that made an unreadable file vouch for nothing, so that it is made again: once, and
    where it is unreadable all the same, never again. Raises Busy where another run is at that stage."""
    path = Path(unreadable.where)
    for stage in ALL_STAGES:
        receipt = receipts.read(context.made, stage.name)
        if path.parent == context.made and receipt and path.name in receipt.outputs and stage.name not in withdrawn:
            with locks.hold(context.made / "locks" / stage.name):
                receipts.void(context.made, receipt)
            withdrawn.add(stage.name)
            return True
    return False


def conceal(context: Context, sink: Sink) -> list[StageRun]:
    """Take what was hidden since the transcript was made out of all that is shown, before anything else is tried: the
    copy that people listen to goes, and transcript to index are made again from the words at hand."""
    shown = receipts.read(context.made, "transcript")
    if shown is None or not (context.made / "transcript.json").is_file():
        return []
    before = [(s["start_ms"], s["end_ms"]) for s in shown.params.get("silence", ())]
    if not without(context.silence(), before):
        return []
    silence_at_once(context)
    ran: list[StageRun] = []
    with contextlib.suppress(Unreadable):  # words that are damaged are made again first, without what is hidden
        ran.extend(filter(None, (make(context, stage, sink) for stage in ALL_STAGES[NAMES.index("transcript") :])))
    return ran


def silence_at_once(context: Context) -> None:
    """Delete the copy that people listen to, and what a run that was killed left in the scratch folder."""
    for path in context.made.glob("playable.*"):
        path.unlink(missing_ok=True)
    with contextlib.suppress(locks.Busy), contextlib.ExitStack() as held:  # a run that is at it tidies up itself
        for stage in LISTENING:
            held.enter_context(locks.hold(context.made / "locks" / stage))
        _tidy(context.scratch)


def audio_ms_of(context: Context) -> int:
    try:
        return context.recording().duration_ms
    except (OSError, Problem):
        return 0


def up_to(through: str) -> Iterator[Stage]:
    for stage in ALL_STAGES:
        yield stage
        if stage.name == through:
            return


def work(job: Job, sink: Sink) -> Outcome:
    """Take one meeting through its stages up to the index, which the caller keeps. Bad input and bugs are outcomes."""
    ran: list[StageRun] = []
    withdrawn: set[str] = set()
    at = "meeting.toml"

    def bring_up_to_date() -> None:
        nonlocal at
        context = context_of(job)
        try:
            ran.extend(conceal(context, sink))
            for stage in up_to(job.through):
                if stage is INDEX:
                    break
                at = stage.name
                if done := make(context, stage, sink, verify=job.verify):
                    ran.append(done)
        except Unreadable as e:
            if not _withdraw(context, e, withdrawn):
                raise
            sink(Event(at=now(), meeting=job.id, what="note", stage=at, message=e.what, where=e.where))
            bring_up_to_date()
            return
        if job.through not in NAMES[: NAMES.index("turns")]:
            _tidy(context.scratch)

    try:
        bring_up_to_date()
        return _outcome(job, "done" if ran else "fresh", ran=tuple(ran))
    except locks.Busy as e:
        return _outcome(job, "busy", ran=tuple(ran), stage=at, what=str(e))
    except Problem as e:
        problem = e
    except Exception as e:
        sink(Event(at=now(), meeting=job.id, what="note", stage=at, message=repr(e), trace=traceback.format_exc()))
        problem = as_problem(e, Layout(root=job.root).made(job.id), at)
    if not (raw := Layout(root=job.root).raw / job.folder).exists():
        _leave_no_husk(Layout(root=job.root).made(job.id))
        problem = Problem(
            "this meeting was taken out while a run was at it",
            where=raw,
            fix="put its folder back if that was not meant",
            exit_code=SOME_FAILED,
        )
    return failed(job.id, job.folder, problem, stage=at, ran=tuple(ran))


def _leave_no_husk(made: Path) -> None:
    """Remove the empty folders that a run has made since its meeting was taken out."""
    for folder in (made / "scratch", made / "locks", made):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _outcome(job: Job, status: Literal["done", "fresh", "busy"], **more: Any) -> Outcome:
    return Outcome(meeting=job.id, folder=meetings.readable(job.folder), status=status, **more)


def _tidy(scratch: Path, *patterns: str) -> None:
    """Remove what these name (else what was kept for the stages that listen), and no more: another run may be writing
    its quotes there."""
    for pattern in patterns or HEARING:
        for path in scratch.glob(pattern):
            path.unlink(missing_ok=True)


def as_problem(error: Exception, where: Path, stage: str) -> Problem:
    """What to tell people about an error that nobody foresaw, in a stage of the meeting at `where`."""
    if isinstance(error, OSError) and error.errno is not None:
        return Problem(
            f"{stage} could not read or write: {error.strerror}",
            where=str(error.filename or where),
            fix="check rights and free space there, then run again",
        )
    if isinstance(error, MemoryError):
        return Starved(
            f"{stage} ran out of memory",
            where=where,
            fix="run again with --jobs 1 or a smaller model; what was finished is kept",
            exit_code=SOME_FAILED,
        )
    return Problem(
        f"a bug in onrecord, in {stage}: {error!r}",
        where=where,
        fix="please report it with the run's log, which holds the details",
        exit_code=BUG,
    )


# -- many meetings --------------------------------------------------------------------------------


def run(
    jobs: Sequence[Job], sink: Sink, *, n_workers: int, fresh: Collection[str] = (), stall_s: float = STALL_S
) -> list[Outcome]:
    """Every job's outcome, in their order. With `n_workers` 0 all is done in this process; meetings in `fresh`, which
    `plan` just found up to date, are given to nobody.

    A worker that dies (killed, or out of memory) takes its pool with it, and one whose meeting gives no sign of life
    for `stall_s` is killed. Meetings that were in flight are tried once more, each alone in a pool of its own, so that
    the one at fault is known by its failing again; the others go on in a new pool.
    """
    index = functools.partial(_index, sink=sink, withdrawn={})
    outcomes: dict[str, Outcome] = {}
    todo: deque[Job] = deque()
    for job in jobs:
        if job.id in fresh:
            outcomes[job.folder] = _told(_outcome(job, "fresh"), sink)
        else:
            todo.append(job)
    while todo and n_workers == 0:
        for job, outcome in _drain(Inline(work, sink), 1, todo, outcomes, index):
            outcomes[job.folder] = index(job, outcome)
    while todo:
        n = min(n_workers, len(todo))
        with Processes(n, work, sink, stall_s=stall_s) as pool:
            lost = _drain(pool, n, todo, outcomes, index)
        for job, outcome in lost:
            again = f"{outcome.what}; it is tried once more, alone"
            sink(Event(at=now(), meeting=job.id, what="note", stage=outcome.stage, message=again))
            with Processes(1, work, sink, stall_s=stall_s) as pool:
                for _, last in _drain(pool, 1, deque([job]), outcomes, index):
                    twice = msgspec.structs.replace(last, what=f"{last.what} (tried twice)")
                    outcomes[job.folder] = index(job, twice)
    return [outcomes[job.folder] for job in jobs]


def _drain(
    pool: Workers,
    n_workers: int,
    todo: deque[Job],
    outcomes: dict[str, Outcome],
    index: Callable[[Job, Outcome], Outcome],
) -> list[tuple[Job, Outcome]]:
    """Put jobs through a pool, no more of them in flight than it has workers. Those that were when it broke, and those
    that lacked memory, come back with what would have to be said of them; what had not been begun stays in `todo`.
    Meetings that other runs hold are asked for again."""
    in_flight: dict[Future[Outcome], Job] = {}
    lost: list[tuple[Job, Outcome]] = []
    ran: dict[str, tuple[StageRun, ...]] = {}  # by meetings that were busy later on
    n_busy = 0  # since anything else came back
    while in_flight or (todo and not lost):
        while todo and not lost and len(in_flight) < n_workers:
            if n_busy >= len(todo) + len(in_flight):
                time.sleep(ASK_AGAIN_S)  # others hold all that is left
                n_busy = 0
            try:
                in_flight[pool.submit(todo[0].id, todo[0])] = todo[0]
            except BrokenProcessPool:
                lost.append((todo[0], _died(todo[0], pool)))
            todo.popleft()
        for future in pool.finished(in_flight):
            job = in_flight.pop(future)
            try:
                outcome = future.result()
            except BrokenProcessPool:
                lost.append((job, _died(job, pool)))
                continue
            if outcome.starved:
                lost.append((job, outcome))
                continue
            outcome = index(job, outcome)
            if earlier := ran.pop(job.folder, ()):
                status = "done" if outcome.status == "fresh" else outcome.status
                outcome = msgspec.structs.replace(outcome, status=status, ran=(*earlier, *outcome.ran))
            if outcome.status == "busy":
                ran[job.folder] = outcome.ran
                todo.append(job)
                n_busy += 1
            else:
                outcomes[job.folder] = outcome
                n_busy = 0
    return lost


def _died(job: Job, pool: Workers) -> Outcome:
    if job.id in pool.silent:
        what = f"this meeting gave no sign of life for {pool.stall_s / 60:.0f} minutes, and its worker was ended"
        fix = "run again; if it comes back, name another engine, and please report it with the run's log"
    else:
        what = "the worker died at this meeting: it was killed, or the machine ran out of memory"
        fix = "run again with --jobs 1 or a smaller model; what was finished is kept"
    return failed(job.id, job.folder, Problem(what, where=job.folder, fix=fix, exit_code=SOME_FAILED))


def _index(job: Job, outcome: Outcome, sink: Sink, withdrawn: dict[str, set[str]]) -> Outcome:
    """Put a finished meeting into the index, here and now: the index has one writer. A meeting whose files turn out to
    be unreadable comes back as busy, to go through its stages again."""
    problem: Problem | None = None
    if outcome.status in ("done", "fresh") and job.through == INDEX.name:
        try:
            context = context_of(job)
            try:
                done = make(context, INDEX, sink, verify=job.verify)
            except Unreadable as e:
                if not _withdraw(context, e, withdrawn.setdefault(job.id, set())):
                    raise
                return msgspec.structs.replace(outcome, status="busy", stage=INDEX.name, what=e.what)
            if done:
                outcome = msgspec.structs.replace(outcome, status="done", ran=(*outcome.ran, done))
        except Problem as e:
            problem = e
        except locks.Busy as e:
            return msgspec.structs.replace(outcome, status="busy", stage=INDEX.name, what=str(e))
        except Exception as e:
            sink(Event(at=now(), meeting=job.id, what="note", message=repr(e), trace=traceback.format_exc()))
            problem = as_problem(e, Layout(root=job.root).made(job.id), INDEX.name)
    if problem:
        outcome = failed(job.id, job.folder, problem, stage=INDEX.name, ran=outcome.ran)
    return _told(outcome, sink)


def _told(outcome: Outcome, sink: Sink) -> Outcome:
    if outcome.status == "failed":
        sink(
            Event(
                at=now(),
                meeting=outcome.meeting,
                what="failed",
                stage=outcome.stage,
                message=outcome.what,
                where=outcome.where,
                fix=outcome.fix,
            )
        )
    elif outcome.status == "fresh":
        sink(Event(at=now(), meeting=outcome.meeting, what="fresh"))
    return outcome

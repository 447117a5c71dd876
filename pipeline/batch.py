"""Run the stages of many meetings: each once only, in order, several at a time, one failure never stopping the rest.

`work` is what a worker does for one meeting; `run` hands meetings to workers and keeps the index, which has one
writer. Everything is found again after a kill: a stage without a receipt is simply not done.
"""

import contextlib
import functools
import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any, Literal

import msgspec

from analyse.codebook import Codebook
from pipeline import meetings, receipts
from pipeline.events import Event, Sink, now
from pipeline.index import INDEX
from pipeline.meetings import Layout
from pipeline.stages import STAGES, Context, Stage
from transcribe import engines, locks
from transcribe.problem import BUG, SOME_FAILED, Problem
from transcribe.records import Record

ALL_STAGES = (*STAGES, INDEX)
NAMES = tuple(s.name for s in ALL_STAGES)
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
    n_threads: int = 0


class StageRun(Record):
    stage: str
    wall_s: float
    audio_ms: int


class Outcome(Record):
    """How a meeting went. `ran` are the stages that did something."""

    meeting: str
    folder: str
    status: Literal["done", "fresh", "failed", "busy"]
    ran: tuple[StageRun, ...] = ()
    stage: str = ""  # where it failed or is busy
    what: str = ""
    where: str = ""
    fix: str = ""
    exit_code: int = 0


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
        n_threads=job.n_threads,
    )


def why(context: Context, stage: Stage, *, verify: bool = False) -> str:
    """Why a stage would run now, or nothing. Stages before it must be finished."""
    choice = {"words": context.asr, "turns": context.diariser}.get(stage.name)
    # What `auto` takes today must not overwrite what a better engine wrote yesterday; nor is a meeting heard again
    # because a person was added to it, whose name would only help a little.
    ignore = {"engine", "vocabulary"} if choice and not choice.by_hand and not context.upgrade else set[str]()
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
    if not why(context, stage, verify=verify):
        return None
    with locks.hold(context.made / "locks" / stage.name) as lock:
        reason = why(context, stage, verify=verify)
        if not reason:
            return None  # another run finished it while we asked for the lock
        id = context.meeting.id
        sink(Event(at=now(), meeting=id, what="start", stage=stage.name, message=reason))
        context.scratch.mkdir(parents=True, exist_ok=True)
        version, params, paths = stage.version, stage.params(context), stage.inputs(context)
        known = receipts.read(context.made, stage.name)
        inputs = {n: receipts.state_of(p, known.inputs.get(n) if known else None) for n, p in paths.items()}
        began = time.monotonic()

        def progress(done_ms: int, total_ms: int) -> None:
            sink(Event(at=now(), meeting=id, what="progress", stage=stage.name, done_ms=done_ms, total_ms=total_ms))

        names = stage.make(context, progress)
        if not lock.still_ours():
            raise locks.Busy(f"{stage.name} was taken over by another run")
        # An old receipt must not vouch for outputs of which some are new.
        receipts.receipt_path(context.made, stage.name).unlink(missing_ok=True)
        for name in names:
            (context.scratch / name).replace(context.made / name)
        for gone in set(known.outputs if known else ()) - set(names):
            (context.made / gone).unlink(missing_ok=True)
        ran = StageRun(stage=stage.name, wall_s=round(time.monotonic() - began, 3), audio_ms=audio_ms_of(context))
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
        for note in stage.notes(context):
            sink(Event(at=now(), meeting=id, what="note", stage=stage.name, message=note))
        sink(Event(at=now(), meeting=id, what="done", stage=stage.name, wall_s=ran.wall_s))
        return ran


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
    at = "meeting.toml"

    try:
        context = context_of(job)
        for stage in up_to(job.through):
            if stage is INDEX:
                break
            at = stage.name
            if done := make(context, stage, sink, verify=job.verify):
                ran.append(done)
        if job.through not in NAMES[: NAMES.index("turns")]:
            _tidy(context.scratch)
        return _outcome(job, "done" if ran else "fresh", ran=tuple(ran))
    except locks.Busy as e:
        return _outcome(job, "busy", ran=tuple(ran), stage=at, what=str(e))
    except Problem as e:
        problem = e
    except Exception as e:
        sink(Event(at=now(), meeting=job.id, what="note", stage=at, message=repr(e), trace=traceback.format_exc()))
        problem = as_problem(e, Path(job.folder), at)
    return failed(job.id, job.folder, problem, stage=at, ran=tuple(ran))


def _outcome(job: Job, status: Literal["done", "fresh", "busy"], **more: Any) -> Outcome:
    return Outcome(meeting=job.id, folder=meetings.readable(job.folder), status=status, **more)


def _tidy(scratch: Path) -> None:
    """Remove what was kept for the stages that listen, and no more: another run may be writing its quotes there."""
    for pattern in ("audio-*", "words-*"):
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
        return Problem(f"{stage} ran out of memory", where=where, fix="run again with --jobs 1 or a smaller model")
    return Problem(
        f"a bug in onrecord, in {stage}: {error!r}",
        where=where,
        fix="please report it with the run's log, which holds the details",
        exit_code=BUG,
    )


# -- many meetings --------------------------------------------------------------------------------

_events: "Queue[Event] | None" = None


def _start_worker(events: "Queue[Event]") -> None:
    """A worker leaves Ctrl-C to its parent, and does not outlive it."""
    global _events
    _events = events
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _work_in_process(job: Job) -> Outcome:
    assert _events is not None
    put = _events.put
    return work(job, lambda event: put(event))


class Inline(Executor):
    """The same seam without processes, for tests and for debugging."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def run(jobs: Sequence[Job], sink: Sink, *, n_workers: int, fresh: Collection[str] = ()) -> list[Outcome]:
    """Every job's outcome, in their order. With `n_workers` 0 all is done in this process; meetings in `fresh`, which
    `plan` just found up to date, are given to nobody.

    A worker that dies (killed, or out of memory) takes its pool with it. Meetings that were in flight are tried once
    more, each alone in a pool of its own, so that the one at fault is known by its failing again; the others go on
    in a new pool.
    """
    index = functools.partial(_index, sink=sink)
    outcomes: dict[str, Outcome] = {}
    todo: deque[Job] = deque()
    for job in jobs:
        if job.id in fresh:
            outcomes[job.folder] = _told(_outcome(job, "fresh"), sink)
        else:
            todo.append(job)
    if n_workers == 0:
        _drain(Inline(), functools.partial(work, sink=sink), 1, todo, outcomes, index)
    while todo:
        for job in _drain_in_pool(min(n_workers, len(todo)), todo, outcomes, index, sink):
            if _drain_in_pool(1, deque([job]), outcomes, index, sink):
                died = Problem(
                    "the worker died twice at this meeting: it was killed, or the machine ran out of memory",
                    where=job.folder,
                    fix="run again with --jobs 1 or a smaller model; what was finished is kept",
                    exit_code=SOME_FAILED,
                )
                outcomes[job.folder] = index(job, failed(job.id, job.folder, died))
    return [outcomes[job.folder] for job in jobs]


def _drain_in_pool(
    n_workers: int, todo: deque[Job], outcomes: dict[str, Outcome], index: Callable[[Job, Outcome], Outcome], sink: Sink
) -> list[Job]:
    """`_drain` with processes, and with a queue of events of their own: whoever is killed while it writes leaves it
    locked for ever."""
    spawn = get_context("spawn")
    events: Queue[Event] = spawn.Queue()
    listener = threading.Thread(target=_listen, args=(events, sink), daemon=True)
    listener.start()
    pool = ProcessPoolExecutor(n_workers, mp_context=spawn, initializer=_start_worker, initargs=(events,))
    try:
        return _drain(pool, _work_in_process, n_workers, todo, outcomes, index)
    except KeyboardInterrupt:
        for process in list((pool._processes or {}).values()):
            process.kill()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        events.put(Event(at=now(), meeting="", what="end"))
        listener.join(timeout=5)
        events.cancel_join_thread()


def _drain(
    pool: Executor,
    do: Callable[[Job], Outcome],
    n_workers: int,
    todo: deque[Job],
    outcomes: dict[str, Outcome],
    index: Callable[[Job, Outcome], Outcome],
) -> list[Job]:
    """Put jobs through a pool, no more of them in flight than it has workers; those that were when it broke come
    back, and what had not been begun stays in `todo`. Meetings that other runs hold are asked for again."""
    in_flight: dict[Future[Outcome], Job] = {}
    crashed: list[Job] = []
    ran: dict[str, tuple[StageRun, ...]] = {}  # by meetings that were busy later on
    n_busy = 0  # since anything else came back
    while in_flight or (todo and not crashed):
        while todo and not crashed and len(in_flight) < n_workers:
            if n_busy >= len(todo) + len(in_flight):
                time.sleep(ASK_AGAIN_S)  # others hold all that is left
                n_busy = 0
            try:
                with _interrupts_held():
                    future = pool.submit(do, todo[0])
            except BrokenProcessPool:
                crashed.append(todo.popleft())
                break
            in_flight[future] = todo.popleft()
        finished, _ = wait(in_flight, return_when=FIRST_COMPLETED)
        for future in finished:
            job = in_flight.pop(future)
            try:
                outcome = index(job, future.result())
            except BrokenProcessPool:
                crashed.append(job)
                continue
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
    return crashed


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """A process begun in here never sees Ctrl-C, not even before it can say so; here it comes a moment later."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _listen(events: "Queue[Event]", sink: Sink) -> None:
    while (event := events.get()).what != "end":
        sink(event)


def _index(job: Job, outcome: Outcome, sink: Sink) -> Outcome:
    """Put a finished meeting into the index, here and now: the index has one writer."""
    problem: Problem | None = None
    if outcome.status in ("done", "fresh") and job.through == INDEX.name:
        try:
            if done := make(context_of(job), INDEX, sink, verify=job.verify):
                outcome = msgspec.structs.replace(outcome, status="done", ran=(*outcome.ran, done))
        except Problem as e:
            problem = e
        except locks.Busy as e:
            return msgspec.structs.replace(outcome, status="busy", stage=INDEX.name, what=str(e))
        except Exception as e:
            sink(Event(at=now(), meeting=job.id, what="note", message=repr(e), trace=traceback.format_exc()))
            problem = as_problem(e, Path(job.folder), INDEX.name)
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

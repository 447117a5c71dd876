"""Many meetings through their stages, several at a time, one failure never stopping the rest.

Meetings are handed to workers; the index is kept here, since it has one writer.
"""

import functools
import time
import traceback
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import msgspec

from pipeline.events import Event, Sink, now
from pipeline.index import INDEX
from pipeline.meetings import Layout
from pipeline.work import Job, Outcome, StageRun, as_problem, context_of, failed, make, outcome_of, withdraw, work
from pipeline.workers import STALL_S, Inline, Processes, Workers
from transcribe import locks
from transcribe.documents import Unreadable
from transcribe.problem import SOME_FAILED, Problem

ASK_AGAIN_S = 1.0  # for meetings that other runs hold


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
            outcomes[job.folder] = _told(outcome_of(job, "fresh"), sink)
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
                if not withdraw(context, e, withdrawn.setdefault(job.id, set())):
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

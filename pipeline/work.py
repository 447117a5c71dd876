"""One meeting through its stages: which of them must run, in which order, each once only, and nothing half done.

`work` is what a worker does for one meeting. Everything is found again after a kill: a stage without a receipt is
simply not done.
"""

import contextlib
import time
import traceback
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from analyse import taggers
from analyse.codebook import Codebook
from pipeline import corrections, hidden, meeting_toml, meetings, purge, receipts
from pipeline.context import Context
from pipeline.corrections import FILE as CORRECTIONS
from pipeline.events import Event, Sink, now
from pipeline.hear import ignored
from pipeline.index import INDEX
from pipeline.meetings import Layout
from pipeline.receipts import FileState
from pipeline.stages import STAGES, Stage
from transcribe import engines, locks
from transcribe.documents import Unreadable
from transcribe.problem import BUG, SOME_FAILED, Problem, Starved
from transcribe.records import Record

ALL_STAGES = (*STAGES, INDEX)
NAMES = tuple(s.name for s in ALL_STAGES)
LISTENING = ("playable", "words", "turns")  # what reads a meeting's media
HEARING = ("audio-*", "excerpt-*", "words-*")  # what they keep in the scratch folder


class Job(Record):
    """What a worker must know to take a meeting through the stages."""

    root: Path
    folder: str
    id: str
    asr: engines.Choice
    diariser: engines.Choice
    codebook: Codebook
    tagger: taggers.Choice = taggers.RULES
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


def context_of(job: Job) -> Context:
    layout = Layout(root=job.root)
    return Context(
        layout=layout,
        meeting=meeting_toml.read_meeting(layout.raw / job.folder, job.id),
        asr=job.asr,
        diariser=job.diariser,
        codebook=job.codebook,
        tagger=job.tagger,
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


def withdraw(context: Context, unreadable: Unreadable, withdrawn: set[str]) -> bool:
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
    if not hidden.still_shown(shown, context.silence()):
        return []
    with corrections.held(context.made):
        purge.forget_wording(context)
    silence_at_once(context)
    for path in purge.forget_outputs(context):
        note = "this file still holds what is hidden now: delete it, or make it again"
        sink(Event(at=now(), meeting=context.meeting.id, what="note", message=note, where=path))
    ran: list[StageRun] = []
    with contextlib.suppress(Unreadable):  # words that are damaged are made again first, without what is hidden
        ran.extend(filter(None, (make(context, stage, sink) for stage in ALL_STAGES[NAMES.index("transcript") :])))
        purge.forget_rows(context)
        for line in purge.publish_again(context):
            sink(Event(at=now(), meeting=context.meeting.id, what="note", message=line))
    return ran


def silence_at_once(context: Context) -> None:
    """Delete the copy that people listen to, and what a run that was killed left in the scratch folder."""
    for path in context.made.glob("playable.*"):
        path.unlink(missing_ok=True)
    with contextlib.suppress(locks.Busy), contextlib.ExitStack() as held:  # a run that is at it tidies up itself
        for stage in LISTENING:
            held.enter_context(locks.hold(context.made / "locks" / stage))
        _tidy(context.scratch, *HEARING, "playable.*")


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
            if not withdraw(context, e, withdrawn):
                raise
            sink(Event(at=now(), meeting=job.id, what="note", stage=at, message=e.what, where=e.where))
            bring_up_to_date()
            return
        if job.through not in NAMES[: NAMES.index("turns")]:
            _tidy(context.scratch)

    try:
        bring_up_to_date()
        return outcome_of(job, "done" if ran else "fresh", ran=tuple(ran))
    except locks.Busy as e:
        return outcome_of(job, "busy", ran=tuple(ran), stage=at, what=str(e))
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


def outcome_of(job: Job, status: Literal["done", "fresh", "busy"], **more: Any) -> Outcome:
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

"""What people see in a terminal: progress of a run, its summary, quotes, times."""

import sys
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from pipeline.events import Event
from search.cite import timecode

if TYPE_CHECKING:
    from pipeline.plan import Plan
    from pipeline.work import Outcome

PLAIN_EVERY_S = 10.0


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise  # the BrokenPipeError, which is no error of ours and no exit code 1


out = _Console(highlight=False, markup=False, soft_wrap=True)
err = _Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def span(seconds: float) -> str:
    """A length of time in words.

    >>> span(0.42), span(75), span(7300)
    ('0.4 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = int(seconds // 60)
    return f"{minutes} min {int(seconds % 60)} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def n_of(n: int, what: str) -> str:
    """
    >>> n_of(1, "meeting"), n_of(1200, "meeting")
    ('1 meeting', '1,200 meetings')
    """
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def printable(text: str) -> str:
    """Text from outside without what would steer a terminal: control characters, and marks that turn writing round."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


class Live:
    """Shows a run's events: bars on a terminal, plain lines elsewhere. Everything goes to stderr."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._tty = err.is_terminal and not quiet
        self._bars = Progress(
            TextColumn("{task.fields[meeting]}", style="bold"),
            TextColumn("{task.fields[stage]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[done]}"),
            TimeElapsedColumn(),
            console=err,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._told: dict[str, float] = {}

    def __enter__(self) -> Self:
        if self._tty:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._tty:
            self._bars.stop()

    def __call__(self, event: Event) -> None:
        if self._quiet:
            return
        name = printable(event.meeting)
        if event.what == "start" and self._tty:
            self._close(event.meeting)
            self._tasks[event.meeting] = self._bars.add_task("", total=None, meeting=name, stage=event.stage, done="")
        elif event.what == "progress":
            self._progress(event, name)
        elif event.what == "done":
            self._close(event.meeting)
            err.print(Text(f"{name}  {event.stage:<10} {span(event.wall_s)}"))
        elif event.what == "fresh":
            err.print(Text(f"{name}  up to date"))
        elif event.what == "failed":
            self._close(event.meeting)
            err.print(Text(f"{name}  failed{' at ' + event.stage if event.stage else ''}", style="red"))
        elif event.what == "note" and not event.trace:
            err.print(Text(f"{name + '  ' if name else ''}{printable(event.message)}"))

    def _progress(self, event: Event, name: str) -> None:
        done = f"{timecode(event.done_ms)} of {timecode(event.total_ms)}"
        if self._tty:
            if event.meeting in self._tasks:
                self._bars.update(self._tasks[event.meeting], completed=event.done_ms, total=event.total_ms, done=done)
        elif time.monotonic() - self._told.get(event.meeting, 0.0) >= PLAIN_EVERY_S:
            self._told[event.meeting] = time.monotonic()
            err.print(Text(f"{name}  {event.stage:<10} {done}"))

    def _close(self, meeting: str) -> None:
        if meeting in self._tasks:
            self._bars.remove_task(self._tasks.pop(meeting))


def print_problem(what: str, where: str = "", fix: str = "") -> None:
    err.print(Text.assemble(("error: ", "bold red"), printable(what)))
    if where:
        err.print(Text(f"  where: {printable(where)}"))
    if fix:
        err.print(Text(f"  fix:   {printable(fix)}"))


def print_summary(outcomes: Sequence["Outcome"], wall_s: float, log: str) -> None:
    """What became of each meeting, worst last so that it stays on the screen."""
    for outcome in outcomes:
        if outcome.status == "failed":
            print_problem(f"{outcome.meeting}: {outcome.what}", outcome.where, outcome.fix)
    count = {s: sum(o.status == s for o in outcomes) for s in ("done", "fresh", "failed")}
    audio_ms = sum(max((r.audio_ms for r in o.ran), default=0) for o in outcomes)
    parts = [f"{count['done']} done", f"{count['fresh']} up to date", f"{count['failed']} failed"]
    listened = f", {timecode(audio_ms)} of recordings" if audio_ms else ""
    err.print(Text(f"{n_of(len(outcomes), 'meeting')}: {', '.join(parts)}{listened}, in {span(wall_s)}. Log: {log}"))


def stages_of(first: str, last: str) -> str:
    """
    >>> stages_of("words", "index"), stages_of("words", "words")
    ('words to index', 'words')
    """
    return first if first == last else f"{first} to {last}"


def print_plan(plans: Iterable["Plan"], failed: Sequence["Outcome"]) -> None:
    plans = list(plans)
    for plan in plans:
        what = f"{stages_of(plan.stage, plan.through)}: {plan.why}" if plan.stage else "up to date"
        out.print(Text(f"{printable(plan.meeting)}  {timecode(plan.audio_ms)}  {printable(what)}"))
    for outcome in failed:
        print_problem(f"{outcome.meeting}: {outcome.what}", outcome.where, outcome.fix)
    todo = [p for p in plans if p.stage]
    told = [f"would run {len(todo):,} of {n_of(len(plans) + len(failed), 'meeting')}"]
    if todo:
        expected = [p.expected_s for p in todo if p.expected_s is not None]
        known = len(expected) == len(todo)
        told[0] += f", {timecode(sum(p.audio_ms for p in todo))} of recordings"
        told.append(f"about {span(sum(expected))} of work" if known else "no earlier run tells how long")
        told.append(f"at most {sum(p.needed_bytes for p in todo) / 1e6:.0f} MB of disk for a while")
    if failed:
        told.append(f"{len(failed):,} {'has an error' if len(failed) == 1 else 'have errors'}: see above")
    out.print(Text("; ".join(told)))


def to_json(value: object) -> None:
    """A result as JSON on stdout, for programs."""
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")

"""What `onrecord add` and `onrecord check` show."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from pipeline.check import Finding
from pipeline.gather import PassedOver
from pipeline.meetings import Layout, few, readable, size
from pipeline.propose import NewMeeting, Proposal
from pipeline.show import err, n_of, out, print_problem, printable
from search.cite import timecode
from transcribe.problem import Problem

_LABELS = {"title": "title", "body": "body", "held_on": "date", "source_url": "link"}
_OPTIONS = {"title": "--title", "body": "--body", "held_on": "--date", "source_url": "--source-url"}
_SPACE = {
    "linked": "linked, takes no space",
    "pointed to": "a pointer to where it is now",
    "copied": "copied",
}


class Bar:
    """How far something is, on a terminal; nothing elsewhere."""

    def __init__(self, *, json: bool) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
            console=err,
            transient=True,
            disable=json or not err.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(printable(what), total=total)
        self._bars.update(self._tasks[what], completed=done, total=total)


# -- add ------------------------------------------------------------------------------------------


def print_proposal(proposal: Proposal, layout: Layout) -> None:
    for new in proposal.meetings:
        out.print(Text(f"{layout.raw / new.folder}/", style="bold"))
        _print_meeting(new)
        out.print()
    for known in proposal.known:
        out.print(Text(printable(f"{known.path} is left out: the same as {known.same_as}")))
    for problem in proposal.refused:
        print_problem(problem.what, problem.where, problem.fix)
    if passed := _passed_over(proposal.passed_over):
        out.print(Text(printable(f"not looked at: {passed}")))
    if proposal.n_to_copy:
        out.print(f"{size(proposal.n_to_copy)} will be copied; --link would point to the recordings instead.")


def _passed_over(passed: PassedOver) -> str:
    """What was not looked at, in a line that stays short."""
    kinds = []
    if passed.folders:
        hint = "links: name them" if all(p.is_symlink() for p in passed.folders) else "--recursive"
        kinds.append(f"{n_of(len(passed.folders), 'folder')} ({hint})")
    if n := len(passed.captions):
        belong = "belongs to no recording" if n == 1 else "belong to no recording"
        kinds.append(
            f"{n_of(n, 'caption file')} that {belong}: {_few(passed.captions)} (named alone, captions are enough)"
        )
    if n := len(passed.files):
        kinds.append(
            f"{n_of(n, 'file')} that {'is no recording' if n == 1 else 'are no recordings'}: {_few(passed.files)}"
        )
    return "; ".join(kinds)


def _few(paths: Sequence[Path]) -> str:
    return few([readable(p.name) for p in paths])


def _print_meeting(new: NewMeeting) -> None:
    rows = [
        ("recording" if len(new.parts) == 1 else f"part {n}", f"{p.source.name}", _how(p.duration_ms, p.size, p.how))
        for n, p in enumerate(new.parts, 1)
    ]
    if new.captions:
        remark = "give the words, unless --asr names an engine" if new.parts else "captions only, no recording"
        rows.append(("captions", new.captions.name, remark))
    for key, label in _LABELS.items():
        guess = new.guesses.get(key)
        rows.append(
            (label, guess.value, f"from: {guess.source}") if guess else (label, "-", f"not known; {_OPTIONS[key]}")
        )
    width = min(60, max(len(printable(value)) for _, value, _ in rows))
    for label, value, remark in rows:
        row = Text(f"  {label:<11}{printable(value):<{width}}  ")
        out.print(row.append(printable(remark), style="dim"))
    for note in new.notes:
        out.print(Text(f"  note       {printable(note)}"))


def _how(duration_ms: int, n_bytes: int, how: str) -> str:
    return f"{timecode(duration_ms)}, {size(n_bytes)}, {_SPACE[how]}"


def print_made(made: Sequence[Path]) -> None:
    for folder in made:
        out.print(Text(f"made {folder}/"))
    if made:
        out.print("Name who may speak in each meeting.toml, then: onrecord check, onrecord run")


def proposal_as_json(proposal: Proposal, made: Sequence[Path], refused: Sequence[Problem]) -> dict[str, Any]:
    folders = {folder.name for folder in made}
    return {
        "meetings": [
            {
                "folder": new.folder,
                "made": new.folder in folders,
                "guesses": new.guesses,
                "media": [
                    {
                        "from": readable(str(p.source)),
                        "file": p.name,
                        "how": p.how,
                        "size": p.size,
                        "duration_ms": p.duration_ms,
                    }
                    for p in new.parts
                ],
                "captions": readable(str(new.captions)) if new.captions else None,
                "notes": new.notes,
            }
            for new in proposal.meetings
        ],
        "known": [{"path": readable(str(k.path)), "same_as": readable(str(k.same_as))} for k in proposal.known],
        "not_looked_at": {
            "folders": [readable(str(p)) for p in proposal.passed_over.folders],
            "captions": [readable(str(p)) for p in proposal.passed_over.captions],
            "files": [readable(str(p)) for p in proposal.passed_over.files],
        },
        "refused": [{"what": readable(p.what), "where": readable(p.where), "fix": readable(p.fix)} for p in refused],
    }


# -- check ----------------------------------------------------------------------------------------


def print_findings(findings: Sequence[Finding], n_meetings: int) -> None:
    """Findings by file, in order of lines, then what is to be said of several meetings, and how many there are."""
    alike: dict[tuple[str, str], list[Finding]] = {}
    for f in findings:
        if f.folder and f.kind == "advice" and f.line is None:
            alike.setdefault((f.what, f.fix), []).append(f)
    shared = [group for group in alike.values() if len({f.folder for f in group}) > 1]
    told = {f for group in shared for f in group}
    alone = (f for f in findings if f not in told)
    for file, group in groupby(sorted(alone, key=lambda f: (f.file, f.line or 0)), key=lambda f: f.file):
        out.print(Text(printable(file), style="bold"))
        for finding in group:
            _print_finding(finding, f"line {finding.line}" if finding.line else "")
        out.print()
    for several in shared:
        folders = list(dict.fromkeys(f.folder for f in several))
        out.print(Text(printable(f"{n_of(len(folders), 'meeting')}: {few(folders)}"), style="bold"))
        _print_finding(several[0])
        out.print()
    counted = n_of(n_meetings, "meeting")
    if not findings:
        out.print(f"{counted}: nothing is wrong")
        return
    n_errors = sum(f.kind == "error" for f in findings)
    n_advice = len(findings) - n_errors
    advice = f"{n_advice:,} piece{'s' if n_advice != 1 else ''} of advice"
    out.print(f"{counted}: {n_of(n_errors, 'error')}, {advice}")


def _print_finding(finding: Finding, line: str = "") -> None:
    style = "bold red" if finding.kind == "error" else "yellow"
    out.print(Text.assemble(f"  {line:<9}", (f"{finding.kind:<6}", style), f"  {printable(finding.what)}"))
    out.print(Text(f"{'':<19}{printable(finding.fix)}", style="dim"))

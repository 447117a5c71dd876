"""The verbs about what people put in: `onrecord add` and `onrecord check`."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import DATA, Data, Json, Meetings
from transcribe.problem import SOME_FAILED, Problem

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Example: onrecord add ~/Downloads/panel-2024-05-14.mp4 --body 'Wrenbridge Council'")
def add(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE|FOLDER", help="Recordings, folders of them, or captions.")
    ],
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="What the meeting is called.")] = "",
    body: Annotated[
        str, typer.Option("--body", metavar="TEXT", help="The council or committee; of several meetings, of all.")
    ] = "",
    date: Annotated[str, typer.Option("--date", metavar="DATE", help="When it was held: 2024-05-14.")] = "",
    source_url: Annotated[
        str, typer.Option("--source-url", metavar="LINK", help="Where the public can watch it.")
    ] = "",
    link: Annotated[
        bool | None,
        typer.Option(
            "--link/--copy",
            help="Only links, which break when an original on another disk moves; or only copies. Without: hard links, "
            "which take no space and outlive the original, and copies of what is on another disk.",
        ),
    ] = None,
    recursive: Annotated[bool, typer.Option("--recursive", help="Look in folders within folders, too.")] = False,
    apart: Annotated[bool, typer.Option("--apart", help="Parts 1, 2 ... are meetings of their own.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be made; make nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
    data: Data = DATA,
) -> None:
    """Make a meeting's folder for each recording. Title, body and date are guessed and shown before anything is made.

    Use it instead of making data/raw/<meeting>/ by hand. Recordings are linked or copied, never moved. Captions with
    the same name (x.mp4, x.vtt) come along, and captions that are named are enough where there is no recording.
    x.info.json from a downloader is read. Files named "... part 1", "... part 2" make one meeting. What is there
    already is left out.
    """
    from pipeline import propose, show, show_meetings
    from pipeline.add import make
    from pipeline.meetings import Layout

    layout = Layout(root=data)
    said = {"title": title, "body": body, "held_on": _day(date), "source_url": _link(source_url)}
    with show_meetings.Bar(json=json) as bar:
        proposal = propose.propose(
            layout,
            paths,
            said={key: value for key, value in said.items() if value},
            link=link,
            recursive=recursive,
            apart=apart,
            progress=lambda done, total: bar("looking at recordings", done, total),
        )
    refused = list(proposal.refused)
    if not json:
        show_meetings.print_proposal(proposal, layout)
    agreed = bool(proposal.meetings) and not dry_run
    if agreed:
        propose.check_space(layout, proposal)
        agreed = yes or (not json and _agreed(len(proposal.meetings)))
    made = []
    if agreed:
        with show_meetings.Bar(json=json) as bar:
            for new in proposal.meetings:
                try:
                    made.append(make(layout, new, partial(bar, new.folder)))
                except Problem as e:
                    refused.append(e)
                    show.print_problem(e.what, e.where, e.fix)
    if json:
        show.to_json(show_meetings.proposal_as_json(proposal, made, refused))
    else:
        show_meetings.print_made(made)
    if proposal.meetings and not agreed and not dry_run and not sys.stdin.isatty():
        raise Problem("nothing was made: there is no terminal to ask at", fix="add --yes, or --dry-run to only look")
    raise typer.Exit(SOME_FAILED if refused else 0)


def _day(text: str) -> str:
    from pipeline.guess import find_date

    found = find_date(text)
    if text and not (found and not found[1]):
        raise Problem(f"--date is not a day on which a meeting was held: {text!r}", fix="write it as --date 2024-05-14")
    return found[0].isoformat() if found else ""


def _link(text: str) -> str:
    from pipeline.guess import is_link

    if text and not is_link(text):
        raise Problem(f"--source-url is not a link: {text[:100]!r}", fix="write all of it, from https:// on")
    return text


def _agreed(n: int) -> bool:
    from pipeline import show

    if not sys.stdin.isatty():
        return False
    try:
        answer = show.err.input(f"Make {'this meeting' if n == 1 else f'these {n} meetings'}? [Y/n] ")
    except EOFError:
        return False
    return answer.strip().lower() in ("", "y", "yes")


@app.command(epilog="Example: onrecord check 2024-05-14-public-safety")
def check(meetings: Meetings = None, json: Json = False, data: Data = DATA) -> None:
    """Say what is wrong with meetings' folders and files. With the line of each meeting.toml; nothing is changed.

    Use it before a long run. Errors are what a run would fail with; advice is what was probably not meant.
    """
    from pipeline import asked, show, show_meetings
    from pipeline import check as checking

    layout = asked.layout_of(data)
    folders, ids = asked.folders_of(layout, meetings)
    with show_meetings.Bar(json=json) as bar:
        findings = list(checking.check_data(layout, ids)) if not meetings else []
        for n, folder in enumerate(folders):
            bar("looking at meetings", n, len(folders))
            findings += checking.check(layout, [folder], ids)
    if json:
        show.to_json(findings)
    else:
        show_meetings.print_findings(findings, len(folders))
    raise typer.Exit(SOME_FAILED if any(f.kind == "error" for f in findings) else 0)

"""Arguments and options that many verbs share."""

from pathlib import Path
from typing import Annotated

import typer

DATA = Path("data")
Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="The data folder, with raw/ and processed/ in it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
MeetingName = Annotated[str, typer.Argument(metavar="MEETING", help="A meeting, by its id or its folder's name.")]
Meetings = Annotated[
    list[str] | None,
    typer.Argument(metavar="MEETING", help="Meetings, by id or folder name; without any, all of them."),
]
Address = Annotated[
    str,
    typer.Argument(metavar="ADDRESS", help="What `search` prints under a quote; or MEETING/0:04:29-0:04:35."),
]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who says so; without, your login name.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change; change nothing.")]

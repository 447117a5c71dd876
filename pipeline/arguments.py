"""Arguments and options that many verbs share."""

from pathlib import Path
from typing import Annotated

import typer

DATA = Path("data")
Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="The data folder, with raw/ and processed/ in it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
MeetingName = Annotated[str, typer.Argument(metavar="MEETING", help="A meeting's id or folder name.")]
Meetings = Annotated[
    list[str] | None, typer.Argument(metavar="MEETING", help="Meeting ids or folder names; all of them without.")
]
Address = Annotated[
    str,
    typer.Argument(metavar="ADDRESS", help="MEETING/START-END, as `search` prints it, or as 0:04:29-0:04:35."),
]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who says so; your login name without.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change; change nothing.")]

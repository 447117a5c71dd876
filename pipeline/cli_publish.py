"""`onrecord publish`: the page as files."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.arguments import DATA, Data, Json
from transcribe.problem import SOME_FAILED

app = typer.Typer(rich_markup_mode=None)
MediaName = Literal["link", "copy", "none"]


@app.command(epilog="Example: onrecord publish wrenbridge-pages --dry-run")
def publish(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder to write: new, empty, or published before.")
    ],
    meetings: Annotated[
        list[str] | None,
        typer.Option("--meetings", metavar="MEETING", help="Only this meeting; give it once for each."),
    ] = None,
    media: Annotated[
        MediaName,
        typer.Option("--media", help="Where a quote plays: in the published recording, in a copy, or nowhere."),
    ] = "link",
    with_stance: Annotated[
        bool, typer.Option("--with-stance", help="Also say how software thinks a speaker sounds: read the docs first.")
    ] = False,
    contact: Annotated[
        str, typer.Option("--contact", metavar="TEXT", help="Where people ask for a correction: shown on every page.")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace what was published in this folder before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be published; write nothing.")] = False,
    json: Json = False,
    data: Data = DATA,
) -> None:
    """Write the pages into a folder that opens without a server: read, search, play, cite.

    Use it to hand meetings over, or to put them on a web host. What is hidden later is taken out of the folder at once;
    a copy on a host must be replaced by you. Open index.html in it.
    """
    from pipeline import asked, show, show_keep
    from pipeline import publish as publishing

    options = publishing.Options(
        meetings=tuple(meetings or ()), media=media, stance=with_stance, contact=" ".join(contact.split())[:300]
    )
    found = publishing.publish(asked.layout_of(data), folder, options, force=force, dry_run=dry_run)
    if json:
        show.to_json(found)
    else:
        show_keep.print_published(found, dry_run=dry_run)
    if found.left_out:
        raise typer.Exit(SOME_FAILED)

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
        typer.Option(
            "--meetings", metavar="MEETING", help="Only this meeting; give it once for each. Without, all of them."
        ),
    ] = None,
    media: Annotated[
        MediaName | None,
        typer.Option(
            "--media",
            metavar="link|copy|none",
            help="Where a quote plays: in the published recording (usual), in a copy, or nowhere.",
        ),
    ] = None,
    with_stance: Annotated[
        bool | None,
        typer.Option(
            "--with-stance/--without-stance", help="Also say how software thinks a speaker sounds: read the docs first."
        ),
    ] = None,
    contact: Annotated[
        str | None,
        typer.Option("--contact", metavar="TEXT", help="Where people ask for a correction: shown on every page."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Begin anew what was published in this folder before, wherever it is from.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be published; write nothing.")] = False,
    json: Json = False,
    data: Data = DATA,
) -> None:
    """Write the pages into a folder that opens without a server. To read, search, play and cite.

    Use it to hand meetings over, or to put them on a web host; again, after corrections, to bring the folder up to
    date, as it was asked for before. What is hidden later is taken out of the folder at once; a copy on a host must be
    replaced by you. Open index.html in it.
    """
    from pipeline import asked, show, show_keep
    from pipeline import publish as publishing

    given = publishing.Given(
        meetings=tuple(meetings) if meetings else None,
        media=media,
        stance=with_stance,
        contact=None if contact is None else " ".join(contact.split())[:300],
    )
    found = publishing.publish(asked.layout_of(data), folder, given, force=force, dry_run=dry_run)
    if json:
        show.to_json(found)
    else:
        show_keep.print_published(found, dry_run=dry_run)
    if found.left_out:
        raise typer.Exit(SOME_FAILED)

"""`onrecord export`: meetings and quotes in other people's formats."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import DATA, Data, Meetings

app = typer.Typer(rich_markup_mode=None)


class Format(StrEnum):
    """The formats, in the order in which help lists them."""

    vtt = "vtt"
    srt = "srt"
    captions = "captions"
    chapters = "chapters"
    txt = "txt"
    docx = "docx"
    cdp = "cdp"
    csv = "csv"
    parquet = "parquet"
    sqlite = "sqlite"


@app.command(epilog="Example: onrecord export csv -o quotes.csv")
def export(
    format: Annotated[
        Format,
        typer.Argument(
            metavar="FORMAT",
            help="Of each meeting: vtt, srt, captions (to publish), chapters (of a video), txt, docx, cdp."
            " Of all quotes: csv, parquet, sqlite.",
            show_default=False,
        ),
    ],
    meetings: Meetings = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="PATH", help="The file; of several meetings, a folder for them."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    data: Data = DATA,
) -> None:
    """Write transcripts or quotes in another format. Each says that it is no official record.

    Use it to hand results to other programs: a transcript of one meeting goes to the screen without -o, several go into
    a folder; tables hold the quotes of all meetings, or of those that are named.
    """
    from pipeline import asked, exports, show_keep

    layout = asked.layout_of(data)
    written = []
    try:
        for path in exports.write(layout, format.value, meetings or [], out, replace=force, screen=typer.echo):
            typer.echo(path, err=True)
            written.append(path)
    finally:
        show_keep.print_unknown(layout, written)

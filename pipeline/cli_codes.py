"""`onrecord codes`: the verbs for codebooks."""

from typing import Annotated

import typer

from pipeline.arguments import DATA, Data, Json

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="See and check what statements are coded for.")


@app.command(epilog="Example: onrecord codes check mine.toml --data data")
def check(
    codebook: Annotated[str, typer.Argument(metavar="FILE", help="A codebook, or the name of one that ships.")],
    all_cues: Annotated[bool, typer.Option("--all", help="List every cue, also those that find nothing.")] = False,
    json: Json = False,
    data: Data = DATA,
) -> None:
    """Say what is wrong with a codebook, and what its cues find. In the statements of a data folder.

    Use it while you write a codebook, before `onrecord run --codebook FILE`. Cues are tried on what has been run.
    """
    from pipeline import codes, show, show_codes

    found = codes.check(codebook, data)
    show.to_json(found) if json else show_codes.check(found, all_cues=all_cues)
    raise typer.Exit(2 if found.faults else 0)


@app.command(epilog="Example: onrecord codes show housing-repairs")
def show(
    codebook: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A codebook; without it the data folder's own.")
    ] = "",
    json: Json = False,
    data: Data = DATA,
) -> None:
    """Show a codebook's codes, with what they mean. For people who read or check tags.

    Use it to look up what a code is for. Without a name it is the codebook that the data folder uses.
    """
    from pipeline import codes, show, show_codes

    book = codes.named(codebook, data)
    show.to_json(book) if json else show_codes.book(book)

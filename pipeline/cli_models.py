"""`onrecord models`: the verbs for models."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import Json

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="See, fetch and check the models.")


@app.command("list", epilog="Example: onrecord models list")
def list_(json: Json = False) -> None:
    """List the models, what they are for, and which are here. Use it to see what can be fetched."""
    from pipeline import show_models

    show_models.list_all(json=json)


@app.command(epilog="Example: onrecord models get starter; onrecord models get whisper-base --to /media/stick")
def get(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME", help="Names of models, or `starter` for the set that the demo uses.")
    ],
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Put them here instead, for a machine without network.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="DIR", help="Take them from a folder made with --to.")
    ] = None,
) -> None:
    """Fetch models, check every file's hash, and put them in place.

    Use it before the first run, or to get better ones. Files that are finished are kept when it is interrupted. For a
    machine without network: --to a stick there, --from it here.
    """
    from pipeline import show_models

    show_models.get(names, to=to, source=source)


@app.command(epilog="Example: onrecord models verify")
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Names of models; without, all that are here.")
    ] = None,
    json: Json = False,
) -> None:
    """Hash every file of the models that are here and compare. Use it when results look odd."""
    from pipeline import show_models

    raise typer.Exit(show_models.verify(names or [], json=json))

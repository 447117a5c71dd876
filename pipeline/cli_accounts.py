"""`onrecord accounts`: who may write on the page."""

import sys
from typing import Annotated

import typer

from pipeline.arguments import DATA, Data, Json
from transcribe.problem import INTERRUPTED, Problem

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Who may correct and confirm on the page.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name that stands beside what they change.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, for scripts.")
]


@app.command("list", epilog="Example: onrecord accounts list")
def list_accounts(json: Json = False, data: Data = DATA) -> None:
    """Show who may write on the page, and since when. Use it to see whose account should go."""
    from pipeline import accounts, asked, show

    found = accounts.read(asked.layout_of(data))
    if json:
        show.to_json([{"name": a.name, "made": a.made, "changed": a.changed} for a in found])
        return
    for a in found:
        show.out.print(f"{a.name}, since {a.made[:10]}")
    if not found:
        show.out.print("nobody yet: the page can be read, and not written on. onrecord accounts add NAME")


@app.command(epilog='Example: onrecord accounts add "Mira Castell"')
def add(name: Name, password_stdin: FromStdin = False, data: Data = DATA) -> None:
    """Let somebody correct, confirm and withhold on the page. Asks for a password, which they may choose themselves.

    Use it once for each person: their name stands beside all that they change.
    """
    from pipeline import accounts, asked, show

    layout = asked.layout_of(data)
    account = accounts.add(layout, accounts.named(name), _password(stdin=password_stdin))
    show.out.print(f"{account.name} may write on the page: onrecord serve")


@app.command(epilog='Example: onrecord accounts password "Mira Castell"')
def password(name: Name, password_stdin: FromStdin = False, data: Data = DATA) -> None:
    """Give somebody another password. They are signed out wherever they are signed in.

    Use it when a password is forgotten, or known to somebody else.
    """
    from pipeline import accounts, asked, show

    account = accounts.change_password(asked.layout_of(data), name, _password(stdin=password_stdin))
    show.out.print(f"{account.name} has another password")


@app.command(epilog='Example: onrecord accounts remove "Mira Castell"')
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: Data = DATA,
) -> None:
    """Take somebody's account away. Use it when they leave: what they changed stays, with their name. Asks first."""
    from pipeline import accounts, asked, show

    layout = asked.layout_of(data)
    if not yes:
        if not sys.stdin.isatty():
            raise Problem("nobody is here to be asked", fix="say --yes")
        if not typer.confirm(f"Take away the account of {name!r}?", err=True):
            raise typer.Exit(INTERRUPTED)
    show.out.print(f"{accounts.remove(layout, name).name} may not write on the page any more")


def _password(*, stdin: bool) -> str:
    if stdin:
        return sys.stdin.readline().rstrip("\n")
    if not sys.stdin.isatty():
        raise Problem("nobody is here to type a password", fix="give it on standard input: --password-stdin")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))

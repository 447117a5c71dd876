"""`onrecord serve`: the page."""

from typing import Annotated

import typer

from pipeline.arguments import DATA, Data

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Example: onrecord serve --port 8600")
def serve(
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Where to listen; others reach it only if you say so.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, metavar="N", help="The port; 0 takes one that is free.")
    ] = 8600,
    contact: Annotated[
        str, typer.Option("--contact", metavar="TEXT", help="Where people ask for a correction: shown on every page.")
    ] = "",
    data: Data = DATA,
) -> None:
    """Show meetings and quotes in the browser. To search them, listen, copy citations, correct.

    Use it to read, check and cite; whoever has an account (`onrecord accounts add NAME`) may also correct, confirm and
    hide. Only this machine can reach it, unless --host names another address. Ctrl-C ends it.
    """
    from importlib.util import find_spec

    from pipeline import asked
    from pipeline import serve as serving
    from transcribe.problem import LACKING, Problem

    layout = asked.layout_of(data)
    if lacking := [name for name in ("starlette", "uvicorn", "jinja2") if not find_spec(name)]:
        raise Problem(
            f"the page needs packages that are not here: {', '.join(lacking)}",
            fix='pip install "onrecord[page]"',
            exit_code=LACKING,
        )
    listener = serving.listen(host, port)
    typer.echo(f"http://{serving.named(host)}:{listener.getsockname()[1]}/  (Ctrl-C ends it)", err=True)
    if not serving.is_local(host):
        typer.echo(
            f"Everybody who can reach {host} can read what is in {data}, without a password and without encryption. "
            "Passwords can be read on the way, too, unless a web server with HTTPS stands before it. "
            "If that is not what you want, leave --host away.",
            err=True,
        )
    serving.serve(layout, listener, contact=" ".join(contact.split())[:300], host=host)

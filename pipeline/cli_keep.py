"""The verbs for what people made, and what they give away: taking a meeting out, backups, restoring them, packs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import DATA, Address, Data, DryRun, Json, MeetingName
from transcribe.problem import INTERRUPTED, SOME_FAILED, Problem

app = typer.Typer(rich_markup_mode=None)

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask. For scripts, and whoever is sure.")]


@app.command(epilog="Example: onrecord remove 2024-05-14-public-safety")
def remove(
    meeting: MeetingName,
    media: Annotated[
        bool, typer.Option("--media", help="Remove its folder in raw/ too: recordings, meeting.toml, corrections.")
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    json: Json = False,
    data: Data = DATA,
) -> None:
    """Take a meeting out. All that was made of it goes, and its quotes in the index. Asks first.

    Use it when a recording should not be searched any more, or when its folder in raw/ is gone. It can be stopped and
    run again; the meeting's id stays taken, so that no other meeting gets its addresses.
    """
    import msgspec

    from pipeline import asked, show, show_keep
    from pipeline import remove as removing

    layout = asked.layout_of(data)
    found = removing.plan(layout, meeting, media=media)
    if not json:
        show_keep.print_removal(found)
    if dry_run:
        if json:
            show.to_json({"removed": False, **msgspec.to_builtins(found)})
        return
    _agree("Remove it?", yes=yes)
    removing.remove(layout, meeting, media=media)
    if json:
        show.to_json({"removed": True, **msgspec.to_builtins(found)})
    else:
        show.out.print(f"removed: no search finds {found.meeting} any more")


@app.command(epilog="Example: onrecord backup wrenbridge-2024-05.zip")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The zip to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")] = False,
    json: Json = False,
    data: Data = DATA,
) -> None:
    """Put what people made into one small zip. Every meeting.toml and correction, people, ids, the codebook.

    Use it before removing meetings, moving to another machine, and now and then. Recordings and captions are not in
    it, nor what a run makes from them.
    """
    from pipeline import asked, keep, show, show_keep

    manifest = keep.backup(asked.layout_of(data), file, force=force)
    if json:
        show.to_json(manifest)
    else:
        show_keep.print_backup(manifest, file)


@app.command(epilog="Example: onrecord restore wrenbridge-2024-05.zip --dry-run")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A zip that `onrecord backup` wrote.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace files that differ, and keep the old ones beside them.")
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    json: Json = False,
    data: Data = DATA,
) -> None:
    """Put a backup back. Shows what it would write, and asks; files that differ are left alone.

    Use it on another machine, or after something was lost. Corrections that are missing are added to those that are
    here. Put the recordings into their folders, too, then `onrecord run`.
    """
    from pipeline import keep, show, show_keep
    from pipeline.meetings import Layout

    layout = Layout(root=data)
    manifest, contents = keep.read(file)
    steps = keep.steps(layout, contents)
    if not json:
        show_keep.print_steps(manifest, steps, data, force=force)
    writes = [s for s in steps if s.kind in ("new", "merged") or (force and s.kind == "different")]
    if writes and not dry_run:
        _agree(f"Write {len(writes)} files?", yes=yes)
        steps = keep.restore(layout, contents, force=force)
    if json:
        show.to_json({"restored": bool(writes) and not dry_run, "made": manifest.made, "files": steps})
    elif writes and not dry_run:
        show.out.print("restored")
    if any(s.kind == "damaged" or (s.kind == "different" and not force) for s in steps):
        raise typer.Exit(SOME_FAILED)


@app.command(epilog="Example: onrecord pack 2024-05-14-public-safety/187340-195120 -o quote.zip")
def pack(
    address: Address,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="The zip to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")] = False,
    json: Json = False,
    data: Data = DATA,
) -> None:
    """Put a quote and all that it rests on into one zip. For an editor or a lawyer.

    Use it before something is printed. It holds the minute of sound and words before and after, how the speaker is
    known, who changed what, hashes of the recording, the source, versions. Nothing that is hidden is in it.
    """
    from pipeline import asked, show, show_keep
    from pipeline import pack as packing

    layout = asked.layout_of(data)
    packed = packing.write(layout, address, out, force=force)
    show_keep.print_unknown(layout, [out])
    if json:
        show.to_json(packed)
        return
    show.out.print(show.printable(f"{packed.address}: {', '.join(packed.files)} in {packed.path}"))
    if packed.what_changed:
        show.out.print(f"This place no longer says what was cited: {packed.what_changed}.")
    if packed.no_clip:
        show.out.print(show.printable(f"no clip: {packed.no_clip}"))


def _agree(question: str, *, yes: bool) -> None:
    """Ask, unless told not to; nobody to ask is an error, and "no" ends it."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Problem("nobody is here to be asked", fix="say --yes, or --dry-run to see what it would do")
    if not typer.confirm(question, err=True):
        typer.echo("nothing was done", err=True)
        raise typer.Exit(INTERRUPTED)

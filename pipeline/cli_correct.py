"""`onrecord correct`, `repairs` and `changes`: the verbs about wording that is not as the machine heard it, or not as
it was."""

from datetime import datetime
from typing import Annotated

import typer

from pipeline.arguments import DATA, Address, By, Data, DryRun, Json, MeetingName, Meetings
from transcribe.problem import Problem

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog='Example: onrecord correct 2024-05-14-public-safety/187340-195120 --words "Mr Rahman asked us."')
def correct(
    address: Address,
    words: Annotated[
        str | None, typer.Option("--words", metavar="TEXT", help='What is really said there; "" if nothing is.')
    ] = None,
    speaker: Annotated[
        str | None, typer.Option("--speaker", metavar="PERSON", help="Who says it: an id or name, or `unknown`.")
    ] = None,
    listened: Annotated[bool, typer.Option("--listened", help="You listened, and these are the words.")] = False,
    mask: Annotated[bool, typer.Option("--mask", help="Hide personal details: out of text, index and sound.")] = False,
    exclude: Annotated[bool, typer.Option("--exclude", help="Hide it as no part of the public meeting.")] = False,
    withhold: Annotated[
        bool, typer.Option("--withhold", help="Take it out of everything for now; needs --reason and --until.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take back the latest correction there.")] = False,
    by: By = "",
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why something is hidden. Everybody can read it.")
    ] = "",
    until: Annotated[
        datetime | None,
        typer.Option(
            "--until", metavar="DATE", formats=["%Y-%m-%d"], help="The day to decide again on --withhold: 2025-03-01."
        ),
    ] = None,
    dry_run: DryRun = False,
    json: Json = False,
    data: Data = DATA,
) -> None:
    """Correct words or speaker, say that you listened, or hide it. Or take that back.

    Use it after listening. It is kept in the meeting's corrections.jsonl, outlives another transcription, and reaches
    transcript, statements and index at once. What was hidden is listened to again at the next run if that is undone.
    """
    from pipeline import amend, apply, asked, outputs, show, show_keep, show_quotes
    from search.quotes import parse_address

    what = [
        name
        for name, given in (
            ("--words", words is not None),
            ("--speaker", speaker is not None),
            ("--listened", listened),
            ("--mask", mask),
            ("--exclude", exclude),
            ("--withhold", withhold),
            ("--undo", undo),
        )
        if given
    ]
    if len(what) != 1:
        raise Problem(
            f"{' and '.join(what)} at once" if what else "this does not say what to correct",
            fix="give one of --words, --speaker, --listened, --mask, --exclude, --withhold, --undo",
        )
    if reason and not (mask or exclude or withhold):
        raise Problem("--reason goes with --mask, --exclude or --withhold", fix="leave it away")
    if bool(until) != withhold:
        raise Problem(
            "--until goes with --withhold, and --withhold with --until",
            fix="say when to decide again: --withhold --reason TEXT --until 2027-03-01",
        )
    place = parse_address(address)
    context = asked.context_of(asked.layout_of(data), place.meeting)
    name = asked.name_of(by)
    if words is not None:
        correction = amend.reword(context, place, words, by=name)
    elif speaker is not None:
        correction = amend.assign(context, place, speaker, by=name)
    elif undo:
        correction = amend.undo(context, place, by=name)
    elif listened:
        correction = amend.listen(context, place, by=name)
    elif until:
        correction = amend.withhold(context, place, by=name, reason=reason, until=until.date())
    else:
        correction = amend.hide(context, place, "mask" if mask else "exclude", by=name, reason=reason)
    if dry_run:
        if json:
            show.to_json({"correction": correction, "kept": False})
        else:
            show_quotes.print_correction(context, correction)
            show.out.print("nothing was changed: this was a dry run")
        return
    with show.Live(quiet=json) as live:
        applied = apply.apply(context, correction, live)
    if json:
        show.to_json(applied)
        return
    show_quotes.print_correction(context, correction)
    show.out.print(f"kept, by {show.printable(name)}; {', '.join(applied.ran) or 'nothing'} made again")
    if applied.waits:
        show.out.print(show.printable(applied.waits))
    if applied.n_beside:
        show.out.print(
            f"{show.n_of(applied.n_beside, 'word')} beside it went too: captions tell the time of a whole line only"
        )
    for path in applied.elsewhere:
        show.out.print(show.printable(f"still holds it, since it lies outside the data folder: {path}"))
    for line in applied.published:
        show.out.print(show.printable(line))
    if not applied.published:
        show_keep.print_behind(outputs.folders(context.layout, context.meeting.id))


@app.command(epilog="Example: onrecord repairs 2024-05-14-public-safety")
def repairs(
    meeting: MeetingName,
    spelling: Annotated[bool, typer.Option("--spelling", help="Words put into British spelling, too.")] = False,
    json: Json = False,
    data: Data = DATA,
) -> None:
    """List the names that were repaired after listening. With what was heard, what is written instead, when, and why.

    Use it to check what a meeting's list of people and vocabulary did to its words. Where a repair is wrong, the
    address and `onrecord correct` take it back for good.
    """
    from pipeline import asked, show_quotes

    layout = asked.layout_of(data)
    show_quotes.print_repairs(layout, asked.context_of(layout, meeting).meeting.id, spelling=spelling, json=json)


@app.command(epilog="Example: onrecord changes --since 2024-06-01")
def changes(
    since: Annotated[
        datetime,
        typer.Option(
            "--since", metavar="DATE", formats=["%Y-%m-%d"], help="The first day to look at, in UTC: 2024-06-01."
        ),
    ],
    meetings: Meetings = None,
    json: Json = False,
    data: Data = DATA,
) -> None:
    """List the quotes that changed in words, speaker or codes. After a correction, a better model, a new codebook.

    Use it after `run --upgrade`, and before something is printed: what somebody cited with `quote --style` comes
    first. Each has what it said and what it says now, and who corrected it where somebody did.
    """
    from pipeline import asked, show, show_quotes
    from pipeline import changes as history

    layout = asked.layout_of(data)
    folders, ids = asked.folders_of(layout, meetings)
    found = history.since(layout, [(folder, ids[folder.name]) for folder in folders], since.date())
    if json:
        show.to_json(found)
    else:
        show_quotes.print_changes(found, since.date())

"""`onrecord speakers`: who spoke in a meeting, how that is known, and saying so."""

from typing import Annotated

import typer

from pipeline.arguments import DATA, By, Data, DryRun, Json, MeetingName
from transcribe.problem import Problem

app = typer.Typer(rich_markup_mode=None)


@app.command(
    epilog='Example: onrecord speakers 2024-05-14-public-safety --confirm S2=ana-lindqvist --by "Mira Castell"'
)
def speakers(
    meeting: MeetingName,
    confirm: Annotated[
        list[str] | None,
        typer.Option(
            "--confirm",
            metavar="LABEL=PERSON",
            help="The voice with this label is this person (id or name), or `unknown`.",
        ),
    ] = None,
    reject: Annotated[
        list[str] | None,
        typer.Option(
            "--reject", metavar="LABEL[=PERSON]", help="It is not this person; without PERSON, not whom it is shown as."
        ),
    ] = None,
    undo: Annotated[
        list[str] | None,
        typer.Option("--undo", metavar="LABEL|ID", help="Take back what was last said of this voice."),
    ] = None,
    by: By = "",
    dry_run: DryRun = False,
    json: Json = False,
    data: Data = DATA,
) -> None:
    """Show who speaks in a meeting, and confirm or reject names. With how we know, and how long each spoke.

    Use it before anybody quotes a meeting: listen to a voice where its evidence is, then say who it is. That is kept in
    corrections.jsonl with the time in which the voice spoke, and outlives another transcription and other labels. One
    sentence that somebody else said is put right with `onrecord correct ADDRESS --speaker PERSON`.
    """
    from pipeline import amend, apply, asked, outputs, show, show_keep, show_speakers

    context = asked.context_of(asked.layout_of(data), meeting)
    if not (confirm or reject or undo):
        if by or dry_run:
            raise Problem("this does not say what to change", fix="give --confirm, --reject or --undo, or only MEETING")
        show_speakers.print_voices(context, json=json)
        return
    name = asked.name_of(by)
    corrections = [
        *(amend.confirm(context, *_pair("--confirm", given, alone=False), by=name) for given in confirm or ()),
        *(amend.reject(context, *_pair("--reject", given, alone=True), by=name) for given in reject or ()),
        *(amend.take_back(context, wanted, by=name) for wanted in undo or ()),
    ]
    if dry_run:
        show_speakers.print_changes(context, corrections, (), json=json)
        return
    with show.Live(quiet=json) as live:
        applied = [apply.apply(context, correction, live) for correction in corrections]
    show_speakers.print_changes(context, corrections, applied, json=json)
    if not json:
        show_keep.print_behind(outputs.folders(context.layout, context.meeting.id))


@app.command(epilog="Example: onrecord personal 2024-05-14-public-safety")
def personal(meeting: MeetingName, json: Json = False, data: Data = DATA) -> None:
    """List what the public says of itself that may have to be hidden. With the commands that hide it.

    Use it before a meeting is published: names, home addresses, telephone numbers and e-mail addresses, where speakers
    without an office or without a name say them. It hides nothing, and it misses some: listen as well.
    """
    from pipeline import asked, show_speakers

    show_speakers.print_personal(asked.context_of(asked.layout_of(data), meeting), json=json)


def _pair(option: str, given: str, *, alone: bool) -> tuple[str, str]:
    """A voice's label and a person; a label `alone` where that may be."""
    label, equals, person = given.partition("=")
    if not label.strip() or not (person.strip() or (alone and not equals)):
        raise Problem(f"{option} {given} does not say who", fix=f"{option} LABEL=PERSON, such as S2=ana-lindqvist")
    return label, person

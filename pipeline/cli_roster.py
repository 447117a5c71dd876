"""`onrecord roster`: people, attendance and agenda of a meeting, from public sources."""

from typing import Annotated

import typer

from pipeline.arguments import DATA, Data, DryRun, Json, MeetingName

app = typer.Typer(rich_markup_mode=None)


@app.command(
    epilog="Example: onrecord roster https://democracy.wrenbridge.example/ieListDocuments.aspx?MId=7837 "
    "2024-05-14-public-safety"
)
def roster(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE", help="Files of ModernGov XML or Popolo JSON, folders of them, or a council's address."
        ),
    ],
    meeting: MeetingName,
    number: Annotated[
        str, typer.Option("--number", metavar="ID", help="The meeting's number at the source, where that is not plain.")
    ] = "",
    dry_run: DryRun = False,
    json: Json = False,
    data: Data = DATA,
) -> None:
    """Take people and agenda from a council's own lists. Who was there, roles on the day, apologies: into roster.toml.

    Use it instead of typing them into meeting.toml, which wins where both say something. Sources may be given together:
    a meeting for its attendance, a list of councillors for parties and wards. A council's address is asked for the
    meeting of that day and title. Addresses, telephone numbers, e-mails and pictures are never kept.
    """
    from pipeline import asked, show, show_roster
    from pipeline import roster as rosters

    layout = asked.layout_of(data)
    (folder,), ids = asked.folders_of(layout, [meeting])
    draft = rosters.draft(folder, ids[folder.name], sources, number=number)
    written = None if dry_run else rosters.write(folder, draft.roster)
    if json:
        show.to_json({"roster": draft.roster, "notes": draft.notes, "written": written and str(written)})
    else:
        show_roster.print_roster(draft, written, ids[folder.name])

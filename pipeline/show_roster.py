"""A roster as a terminal shows it."""

from pathlib import Path

from rich.text import Text

from pipeline.roster import Draft
from pipeline.show import n_of, out, printable


def print_roster(draft: Draft, written: Path | None, meeting: str) -> None:
    """Who and what was found, what of it is doubtful, and where it was written; nothing was where that is None."""
    roster = draft.roster
    head = [roster.title, f"{roster.held_on}" if roster.held_on else ""]
    if any(head):
        out.print(Text(printable(", ".join(filter(None, head))), style="bold"))
    for person in roster.people:
        about = ", ".join(filter(None, (person.role, person.party, person.ward)))
        gone = {True: "", False: "  (not there)", None: "  (nobody says whether there)"}[person.present]
        out.print(Text(printable(f"  {person.id:<28} {person.name}{f': {about}' if about else ''}{gone}")))
    for item in roster.agenda:
        out.print(Text(printable(f"  item {item.item}: {item.title}")))
    for note in draft.notes:
        out.print(Text(printable(f"note: {note}"), style="yellow"))
    n_absent = sum(p.present is False for p in roster.people)
    counts = [f"{len(roster.people)} people", f"{n_absent} not there", n_of(len(roster.agenda), "item")]
    out.print(f"{', '.join(counts)}, from {n_of(len(roster.sources), 'source')}")
    if written is None:
        out.print("nothing was written: this was a dry run")
    else:
        out.print(Text(printable(f"written to {written}; next: onrecord run {meeting}")))

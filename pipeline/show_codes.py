"""Codebooks, and what is wrong with them, as a terminal shows them."""

from collections.abc import Sequence
from itertools import groupby

from rich.text import Text

from analyse.codebook import Codebook, Fault
from analyse.codebook_check import CueMatches
from pipeline.codes import Checked
from pipeline.show import n_of, out, printable

MOST_LISTED = 50
MOST_OF_A_PART = 8  # cues that are listed of a code without --all


def check(found: Checked, *, all_cues: bool) -> None:
    _print_faults(found.faults, "wrong")
    if found.faults:
        return
    out.print(f"{printable(found.codebook)} can be used")
    _print_faults(found.doubts, "to think over")
    if not found.n_statements:
        out.print("there are no statements here to try its cues on: `onrecord run` makes some")
        return
    n_idle = sum(c.n == 0 for c in found.cues)
    out.print(
        f"\nIn {n_of(found.n_statements, 'statement')}; {n_of(n_idle, 'cue')} of {len(found.cues):,} found nothing."
    )
    idle = []
    for part, of_part in groupby(found.cues, lambda c: c.part):
        cues = [*of_part]
        if all_cues or any(c.n for c in cues):
            _print_cues(part, cues, all_cues=all_cues)
        else:
            idle.append(printable(part))
    if idle:
        more = f" and {len(idle) - MOST_LISTED:,} more" if len(idle) > MOST_LISTED else ""
        out.print(Text(f"\nNothing found for {', '.join(idle[:MOST_LISTED])}{more}"))


def book(book: Codebook) -> None:
    out.print(Text(f"{book.id}  {printable(book.title)}", style="bold"))
    if book.topic is not None:
        out.print(f"topic: {printable(book.topic.name)}")
    if book.stance is not None:
        out.print(f"stance: towards {printable(book.stance.target)}")
    for code in book.codes:
        out.print(Text(f"\n{code.code}  {printable(code.name)}", style="bold"))
        out.print(printable(code.definition))
        for what, lines in (("yes", code.include), ("no", code.exclude), ("as in", code.examples)):
            if lines:
                out.print(f"  {what}: {'; '.join(map(printable, lines))}")
        out.print(f"  {n_of(len(code.cues), 'cue')}")


def _print_faults(faults: Sequence[Fault], what: str) -> None:
    if not faults:
        return
    out.print(f"{n_of(len(faults), 'thing')} {what}:")
    for fault in faults[:MOST_LISTED]:
        line = f"line {fault.line}: " if fault.line else ""
        part = f"{printable(fault.part)}: " if fault.part else ""
        out.print(Text(f"  {line}{part}{printable(fault.what)}"))
        out.print(Text(f"    {printable(fault.fix)}", style="dim"))
    if len(faults) > MOST_LISTED:
        out.print(f"  and {len(faults) - MOST_LISTED:,} more: --json lists all")


def _print_cues(part: str, cues: Sequence[CueMatches], *, all_cues: bool) -> None:
    found = sorted((c for c in cues if c.n or all_cues), key=lambda c: -c.n)
    out.print(Text(f"\n{printable(part)}: {n_of(sum(c.n for c in cues), 'time')}", style="bold"))
    for cue in found if all_cues else found[:MOST_OF_A_PART]:
        example = f"  {printable(cue.example)}  {cue.address}" if cue.n else ""
        out.print(Text(f"  {cue.n:>5,}  {printable(cue.cue)} (line {cue.line}){example}"))
    if len(found) > MOST_OF_A_PART and not all_cues:
        out.print(f"         and {len(found) - MOST_OF_A_PART:,} more: --all lists them")

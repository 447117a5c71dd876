"""Quotations that were checked, and clips that were cut, as a terminal shows them."""

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from pipeline.show import n_of, out, printable
from search import cite
from search.alignment import Difference
from search.clip import Clip
from search.styles import day
from search.verify import Finding

_STYLES = {
    "matches": "green",
    "listened": "green",
    "other speaker": "red",
    "other meeting": "red",
    "differs": "yellow",
    "reworded": "yellow",
    "not found": "red",
    "unclear": "dim",
}


def print_findings(findings: Sequence[Finding], *, file: str = "") -> None:
    if file:
        out.print(Text(f"{n_of(len(findings), 'quoted passage')} in {printable(file)}", style="dim"))
    for finding in findings:
        if file:
            out.print()
        _print(finding)
    if any(f.quote for f in findings):
        out.print()
        out.print(Text(cite.NOTICE, style="dim"))


def _print(finding: Finding) -> None:
    given = f"  ({printable(finding.said_by)})" if finding.said_by else ""
    where = f"paragraph {finding.paragraph}: " if finding.paragraph else ""
    out.print(Text(f"{where}“{printable(finding.quoted)}”{given}"))
    out.print(Text(f"  {printable(finding.verdict)}", style=f"bold {_STYLES[finding.kind]}"))
    quote = finding.quote
    if quote is None:
        return
    if finding.wording == "other" or any(d.kind == "omitted" for d in finding.differences):
        shown = Text.assemble("  ", *(_shown(d) for d in finding.differences))
        shown.rstrip()
        out.print(shown)
    if finding.speaker == "other":
        out.print(Text(printable(f"  said by {cite.who(quote)}, not {finding.said_by}")))
    else:
        out.print(Text(f"  {printable(cite.who(quote))}"))
    held_on = day(quote.held_on) if quote.held_on else ""
    place = ", ".join(p for p in (quote.title or quote.meeting, quote.body, held_on) if p)
    out.print(Text(f"  {printable(place)}, at {cite.timecode(quote.start_ms)}"))
    for note in finding.notes:
        out.print(Text(f"  {printable(note)}", style="yellow"))
    out.print(Text(f"  {quote.cited}", style="cyan"))
    for other in finding.others:
        out.print(Text(f"    also {other.address}  {printable(other.speaker)}", style="dim"))


def _shown(difference: Difference) -> Text:
    """As editors mark it: what is not there is struck with [-…-], what was said with {+…+}."""
    quoted, said = printable(difference.quoted), printable(difference.said)
    if difference.kind == "same":
        return Text(f"{said} ")
    if difference.kind == "omitted":
        return Text.assemble(f"{quoted} " if quoted else "", (f"({said}) " if said else "", "dim"))
    struck = (f"[-{quoted}-] " if quoted else "", "red")
    return Text.assemble(struck, (f"{{+{said}+}} " if said else "", "green"))


def print_clip(made: Clip, path: Path) -> None:
    start_ms, end_ms = made.delivered
    length = f"{(end_ms - start_ms) / 1000:.1f} s"
    out.print(Text(printable(f"{path}: {cite.timecode(start_ms)} to {cite.timecode(end_ms)}, {length}"), style="bold"))
    how = "copied from the recording as it is" if made.how == "copied" else f"encoded again, since {made.why}"
    out.print(Text(printable(f"  {how} ({', '.join(made.codecs)}); not cut or changed inside")))
    for note in made.notes:
        out.print(Text(f"  {printable(note)}", style="yellow"))
    out.print(
        Text(printable(f"  words and provenance: {path.with_suffix('.vtt').name}, {path.with_suffix('.json').name}"))
    )
    out.print(Text(made.notice, style="dim"))

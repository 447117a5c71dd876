"""Quotes and passages as a terminal shows them, and what was changed in them."""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache

import msgspec
from msgspec.structs import replace
from rich.console import Console
from rich.text import Text

from pipeline import places, settings
from pipeline.changes import Changed, note_cited
from pipeline.context import Context
from pipeline.meetings import Layout, readable
from pipeline.places import Change, Past, changed_by_people, changes, load_transcript, where_to_listen
from pipeline.show import err, n_of, out, printable, to_json
from pipeline.telling import DID
from search import cite
from search.changes import Elsewhere, Reading
from search.cite import Said
from search.exports import silent
from search.find import Facet, Hit, Results
from search.quotes import Quote, parse_address, resolve
from search.references import FORMATS
from search.styles import day
from transcribe.correct import HIDING, Correction
from transcribe.privacy import shown_evidence
from transcribe.records import SpeakerName, text_of
from transcribe.repair import repairs

EVIDENCE_SHOWN = 3


def print_results(results: Results, layout: Layout, *, evidence: bool, json: bool) -> None:
    names = Names(layout) if evidence else None
    if json:
        rows = [msgspec.to_builtins(h.quote) | {"cited": h.quote.cited, "spans": h.spans} for h in results.hits]
        if names:
            for row, hit in zip(rows, results.hits, strict=True):
                row["evidence"] = shown_evidence(names(hit.quote.meeting, hit.quote.speaker_label))
        to_json(
            {
                "understood": results.understood,
                "total": results.total,
                "as_of": results.as_of,
                "notes": results.notes,
                "suggestions": results.suggestions,
                "facets": {facet.name: facet.values for facet in results.facets},
                "quotes": rows,
            }
        )
        return
    out.print(
        Text(
            f"{results.total} {'quote' if results.total == 1 else 'quotes'} for: {printable(results.understood)}",
            style="dim",
        )
    )
    for note in results.notes:
        out.print(Text(printable(note), style="yellow"))
    for hit in results.hits:
        out.print()
        _print_hit(hit, names(hit.quote.meeting, hit.quote.speaker_label) if names else None)
    if results.suggestions:
        out.print(Text("Did you mean: " + "; ".join(map(printable, results.suggestions)) + "?"))
    for facet in results.facets:
        _print_facet(facet)
    if results.hits:
        out.print()
        out.print(Text(cite.NOTICE, style="dim"))


def _print_facet(facet: Facet) -> None:
    if facet.values:
        out.print()
        out.print(Text(facet.name))
        for value in facet.values:
            out.print(Text.assemble(f"{value.n:>8,}  {printable(value.value)}  ", (printable(value.query), "dim")))


class Names:
    """Speakers' names with their evidence, of meetings as they are asked for."""

    def __init__(self, layout: Layout) -> None:
        self._of = cache(lambda meeting: {n.label: n for n in load_transcript(layout, meeting).names})

    def __call__(self, meeting: str, label: str | None) -> SpeakerName:
        return self._of(meeting).get(label or "") or SpeakerName(label=label or "", display="unknown speaker")


def _print_hit(hit: Hit, name: SpeakerName | None) -> None:
    quote = hit.quote
    out.print(_marked(quote, hit.spans))
    out.print(Text(f"  {printable(cite.who(quote))}", style="bold"))
    for line in _evidence(name) if name else ():
        out.print(Text(f"    {line}"))
    out.print(Text(f"  {_where(quote)}"))
    if about := _about(quote):
        out.print(Text(f"  {about}"))
    out.print(Text(f"  {quote.address}", style="cyan"))


def _marked(quote: Quote, spans: Iterable[tuple[int, int]]) -> Text:
    text = Text(f"“{printable(quote.text)}”")
    for start, end in spans:
        text.stylize("bold yellow", start + 1, end + 1)
    return text


def _where(quote: Quote) -> str:
    held_on = day(quote.held_on) if quote.held_on else ""
    return printable(
        ", ".join(p for p in (quote.title, quote.body, held_on) if p) + f", at {cite.timecode(quote.start_ms)}"
    )


def _about(quote: Quote) -> str:
    parts = []
    if quote.codes:
        parts.append("codes: " + ", ".join(quote.codes))
    if quote.stance and quote.topic:
        whose = " (reported)" if quote.stance_holder == "reported" else ""
        parts.append(f"stance, a guess: {quote.stance}{whose}")
    if quote.listened_by:
        parts.append(f"listened to by {quote.listened_by}")
    if quote.listen_first:
        parts.append("listen first: " + ", ".join(quote.listen_first))
    return printable(" · ".join(parts))


def _evidence(name: SpeakerName) -> list[str]:
    best = sorted((e for e in shown_evidence(name) if e.person == name.person), key=lambda e: -abs(e.weight))
    lines = (
        printable(
            f"a person, at {cite.timecode(e.at_ms)}: {e.words}"
            if e.kind == "human"
            else f"{e.kind} at {cite.timecode(e.at_ms)}: “{e.words}”"
        )
        for e in best
    )
    return list(dict.fromkeys(lines))[:EVIDENCE_SHOWN]


def _told(change: Change) -> str:
    by = f"{change.by or 'a person'}{' on ' + change.on if change.on else ''}"
    if change.kind == "speaker":
        return printable(f"Speaker set by {by}.")
    was = f"“{change.was}”" if change.was else "nothing there"
    before = f"the machine wrote {was}" if change.first else f"before that it said {was}"
    doubt = "" if change.settled else " The words that were changed were others: listen before you quote."
    return printable(f"Words changed by {by}; {before}.{doubt}")


def print_quote(
    layout: Layout, address: str, *, style: str, cited: bool, n_around: int, history: bool, json: bool
) -> None:
    """One place in time: what is said there and around it, how that is known, where to listen, and its citation. Where
    it is `cited`, that is remembered, so that people can be told when it changes.

    A citation that is data stands alone on stdout, and all else on stderr.
    """
    place = parse_address(address)
    transcript = load_transcript(layout, place.meeting)
    passage = places.passage(layout, place, transcript, n_around)
    quote = passage.quote
    here = parse_address(quote.address)
    words = resolve(here, transcript)
    if cited:
        note_cited(layout, quote.cited)
    changed = changes(words, changed_by_people(layout, place.meeting))
    repaired = repairs(words)
    name = next((n for n in transcript.names if n.label == quote.speaker_label), None)
    past = places.history(layout, here.start_ms, here.end_ms, transcript, place.meeting) if history else []
    source = cite.citation(quote, accessed=date.today(), players=settings.read(layout).players)
    if json:
        speaker = name and replace(name, evidence=shown_evidence(name))
        told = {"speaker": speaker, "changes": changed, "repairs": repaired} | ({"history": past} if history else {})
        reference = msgspec.to_builtins(source) | {"at": source.at, "checked": source.checked}
        to_json({"passage": passage, "reference": reference, "citation": cite.cite(source, style)} | told)
        return
    to = err if style in FORMATS else out
    for said in passage.before:
        _print_said(to, said)
    to.print(
        Text(f"{cite.timecode(quote.start_ms)}  {printable(quote.speaker)}: “{printable(quote.text)}”", style="bold")
    )
    for said in passage.after:
        _print_said(to, said)
    to.print()
    for stretch in passage.left_out:
        to.print(Text(printable(f"Not all of this place is here. {silent(stretch)}."), style="yellow"))
    for change in changed:
        to.print(Text(_told(change)))
    for r in repaired:
        to.print(Text(printable(f"“{r.written}” was heard as “{r.heard}” ({r.why}).")))
    if name and not any(c.kind == "speaker" for c in changed) and (lines := _evidence(name)):
        to.print(Text(f"How we know who speaks ({_status(name)}):"))
        for line in lines:
            to.print(Text(f"  {line}"))
    if about := _about(quote):
        to.print(Text(about))
    if history:
        _print_history(to, past)
    if passage.changed:
        to.print(Text(f"This place no longer says what was cited: {passage.what_changed}.", style="bold red"))
    elif passage.moved:
        to.print(Text(f"What was cited is now a little earlier or later, at {quote.address}."))
    if not source.url and (sound := where_to_listen(layout, place.meeting, quote.start_ms, transcript)):
        file, at_ms = sound
        to.print(Text(printable(f"Listen: {readable(str(file))} at {cite.timecode(at_ms)}")))
    to.print()
    to.print(Text("Cite as:"))
    out.print(Text(cite.cite(source, style)))  # in which nothing is left that would steer a terminal


def _print_said(to: Console, said: Said) -> None:
    line = f"{cite.timecode(said.start_ms)}  {printable(said.speaker)}: {printable(said.text)}"
    to.print(Text(line, style="dim"))


def _print_history(to: Console, past: Sequence[Past]) -> None:
    to.print(Text("What people changed here:" if past else "Nobody changed anything here."))
    for p in past:
        did = DID[p.kind] + (f" ({p.reason})" if p.reason else "")
        back = f"; taken back by {p.undone_by}, {_when(p.undone_at)}" if p.undone_at else ""
        to.print(Text(printable(f"  {_when(p.at)}  {p.by} {did}{back}")))
        if p.hidden and p.kind not in (*HIDING, "listen"):
            to.print(Text("    what it said is hidden now"))
        for label, text in (("was", p.old), ("now" if p.kind != "reject" else "not", p.new)):
            if text or (p.kind == "words" and not p.hidden):
                shown = f"“{text}”" if p.kind == "words" else text
                to.print(Text(printable(f"    {label}: {shown if text else 'nothing'}")))


def _when(at: str) -> str:
    return at[:16].replace("T", " ") + " UTC"


def _status(name: SpeakerName) -> str:
    return cite.STATUS[name.status]


def print_correction(context: Context, correction: Correction) -> None:
    """What a correction does, in words."""
    place = f"{context.meeting.id}/{correction.start_ms}-{correction.end_ms}"
    at = f"{cite.timecode(correction.start_ms)} to {cite.timecode(correction.end_ms)}"
    if correction.kind == "undo":
        undone = next(c for c in context.corrections() if c.id == correction.undoes)
        out.print(Text(printable(f"taken back, {place}: on {undone.at[:10]} {undone.by} {DID[undone.kind]}")))
    elif correction.kind in HIDING:
        out.print(Text(f"{HIDING[correction.kind]}, {place}: {at} is out of text, index and sound"))
        if correction.until:
            out.print(Text(f"until somebody decides again, on {correction.until}: it does not come back by itself"))
    elif correction.kind == "listen":
        words = resolve(parse_address(place), context.transcript())
        out.print(Text(printable(f"listened to by {correction.by}, {place}: “{text_of(words)}”")))
    else:
        person = next((p.name for p in context.meeting.people if p.id == correction.new), "unknown speaker")
        new = f"“{correction.new}”" if correction.kind == "words" else person
        old = f"“{correction.old}”" if correction.kind == "words" else correction.old
        out.print(Text(f"was: {printable(old)}", style="dim"))
        out.print(Text(f"now: {printable(new)}", style="bold"))
        out.print(Text(place, style="cyan"))


def print_changes(found: Sequence[Changed], since: date) -> None:
    """Quotes that changed, with what they said and say, those that were cited first."""
    if not found:
        out.print(Text(f"nothing changed since {since}", style="dim"))
        return
    n_cited = sum(bool(each.cited) for each in found)
    out.print(Text(f"{n_of(len(found), 'change')} since {since}, {n_cited} of them of what was cited", style="dim"))
    for each in found:
        change = each.change
        by = f", by {' and '.join(change.by)}" if change.by else _after(change.after)
        what = f"was {change.hidden}" if change.hidden else f"{' and '.join(each.kinds)} changed"
        out.print()
        out.print(Text.assemble((each.address, "cyan"), printable(f"  {change.at[:10]}: {what}{by}")))
        for address in each.cited:
            out.print(Text(f"  cited as {address}", style="bold yellow"))
        if not change.hidden:
            out.print(Text(f"  was: {_read_as(change.old, each.kinds)}", style="dim"))
            out.print(Text(f"  now: {_read_as(change.new, each.kinds)}"))


def _after(made: Sequence[Elsewhere]) -> str:
    """Corrections of other places from which a change follows, as far as can be told."""
    told = (f"{c.by} at {cite.timecode(c.start_ms)} ({c.id})" for c in made)
    return f", after {'a correction' if len(made) == 1 else 'corrections'} elsewhere: {', '.join(told)}" if made else ""


def _read_as(reading: Reading | None, kinds: Iterable[str]) -> str:
    if reading is None:
        return "nothing is said there"
    status = cite.STATUS.get(reading.speaker_status, reading.speaker_status)
    who = reading.speaker if reading.speaker_status == "unknown" else f"{reading.speaker} ({status})"
    codes = f"; codes: {', '.join(reading.codes) or 'none'}" if "codes" in kinds else ""
    return printable(f"{who}: “{reading.text}”{codes}")


def print_repairs(layout: Layout, meeting: str, *, spelling: bool, json: bool) -> None:
    """Names that were repaired, and with `spelling` words in British spelling."""
    found = [r for r in repairs(load_transcript(layout, meeting).words) if spelling or r.score is not None]
    if json:
        to_json([msgspec.to_builtins(r) | {"address": f"{meeting}/{r.start_ms}-{r.end_ms}"} for r in found])
        return
    out.print(Text(n_of(len(found), "repair"), style="dim"))
    for r in found:
        score = "" if r.score is None else f", alike {r.score:.2f}"
        out.print(
            Text.assemble(
                f"{'' if r.start_ms is None else cite.timecode(r.start_ms):<9}",
                (printable(r.heard), "dim"),
                " -> ",
                (printable(r.written), "bold"),
                f"  ({r.why}{score})  ",
                ("" if r.start_ms is None else f"{meeting}/{r.start_ms}-{r.end_ms}", "cyan"),
            )
        )
    if found:
        out.print(Text('Take a wrong one back for good: onrecord correct ADDRESS --words "WHAT WAS HEARD"'))

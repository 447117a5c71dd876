"""The voices of a meeting as a terminal shows them: who, how we know, how long, and what people said of them."""

import shlex
import textwrap
from collections.abc import Sequence
from typing import Any

import msgspec
from rich.text import Text

from pipeline import amend
from pipeline.apply import Applied
from pipeline.context import Context
from pipeline.show import n_of, out, printable, span, to_json
from search import cite
from search.quotes import speaker_name
from transcribe.correct import Correction
from transcribe.personal import details
from transcribe.privacy import meant, stands_in
from transcribe.ranges import length
from transcribe.records import Evidence, SpeakerName
from transcribe.said_by import BY_PEOPLE, Standing

EVIDENCE_SHOWN = 3
MOST_LIKELY = 3  # people shown who are as likely as each other
SAME_WEIGHT = 0.05
MOST_LETTERS = 200  # of the words that an evidence is shown with
INDENT = " " * 6


def print_voices(context: Context, *, json: bool) -> None:
    """Each voice, in the order in which they are first heard."""
    stands = amend.voices(context)
    transcript = context.transcript()
    spoken_ms = {
        n.label: length((t.start_ms, t.end_ms) for t in transcript.turns if t.exclusive and t.speaker == n.label)
        for n in transcript.names
    }
    if json:
        to_json([_fields(n, spoken_ms[n.label], stands) for n in transcript.names])
        return
    all_ms = sum(spoken_ms.values())
    out.print(Text(_summary(transcript.names, spoken_ms), style="dim"))
    for name in transcript.names:
        out.print()
        role = f", {name.role}" if name.role and name.role.casefold() not in name.display.casefold() else ""
        label = "" if name.label == name.display else f"{printable(name.label):<{len(INDENT) - 2}}  "
        out.print(Text.assemble((label, "cyan"), (printable(name.display + role), "bold")))
        if stands_in(name.person):
            _line(f"that is {_called(context, name.person or '')}, whom only this list shows by name")
        share = f", {spoken_ms[name.label] / all_ms:.0%} of all speech" if all_ms else ""
        _line(f"spoke {span(spoken_ms[name.label] / 1000)}{share}")
        _print_how(context, name, [s.correction for s in stands if s.label == name.label])
    for stand in stands:
        if stand.doubt:
            out.print()
            _print_doubt(context, stand)
    settled = {s.label for s in stands if s.correction.kind == "confirm"}
    _print_next(context, [n for n in transcript.names if n.status != "confirmed" and n.label not in settled])


def _fields(name: SpeakerName, spoken_ms: int, stands: Sequence[Standing]) -> dict[str, Any]:
    """A voice for programs: its name, and what people said of it, or of what it has a part of now."""
    about = [
        {
            "id": s.correction.id,
            "kind": s.correction.kind,
            "person": s.correction.new,
            "by": s.correction.by,
            "at": s.correction.at,
            "holds": s.label == name.label,
            "needs_a_look": s.doubt,
            "share": dict(s.voices).get(name.label),
        }
        for s in stands
        if name.label == s.label or name.label in dict(s.voices)
    ]
    return {**msgspec.to_builtins(name), "spoken_ms": spoken_ms, "said_by_people": about}


def _summary(names: Sequence[SpeakerName], spoken_ms: dict[str, int]) -> str:
    """How much of what is said has a name, and how sure that is."""
    voices = [n for n in names if not n.label.startswith(BY_PEOPLE)]
    all_ms = sum(spoken_ms.values())
    shares = [
        f"{sum(spoken_ms[n.label] for n in names if n.status == status) / all_ms:.0%} {told}"
        for status, told in (("confirmed", "confirmed"), ("inferred", "named by software"), ("unknown", "unknown"))
        if all_ms and any(n.status == status for n in names)
    ]
    return ": ".join(part for part in (n_of(len(voices), "voice"), ", ".join(shares)) if part)


def _print_how(context: Context, name: SpeakerName, said: Sequence[Correction]) -> None:
    """How a voice is known, what people `said` of it, and the best evidence."""
    status = [cite.STATUS[name.status]] if name.status != "unknown" else []
    if name.probability is not None:
        status.append(f"{name.probability:.0%} likely")
    if name.runner_up:
        person, probability = name.runner_up
        likely = [person] if name.person else _as_likely(name, person)
        who = " or ".join(_called(context, each) for each in likely[:MOST_LIKELY])
        more = f" or {len(likely) - MOST_LIKELY} more" if len(likely) > MOST_LIKELY else ""
        each = " each" if len(likely) > 1 else ""
        status.append(f"{'next' if name.person else 'most likely'}: {who}{more}, {probability:.0%}{each}")
    best = _best(name)
    if not (name.person or best or said):
        status.append("nothing that is said tells who this is")
    if status:
        _line("; ".join(status))
    for c in said:
        _line(f"{c.by} said on {c.at[:10]}: this {_claim(context, c)}")
    for e in name.evidence if name.label.startswith(BY_PEOPLE) else ():
        _line(f"a person, at {cite.timecode(e.at_ms)}: {e.words}")
    for e in best:
        about = "" if name.person or name.runner_up else f" ({_called(context, e.person)})"
        words = textwrap.shorten(e.words, MOST_LETTERS, placeholder=" …")
        _line(f"{cite.timecode(e.at_ms)}  {e.weight:+.1f}  {e.kind}{about}: “{words}”", hang=9)


def _as_likely(name: SpeakerName, person: str) -> list[str]:
    """Whoever may as well be a voice without a name as the one who comes first: two councillors of one name."""
    weights: dict[str, float] = {person: 0.0}
    for e in name.evidence:
        weights[e.person] = weights.get(e.person, 0.0) + e.weight
    return [p for p, weight in weights.items() if abs(weight - weights[person]) < SAME_WEIGHT]


def _best(name: SpeakerName) -> list[Evidence]:
    """The strongest evidence for and against whoever a voice is, or would be first; what the same words tell in two
    ways counts together."""
    person = name.person or (name.runner_up[0] if name.runner_up else None)
    together: dict[tuple[str, int, str, str], Evidence] = {}
    for e in name.evidence:
        if e.weight and person in (None, e.person):
            told = e.kind, e.at_ms, e.words, e.person
            known = together.get(told)
            together[told] = msgspec.structs.replace(e, weight=e.weight + (known.weight if known else 0.0))
    return sorted(together.values(), key=lambda e: -abs(e.weight))[:EVIDENCE_SHOWN]


def _claim(context: Context, c: Correction) -> str:
    """What a person says of a voice."""
    who = _called(context, c.new) if c.new else "somebody whom nobody knows"
    return f"is not {who}" if c.kind == "reject" else f"is {who}"


def _print_doubt(context: Context, stand: Standing) -> None:
    """What people said of a voice that cannot be told any more which it is."""
    c = stand.correction
    out.print(Text("needs a look", style="bold yellow"))
    _line(f"{c.by} said on {c.at[:10]} that a voice {_claim(context, c)}. It does not hold now: {stand.doubt}.")
    if stand.voices:
        _line("Those words are in " + ", ".join(f"{label} ({share:.0%})" for label, share in stand.voices) + ".")
    _line(f"Listen, and say again who they are; or take it back: --undo {c.id}")


def _print_next(context: Context, waiting: Sequence[SpeakerName]) -> None:
    """The command that comes next, where voices wait to be confirmed: of an unknown one first."""
    name = min(waiting, key=lambda n: n.status != "unknown", default=None)
    if name:
        pair = printable(f"{name.label}={meant(context.meeting.people, name.person) or 'PERSON'}")
        out.print()
        out.print("Listen, then say who it is:")
        out.print(Text(f"  onrecord speakers {context.meeting.id} --confirm {shlex.quote(pair)}"))


def print_personal(context: Context, *, json: bool) -> None:
    """What the public says that should perhaps be hidden, each with the command that hides it."""
    transcript = context.transcript()
    found = details(transcript.words, transcript.names, context.meeting.people)
    rows = [(d, f"{context.meeting.id}/{d.start_ms}-{d.end_ms}") for d in found]
    if json:
        to_json([{"address": address, **msgspec.to_builtins(d)} for d, address in rows])
        return
    for d, address in rows:
        voice = printable(speaker_name(d.label, transcript.names).display)
        out.print(Text.assemble((f"{cite.timecode(d.start_ms)}  ", "cyan"), f"{d.kind}, said by {voice}:"))
        _line(f"“{d.words}”")
        if any(w.timing == "cue" for w in transcript.words[d.first_word : d.end_word]):
            _line("captions give no time to each word: all of the caption goes with it")
        out.print(Text(f"  onrecord correct {address} --mask --reason {shlex.quote(d.kind)}"))
    out.print(f"{n_of(len(rows), 'place')} to look at. Listen first; more may be said than is found here.")


def print_changes(
    context: Context, corrections: Sequence[Correction], applied: Sequence[Applied], *, json: bool
) -> None:
    """What was said of voices, and what became of it; nothing where it was not `applied`."""
    if json:
        to_json([msgspec.to_builtins(a) for a in applied] or [{"correction": c, "kept": False} for c in corrections])
        return
    known = {c.id: c for c in context.corrections()}
    for c in corrections:
        said = known.get(c.undoes, c)
        took = "taken back: " if c.kind == "undo" else ""
        time_s = length(said.stretches) / 1000
        _line(f"{took}the voice shown as {said.old}, which spoke {span(time_s)}, {_claim(context, said)}", indent="")
    if not applied:
        out.print("nothing was changed: this was a dry run")
        return
    ran = dict.fromkeys(stage for a in applied for stage in a.ran)
    out.print(f"kept, by {printable(corrections[0].by)}; {', '.join(ran) or 'nothing'} made again")
    for waits in dict.fromkeys(a.waits for a in applied if a.waits):
        out.print(Text(printable(waits)))


def _called(context: Context, person: str) -> str:
    real = meant(context.meeting.people, person)
    return next((" ".join(p.name.split()) for p in context.meeting.people if p.id == real), person)


def _line(text: str, *, indent: str = INDENT, hang: int = 0) -> None:
    """A line; on a terminal broken where it ends, and indented further from there on."""
    text = printable(text)
    if not out.is_terminal:
        out.print(Text(indent + text))
        return
    for line in textwrap.wrap(text, out.width, initial_indent=indent, subsequent_indent=indent + " " * hang):
        out.print(Text(line))

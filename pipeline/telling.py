"""In words for people: why a voice is who it is said to be, and what was changed in a place, by whom."""

from msgspec.structs import replace

from pipeline.places import Past
from search.reading import Ground
from transcribe import privacy
from transcribe.records import Evidence, SpeakerName

N_EVIDENCE = 5
KINDS = {  # of evidence for a name
    "chair handover": "the chair gave them the floor",
    "addressed": "they were spoken to by name, and answered",
    "self-introduction": "they said who they are",
    "roll call": "they answered to a roll call",
    "thanks": "they were thanked by name after speaking",
    "apology": "they were said to come late, and did",
    "caption voice": "the published captions name them",
    "role": "they spoke as the office does",
}
DID = {  # what somebody did by each kind of correction
    "words": "changed the words",
    "speaker": "said who speaks",
    "confirm": "said who this voice is",
    "reject": "said who this voice is not",
    "listen": "listened, and found the words right",
    "mask": "hid personal details here",
    "exclude": "took something here out of the public record",
    "withhold": "withheld something here",
}


def evidence(name: SpeakerName) -> tuple[Ground, ...]:
    """Why a voice is who it is said to be, the strongest first."""
    own = [e for e in name.evidence if e.person == name.person and e.weight >= 0]
    told = map(_because, sorted(own, key=lambda e: (e.kind != "human", -abs(e.weight))))
    return tuple(dict.fromkeys(told))[:N_EVIDENCE]


def shown_evidence(name: SpeakerName) -> tuple[Ground, ...]:
    """The same for readers, to whom it would name a member of the public who is not shown by name."""
    return evidence(replace(name, evidence=privacy.shown_evidence(name)))


def _because(e: Evidence) -> Ground:
    if e.kind == "human":
        return Ground(text=e.words[:1].upper() + e.words[1:])
    return Ground(text=KINDS[e.kind] + (f" (“{e.words}”)" if e.words else ""), at_ms=e.at_ms)


def confirmed_by(name: SpeakerName) -> str:
    """Who confirmed a voice's name; empty where nobody did."""
    said = next((e.words for e in name.evidence if e.kind == "human"), "")
    return said.removeprefix("confirmed by ") if name.status == "confirmed" else ""


def change(p: Past) -> str:
    """A correction, for readers. Old names stay out of it: they may have been wrong about somebody."""
    told = f"{p.at[:10]}: {p.by} {DID[p.kind]}"
    if p.kind == "words" and not p.hidden and not p.undone_by:
        told += f", from “{p.old}” to “{p.new}”"
    return _ended(told, p)


def whole_change(p: Past) -> str:
    """A correction with the names that it changed, for those who may take it back."""
    told = f"{p.at[:10]}, {p.at[11:16]} UTC: {p.by} {DID[p.kind]}"
    if p.kind == "words" and not p.hidden:
        told += f", from “{p.old}” to “{p.new}”"
    if p.kind in ("speaker", "confirm") and not p.hidden:
        told += f": {p.new}, where it said {p.old or 'nobody'}"
    if p.kind == "reject" and not p.hidden:
        told += f": not {p.new}"
    if p.reason:
        told += f" ({p.reason})"
    return _ended(told, p)


def _ended(told: str, p: Past) -> str:
    """What is told of a correction, with who took it back and a full stop; one that ends with words that somebody said
    has it."""
    told += f"; {p.undone_by} took that back on {p.undone_at[:10]}" if p.undone_at else ""
    return told if told.endswith((".”", "?”", "!”")) else f"{told}."

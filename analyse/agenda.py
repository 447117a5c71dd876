"""Where a meeting turns to another item of its agenda, as the words themselves say it."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from analyse.records import PlacedItem
from transcribe.records import AgendaItem

_NUMBERS = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
_VALUE = {word: str(n) for n, word in enumerate(_NUMBERS.split("|"), 1)}
_N = rf"(?P<n>\d{{1,2}}[a-z]?|{_NUMBERS})\b"
_LEAD = r"(?:(?:right|so|okay|ok|now|well|and|then|thank you|thanks|good|lovely|chair|members|can we|please)[,.]?\s+)*"
_OPENINGS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"^{_LEAD}(?:this is |that is |that's |it's |the next (?:item )?is )?(?:agenda )?item (?:number )?{_N}",
        rf"\b(?:mov\w+|com\w+|go\w*|turn\w*|get\w*|takes? us|brings? us|next)\b[^.?!]{{0,30}}\bitem (?:number )?{_N}",
        rf"\bitem (?:number )?{_N} (?:on|of) (?:the|our|tonight's|today's) agenda\b",
        r"^" + _LEAD + r"(?:the |our )?next item\b(?! of)",
        r"\b(?:move|moving|turn|turning|go) (?:us )?(?:straight )?(?:on )?to (?:the |our )?(?:next|last|final) item\b",
        r"\b(?:that )?(?:concludes|closes|ends|completes) (?:the|that|this) item\b",
    )
)
_TURNS = re.compile(
    r"\b(?:item|agenda|mov(?:e|ing) on|turn(?:ing)? to|com(?:e|es|ing) to|next (?:is|we have)|takes us|leaves)\b"
)
HALF = 0.5  # of a title's telling words: enough beside its number
_SMALL = {"a", "an", "and", "at", "for", "from", "in", "of", "on", "or", "the", "to", "with", "our"}


class Opening(NamedTuple):
    """A sentence that opens an item: its number as said ("5"; "" where none is), and the agenda's entry if known."""

    number: str
    item: AgendaItem | None


class Heard(NamedTuple):
    """An opening in its place: words `[first_word, end_word)` of the transcript, said from `start_ms` on."""

    opening: Opening
    start_ms: int
    first_word: int
    end_word: int
    reason: str = ""  # how it names the agenda's entry
    sure: bool = False  # by its number and half of its title


def opening(sentence: str, agenda: Sequence[AgendaItem] = ()) -> Opening | None:
    """What item this sentence opens, or None. "As we heard under item 4" opens nothing; "Item 4, parks." does."""
    said = sentence.casefold().replace("’", "'").strip()
    for pattern in _OPENINGS:
        if found := pattern.search(said):
            number = found.groupdict().get("n") or ""
            number = _VALUE.get(number, number)
            by_number = next((item for item in agenda if number and str(item.item).casefold() == number), None)
            return Opening(number, by_number or _by_title(said, agenda))
    if _TURNS.search(said) and (item := _by_title(said, agenda)):
        return Opening(str(item.item), item)
    return None


def heard(sentence: str, agenda: Sequence[AgendaItem], start_ms: int, first_word: int, end_word: int) -> Heard | None:
    """The opening that this sentence is, where it was said."""
    opened = opening(sentence, agenda)
    if opened is None:
        return None
    reason, numbered, titled = "", False, False
    if opened.item is not None:
        numbered = str(opened.item.item).casefold() == opened.number and _says_number(sentence)
        titled = _said_of(opened.item.title, sentence) >= HALF
        reason = "its number and title are said" if numbered and titled else "its number is said" if numbered else ""
        reason = reason or "its title is said"
    return Heard(opened, start_ms, first_word, end_word, reason, sure=numbered and titled)


def in_order(openings: Sequence[Heard], agenda: Sequence[AgendaItem]) -> list[Heard]:
    """The openings that can be believed: agendas are taken in their order, mostly.

    The weightiest run in order is kept; a number said with its title weighs twice, and stands even out of order. What
    else does not fit was a mention ("as we heard, item two") or a misheard number.
    """
    place = {id(item): n for n, item in enumerate(agenda)}
    entries = [(i, place[id(h.opening.item)], h.sure) for i, h in enumerate(openings) if h.opening.item is not None]
    runs: list[tuple[int, int, list[int]]] = []  # weight, place of the last, openings
    for i, own, sure in entries:
        weight, _, run = max((r for r in runs if r[1] <= own), default=(0, 0, []))
        runs.append((weight + 1 + sure, own, [*run, i]))
    kept = set(max(runs)[2]) if runs else set()
    doubted = {i for i, _, sure in entries if i not in kept and not sure}
    return [h for i, h in enumerate(openings) if i not in doubted]


def placed(openings: Sequence[Heard], agenda: Sequence[AgendaItem], end_ms: int) -> tuple[PlacedItem, ...]:
    """Every entry of the agenda with the time at which it was first taken, or with none where nobody opened it.

    An item lasts until the next opening of another; the last until `end_ms`.
    """
    out = []
    for item in agenda:
        at = next((i for i, h in enumerate(openings) if h.opening.item is item), None)
        if at is None:
            out.append(PlacedItem(item=item.item, title=item.title))
            continue
        own = openings[at]
        until = next((h.start_ms for h in openings[at + 1 :] if h.opening.item is not item), end_ms)
        out.append(
            PlacedItem(
                item=item.item,
                title=item.title,
                start_ms=own.start_ms,
                end_ms=until,
                first_word=own.first_word,
                end_word=own.end_word,
                reason=own.reason,
            )
        )
    return tuple(out)


def _said_of(title: str, sentence: str) -> float:
    """Which share of a title's telling words is said."""
    telling = set(re.findall(r"\w+", title.casefold())) - _SMALL
    return len(telling & set(re.findall(r"\w+", sentence.casefold()))) / max(1, len(telling))


def _says_number(sentence: str) -> bool:
    said = sentence.casefold().replace("’", "'").strip()
    return any((m := p.search(said)) is not None and m.groupdict().get("n") for p in _OPENINGS)


def label(opened: Opening) -> str:
    """How an item is shown beside its quotes; empty where the agenda does not say and no number was heard."""
    if opened.item is not None:
        return f"{opened.item.item}. {opened.item.title}"
    return f"Item {opened.number}" if opened.number else ""


def _by_title(said: str, agenda: Sequence[AgendaItem]) -> AgendaItem | None:
    """The entry of which every telling word of the title is in the sentence; the longest title wins."""
    heard = set(re.findall(r"\w+", said))
    best: tuple[int, AgendaItem] | None = None
    for item in agenda:
        telling = set(re.findall(r"\w+", item.title.casefold())) - _SMALL
        if telling and telling <= heard and (best is None or len(telling) > best[0]):
            best = len(telling), item
    return best[1] if best else None

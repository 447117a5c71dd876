"""Where a meeting turns to another item of its agenda, as the words themselves say it."""

import re
from collections.abc import Sequence
from typing import NamedTuple

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
_SMALL = {"a", "an", "and", "at", "for", "from", "in", "of", "on", "or", "the", "to", "with", "our"}


class Opening(NamedTuple):
    """A sentence that opens an item: its number as said ("5"; "" where none is), and the agenda's entry if known."""

    number: str
    item: AgendaItem | None


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

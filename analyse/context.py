"""Whether a statement is about the topic, from its own words and from what stands around it.

"It was just a tweet" names nothing. It is about facial recognition when that is what the meeting is discussing, so the
discussion is followed through the meeting: two states, on the topic or off it, in a chain over the statements. Each
statement is evidence for one or the other (a naming, a hint, another subject, an item opened by the chair), and what is
known of its neighbours, before and after, reaches it weakened at every step.

The numbers are weights of rules in log-odds. Scores made of them order decisions; they are not measured probabilities.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import exp, log
from typing import Literal, NamedTuple

from analyse.records import Topic

NAMED, HINT, MAX_HINTS = 3.0, 0.6, 1.8
NEIGHBOUR, OTHER = -0.2, -1.5
AKIN = 0.2  # words that belong with the topic but also elsewhere: who uses it, what the codes look for
SILENT_PER_WORD, MAX_SILENT = -0.03, -0.9  # the longer somebody speaks and names nothing, the likelier it is elsewhere
ITEM_ON, ITEM_OFF = 4.0, -3.0
PRIOR = -2.0  # before anything is heard, most talk is about something else
STAY_ON, STAY_OFF = 0.93, 0.97  # from one statement to the next
STAY_IN_ITEM = 0.99  # once the chair has opened an item on it, people stop naming it and still talk of little else
NEW_ITEM_ON = 0.15  # after the chair opens an item and does not say what it is
THRESHOLD = 0.5  # better than even: a doubtful statement is left out

Item = Literal["", "on", "off", "new"]


class Sight(NamedTuple):
    """What a statement shows by itself. Spans are words of the transcript, `[first, end)`, or None."""

    named: tuple[int, int] | None = None
    hints: int = 0
    hint: tuple[int, int] | None = None
    neighbour: tuple[int, int] | None = None
    other: tuple[int, int] | None = None
    akin: bool = False
    procedural: bool = False  # thanks, hand-overs, votes: about nothing by itself
    item: Item = ""  # it opens an item: on the topic, off it, or one whose subject is not said
    n_words: int = 0


def topics(sights: Sequence[Sight], says: str) -> tuple[Topic, ...]:
    """One decision per statement, in order. `says` is the topic's name, for the reasons given."""
    items = _items(sights)
    weights = [_weight(s, item) for s, item in zip(sights, items, strict=True)]
    # The step into each statement: how likely the discussion stays on the topic, None where an item is opened.
    steps = [
        None if s.item else STAY_IN_ITEM if item == "on" else STAY_ON for s, item in zip(sights, items, strict=True)
    ]
    before = _forwards(weights, steps)
    after = _backwards(weights, steps)
    anchors_before = list(
        accumulate(range(len(sights)), lambda last, i: i if _anchors(sights[i]) else last, initial=-1)
    )
    anchors_after = list(
        accumulate(reversed(range(len(sights))), lambda last, i: i if _anchors(sights[i]) else last, initial=-1)
    )[::-1]
    out = []
    for i, sight in enumerate(sights):
        around = before[i] + after[i]
        earlier, later = anchors_before[i], anchors_after[i + 1]
        anchor = earlier if earlier >= 0 and (later < 0 or before[i] >= after[i] + PRIOR) else later
        out.append(_decide(sight, around, weights[i], sights[anchor] if anchor >= 0 else None, anchor < i, says))
    return tuple(out)


def _decide(sight: Sight, around: float, own: float, anchor: Sight | None, is_before: bool, says: str) -> Topic:
    total = around + own
    score = round(1 / (1 + exp(-max(-30.0, min(30.0, total)))), 3)
    if sight.named or sight.item == "on":
        first, end = sight.named or (None, None)
        return Topic(about=True, score=max(score, 0.9), first_word=first, end_word=end, reason=f"names {says}")
    if sight.neighbour:
        return _not(score, sight.neighbour, f"names another subject, not {says}")
    if sight.item:
        return _not(score, None, "opens another item")
    if sight.procedural and not sight.hints:
        return _not(score, None, "procedure")
    if sight.other and not sight.hints:
        return _not(score, sight.other, "names another subject")
    if total <= THRESHOLD or anchor is None:
        return _not(score, None, f"nothing here or around it is about {says}")
    first, end = anchor.named or sight.hint or (None, None)
    if anchor.item == "on" and is_before:
        reason = f"said in an item on {says}"
    else:
        reason = f"{says} is named {'before' if is_before else 'after'} it"
    return Topic(about=True, score=score, first_word=first, end_word=end, reason=reason)


def _not(score: float, span: tuple[int, int] | None, reason: str) -> Topic:
    first, end = span or (None, None)
    return Topic(about=False, score=min(score, 0.5), first_word=first, end_word=end, reason=reason)


def _anchors(sight: Sight) -> bool:
    return sight.named is not None or sight.item == "on"


def _items(sights: Sequence[Sight]) -> list[Item]:
    """The kind of item that each statement stands in: that of the last opening."""
    out: list[Item] = []
    for sight in sights:
        out.append(sight.item or (out[-1] if out else ""))
    return out


def _weight(sight: Sight, item: Item) -> float:
    """What a statement's own words say for the topic being under discussion."""
    weight = {"": 0.0, "new": 0.0, "on": ITEM_ON, "off": ITEM_OFF}[sight.item]
    if sight.named:
        return weight + NAMED
    weight += min(sight.hints * HINT, MAX_HINTS)
    if sight.neighbour:
        weight += NEIGHBOUR
    if sight.other:
        weight += OTHER
    if sight.akin and item == "on":
        weight += AKIN
    elif not (sight.hints or sight.other or sight.neighbour or sight.procedural):
        weight += max(MAX_SILENT, SILENT_PER_WORD * sight.n_words)
    return weight


def _forwards(weights: Sequence[float], steps: Sequence[float | None]) -> list[float]:
    """What everything before each statement says of it, the prior included, in log-odds, weakened at every step."""
    out: list[float] = []
    for i, stay in enumerate(steps):
        if i == 0:
            out.append(PRIOR)
        elif stay is None:
            out.append(log(NEW_ITEM_ON / (1 - NEW_ITEM_ON)))
        else:
            odds = exp(min(30.0, out[-1] + weights[i - 1]))
            out.append(log(stay * odds + 1 - STAY_OFF) - log((1 - stay) * odds + STAY_OFF))
    return out


def _backwards(weights: Sequence[float], steps: Sequence[float | None]) -> list[float]:
    """What everything after each statement says of it: evidence alone, so that it adds to what came before."""
    out = [0.0] * len(weights)
    for i in range(len(weights) - 2, -1, -1):
        stay = steps[i + 1]
        if stay is not None:
            odds = exp(min(30.0, out[i + 1] + weights[i + 1]))
            out[i] = log(stay * odds + 1 - stay) - log((1 - STAY_OFF) * odds + STAY_OFF)
    return out

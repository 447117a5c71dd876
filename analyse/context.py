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
SILENT_PER_WORD, MAX_SILENT = -0.03, -0.9  # the longer somebody speaks and names nothing, the likelier it is elsewhere
ITEM_ON, ITEM_OFF = 4.0, -3.0
PRIOR = -2.0  # before anything is heard, most talk is about something else
STAY_ON, STAY_OFF = 0.93, 0.97  # from one statement to the next
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
    procedural: bool = False  # thanks, hand-overs, votes: about nothing by itself
    item: Item = ""  # it opens an item: on the topic, off it, or one whose subject is not said
    n_words: int = 0


def topics(sights: Sequence[Sight], says: str) -> tuple[Topic, ...]:
    """One decision per statement, in order. `says` is the topic's name, for the reasons given."""
    weights = [_weight(s) for s in sights]
    before = _pass(weights, [s.item != "" for s in sights])
    # Backwards, the border that an opening makes lies behind the statement that follows it in time.
    after = _pass(weights[::-1], [False, *(s.item != "" for s in sights[:0:-1])], backwards=True)[::-1]
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


def _weight(sight: Sight) -> float:
    """What a statement's own words say for the topic being under discussion."""
    weight = {"": 0.0, "new": 0.0, "on": ITEM_ON, "off": ITEM_OFF}[sight.item]
    if sight.named:
        return weight + NAMED
    weight += min(sight.hints * HINT, MAX_HINTS)
    if sight.neighbour:
        weight += NEIGHBOUR
    if sight.other:
        weight += OTHER
    if not (sight.hints or sight.other or sight.neighbour or sight.procedural):
        weight += max(MAX_SILENT, SILENT_PER_WORD * sight.n_words)
    return weight


def _pass(weights: Sequence[float], borders: Sequence[bool], *, backwards: bool = False) -> list[float]:
    """What everything on one side of each statement says, in log-odds, weakened at every step.

    Forwards this holds the prior; backwards it is evidence alone, so that the two can be added.
    """
    out = []
    message = 0.0 if backwards else PRIOR
    for i, weight in enumerate(weights):
        out.append(message if not borders[i] else (0.0 if backwards else log(NEW_ITEM_ON / (1 - NEW_ITEM_ON))))
        odds = exp(min(30.0, out[-1] + weight))
        if backwards:  # P(what follows | on now) against P(what follows | off now)
            message = log(STAY_ON * odds + 1 - STAY_ON) - log((1 - STAY_OFF) * odds + STAY_OFF)
        else:
            message = log(STAY_ON * odds + 1 - STAY_OFF) - log((1 - STAY_ON) * odds + STAY_OFF)
    return out

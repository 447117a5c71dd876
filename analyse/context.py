"""Whether a statement is about the topic, from its own words and from what stands around it.

"It was just a tweet" names nothing. It is about facial recognition when that is what the meeting is discussing, so the
discussion is followed through the meeting, statement by statement, in one of three states: on the topic, aside (a word
on a neighbouring subject, after which the topic comes back) and elsewhere. What a statement shows by itself makes each
state likelier or less likely; a change of voice and the opening of an item are where the state changes; what is known
of the statements before and after reaches each one through the chain, weaker at every step (forward-backward).

People who discuss something stop naming it. So the chain runs again with what it found: the words that a statement
shares with those around it say whether it goes on with what was on the topic or with something else
(analyse/cohesion.py), and the more the meeting is a conversation, the less it says that somebody shows nothing.

WEIGHTS began as a logistic regression over labelled statements that name nothing (topic, neighbouring, distant),
cross-validated by document, and were rounded. They hold for counts of a codebook's cues, whatever these say, so that
they serve any codebook. The other numbers were set by hand on meetings laid out by tests/bench/topic.py. Scores order
decisions; they are not measured probabilities.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from math import exp
from typing import Literal, NamedTuple

from analyse.cohesion import kinship
from analyse.records import Statement, Topic, TopicRange

THRESHOLD = 0.65  # surer than even: a doubtful statement is left out
ASIDE_MS = 60_000  # a minute about something else ends a stretch on the topic
MAX_HINTS, MAX_OTHERS, MAX_SIDES, MAX_WORDS = 3, 2, 2, 24

# What each thing seen in a statement that does not name the topic says for the topic, in log-odds: against a
# neighbouring subject, and against a distant one.
WEIGHTS = {
    "word": (-0.09, -0.12),  # of silence: the longer somebody shows nothing, the likelier it is something else
    "hint": (1.4, 1.8),
    "neighbour": (-2.4, 0.0),
    "other": (-0.6, -1.6),
    "scene": (-0.4, 0.8),
    "side": (0.4, 0.4),
    "refers": (0.8, 0.7),
}
NAMED = (5.0, 5.0)
# How much a statement's silence tells of itself, and of the statements around it: people who discuss something stop
# naming it, and do so all the more where the chair has opened an item on it.
SILENCE = {"": (1.0, 0.6), "on": (1.0, 0.3), "listed": (0.8, 0.05)}

# In a conversation this much is left of what silence tells, and of the steps below out of the topic and to it.
SILENCE_IN_TALK = (0.6, 0.25)
STEPS_IN_TALK = 0.37
# A conversation: how much oftener than by chance a voice comes back after another's turn, where it begins to be one
# and where it is one.
TALK = (0.05, 0.15)
ROUNDS = 3  # what was found reaches further with each

# Of the statements in each state, how many are on the topic, on a neighbouring and on a distant subject.
_SHARES = {"on": (1.0, 0.0, 0.0), "aside": (0.0, 0.85, 0.15), "off": (0.01, 0.15, 0.84)}
_States = tuple[float, float, float]
_Steps = tuple[_States, _States, _States]


def _steps(*, aside: float, back: float, leave: float, enter: float) -> _Steps:
    """How the state changes from a statement to the next: rows are the states before, columns after."""
    return (1 - aside - leave, aside, leave), (back, 1 - back - leave, leave), (enter, 0.0, 1 - enter)


# By the item that the chair has opened, and whether somebody else begins to speak. Where an agenda lists the item, the
# chair's next opening will be known when it comes; without one, half of the changes of item go unannounced.
STEPS = {
    ("", False): _steps(aside=0.06, back=0.2, leave=0.02, enter=0.01),
    ("", True): _steps(aside=0.18, back=0.66, leave=0.06, enter=0.035),
    ("on", False): _steps(aside=0.06, back=0.2, leave=0.006, enter=0.01),
    ("on", True): _steps(aside=0.12, back=0.75, leave=0.012, enter=0.035),
    ("listed", False): _steps(aside=0.06, back=0.2, leave=0.002, enter=0.01),
    ("listed", True): _steps(aside=0.12, back=0.75, leave=0.004, enter=0.035),
}
START: _States = (0.12, 0.02, 0.86)
OPENED: dict[str, _States] = {
    "listed": (0.78, 0.2, 0.02),
    "on": (0.78, 0.2, 0.02),
    "near": (0.35, 0.1, 0.55),
    "new": (0.12, 0.02, 0.86),
    "off": (0.02, 0.0, 0.98),
}

# An item on the topic that the agenda lists, one that the chair only names, one that may be near it, one whose subject
# is not said, and one on something else.
Item = Literal["", "listed", "on", "near", "new", "off"]


class Sight(NamedTuple):
    """What a statement shows by itself. Spans are words of the transcript, `[first, end)`, or None."""

    named: tuple[int, int] | None = None
    hint: tuple[int, int] | None = None
    n_hints: int = 0  # different words that go with the topic
    neighbour: tuple[int, int] | None = None
    other: tuple[int, int] | None = None
    n_others: int = 0
    scene: bool = False  # the people and places of the topic
    n_sides: int = 0  # words that take a side
    refers: bool = False  # "it", "they": to something said before
    procedural: bool = False  # thanks, hand-overs, votes: about nothing by itself
    item: Item = ""  # it opens an item: on the topic, near it, off it, or one whose subject is not said
    n_words: int = 0
    new_voice: bool = True  # somebody else spoke before it
    voice: str | None = None
    content: tuple[str, ...] = ()  # its telling words, by their beginnings, each once


def topics(sights: Sequence[Sight], says: str) -> tuple[Topic, ...]:
    """One decision per statement, in order. `says` is the topic's name, for the reasons given."""
    likely = _smoothed(sights)
    places = range(len(sights))
    earlier = list(accumulate(places, lambda last, i: i if _anchors(sights[i]) else last, initial=-1))
    later = list(accumulate(reversed(places), lambda last, i: i if _anchors(sights[i]) else last, initial=-1))[::-1]
    out = []
    for i, sight in enumerate(sights):
        before, after = earlier[i], later[i + 1]
        anchor = after if before < 0 or (after >= 0 and after - i < i - before) else before
        out.append(_decide(sight, likely[i], sights[anchor] if anchor >= 0 else None, anchor < i, says))
    return tuple(out)


def stretches(statements: Sequence[Statement]) -> tuple[TopicRange, ...]:
    """Where the topic was discussed: statements on it, put together where little else was said between them."""
    runs: list[list[Statement]] = []
    for said in statements:
        if not said.topic.about:
            continue
        last = runs[-1][-1] if runs else None
        if last and said.start_ms - last.end_ms <= ASIDE_MS and said.agenda_item == last.agenda_item:
            runs[-1].append(said)
        else:
            runs.append([said])
    return tuple(
        TopicRange(
            start_ms=run[0].start_ms,
            end_ms=max(s.end_ms for s in run),
            n_statements=len(run),
            title=run[0].agenda_item,
        )
        for run in runs
    )


def _decide(sight: Sight, likely: float, anchor: Sight | None, is_before: bool, says: str) -> Topic:
    score = round(likely, 3)
    if sight.named or sight.item in ("on", "listed"):
        first, end = sight.named or (None, None)
        return Topic(about=True, score=max(score, 0.9), first_word=first, end_word=end, reason=f"names {says}")
    if sight.item:
        return _not(score, None, "opens another item")
    if sight.procedural and not sight.n_hints:
        return _not(score, None, "procedure")
    if likely <= THRESHOLD or anchor is None:
        if sight.neighbour or sight.other:
            return _not(score, sight.neighbour or sight.other, f"names another subject, not {says}")
        return _not(score, None, f"nothing here or around it is about {says}")
    where = "before" if is_before else "after"
    if sight.hint:
        first, end = sight.hint
        return Topic(about=True, score=score, first_word=first, end_word=end, reason=f"{says} is named {where} it")
    first, end = anchor.named or (None, None)
    reason = (
        f"said in an item on {says}" if anchor.item in ("on", "listed") and is_before else f"{says} is named {where} it"
    )
    return Topic(about=True, score=score, first_word=first, end_word=end, reason=reason)


def _not(score: float, span: tuple[int, int] | None, reason: str) -> Topic:
    first, end = span or (None, None)
    return Topic(about=False, score=score, first_word=first, end_word=end, reason=reason)


def _anchors(sight: Sight) -> bool:
    return sight.named is not None or sight.item in ("on", "listed")


def odds(sight: Sight, silence: float = 1.0) -> tuple[float, float]:
    """What a statement's own words say for the topic, in log-odds: against a neighbouring and a distant subject.

    `silence` is how much of what is not said counts.
    """
    if sight.named:
        return NAMED
    seen = {
        "word": silence * min(sight.n_words, MAX_WORDS),
        "hint": min(sight.n_hints, MAX_HINTS),
        "neighbour": sight.neighbour is not None,
        "other": min(sight.n_others, MAX_OTHERS),
        "scene": sight.scene,
        "side": min(sight.n_sides, MAX_SIDES),
        "refers": sight.refers,
    }
    near, far = (sum(n * WEIGHTS[what][k] for what, n in seen.items()) for k in (0, 1))
    return near, far


def _likelihoods(sight: Sight, silence: float, kin: float) -> _States:
    """How likely each state makes what a statement shows, against what the topic makes it."""
    if sight.procedural and not sight.named:
        return 1.0, 1.0, 1.0
    near, far = odds(sight, silence)
    # A neighbouring subject shares the topic's words: kinship tells it only from what is distant.
    near, far = exp(-near), exp(-far - kin)
    on, aside, off = (a + b * near + c * far for a, b, c in _SHARES.values())
    return on, aside, off


def _smoothed(sights: Sequence[Sight]) -> list[float]:
    """How likely each statement is on the topic, given all statements."""
    likely = _through(sights, [0.0] * len(sights), 0.0)
    if not any(_anchors(s) for s in sights):
        return likely
    words, talk = [s.content for s in sights], conversation(sights)
    for _ in range(ROUNDS):
        sure = [1.0 if _anchors(s) else p for s, p in zip(sights, likely, strict=True)]
        likely = _through(sights, kinship(words, sure), talk)
    return likely


def conversation(sights: Sequence[Sight]) -> float:
    """How much of a conversation the meeting is, from 0 (one after another has a say) to 1.

    In a conversation a voice comes back at once after another's turn; how often it would by chance is left out.
    """
    turns = [s.voice for s in sights if s.new_voice]
    n_turns = Counter(turns)
    answers = [(a, b, c) for a, b, c in zip(turns, turns[1:], turns[2:], strict=False) if a and b and c]
    by_chance = sum(n_turns[first] / (len(turns) - n_turns[other]) for first, other, _ in answers)
    if len(answers) - by_chance < 1:
        return 0.0
    share = (sum(first == third for first, _, third in answers) - by_chance) / (len(answers) - by_chance)
    none, whole = TALK
    return min(1.0, max(0.0, (share - none) / (whole - none)))


def _through(sights: Sequence[Sight], kin: Sequence[float], talk: float) -> list[float]:
    """The chain: how likely each statement is on the topic, where `kin` is what its shared words say for it."""
    kinds = list(accumulate((s.item for s in sights), lambda last, item: item or last, initial=""))[1:]
    opened = [kind if kind in SILENCE else "" for kind in kinds]
    tables = _in_talk(talk)
    steps = [tables[kind, sight.new_voice] for kind, sight in zip(opened, sights, strict=True)]
    kept, passed = (1 - talk * (1 - left) for left in SILENCE_IN_TALK)
    silence = {kind: (a * kept, b * passed) for kind, (a, b) in SILENCE.items()}
    own = [_likelihoods(s, silence[kind][0], k) for s, kind, k in zip(sights, opened, kin, strict=True)]
    passed_on = [_likelihoods(s, silence[kind][1], k) for s, kind, k in zip(sights, opened, kin, strict=True)]
    forward: list[_States] = []
    state = START
    for i, (heard, sight) in enumerate(zip(passed_on, sights, strict=True)):
        if sight.item:
            state = OPENED[sight.item]
        elif i:
            state = _step(state, steps[i])
        forward.append(state)
        state = _times(state, heard)
    out: list[float] = []
    after: _States = (1.0, 1.0, 1.0)
    for i in range(len(sights) - 1, -1, -1):
        out.append(_times(_times(forward[i], after), own[i])[0])
        if sights[i].item:  # what is said in an item says nothing of what came before it
            after = (1.0, 1.0, 1.0)
        else:
            on, aside, off = _times(passed_on[i], after)
            a, b, c = (row[0] * on + row[1] * aside + row[2] * off for row in steps[i])
            after = a, b, c
    return out[::-1]


def _in_talk(talk: float) -> dict[tuple[str, bool], _Steps]:
    """STEPS where a conversation is going on: fewer leave what is spoken of, and fewer come to it."""
    left = 1 - talk * (1 - STEPS_IN_TALK)

    def fewer(steps: _Steps) -> _Steps:
        (_, aside, leave), (back, _, away), (enter, _, _) = steps
        return (
            (1 - aside - leave * left, aside, leave * left),
            (back, 1 - back - away * left, away * left),
            (enter * left, 0.0, 1 - enter * left),
        )

    return {where: fewer(steps) for where, steps in STEPS.items()}


def _step(state: _States, steps: _Steps) -> _States:
    a, b, c = state
    (aa, ab, ac), (ba, bb, bc), (ca, cb, cc) = steps
    return a * aa + b * ba + c * ca, a * ab + b * bb + c * cb, a * ac + b * bc + c * cc


def _times(a: _States, b: _States) -> _States:
    """The product, of which the parts sum to 1."""
    x, y, z = a[0] * b[0], a[1] * b[1], a[2] * b[2]
    total = x + y + z
    return x / total, y / total, z / total

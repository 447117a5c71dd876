"""Which voice is whom: evidence added up, one person to a voice and one voice to a person, and nobody where it is thin.

A meeting is a matching of voices and people in which every voice may also be somebody who is not on the list, and
everybody may have said nothing. Its odds are the product of the odds of its pairs; what is wanted of every pair is in
how many of all those matchings it stands, weighed by their odds. They are counted, all of them: belief propagation
would be too sure where two voices may be the same two people either way round. Two people for one voice, or two voices
for one person, are improbable each: nothing more is needed to abstain.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from heapq import nlargest
from typing import NamedTuple, TypeVar

LEAST_PROBABILITY, MOST_PROBABILITY = 0.87, 0.99  # only a person's word is certain
STRONG = 0.97  # of each of two voices alone, to be one person's
FEW_CUES = 2  # of each of two voices, at least
MOST_STATES = 1_000  # of who is taken, at a time
MOST_WAYS = 24_000  # on from all of these, a person each whom the next voice may be
MOST_LOG_ODDS = 20.0

K = TypeVar("K")
Scores = Mapping[str, Mapping[str, float]]  # voice -> person -> log-odds


class Choice(NamedTuple):
    """Who a voice is, if anybody, with the probability of that; and who is next, or would be."""

    person: str | None
    probability: float
    runner_up: tuple[str, float] | None


def decide(scores: Scores, n_cues: Mapping[tuple[str, str], int]) -> dict[str, Choice]:
    """A choice for every voice. `n_cues` is at how many places something speaks for a pair.

    A voice that a diariser split is one person's only if both parts are so each by itself, and beyond doubt.
    """
    together = marginals(scores)
    alone = {voice: marginals({voice: people})[voice] for voice, people in scores.items()}
    chosen = {}
    for voice, people in together.items():
        best = max(people, key=lambda p: people[p], default=None)
        if best is not None and people[best] >= LEAST_PROBABILITY:
            chosen[voice] = (best, people[best])
    for person in {p for people in alone.values() for p in people}:
        strong = [v for v in alone if alone[v].get(person, 0.0) >= STRONG and n_cues.get((v, person), 0) >= FEW_CUES]
        others = [v for v, (p, _) in chosen.items() if p == person and v not in strong]
        if len(strong) > 1 and not others:
            chosen |= {v: (person, alone[v][person]) for v in strong}
    choices = {}
    for voice, people in together.items():
        given = chosen.get(voice)
        rival = _next(people, alone[voice], given)
        choices[voice] = Choice(*given, rival) if given else Choice(None, 0.0, rival)
    return choices


def _next(
    together: Mapping[str, float], alone: Mapping[str, float], chosen: tuple[str, float] | None
) -> tuple[str, float] | None:
    """The next most likely person; of a voice without a name, whoever it may be if nobody else claimed them."""
    rest = together if chosen else alone
    best = max((p for p in rest if not chosen or p != chosen[0]), key=lambda p: rest[p], default=None)
    return (best, round(rest[best], 2)) if best is not None and rest[best] >= 0.005 else None


def marginals(scores: Scores) -> dict[str, dict[str, float]]:
    """The probability of every pair of voice and person, given that people and voices go together one to one.

    Voice after voice, the ways so far are told apart only by which of the people whom a later voice may be are taken;
    once onward, and once back for how what follows weighs them. Of very many such states the likeliest are followed,
    the fewer the more people the next voice may be; what was not followed speaks for nobody.
    """
    odds = {v: {p: math.exp(min(score, MOST_LOG_ODDS)) for p, score in people.items()} for v, people in scores.items()}
    order = _near_each_other(scores)
    last = {person: n for n, voice in enumerate(order) for person in scores[voice]}

    def ways_on(n: int, taken: frozenset[str]) -> Iterator[tuple[str | None, float, frozenset[str]]]:
        kept = frozenset(p for p in taken if last[p] > n)
        yield None, 1.0, kept
        for person, odd in odds[order[n]].items():
            if person not in taken:
                yield person, odd, kept | {person} if last[person] > n else kept

    followed = 1.0  # the share of all odds
    states = [{frozenset[str](): 1.0}]  # before each voice: who is taken, and the odds of all ways there
    for n in range(len(order)):
        reached: dict[frozenset[str], float] = defaultdict(float)
        for taken, odd in states[-1].items():
            for _, more, then in ways_on(n, taken):
                reached[then] += odd * more
        following = odds[order[n + 1]] if n + 1 < len(order) else {}
        most = max(1, min(MOST_STATES, MOST_WAYS // (1 + len(following))))
        likeliest = dict(nlargest(most, reached.items(), key=lambda item: item[1]))
        if len(likeliest) < len(reached):
            followed *= sum(likeliest.values()) / sum(reached.values())
        states.append(_shares(likeliest))
    found: dict[str, dict[str, float]] = {}
    onward = {frozenset[str](): 1.0}  # after each voice: who is taken, and the odds of all ways from there
    for n in reversed(range(len(order))):
        here: dict[str | None, float] = dict.fromkeys([None, *odds[order[n]]], 0.0)
        back: dict[frozenset[str], float] = defaultdict(float)
        for taken, odd in states[n].items():
            for person, more, then in ways_on(n, taken):
                rest = more * onward.get(then, 0.0)
                here[person] += odd * rest
                back[taken] += rest
        found[order[n]] = {p: share * followed for p, share in _shares(here).items() if p is not None}
        onward = _shares(back)
    return {voice: found[voice] for voice in scores}


def _near_each_other(scores: Scores) -> list[str]:
    """Voices in an order in which few people at a time may be both a voice before and a voice behind."""
    left = Counter(person for people in scores.values() for person in people)
    order: list[str] = []
    rest, between = dict.fromkeys(scores), frozenset[str]()

    def then_between(voice: str) -> frozenset[str]:
        return frozenset(p for p in between.union(scores[voice]) if left[p] > (p in scores[voice]))

    while rest:
        voice = min(rest, key=lambda v: len(then_between(v)))
        between = then_between(voice)
        left.subtract(scores[voice])
        del rest[voice]
        order.append(voice)
    return order


def _shares(odds: Mapping[K, float]) -> dict[K, float]:
    total = sum(odds.values())
    return {each: odd / total for each, odd in odds.items()}

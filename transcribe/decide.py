"""Which voice is whom: evidence added up, one person to a voice and one voice to a person, and nobody where it is thin.

A meeting is a matching of voices and people in which every voice may also be somebody who is not on the list, and
everybody may have said nothing. Its odds are the product of the odds of its pairs; what is wanted of every pair is in
how many of all those matchings it stands, weighed by their odds. Belief propagation gives that closely, and always
settles (M. Bayati, D. Gamarnik, D. Katz, C. Nair and P. Tetali: Simple deterministic approximation algorithms for
counting matchings, 2007). Two people for one voice, or two voices for one person, are improbable each: nothing more is
needed to abstain.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

LEAST_PROBABILITY, MOST_PROBABILITY = 0.87, 0.99  # only a person's word is certain
STRONG = 0.97  # of each of two voices alone, to be one person's
FEW_CUES = 2  # of each of two voices, at least
N_ROUNDS = 60
MOST_LOG_ODDS = 20.0

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
    """The probability of every pair of voice and person, given that people and voices go together one to one."""
    odds = {
        (voice, person): math.exp(min(score, MOST_LOG_ODDS))
        for voice, people in scores.items()
        for person, score in people.items()
    }
    voices_of: dict[str, list[str]] = {}
    people_of: dict[str, list[str]] = {voice: list(people) for voice, people in scores.items()}
    for voice, person in odds:
        voices_of.setdefault(person, []).append(voice)
    free_voice, free_person = (
        dict.fromkeys(odds, 1.0),
        dict.fromkeys(odds, 1.0),
    )  # how free one is, apart from the other
    for _ in range(N_ROUNDS):
        wanted = {v: 1 + sum(odds[v, p] * free_person[v, p] for p in people) for v, people in people_of.items()}
        free_voice = {(v, p): 1 / (wanted[v] - odds[v, p] * free_person[v, p]) for v, p in odds}
        wanting = {p: 1 + sum(odds[v, p] * free_voice[v, p] for v in voices) for p, voices in voices_of.items()}
        free_person = {(v, p): 1 / (wanting[p] - odds[v, p] * free_voice[v, p]) for v, p in odds}
    found: dict[str, dict[str, float]] = {voice: {} for voice in scores}
    for (voice, person), odd in odds.items():
        joint = odd * free_voice[voice, person] * free_person[voice, person]
        found[voice][person] = joint / (1 + joint)
    return found

"""What the words that statements share say of what they are about.

A discussion keeps to its words: "the three days", "the appendix", "the High Street" come again, and where it ends
others begin. Which words go with the topic is learnt from the meeting itself, from what is known of its statements so
far; words are known by their beginnings, and count the less the further off they were said.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import exp, log

from analyse.cues import Token

REACH = 15.0  # statements after which a word counts 1/e
STEM_LETTERS = 6  # consulted, consultation
MIN_LETTERS = 3
DOUBT = 1.0  # how often a word must have been said on either side before it tells
WEIGHT = 0.8
MOST_OF_A_WORD, MOST = 1.5, 3.0  # in log-odds: what one word says, and what all say together

# Words of any subject, and of any council.
_COMMON_WORDS = """
about above after again against all also and any are aren't because been before being below between both but can
can't cannot come comes could couldn't did didn't does doesn't doing don't down during each even few first for from
further get going good got had hadn't has hasn't have haven't having he'd he'll he's her here here's hers herself
him himself his how i'd i'll i'm i've into isn't it's its itself just know let like made make many may might more
most much must myself need needs new nor not now off once one only other our ours out over own people per put quite
rather really right said same say says see shall she should some still such sure take than thank thanks that that's
the their theirs them themselves then there there's these they they're they've thing things think this those three
through too two under until upon use used very want was wasn't way we'd we'll we're we've well were weren't what
when where which while who whom why will with won't would wouldn't yes yet you you'd you'll you're you've your yours
yourself back next
chair chairman cllr councillor councillors friend gentleman hon house lady lord lords madam mayor member members
minister miss mrs sir
"""
_COMMON = frozenset(_COMMON_WORDS.split())


def content(text: Iterable[Token]) -> tuple[str, ...]:
    """The telling words of a statement by their beginnings, each once, in order."""
    return tuple(dict.fromkeys(stem for token in text if (stem := _stem(token.text))))


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    return "" if len(word) < MIN_LETTERS or word in _COMMON else word[:STEM_LETTERS]


def kinship(words: Sequence[Sequence[str]], likely: Sequence[float]) -> list[float]:
    """For each statement what the words that it shares with others say for the topic, in log-odds.

    `words` are the statements' telling words; `likely` is how likely each is on the topic. A statement's own likelihood
    does not count for itself.
    """
    n = len(words)
    on_topic, apart = [[0.0] * len(w) for w in words], [[0.0] * len(w) for w in words]
    n_on, n_apart = [1.0] * n, [1.0] * n  # of the statements around: one of each before any is known
    faded = [exp(-k / REACH) for k in range(n + 1)]
    for order in (range(n), range(n - 1, -1, -1)):
        last: dict[str, tuple[float, float, int]] = {}
        all_on = all_apart = 0.0
        for at, i in enumerate(order):
            p = likely[i]
            n_on[i] += all_on
            n_apart[i] += all_apart
            all_on, all_apart = (all_on + p) * faded[1], (all_apart + 1 - p) * faded[1]
            for k, word in enumerate(words[i]):
                met = last.get(word)
                if met is None:
                    last[word] = p, 1 - p, at
                    continue
                a, b = met[0] * faded[at - met[2]], met[1] * faded[at - met[2]]
                on_topic[i][k] += a
                apart[i][k] += b
                last[word] = a + p, b + 1 - p, at
    out = []
    for i in range(n):
        share = n_on[i] / (n_on[i] + n_apart[i])
        told = 0.0
        for a, b in zip(on_topic[i], apart[i], strict=True):
            if a or b:
                one = log((a / share + DOUBT) / (b / (1 - share) + DOUBT))
                told += max(-MOST_OF_A_WORD, min(MOST_OF_A_WORD, one))
        out.append(max(-MOST, min(MOST, WEIGHT * told)))
    return out

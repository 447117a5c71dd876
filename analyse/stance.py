"""Whose side a statement takes, and whether that is the speaker's own or somebody's whom the speaker reports.

The cues come from the codebook; what is English and not the subject (negation, questions, "but", "the police told us")
is here. A cue under a negation counts for the other side, one in an open question for neither.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from analyse.cues import Finder, Hit, Token
from analyse.records import Holder, Stance

NEGATION_WORDS = 3  # how far before a cue a "not" still turns it
AFTER_BUT = 2.0  # what follows "but" is what the speaker means
CONCEDED = 0.4  # "I know that people worry": granted, not meant
OPEN_WORDS = 8  # how far after "must" or "whether" praise is still a condition and not yet praise
MIXED_RATIO = 0.5  # the weaker side speaks with at least this share of the stronger: both are meant

_NEGATORS = re.compile(r"not|no|never|nor|neither|without|nobody|hardly|cannot|\w+n't")
_CONTRASTS = {"but", "however", "yet", "though", "although", "nevertheless", "nonetheless"}
_OPEN = {"should", "must", "need", "needs", "ought", "whether", "if", "unless", "until"}
_FIRST_PERSON = {"i", "we", "i'm", "i've", "i'd", "we're", "we've"}
_STOPS = frozenset(".?!")

_AUXILIARIES = "isn't|aren't|wasn't|doesn't|don't|hasn't|haven't|didn't|shouldn't"
_SAY = "say|says|said|claim|claims|claimed|argue|argues|argued|insist|insists|insisted|believe|believes|believed"
_TELL = "told|tell|tells|assure|assures|assured|report|reports|reported|maintain|maintains|complain|complained"
_POLICE = "police|force|met|officers|superintendent|commander|commissioner|inspector|borough|council"
_PEOPLE = "residents|people|constituents|traders|neighbours|campaigners|groups|charities|community|parents|members"
_OTHERS = "councillors|colleagues|critics|supporters|lawyers|they|he|she|government|mayor"
_PAPERS = "letter|letters|email|emails|petition|survey|report|poll"

_ENGLISH = Finder(
    [
        # Questions that take a side: the speaker wants agreement, not knowledge.
        ("loaded", "does|do|would|will he|she|they|you|the ... accept|agree|share|concede|recognise"),
        *(("loaded", cue) for cue in (_AUXILIARIES, "why", "surely", "how can|could|dare", "on what basis")),
        ("granted", "i|we|i'm|we're know|understand|accept|appreciate|recognise|aware"),
        ("granted", "i|we also|do|can|fully|quite|of know|understand|accept|appreciate|recognise|course"),
        # Somebody else's words, governed by a verb of saying.
        ("reported", f"{_POLICE}|{_PEOPLE}|{_OTHERS} {_SAY}|{_TELL}"),
        ("reported", f"{_POLICE}|{_PEOPLE}|{_OTHERS} have|has|had {_SAY}|{_TELL}"),
        ("reported", f"{_POLICE} ... {_SAY}|{_TELL} us|me|them|that|the|there|it|they|we"),
        ("reported", "i|we am|are|was|were|have|had been|told|assured|informed ... that|this|it|there|they|the|by"),
        ("reported", "we're|i'm|we've|i've told|been|assured"),
        ("reported", f"{_PAPERS} from|{_SAY}|saying|finds|found|shows|showed"),
        *(("reported", cue) for cue in ("according to", "is|was|are said to", "members|residents asked")),
    ]
)


class View(NamedTuple):
    stance: Stance
    holder: Holder


def view(text: Sequence[Token], concerned: Sequence[Hit], supportive: Sequence[Hit]) -> View:
    """The stance of a statement that is on topic, from the codebook's cues found in it."""
    english = _ENGLISH.find(text)
    weights: dict[Holder, list[float]] = {"speaker": [0.0, 0.0], "reported": [0.0, 0.0]}
    for first, end in _sentences(text):
        sayings = [h for h in english.get("reported", ()) if first <= h.first < end]
        loaded = any(first <= h.first < end for h in english.get("loaded", ()))
        granted = next((h.first for h in english.get("granted", ()) if first <= h.first < end), end)
        asks = text[end - 1].text == "?"
        but = next((i for i in range(first + 1, end) if text[i].text in _CONTRASTS), end)
        for side, hits in enumerate((concerned, supportive)):
            for hit in hits:
                if not first <= hit.first < end or (asks and (side == 1 or not loaded)):
                    continue
                if side == 1 and any(t.text in _OPEN for t in text[max(first, hit.first - OPEN_WORDS) : hit.first]):
                    continue
                reported = any(h.first < hit.first and not _own_between(text, h, hit) for h in sayings)
                weight = hit.cue.weight * (AFTER_BUT if hit.first > but else CONCEDED if hit.first > granted else 1.0)
                weights["reported" if reported else "speaker"][side ^ _negated(text, first, hit)] += weight
    # What speakers say for themselves goes before what they pass on.
    for holder, sides in weights.items():
        if any(sides):
            return View(_stance(*sides), holder)
    return View("neutral", "speaker")


def _stance(concerned: float, supportive: float) -> Stance:
    weak, strong = sorted((concerned, supportive))
    if weak > 0 and weak >= MIXED_RATIO * strong:
        return "mixed"
    return "concerned" if concerned > supportive else "supportive"


def _negated(text: Sequence[Token], first: int, hit: Hit) -> bool:
    """Whether a "not" just before a cue turns it round. A cue that holds its own "not" has said so already."""
    if any(_NEGATORS.fullmatch(t.text) for t in text[hit.first : hit.end]):
        return False
    for i in range(hit.first - 1, max(first, hit.first - NEGATION_WORDS) - 1, -1):
        if text[i].text in _CONTRASTS or text[i].text in ("only", "just"):  # "not only"
            return False
        if _NEGATORS.fullmatch(text[i].text):
            return True
    return False


def _own_between(text: Sequence[Token], report: Hit, hit: Hit) -> bool:
    """Whether the speaker's own voice comes back between an attribution and a cue: "they say so, but I fear"."""
    between = [t.text for t in text[report.end : hit.first]]
    return any(a in _CONTRASTS and b in _FIRST_PERSON for a, b in pairwise(between))


def _sentences(text: Sequence[Token]) -> list[tuple[int, int]]:
    out, first = [], 0
    for i, token in enumerate(text):
        if token.text in _STOPS:
            out.append((first, i + 1))
            first = i + 1
    return out

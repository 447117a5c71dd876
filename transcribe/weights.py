"""How much each rule of evidence counts, in log-odds, where a name fits fully and nothing speaks against it.

Set by hand first, and then fitted as far as a few transcripts can speak against that.
"""

from typing import NamedTuple

from transcribe.records import EvidenceKind


class Weight(NamedTuple):
    kind: EvidenceKind
    log_odds: float


BEFORE = "before"  # no rule, but fitted like one: of a voice being somebody before any evidence

BY_HAND = {
    BEFORE: Weight("role", -1.0),
    # given the floor, and the next to speak
    "called by whoever presides": Weight("chair handover", 4.2),
    "called by somebody else": Weight("chair handover", 2.4),
    "first in turn by whoever presides": Weight("chair handover", 3.2),
    "named last by whoever presides": Weight("chair handover", 2.0),
    "taken up with thanks": Weight("chair handover", 0.6),
    "asked": Weight("addressed", 2.4),
    "asked about": Weight("addressed", 1.0),
    "roll call": Weight("roll call", 4.5),
    "answered to a name": Weight("roll call", 3.6),
    # spoken to, and the last to speak
    "thanked": Weight("thanks", 2.0),
    "answered": Weight("addressed", 2.0),
    # of oneself
    "own name": Weight("self-introduction", 5.0),
    "own role": Weight("role", 3.0),
    "own place": Weight("self-introduction", 3.6),
    "late, as was said": Weight("apology", 3.2),
    "captions": Weight("caption voice", 5.0),
    "given by people": Weight("human", 8.0),  # all of its words, stretch by stretch
    # the chair
    "presides": Weight("role", 2.5),
    "runs the meeting": Weight("role", 2.5),
    "does the clerk's work": Weight("role", 2.0),
    "says it is in the chair": Weight("role", 3.0),
    "opens the meeting": Weight("role", 3.0),
    "thanked as chair": Weight("role", 0.8),
    # not that person
    "speaks to them": Weight("addressed", -3.0),
    "speaks of them": Weight("addressed", -1.5),
    "speaks to the chair": Weight("role", -3.0),
    "sent apologies": Weight("apology", -4.0),
    "marked as not present": Weight("apology", -6.0),
}  # fmt: skip

# What `python tests/bench/fit_names.py --print` makes of them from our own transcripts and the sample meeting.
_FITTED = {
    BEFORE: -0.89,
    "called by whoever presides": 3.93,
    "called by somebody else": 2.69,
    "first in turn by whoever presides": 3.29,
    "named last by whoever presides": 2.0,
    "taken up with thanks": 0.26,
    "asked": 2.5,
    "asked about": 1.1,
    "roll call": 4.56,
    "answered to a name": 3.6,
    "thanked": 2.41,
    "answered": 1.53,
    "own name": 4.75,
    "own role": 3.02,
    "own place": 3.6,
    "late, as was said": 3.32,
    "captions": 5.0,
    "given by people": 8.0,
    "presides": 2.61,
    "runs the meeting": 2.5,
    "does the clerk's work": 2.02,
    "says it is in the chair": 3.0,
    "opens the meeting": 3.05,
    "thanked as chair": 1.01,
    "speaks to them": -3.01,
    "speaks of them": -1.5,
    "speaks to the chair": -3.0,
    "sent apologies": -4.0,
    "marked as not present": -6.0,
}  # fmt: skip

WEIGHTS = {rule: weight._replace(log_odds=_FITTED[rule]) for rule, weight in BY_HAND.items()}

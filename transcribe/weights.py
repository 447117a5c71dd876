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
    BEFORE: -0.86,
    "called by whoever presides": 3.87,
    "called by somebody else": 3.06,
    "first in turn by whoever presides": 3.42,
    "named last by whoever presides": 1.99,
    "taken up with thanks": 0.86,
    "asked": 2.51,
    "asked about": 1.21,
    "roll call": 4.02,
    "answered to a name": 3.61,
    "thanked": 2.55,
    "answered": 1.36,
    "own name": 4.36,
    "own role": 3.32,
    "own place": 3.35,
    "late, as was said": 3.42,
    "captions": 5.0,
    "given by people": 8.0,
    "presides": 2.7,
    "runs the meeting": 2.5,
    "does the clerk's work": 1.61,
    "says it is in the chair": 3.0,
    "opens the meeting": 3.09,
    "thanked as chair": 0.91,
    "speaks to them": -2.68,
    "speaks of them": -1.32,
    "speaks to the chair": -3.0,
    "sent apologies": -4.0,
    "marked as not present": -6.0,
}  # fmt: skip

WEIGHTS = {rule: weight._replace(log_odds=_FITTED[rule]) for rule, weight in BY_HAND.items()}

"""Whose side a statement takes, and whether that is the speaker's own or somebody's whom the speaker reports.

The cues come from the codebook; what is English and not the subject (negation, questions, "but", "the police told us",
the voice of a rule) is here. A cue under a negation counts for the other side, one in an open question for neither, and
so one in the text of a rule: "it shall be unlawful" takes no side. Hints (`~`) are asked only where no
plain cue speaks.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from analyse.cues import Finder, Hit, Token
from analyse.records import Holder, Stance

NEGATION_WORDS = 3  # how far before a cue a "not" still turns it
SUBJECT_WORDS = 6  # how far before "said" its subject is looked for
AFTER_BUT = 2.0  # what follows "but" is what the speaker means
CONCEDED = 0.4  # "I know that people worry": granted, not meant
OPEN_WORDS = 8  # how far after "must" or "whether" praise is still a condition and not yet praise
MIXED_RATIO = 0.6  # the weaker side speaks with at least this share of the stronger: both are meant

_NEGATORS = re.compile(r"not|no|never|nor|neither|without|nobody|none|hardly|cannot|\w+n't")
_CONTRASTS = {"but", "however", "yet", "though", "although", "nevertheless", "nonetheless"}
_OPEN = {
    "should",
    "must",
    "need",
    "needs",
    "ought",
    "whether",
    "if",
    "unless",
    "until",
    "satisfied",
    "requires",
    "required",
}
_FIRST_PERSON = {"i", "we", "i'm", "i've", "i'd", "we're", "we've"}
_STOPS = frozenset(".?!")

_AUXILIARIES = "isn't|aren't|wasn't|weren't|doesn't|don't|hasn't|haven't|didn't|shouldn't|couldn't|wouldn't"
# Verbs that hand the words over to their subject. "Told" does so only with what was told: "nobody told us" complains.
_SAY = (
    "say|says|said|claim|claims|claimed|argue|argues|argued|insist|insists|insisted|believe|believes|believed|think|"
    "thinks|feel|feels|felt|maintain|maintains|maintained|complain|complains|complained|state|states|stated|warn|warns|"
    "warned|report|reports|reported|write|writes|wrote|fear|fears|feared|consider|considers|considered|suggest|suggests|"
    "suggested|allege|alleges|alleged|assert|asserts|asserted|describe|describes|described|conclude|concludes|concluded"
)
_TELL = "tell|tells|told|assure|assures|assured|inform|informs|informed|promise|promises|promised|warned"
_WHOM = "me|us|you|them|him|her|members|residents|councillors|people|everyone|parliament"
_WHAT = "that|this|it|there|they|the|these|how"
_BETWEEN = "have|has|had|also|then|repeatedly|often|always|clearly|all|both|themselves|now|to|would|did|do|does"
# After these a word like "report", "claim" or "said" is a noun, a participle or the speaker's own way of speaking.
_NO_SUBJECT = (
    "a|an|the|this|that|these|those|my|our|your|his|her|its|their|no|any|each|every|some|of|in|on|for|with|by|from|at|"
    "be|been|being|is|are|was|were|and|or|as|i'd|we'd|let's|must|should|can|could|will|would|may|might"
)
_PAPERS = "letter|letters|email|emails|petition|survey|report|poll|paper|review|study|evidence"

_ENGLISH = Finder(
    [
        # Questions that take a side: the speaker wants agreement, not knowledge.
        ("loaded", "does|do|would|will he|she|they|you|the ... accept|agree|share|concede|recognise|regret|apologise"),
        ("loaded", "is|are he|she|they|you|the ... comfortable|content|happy|seriously|really"),
        ("loaded", "why|how|what|since on|in|when earth|heaven|world|did"),
        *(("loaded", cue) for cue in (_AUXILIARIES, "why", "surely", "how can|could|dare|many more|much longer")),
        *(
            ("loaded", cue)
            for cue in ("on what basis", "by what right", "what right", "who gave", "when will ... stop")
        ),
        ("granted", "i|we|i'm|we're know|understand|accept|appreciate|recognise|aware"),
        ("granted", "i|we also|do|can|fully|quite|of know|understand|accept|appreciate|recognise|course|see"),
        # "I don't believe that it is fair": the whole of what is not believed is turned round.
        (
            "doubted",
            "not|don't|doesn't|didn't|can't|cannot|nobody|never|hardly believe|believes|think|thinks|accept|agree",
        ),
        ("doubted", "not|isn't|aren't|wasn't|hardly|far|never convinced|persuaded|confident|sure|certain|satisfied"),
        # Somebody else's words.
        *(("saying", cue) for cue in (_SAY, f"{_TELL} {_WHOM} {_WHAT}", f"{_TELL} {_WHOM}|the ... {_WHAT}")),
        ("told", f"i|we|i'm|we're am|are|was|were|have|had been|told|assured|informed|advised {_WHAT}"),
        ("told", f"i|we have|had|am|are|were been|being|repeatedly told|assured|informed|advised {_WHAT}"),
        ("told", f"i'm|we're|i've|we've told|been|assured|informed told|assured|informed|{_WHAT}"),
        ("told", "we|i hear|heard|read that|from"),
        ("told", f"{_PAPERS} from|{_SAY}|saying|finds|found|shows|showed"),
        *(("told", cue) for cue in ("is|was|are said to", "in the words of", "quote|quoting", "supposedly|allegedly")),
        ("told", "their|his|her|police|force|residents view|line|position|case|argument|claim is|was"),
        ("members ask", "members|residents|councillors asked"),
        ("whole", "according to"),
        ("own", "so am|do|are|have i|we"),
        ("own", "i|we|i'd|i'm ... agree|share|echo|second|support|endorse|concur"),
        ("own", "rightly|correctly|wisely said|say|says|pointed|argued|put"),
        *(
            ("own", cue)
            for cue in ("and i think|believe|feel|fear", "as i|we said|say|told", "i|we say|said|think|believe")
        ),
        # The voice of a rule or a form, which says what is to be and takes no side.
        ("rule", "shall"),
        ("rule", "would|will also|not require|prohibit"),
        *(("rule", cue) for cue in ("pursuant to", "as defined in", "means any|the|a", "subdivision", "paragraph")),
        *(
            ("rule", cue)
            for cue in ("^a|the|any description|number|list|summary of", "description of", "procedures for|to")
        ),
        *(
            ("rule", cue)
            for cue in ("total number of", "restrictions placed on", "this bill|act|law|ordinance|section")
        ),
        *(
            ("rule", cue)
            for cue in ("^any potential*|information|policy|policies", "must include|contain|be documented")
        ),
        ("not a rule", "i|we|they|you|let shall"),
    ]
)
_REPORTING = ("told", "members ask")
_BETWEEN_WORDS = frozenset(_BETWEEN.split("|"))
_NO_SUBJECT_WORDS = frozenset(_NO_SUBJECT.split("|"))


class View(NamedTuple):
    stance: Stance
    holder: Holder


def view(text: Sequence[Token], concerned: Sequence[Hit], supportive: Sequence[Hit]) -> View:
    """The stance of a statement that is on topic, from the codebook's cues found in it."""
    english = _ENGLISH.find(text)
    plain: dict[Holder, list[float]] = {"speaker": [0.0, 0.0], "reported": [0.0, 0.0]}
    hinted: dict[Holder, list[float]] = {"speaker": [0.0, 0.0], "reported": [0.0, 0.0]}
    for first, end in _sentences(text):

        def within(name: str, first: int = first, end: int = end) -> list[Hit]:
            return [h for h in english.get(name, ()) if first <= h.first < end]

        if within("rule") and not within("not a rule"):
            continue
        reports = [] if within("own") else _reports(text, first, end, english)
        granted = next((h.first for h in within("granted")), end)
        doubted = next((h.end for h in within("doubted")), end)
        asks, loaded = text[end - 1].text == "?", bool(within("loaded"))
        but = next((i for i in range(first + 1, end) if text[i].text in _CONTRASTS), end)
        for side, hits in enumerate((concerned, supportive)):
            for hit in hits:
                if not first <= hit.first < end or (asks and (side == 1 or not loaded)):
                    continue
                if side == 1 and any(t.text in _OPEN for t in text[max(first, hit.first - OPEN_WORDS) : hit.first]):
                    continue
                reported = any(h <= hit.first and not _own_between(text, h, hit) for h in reports)
                weight = hit.cue.weight * (AFTER_BUT if hit.first > but else CONCEDED if hit.first > granted else 1.0)
                turned = (hit.cue.weight == 1 and hit.first >= doubted) or _negated(text, first, hit)
                weights = plain if hit.cue.weight == 1 else hinted
                weights["reported" if reported else "speaker"][side ^ turned] += weight
    # What speakers say for themselves goes before what they pass on, and what is plain before what is hinted.
    for weights in (plain, hinted):
        for holder, sides in weights.items():
            if weights is hinted and sides[0] == sides[1]:
                continue
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
    if hit.cue.weight < 1 or any(_NEGATORS.fullmatch(t.text) for t in text[hit.first : hit.end]):
        return False
    for i in range(hit.first - 1, max(first, hit.first - NEGATION_WORDS) - 1, -1):
        if text[i].text in _CONTRASTS or text[i].text in ("only", "just"):  # "not only"
            return False
        if _NEGATORS.fullmatch(text[i].text):
            return True
    return False


def _reports(text: Sequence[Token], first: int, end: int, english: dict[str, list[Hit]]) -> list[int]:
    """From which tokens of a sentence on the words are another's: from its first in "It is unsafe, the force said"."""
    found = [h.end for name in _REPORTING for h in english.get(name, ()) if first <= h.first < end]
    found += [first for h in english.get("whole", ()) if first <= h.first < end]
    for saying in english.get("saying", ()):
        if first < saying.first < end and _by_another(text, first, saying.first):
            last = saying.end >= end - 1 and saying.first - first > SUBJECT_WORDS
            found.append(first if last else saying.end)
    return found


def _by_another(text: Sequence[Token], first: int, verb: int) -> bool:
    """Whether somebody other than the speaker is the subject of a verb: "the commander has repeatedly said"."""
    before = [t.text for t in text[max(first, verb - SUBJECT_WORDS) : verb]]
    while before and before[-1] in _BETWEEN_WORDS:
        if before.pop() == "to":  # "it has to be said", "I want to say"
            return False
    if not before or before[-1] in _NO_SUBJECT_WORDS or _NEGATORS.fullmatch(before[-1]):
        return False
    return not _FIRST_PERSON & {*before[-2:]}


def _own_between(text: Sequence[Token], report: int, hit: Hit) -> bool:
    """Whether the speaker's own voice comes back between an attribution and a cue: "they say so, but I fear"."""
    between = [t.text for t in text[report : hit.first + 1]]
    return any(a in (*_CONTRASTS, "and") and b in _FIRST_PERSON for a, b in pairwise(between))


def _sentences(text: Sequence[Token]) -> list[tuple[int, int]]:
    out, first = [], 0
    for i, token in enumerate(text):
        if token.text in _STOPS:
            out.append((first, i + 1))
            first = i + 1
    return out

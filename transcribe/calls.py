"""Whom a voice gives the floor to at the end of what it says, and whether that is taken up."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from transcribe import sayings
from transcribe.mentions import Mention
from transcribe.oneself import Own
from transcribe.records import Word
from transcribe.sentences import Run, Sentence, between_ms
from transcribe.spoken import plain

PATIENCE_MS = 10_000  # when what is said next is no answer any more
LONGEST_QUESTION = 150  # words between "my question is for the Minister" and its end
SOON = 10  # words, at most, that somebody says who is not in the chair after "Jo can tell you that"
SHORT = 8  # words of a sentence in which a chair calls by a name alone: "Apologies, please, Mr Holm"
AGAIN = 0.8  # how well "the Minister" fits whoever was called the Minister for Parks before
_INVITES = (sayings.INVITE, sayings.INDICATED, sayings.MINUTES, sayings.MINUTES_LEFT)
_GIVES = (*_INVITES, sayings.FLOOR)


class Call(NamedTuple):
    sentence: Sentence
    mention: Mention
    rule: str  # "called", "first in turn", "named last", "asked", "asked about"


def call_of(words: Sequence[Word], run: Run, presiding: Collection[str], own: Own) -> Call | None:
    """Whom a run gives the floor to at its end: the last sentence that names anybody, or nobody."""
    n_after = 0
    for back, sentence in enumerate(reversed(run.sentences)):
        n_since, n_after = n_after, n_after + sentence.end - sentence.first
        if n_since > 25:
            if len(sentence.mentions) == 1 and _is_put_to(words, run, back, sentence):
                return Call(sentence, sentence.mentions[0], "asked about")
            if sentence.mentions or n_after > LONGEST_QUESTION:
                return None
        if not sentence.mentions:
            continue
        pattern = sentence.pattern
        if any(sayings.LAPSED.search(s.pattern) for s in run.sentences[len(run.sentences) - back :]):
            return None
        if chair := sayings.CHAIR_GIVEN.search(pattern):
            return Call(sentence, sentence.mentions[int(next(g for g in chair.groups() if g))], "called")
        if not sayings.MINUTES.search(pattern):
            pattern = " ".join(sayings.THANKS_FOR.sub("", sayings.THANKS.sub("", pattern)).split())
        named = re.findall(r"@(\d+)", pattern)
        if not named or (len(named) > 1 and not sayings.TWO_IN_TURN.search(pattern)):
            return None  # nobody is called, or it is not plain who
        if sentence.first in own:
            return None
        mention = sentence.mentions[int(named[0])]
        presides = run.speaker in presiding
        if len(named) > 1:
            return Call(sentence, mention, "first in turn") if presides else None
        rule = ""
        if presides and sayings.THANKED_AFTER.search(pattern):
            return None  # whoever has just spoken, rather than the next
        if sayings.BARE.fullmatch(pattern) or (
            presides and (sayings.OFFER.match(pattern) or sayings.OFFERED.search(pattern))
        ):
            rule = "called"
        elif back < 2 and _is_asked(words, sentence, mention, pattern):
            rule = "called" if presides and back == 0 else "asked"
        elif sayings.ACKNOWLEDGED.fullmatch(pattern) and set_off(words, sentence, mention):
            return None
        elif back < 4 and not presides and sayings.ASKED_ABOUT.search(pattern):
            rule = "asked about"
        elif sayings.NOT_NOW.search(pattern):
            return None
        elif any(p.search(pattern) for p in (_GIVES if presides or n_since < SOON else _INVITES)):
            rule = "called"
        elif sayings.ASK.search(pattern):
            rule = "asked"
        elif presides and back == 0 and _is_called_out(words, sentence, mention):
            rule = "called"
        elif presides and n_since < 12 and not mention.possessive and run.end - run.first < 60:
            rule = "named last"
        return Call(sentence, mention, rule) if rule else None
    return None


def thanks_that_calls(
    said: Sequence[Run], calls: Sequence[Call | None], answers: Sequence[str | None], i: int, presiding: set[str]
) -> Call | None:
    """ "Thank you. Councillor Okafor" calls her, and a recogniser may write a comma: so it is where whoever presides
    has just called somebody else, who spoke."""
    sentence = said[i].sentences[-1]
    before = calls[i - 2] if i >= 2 and answers[i - 2] == "spoke" else None
    if not before or before.rule != "called" or said[i].speaker not in presiding:
        return None
    if said[i - 2].speaker != said[i].speaker or not sayings.ONLY_THANKS.fullmatch(sentence.pattern):
        return None
    mention = sentence.mentions[0]
    known = mention.fits and before.mention.fits
    return Call(sentence, mention, "called") if known and not mention.fits.keys() & before.mention.fits else None


def meant(said: Sequence[Run], i: int, call: Call) -> Mention:
    """Whom "the Minister" means who may be several: the one whom the same voice has just called by a fuller name; where
    whoever presides says it, the one to whom the question was that has just been asked."""
    mention = call.mention
    if mention.form != "role" or len(mention.fits) < 2:
        return mention
    own = [r for r in said[max(0, i - 6) : i + 1] if r.speaker == said[i].speaker][::-1]
    asking = said[i - 1 : i] if i and call.rule in ("called", "first in turn", "named last") else []
    for run in [*asking, *own]:
        for earlier in [m for s in run.sentences for m in s.mentions][::-1]:
            fuller = earlier.end <= mention.first and 0 < len(earlier.fits) < len(mention.fits)
            if fuller and earlier.fits.keys() <= mention.fits.keys():
                return mention._replace(fits={p: mention.fits[p] * AGAIN for p in earlier.fits})
    return mention


def _is_asked(words: Sequence[Word], sentence: Sentence, mention: Mention, pattern: str) -> bool:
    """ "Superintendent, can you say …", or "… in whose name, Superintendent?": addressed, not spoken of."""
    if sayings.QUESTION.fullmatch(pattern):
        return True
    inside = mention.first > sentence.first and mention.end < sentence.end
    if not set_off(words, sentence, mention):
        return False
    to_you = re.search(r"\byou\b", pattern)
    return bool(to_you) if inside else _is_question(words, sentence) or bool(to_you and mention.first > sentence.first)


def _is_called_out(words: Sequence[Word], sentence: Sentence, mention: Mention) -> bool:
    short = sentence.end - sentence.first <= SHORT + mention.end - mention.first
    return short and mention.end == sentence.end and set_off(words, sentence, mention)


def _is_put_to(words: Sequence[Word], run: Run, back: int, sentence: Sentence) -> bool:
    """ "My question is for the Minister", or "Minister, when you were last here, …", and a question at the end."""
    if sayings.PUT_TO.search(sentence.pattern):
        return True
    if not sayings.OPENS_WITH_NAME.match(sentence.pattern) or not set_off(words, sentence, sentence.mentions[0]):
        return False
    said = " ".join(s.pattern for s in run.sentences[-back - 1 :])
    return _is_question(words, run.sentences[-1]) and bool(re.search(r"\byour?\b", said))


def _is_question(words: Sequence[Word], sentence: Sentence) -> bool:
    return words[sentence.end - 1].text.rstrip("\"'”’)").endswith("?")


def set_off(words: Sequence[Word], sentence: Sentence, mention: Mention) -> bool:
    before = mention.first == sentence.first or words[mention.first - 1].text[-1] in ",—"
    if mention.end == sentence.end and mention.form != "role":
        before = before or plain(words[mention.first - 1].text) in sayings.BEFORE_NAME_ALONE  # "Do come in Jo"
    after = mention.end == sentence.end or words[mention.end - 1].text[-1] in ",—"
    return before and after


def answer_to(
    words: Sequence[Word],
    said: Sequence[Run],
    calls: Sequence[Call | None],
    own: Own,
    roll: Sequence[Mapping[str, float]],
    i: int,
) -> str | None:
    """How a call was answered by the next voice; None where there was none, or it was not."""
    call = calls[i]
    if not call or i + 1 >= len(said) or said[i + 1].speaker is None or said[i].speaker is None:
        return None
    following = said[i + 1]
    wait_ms = between_ms(words, said[i].end - 1)
    if wait_ms is None or wait_ms > PATIENCE_MS:
        return None
    opening = " ".join(s.pattern for s in following.sentences)
    if sayings.HERE.fullmatch(opening):
        return "here" if sayings.BARE.search(call.sentence.pattern) else None
    if roll[i + 1]:
        return "spoke"  # by calling the roll
    n_words = following.end - following.first
    if n_words <= 2 and not sayings.ACCEPTED.match(opening):
        return None
    tells_apologies = "apologies" in call.sentence.pattern  # for others, when asked for them
    if sayings.REFUSED.search(" ".join(opening.split()[:14])) and not tells_apologies:
        return None
    for sentence in following.sentences:
        oneself = sentence.first in own or sayings.AS_ROLE.search(sentence.pattern)
        if sentence.first >= following.first + 14 or oneself:
            continue
        if any(m.fits.keys() & call.mention.fits.keys() for m in sentence.mentions):
            return None  # "Councillor Okafor has had to leave": said by somebody else
    again = calls[i + 2] if i + 2 < len(said) and said[i + 2].speaker == said[i].speaker else None
    if n_words < 15 and again and again.rule == "called" and again.mention.fits == call.mention.fits:
        return None  # called again at once: that was somebody else
    return "spoke"

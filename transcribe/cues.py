"""What is said that tells who is speaking: cues, each for one voice, with the words that gave it.

A cue counts for what stands around it: a hand-over for who speaks next and how soon, thanks for who has just
spoken. Names that are only reported ("as Councillor Okafor said"), put off ("I'll bring in Priya later") or said
of somebody else's things ("Councillor Okafor's motion") are no cues at all.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from transcribe import sayings
from transcribe.mentions import GIVEN, SURNAME, Mention, Roster
from transcribe.oneself import Own, own_names
from transcribe.records import Word, text_of
from transcribe.rollcall import roll_call
from transcribe.sentences import Run, Sentence, between_ms, runs

STRANGER = ""  # for the person of a cue: somebody who is not on the list

PROMPT_MS, PATIENCE_MS = 3000, 10_000  # how soon an answer comes, and when it no longer is one
FEW_CALLS = 3  # of whoever presides, at least
LONGEST_QUESTION = 150  # words between "my question is for the Minister" and its end
AGAIN = 0.8  # how well "the Minister" fits whoever was called the Minister for Parks before
MOST_LETTERS = 100  # of what captions call a voice
MOST_MEANT = 8  # a name or role that may be more people than that says nothing


class Cue(NamedTuple):
    """`rule` is one of the table of weights, `share` how far it holds here (0-1)."""

    voice: str
    fits: Mapping[str, float]  # person -> how well the name fits
    rule: str
    share: float
    first: int  # the words that gave it
    end: int
    source: str  # the voice that said them; none where it does not matter who did
    called: str = ""  # what gave it, where that is no words of the meeting


_GIVES = (sayings.INVITE, sayings.FLOOR, sayings.INDICATED, sayings.MINUTES, sayings.MINUTES_LEFT)


class _Call(NamedTuple):
    sentence: Sentence
    mention: Mention
    rule: str  # "called", "named last", "asked", "asked about"


class _Meeting(NamedTuple):
    words: Sequence[Word]
    roster: Roster
    runs: Sequence[Run]
    calls: Sequence[_Call | None]
    answers: Sequence[str | None]  # how a call was answered: "spoke", "here", or not at all
    presiding: frozenset[str]
    chairs: Mapping[str, float]
    own: Own
    roll: Sequence[Mapping[str, float]]  # whom a run of a roll call means


def find(
    words: Sequence[Word], roster: Roster, voices: Mapping[str, str], confirmed: Mapping[str, str]
) -> Iterator[Cue]:
    """All cues of a meeting. `voices` says what captions call a label, `confirmed` who people said that it is."""
    meeting = _read(words, roster, confirmed)
    yield from _presides(meeting)
    yield from _late(meeting)
    for i, run in enumerate(meeting.runs):
        if run.speaker is not None:
            yield from _hands_over(meeting, i)
            yield from _speaks_to(meeting, i)
            yield from _self(meeting, run)
            yield from _chair(meeting, i)
            yield from _apologies(run)
    for label, voice in voices.items():
        first_word = next((i for i, w in enumerate(words) if w.speaker == label), None)
        if first_word is not None:
            span = first_word, first_word, label
            yield Cue(
                label, roster.caption(voice), "captions", 1.0, *span, called=" ".join(voice.split())[:MOST_LETTERS]
            )


def _read(words: Sequence[Word], roster: Roster, confirmed: Mapping[str, str]) -> _Meeting:
    roster.introduce(words)
    said = runs(words, roster)
    own, roll = own_names(words, said), roll_call(words, said, roster)

    def answered(calls: Sequence[_Call | None]) -> list[str | None]:
        return [_answer(words, said, calls, own, roll, i) for i in range(len(said))]

    calls = [_call(words, run, frozenset(), own) for run in said]
    answers = answered(calls)
    given = Counter(
        r.speaker
        for r, call, answer in zip(said, calls, answers, strict=True)
        if call and call.rule == "called" and answer == "spoke" and r.speaker
    )
    most = max(given.values(), default=0)
    presiding = {s for s, n in given.items() if n >= 0.2 * most and (n >= FEW_CALLS or len(given) == 1)}
    presiding |= {label for label, person in confirmed.items() if person in roster.chairs}
    presiding |= {
        r.speaker for r in said if r.speaker and r.speaker in given and _takes_the_chair(r, first=r in said[:3])
    }
    calls = [_call(words, run, presiding, own) for run in said]
    calls = [call and call._replace(mention=_meant(said, i, call)) for i, call in enumerate(calls)]
    answers = answered(calls)
    calls = [call or _thanks_that_calls(said, calls, answers, i, presiding) for i, call in enumerate(calls)]
    return _Meeting(
        words,
        roster,
        said,
        calls,
        answered(calls),
        frozenset(presiding),
        dict.fromkeys(roster.chairs, 1.0),
        own,
        roll,
    )


def _takes_the_chair(run: Run, first: bool) -> bool:
    """Whether a voice says that it is in the chair, or opens the meeting at its start."""
    return any(_in_chair(s) or (first and sayings.OPENING.search(s.pattern)) for s in run.sentences)


def _in_chair(sentence: Sentence) -> bool:
    said = sayings.CHAIRING.search(sentence.pattern)
    return bool(said and not sayings.QUOTED.search(sentence.pattern[: said.start()]))


# -- the floor is given --------------------------------------------------------------------------------


def _call(words: Sequence[Word], run: Run, presiding: Collection[str], own: Own) -> _Call | None:
    """Whom a run gives the floor to at its end: the last sentence that names anybody, or nobody."""
    n_after = 0
    for back, sentence in enumerate(reversed(run.sentences)):
        n_after += sentence.end - sentence.first
        if n_after - (sentence.end - sentence.first) > 25:
            put = sayings.PUT_TO.search(sentence.pattern)
            if put and len(re.findall(r"@\d+", sentence.pattern)) == 1:
                return _Call(sentence, sentence.mentions[0], "asked about")
            if sentence.mentions or n_after > LONGEST_QUESTION:
                return None
        if not sentence.mentions:
            continue
        pattern = sentence.pattern
        if not sayings.MINUTES.search(pattern):
            pattern = " ".join(sayings.THANKS.sub("", pattern).split())
        named = re.findall(r"@(\d+)", pattern)
        if not named or (len(named) > 1 and not sayings.TWO_IN_TURN.search(pattern)):
            return None  # nobody is called, or it is not plain who
        if sentence.first in own:
            return None
        mention = sentence.mentions[int(named[0])]
        presides = run.speaker in presiding
        if len(named) > 1:
            return _Call(sentence, mention, "named last") if presides else None
        rule = ""
        if sayings.BARE.fullmatch(pattern) or (
            presides and (sayings.OFFER.match(pattern) or sayings.OFFERED.search(pattern))
        ):
            rule = "called"
        elif back < 2 and _is_asked(words, sentence, mention, pattern):
            rule = "called" if presides and back == 0 else "asked"
        elif back < 4 and not presides and sayings.ASKED_ABOUT.search(pattern):
            rule = "asked about"
        elif sayings.NOT_NOW.search(pattern):
            return None
        elif any(p.search(pattern) for p in _GIVES):
            rule = "called"
        elif sayings.ASK.search(pattern):
            rule = "asked"
        elif (
            presides
            and n_after - (sentence.end - sentence.first) < 12
            and not mention.possessive
            and run.end - run.first < 60
        ):
            rule = "named last"
        return _Call(sentence, mention, rule) if rule else None
    return None


def _thanks_that_calls(
    said: Sequence[Run], calls: Sequence[_Call | None], answers: Sequence[str | None], i: int, presiding: set[str]
) -> _Call | None:
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
    return _Call(sentence, mention, "called") if known and not mention.fits.keys() & before.mention.fits else None


def _meant(said: Sequence[Run], i: int, call: _Call) -> Mention:
    """Whom "the Minister" means who may be several: the one whom the same voice has just called by a fuller name; where
    whoever presides says it, the one to whom the question was that has just been asked."""
    mention = call.mention
    if mention.form != "role" or len(mention.fits) < 2:
        return mention
    own = [r for r in said[max(0, i - 6) : i + 1] if r.speaker == said[i].speaker][::-1]
    asking = said[i - 1 : i] if i and call.rule in ("called", "named last") else []
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
    question = words[sentence.end - 1].text.rstrip("\"'”’)").endswith("?")
    inside = mention.first > sentence.first and mention.end < sentence.end
    if not _set_off(words, sentence, mention):
        return False
    to_you = re.search(r"\byou\b", pattern)
    return bool(to_you) if inside else question or bool(to_you and mention.first > sentence.first)


def _set_off(words: Sequence[Word], sentence: Sentence, mention: Mention) -> bool:
    before = mention.first == sentence.first or words[mention.first - 1].text[-1] in ",—"
    after = mention.end == sentence.end or words[mention.end - 1].text[-1] in ",—"
    return before and after


def _answer(
    words: Sequence[Word],
    said: Sequence[Run],
    calls: Sequence[_Call | None],
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


def _hands_over(meeting: _Meeting, i: int) -> Iterator[Cue]:
    run, call, answer = meeting.runs[i], meeting.calls[i], meeting.answers[i]
    speaker = run.speaker or ""
    if meeting.roll[i]:
        span = run.first, run.end, speaker
        yield Cue(meeting.runs[i + 1].speaker or "", meeting.roll[i], "roll call", 1.0, *span)
        return
    if not call or len(call.mention.fits) > MOST_MEANT:
        return
    span = call.sentence.first, call.sentence.end, speaker
    if call.rule in ("called", "asked"):
        yield Cue(speaker, call.mention.fits, "speaks to them", 1.0, *span)
    if not answer:
        return
    following = meeting.runs[i + 1]
    voice = following.speaker or ""
    presides = speaker in meeting.presiding
    fits = call.mention.fits or {STRANGER: 1.0}
    if presides and len(fits) == 1 and call.mention.form == "name":  # whom a chair calls by a first name alone
        fits = {p: SURNAME if fit == GIVEN else fit for p, fit in fits.items()}
    late = (between_ms(meeting.words, run.end - 1) or 0) > PROMPT_MS
    if answer == "here":
        yield Cue(voice, fits, "answered to a name", 1.0, *span)
    elif call.rule == "called":
        rule = "called by whoever presides" if presides else "called by somebody else"
        yield Cue(voice, fits, rule, 0.7 if late else 1.0, *span)
        if sayings.ACCEPTED.match(following.sentences[0].pattern):
            yield Cue(voice, fits, "taken up with thanks", 1.0, *span)
    elif call.rule == "named last":
        yield Cue(voice, fits, "named last by whoever presides", 0.7 if late else 1.0, *span)
    else:
        yield Cue(voice, call.mention.fits, call.rule, 0.7 if late else 1.0, *span)


# -- spoken to -----------------------------------------------------------------------------------------


def _speaks_to(meeting: _Meeting, i: int) -> Iterator[Cue]:
    """Thanks, and a name set off by commas, at the start of a run are for whoever has just spoken, unless they were
    passing the floor on; whoever says them is somebody else."""
    run, before = meeting.runs[i], meeting.runs[i - 1] if i else None
    speaker = run.speaker or ""
    spoke = before is not None and before.speaker is not None and before.end - before.first >= 8
    passed_on = bool(i and meeting.calls[i - 1] and meeting.calls[i - 1].rule == "called")  # type: ignore[union-attr]
    for n, sentence in enumerate(run.sentences[:3]):
        if sentence.first in meeting.own:
            continue
        thanked = sayings.THANKS.search(sentence.pattern)
        mention = sentence.mentions[int(thanked[1])] if thanked else _vocative(meeting.words, sentence)
        if mention is None or len(mention.fits) > MOST_MEANT or (thanked and n > 1):
            continue
        if meeting.calls[i] and meeting.calls[i].mention is mention:  # type: ignore[union-attr]
            continue
        span = sentence.first, sentence.end, speaker
        yield Cue(speaker, mention.fits, "speaks to them", 1.0, *span)
        to_chair = any(sayings.TO_CHAIR.search(s.pattern) for s in run.sentences[: n + 1])
        if spoke and not passed_on and before and not (to_chair and not thanked):
            presides = before.speaker in meeting.presiding
            rule = "thanked" if thanked else "answered"
            yield Cue(before.speaker or "", mention.fits, rule, 0.4 if presides else 1.0, *span)
        return


def _vocative(words: Sequence[Word], sentence: Sentence) -> Mention | None:
    """Who is spoken to in a sentence: its one name, set off by commas, with nothing before it that makes it a list or
    a report."""
    if len(sentence.mentions) != 1 or not _set_off(words, sentence, sentence.mentions[0]):
        return None
    before, _, after = sentence.pattern.partition("@0")
    if sentence.pattern == "@0" or sayings.BEFORE_VOCATIVE.match(before.strip()) or len(before.split()) > 12:
        return None
    if after.strip() and not sayings.AFTER_VOCATIVE.match(after.strip()) and len(before.split()) > 3:
        return None
    mention = sentence.mentions[0]
    if not after.strip() and len(before.split()) > 4 and not re.search(r"\byour?\b", before):
        return None
    return mention


# -- oneself -------------------------------------------------------------------------------------------


def _self(meeting: _Meeting, run: Run) -> Iterator[Cue]:
    speaker = run.speaker or ""
    outsider = sayings.OUTSIDER.search(" ".join(s.pattern for s in run.sentences[:4]))
    for sentence in run.sentences:
        span = sentence.first, sentence.end, speaker
        own = meeting.own.get(sentence.first)
        if own:
            # "I'm Priya, I live in Mill Lane" is another Priya. A first name alone settles nothing.
            fits = {p: fit * fit for p, fit in own.fits.items() if fit > GIVEN or not outsider}
            yield Cue(speaker, fits, "own name", 1.0, *span)
        elif sayings.STRANGE_NAME.search(sentence.pattern):
            yield Cue(speaker, {STRANGER: 1.0}, "own name", 1.0, *span)
        role = sayings.AS_ROLE.search(sentence.pattern)
        if role and not own and not sayings.REPORTED.search(sentence.pattern[: role.start()]):
            mention = sentence.mentions[int(next(g for g in role.groups() if g))]
            if len(mention.fits) <= MOST_MEANT and not mention.possessive:
                yield Cue(speaker, mention.fits, "own role", 1.0, *span)
        yield from _own_place(meeting, sentence, speaker)
        if _in_chair(sentence):
            yield Cue(speaker, meeting.chairs, "says it is in the chair", 1.0, *span)


def _own_place(meeting: _Meeting, sentence: Sentence, speaker: str) -> Iterator[Cue]:
    """ "My constituents in Mill and Weir": only their own member says so."""
    said = sayings.OWN_PLACE.search(text := text_of(meeting.words[sentence.first : sentence.end]).lower())
    if said and not sayings.QUOTED.search(text[: said.start()]):
        first = sentence.first + len(text[: said.end()].split())
        fits = meeting.roster.of_place(meeting.words, first, sentence.end)
        if fits:
            yield Cue(speaker, fits, "own place", 1.0, sentence.first, sentence.end, speaker)


# -- the chair -----------------------------------------------------------------------------------------


def _presides(meeting: _Meeting) -> Iterator[Cue]:
    """Whoever gives others the floor is in the chair; so is, mostly, whoever opens the meeting."""
    given: dict[str, list[_Call]] = {}
    for run, call, answer in zip(meeting.runs, meeting.calls, meeting.answers, strict=True):
        if run.speaker in meeting.presiding and call and call.rule == "called" and answer == "spoke":
            given.setdefault(run.speaker, []).append(call)
    for speaker, calls in given.items():
        if len(calls) >= FEW_CALLS:
            sentence = calls[0].sentence
            yield Cue(speaker, meeting.chairs, "presides", 1.0, sentence.first, sentence.end, "")
    for run in meeting.runs[:3]:
        for sentence in run.sentences:
            if run.speaker and sayings.OPENING.search(sentence.pattern):
                span = sentence.first, sentence.end, run.speaker
                yield Cue(run.speaker, meeting.chairs, "opens the meeting", 1.0, *span)
                return


def _chair(meeting: _Meeting, i: int) -> Iterator[Cue]:
    """Whoever says "Thank you, Chair" is not the chair; whoever spoke just before may be."""
    run = meeting.runs[i]
    speaker = run.speaker or ""
    for sentence in run.sentences[:2]:
        if sayings.TO_CHAIR.search(sentence.pattern):
            span = sentence.first, sentence.end, speaker
            yield Cue(speaker, meeting.chairs, "speaks to the chair", 1.0, *span)
            before = meeting.runs[i - 1].speaker if i else None
            if before and sentence.first == run.first and sayings.THANKS_CHAIR.search(sentence.pattern):
                yield Cue(before, meeting.chairs, "thanked as chair", 1.0, sentence.first, sentence.end, "")
            return


# -- who is not there ----------------------------------------------------------------------------------


def _apologies(run: Run) -> Iterator[Cue]:
    """Somebody who sent apologies is not in the room; these cues are about every voice, and so of none."""
    speaker = run.speaker or ""
    for sentence in run.sentences:
        span = sentence.first, sentence.end, speaker
        apology = sayings.APOLOGY.search(sentence.pattern)
        if apology and not sayings.LATE.search(sentence.pattern):
            for k, mention in enumerate(sentence.mentions):
                if sentence.pattern.find(f"@{k}") >= apology.start() and not mention.possessive:
                    yield Cue("", mention.fits, "sent apologies", 1.0, *span)
        substituted = sayings.SUBSTITUTED.search(sentence.pattern)
        if substituted:
            yield Cue("", sentence.mentions[int(substituted[1])].fits, "sent apologies", 1.0, *span)


def _late(meeting: _Meeting) -> Iterator[Cue]:
    """ "Councillor Okafor will be a few minutes late", and later on somebody else's "sorry I'm late": half of the cue
    is where either is said."""
    told: list[tuple[str, Mention, Sentence]] = []
    since: dict[str, int] = {}  # voice -> how many had been said to be late when it was first heard
    for run in meeting.runs:
        speaker = run.speaker or ""
        since.setdefault(speaker, len(told))
        for sentence in run.sentences:
            if sayings.SORRY_TO_BE_LATE.search(sentence.pattern):
                for source, mention, where in told[: since[speaker]] if speaker else ():
                    for at, mouth in ((where, source), (sentence, speaker)):
                        yield Cue(speaker, mention.fits, "late, as was said", 0.5, at.first, at.end, mouth)
            elif late := sayings.SAID_TO_BE_LATE.search(sentence.pattern):
                mention = sentence.mentions[int(next(g for g in late.groups() if g))]
                if len(mention.fits) <= MOST_MEANT:
                    told.append((speaker, mention, sentence))

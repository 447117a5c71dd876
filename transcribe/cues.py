"""What is said that tells who is speaking: cues, each for one voice, with the words that gave it.

A cue counts for what stands around it: a hand-over for who speaks next and how soon, thanks for who has just
spoken. Names that are only reported ("as Councillor Okafor said"), put off ("I'll bring in Priya later") or said
of somebody else's things ("Councillor Okafor's motion") are no cues at all.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from transcribe import sayings
from transcribe.calls import Call, answer_to, call_of, meant, set_off, thanks_that_calls
from transcribe.mentions import GIVEN, SURNAME, Mention, Roster
from transcribe.oneself import Own, own_names, strange_names
from transcribe.records import Word, text_of
from transcribe.rollcall import roll_call
from transcribe.sentences import Run, Sentence, between_ms, runs

STRANGER = ""  # for the person of a cue: somebody who is not on the list

PROMPT_MS = 3000  # how soon an answer comes
FEW_CALLS = 3  # of whoever presides, at least
MOST_LETTERS = 100  # of what captions call a voice
KINDS_OF_BUSINESS = 4  # at least, and this share of all that is said of business
MOST_BUSINESS = 0.6
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


class _Meeting(NamedTuple):
    words: Sequence[Word]
    roster: Roster
    runs: Sequence[Run]
    calls: Sequence[Call | None]
    answers: Sequence[str | None]  # how a call was answered: "spoke", "here", or not at all
    presiding: frozenset[str]
    chairs: Mapping[str, float]
    clerks: Mapping[str, float]
    own: Own
    strange: frozenset[int]  # the first words of sentences in which a voice gives a name that is not on the list
    roll: Sequence[Mapping[str, float]]  # whom a run of a roll call means


def find(
    words: Sequence[Word], roster: Roster, voices: Mapping[str, str], confirmed: Mapping[str, str]
) -> Iterator[Cue]:
    """All cues of a meeting. `voices` says what captions call a label, `confirmed` who people said that it is."""
    meeting = _read(words, roster, confirmed)
    yield from _presides(meeting)
    yield from _runs_the_meeting(meeting)
    yield from _clerk(meeting)
    yield from _late(meeting)
    for i, run in enumerate(meeting.runs):
        if run.speaker is not None:
            yield from _hands_over(meeting, i)
            yield from _speaks_to(meeting, i)
            yield from _speaks_of(meeting, i)
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

    def answered(calls: Sequence[Call | None]) -> list[str | None]:
        return [answer_to(words, said, calls, own, roll, i) for i in range(len(said))]

    calls = [call_of(words, run, frozenset(), own) for run in said]
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
    calls = [call_of(words, run, presiding, own) for run in said]
    calls = [call and call._replace(mention=meant(said, i, call)) for i, call in enumerate(calls)]
    answers = answered(calls)
    calls = [call or thanks_that_calls(said, calls, answers, i, presiding) for i, call in enumerate(calls)]
    return _Meeting(
        words,
        roster,
        said,
        calls,
        answered(calls),
        frozenset(presiding),
        dict.fromkeys(sorted(roster.chairs), 1.0),
        dict.fromkeys(sorted(roster.clerks), 1.0),
        own,
        strange_names(words, said, roster, presiding),
        roll,
    )


def _takes_the_chair(run: Run, first: bool) -> bool:
    """Whether a voice says that it is in the chair, or opens the meeting at its start."""
    return any(_in_chair(s) or (first and sayings.OPENING.search(s.pattern)) for s in run.sentences)


def _in_chair(sentence: Sentence) -> bool:
    said = sayings.CHAIRING.search(sentence.pattern)
    return bool(said and not sayings.QUOTED.search(sentence.pattern[: said.start()]))


# -- the floor is given --------------------------------------------------------------------------------


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
        known = 0.7 * GIVEN if meeting.roster.of_councillors else SURNAME  # officers have first names, too
        fits = {p: known if fit == GIVEN else fit for p, fit in fits.items()}
    late = (between_ms(meeting.words, run.end - 1) or 0) > PROMPT_MS
    if answer == "here":
        yield Cue(voice, fits, "answered to a name", 1.0, *span)
    elif call.rule == "called":
        rule = "called by whoever presides" if presides else "called by somebody else"
        yield Cue(voice, fits, rule, 0.7 if late else 1.0, *span)
    elif call.rule in ("first in turn", "named last"):
        yield Cue(voice, fits, f"{call.rule} by whoever presides", 0.7 if late else 1.0, *span)
    else:
        yield Cue(voice, call.mention.fits, call.rule, 0.7 if late else 1.0, *span)
    if not call.rule.startswith("asked") and sayings.ACCEPTED.match(following.sentences[0].pattern):
        yield Cue(voice, fits, "taken up with thanks", 1.0, *span)


# -- spoken to -----------------------------------------------------------------------------------------


def _speaks_to(meeting: _Meeting, i: int) -> Iterator[Cue]:
    """Thanks, and a name set off by commas, at the start of a run are for whoever has just spoken, unless they were
    passing the floor on; whoever says them is somebody else."""
    run, before = meeting.runs[i], meeting.runs[i - 1] if i else None
    speaker = run.speaker or ""
    spoke = before is not None and before.speaker is not None and before.end - before.first >= 8
    passed_on = bool(i and _gave_the_floor(meeting, i - 1))
    for n, sentence in enumerate(run.sentences[:3]):
        if sentence.first in meeting.own:
            continue
        thanked = sayings.THANKS.search(sentence.pattern) or sayings.THANKS_FOR.search(sentence.pattern)
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


def _speaks_of(meeting: _Meeting, i: int) -> Iterator[Cue]:
    """Nobody speaks of themselves by name, but to say who they are, which comes first."""
    run, call = meeting.runs[i], meeting.calls[i]
    for sentence in run.sentences[1:]:
        if sentence.first in meeting.own or (call and call.sentence is sentence):
            continue
        for mention in sentence.mentions:
            if mention.form == "name" and len(mention.fits) == 1:
                span = sentence.first, sentence.end, run.speaker or ""
                yield Cue(run.speaker or "", mention.fits, "speaks of them", 1.0, *span)


def _gave_the_floor(meeting: _Meeting, i: int) -> bool:
    """Whether whoever presides called somebody at the end of a run, or anybody did where nobody is known to preside."""
    call = meeting.calls[i]
    presides = not meeting.presiding or meeting.runs[i].speaker in meeting.presiding
    return presides and call is not None and call.rule == "called"


def _vocative(words: Sequence[Word], sentence: Sentence) -> Mention | None:
    """Who is spoken to in a sentence: its one name, set off by commas, with nothing before it that makes it a list or
    a report."""
    if len(sentence.mentions) != 1 or not set_off(words, sentence, sentence.mentions[0]):
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
        if own and own.fits:
            # "I'm Priya, I live in Mill Lane" is another Priya. A first name alone settles nothing.
            fits = {p: fit * fit for p, fit in own.fits.items() if fit > GIVEN or not outsider}
            yield Cue(speaker, fits, "own name", 1.0, *span)
        elif sentence.first in meeting.strange:
            yield Cue(speaker, {STRANGER: 1.0}, "own name", 1.0, *span)
        role = sayings.AS_ROLE.search(sentence.pattern)
        if role and not own and not sayings.REPORTED.search(sentence.pattern[: role.start()]):
            mention = sentence.mentions[int(next(g for g in role.groups() if g))]
            before = meeting.words[mention.first - 1].text if mention.first > sentence.first else ""
            aside = before.endswith(",")  # "I am, Mayor"
            if len(mention.fits) <= MOST_MEANT and not mention.possessive and not aside:
                yield Cue(speaker, mention.fits, "own role", 1.0, *span)
        yield from _own_place(meeting, sentence, speaker)
        if _in_chair(sentence) and (speaker in meeting.presiding or run in meeting.runs[:3]):  # not of governors
            yield Cue(speaker, _chairs(meeting, speaker), "says it is in the chair", 1.0, *span)


def _own_place(meeting: _Meeting, sentence: Sentence, speaker: str) -> Iterator[Cue]:
    """ "My constituents in Mill and Weir", or "Mill is my ward": only their own members say so."""
    text = text_of(meeting.words[sentence.first : sentence.end]).lower()
    fits: Mapping[str, float] = {}
    said = sayings.OWN_PLACE.search(text)
    if said and not sayings.QUOTED.search(text[: said.start()]):
        first = sentence.first + len(text[: said.end()].split())
        fits = meeting.roster.of_place(meeting.words, first, sentence.end)
    elif said := sayings.PLACE_OF_ONES_OWN.search(text):
        end = sentence.first + len(text[: said.start()].split())
        fits = meeting.roster.of_place(meeting.words, max(sentence.first, end - 5), end, last=True)
    if fits:
        share = 1.0 if len(fits) == 1 else 0.6  # residents say "our ward", too
        yield Cue(speaker, fits, "own place", share, sentence.first, sentence.end, speaker)


# -- the chair -----------------------------------------------------------------------------------------


def _chairs(meeting: _Meeting, voice: str | None) -> Mapping[str, float]:
    """Who a voice is that is in the chair: one who gave another name stands in for the chair."""
    for run in meeting.runs:
        for sentence in run.sentences if run.speaker == voice else ():
            own = meeting.own.get(sentence.first)
            if own and max(own.fits.values(), default=0.0) >= SURNAME and not own.fits.keys() & meeting.chairs.keys():
                return own.fits
    return meeting.chairs


def _presides(meeting: _Meeting) -> Iterator[Cue]:
    """Whoever gives others the floor is in the chair; so is, mostly, whoever opens the meeting."""
    given: dict[str, list[Call]] = {}
    for run, call, answer in zip(meeting.runs, meeting.calls, meeting.answers, strict=True):
        if run.speaker in meeting.presiding and call and call.rule == "called" and answer == "spoke":
            given.setdefault(run.speaker, []).append(call)
    most = max(map(len, given.values()), default=0)
    for speaker, calls in given.items():
        if len(calls) >= FEW_CALLS:
            sentence, share = calls[0].sentence, len(calls) / most  # others may have the chair for an item
            yield Cue(speaker, _chairs(meeting, speaker), "presides", share, sentence.first, sentence.end, "")
    for kind, n_runs, share in ((sayings.OPENING, 3, 1.0), (sayings.GREETING_ALL, 1, 0.4)):
        for run in meeting.runs[:n_runs]:
            for sentence in run.sentences if run.speaker else ():
                if kind.search(sentence.pattern):
                    span = sentence.first, sentence.end, run.speaker or ""
                    yield Cue(run.speaker or "", _chairs(meeting, run.speaker), "opens the meeting", share, *span)
                    return


def _runs_the_meeting(meeting: _Meeting) -> Iterator[Cue]:
    """Whoever asks for apologies, declarations and seconders, goes from item to item and takes the votes is in the
    chair, even where nobody is called by a name."""
    kinds: dict[str, dict[int, Sentence]] = defaultdict(dict)
    n = Counter[str]()
    for run in meeting.runs:
        for sentence in run.sentences if run.speaker else ():
            said = [k for k, business in enumerate(sayings.BUSINESS) if business.search(sentence.pattern)]
            n[run.speaker or ""] += len(said)
            for k in said:
                kinds[run.speaker or ""].setdefault(k, sentence)
    (speaker, most), *_ = [*n.most_common(1), ("", 0)]
    if len(kinds[speaker]) >= KINDS_OF_BUSINESS and most >= MOST_BUSINESS * n.total():
        sentence = next(iter(kinds[speaker].values()))
        yield Cue(speaker, _chairs(meeting, speaker), "runs the meeting", 1.0, sentence.first, sentence.end, "")


def _clerk(meeting: _Meeting) -> Iterator[Cue]:
    """Whoever reads the apologies, or calls the roll, and does not preside is the clerk, or who else calls it."""
    told: dict[str, tuple[int, int]] = {}
    for run, called in zip(meeting.runs, meeting.roll, strict=True):
        read = next((s for s in run.sentences if s.mentions and sayings.APOLOGIES_READ.search(s.pattern)), None)
        if run.speaker and run.speaker not in meeting.presiding and (called or read):
            told.setdefault(run.speaker, (read.first, read.end) if read else (run.first, run.end))
    for speaker, (first, end) in told.items():
        yield Cue(speaker, meeting.clerks, "does the clerk's work", 1.0, first, end, "")


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
                yield Cue(before, _chairs(meeting, before), "thanked as chair", 1.0, sentence.first, sentence.end, "")
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

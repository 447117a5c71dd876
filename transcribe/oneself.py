"""The names that voices give themselves: "My name is …", "Tom Holm, Head of Parks", and rounds of introductions."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from transcribe import sayings
from transcribe.mentions import FULL, SURNAME, Mention, Roster
from transcribe.phrases import AHEAD, run_together
from transcribe.records import Word, text_of
from transcribe.sentences import Run, Sentence
from transcribe.spoken import NEAR, TITLES, plain

OPENING_WORDS = 12  # of a run, in which a bare name may be the speaker's own
ROUND_RUNS = 30  # after somebody asked for introductions, within which they come
ROUND_OF = 3  # voices that give a name one after the other make a round, asked for or not
LONGEST_INTRODUCTION = 30  # words

Own = Mapping[int, Mention]  # by the first word of the sentence in which a voice names itself


def own_names(words: Sequence[Word], said: Sequence[Run]) -> Own:
    """The name that a voice gives itself, for every sentence in which one does."""
    own = {
        sentence.first: mention
        for run in said
        for sentence in run.sentences
        if sentence.mentions and (mention := _own_name(words, run, sentence))
    }
    return {sentence.first: sentence.mentions[0] for sentence in _introductions(said)} | own


def _own_name(words: Sequence[Word], run: Run, sentence: Sentence) -> Mention | None:
    said = sayings.SELF.search(sentence.pattern)
    if said:
        own = sentence.mentions[int(next(g for g in said.groups() if g))]
        return own if own.form != "role" and not sayings.QUOTED.search(sentence.pattern[: said.start()]) else None
    if said := sayings.SELF_IN_CHAIR.search(sentence.pattern):
        own = sentence.mentions[int(said[1])]  # "I'm the chair, Councillor Holm" speaks to him
        quoted = sayings.QUOTED.search(sentence.pattern[: said.start()])
        return own if _is_bare_and_whole(words, own) and not quoted else None
    if sentence.first > run.first + OPENING_WORDS:
        return None
    k = run.sentences.index(sentence)
    pattern = sentence.pattern
    if pattern == "@0" and k + 1 < len(run.sentences):
        following = run.sentences[k + 1].pattern
        said = sayings.ABOUT_ONESELF.match(f"{pattern} {following}")  # "Tom Holm. I live …"
        if sentence.mentions[0].form == "both" and not re.match(r".*\byou\b", following):
            said = re.match(sayings.NAME, pattern)  # "Tom Holm, Head of Parks. We have …"
    else:
        said = sayings.APPOSITION.fullmatch(pattern)
    if not said:
        return None
    own, *others = (sentence.mentions[int(g)] for g in said.groups() if g)
    if not _is_bare_and_whole(words, own):
        return None  # "Jo, I think …" speaks to Jo; one gives a whole bare name only as one's own
    return own if all(own.fits.keys() == other.fits.keys() for other in others) else None


def _is_bare_and_whole(words: Sequence[Word], mention: Mention) -> bool:
    whole = mention.form == "both" or bool({*mention.fits.values()} & {FULL, NEAR})
    return whole and plain(words[mention.first].text) not in TITLES


def strange_names(
    words: Sequence[Word], said: Sequence[Run], roster: Roster, presiding: Collection[str]
) -> frozenset[int]:
    """The first word of every sentence in which a voice gives itself a name that is nobody's on the list.

    A name at the start with an office after it may be read out, by whoever presides or puts the public's questions:
    it is the voice's own only if it is the only one that the voice so gives.
    """
    plainly: set[int] = set()
    opening: dict[str, dict[int, str]] = defaultdict(dict)
    for run in said:
        for k, sentence in enumerate(run.sentences):
            if sayings.STRANGE_NAME.search(sentence.pattern):
                plainly.add(sentence.first)
                continue
            for i, end in _strangers(words, sentence, roster):
                before = _as_said(words, sentence.first, _without_titles(words, sentence.first, i))
                if sayings.BEFORE_OWN_NAME.fullmatch(before):
                    told = words[i - 1].text[-1] not in ",;:" and not sayings.QUOTED.search(before)
                    plainly |= {sentence.first} if told else set()
                elif run.speaker and run.speaker not in presiding and _opens_with_own(words, run, k, before, end):
                    opening[run.speaker][sentence.first] = run_together(words[i:end])[0]
    return frozenset(plainly | {first for given in opening.values() if len({*given.values()}) == 1 for first in given})


def _strangers(words: Sequence[Word], sentence: Sentence, roster: Roster) -> Iterator[tuple[int, int]]:
    """The words `[i, end)` of each whole name in a sentence that is nobody's on the list."""
    i = sentence.first
    while i < sentence.end:
        end = roster.stranger_end(words, i, sentence.end)
        if end > i and not any(m.fits and m.first < end and i < m.end for m in sentence.mentions):
            yield i, end
        i = max(end, i + 1)


def _without_titles(words: Sequence[Word], first: int, i: int) -> int:
    while i > first and plain(words[i - 1].text) in AHEAD:
        i -= 1
    return i


def _opens_with_own(words: Sequence[Word], run: Run, k: int, before: str, end: int) -> bool:
    """ "Bob Cratchley here, from …", "Bob Cratchley, resident. We have …", "Bob Cratchley. I live …"."""
    sentence, last = run.sentences[k], run.sentences[-1].end
    if sentence.first > run.first + OPENING_WORDS or not sayings.BEFORE_NAME_HERE.fullmatch(before):
        return False
    after = _as_said(words, end, sentence.end)
    if here := sayings.NAME_HERE.match(after):
        return words[end].text[-1] in ",.;" and not sayings.OF_SOMEBODY_ELSE.match(after[here.end() :])
    if words[end - 1].text[-1] not in ",.;":
        return False
    if not after and k + 1 < len(run.sentences):
        after, sentence = _as_said(words, end, run.sentences[k + 1].end), run.sentences[k + 1]
    goes_on = sentence.end < last or after.startswith("i")
    return bool(goes_on and sayings.AFTER_OWN_NAME.match(after) and not sayings.OF_SOMEBODY_ELSE.match(after))


def _as_said(words: Sequence[Word], first: int, end: int) -> str:
    return re.sub(r"[^\w' ]", "", text_of(words[first:end]).lower().replace("’", "'"))


def _introductions(said: Sequence[Run]) -> Iterator[Sentence]:
    """The sentences of a round in which everybody says who they are, name first: one name from each voice, where
    somebody has asked for it, or some do so one after the other."""
    asking = [any(sayings.INTRODUCTIONS.search(s.pattern) for s in run.sentences) for run in said]
    asked = [any(asking[max(0, i - ROUND_RUNS) : i]) for i in range(len(said))]
    found = [_introduction(run) for run in said]
    by: dict[str, list[int]] = defaultdict(list)
    for i, (run, sentence) in enumerate(zip(said, found, strict=True)):
        if sentence and run.speaker:
            by[run.speaker].append(i)
    once = {i for places in by.values() if len(places) == 1 for i in places}
    for i in sorted(once):
        together = [k for k in range(i - ROUND_OF + 1, i + ROUND_OF) if k in once]
        in_turn = any({k, k + 1, k + 2} <= {*together} for k in range(i - ROUND_OF + 1, i + 1))
        sentence = found[i]
        if sentence and (asked[i] or in_turn):
            yield sentence


def _introduction(run: Run) -> Sentence | None:
    """Where a short run opens, or opens after a greeting, with a whole name of somebody who is not spoken to."""
    if run.end - run.first > LONGEST_INTRODUCTION:
        return None
    for sentence in run.sentences[:3]:
        if sentence.mentions:
            mention, rest = sentence.mentions[0], " ".join(s.pattern for s in run.sentences)
            own = sayings.INTRODUCTION.match(sentence.pattern) and not re.search(r"\byou(?:r|'\w+)?\b", rest)
            whole = mention.form == "both" or (
                mention.form == "name" and max(mention.fits.values(), default=0) >= SURNAME
            )
            return sentence if own and whole and not mention.possessive else None
        if not sayings.GREETING.fullmatch(sentence.pattern):
            return None
    return None

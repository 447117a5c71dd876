"""What is said that tells who is speaking: cues, each for one voice, with the words that gave it.

A cue counts for what stands around it: a hand-over for who speaks next and how soon, thanks for who has just
spoken. Names that are only reported ("as Councillor Okafor said"), put off ("I'll bring in Priya later") or said
of somebody else's things ("Councillor Okafor's motion") are no cues at all.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from transcribe.records import Word, text_of
from transcribe.spoken import FULL, GIVEN, NEAR, TITLES, Mention, Roster, plain

Kind = Literal["chair handover", "self-introduction", "roll call", "thanks", "apology", "caption voice", "role"]

# Weights in log-odds, before the fit of the spoken name (0-1). Set by hand, on the cautious side.
HANDOVER, BARE_AFTER_THANKS, ASKED, ACCEPTED = 4.0, 3.0, 2.5, 0.5
SELF, ROLL_CALL, THANKS, CAPTION = 5.0, 3.5, 2.0, 5.0
PRESIDES, SAYS_CHAIRING, THANKED_AS_CHAIR = 2.5, 3.0, 1.0
SPEAKS_TO_THEM, SENT_APOLOGIES = -3.0, -4.0
NOT_PRESIDING = 0.6  # hand-overs and thanks from others than whoever presides

PROMPT_MS, PATIENCE_MS = 3000, 10_000  # how soon an answer comes, and when it no longer is one
LONGEST_SENTENCE = 80  # words; some captions have no full stops


class _Run(NamedTuple):
    """Words `[first, end)` of one voice, and their sentences."""

    speaker: str | None
    first: int
    end: int
    sentences: tuple["_Sentence", ...]


class _Sentence(NamedTuple):
    """`pattern` is the sentence in lower case with its mentions as @0, @1 …, which rules are written on."""

    first: int
    end: int
    pattern: str
    mentions: tuple[Mention, ...]


class Cue(NamedTuple):
    voice: str
    fits: Mapping[str, float]  # person -> how well the name fits
    kind: Kind
    weight: float
    first: int  # the words that gave it
    end: int
    source: str  # the voice that said them


def find(words: Sequence[Word], roster: Roster, voices: Mapping[str, str]) -> Iterator[Cue]:
    """All cues of a meeting. `voices` says what captions call a label."""
    yield from _cues(words, _runs(words, roster), roster, voices)


# -- reading -------------------------------------------------------------------------------------------


def _runs(words: Sequence[Word], roster: Roster) -> list[_Run]:
    letters = [c for w in words for c in w.text if c.isalpha()]
    capitals = sum(map(str.isupper, letters))
    cased = 0 < capitals < 0.5 * len(letters)
    runs, first = [], 0
    for i in range(1, len(words) + 1):
        if i == len(words) or words[i].speaker != words[first].speaker:
            sentences = tuple(_sentences(words, first, i, roster, cased))
            runs.append(_Run(words[first].speaker, first, i, sentences))
            first = i
    return runs


def _sentences(words: Sequence[Word], first: int, end: int, roster: Roster, cased: bool) -> Iterator[_Sentence]:
    for i in range(first, end):
        text = words[i].text.rstrip("\"'”’)")
        full_stop = text[-1:] in "?!…" or (text[-1:] == "." and plain(text) not in TITLES and len(plain(text)) > 1)
        if i + 1 == end or (text and full_stop) or _pause_ms(words, i) > 1200 or i - first >= LONGEST_SENTENCE:
            mentions = list(roster.mentions(words, first, i + 1, cased=cased))
            if not mentions and i - first < 3:
                called = text_of(words[first : i + 1])
                fits = roster.alone(called)  # "Nawosu?" called out on its own
                mentions = [Mention(first, i + 1, fits, False)] if fits else []
            yield _Sentence(first, i + 1, _pattern(words, first, i + 1, mentions), tuple(mentions))
            first = i + 1


def _pause_ms(words: Sequence[Word], i: int) -> int:
    end_ms, start_ms = words[i].end_ms, words[i + 1].start_ms
    return 0 if end_ms is None or start_ms is None else start_ms - end_ms


def _pattern(words: Sequence[Word], first: int, end: int, mentions: Sequence[Mention]) -> str:
    at = {m.first: (k, m) for k, m in enumerate(mentions)}
    parts, i = [], first
    while i < end:
        if i in at:
            k, mention = at[i]
            parts.append(f"@{k}'s" if mention.possessive else f"@{k}")
            i = mention.end
        else:
            parts.append(re.sub(r"[^\w']", "", words[i].text.lower().replace("’", "'")))
            i += 1
    return " ".join(p for p in parts if p)


# -- what is said --------------------------------------------------------------------------------------

_NAME = r"@(\d+)(?!['\d])"
_FILLER = (
    r"(?:thank you|thanks|very much|so much|okay|ok|right|yes|yeah|so|now|next|and|well|please|sorry|good|great|lovely"
    r"|then|first|first of all|finally|um|uh|er|erm|i think|go ahead|over to you|back to you|to you|come in|do come in"
    r"|carry on|the floor is yours|when you're ready|thank you for waiting|for your patience|if you would|if you could"
    r"|if you like|your question|again|up next|in that case|you're next|you are next|is next)"
)
_BARE = re.compile(rf"(?:{_FILLER} )*{_NAME}(?: {_FILLER})*")
_THANKS = re.compile(
    rf"\b(?:thank you|thanks|grateful)(?: very much| so much| indeed| again| a lot| for (?:that|this|your \w+))*"
    rf" {_NAME}"
)
_INVITE = re.compile(
    r"(?:\b(?:i'll|i will|i'd like to|i would like to|i want to|let me|let's|let us|can i|could i|may i|we'll|we will"
    r"|i'm going to|i am going to|we're going to|can we|shall we|if i can|if i could|i can|so|now|please)(?: just| now"
    r"| then| next| first)*|^(?:and |then |next )*)"
    r" ?(?:bring in|bring|call on|call upon|call|invite|take|hear from|start with|continue with|proceed with|introduce"
    r"|(?:come|go|turn|move|return|hand|pass)(?: now| next| straight| back| over| round| across)* to)"
    rf"(?: first| now| in)*(?: the| our)? {_NAME}"
    rf"|\bover to (?:you )?(?:the |our )?{_NAME}"
    rf"|\blet (?:the )?{_NAME} (?:continue|finish|speak|respond|answer|reply|come in|come back)\b"
    rf"|\b(?:next|first|last|final|another) (?:question|speaker|hand|one|contribution|slot)(?: \w+)? (?:is|to|from)"
    rf"(?: from| to| with| for)? (?:the )?{_NAME}"
    r"|\b(?:question|floor|slot) (?:is|goes|passes|comes|will go|will be|will come)(?: now| next| back| over)*"
    rf"(?: to| from| for)? (?:the )?{_NAME}"
    rf"|\b(?:i have|i've got|i see) {_NAME} (?:next|first|now)"
)
_FLOOR = re.compile(
    rf"{_NAME} (?:you're next|you are next|next\b|the floor is yours|over to you|would you|do you want to"
    r"|you (?:wanted|asked|indicated|put|were going)\b|(?:you had|you have|you've got|you've had) (?:a|your|the)\b"
    r"|your question|please)"
    rf"|{_NAME} (?:has|had) (?:her|his|their) hand up"
)
_MINUTES = re.compile(rf"{_NAME}(?: please)? you(?:'ve| have)(?: got)?(?: up to)? \w+ minutes?\b")
_ASK = re.compile(rf"\b(?:ask|could i ask|may i ask) (?:the )?{_NAME} (?:to|if|for|whether)\b")
_QUESTION = re.compile(rf"(?:{_FILLER} )*{_NAME} (?:can|could|would|will|do|did|have|are|were) (?:you|we|i)\b.*")
_NOT_NOW = re.compile(
    r"\b(?:later|afterwards?|before|tomorrow|yesterday|earlier|in due course|in a (?:moment|minute|second|bit|while)"
    r"|shortly|at the end|once|if (?!i (?:can|could|may)\b)|unless|not|never|said|told|asked|mentioned|wrote|when"
    r"|for (?:example|instance)"
    r"|(?:next|last) (?:week|month|time|meeting|year|night)|after|instead of|until|already|won't|can't|don't|didn't)\b"
)
_REFUSED = re.compile(
    r"\b(?:not (?:here|present|with us|able|available)|isn't|has (?:left|gone|stepped|had)|had to|stepped out|left the"
    r"|apologies|absent|on behalf of|in place of|i'm not|i am not|point of|before (?:that|we|you|i|he|she|they)"
    r"|interrupt|wrong|she's|he's|they're|can i just come in|may i come in)\b"
)
_HERE = re.compile(r"(?:(?:yes|here|present|aye|for|against|abstain|abstaining|i'm|am|chair|thank|thanks|you) ?){1,4}")
_ACCEPTED = re.compile(r"(?:yes |well |and )*(?:thank you|thanks)\b")
_SELF = re.compile(
    rf"(?:\bmy name is|\bmy name's|\bi'm|\bi am)(?: the)? {_NAME}"
    rf"|^(?:(?:hello|hi|yes|good|evening|morning|afternoon) )*{_NAME} (?:speaking|here)$|\bit's {_NAME} here\b"
)
_APPOSITION = re.compile(
    rf"{_NAME}(?: @(\d+)(?: .*)?| (?:i|i'm|i am|i've|i have|i'd|i'll|speaking for|representing)\b.*)"
)
_ABOUT_ONESELF = re.compile(
    rf"{_NAME} i(?:'ve (?:lived|been)| live| work| run| represent| look after|'m (?:a|an|the|from)) "
)
_QUOTED = re.compile(r"\b(?:said|says|say|saying|told|tells|like|asked|wrote|thinks?|if|when|because|who|that|not)\b")
_OUTSIDER = re.compile(
    r"\b(?:residents?|i live|we live|i've lived|member of the public|my (?:son|daughter|shop|street))\b"
)
_PANEL = (
    r"(?:this|the|tonight's|today's|our) (?:\w+ ){0,3}(?:committee|panel|meeting|scrutiny|board|council|commission)"
)
_CHAIRING = re.compile(
    rf"\bas (?:the |your )?chair(?:man|woman|person)?(?: of {_PANEL})? i\b"
    rf"|\bi(?:'m| am)(?: @\d+)?(?: and)?(?: i'm)?(?: the| your)? chair(?:man|woman|person)? of {_PANEL}"
    rf"|\bi(?:'m| am|'ll be| will be) (?:chairing|the chair (?:of|for)) {_PANEL}"
)
_TO_CHAIR = re.compile(
    r"^(?:\w+ ){0,4}?(?:thank you|thanks|through you|yes|sorry|evening|morning|afternoon)(?: very much| so much)?"
    r"(?: mr| madam| madame)? chair(?:man|woman|person)?\b(?! of| and)"
)
_APOLOGY = re.compile(
    r"\bapologies (?:for absence|(?:have been |were )?(?:received |given )?from)"
    r"|@\d+ (?:sends|has sent|have sent|gave|has given|have given) (?:\w+ )?apologies"
    r"|@\d+ (?:is|was|are) (?:unable|not able) to (?:attend|be|join)|@\d+ (?:can't|cannot) (?:be|join|make it|attend)"
)
_SUBSTITUTED = re.compile(rf"\b(?:substitut\w+|deputising|standing in|attending) (?:for|in place of) {_NAME}")


def _cues(words: Sequence[Word], runs: Sequence[_Run], roster: Roster, voices: Mapping[str, str]) -> Iterator[Cue]:
    calls = [_call(words, run) for run in runs]
    answers = [_answer(words, runs, calls, i) for i in range(len(runs))]
    presiding = Counter(
        r.speaker for r, c, a in zip(runs, calls, answers, strict=True) if c and a != "roll call" and r.speaker
    )
    (head, n_calls), *_ = [*presiding.most_common(1), (None, 0)]
    chairs = dict.fromkeys(roster.chairs, 1.0)
    if head and n_calls >= 3 and n_calls >= 0.6 * presiding.total():
        first = next(c for r, c in zip(runs, calls, strict=True) if c and r.speaker == head)
        yield Cue(head, chairs, "role", PRESIDES, first[0].first, first[0].end, head)

    for i, run in enumerate(runs):
        if run.speaker is None:
            continue
        share = 1.0 if run.speaker == head else NOT_PRESIDING
        call, kind = calls[i], answers[i]
        if call:
            sentence, mention, weight = call
            span = sentence.first, sentence.end, run.speaker
            yield Cue(run.speaker, mention.fits, "chair handover", SPEAKS_TO_THEM, *span)
            if kind:
                following = runs[i + 1]
                if kind == "roll call":
                    weight, share = ROLL_CALL, 1.0
                elif _ACCEPTED.match(following.sentences[0].pattern):
                    weight += ACCEPTED
                elif (_between_ms(words, run.end - 1) or 0) > PROMPT_MS:
                    share *= 0.7
                yield Cue(following.speaker or "", mention.fits, kind, weight * share, *span)
        yield from _thanks(runs, calls, i, share)
        yield from _self(words, run, run.speaker, chairs)
        yield from _to_chair(runs, i, run.speaker, chairs)
        yield from _apologies(run, run.speaker)
    for label, voice in voices.items():
        first_word = next((i for i, w in enumerate(words) if w.speaker == label), None)
        if first_word is not None:
            yield Cue(label, roster.caption(voice), "caption voice", CAPTION, first_word, first_word, label)


_Call = tuple[_Sentence, Mention, float] | None


def _call(words: Sequence[Word], run: _Run) -> _Call:
    """Whom a run gives the floor to at its end: the last sentence that names anybody, or nobody."""
    n_after = 0
    for back, sentence in enumerate(reversed(run.sentences[-4:])):
        if not sentence.mentions:
            n_after += sentence.end - sentence.first
            if n_after > 20:
                return None
            continue
        pattern = sentence.pattern
        if not _MINUTES.search(pattern):
            pattern = _THANKS.sub("", pattern)
        named = re.findall(r"@(\d+)", pattern)
        if len(named) != 1:
            return None  # nobody is called, or it is not plain who
        mention = sentence.mentions[int(named[0])]
        pattern = " ".join(pattern.split())
        weight = 0.0
        if _BARE.fullmatch(pattern):
            before = run.sentences[-back - 2] if len(run.sentences) > back + 1 else None
            thanked = before and re.fullmatch(r"(?:\w+ )*(?:thank you|thanks)(?: \w+){0,3}", before.pattern)
            weight = BARE_AFTER_THANKS if thanked else HANDOVER
        elif _NOT_NOW.search(pattern):
            return None
        elif any(rule.search(pattern) for rule in (_INVITE, _FLOOR, _MINUTES)):
            weight = HANDOVER
        elif _ASK.search(pattern) or (back < 2 and _is_asked(words, sentence, mention, pattern)):
            weight = ASKED
        return (sentence, mention, weight) if weight and mention.fits else None
    return None


def _is_asked(words: Sequence[Word], sentence: _Sentence, mention: Mention, pattern: str) -> bool:
    """ "Superintendent, can you say …", or "… in whose name, Superintendent?": addressed, not spoken of."""
    if _QUESTION.fullmatch(pattern):
        return True
    question = words[sentence.end - 1].text.rstrip("\"'”’)").endswith("?")
    set_off_before = mention.first == sentence.first or words[mention.first - 1].text.endswith(",")
    set_off_after = mention.end == sentence.end or words[mention.end - 1].text.endswith(",")
    inside = mention.first > sentence.first and mention.end < sentence.end
    return question and set_off_before and set_off_after and (not inside or bool(re.search(r"\byou\b", pattern)))


def _answer(words: Sequence[Word], runs: Sequence[_Run], calls: Sequence[_Call], i: int) -> Kind | None:
    """How a call was answered by the next voice; None where there was none, or it was not."""
    call = calls[i]
    if not call or i + 1 >= len(runs) or runs[i + 1].speaker is None or runs[i].speaker is None:
        return None
    following = runs[i + 1]
    wait_ms = _between_ms(words, runs[i].end - 1)
    if wait_ms is None or wait_ms > PATIENCE_MS:
        return None
    opening = " ".join(s.pattern for s in following.sentences)
    if _HERE.fullmatch(opening):
        return "roll call" if _BARE.search(call[0].pattern) else None
    n_words = following.end - following.first
    if n_words <= 2 or _REFUSED.search(" ".join(opening.split()[:14])):
        return None
    for sentence in following.sentences:
        if sentence.first >= following.first + 14 or _own_name(words, following, sentence):
            continue
        if any(m.fits.keys() & call[1].fits.keys() for m in sentence.mentions):
            return None  # "Councillor Okafor has had to leave": said by somebody else
    again = calls[i + 2] if i + 2 < len(runs) and runs[i + 2].speaker == runs[i].speaker else None
    if n_words < 15 and again and again[1].fits == call[1].fits:
        return None  # called again at once: that was somebody else
    return "chair handover"


def _between_ms(words: Sequence[Word], i: int) -> int | None:
    end_ms, start_ms = words[i].end_ms, words[i + 1].start_ms
    return None if end_ms is None or start_ms is None else start_ms - end_ms


def _thanks(runs: Sequence[_Run], calls: Sequence[_Call], i: int, share: float) -> Iterator[Cue]:
    """Thanks at the start of a run are for whoever has just spoken, unless they were passing the floor on."""
    run, before = runs[i], runs[i - 1] if i else None
    for sentence in run.sentences[:2]:
        thanked = _THANKS.search(sentence.pattern)
        if not thanked:
            continue
        mention = sentence.mentions[int(thanked[1])]
        span = sentence.first, sentence.end, run.speaker or ""
        yield Cue(run.speaker or "", mention.fits, "thanks", SPEAKS_TO_THEM, *span)
        if before and before.speaker and before.end - before.first >= 8 and not calls[i - 1]:
            yield Cue(before.speaker, mention.fits, "thanks", THANKS * share, *span)
        return


def _own_name(words: Sequence[Word], run: _Run, sentence: _Sentence) -> Mention | None:
    """The name that a voice gives itself in this sentence."""
    said = _SELF.search(sentence.pattern)
    if said:
        if _QUOTED.search(sentence.pattern[: said.start()]):
            return None
        return sentence.mentions[int(next(g for g in said.groups() if g))]
    if sentence.first > run.first + 12:
        return None
    k = run.sentences.index(sentence)
    pattern = sentence.pattern
    if pattern == "@0" and k + 1 < len(run.sentences):
        pattern += " " + run.sentences[k + 1].pattern  # "Tom Holm. I live …"
        said = _ABOUT_ONESELF.match(pattern)
    else:
        said = _APPOSITION.fullmatch(pattern)
    if not said:
        return None
    own, *others = (sentence.mentions[int(g)] for g in said.groups() if g)
    if not set(own.fits.values()) & {FULL, NEAR} or plain(words[own.first].text) in TITLES:
        return None  # "Jo, I think …" speaks to Jo; one gives a whole bare name only as one's own
    return own if all(own.fits.keys() == other.fits.keys() for other in others) else None


def _self(words: Sequence[Word], run: _Run, speaker: str, chairs: Mapping[str, float]) -> Iterator[Cue]:
    outsider = _OUTSIDER.search(" ".join(s.pattern for s in run.sentences[:4]))
    for sentence in run.sentences:
        span = sentence.first, sentence.end, speaker
        own = _own_name(words, run, sentence)
        if own:
            # "I'm Priya, I live in Mill Lane" is another Priya. A first name alone settles nothing.
            fits = {p: fit * fit for p, fit in own.fits.items() if fit > GIVEN or not outsider}
            yield Cue(speaker, fits, "self-introduction", SELF, *span)
        chairing = _CHAIRING.search(sentence.pattern)
        if chairing and not _QUOTED.search(sentence.pattern[: chairing.start()]):
            yield Cue(speaker, chairs, "role", SAYS_CHAIRING, *span)


def _to_chair(runs: Sequence[_Run], i: int, speaker: str, chairs: Mapping[str, float]) -> Iterator[Cue]:
    """Whoever says "Thank you, Chair" is not the chair; whoever spoke just before may be."""
    for sentence in runs[i].sentences[:2]:
        if _TO_CHAIR.search(sentence.pattern):
            span = sentence.first, sentence.end, speaker
            yield Cue(speaker, chairs, "role", SPEAKS_TO_THEM, *span)
            before = runs[i - 1].speaker if i else None
            if before and sentence.first == runs[i].first:
                yield Cue(before, chairs, "role", THANKED_AS_CHAIR, *span)
            return


def _apologies(run: _Run, speaker: str) -> Iterator[Cue]:
    """Somebody who sent apologies is not in the room; these cues are about every voice."""
    for sentence in run.sentences:
        apology = _APOLOGY.search(sentence.pattern)
        if apology and not re.search(r"\b(?:late|lateness|leave early)\b", sentence.pattern):
            for k, mention in enumerate(sentence.mentions):
                if sentence.pattern.find(f"@{k}") >= apology.start() and not mention.possessive:
                    yield Cue("", mention.fits, "apology", SENT_APOLOGIES, sentence.first, sentence.end, speaker)
        substituted = _SUBSTITUTED.search(sentence.pattern)
        if substituted:
            fits = sentence.mentions[int(substituted[1])].fits
            yield Cue("", fits, "apology", SENT_APOLOGIES, sentence.first, sentence.end, speaker)

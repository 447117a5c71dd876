"""Roll calls: names called one by one from one voice, and answered with a word or two from others."""

from collections import Counter
from collections.abc import Mapping, Sequence

from transcribe import sayings
from transcribe.mentions import Roster
from transcribe.records import Word, text_of
from transcribe.sentences import Run

ROLL_OF = 3  # names called one by one make a roll call


def roll_call(words: Sequence[Word], said: Sequence[Run], roster: Roster) -> list[Mapping[str, float]]:
    """Whom each run means if it is a name called in a roll: a name or two words alone, again and again from one voice,
    with a word or two for an answer."""

    def answered(i: int) -> bool:
        opening = " ".join(s.pattern for s in said[i + 1].sentences)
        return said[i + 1].speaker not in (None, said[i].speaker) and bool(sayings.HERE.fullmatch(opening))

    calls = [
        i
        for i, run in enumerate(said[:-1])
        if run.speaker is not None and len(run.sentences[-1].pattern.split()) <= 3 and answered(i)
    ]
    by = Counter(said[i].speaker for i in calls)
    meant: list[Mapping[str, float]] = [{}] * len(said)
    for i in calls:
        if by[said[i].speaker] >= ROLL_OF:
            last = said[i].sentences[-1]
            exact = last.mentions[0].fits if len(last.mentions) == 1 else {}
            meant[i] = exact or roster.called(text_of(words[last.first : last.end]))
    return meant

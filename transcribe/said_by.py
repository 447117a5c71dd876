"""Who spoke, as people say it: of a stretch of time, or of a whole voice.

A diariser that is asked again calls a voice by another label, and cuts its turns elsewhere. So what a person says of a
voice is kept with all the time in which it spoke, and holds for the voice that has most of the words there now. Where
those words lie in several voices, or in one that has others' words as well, it holds for none: somebody has to look.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import msgspec

from transcribe.correct import VOICES, Correction, in_force
from transcribe.cues import Cue
from transcribe.moments import inside, middles
from transcribe.ranges import length, within
from transcribe.records import Evidence, Person, Record, SpeakerName, Turn, Word
from transcribe.spoken import BEFORE_TITLE, TITLES, plain

MOST = 0.5  # the voice that is meant has more than this of the words in a correction's time
OWN = 0.8  # and at least this much of all that it says lies there; else it is mixed with another's
ASTRAY = 0.2  # of those words: as much in another voice is told, since that may be the same person
PAUSE_MS = 1_000  # a stretch reaches this far into the silence around it, since words are never timed twice alike
SHOWN = 12  # words of them, as evidence

BY_PEOPLE = "@"  # begins the label of words that people gave to somebody


def people_called(people: Sequence[Person], name: str) -> list[Person]:
    """The people who go by an id, a name or an alias; where nobody does, those whose names have all these words,
    titles, accents and capitals aside."""
    fold, parts = name.casefold().strip(), _parts(name)
    return (
        [p for p in people if fold == p.id]
        or [p for p in people if fold in (n.casefold() for n in (p.name, *p.aliases))]
        or [p for p in people if parts and any(parts <= _parts(n) for n in (p.name, *p.aliases))]
    )


def _parts(name: str) -> set[str]:
    return {plain(part) for part in name.split()} - TITLES - BEFORE_TITLE - {""}


# -- stretches ------------------------------------------------------------------------------------


def spoken_by(
    words: Sequence[Word], turns: Sequence[Turn], corrections: Iterable[Correction], people: Sequence[Person]
) -> tuple[tuple[Word, ...], tuple[Turn, ...], tuple[SpeakerName, ...]]:
    """Words and turns with the voices that people gave to stretches, and the names of those voices.

    Such a voice is `@` and the person's id: what the diariser heard as one voice stays that elsewhere. A later
    correction wins over an earlier one. Somebody who is no longer among `people` is nobody.
    """
    by_id = {p.id: p for p in people}
    heard, spans, at_ms = list(words), list(turns), middles(words)
    names: dict[str, SpeakerName] = {}
    for c in in_force(corrections):
        if c.kind != "speaker":
            continue
        person = by_id.get(c.new)
        label = f"{BY_PEOPLE}{person.id}" if person else None
        replaced = set()
        for i in inside(at_ms, c.start_ms, c.end_ms):
            replaced.add(heard[i].speaker)
            heard[i] = msgspec.structs.replace(heard[i], speaker=label, speaker_margin=None)
        spans = [piece for t in spans for piece in _parted(t, c, replaced, label)]
        if person and label:
            earlier = names[label].evidence if label in names else ()
            names[label] = SpeakerName(
                label=label,
                display=" ".join(person.name.split()) or person.id,
                person=person.id,
                role=person.role,
                party=person.party,
                status="confirmed",
                evidence=(*earlier, _said(c)),
            )
    used = {w.speaker for w in heard}
    return tuple(heard), tuple(spans), tuple(n for label, n in names.items() if label in used)


def _said(c: Correction) -> Evidence:
    at_ms = c.stretches[0][0] if c.stretches else c.start_ms
    return Evidence(kind="human", person=c.new, at_ms=at_ms, words=f"confirmed by {c.by}", weight=0.0)


def _parted(turn: Turn, c: Correction, replaced: set[str | None], label: str | None) -> list[Turn]:
    """A turn, parted where a correction gives some of it to another voice, or to nobody."""
    if turn.speaker not in replaced or not c.touches(turn.start_ms, turn.end_ms):
        return [turn]
    pieces = [
        (turn.start_ms, c.start_ms, turn.speaker),
        (max(turn.start_ms, c.start_ms), min(turn.end_ms, c.end_ms), label),
        (c.end_ms, turn.end_ms, turn.speaker),
    ]
    return [
        msgspec.structs.replace(turn, start_ms=a, end_ms=b, speaker=speaker)
        for a, b, speaker in pieces
        if a < b and speaker is not None
    ]


def untouched(heard: Sequence[Word], given: Sequence[Word]) -> tuple[Word, ...]:
    """Words as they were `heard`, and nobody's where people gave them to somebody: what a voice did not say itself is
    no evidence for who it is."""
    return tuple(
        h if h.speaker == g.speaker else msgspec.structs.replace(h, speaker=None, speaker_margin=None)
        for h, g in zip(heard, given, strict=True)
    )


def hints(heard: Sequence[Word], given: Sequence[Word]) -> Iterator[Cue]:
    """What stretches that people `given` to somebody tell of the voices that the same words were `heard` as.

    One sentence put right is an exception to the voice, and tells nothing of the rest. Only where people gave most of
    what a voice says to one person, that tells who it is; the more, the surer.
    """
    n_words = Counter(w.speaker for w in heard)
    taken: dict[str, Counter[str]] = defaultdict(Counter)
    longest: dict[tuple[str, str], tuple[int, int]] = {}
    end = 0
    for (voice, label), run in groupby((h.speaker, g.speaker) for h, g in zip(heard, given, strict=True)):
        first, end = end, end + sum(1 for _ in run)
        if voice is None or label is None or label == voice:
            continue
        taken[voice][label] += end - first
        known = longest.get((voice, label))
        if known is None or end - first > known[1] - known[0]:
            longest[voice, label] = first, end
    for voice, labels in taken.items():
        label, n = labels.most_common(1)[0]
        if 2 * n > n_words[voice]:
            first, end = longest[voice, label]
            fits, share = {label.removeprefix(BY_PEOPLE): 1.0}, n / n_words[voice]
            yield Cue(voice, fits, "given by people", share, first, min(end, first + SHOWN), "")


# -- whole voices ---------------------------------------------------------------------------------


class Standing(Record):
    """What a person said of a whole voice, and the voice that it holds for now; none where somebody has to look, with
    why in `doubt`. `voices` has more than ASTRAY of those words, each with its share, most first."""

    correction: Correction
    label: str | None
    doubt: str = ""
    voices: tuple[tuple[str, float], ...] = ()


def time_of(words: Sequence[Word], label: str) -> tuple[tuple[int, int], ...]:
    """All the time in which a voice says `words`, with some of the silence around it, in order and apart."""
    timed = [w for w in words if w.start_ms is not None]
    runs = [list(run) for _, run in groupby(timed, key=lambda w: w.speaker)]
    found: list[tuple[int, int]] = []
    for k, run in enumerate(runs):
        if run[0].speaker != label:
            continue
        start_ms, end_ms = _start(run[0]), max(map(_end, run))
        before_ms = max(map(_end, runs[k - 1])) if k else start_ms
        after_ms = _start(runs[k + 1][0]) if k + 1 < len(runs) else end_ms
        start_ms -= min(PAUSE_MS, max(0, start_ms - before_ms) // 2)
        end_ms += min(PAUSE_MS, max(0, after_ms - end_ms) // 2)
        found.append((max(start_ms, found[-1][1] if found else 0), end_ms))
    return tuple((a, b) for a, b in found if a < b)


def standing(
    words: Sequence[Word], corrections: Iterable[Correction], people: Sequence[Person]
) -> tuple[Standing, ...]:
    """Which voices of `words` hold what people said of whole voices, in the order in which they said it. What somebody
    said later of the same voice counts alone, as far as both cannot be true."""
    said = [c for c in in_force(corrections) if c.kind in VOICES]
    latest = [c for i, c in enumerate(said) if not any(_overtakes(later, c) for later in said[i + 1 :])]
    at_ms, known = middles(words), {p.id for p in people}
    return tuple(
        _standing(c, [(int(at_ms[i]), words[i].speaker) for i in inside(at_ms, c.start_ms, c.end_ms)], known)
        for c in latest
    )


def decided(stands: Iterable[Standing], people: Sequence[Person]) -> tuple[dict[str, str], dict[str, frozenset[str]]]:
    """What people decided of voices: label -> the person that it is, and label -> the people that it is not."""
    confirmed: dict[str, str] = {}
    rejected: dict[str, frozenset[str]] = {}
    for s in stands:
        if s.label is None:
            continue
        if s.correction.kind == "confirm" and s.correction.new:
            confirmed[s.label] = s.correction.new
        else:  # that nobody knows who it is means that it is none of them
            nobody = {s.correction.new} if s.correction.new else {p.id for p in people}
            rejected[s.label] = rejected.get(s.label, frozenset()) | nobody
    return confirmed, rejected


def signed(names: Sequence[SpeakerName], stands: Iterable[Standing]) -> tuple[SpeakerName, ...]:
    """Names with who confirmed them, as evidence before any other."""
    by = {s.label: s.correction for s in stands if s.label and s.correction.kind == "confirm"}
    return tuple(
        msgspec.structs.replace(n, evidence=(_said(by[n.label]), *(e for e in n.evidence if e.kind != "human")))
        if n.status == "confirmed" and n.label in by
        else n
        for n in names
    )


def _overtakes(later: Correction, c: Correction) -> bool:
    """Whether a later correction is about the same voice, and takes back or repeats what an earlier one says."""
    if later.kind == "reject" and later.new != c.new and c.new:
        return False  # that it is not B does not touch that it is A
    common_ms = length(within(c.stretches, later.stretches))
    return 2 * common_ms > max(length(c.stretches), length(later.stretches))


def _standing(c: Correction, timed: Sequence[tuple[int, str | None]], known: set[str]) -> Standing:
    """`timed` is when each word between the correction's start and end is said, and by which voice."""
    starts = [start_ms for start_ms, _ in c.stretches]
    spoken: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for at_ms, voice in timed:
        if voice is None or voice.startswith(BY_PEOPLE):
            continue
        spoken[voice] += 1
        i = bisect_right(starts, at_ms) - 1
        there[voice] += i >= 0 and at_ms < c.stretches[i][1]
    n = there.total()
    voices = tuple((voice, m / n) for voice, m in there.most_common() if m >= ASTRAY * n) if n else ()
    label = next((voice for voice, share in voices if share > MOST), None)
    if c.new and c.new not in known:
        doubt = f"{c.new} is no longer among the people of this meeting"
    elif not n:
        doubt = "no voice speaks there any more"
    elif label is None:
        doubt = "what that voice said lies in several voices now"
    elif there[label] < OWN * spoken[label]:
        doubt = f"{label} now has words of others, too"
    else:
        return Standing(correction=c, label=label, voices=voices)
    return Standing(correction=c, label=None, doubt=doubt, voices=voices)


def _start(word: Word) -> int:
    return word.start_ms or 0


def _end(word: Word) -> int:
    return max(word.end_ms or 0, _start(word) + 1)

"""Who a voice is: evidence from what is said, added up, and a name only where it is plain.

Each cue is signed log-odds for one voice being one person, with the words that gave it. A cue counts for what
stands around it: a hand-over for who speaks next and how soon, thanks for who has just spoken. Names that are
only reported ("as Councillor Okafor said") are no evidence at all. A wrong name is worse than none.
"""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from transcribe import cues
from transcribe.cues import Cue
from transcribe.records import Evidence, Person, SpeakerName, Turn, Word, text_of
from transcribe.spoken import Roster

# Decision: odds of a person are exp(sum) against exp(SOMEBODY_ELSE) and everybody else's exp(sum).
SOMEBODY_ELSE = 1.0
MARKED_ABSENT = -6.0
LEAST_PROBABILITY, MOST_PROBABILITY = 0.9, 0.99
LEAST_MARGIN = 2.0  # ahead of the next person for this voice, and of the next voice for this person


def name(
    words: Sequence[Word],
    turns: Sequence[Turn],
    people: Sequence[Person],
    *,
    voices: Mapping[str, str] | None = None,
    confirmed: Mapping[str, str] = MappingProxyType({}),
    rejected: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> tuple[SpeakerName, ...]:
    """A SpeakerName for every voice of `words` and `turns`, in the order in which they are first heard.

    `voices` says what captions call a label. `confirmed` (label -> person) and `rejected` (label -> people) are what
    people decided, against which no evidence counts. Each person is given to one voice at most; conflict, a thin margin
    or a low probability leave "Unknown speaker N".
    """
    labels = _labels(words, turns)
    roster = Roster(people)
    scores, evidence = _add_up(cues.find(words, roster, voices or {}), words, people, labels)
    by_id = {p.id: p for p in people}
    confirmed = {label: person for label, person in confirmed.items() if label in scores and person in by_id}
    for label, sums in scores.items():
        taken = {person for other, person in confirmed.items() if other != label}
        for person in sums.keys() & (taken | rejected.get(label, frozenset()) | confirmed.keys() & {label}):
            del sums[person]
    chosen = _decide(scores)
    names = []
    for n, label in enumerate(labels, 1):
        found = sorted(evidence[label], key=lambda e: (-abs(e.weight), e.at_ms))
        display = _clean((voices or {}).get(label, "")) or f"Unknown speaker {n}"
        if label in confirmed:
            person = by_id[confirmed[label]]
            said = Evidence(kind="human", person=person.id, at_ms=0, words="confirmed by a person", weight=0.0)
            about = [e for e in found if e.person == person.id]
            names.append(_named(label, person, "confirmed", None, (said, *about)))
        elif label in chosen:
            person, probability = by_id[chosen[label][0]], chosen[label][1]
            ordered = sorted(found, key=lambda e: e.person != person.id)
            names.append(_named(label, person, "inferred", probability, ordered))
        else:
            names.append(SpeakerName(label=label, display=display, evidence=tuple(found)))
    return tuple(names)


def _named(
    label: str,
    person: Person,
    status: Literal["confirmed", "inferred"],
    probability: float | None,
    evidence: Sequence[Evidence],
) -> SpeakerName:
    return SpeakerName(
        label=label,
        display=_clean(person.name) or person.id,
        person=person.id,
        role=person.role,
        party=person.party,
        status=status,
        probability=probability,
        evidence=tuple(evidence),
    )


def captioned(words: Sequence[Word], captions: Sequence[str | None]) -> dict[str, str]:
    """Label -> the voice that captions name for it, word by word beside `words`; none unless four in five agree."""
    together: dict[str, Counter[str]] = defaultdict(Counter)
    for word, voice in zip(words, captions, strict=True):
        if word.speaker is not None and voice is not None:
            together[word.speaker][voice] += 1
    most = {label: counts.most_common(1)[0] for label, counts in together.items()}
    return {label: voice for label, (voice, n) in most.items() if n >= 0.8 * together[label].total()}


def _labels(words: Sequence[Word], turns: Sequence[Turn]) -> list[str]:
    first: dict[str, int] = {}
    spans = [(w.speaker, w.start_ms or 0) for w in words if w.speaker is not None]
    for label, at_ms in [*((t.speaker, t.start_ms) for t in turns), *spans]:
        first[label] = min(at_ms, first.get(label, at_ms))
    return sorted(first, key=lambda label: (first[label], label))


def _clean(text: str) -> str:
    """A name fit to be shown: no control or direction marks, no generic "Speaker 2"."""
    shown = "".join(c if not unicodedata.category(c).startswith("C") else " " for c in text)
    shown = " ".join(shown.split())[:100]
    return "" if re.fullmatch(r"(?i)(unknown\s*)?(speaker|voice|s|spk)?[\s_-]*\d*|unknown", shown) else shown


# -- deciding ------------------------------------------------------------------------------------------

_Scores = dict[str, dict[str, float]]  # voice -> person -> sum of weights


def _add_up(
    found: Iterable[Cue], words: Sequence[Word], people: Sequence[Person], labels: Sequence[str]
) -> tuple[_Scores, dict[str, list[Evidence]]]:
    """Sums of weights, and the evidence they consist of.

    Cues of one kind from one mouth are not independent (a chair who calls in the wrong order does it twice), so
    the n-th of them counts 1/n.
    """
    evidence: dict[str, list[Evidence]] = {label: [] for label in labels}
    seen: Counter[tuple[object, ...]] = Counter()
    general: list[Evidence] = []
    for cue in found:
        at_ms = next((w.start_ms for w in words[cue.first :] if w.start_ms is not None), 0)
        said = text_of(words[cue.first : cue.end])
        for person, fit in cue.fits.items():
            key = (cue.voice, person, cue.kind, cue.source, cue.weight > 0)
            seen[key] += 1
            weight = round(cue.weight * fit / seen[key], 2)
            if not weight:
                continue
            item = Evidence(kind=cue.kind, person=person, at_ms=at_ms, words=said, weight=weight)
            (evidence[cue.voice] if cue.voice else general).append(item)
    for p in people:
        if not p.present:
            said = "marked as not present"
            general.append(Evidence(kind="apology", person=p.id, at_ms=0, words=said, weight=MARKED_ABSENT))
    scores: _Scores = {}
    for label, items in evidence.items():
        about = {e.person for e in items if e.weight > 0}
        items += [e for e in general if e.person in about]
        sums: dict[str, float] = defaultdict(float)
        for e in items:
            sums[e.person] += e.weight
        scores[label] = dict(sums)
    return scores, evidence


def _decide(scores: _Scores) -> dict[str, tuple[str, float]]:
    """Voice -> (person, probability), for those who are clearly ahead both ways.

    The probability is logistic in the sum of weights, against the sums of all other people for this voice and
    SOMEBODY_ELSE as prior; it never exceeds 0.99, which only a person's confirmation could.
    """
    chosen = {}
    for label, sums in scores.items():
        if not sums:
            continue
        person = max(sums, key=lambda p: sums[p])
        others = math.exp(SOMEBODY_ELSE) + sum(max(0.0, math.expm1(s)) for p, s in sums.items() if p != person)
        probability = 1 / (1 + math.exp(math.log(others) - sums[person]))
        rivals = [s for p, s in sums.items() if p != person]
        rivals += [other.get(person, 0.0) for voice, other in scores.items() if voice != label]
        if probability >= LEAST_PROBABILITY and sums[person] - max(rivals, default=0.0) >= LEAST_MARGIN:
            chosen[label] = (person, round(min(probability, MOST_PROBABILITY), 3))
    return chosen

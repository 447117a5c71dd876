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
from typing import Literal, NamedTuple

from transcribe import cues
from transcribe.cues import STRANGER, Cue
from transcribe.decide import MOST_PROBABILITY, decide
from transcribe.mentions import Roster
from transcribe.records import Evidence, Person, SpeakerName, Turn, Word, text_of
from transcribe.weights import BEFORE, WEIGHTS

EPISODE_GAP = 250  # words of others, about 100 s
MIXED = 0.2  # of a voice being two people's, in a meeting of which nothing tells how well voices were told apart
TESTED = 4.0  # voices of a meeting that count as much as that
PLAIN, BEYOND_DOUBT = 2.0, 3.0  # log-odds of what is plainly said of a voice
THROUGHOUT = (
    "presides", "runs the meeting", "opens the meeting", "says it is in the chair", "captions", "given by people"
)  # fmt: skip
OWN = ("own name", "own role", "own place")
CERTAIN = 50.0  # log-odds of what a person confirmed


def name(
    words: Sequence[Word],
    turns: Sequence[Turn],
    people: Sequence[Person],
    *,
    voices: Mapping[str, str] | None = None,
    confirmed: Mapping[str, str] = MappingProxyType({}),
    rejected: Mapping[str, frozenset[str]] = MappingProxyType({}),
    hints: Iterable[Cue] = (),
) -> tuple[SpeakerName, ...]:
    """A SpeakerName for every voice of `words` and `turns`, in the order in which they are first heard.

    `voices` says what captions call a label. `confirmed` (label -> person) and `rejected` (label -> people) are what
    people decided, against which no evidence counts; `hints` what they said of parts of a voice. Each person is given
    to one voice at most; conflict, a thin margin or a low probability leave "Unknown speaker N".
    """
    labels = _labels(words, turns)
    by_id = {p.id: p for p in people}
    confirmed = {label: person for label, person in confirmed.items() if label in labels and person in by_id}
    items = weigh((*cues.find(words, Roster(people), voices or {}, confirmed), *hints), words, people)
    scores = _scores(items, episodes(words), labels, confirmed, rejected)
    choices = decide(scores, _n_for(items))
    names = []
    for n, label in enumerate(labels, 1):
        choice, found = choices[label], _evidence(items, label)
        about = confirmed.get(label) or choice.person or (choice.runner_up or ("",))[0]
        found.sort(key=lambda e: (e.person != about, -abs(e.weight), e.at_ms))
        if label in confirmed:
            person = by_id[confirmed[label]]
            found.insert(0, Evidence(kind="human", person=person.id, at_ms=0, words="confirmed", weight=0.0))
            names.append(_named(label, person, "confirmed", None, choice.runner_up, found))
        elif choice.person is not None:
            probability = round(min(choice.probability, MOST_PROBABILITY), 3)
            names.append(_named(label, by_id[choice.person], "inferred", probability, choice.runner_up, found))
        else:
            display = _clean((voices or {}).get(label, "")) or f"Unknown speaker {n}"
            names.append(SpeakerName(label=label, display=display, runner_up=choice.runner_up, evidence=tuple(found)))
    return tuple(names)


def _named(
    label: str,
    person: Person,
    status: Literal["confirmed", "inferred"],
    probability: float | None,
    runner_up: tuple[str, float] | None,
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
        runner_up=runner_up,
        evidence=tuple(evidence),
    )


def captioned(words: Sequence[Word], captions: Sequence[str | None]) -> dict[str, str]:
    """Label -> the voice that captions name for it, word by word beside `words`: none unless they name one for half of
    its words, and four in five of these agree."""
    together: dict[str, Counter[str | None]] = defaultdict(Counter)
    for word, voice in zip(words, captions, strict=True):
        if word.speaker is not None:
            together[word.speaker][voice] += 1
    found = {}
    for label, counts in together.items():
        n_words = counts.total()
        del counts[None]
        for voice, n in counts.most_common(1):
            if voice is not None and 2 * counts.total() >= n_words and n >= 0.8 * counts.total():
                found[label] = voice
    return found


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


# -- adding up -----------------------------------------------------------------------------------------


class Item(NamedTuple):
    """A cue as it counts for one voice and one person: `amount` is how far its rule holds, of weight 1."""

    rule: str
    amount: float
    at: int  # the first word
    at_ms: int
    words: str

    @property
    def log_odds(self) -> float:
        return WEIGHTS[self.rule].log_odds * self.amount


Items = dict[tuple[str, str], list[Item]]  # by voice and person, STRANGER for somebody who is not on the list


def weigh(found: Iterable[Cue], words: Sequence[Word], people: Sequence[Person]) -> Items:
    """What there is for and against every pair of a voice and a person of whom something is said.

    Cues of one rule from one mouth are not independent (a chair who calls in the wrong order does it twice), so the
    n-th of them counts 1/n.
    """
    items: Items = defaultdict(list)
    seen: Counter[tuple[str, str, str, str]] = Counter()
    for cue in found:
        starts = (words[i].start_ms for i in range(cue.first, len(words)))
        at_ms = next((start_ms for start_ms in starts if start_ms is not None), 0)
        said = cue.called or text_of(words[cue.first : cue.end])
        for person, fit in cue.fits.items():
            key = (cue.voice, person, cue.rule, cue.source)
            seen[key] += 1
            items[cue.voice, person].append(Item(cue.rule, fit * cue.share / seen[key], cue.first, at_ms, said))
    for p in people:
        if not p.present:
            items["", p.id].append(Item("marked as not present", 1.0, 0, 0, "marked as not present"))
    return {(voice, who): [*about, *items.get(("", who), ())] for (voice, who), about in items.items() if voice}


def episodes(words: Sequence[Word]) -> dict[str, list[tuple[int, int, int]]]:
    """Where each voice takes part: first word, end, and how many of the words between are its own. Others may come
    between as long as it does not fall silent for EPISODE_GAP of their words."""
    found: dict[str, list[tuple[int, int, int]]] = {}
    for i, word in enumerate(words):
        if word.speaker is None:
            continue
        own = found.setdefault(word.speaker, [])
        if own and i - own[-1][1] <= EPISODE_GAP:
            own[-1] = (own[-1][0], i + 1, own[-1][2] + 1)
        else:
            own.append((i, i + 1, 1))
    return found


def told_in(about: Iterable[Item], parts: Sequence[tuple[int, int, int]]) -> frozenset[int]:
    """The episodes of a voice in which something speaks for this person, or nearest to which it does."""
    places = _places(about, 0.0)
    return frozenset(min(range(len(parts)), key=lambda n: max(parts[n][0] - at, at - parts[n][1], 0)) for at in places)


def supported(about: Sequence[Item], parts: Sequence[tuple[int, int, int]]) -> float:
    """The share of a voice's words that it said where something speaks for this person, rather than elsewhere: the
    rest may be somebody else, whom a diariser took for the same."""
    if any(i.rule in THROUGHOUT and i.log_odds > 0 for i in about):
        return 1.0
    return sum(parts[n][2] for n in told_in(about, parts)) / sum(n for _, _, n in parts)


def _scores(
    items: Items,
    parts: Mapping[str, Sequence[tuple[int, int, int]]],
    labels: Sequence[str],
    confirmed: Mapping[str, str],
    rejected: Mapping[str, frozenset[str]],
) -> dict[str, dict[str, float]]:
    """Log-odds of every pair that something speaks for and no person has ruled out."""
    scores: dict[str, dict[str, float]] = {label: {} for label in labels}
    of_voice: dict[str, dict[str, list[Item]]] = defaultdict(dict)
    for (voice, person), about in items.items():
        of_voice[voice][person] = about
    mixed = mixed_here(items)
    for voice, people in of_voice.items():
        told = {p: a for p, a in people.items() if p != STRANGER and any(i.log_odds > 0 for i in a)}
        if voice in confirmed or voice not in parts:  # all of its words may be somebody else's by now
            continue
        plain = {p: _odds(about) for p, about in told.items()}
        nobody = math.log(1 + _stranger(people) + mixed * _mixed(told, plain, parts[voice]))
        for person in told:  # in order, so that of two who are as likely it is always the same that comes first
            if person not in rejected.get(voice, ()):
                scores[voice][person] = plain[person] - nobody
    return scores | {label: {person: CERTAIN} for label, person in confirmed.items()}


def _odds(about: Iterable[Item]) -> float:
    return WEIGHTS[BEFORE].log_odds + sum(i.log_odds for i in about)


def _stranger(people: Mapping[str, Sequence[Item]]) -> float:
    """The odds that a voice is somebody who is not on the list."""
    about = people.get(STRANGER, ())
    return math.exp(sum(i.log_odds for i in about)) if about else 0.0


def _mixed(
    told: Mapping[str, Sequence[Item]], plain: Mapping[str, float], parts: Sequence[tuple[int, int, int]]
) -> float:
    """The odds that a voice is two people's, if that is as likely as not: one who is told where the other is not, or
    says who they are, or is as plainly told, be it somebody else of the list or somebody of whom nothing is known.
    However much speaks for one, the other may have said most."""
    odds = 0.0
    for person, about in told.items():
        odds += math.exp(plain[person]) * (1 - supported(about, parts))
        own, at = told_in(about, parts), _places(about, 0.0)
        for other, rest in told.items():
            others = _places(rest, BEYOND_DOUBT) - at
            rivals = others if 2 * len(others) >= len(_places(about, 1.0)) else set()
            apart = [
                i
                for i in rest
                if i.at not in at and (i.rule in OWN or i.at in rivals or not told_in([i], parts) <= own)
            ]
            if other != person and any(i.log_odds > 0 for i in apart):
                apart += [i for i in rest if i.log_odds < 0 and i not in apart]
                odds += math.exp(plain[person] + _odds(apart)) / 2  # every pair comes up twice
    return odds


def _places(about: Iterable[Item], least: float) -> set[int]:
    """Where more than `least` speaks for somebody."""
    return {i.at for i in about if i.log_odds > least}


def mixed_here(items: Items) -> float:
    """How often a voice of this meeting is two people's: of those of which something is plainly said at two places or
    more, how many are said to be two people."""
    plainly: dict[str, dict[str, set[int]]] = defaultdict(dict)
    for (voice, person), about in items.items():
        if person != STRANGER:
            plainly[voice][person] = _places(about, PLAIN)
    n_tested = n_mixed = 0
    for people in plainly.values():
        everywhere = set().union(*people.values())
        most = max(people.values(), key=len, default=set())
        if len(everywhere) >= 2:
            n_tested += 1
            n_mixed += len(everywhere - most) >= 1
    return (TESTED * MIXED + n_mixed) / (TESTED + n_tested)


def _n_for(items: Items) -> dict[tuple[str, str], int]:
    """At how many places something speaks for a pair."""
    return {pair: len({i.at_ms for i in about if i.log_odds > 0}) for pair, about in items.items()}


def _evidence(items: Items, voice: str) -> list[Evidence]:
    return [
        Evidence(kind=WEIGHTS[i.rule].kind, person=person, at_ms=i.at_ms, words=i.words, weight=round(i.log_odds, 2))
        for (label, person), about in items.items()
        if label == voice and person != STRANGER
        for i in about
        if round(i.log_odds, 2)
    ]

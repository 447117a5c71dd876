"""Checking a quotation: where in all meetings it was said, word by word, and by whom.

Candidates come from the index; then the words of the quotation are laid over the words of the meeting. A verdict claims
no more than is known: what matches, matches a machine's transcript, unless a person has listened to those words.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any as Untyped
from typing import Literal, NamedTuple

from rapidfuzz.distance import Indel

from search import index
from search.alignment import Difference, Match, Source, Spoken, in_order, in_rows, laid_over, read_parts
from search.articles import BREAK, GAP
from search.candidates import Candidates
from search.quoted import Passage
from search.quotes import Quote
from transcribe import privacy
from transcribe.problem import Problem
from transcribe.records import Record
from transcribe.spoken import TITLES, plain

MOST_WORDS = 2_000  # of a quotation
N_OTHERS = 10  # of them, that are listed
SURE, LIKELY = 0.75, 0.4  # weights of the words that stand in both, of all: "differs", and "possibly reworded"
FEWEST = 4  # words of which a quotation that doesn't match has to have, for anything to be said of it

Kind = Literal["matches", "listened", "other speaker", "other meeting", "differs", "reworded", "not found", "unclear"]
Same = Literal["same", "other", "unknown", ""]


class Place(Record):
    """Another place that has the words."""

    address: str
    speaker: str
    text: str


class Finding(Record):
    """What became of a quotation.

    `wording`, `speaker` and `meeting` say whether these are as quoted; "" where that was not asked, `speaker` "unknown"
    where nobody knows who speaks there. `quote` is what was said, with its address. `n_places` counts statements that
    hold all words as quoted; `others` are some of them. `similarity` is the share of the quotation that stands there,
    each word weighed by how rare it is.
    """

    quoted: str
    verdict: str
    kind: Kind
    said_by: str = ""
    paragraph: int | None = None
    wording: Same = ""
    speaker: Same = ""
    meeting: Same = ""
    similarity: float | None = None
    quote: Quote | None = None
    differences: tuple[Difference, ...] = ()
    n_places: int = 0
    others: tuple[Place, ...] = ()
    notes: tuple[str, ...] = ()


class Covered(NamedTuple):
    """How much of the meetings there is words of."""

    transcribed_ms: int
    duration_ms: int


# -- finding --------------------------------------------------------------------------------------


def find(
    folder: Path,
    quotation: str | Passage,
    source: Source,
    covered: Callable[[], Covered],
    *,
    speaker: str = "",
    meeting: str = "",
) -> Finding:
    """Where the words of a quotation were said, in the index at `folder`, or that they were not found.

    `speaker` is who is said to have said it, as people write names (for a Passage, whom the article gives it to);
    `meeting` the id of the meeting in which. Raises Problem where nothing has been indexed, or the index is stale;
    never for what a quotation holds.
    """
    if not index.check(folder):
        raise Problem("nothing has been indexed yet", where=folder, fix="make the index with `onrecord run`")
    passage = quotation if isinstance(quotation, Passage) else None
    quoted = passage.shown if passage else " ".join(str(quotation).split())
    speaker = speaker or (passage.said_by if passage else "")
    parts = read_parts(passage.text if passage else _with_gaps(quoted))
    notes = ["the quotation mark is never closed"] if passage and not passage.closed else []

    unread: set[str] = set()

    def words_of(id: str) -> Spoken | None:
        if (spoken := source(id)) is None:
            unread.add(id)
        return spoken

    def told(kind: Kind, verdict: str, **more: Untyped) -> Finding:
        paragraph = passage.paragraph if passage else None
        if unread:
            which = ", ".join(sorted(unread))
            notes.append(f"it may stand in what cannot be read just now: {which} (onrecord run makes it again)")
        return Finding(
            quoted=quoted,
            verdict=verdict,
            kind=kind,
            said_by=speaker,
            paragraph=paragraph,
            notes=tuple(notes),
            **more,
        )

    tokens = [part.token for part in parts if part.token]
    if not tokens:
        return told("unclear", "nothing to look for")
    if len(tokens) > MOST_WORDS:
        return told("unclear", f"longer than {MOST_WORDS:,} words: check it in parts")
    looking = Candidates(folder)
    weights = looking.weights(tokens)
    rows = in_rows(parts)
    whole = looking.whole(tokens) if len(rows) == 1 else []
    chosen = [max(whole, key=lambda row: _agrees(row, speaker, meeting))] if whole else []
    matches = laid_over(looking.near(rows, weights) if not whole else chosen, parts, weights, words_of)
    if meeting and not any(row.meeting == meeting for row in chosen):
        matches = in_order([*matches, *laid_over(looking.near(rows, weights, meeting), parts, weights, words_of)])
    if not any(m.exact for m in matches):
        matches = in_order([*matches, *laid_over(looking.across(rows), parts, weights, words_of)])
    best = _preferred(matches, speaker, meeting)
    if best is None or (not best.exact and (len(tokens) < FEWEST or best.similarity < LIKELY)):
        return told("not found", _not_found(covered()))
    if not best.exact and _is_rivalled(best, matches):
        notes.append("several places are as near to these words")
    quote = best.quote()
    more: dict[str, Untyped] = {
        "wording": "same" if best.exact else "other",
        "speaker": _same_speaker(speaker, quote) if speaker else "",
        "meeting": ("same" if best.meeting == meeting else "other") if meeting else "",
        "similarity": round(best.similarity, 3),
        "quote": quote,
        "differences": best.differences(),
        "n_places": looking.n_whole(tokens) if whole else int(best.exact),
        "others": tuple(_place(row) for row in whole if row not in chosen)[:N_OTHERS],
    }
    if more["n_places"] > 1:
        notes.append(f"these words are said in {more['n_places']:,} places")
    if more["speaker"] == "unknown":
        hidden = privacy.kept_back(quote.person, quote.role)
        notes.append(
            "members of the public are not shown by name: whether it was said by whom you name is not told"
            if hidden
            else "the transcript does not say who speaks there"
        )
    if best.exact and any(d.kind == "omitted" for d in more["differences"]):
        notes.append("words are left out where the quotation has a gap or brackets")
    if best.broken:
        notes.append("words are left out, unmarked, where the quotation is broken off and goes on")
    kind, verdict = _verdict(best, more, quote.listened_by)
    return told(kind, verdict, **more)


def _with_gaps(text: str) -> str:
    return re.sub(r"…|\.\s?\.\s?\.(?:\s?\.)?", GAP, text.replace(GAP, " ").replace(BREAK, " "))


def _verdict(best: Match, more: dict[str, Untyped], listened_by: str) -> tuple[Kind, str]:
    if not best.exact:
        return ("differs", "differs") if best.similarity >= SURE else ("reworded", "possibly reworded")
    if more["meeting"] == "other":
        return "other meeting", "matches, other meeting"
    if more["speaker"] == "other":
        return "other speaker", "matches, other speaker"
    if listened_by:
        return "listened", f"matches, listened to by {listened_by}"
    return "matches", "matches the machine transcript"


def _not_found(covered: Covered) -> str:
    return f"not found in the {_hours(covered.transcribed_ms)} transcribed of {_hours(covered.duration_ms)}"


def _hours(ms: int) -> str:
    """Hours and minutes, or minutes and seconds, rounded down: what is missing from a short meeting is to be seen.

    >>> _hours(3_725_000), _hours(455_000)
    ('1 h 02 min', '7 min 35 s')
    """
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02d} min" if hours else f"{minutes} min {seconds} s"


def _agrees(quote: Quote, speaker: str, meeting: str) -> tuple[bool, int]:
    """How well a place agrees with the meeting and the speaker that were named; more is better."""
    same = _same_speaker(speaker, quote) if speaker else ""
    return bool(meeting) and quote.meeting == meeting, ("other", "", "unknown", "same").index(same)


def _preferred(matches: Sequence[Match], speaker: str, meeting: str) -> Match | None:
    """The best; among those as good, the one in the meeting and by the speaker that were named."""
    if not matches:
        return None
    equal = [m for m in matches if m.exact == matches[0].exact and m.similarity >= matches[0].similarity - 0.02]
    return max(equal, key=lambda m: _agrees(m.quote(), speaker, meeting))


def _is_rivalled(best: Match, matches: Sequence[Match]) -> bool:
    return any(
        m.similarity >= best.similarity - 0.05
        for m in matches
        if m is not best and (m.meeting != best.meeting or abs(m.first - best.first) > len(best.parts))
    )


def _place(quote: Quote) -> Place:
    return Place(address=quote.address, speaker=quote.speaker, text=quote.text)


# -- whose words ----------------------------------------------------------------------------------


def _same_speaker(named: str, quote: Quote) -> Same:
    """Whether the speaker is called so. Titles don't count; a surname has to agree, and a first name where both have
    one. "the chair" is a role, and so is whatever else holds no name."""
    if quote.speaker_status == "unknown" or privacy.kept_back(quote.person, quote.role):
        return "unknown"
    asked, known = _names(named), _names(quote.speaker)
    roles = {plain(word) for word in f"{quote.role} {quote.speaker}".split()}
    if plain(named) == plain(quote.person or "") or (asked and set(asked) <= set(known)):
        return "same"
    wanted = {re.sub(r"(?<=chair)(wo)?man$", "", n) for n in map(plain, named.split()) if n and n != "the"}
    if not asked or (named.islower() and wanted <= roles):
        return "same" if wanted and wanted <= roles else "other"
    if not known or not _alike(asked[-1], known[-1]):
        return "other"
    if len(asked) == 1 or len(known) == 1 or _alike(asked[0], known[0]):
        return "same"
    initial = min(len(asked[0]), len(known[0])) == 1 and asked[0][0] == known[0][0]
    return "same" if initial else "other"


def _names(text: str) -> list[str]:
    """The parts of a name, without titles."""
    return [n for n in map(plain, re.split(r"[\s.]+", text)) if n and n not in TITLES and n not in _NOT_NAMES]


_NOT_NAMES = frozenset(
    {"the", "supt", "insp", "det", "chief", "assistant", "deputy", "chair", "chairman", "chairwoman"}
)


def _alike(a: str, b: str) -> bool:
    """One name, or one with a slip in it."""
    return a == b or (min(len(a), len(b)) >= 5 and Indel.normalized_similarity(a, b) >= 0.85)

"""Where the name or the office that starts at a word of a sentence ends, and where what looks like one is none."""

import re
from collections.abc import Sequence
from functools import lru_cache

from transcribe import english
from transcribe.nicknames import other_names
from transcribe.records import Word
from transcribe.spoken import (
    AFTER_NAME,
    BEFORE_TITLE,
    HONOURS,
    LOOSE,
    NEAR,
    PARTICLES,
    TITLES,
    is_full_stop,
    plain,
    word_set,
)

SPOKEN_TITLES = TITLES | word_set("minister president councilmember")
BEFORE = BEFORE_TITLE | word_set("vice council")
LEADS = HONOURS | word_set("our my your learned noble friend gentleman lady madam madame")
AHEAD = LEADS | SPOKEN_TITLES | BEFORE  # what may stand before a name
_NOT_A_PERSON = word_set(
    "street road lane ward park avenue house estate school centre library station square close way court hall"
    " report review amendment motion inquiry family"
)
_BEFORE_NAMES = word_set(
    "i im thank thanks and so okay ok right yes no now next then first please over to from hello is it was with"
)
# Of what people say they are: peoples, and what opens the names of places.
_NOT_A_NAME = word_set(
    "british english scottish welsh irish cornish european american canadian australian african asian indian pakistani"
    " bangladeshi chinese japanese jamaican caribbean arab arabian saudi lankan rican leonean jewish muslim hindu sikh"
    " christian catholic french german italian spanish polish turkish north south east west great new saint st"
)
_MOST_PARTS = 5  # of a whole name
_MONTHS = word_set("may june april august")
_CLOSERS = '.,;:?!…—"”)'
_CONTRACTION = re.compile(r"['’](?:s|m|d|t|ll|re|ve)$")
_POSSESSIVE = re.compile(r"['’]s?$")


def portfolio_end(words: Sequence[Word], k: int, end: int) -> int:
    """Where "for Housing and Planning" ends that starts at word `k`, or `k` where nothing of the kind does."""
    if k + 1 >= end or plain(words[k].text) not in ("for", "of") or words[k - 1].text[-1] in ",.;:?!":
        return k
    j = k + 1
    while j < min(end, k + 8) and (words[j].text[:1].isupper() or (j > k + 1 and plain(words[j].text) == "and")):
        j += 1
        if words[j - 1].text[-1] in ".;:?!":
            break
    return j if j > k + 1 else k


def is_council_member(words: Sequence[Word], k: int, first: int) -> bool:
    return k > first and plain(words[k].text) == "member" and plain(words[k - 1].text) == "council"


def run_together(words: Sequence[Word]) -> tuple[str, bool]:
    """Words run together, plain, and whether they end in a possessive."""
    text = " ".join([w.text for w in words])
    return bare(text), bool(_POSSESSIVE.search(text.rstrip(_CLOSERS)))


@lru_cache(maxsize=50_000)
def bare(text: str) -> str:
    """Text plain, without a possessive's ending."""
    return plain(_POSSESSIVE.sub("", text.rstrip(_CLOSERS)))


def most_fit(word: Word) -> float:
    """How well a name may fit that this word is in: a repaired one is no more than the mishearing that it was."""
    kind, score, why = [*(word.change or "").split(" ", 2), "", ""][:3]
    if kind != "repair" or why == "spelling":
        return 1.0
    return NEAR if float(score) >= 0.85 else LOOSE


def clause_end(words: Sequence[Word], i: int, end: int) -> int:
    """The end of the clause that holds word `i`: a name does not run across a comma."""
    for k in range(i, end):
        if words[k].text[-1] in ",;:?!…—" or is_full_stop(words[k].text):
            return k + 1
    return end


def is_name(text: str) -> bool:
    return text[:1].isupper() and text[-1].isalpha() and plain(text) not in SPOKEN_TITLES | _BEFORE_NAMES | LEADS


def whole_name_end(words: Sequence[Word], i: int, end: int) -> int:
    """Where a first name and a surname end that start at word `i`, whoever's they are; `i` where they do not: "Bob
    Cratchley" and "Ann van der Berg", not "British Gas" or "Head Gardener"."""
    if not _may_be_called(words[i].text):
        return i
    k, stop = i + 1, min(clause_end(words, i, end), i + _MOST_PARTS)
    while k < stop and (_may_be_called(words[k].text) or words[k].text in PARTICLES):
        k += 1
    while words[k - 1].text in PARTICLES:
        k -= 1
    parts = [w.text.rstrip(_CLOSERS) for w in words[i:k]]
    surely = any(not english.is_word(p) for p in parts) or bool(other_names(plain(parts[0])))
    street = k < stop and plain(words[k].text) in _NOT_A_PERSON
    return k if len(parts) > 1 and surely and not street and not run_together(words[i:k])[1] else i


@lru_cache(maxsize=50_000)
def _may_be_called(text: str) -> bool:
    """Whether a word may be somebody's first name or surname: it has a capital, and is no word that is never one."""
    parts = text.rstrip(_CLOSERS).split("-")
    return all(
        p[:1].isupper()
        and (len(p) == 1 or not p.isupper())
        and (not english.is_word(p) or english.is_name(p))
        and plain(p) not in _NOT_A_NAME | AHEAD | _BEFORE_NAMES
        and not _CONTRACTION.search(p)
        for p in parts
    )


def is_plain_word(text: str) -> bool:
    return english.is_word(text) and not english.is_name(text)


def is_date(words: Sequence[Word], i: int, stop: int) -> bool:
    before, after = plain(words[i - 1].text), plain(words[i + 1].text) if i + 1 < stop else ""
    return plain(words[i].text) in _MONTHS and (
        before in ("in", "since", "of", "by", "until", "last") or after.isdigit()
    )


def goes_on(words: Sequence[Word], k: int, stop: int, cased: bool) -> bool:
    """Whether the name goes on after `[…, k)` into something else: "Priya Sharma", "Holm Street"."""
    if k >= stop or words[k - 1].text[-1] in ",.;:?!—'":
        return False
    following = words[k].text
    if plain(following) in AFTER_NAME:
        return False
    return plain(following) in _NOT_A_PERSON or (cased and is_name(following.rstrip('.,;:?!"”)—') or " "))

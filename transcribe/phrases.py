"""Where the name or the office that starts at a word of a sentence ends, and where what looks like one is none."""

import re
from collections.abc import Sequence
from functools import lru_cache

from transcribe import english
from transcribe.records import Word
from transcribe.spoken import AFTER_NAME, BEFORE_TITLE, HONOURS, LOOSE, NEAR, TITLES, is_full_stop, plain, word_set

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
_MONTHS = word_set("may june april august")
_CLOSERS = '.,;:?!…—"”)'
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

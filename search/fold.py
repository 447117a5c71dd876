"""Text as a search sees it: words in lower case, without diacritics, apostrophes or punctuation.

The index, the query language and the highlighting all take their words from here, so that they cannot
disagree. Each character is folded by itself, which keeps offsets into the original text.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

# Nothing parts a word from its own apostrophe: "don't", "don’t" and "dont" are one word.
_APOSTROPHES = frozenset("'’‘‛ʼʹ′`´＇")
# Letters with a stroke or a ligature have no decomposition, and people type them without.
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
_THOUSANDS = re.compile(r",(?<=\d,)(?=\d{3}(?!\d))")
_ASCII_WORD = re.compile(r"[A-Za-z0-9](?:(?:['`]|,(?<=[0-9],)(?=[0-9]{3}(?![0-9])))*[A-Za-z0-9])*")


# What people say in words, a machine often writes in figures, and the other way round.
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth"
    " sixteenth seventeenth eighteenth nineteenth twentieth"
)
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}
_FIGURES = {
    **{word: str(n) for n, word in enumerate(f"{_ONES} eighteen nineteen".split())},
    **{word: str(10 * n) for n, word in enumerate(_TENS.split(), 2)},
    **{word: f"{n}{_ENDINGS.get(n, 'th')}" for n, word in enumerate(_ORDINALS.split(), 1)},
    **{f"{word[:-1]}ieth": f"{10 * n}th" for n, word in enumerate(_TENS.split(), 2)},
}
_IN_WORDS = {figures: word for word, figures in _FIGURES.items()}


def other_spelling(word: str) -> str | None:
    """The figures for a number in words, or its words where it is in figures; None for all other words.

    >>> other_spelling("fourteen"), other_spelling("12th"), other_spelling("tweet")
    ('14', 'twelfth', None)
    """
    return _FIGURES.get(word) or _IN_WORDS.get(word)


MOST_IN_NUMBER = 6  # words: "six hundred and forty five thousand"
_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"(\d{1,3})(000)?(st|nd|rd|th)?")


def in_words(word: str) -> list[str]:
    """A number in figures as the words that people say for it; any other word is itself.

    Whole numbers to 999, whole thousands to 999,000, and ordinals to 99th. What may be said in several ways, as years
    and decimals are, stays in figures.

    >>> in_words("25"), in_words("640"), in_words("9000"), in_words("21st"), in_words("2024")
    (['twenty', 'five'], ['six', 'hundred', 'and', 'forty'], ['nine', 'thousand'], ['twenty', 'first'], ['2024'])
    """
    found = _NUMBER.fullmatch(word) if word[:1].isdecimal() and word.isascii() else None
    if found is None or (len(word) > 1 and word[0] == "0"):
        return [word]
    n, ending = int(found[1]), found[3]
    if ending:
        if whole := _IN_WORDS.get(word):
            return [whole]
        last = _IN_WORDS.get(f"{n % 10}{ending}")
        return [*_cardinal(n - n % 10), last] if last and 20 < n < 100 and not found[2] else [word]
    return [*_cardinal(n), "thousand"] if found[2] else _cardinal(n) or [_IN_WORDS["0"]]


@cache
def _said() -> dict[tuple[str, ...], str]:
    """The figures for all numbers that `in_words` knows, by their words."""
    numbers = [*range(1000), *range(1000, 1_000_000, 1000)]
    written = [*map(str, numbers), *(f"{n}{end}" for n in range(100) for end in ("st", "nd", "rd", "th"))]
    return {tuple(said): figures for figures in written if (said := in_words(figures)) != [figures]}


def in_figures(words: Sequence[str], least: int = 0) -> list[str]:
    """Words with the numbers in them, from `least` on, in figures.

    >>> in_figures(["two", "vans", "for", "twenty", "five", "days"]), in_figures(["two", "or", "ten"], least=10)
    (['2', 'vans', 'for', '25', 'days'], ['two', 'or', '10'])
    """
    found: list[str] = []
    at = 0
    while at < len(words):
        for n in range(min(MOST_IN_NUMBER, len(words) - at), 0, -1):
            figures = _said().get(tuple(words[at : at + n]))
            if figures and int(figures.rstrip("stndrh")) >= least:
                found.append(figures)
                at += n
                break
        else:
            found.append(words[at])
            at += 1
    return found


def _cardinal(n: int) -> list[str]:
    """A number from 1 to 999 in words; of 0 none."""
    if n >= 100:
        rest = _cardinal(n % 100)
        return [_IN_WORDS[str(n // 100)], "hundred", *(["and", *rest] if rest else [])]
    if word := _IN_WORDS.get(str(n)):
        return [word] if n else []
    return [_IN_WORDS[str(n - n % 10)], _IN_WORDS[str(n % 10)]]


def _fold_character(character: str) -> str:
    """What one character becomes: letters and digits, a space where words part, or nothing."""
    if character in _APOSTROPHES or unicodedata.category(character) == "Cf":
        return ""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold()).translate(_PLAIN)
    return "".join(c if c.isalnum() else "" if unicodedata.category(c).startswith("M") else " " for c in folded)


class _Table(dict[int, str]):
    def __missing__(self, code: int) -> str:
        self[code] = _fold_character(chr(code))
        return self[code]


_TABLE = _Table()


def fold(text: str) -> str:
    """Folded words with spaces between them, as many as there happen to be.

    >>> fold("Siân’s “live-streaming” of 2,000 items")
    'sians  live streaming  of 2000 items'
    """
    if "," in text:
        text = _THOUSANDS.sub("", text)
    return text.translate(_TABLE)


def words(text: str) -> list[str]:
    """The folded words of a text, in order.

    >>> words("It wasn't — 1,500 letters?")
    ['it', 'wasnt', '1500', 'letters']
    """
    return fold(text).split()


def heard(text: str) -> list[str]:
    """The folded words of a text as they are heard: numbers in words, however they are written.

    >>> heard("14 days, or twenty-five?")
    ['fourteen', 'days', 'or', 'twenty', 'five']
    """
    found = words(text)
    return [word for written in found for word in in_words(written)] if _DIGIT.search(text) else found


def spans(text: str) -> list[tuple[str, int, int]]:
    """The folded words with where each stands: character offsets `[start, end)` into `text`.

    >>> spans("No, Siân!")
    [('no', 0, 2), ('sian', 4, 8)]
    """
    if text.isascii():  # nearly all there is, and ten times as fast
        return [(fold(m[0]), m.start(), m.end()) for m in _ASCII_WORD.finditer(text)]
    found: list[tuple[str, int, int]] = []
    dropped = {m.start() for m in _THOUSANDS.finditer(text)}
    word, start, end = "", 0, 0
    for at, character in enumerate(text):
        folded = "" if at in dropped else _TABLE[ord(character)]
        if word and not folded and unicodedata.category(character).startswith("M"):
            end = at + 1
        for c in folded:
            if c == " ":
                if word:
                    found.append((word, start, end))
                word = ""
            else:
                if not word:
                    start = at
                word, end = word + c, at + 1
    if word:
        found.append((word, start, end))
    return found

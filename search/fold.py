"""Text as a search sees it: words in lower case, without diacritics, apostrophes or punctuation.

The index, the query language and the highlighting all take their words from here, so that they cannot
disagree. Each character is folded by itself, which keeps offsets into the original text.
"""

import re
import unicodedata

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
}
_IN_WORDS = {figures: word for word, figures in _FIGURES.items()}


def other_spelling(word: str) -> str | None:
    """The figures for a number in words, or its words where it is in figures; None for all other words.

    >>> other_spelling("fourteen"), other_spelling("12th"), other_spelling("tweet")
    ('14', 'twelfth', None)
    """
    return _FIGURES.get(word) or _IN_WORDS.get(word)


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

"""Which words are English: the spelling checkers' list SCOWL, up to fairly rare words, with common names.

`english.txt.gz` and `british.txt` are made from it by tests/make_words.py; `english.LICENCE.txt` holds its terms.
"""

import gzip
from functools import cache
from importlib.resources import files


@cache
def _known() -> frozenset[str]:
    return frozenset(gzip.decompress((files("transcribe") / "english.txt.gz").read_bytes()).decode().split("\n"))


def is_word(text: str) -> bool:
    """Whether bare text is a word of English, whatever its capitals; names are none.

    >>> is_word("Quail"), is_word("Okafor"), is_word("Sean")
    (True, False, False)
    """
    return text.lower().replace("’", "'") in _known()


def is_name(text: str) -> bool:
    """Whether bare text is a common English name of a person or place, or a word always written with a capital.

    >>> is_name("Sean"), is_name("Monday"), is_name("Okafor")
    (True, True, False)
    """
    return text[:1].isupper() and text[:1] + text[1:].lower() in _known()


@cache
def british() -> dict[str, str]:
    """American spelling -> British, in small letters, where Britain has only the one."""
    lines = (files("transcribe") / "british.txt").read_text("utf-8").splitlines()
    return dict(line.split() for line in lines)

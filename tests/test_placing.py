"""When words are said, from where a decoder looks: fillers that it passed over, punctuation, and room for them."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest

from transcribe import placing
from transcribe.align import Placed


class Letters:
    """Every letter is a token, and so is every space."""

    eot = 1_000_000
    language_code = "en"

    def encode(self, text: str) -> list[int]:
        return [ord(c) for c in text]

    def split_to_word_tokens(self, tokens: Sequence[int]) -> tuple[list[str], list[list[int]]]:
        """As Whisper's own does it: at spaces, and around punctuation."""
        pieces: list[list[int]] = []
        for token in tokens:
            if not pieces or chr(token) in " ,.-" or chr(pieces[-1][0]) in ",.-":
                pieces.append([])
            pieces[-1].append(token)
        return ["".join(map(chr, piece)) for piece in pieces], pieces


class Path(NamedTuple):
    alignments: list[tuple[int, int]]
    text_token_probs: list[float]


class Decoder:
    """Looks at each token for a frame, unless told: how long at a text's token, and how likely it finds a filler."""

    def __init__(self, frames: dict[int, int], filler: float) -> None:
        self.frames, self.filler = frames, filler
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[Sequence[int]]) -> list[Path]:
        return [self.path("".join(map(chr, text))) for text in texts]

    def path(self, text: str) -> Path:
        self.asked.append(text)
        alignments, probabilities, at, plain = [], [], 0, 0
        i = text.find(placing.FILLER)
        for k in range(len(text)):
            is_filler = 0 <= i <= k < i + len(placing.FILLER)
            n = 20 if is_filler else self.frames.get(plain, 1) if i < 0 else 1
            alignments += [(k, at + f) for f in range(n)]
            probabilities.append(self.filler if is_filler else 0.5)
            at, plain = at + n, plain + (not is_filler)
        return Path([*alignments, (len(text), at)], probabilities)


def starts(found: Sequence[Placed]) -> list[int]:
    return [round(p.start_s * placing.FRAMES_PER_S) for p in found]


SAID = ["we", "the", "vans."]  # tokens: " we the vans."
DRAWN = {3: 60}  # the space before "the" takes 1.2 s


@pytest.mark.parametrize(("p", "the"), [(0.2, 3 + 20 * len(placing.FILLER)), (0.01, 3)])
def test_a_filler_that_is_likely_takes_its_time_from_the_word_after_it(p: float, the: int) -> None:
    decoder = Decoder(DRAWN, p)
    (found,) = placing.placed([placing.given(Letters(), SAID)], Letters(), decoder)
    assert decoder.asked == [" we the vans.", " we um, the vans."]
    assert [starts(found)[0], starts(found)[1]] == [0, the]
    assert {place.p for place in found} == {0.5}  # of the word itself


def test_nothing_is_tried_where_no_word_is_drawn_out_or_no_room_is_left() -> None:
    decoder = Decoder({}, 0.9)
    placing.placed([placing.given(Letters(), SAID), []], Letters(), decoder)
    many = ["the"] * (placing.MOST_TOKENS // 4)
    placing.placed([placing.given(Letters(), many)], Letters(), Decoder(DRAWN, 0.9))
    assert decoder.asked == [" we the vans.", ""]


def test_each_text_has_its_own_fillers() -> None:
    decoder = Decoder(DRAWN, 0.2)
    short, drawn = placing.placed(
        [placing.given(Letters(), ["no"]), placing.given(Letters(), SAID)], Letters(), decoder
    )
    assert starts(short) == [0]
    assert starts(drawn)[1] == 3 + 20 * len(placing.FILLER)


def test_the_pause_belongs_to_the_punctuation() -> None:
    (found,) = placing.placed([placing.given(Letters(), ["we.", "go"])], Letters(), Decoder({3: 8}, 0.0))
    assert [(p.start_s, p.end_s) for p in found] == [(0.0, 0.06), (0.22, 0.28)]


def test_heard_words_keep_what_has_no_space_before_it() -> None:
    tokens = [ord(c) for c in "Well-known, she said."]
    found = placing.heard(Letters(), [*tokens, Letters.eot + 1])
    assert [(w.text, w.n_spoken) for w in found] == [("Well-known,", 10), (" she", 4), (" said.", 5)]
    assert [token for w in found for token in w.tokens] == tokens
    assert placing.heard(Letters(), []) == []


class Unspaced(Letters):
    language_code = "ja"

    def split_to_word_tokens(self, tokens: Sequence[int]) -> tuple[list[str], list[list[int]]]:
        return [chr(token) for token in tokens], [[token] for token in tokens]


def test_where_nobody_writes_spaces_only_punctuation_joins_what_is_before() -> None:
    found = placing.heard(Unspaced(), [ord(c) for c in "顔認証。警察"])
    assert [word.text for word in found] == ["顔", "認", "証。", "警", "察"]
    assert [word.n_spoken for word in found] == [1] * 5

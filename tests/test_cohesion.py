"""What shared words say of what statements are about."""

from hypothesis import given
from hypothesis import strategies as st

from analyse.cohesion import MOST, content, kinship
from analyse.cues import tokens

STATEMENTS = st.lists(
    st.tuples(st.lists(st.sampled_from("abcdef"), unique=True, max_size=4), st.floats(0, 1)), max_size=12
)


def test_telling_words_are_known_by_their_beginnings_each_once() -> None:
    said = "Councillors were consulted: the consultation, and another consultation, was in March."
    assert content(tokens(said.split())) == ("consul", "anothe", "march")


def test_words_shared_with_the_topic_speak_for_it_and_others_against() -> None:
    words = [("van", "street"), ("street", "days"), ("stewards", "meadow"), ("meadow", "toilets")]
    told = kinship(words, [1.0, 0.5, 0.0, 0.5])
    assert told[1] > 0 > told[3]


def test_what_is_near_says_more() -> None:
    def of_the_last(word: str) -> float:
        words = [("street",), *[("nothing",)] * 20, ("meadow",), (word,)]
        return kinship(words, [1.0, *[0.0] * 20, 1.0, 0.5])[-1]

    assert of_the_last("meadow") > of_the_last("street") > 0


def test_what_is_known_of_a_statement_says_nothing_of_itself() -> None:
    assert kinship([("street",), ("street",)], [1.0, 0.0])[1] == kinship([("street",), ("street",)], [1.0, 1.0])[1]


@given(STATEMENTS)
def test_it_is_bounded_and_words_said_once_say_nothing(said: list[tuple[list[str], float]]) -> None:
    words, likely = [tuple(w) for w, _ in said], [p for _, p in said]
    told = kinship(words, likely)
    assert len(told) == len(words)
    assert all(abs(t) <= MOST for t in told)
    for own, t in zip(words, told, strict=True):
        if all(sum(w in other for other in words) == 1 for w in own):
            assert t == 0

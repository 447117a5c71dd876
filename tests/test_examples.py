"""Queries that the page offers to begin with."""

import pytest

from analyse import codebook
from analyse.codebook import Code, Codebook
from search import query
from search.examples import examples, of_fields
from search.find import Results


@pytest.mark.parametrize("name", codebook.shipped())
def test_examples_are_of_the_codebook_and_can_be_read(name: str) -> None:
    book = codebook.load(name)
    made = examples(book, lambda text: 1)
    assert len(made) == 9
    for each in (*made, *of_fields(Results(total=0, hits=(), understood=""))):
        assert query.parse(each.typed).notes == (), each
    assert ("facial" in str(made)) == (name == "lfr-engagement")


def test_what_finds_something_is_preferred_and_what_does_not_is_marked_so() -> None:
    book = codebook.load("lfr-engagement")
    by_kind = {e.finds: e for e in examples(book, lambda text: text == '"live facial recognition"')}
    assert by_kind["exactly these words, in this order"].typed == '"live facial recognition"'
    assert [e.typed for e in by_kind.values() if e.found] == ['"live facial recognition"']


def test_a_codebook_with_little_in_it_has_fewer_examples() -> None:
    bare = Codebook(name="bare", version=1, codes=(Code(code="x", name="X", definition="", cues=("-bins",)),))
    assert [e.typed for e in examples(bare, lambda text: 0)] == ["tag:x", "topic:yes"]

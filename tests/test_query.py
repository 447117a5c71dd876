"""The query language: what is typed, what is understood."""

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from search import query as q
from search.fold import fold, spans, words

PIECES = st.sampled_from(
    ['"', "“", "”", "(", ")", "-", "–", "OR", "AND", "NOT", " ", " ", "speaker:", "tag:", "before:", "after:", "on:",
     "topic:", "stance:", "foo:", " near/5 ", "NEAR", "near/0", "*",
     "2024-05", "Okafor", "briefing", "face-to-face", "Siân’s", "1,000", "'", "\u200f"]
)  # fmt: skip
QUERIES = st.text() | st.lists(PIECES | st.text(max_size=3), max_size=12).map("".join)


@given(st.text() | st.text(alphabet="a1,'` ½é’0"))
def test_spans_stand_where_the_words_are(text: str) -> None:
    found = spans(text)
    assert [word for word, _, _ in found] == words(text)
    for word, start, end in found:
        assert 0 <= start < end <= len(text)
        # A ligature such as ½ holds several words in one character.
        assert word in words(text[start:end])


@given(st.text())
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    assert words(fold(text)) == words(text)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Don’t", "don't"),
        ("Siân", "SIAN"),
        ("Llŷn", "llyn"),
        ("cafe\u0301", "café"),
        ("Sørensen", "sorensen"),
        ("live-streaming", "live streaming"),
        ("live–streaming", "live streaming"),
        ("2,000", "2000"),
        ("councillors' views", "councillors’ views"),
        ("straße", "STRASSE"),
    ],
)
def test_spelling_is_forgiven(typed: str, meant: str) -> None:
    assert words(typed) == words(meant)


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ("", "everything"),
        ("  ", "everything"),
        ("briefing residents", "briefing residents"),
        ("“no engagement”", '"no engagement"'),
        ('"no engagement', '"no engagement"'),
        ("engagement -tweet", "engagement -tweet"),
        ("engagement –tweet", "engagement -tweet"),
        ("engagement - tweet", "engagement tweet"),
        ("NOT tweet", "-tweet"),
        ('-"just a tweet"', '-"just a tweet"'),
        ("--tweet", "-tweet"),
        ("-(a b)", "-(a b)"),
        ("person:Jo-Okafor agreed", "person:jo-okafor agreed"),
        ("a OR b c", "(a OR b) c"),
        ("a AND b or", "a b or"),
        ("OR a OR OR b OR", "a OR b"),
        ("(a (b OR c", "a (b OR c)"),
        ("a) b", "a b"),
        ("() a", "a"),
        ("face-to-face", '"face to face" OR facetoface'),
        ("speaker:Okafor", "speaker:okafor"),
        ("speaker:“Jo Okafor”", 'speaker:"jo okafor"'),
        ("Speaker: Okafor", "speaker:okafor"),
        ("\u200fspeaker:Okafor", "speaker:okafor"),
        ("-speaker:okafor", "-speaker:okafor"),
        ("tag:Legality-Policy", "tag:legality_policy"),
        ("topic:true", "topic:yes"),
        ("on:14/05/2024", "on:2024-05-14"),
        ('before:"14 May 2024"', "before:2024-05-14"),
        ("after:2024/5", "after:2024-05"),
        ("10:30", '"10 30"'),
        ("can't", "cant"),
        ("consult*", "consult*"),
        ("Siân*", "sian*"),
        ("* -*", "nothing"),
        ("police near/5 residents", "police near/5 residents"),
        ("police NEAR residents", "police near/5 residents"),
        ("near the police", "near the police"),
        ('a OR b near/2 "c d"', 'a OR b near/2 "c d"'),
        ("a NEAR/3 b near/2 co*", "a near/3 b b near/2 co*"),
        ("-a near/2 b", "-a near/2 b"),
    ],
)
def test_what_is_understood(typed: str, understood: str) -> None:
    query = q.parse(typed)
    assert q.understood(query) == understood


@pytest.mark.parametrize(
    ("typed", "understood", "said"),
    [
        ("tweet before:yesterday", "tweet", "“yesterday” is no date"),
        ("tweet on:2024-02-30", "tweet", "is no date"),
        ("tweet stance:angry", "tweet", "concerned, supportive, mixed, neutral"),
        ("tweet speaker:", "tweet", "speaker: has nothing after it"),
        ("tweet speaker: OR x", "tweet OR x", "speaker: has nothing after it"),
        ("before:yesterday", "nothing", "nothing in this can be searched for"),
        ("?!", "nothing", "nothing in this can be searched for"),
        ("mood:bad", '"mood bad"', "no filter called mood:"),
        ('a "b c', 'a "b c"', "never closed"),
        ("near/5 a near/5 speaker:b", "a speaker:b", "near/ stands between two words"),
        ("a near/99 b", f"a near/{q.N_APART} b", "near/ takes 1 to"),
        ("a near/ b", "a near b", "near/ takes a number of words"),
        ("a* b", "a b", "at least 2 letters"),
        ("(" * 1000 + "a" + ")" * 1000, "a", "deep"),
        ("word " * 3000, " ".join(["word"] * q.N_TERMS), "characters"),
    ],
)
def test_what_cannot_be_read_is_said(typed: str, understood: str, said: str) -> None:
    query = q.parse(typed)
    assert q.understood(query) == understood
    assert any(said in note for note in query.notes), query.notes


@given(QUERIES)
@example("\ud800 -\udfff")
@example("\x00speaker:\x00")
def test_any_text_is_a_query(text: str) -> None:
    query = q.parse(text)
    understood = q.understood(query)
    understood.encode()
    if query.root not in (q.All(), q.Any()):
        assert q.parse(understood) == q.Query(root=query.root)


@pytest.mark.parametrize(
    ("typed", "first", "last"),
    [
        ("before:2024", None, date(2023, 12, 31)),
        ("before:2024-05-14", None, date(2024, 5, 13)),
        ("after:2024-02", date(2024, 3, 1), None),
        ("after:9999", date.max.toordinal() + 1, None),
        ("on:2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("on:2024", date(2024, 1, 1), date(2024, 12, 31)),
    ],
)
def test_days(typed: str, first: date | int | None, last: date | None) -> None:
    held = q.parse(typed).root
    assert isinstance(held, q.Held)
    expected = tuple(d.toordinal() if isinstance(d, date) else d for d in (first, last))
    assert held.days() == expected


def test_what_is_refused_is_not_wanted_in_a_hit() -> None:
    query = q.parse('engagement "police live" -tweet -(x OR "y z") speaker:jo')
    assert list(q.wanted(query.root)) == [q.Word(word="engagement"), q.Phrase(words=("police", "live"))]

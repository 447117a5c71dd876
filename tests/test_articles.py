"""Quoted passages in articles of every kind, and whom the article gives them to."""

import io
import zipfile
from pathlib import Path

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.articles import Paragraph, read
from search.quoted import MOST_PASSAGES, Passage, passages
from transcribe.problem import Problem


def quoted(*paragraphs: str) -> list[tuple[str, str]]:
    return [(p.shown, p.said_by) for p in passages([Paragraph(text) for text in paragraphs])]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("“It was just a tweet,” said Cllr Imelda Quayle.", [("It was just a tweet,", "Cllr Imelda Quayle")]),
        ('Cllr Quayle told the panel: "Nobody was asked."', [("Nobody was asked.", "Cllr Quayle")]),
        ("‘Nobody was asked,’ Mr Pell said.", [("Nobody was asked,", "Mr Pell")]),
        ("'Nobody was asked,' according to Desmond Pell.", [("Nobody was asked,", "Desmond Pell")]),
        ("According to the superintendent, “it was online”.", [("it was online", "the superintendent")]),
        (
            "“There was a survey,” Mr Salter, the assistant director, said.",
            [("There was a survey,", "Mr Salter")],
        ),
        (
            "“We were told,” said Cllr Quayle, “nothing at all.”",
            [("We were told, nothing at all.", "Cllr Quayle")],
        ),
        (
            "“It was a tweet,” said Cllr Quayle. “No notice.”",
            [("It was a tweet,", "Cllr Quayle"), ("No notice.", "Cllr Quayle")],
        ),
        (
            "“It was a tweet,” said Supt. Tranter. She added: “It was online.”",
            [("It was a tweet,", "Supt. Tranter"), ("It was online.", "Supt. Tranter")],
        ),
        (
            "“It was a tweet,” said Supt. Tranter, adding: “and it was online.”",
            [("It was a tweet, and it was online.", "Supt. Tranter")],
        ),
        (
            "‘It was a tweet,’ said Mr Pell, and then: “Nobody was asked.”",
            [("It was a tweet,", "Mr Pell"), ("Nobody was asked.", "Mr Pell")],
        ),
        ("“He said ‘get on with it’ and left,” she added.", [("He said ‘get on with it’ and left,", "")]),
        ("'He said \"no\" twice,' said Jo.", [('He said "no" twice,', "Jo")]),
        (
            "'It got me voting against the residents' parking scheme, and I didn't,' said Len Arkwright.",
            [("It got me voting against the residents' parking scheme, and I didn't,", "Len Arkwright")],
        ),
        ("It's the residents' own '90s scheme, and they're proud of Jones' work.", []),
        ("“We were told … nothing (...) at all [of it].”", [("We were told … nothing … at all [of it].", "")]),
        ("“It never closes, said Jo Okafor.", [("It never closes, said Jo Okafor.", "")]),
        ("The so-called “tweet” was seen by many.", [("tweet", "")]),
        ("No quotation here.", []),
        ("“”", []),
    ],
)
def test_a_paragraph_gives_its_quotations(text: str, expected: list[tuple[str, str]]) -> None:
    assert quoted(text) == expected


@pytest.mark.parametrize(
    ("text", "by"),
    [
        ("Cllr Quayle said: “No notice.” Supt Tranter said: “There was.”", ["Cllr Quayle", "Supt Tranter"]),
        ("Cllr Quayle said: “No notice.” She added: “None.”", ["Cllr Quayle", "Cllr Quayle"]),
        ("“No,” said Jo Okafor. Mr Pell told us: “I did.” He added “twice”.", ["Jo Okafor", "Mr Pell", "Mr Pell"]),
        ("According to Mr Pell, “nobody asked.” Jo Okafor said “we did”.", ["Mr Pell", "Jo Okafor"]),
        ("Mr Pell asked: “Were we told?” Jo Okafor said: “No.”", ["Mr Pell", "Jo Okafor"]),
        ("“Were we told?” Mr Pell asked. “No,” Jo Okafor replied.", ["Mr Pell", "Jo Okafor"]),
        ("“Were we told?” Mr Pell asked the panel.", ["Mr Pell"]),
        ("“Nobody asked.” Mr Pell said. “Nobody.”", ["Mr Pell", "Mr Pell"]),
        ("“No,” said Mr Pell. “Never.” Jo Okafor said she agreed. “Nor I.”", ["Mr Pell", "Mr Pell", ""]),
        ("“Nobody asked.” Jo Okafor said she had.", [""]),
    ],
)
def test_whoever_begins_the_next_sentence_did_not_say_the_one_before(text: str, by: list[str]) -> None:
    assert [who for _, who in quoted(text)] == by


def test_a_quotation_runs_on_over_paragraphs_that_open_anew() -> None:
    text = [
        "Mr Pell said: “No letter.",
        "“Nothing through the door.",
        "“Nobody asked us.”",
        "“I agree,” said Jo Okafor.",
    ]
    assert quoted(*text) == [
        ("No letter. Nothing through the door. Nobody asked us.", "Mr Pell"),
        ("I agree,", "Jo Okafor"),
    ]


def test_who_speaks_is_carried_on_by_pronouns_and_by_full_sentences_only() -> None:
    text = ["“No notice,” said Cllr Quayle.", "“Just a tweet,” she added.", "“One slide.”", "“Anybody” may come."]
    assert [by for _, by in quoted(*text)] == ["Cllr Quayle", "Cllr Quayle", "Cllr Quayle", ""]


def test_what_is_set_off_is_a_quotation_without_marks() -> None:
    (found,) = passages([Paragraph("Cllr Arkwright said:"), Paragraph("Most of us said ‘get on with it’.", True)])
    assert found == Passage(text="Most of us said ‘get on with it’.", paragraph=2, said_by="Cllr Arkwright")
    (signed,) = passages([Paragraph("Nobody asked us. — Desmond Pell", True)])
    assert (signed.shown, signed.said_by) == ("Nobody asked us.", "Desmond Pell")


@given(st.text(st.sampled_from("“”‘’\"'… .,[]ab sS\n—said Cllr Quayle"), max_size=120))
def test_no_text_is_too_odd(text: str) -> None:
    for passage in passages([Paragraph(text), Paragraph(text[::-1], quoted=True)]):
        assert any(c.isalnum() for c in passage.text)


def test_too_many_passages_are_refused() -> None:
    with pytest.raises(Problem, match="quoted passages"):
        passages([Paragraph("“a b” ")] * (MOST_PASSAGES + 1))


# -- files


ARTICLE = [
    "Nobody was asked",
    "“It was just a tweet,” said Cllr Quayle.",
    "The police gave another account.",
]


def test_every_kind_of_file_gives_the_same(tmp_path: Path) -> None:
    text, html, word = tmp_path / "a.txt", tmp_path / "a.html", tmp_path / "a.docx"
    text.write_text("\r\n\r\n".join(ARTICLE) + "\n\n> Most of us said\n> get on with it.\n", "cp1252")
    html.write_text(
        "<!doctype html><head><title>x</title><style>p{content:'“a”'}</style></head><body><nav>“menu”</nav>"
        f"<h1>{ARTICLE[0]}</h1><p>&ldquo;It was <b>just</b> a tweet,&rdquo; said Cllr&nbsp;Quayle.<p>{ARTICLE[2]}"
        "<script>var a = '“no”';</script><blockquote><p>Most of us said get on with it.</p></blockquote></body>",
        "utf-8",
    )
    document = docx.Document()
    for paragraph in ARTICLE:
        document.add_paragraph(paragraph)
    document.add_paragraph("Most of us said get on with it.", style="Intense Quote")
    document.save(str(word))
    for path in (text, html, word):
        found = passages(read(path))
        assert [(p.shown, p.said_by) for p in found] == [
            ("It was just a tweet,", "Cllr Quayle"),
            ("Most of us said get on with it.", "Cllr Quayle"),
        ], path


def test_marks_of_html_are_marks(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_bytes('<meta charset="utf-16"><p><q>caf\xe9 society</q> said Jo</p>'.encode("cp1252"))
    assert [(p.shown, p.said_by) for p in passages(read(path))] == [("café society", "Jo")]


def packed(path: Path, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, data in parts.items():
            pack.writestr(name, data)
    return path


def damaged(path: Path) -> Path:
    whole = io.BytesIO()
    docx.Document().save(whole)
    data = bytearray(whole.getvalue())
    data[200:400] = bytes(200)
    path.write_bytes(bytes(data))
    return path


def test_hostile_files_are_refused_in_one_clear_sentence(tmp_path: Path) -> None:
    bomb = packed(tmp_path / "bomb.docx", {"word/document.xml": bytes(120_000_000)})
    lol = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l "lol">]><a>&l;</a>'
    entities = packed(tmp_path / "entities.docx", {"[Content_Types].xml": lol})
    empty = packed(tmp_path / "empty.docx", {"[Content_Types].xml": b"<Types/>"})
    (tmp_path / "no.docx").write_bytes(b"PK no zip")
    (tmp_path / "a.txt").write_bytes(b"\0\1\2" * 400)
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    (tmp_path / "folder.txt").mkdir()
    large = tmp_path / "large.txt"
    large.write_text("many words " * 200_000)
    files = [bomb, entities, empty, damaged(tmp_path / "damaged.docx"), large]
    for path in [*files, *(tmp_path / n for n in ("no.docx", "a.txt", "a.pdf", "folder.txt", "gone.txt"))]:
        with pytest.raises(Problem) as refused:
            read(path)
        assert refused.value.what, path


@given(st.binary(max_size=400))
def test_no_html_is_too_odd(data: bytes) -> None:
    from search.articles import _of_html

    found = list(_of_html(b"<p>The van stood there.</p><p>" + data))
    assert [p.text for p in found if "The van stood there." in p.text]

"""Citations in every style, and read back by what reads them."""

import json
import shutil
import subprocess
from datetime import date
from typing import Any

import pytest
import rispy
from bibtexparser.entrypoint import parse_string
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from pylatexenc.latex2text import LatexNodes2Text

from search.cite import NOTICE, STYLES, citation, cite, who
from search.quotes import Quote
from search.styles import Citation, name_of, timecode
from transcribe.problem import Problem

QUOTE = Quote(
    address="2024-05-14-safety/269830-281708",
    check="0a1b2c3d",
    meeting="2024-05-14-safety",
    title="Public Safety Scrutiny Panel",
    body="Wrenbridge Council",
    held_on=date(2024, 5, 14),
    start_ms=269_830,
    end_ms=281_708,
    text="And there was no engagement with residents, none whatsoever.",
    speaker_label="S2",
    speaker="Councillor Imelda Quayle",
    speaker_status="inferred",
    person="imelda-quayle",
    role="Member",
    party="",
    agenda_item="",
    topic=True,
    codes=(),
    stance=None,
    stance_holder=None,
    listen_first=(),
    source_url="https://www.youtube.com/watch?v=wrenbridge",
    source_start_ms=329_830,
    transcript_sha256="f" * 64,
)
READ = date(2026, 11, 30)
INFERRED = citation(QUOTE, accessed=READ)
CONFIRMED = citation(
    replace(
        QUOTE, speaker="Chief Supt Alison Tranter", speaker_status="confirmed", role="Witness", listened_by="Mira Sol"
    ),
    accessed=READ,
)
UNKNOWN = citation(
    replace(
        QUOTE, speaker="unknown speaker 3", speaker_status="unknown", person=None, role="", held_on=None, source_url=""
    ),
    accessed=READ,
)
LAST = "2024-05-14-safety/269830-281708~0a1b2c3d\n" + NOTICE
URL = "https://www.youtube.com/watch?v=wrenbridge&t=329s"
SAID = "And there was no engagement with residents, none whatsoever."

# Set beside the published rules by hand: APA 7 (10.12 and 10.14, 8.28 for timestamps), Chicago 17 (14.217, 14.264),
# Cite Them Right 12, OSCOLA 4 (3.4). In brackets is what these rules leave to the author: what kind of text it is.
GOLDEN = {
    "plain": (
        f"Councillor Imelda Quayle, Member (named by software, not checked): “{SAID}”\n"
        "Public Safety Scrutiny Panel, Wrenbridge Council, 14 May 2024, at 0:05:29 in the published recording\n"
        f"{URL} (accessed 30 November 2026)\n"
        "Not checked by listening.\n"
    ),
    "apa": (
        f"“{SAID}” (Quayle [named by software, not checked], 2024, 0:05:29)\n\n"
        "Quayle, I. [named by software, not checked]. (2024, May 14). Public Safety Scrutiny Panel [Statement as "
        "Member; machine transcript, not checked by listening]. Wrenbridge Council. "
        f"Retrieved November 30, 2026, from {URL}\n\n"
    ),
    "chicago": (
        f"“{SAID}”\n\n"
        "Imelda Quayle [named by software, not checked], Member (statement, Public Safety Scrutiny Panel, "
        "Wrenbridge Council, May 14, 2024), machine transcript, not checked by listening, 0:05:29, "
        f"accessed November 30, 2026, {URL}.\n\n"
        "Quayle, Imelda [named by software, not checked]. Statement, Public Safety Scrutiny Panel, Wrenbridge Council, "
        "May 14, 2024. Machine transcript, not checked by listening, 0:05:29. "
        f"Accessed November 30, 2026. {URL}.\n\n"
    ),
    "harvard": (
        f"‘{SAID}’ (Quayle [named by software, not checked], 2024, 0:05:29)\n\n"
        "Quayle, I. [named by software, not checked] (2024) Statement as Member, Public Safety Scrutiny Panel, "
        "Wrenbridge Council, 14 May, at 0:05:29 [machine transcript, not checked by listening]. "
        f"Available at: {URL} (Accessed: 30 November 2026).\n\n"
    ),
    "oscola": (
        f"‘{SAID}’\n\n"
        "Imelda Quayle [named by software, not checked] (statement as Member, Public Safety Scrutiny Panel, "
        "Wrenbridge Council, 14 May 2024; machine transcript, not checked by listening) 0:05:29 "
        f"<{URL}> accessed 30 November 2026.\n\n"
    ),
}
CONFIRMED_GOLDEN = {
    "plain": (
        f"Chief Supt Alison Tranter, Witness (confirmed): “{SAID}”\n"
        "Public Safety Scrutiny Panel, Wrenbridge Council, 14 May 2024, at 0:05:29 in the published recording\n"
        f"{URL} (accessed 30 November 2026)\n"
        "Listened to by Mira Sol.\n"
    ),
    "apa": (
        f"“{SAID}” (Tranter, 2024, 0:05:29)\n\n"
        "Tranter, A. (2024, May 14). Public Safety Scrutiny Panel [Statement as Witness, speaker confirmed; "
        "machine transcript, listened to by Mira Sol]. Wrenbridge Council. "
        f"Retrieved November 30, 2026, from {URL}\n\n"
    ),
    "oscola": (
        f"‘{SAID}’\n\n"
        "Alison Tranter (statement as Witness, speaker confirmed, Public Safety Scrutiny Panel, Wrenbridge Council, "
        "14 May 2024; machine transcript, listened to by Mira Sol) 0:05:29 "
        f"<{URL}> accessed 30 November 2026.\n\n"
    ),
}
UNKNOWN_GOLDEN = {
    "plain": (
        f"unknown speaker 3: “{SAID}”\n"
        "Public Safety Scrutiny Panel, Wrenbridge Council, at 0:04:29\n"
        "Not checked by listening.\n"
    ),
    "apa": (
        f"“{SAID}” (Unknown speaker 3, n.d., 0:04:29)\n\n"
        "Unknown speaker 3. (n.d.). Public Safety Scrutiny Panel [Statement, speaker not known; "
        "machine transcript, not checked by listening]. Wrenbridge Council.\n\n"
    ),
    "chicago": (
        f"“{SAID}”\n\n"
        "Unknown speaker 3 (statement, Public Safety Scrutiny Panel, Wrenbridge Council, n.d.), speaker not known, "
        "machine transcript, not checked by listening, 0:04:29.\n\n"
        "Unknown speaker 3. Statement, Public Safety Scrutiny Panel, Wrenbridge Council, n.d. Speaker not known, "
        "machine transcript, not checked by listening, 0:04:29.\n\n"
    ),
    "harvard": (
        f"‘{SAID}’ (Unknown speaker 3, no date, 0:04:29)\n\n"
        "Unknown speaker 3 (no date) Statement, speaker not known, Public Safety Scrutiny Panel, Wrenbridge Council, "
        "at 0:04:29 [machine transcript, not checked by listening].\n\n"
    ),
}


@pytest.mark.parametrize("style", GOLDEN)
def test_text_styles(style: str) -> None:
    assert cite(INFERRED, style) == GOLDEN[style] + LAST


@pytest.mark.parametrize("style", CONFIRMED_GOLDEN)
def test_a_confirmed_speaker_and_words_that_somebody_listened_to(style: str) -> None:
    assert cite(CONFIRMED, style) == CONFIRMED_GOLDEN[style] + LAST


@pytest.mark.parametrize("style", UNKNOWN_GOLDEN)
def test_an_unknown_speaker_without_date_or_page(style: str) -> None:
    read = LAST.replace("\n", " (accessed 30 November 2026)\n")
    assert cite(UNKNOWN, style) == UNKNOWN_GOLDEN[style] + read


@pytest.mark.parametrize("style", STYLES)
def test_every_style_holds_what_a_citation_needs(style: str) -> None:
    text = cite(INFERRED, style)
    held = [SAID, "Quayle", "Member", "Public Safety Scrutiny Panel", "Wrenbridge Council", "2024", "0:05:29", URL]
    assert not [part for part in held if part not in text]
    assert "named by software, not checked" in text
    assert "ot checked by listening" in text
    assert NOTICE in text
    listened = cite(CONFIRMED, style)
    assert "istened to by Mira Sol" in listened
    assert "peaker confirmed" in listened or style == "plain"
    unknown = cite(UNKNOWN, style)
    assert "nknown speaker 3" in unknown
    assert "Quayle" not in unknown
    assert "http" not in unknown


def test_a_style_that_is_not_known_is_refused() -> None:
    with pytest.raises(Problem, match="no citation style"):
        cite(INFERRED, "poetic")


def test_a_page_that_does_not_open_at_the_moment_is_cited_with_the_time() -> None:
    made = citation(replace(QUOTE, source_url="https://tv.example/7"), accessed=READ)
    assert (made.url, made.plays, made.at) == ("https://tv.example/7", False, "0:05:29")
    template = citation(replace(QUOTE, source_url="https://tv.example/7"), players={"tv.example": "?s={s}"})
    assert (template.url, template.plays) == ("https://tv.example/7?s=329", True)


def test_where_no_time_is_known_in_the_published_recording_it_is_our_own() -> None:
    made = citation(replace(QUOTE, source_start_ms=None))
    assert (made.url, made.published, made.at) == ("https://www.youtube.com/watch?v=wrenbridge", False, "0:04:29")
    assert citation(replace(QUOTE, source_url="javascript:alert(1)")).url == ""


def test_a_name_that_captions_give_is_said_to_be_just_that() -> None:
    nobody = replace(QUOTE, speaker_status="unknown", person=None, role="")
    voice = replace(nobody, speaker="Several residents", speaker_in_captions=True)
    assert who(voice) == "Several residents (not matched to a person)"
    voice = replace(voice, speaker="Ivo Brand")
    assert who(voice) == "Ivo Brand (not matched to a person)"
    for style in STYLES:
        assert "not matched to a person" in cite(citation(voice), style)
    assert who(replace(QUOTE, speaker_status="confirmed")) == "Councillor Imelda Quayle, Member (confirmed)"
    assert who(replace(nobody, speaker="several speakers")) == "several speakers"
    assert who(replace(nobody, speaker="Member of the public 2")) == "Member of the public 2"


@pytest.mark.parametrize(
    ("shown", "given_name", "family"),
    [
        ("Councillor Jo Okafor", "Jo", "Okafor"),
        ("The Rt Hon Jo Okafor MP", "Jo", "Okafor"),
        ("Dr Anne-Marie O’Neill", "Anne-Marie", "O’Neill"),
        ("Detective Chief Inspector Ana M. de Souza", "Ana M.", "de Souza"),
        ("Cllr Nwosu-Bright", "", ""),
        ("Mwangi Nguyen Thi Mai", "", ""),
        ("Ana Souza Lima", "", ""),
        ("Committee Clerk", "", ""),
        ("The Mayor", "", ""),
        ("jo okafor", "", ""),
    ],
)
def test_names_are_put_in_another_order_only_where_their_parts_are_plain(
    shown: str, given_name: str, family: str
) -> None:
    name = name_of(replace(CONFIRMED, speaker=shown))
    assert (name.given, name.family) == (given_name, family)
    assert name.whole in shown
    assert name.whole


def test_initials() -> None:
    assert name_of(replace(CONFIRMED, speaker="Anne-Marie J. O’Neill")).initials == "A.-M. J."


def test_timecodes() -> None:
    assert [timecode(ms) for ms in (0, 999, 59_999, 3_600_000, 36_061_000)] == [
        "0:00:00",
        "0:00:00",
        "0:00:59",
        "1:00:00",
        "10:01:01",
    ]


# -- data, read back ------------------------------------------------------------------------------

HOSTILE = st.text(
    st.sampled_from("{}\\$&%#_^~\"'`-@,=\n\r\t<>`*[]|é漢\u202e\u2028\x00\x1b ") | st.characters(codec="utf-8"),
    max_size=40,
)
TRAPS = [
    "}, title = {x",
    "\\input{/etc/passwd}",
    "\nER  - \nTY  - BOOK\nAU  - Nobody",
    "@misc{x, note = {y}}",
    "a and b, c",
    "% $x^2_3$ ~ & # \\",
    "~\\textasciitilde{}",
    "\u202eetoN  - x",
]


def on_one_line(text: str) -> str:
    return citation(replace(QUOTE, text=text)).words


def hostile(text: str, other: str) -> Citation:
    return citation(
        replace(
            QUOTE,
            text=text,
            title=other,
            body=text,
            speaker=f"X{other}",
            speaker_in_captions=True,
            role=text,
            speaker_status="unknown",
        ),
        accessed=READ,
    )


def with_traps(test: Any) -> Any:
    for trap in TRAPS:
        test = example(text=trap, other=trap)(test)
    return given(text=HOSTILE, other=HOSTILE)(test)


@with_traps
def test_ris_reads_back(text: str, other: str) -> None:
    c = hostile(text, other)
    (entry,) = rispy.loads(cite(c, "ris"))
    assert entry["type_of_reference"] == "SLIDE"
    assert entry.get("abstract", "") == c.words
    assert entry.get("title", "") == c.title
    assert len(entry["authors"]) == 1
    assert entry["urls"] == [c.url]
    assert entry["date"] == "2024/05/14"
    assert entry["access_date"] == "2026/11/30"
    assert entry["id"] == c.address


@with_traps
def test_bibtex_reads_back(text: str, other: str) -> None:
    c = hostile(text, other)
    library = parse_string(cite(c, "bibtex"))
    assert not library.failed_blocks
    (entry,) = library.entries
    assert entry.entry_type == "misc"
    fields = {f.key: f.value for f in entry.fields}
    assert tex_says(fields.get("abstract", "")) == c.words.replace("^", "ˆ")
    assert tex_says(fields["title"].removeprefix("{").removesuffix("}")) == c.title.replace("^", "ˆ")
    assert fields["url"] == c.url
    assert (fields["year"], fields["month"], fields["urldate"]) == ("2024", "may", "2026-11-30")
    assert "not matched to a person" in fields["author"]
    for value in fields.values():  # BibTeX itself counts braces so
        depths = [value[:n].count("{") - value[:n].count("}") for n in range(len(value) + 1)]
        assert min(depths) == depths[-1] == 0


def tex_says(text: str) -> str:
    """What TeX prints, as far as this reader knows its macros; two that it lacks are put in first."""
    text = text.replace(r"\textless{}", "<").replace(r"\textgreater{}", ">")
    return str(LatexNodes2Text(strict_latex_spaces=True).latex_to_text(text))


@with_traps
def test_csl_json_reads_back(text: str, other: str) -> None:
    c = hostile(text, other)
    (item,) = json.loads(cite(c, "csl-json"))
    assert set(item) <= CSL
    assert item["type"] == "speech"
    assert item["event"] == item["event-title"] == c.place
    assert (item["locator"], item["custom"]) == ("0:05:29", {"label": "timestamp"})
    assert item["language"] == "en-GB"
    assert item["issued"] == item["event-date"] == {"date-parts": [[2024, 5, 14]]}
    assert item["accessed"] == {"date-parts": [[2026, 11, 30]]}
    assert item.get("abstract", "") == c.words
    assert len(item["author"]) == 1


# of CSL 1.0.2's own schema of items: the names that we use
CSL = {
    "id", "type", "language", "title", "author", "event", "event-title", "issued", "event-date", "genre", "abstract",
    "locator", "custom", "URL", "accessed", "note",
}  # fmt: skip


@with_traps
def test_a_text_never_breaks_its_lines(text: str, other: str) -> None:
    c = hostile(text, other)
    for style, n in {"plain": 6, "apa": 6, "chicago": 8, "harvard": 6, "oscola": 6}.items():
        assert len(cite(c, style).splitlines()) == n
        assert cite(c, style).count(c.words) >= 1


def test_words_stay_as_they_are_but_for_what_prints_nothing() -> None:
    assert on_one_line("“Siân” said: 2,000 — “no”.") == "“Siân” said: 2,000 — “no”."
    assert on_one_line("family 👩‍👧 می‌خواهم") == "family 👩‍👧 می‌خواهم"
    assert on_one_line("a\u202eb\nc\x1b[31m so\u00adft\U000e0041") == "ab c [31m soft"


needs_pandoc = pytest.mark.skipif(
    not shutil.which("pandoc"), reason="pandoc is not here; the same is read by other parsers above"
)


@needs_pandoc
@pytest.mark.parametrize("reader", ["bibtex", "biblatex"])
def test_pandoc_reads_hostile_words_as_they_are(reader: str) -> None:
    cited = [replace(hostile(trap, trap), address=f"m/{n}-{n + 1}") for n, trap in enumerate(TRAPS)]
    items = json.loads(pandoc("-f", reader, "-t", "csljson", given_text="\n".join(cite(c, "bibtex") for c in cited)))
    assert [item["id"] for item in items] == [f"m-{n}-{n + 1}" for n in range(len(TRAPS))]
    for c, item in zip(cited, items, strict=True):
        assert item["abstract"] == c.words.translate({ord(brace): "" for brace in "{}"}).strip()  # it knows no \\lbrace
        assert item["URL"] == c.url
        assert len(item["author"]) == 1


@needs_pandoc
@pytest.mark.parametrize(("style", "reader"), [("csl-json", "csljson"), ("bibtex", "bibtex"), ("bibtex", "biblatex")])
def test_pandoc_prints_who_said_it_and_that_nobody_checked(style: str, reader: str) -> None:
    printed = pandoc("-f", reader, "-t", "plain", "--citeproc", "--wrap=none", given_text=cite(INFERRED, style))
    assert "named by software; not checked" in printed
    assert "Imelda Quayle" in printed
    assert "2024" in printed
    assert URL in printed
    assert SAID.removesuffix(".").casefold() in printed.casefold()
    assert "Public Safety Scrutiny Panel" in printed


def pandoc(*options: str, given_text: str = "") -> str:
    return subprocess.run(["pandoc", *options], input=given_text, capture_output=True, text=True, check=True).stdout

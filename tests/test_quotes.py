"""Quotes: rows, addresses, checks, tables, links and citations."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pyarrow import parquet

from analyse.records import Statement, Statements, Tag, Topic
from search.cite import around
from search.quotes import (
    Address,
    Quote,
    check_of,
    parse_address,
    quotes,
    read_parquet,
    resolve,
    write_parquet,
)
from transcribe.problem import Problem
from transcribe.records import Media, MediaFile, Meeting, Recording, SpeakerName, Stretch, Transcript, Word, text_of

MEETING = Meeting(
    id="2024-05-14-safety",
    folder="safety",
    title="Public Safety Scrutiny Panel",
    body="Wrenbridge Council",
    held_on=date(2024, 5, 14),
    source_url="https://video.example/panel",
    source_offset_s=60.0,
)
NAMES = (
    SpeakerName(
        label="S1",
        display="Councillor Jo Okafor",
        person="jo-okafor",
        role="Chair",
        status="inferred",
        probability=0.98,
    ),
    SpeakerName(label="S2", display="unknown speaker 2"),
)


@dataclass(frozen=True)
class Made:
    """A meeting as the stages before give it."""

    statements: Statements
    transcript: Transcript
    recording: Recording

    def rows(self, meeting: Meeting = MEETING) -> tuple[Quote, ...]:
        return quotes(self.statements, self.transcript, meeting, self.recording, "f" * 64)


def made(*said: tuple[str, str], gap_ms: int = 100, word_ms: int = 300) -> Made:
    """A meeting in which each (voice, text) is one statement, its words `word_ms` long with `gap_ms` between."""
    words: list[Word] = []
    statements = []
    for speaker, text in said:
        first = len(words)
        for part in text.split():
            start_ms = len(words) * (word_ms + gap_ms)
            words.append(Word(text=part, start_ms=start_ms, end_ms=start_ms + word_ms, speaker=speaker))
        statements.append(
            Statement(
                meeting=MEETING.id,
                start_ms=words[first].start_ms or 0,
                end_ms=words[-1].end_ms or 0,
                first_word=first,
                end_word=len(words),
                speaker=speaker,
                text=text_of(words[first:]),
                topic=Topic(about=True, score=1.0),
                tags=(
                    Tag(
                        code="consultation",
                        score=1.0,
                        first_word=first,
                        end_word=first + 1,
                        tagger="r/1",
                        codebook="c/1",
                    ),
                    Tag(
                        code="consultation",
                        score=0.5,
                        first_word=first,
                        end_word=first + 1,
                        tagger="r/1",
                        codebook="c/1",
                    ),
                ),
            )
        )
    duration_ms = len(words) * (word_ms + gap_ms)
    return Made(
        Statements(
            meeting=MEETING.id, transcript_sha256="f" * 64, codebook="c/1", tagger="r/1", statements=tuple(statements)
        ),
        Transcript(recording_sha256="a" * 64, language="en", engine="none", words=tuple(words), turns=(), names=NAMES),
        Recording(meeting=MEETING.id, duration_ms=duration_ms, sha256="a" * 64),
    )


PANEL = made(
    ("S1", "Item five, live facial recognition."),
    ("S2", "Nobody asked us before the vans came."),
    ("S2", "It was just a tweet."),
    ("S1", "Thank you. We will write to the force."),
)


# -- rows and addresses


def test_a_row_says_what_is_known_and_no_more() -> None:
    first, second, *_ = PANEL.rows()
    assert first.address == "2024-05-14-safety/0-1900"
    assert (first.speaker, first.person, first.role, first.speaker_status) == (
        "Councillor Jo Okafor",
        "jo-okafor",
        "Chair",
        "inferred",
    )
    assert (second.speaker, second.person, second.role, second.speaker_status) == (
        "unknown speaker 2",
        None,
        "",
        "unknown",
    )
    assert first.codes == ("consultation",)
    assert (first.source_url, first.source_start_ms) == ("https://video.example/panel", 60_000)


def test_a_voice_that_nobody_named_is_unknown() -> None:
    (row,) = made(
        ("S7", "Good evening."),
    ).rows()
    assert (row.speaker, row.speaker_status, row.person) == ("unknown speaker 7", "unknown", None)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["S1", "S2"]), st.lists(st.sampled_from(["police", "vans", "came,", "again?"]), min_size=1)
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 200),
    st.integers(0, 400),
)
def test_every_quote_resolves_to_its_own_words(said: list[tuple[str, list[str]]], gap_ms: int, word_ms: int) -> None:
    if gap_ms == word_ms == 0:
        word_ms = 1
    panel = made(*((voice, " ".join(text)) for voice, text in said), gap_ms=gap_ms, word_ms=word_ms)
    rows = panel.rows()
    assert gap_ms == 0 or len(rows) == len(said)
    for row in rows:
        assert 0 <= row.start_ms < row.end_ms <= panel.recording.duration_ms
        assert text_of(resolve(parse_address(row.address), panel.transcript)) == row.text


def test_words_without_times_yield_no_quote() -> None:
    words = (Word(text="Unheard.", timing="none"),)
    statement = replace(PANEL.statements.statements[0], first_word=0, end_word=1, text="Unheard.")
    panel = Made(
        replace(PANEL.statements, statements=(statement,)), replace(PANEL.transcript, words=words), PANEL.recording
    )
    assert panel.rows() == ()


def test_midpoints_decide() -> None:
    words = tuple(Word(text=t, start_ms=a, end_ms=b) for t, a, b in [("a", 0, 100), ("b", 100, 201), ("c", 200, 300)])
    transcript = replace(PANEL.transcript, words=words)

    def at(start_ms: int, end_ms: int) -> str:
        return text_of(resolve(Address(meeting="m", start_ms=start_ms, end_ms=end_ms), transcript))

    assert at(0, 50) == ""
    assert at(0, 51) == "a"
    assert at(50, 151) == "a b"
    assert at(51, 150) == ""
    assert at(0, 10_000) == "a b c"


@given(
    st.from_regex(r"[a-z0-9-]{1,80}", fullmatch=True), st.integers(0, 10**9), st.integers(1, 10**9),
    st.just("") | st.from_regex(r"[0-9a-f]{8}", fullmatch=True),
)  # fmt: skip
def test_addresses_are_read_as_written(meeting: str, start_ms: int, length_ms: int, check: str) -> None:
    address = Address(meeting=meeting, start_ms=start_ms, end_ms=start_ms + length_ms, check=check)
    assert parse_address(str(address)) == address
    assert parse_address(f" {address}\n") == address


@pytest.mark.parametrize(
    ("text", "address"),
    [("m/0:04:29-0:04:35", "m/269000-275000"), ("m/0:00:00.5-1:02:03.045", "m/500-3723045")],
)
def test_times_may_be_written_as_a_clock_shows_them(text: str, address: str) -> None:
    assert str(parse_address(text)) == address


@pytest.mark.parametrize(
    "text",
    [
        " m/1-5~0a1b2c3d\n",
        "(M/1-5~0A1B2C3D),",
        "“m/1-5~0a1b2c3d”.",
        "http://127.0.0.1:8000/quote/m/1-5~0a1b2c3d",
        "<https://quotes.wrenbridge.example/found/quote/m/1-5~0a1b2c3d?from=a#work>",
    ],
)
def test_an_address_is_found_in_what_was_copied_with_it(text: str) -> None:
    assert str(parse_address(text)) == "m/1-5~0a1b2c3d"


@pytest.mark.parametrize(
    "text", ["m/0:04:29", "m/0:04:35-0:04:29", "m/0:61:00-0:62:00", "m/0:04:29-275000", "m/4:29-4:35"]
)
def test_clocks_that_show_no_time_are_refused(text: str) -> None:
    with pytest.raises(Problem):
        parse_address(text)


@pytest.mark.parametrize(
    "text",
    ["", "m", "m/1", "m/5-5", "m/9-5", "m/-1-5", "../m/1-5", "m/1-5~xyz", "m/1-5~abcd", "m/1.5-2", "m/1-99999999999"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Problem):
        parse_address(text)


def test_the_check_is_over_recording_words_and_person() -> None:
    # printf 'aa␟it s just a tweet␟jo-okafor' | sha256sum
    known = check_of("aa", "It’s just a tweet.", "jo-okafor")
    assert known == "c2ae5b6c"
    assert check_of("aa", "it's JUST a tweet!", "jo-okafor") == known
    assert check_of("ab", "It’s just a tweet.", "jo-okafor") != known
    assert check_of("aa", "It was just a tweet.", "jo-okafor") != known
    assert check_of("aa", "It’s just a tweet.", None) != known


# -- tables


def test_many_meetings_open_as_one_dataset(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    for folder, rows in {
        "one": PANEL.rows(),
        "none": (),
        "undated": PANEL.rows(replace(MEETING, held_on=None)),
    }.items():
        (tmp_path / folder).mkdir()
        write_parquet(rows, tmp_path / folder / "quotes.parquet")
        assert read_parquet(tmp_path / folder / "quotes.parquet") == rows
    table = pandas.read_parquet(sorted(tmp_path.glob("*/quotes.parquet")))
    assert len(table) == 8
    assert list(table.columns) == list(Quote.__struct_fields__)
    assert list(table.codes[0]) == ["consultation"]
    assert table.held_on.dropna().unique().tolist() == [date(2024, 5, 14)]
    assert table.person.isna().sum() == 4


def test_an_older_table_tells_whom_only_captions_name(tmp_path: Path) -> None:
    (row, *_) = PANEL.rows()
    shown = {"Ivo Brand": True, "unknown speaker 7": False, "unknown speaker": False}
    rows = (row, *(replace(row, speaker=name, speaker_status="unknown", person=None, role="") for name in shown))
    write_parquet(rows, tmp_path / "new.parquet")
    assert [r.speaker_in_captions for r in read_parquet(tmp_path / "new.parquet")] == [False] * 4
    older = parquet.read_table(tmp_path / "new.parquet").drop_columns(["speaker_in_captions"])
    parquet.write_table(older, tmp_path / "older.parquet")
    assert [r.speaker_in_captions for r in read_parquet(tmp_path / "older.parquet")] == [False, *shown.values()]


def test_a_broken_table_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "quotes.parquet").write_bytes(b"PAR1")
    with pytest.raises(Problem, match="not a readable table"):
        read_parquet(tmp_path / "quotes.parquet")


# -- where it can be heard


def test_a_part_of_a_meeting_links_to_its_own_page() -> None:
    part = Media(
        file="b.mp4",
        sha256="b",
        size=1,
        duration_ms=9000,
        start_ms=3000,
        source_url="https://b.example/v",
        source_offset_ms=500,
    )
    recording = replace(PANEL.recording, media=(Media(file="a.mp4", sha256="a", size=1, duration_ms=3000), part))
    rows = Made(PANEL.statements, PANEL.transcript, recording).rows()
    assert [row.start_ms for row in rows] == [0, 2000, 4800, 6800]
    assert [(row.source_url, row.source_start_ms) for row in rows] == [
        ("https://video.example/panel", 60_000),
        ("https://video.example/panel", 62_000),
        ("https://b.example/v", 2_300),
        ("https://b.example/v", 4_300),
    ]


def test_a_published_recording_that_begins_later_has_no_time_for_what_was_said_before() -> None:
    late = replace(MEETING, source_offset_s=-2.5)
    assert [row.source_start_ms for row in PANEL.rows(late)] == [None, None, 2_300, 4_300]
    assert {row.source_url for row in PANEL.rows(late)} == {MEETING.source_url}


def test_a_page_that_is_gone_or_changed_is_not_linked_to_a_moment() -> None:
    gone, changed = (PANEL.rows(replace(MEETING, source_state=state))[0] for state in ("gone", "changed"))
    assert (gone.source_url, gone.source_start_ms) == ("", None)
    assert (changed.source_url, changed.source_start_ms) == (MEETING.source_url, None)


def test_what_became_of_a_parts_own_page_is_said_of_that_part() -> None:
    media = tuple(
        Media(file=f, sha256=f, size=1, duration_ms=3000, start_ms=at, source_url=f"https://{f}.example/")
        for f, at in (("a", 0), ("b", 3000))
    )
    made = Made(PANEL.statements, PANEL.transcript, replace(PANEL.recording, media=media))
    own = MediaFile(file="a", source_url="https://a.example/", source_state="gone")
    one = replace(MEETING, media=(own, MediaFile(file="b", source_url="https://b.example/")))
    assert [row.source_url for row in made.rows(one)] == ["", "", "https://b.example/", "https://b.example/"]
    shared = replace(MEETING, source_state="gone", media=(own, MediaFile(file="b")))
    assert [row.source_url for row in made.rows(shared)] == [""] * 4


# -- around


def test_a_quote_with_the_turns_around_it() -> None:
    rows = PANEL.rows()
    passage = around(parse_address(rows[0].cited), rows, PANEL.transcript)
    assert (passage.quote, passage.before, passage.changed) == (rows[0], (), False)
    assert [(said.speaker, said.text) for said in passage.after] == [
        ("unknown speaker 2", "Nobody asked us before the vans came. It was just a tweet."),
        ("Councillor Jo Okafor", "Thank you. We will write to the force."),
    ]
    assert around(parse_address(rows[3].address), rows, PANEL.transcript, 1).before == (passage.after[0],)
    assert around(parse_address(rows[3].address), rows, PANEL.transcript, 0).before == ()


def test_any_run_of_words_has_an_address() -> None:
    rows = PANEL.rows()
    part = around(parse_address("2024-05-14-safety/2400-3200"), rows, PANEL.transcript).quote
    assert (part.text, part.speaker, part.codes) == ("asked us", "unknown speaker 2", ("consultation",))
    assert part.source_start_ms == 62_400
    assert part.check == check_of("a" * 64, "asked us", None)
    both = around(parse_address("2024-05-14-safety/1200-2300"), rows, PANEL.transcript).quote
    assert (both.text, both.speaker, both.person, both.speaker_status) == (
        "facial recognition. Nobody",
        "several speakers",
        None,
        "unknown",
    )


def test_a_place_of_which_a_part_is_hidden_says_so() -> None:
    hidden = Stretch(kind="withheld", start_ms=2200, end_ms=2790, reason="under complaint")
    words = tuple(w for w in PANEL.transcript.words if not hidden.start_ms <= (w.start_ms or 0) < hidden.end_ms)
    transcript = replace(PANEL.transcript, words=words, stretches=(hidden,))
    said = {
        address: around(parse_address(f"2024-05-14-safety/{address}"), PANEL.rows(), transcript)
        for address in ("2400-3200", "1900-2700", "1900-3200", "2800-3200")
    }
    assert {address: passage.quote.text for address, passage in said.items()} == {
        "2400-3200": "[…] us",
        "1900-2700": "Nobody […]",
        "1900-3200": "Nobody […] us",
        "2800-3200": "us",
    }
    assert [passage.left_out for passage in said.values()] == [(hidden,), (hidden,), (hidden,), ()]


def test_words_that_nobody_was_given_are_nobodys() -> None:
    first, *rest = PANEL.transcript.words
    transcript = replace(PANEL.transcript, words=(replace(first, speaker=None), *rest))
    part = around(parse_address("2024-05-14-safety/0-1000"), PANEL.rows(), transcript).quote
    assert (part.text, part.speaker, part.person) == ("Item five, live", "unknown speaker", None)


def test_a_cited_quote_says_when_it_changed() -> None:
    rows = PANEL.rows()
    old = parse_address(rows[1].cited)
    words = tuple(replace(w, text="told") if w.text == "asked" else w for w in PANEL.transcript.words)
    transcript = replace(PANEL.transcript, words=words)
    reworded = [replace(row, text=row.text.replace("asked", "told")) for row in rows]
    reworded = [replace(row, check=check_of("a" * 64, row.text, row.person)) for row in reworded]
    passage = around(old, reworded, transcript)
    assert passage.quote.text == "Nobody told us before the vans came."
    assert passage.changed is True
    assert around(replace(old, check=""), reworded, transcript).changed is None


@pytest.mark.parametrize("address", ["2024-05-14-safety/900000-900001", "2024-05-14-safety/1-2"])
def test_where_nothing_is_said_there_is_no_quote(address: str) -> None:
    with pytest.raises(Problem, match="there are no words"):
        around(parse_address(address), PANEL.rows(), PANEL.transcript)

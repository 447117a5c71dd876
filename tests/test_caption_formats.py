"""Every kind of captions: files of other programs give what is in them, and our own words come back as they were."""

import itertools
import json
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import meeting_toml, meetings
from tests import house
from transcribe.captions import SUFFIXES, read
from transcribe.documents import load
from transcribe.problem import Problem
from transcribe.records import Transcript, Turns, Word, Words, check_words, text_of


def words_of(tmp_path: Path, text: str | bytes, name: str, **options: object) -> tuple[Words, Turns]:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path, **({"recording_sha256": "0", "duration_ms": None} | options))  # type: ignore[arg-type]


def timed(words: Words) -> list[tuple[str, int | None, int | None]]:
    return [(w.text, w.start_ms, w.end_ms) for w in words.words]


def refusal(tmp_path: Path, text: str | bytes, name: str, **options: object) -> Problem:
    with pytest.raises(Problem) as caught:
        words_of(tmp_path, text, name, **options)
    assert caught.value.fix
    return caught.value


# -- files of other programs ----------------------------------------------------------------------


class Loads(NamedTuple):
    n_words: int
    first: str
    last: str
    timings: str = "cue"
    language: str = ""
    n_voices: int = 0
    engine: str = ""


FILES: dict[str, Loads | int] = {  # what a file holds, or the line that it is refused for
    "formats/captions_with_bom.vtt": Loads(12, "Caption", "#4"),
    "formats/comments.vtt": Loads(20, "Ta", "kopp"),
    "formats/cue_tags.vtt": Loads(13, "When", "amore", "cue engine"),
    "formats/invalid.vtt": 1,  # no WEBVTT above the first cue
    "formats/invalid_timeframe.srt": Loads(15, "Caption", "#5"),  # a point for a comma is plain enough
    "formats/invalid_timeframe.vtt": 6,
    "formats/invalid_timeframe_in_cue_text.vtt": Loads(9, "Caption", "#3"),
    "formats/metadata_headers.vtt": Loads(6, "Caption", "#2", language="en"),
    "formats/missing_caption_text.srt": Loads(12, "Caption", "#5"),
    "formats/missing_caption_text.vtt": Loads(12, "Caption", "#5"),
    "formats/missing_timeframe.srt": 6,
    "formats/missing_timeframe.vtt": 6,
    "formats/no_captions.vtt": 1,
    "formats/one_caption.srt": Loads(3, "Caption", "#1"),
    "formats/sample.sbv": 14,  # ends before it starts
    "formats/sample.srt": Loads(15, "Caption", "#5"),
    "formats/sample.vtt": Loads(48, "Caption", "#16"),
    "formats/styles.vtt": Loads(2, "Hello", "world."),
    "formats/using_identifiers.vtt": Loads(18, "Caption", "#6"),
    "formats/youtube_dl.vtt": Loads(8, "yeah", "telling", "cue engine", language="en"),
    "formats/youtube_timedtext_srv1.xml": Loads(20, "Hey,", "testing", engine="captions srv1"),
    "derived/ami_ES2003a.whisperx.json": Loads(
        62, "Okay,", "okay", "aligned cue", language="en", n_voices=2, engine="captions whisperx"
    ),
    "derived/ami_ES2003a_voices.vtt": Loads(62, "Okay,", "okay", n_voices=2),
    # Their words were spread evenly over each sentence, whatever the format says, and so are only as good as cues.
    "derived/seattle_2017.json3": Loads(314, "good", "session", engine="captions json3"),
    "derived/seattle_2017.srt": Loads(314, "Good", "session."),
    "derived/seattle_2017.srv3.xml": Loads(314, "good", "session", engine="captions srv3"),
    "derived/seattle_2017.vtt": Loads(314, "Good", "session."),
    "derived/seattle_2017.whisper.json": Loads(314, "Good", "session.", language="en", engine="captions whisper"),
    "cdp_json/example_whisper_output_transcript.json": Loads(314, "Good", "session.", engine="captions cdp"),
    "cdp_json/expected-seattle-briefing-transcript.json": Loads(441, "Good", "that.", engine="captions cdp"),
    "cdp_json/generated_transcript_from_fake_captions.json": Loads(75, "Okay,", "objection.", n_voices=4),
}


@pytest.mark.shared
def test_every_file_of_other_programs_loads_or_is_refused_with_a_line(shared: Path) -> None:
    place = shared / "captions"
    found: dict[str, Loads | int] = {}
    for folder in ("formats", "derived", "cdp_json"):
        for path in sorted((place / folder).iterdir()):
            if path.suffix == ".toml":
                continue
            name = str(path.relative_to(place))
            try:
                words, turns = read(path, recording_sha256="0", duration_ms=None)
            except Problem as e:
                found[name] = int(e.where.removeprefix(f"{path}, line "))
                continue
            check_words(words.words, 10**9)
            voices = {w.speaker for w in words.words} - {None}
            assert {t.speaker for t in turns.turns} == voices
            wanted = FILES[name]
            found[name] = Loads(
                len(words.words),
                words.words[0].text,
                words.words[-1].text,
                " ".join(sorted({w.timing for w in words.words})),
                words.language,
                len(voices),
                words.engine if isinstance(wanted, Loads) and wanted.engine else "",
            )
    assert found == FILES


@pytest.mark.shared
def test_one_meeting_in_many_formats_is_the_same_words(shared: Path) -> None:
    texts = set()
    for name in FILES:
        if "seattle_2017" in name or "example_whisper" in name:
            words, _ = read(shared / "captions" / name, recording_sha256="0", duration_ms=None)
            said = text_of(words.words).casefold().replace("9.30", "930").replace("p.m.", "pm").replace("a.m.", "am")
            texts.add(said.replace(",", "").replace(".", "").replace("?", ""))
    assert len(texts) == 1


# -- our own words, written and read again --------------------------------------------------------


class Segment(NamedTuple):
    voice: str
    words: tuple[Word, ...]

    @property
    def start_ms(self) -> int:
        return self.words[0].start_ms or 0

    @property
    def end_ms(self) -> int:
        return self.words[-1].end_ms or 0

    @property
    def text(self) -> str:
        return text_of(self.words)


def _clock(ms: int, point: str = ".") -> str:
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{point}{ms % 1000:03}"


def _vtt(segments: Sequence[Segment]) -> str:
    cues = [
        f"{_clock(s.start_ms)} --> {_clock(s.end_ms)} align:start\n<v {escape(s.voice)}>{escape(s.text)}</v>\n"
        for s in segments
    ]
    return "\n".join(["WEBVTT\nKind: captions\nLanguage: en-GB\n", *cues])


def _rolling_vtt(segments: Sequence[Segment]) -> str:
    """As YouTube writes them: the line before, then the new one with the times of its words; then both lie still."""
    cues = []
    before, shown_ms = "", 0
    for s in segments:
        first, *rest = s.words
        if before:
            cues.append(f"{_clock(shown_ms)} --> {_clock(s.start_ms)} align:start position:0%\n{before}\n \n")
        line = escape(first.text) + "".join(f"<{_clock(w.start_ms or 0)}><c> {escape(w.text)}</c>" for w in rest)
        cues.append(f"{_clock(s.start_ms)} --> {_clock(s.end_ms)} align:start position:0%\n{before or ' '}\n{line}\n")
        before, shown_ms = escape(s.text), s.end_ms
    return "\n".join(["WEBVTT\nKind: captions\nLanguage: en\n", *cues])


def _srt(segments: Sequence[Segment]) -> str:
    return "\n".join(
        f"{n}\n{_clock(s.start_ms, ',')} --> {_clock(s.end_ms, ',')}\n{escape(s.text)}\n"
        for n, s in enumerate(segments, 1)
    )


def _sbv(segments: Sequence[Segment]) -> str:
    return "\n\n".join(f"{_clock(s.start_ms)},{_clock(s.end_ms)}\n{escape(s.text)}" for s in segments)


def _srv1(segments: Sequence[Segment]) -> str:
    lines = (
        f'<text start="{s.start_ms / 1000}" dur="{(s.end_ms - s.start_ms) / 1000}">{escape(escape(s.text))}</text>'
        for s in segments
    )
    return f'<?xml version="1.0" encoding="utf-8" ?><transcript>{"".join(lines)}</transcript>'


def _offsets(s: Segment) -> list[tuple[str, int]]:
    return [(" " * (i > 0) + w.text, (w.start_ms or 0) - s.start_ms) for i, w in enumerate(s.words)]


def _srv3(segments: Sequence[Segment]) -> str:
    lines = (
        f'<p t="{s.start_ms}" d="{s.end_ms - s.start_ms}" w="1">'
        + "".join(f"<s{t}>{escape(text)}</s>" for text, ms in _offsets(s) for t in [f' t="{ms}"' if ms else ""])
        + "</p>"
        for s in segments
    )
    return f'<?xml version="1.0"?><timedtext format="3"><head/><body>{"".join(lines)}</body></timedtext>'


def _json3(segments: Sequence[Segment]) -> str:
    events: list[object] = [{"tStartMs": 0, "id": 1, "wpWinPosId": 1}]
    for s in segments:
        segs = [{"utf8": text} | ({"tOffsetMs": ms} if ms else {}) for text, ms in _offsets(s)]
        events.append({"tStartMs": s.start_ms, "dDurationMs": s.end_ms - s.start_ms, "segs": segs})
        events.append({"tStartMs": s.start_ms, "aAppend": 1, "segs": [{"utf8": "\n"}]})
    return json.dumps({"wireMagic": "pb3", "events": events})


def _span(first: str, last: str, start_ms: int | None, end_ms: int | None) -> dict[str, float]:
    return {first: (start_ms or 0) / 1000, last: (end_ms or 0) / 1000}


def _whisper(segments: Sequence[Segment]) -> str:
    return json.dumps(
        {
            "text": " ".join(s.text for s in segments),
            "language": "en",
            "segments": [
                {"id": i, "text": f" {s.text}", "tokens": [1, 2], **_span("start", "end", s.start_ms, s.end_ms)}
                | {
                    "words": [
                        {"word": f" {w.text}", "probability": 0.5} | _span("start", "end", w.start_ms, w.end_ms)
                        for w in s.words
                    ]
                }
                for i, s in enumerate(segments)
            ],
        },
        indent=1,
    )


def _whisperx(segments: Sequence[Segment]) -> str:
    written = []
    for s in segments:
        words = [
            {"word": w.text, "score": 0.5, "speaker": s.voice} | _span("start", "end", w.start_ms, w.end_ms)
            for w in s.words
        ]
        written.append({"text": s.text, "words": words} | _span("start", "end", s.start_ms, s.end_ms))
    return json.dumps({"segments": written, "word_segments": []})


def _cdp(segments: Sequence[Segment]) -> str:
    return json.dumps(
        {
            "generator": "made for a test",
            "confidence": 0.9,
            "sentences": [
                {
                    "index": i,
                    "confidence": 0.9,
                    "text": s.text,
                    "speaker_index": 3,
                    "speaker_name": s.voice or None,
                    "words": [
                        {"index": k, "text": w.text.lower()} | _span("start_time", "end_time", w.start_ms, w.end_ms)
                        for k, w in enumerate(s.words)
                    ],
                }
                | _span("start_time", "end_time", s.start_ms, s.end_ms)
                for i, s in enumerate(segments)
            ],
        }
    )


def _plain(segments: Sequence[Segment]) -> str:
    return "\n".join(f"{s.voice}: {s.text}" for s in segments)


TEXTS = st.sampled_from(
    ["aye", "Siân", "don't", "twenty-five", "9.30", "never.", "So,", "(a", "R&D", "“No”", "a<b>c", "—"]
)
VOICES = st.sampled_from(["Jo Okafor", "Len Mistry", "Ines & Co"])


@st.composite
def _spoken(draw: st.DrawFn) -> list[Segment]:
    at_ms = 0
    segments = []
    for _ in range(draw(st.integers(1, 5))):
        at_ms += draw(st.integers(1, 3_000))
        voice = draw(VOICES)
        words = []
        for text in draw(st.lists(TEXTS, min_size=2, max_size=6)):
            end_ms = at_ms + draw(st.integers(1, 900))
            words.append(Word(text=text, start_ms=at_ms, end_ms=end_ms, speaker=voice))
            at_ms = end_ms + draw(st.integers(1, 300))
        segments.append(Segment(voice, tuple(words)))
    return segments


Write = Callable[[Sequence[Segment]], str]
WORD_TIMES: dict[str, tuple[Write, bool, bool]] = {  # how it is written, whether it has ends of words, and voices
    "rolling.vtt": (_rolling_vtt, False, False),
    "a.srv3.xml": (_srv3, False, False),
    "a.json3": (_json3, False, False),
    "whisper.json": (_whisper, True, False),
    "whisperx.json": (_whisperx, True, True),
    "cdp.json": (_cdp, True, True),
}
CUE_TIMES: dict[str, Write] = {"a.vtt": _vtt, "a.srt": _srt, "a.sbv": _sbv, "a.srv1": _srv1}


@pytest.mark.parametrize("name", WORD_TIMES)
def test_words_with_times_of_their_own_come_back(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    write, has_ends, has_voices = WORD_TIMES[name]

    @settings(max_examples=60)
    @given(segments=_spoken())
    def check(segments: list[Segment]) -> None:
        said = [w for s in segments for w in s.words]
        words, turns = words_of(tmp_path_factory.getbasetemp(), write(segments), name)
        assert [(w.text, w.start_ms) for w in words.words] == [(w.text, w.start_ms) for w in said]
        assert not has_ends or timed(words) == [(w.text, w.start_ms, w.end_ms) for w in said]
        assert [w.speaker for w in words.words] == [w.speaker if has_voices else None for w in said]
        assert bool(turns.turns) == has_voices
        check_words(words.words, segments[-1].end_ms)

    check()


@pytest.mark.parametrize("name", CUE_TIMES)
def test_words_of_cues_come_back_inside_them(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    @settings(max_examples=60)
    @given(segments=_spoken())
    def check(segments: list[Segment]) -> None:
        words, _ = words_of(tmp_path_factory.getbasetemp(), CUE_TIMES[name](segments), name)
        found = iter(words.words)
        for s in segments:
            mine = list(itertools.islice(found, len(s.words)))
            assert text_of(mine) == s.text
            assert (mine[0].start_ms, mine[-1].end_ms) == (s.start_ms, s.end_ms)
            assert {w.timing for w in mine} == {"cue"}
            assert {w.speaker for w in mine} == ({s.voice} if name == "a.vtt" else {None})
        assert next(found, None) is None
        check_words(words.words, segments[-1].end_ms)

    check()


# -- what each format has of its own --------------------------------------------------------------


def test_inline_times_are_the_words_own(tmp_path: Path) -> None:
    line = "we<00:00:01.200><c> were</c><00:00:01.900><c.colorE5E5E5> not asked</c>"
    text = f"WEBVTT\n\n00:00:01.000 --> 00:00:03.000\n{line}\n"
    words, _ = words_of(tmp_path, text, "a.vtt")
    assert timed(words) == [
        ("we", 1_000, 1_200),
        ("were", 1_200, 1_900),
        ("not", 1_900, 2_340),
        ("asked", 2_340, 3_000),
    ]
    assert [w.timing for w in words.words] == ["engine", "engine", "engine", "cue"]


def test_a_time_inside_a_word_or_outside_its_cue_is_passed_over(tmp_path: Path) -> None:
    text = "WEBVTT\n\n00:01.000 --> 00:03.000\nun<00:01.200>asked <01:00:00.000>but told\n"
    words, _ = words_of(tmp_path, text, "a.vtt")
    assert text_of(words.words) == "unasked but told"
    assert words.words[1].timing == "cue"
    check_words(words.words, 3_000)


def test_a_clock_of_a_broadcast_is_refused_unless_it_moves_nothing(tmp_path: Path) -> None:
    text = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:{},LOCAL:00:00:00.000\n\n00:01.000 --> 00:02.000\nx\n"
    words, _ = words_of(tmp_path, text.format(0), "a.vtt")
    assert timed(words) == [("x", 1_000, 2_000)]
    problem = refusal(tmp_path, text.format(900_000), "a.vtt")
    assert problem.where.endswith("a.vtt, line 2")
    assert "X-TIMESTAMP-MAP" in problem.what
    assert refusal(tmp_path, text.format("x" * 200), "a.vtt").where.endswith("line 2")


def test_metadata_under_a_blank_line_is_no_text(tmp_path: Path) -> None:
    text = "WEBVTT\n\nKind: captions\nLanguage: en\n\n00:01.000 --> 00:02.000\nx\n"
    words, _ = words_of(tmp_path, text, "a.vtt")
    assert (text_of(words.words), words.language) == ("x", "en")


def test_a_header_ends_where_the_first_cue_begins(tmp_path: Path) -> None:
    cue = "00:01.000 --> 00:02.000\nfirst words\n"
    for header in ("WEBVTT\n", "WEBVTT\nKind: captions\nLanguage: en\n", "WEBVTT\n\nKind: captions\n", "WEBVTT\n1\n"):
        words, _ = words_of(tmp_path, f"{header}{cue}\n00:03.000 --> 00:04.000\nlater\n", "a.vtt")
        assert timed(words)[0] == ("first", 1_000, 1_500)
        assert text_of(words.words) == "first words later"
    assert refusal(tmp_path, f"WEBVTT\n\nagreed: yes\n\n{cue}", "a.vtt").where.endswith("line 3")


def test_a_dash_is_no_word_and_ends_the_voice_before_it(tmp_path: Path) -> None:
    text = "WEBVTT\n\n00:01.000 --> 00:03.000\n<v Jo>- Good evening\n-Hello\nto you\n- -5 degrees\n"
    words, _ = words_of(tmp_path, text, "a.vtt")
    assert [(w.text, w.speaker) for w in words.words] == [
        ("Good", "Jo"),
        ("evening", "Jo"),
        *((text, None) for text in ("Hello", "to", "you", "-5", "degrees")),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:03.000\n{}\n"),
        ("a.srt", "1\n00:00:01,000 --> 00:00:03,000\n{}\n"),
        ("a.sbv", "0:00:01.000,0:00:03.000\n{}\n"),
        ("a.srv1", '<transcript><text start="1" dur="2">{}</text></transcript>'),
    ],
)
def test_marks_of_live_captions_are_no_words(tmp_path: Path, name: str, text: str) -> None:
    marked = ">> GOOD EVENING. >>HELLO\n>>> ITEM 5, >>\n>>\nWELCOME"
    words, _ = words_of(tmp_path, text.format(marked.replace(">", "&gt;")), name)
    assert text_of(words.words) == "GOOD EVENING. HELLO ITEM 5, WELCOME"


def test_the_voice_before_a_mark_ends_there_and_the_time_after_it_stays(tmp_path: Path) -> None:
    text = "WEBVTT\n\n00:01.000 --> 00:03.000\n<v Jo>Any questions? <00:02.000>>> <00:02.500>Yes, Chair.\n"
    words, _ = words_of(tmp_path, text, "a.vtt")
    assert [(w.text, w.speaker) for w in words.words] == [
        ("Any", "Jo"),
        ("questions?", "Jo"),
        ("Yes,", None),
        ("Chair.", None),
    ]
    assert words.words[2].start_ms == 2_500


def test_a_cue_that_a_stream_repeats_is_taken_once(tmp_path: Path) -> None:
    """Streams are cut into pieces, and what goes over a seam stands in both."""
    one, two, three = (f"00:0{i}.000 --> 00:0{i + 1}.000\n{line}\n\n" for i, line in enumerate(["we", "were", "never"]))
    words, _ = words_of(tmp_path, f"WEBVTT\n\n{one}{two}{two}{three}{three}", "a.vtt")
    assert text_of(words.words) == "we were never"
    both = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Jo>Aye.\n\n00:01.000 --> 00:02.000\n<v Siân>Aye.\n"
    assert text_of(words_of(tmp_path, both, "a.vtt")[0].words) == "Aye. Aye."


def test_labels_of_corrections_are_nobodys_name(tmp_path: Path) -> None:
    words, turns = words_of(tmp_path, "WEBVTT\n\n00:01.000 --> 00:03.000\n<v @jo>aye\n", "a.vtt")
    assert (words.words[0].speaker, turns.turns[0].speaker) == ("jo", "jo")
    segment = {"start": 0, "end": 1, "text": "aye", "speaker": "&#64;@ jo"}
    assert words_of(tmp_path, json.dumps({"segments": [segment]}), "a.json")[0].words[0].speaker == "jo"
    assert words_of(tmp_path, "Cllr Okafor: aye\n@ Jo: no\n", "a.txt")[0].words[-1].speaker is None


def test_text_files_are_what_they_begin_with(tmp_path: Path) -> None:
    assert words_of(tmp_path, "WEBVTT\n\n00:01.000 --> 00:02.000\nx", "a.txt")[0].engine == "captions vtt"
    assert words_of(tmp_path, "1\n00:00:01,000 --> 00:00:02,000\nx", "a.txt")[0].engine == "captions srt"
    assert words_of(tmp_path, "0:00:01.000,0:00:02.000\nx", "a.txt")[0].engine == "captions sbv"
    assert words_of(tmp_path, "Thank you.", "a.txt")[0].engine == "captions txt"


def test_srv1_without_lengths_lasts_until_the_next(tmp_path: Path) -> None:
    text = '<transcript>\n<text start="1.5">one &amp;#39;two&amp;#39;</text>\n<text start="4">three</text></transcript>'
    words, _ = words_of(tmp_path, text, "a.xml")
    assert timed(words) == [("one", 1_500, 2_500), ("'two'", 2_500, 4_000), ("three", 4_000, 4_390)]


def test_srv3_words_without_times_share_the_line(tmp_path: Path) -> None:
    text = '<timedtext format="3"><body>\n<p t="1000" d="2000">good<br/>evening</p></body></timedtext>'
    words, _ = words_of(tmp_path, text, "a.srv3")
    assert text_of(words.words) == "good evening"
    assert {w.timing for w in words.words} == {"cue"}


WHISPERX = """{"segments": [
 {"start": 1.0, "end": 4.0, "text": " In 2024, we asked Len Mistry.", "speaker": "SPEAKER_00", "words": [
  {"word": "In", "start": 1.0, "end": 1.2, "score": 0.9, "speaker": "SPEAKER_00"},
  {"word": "2024,"},
  {"word": "we", "start": 2.0, "end": 2.1, "score": NaN, "speaker": "SPEAKER_00"},
  {"word": "asked", "start": 2.1, "end": 2.0, "score": 1.7},
  {"word": "Len", "start": 2.6, "end": 2.9, "score": 0, "speaker": "SPEAKER_01"},
  {"word": "Mistry.", "start": 99.0, "end": 99.5, "score": 1, "speaker": "SPEAKER_01"}
 ]}], "language": "en"}"""


def test_whisperx_words_without_times_or_with_impossible_ones(tmp_path: Path) -> None:
    words, turns = words_of(tmp_path, WHISPERX, "a.json")
    found = {w.text: w for w in words.words}
    assert [(w.text, w.timing, w.confidence) for w in words.words] == [
        ("In", "aligned", 0.9),
        ("2024,", "cue", None),
        ("we", "aligned", None),
        ("asked", "cue", None),
        ("Len", "aligned", 0),
        ("Mistry.", "cue", 1),
    ]
    assert (found["2024,"].start_ms, found["2024,"].end_ms) == (1_200, 2_000)
    assert (found["asked"].start_ms, found["asked"].end_ms) == (2_100, 2_600)  # its end is before its start
    assert (found["Mistry."].start_ms, found["Mistry."].end_ms) == (2_900, 4_000)
    assert [(t.speaker, t.start_ms) for t in turns.turns if t.exclusive] == [
        ("SPEAKER_00", 1_000),
        ("SPEAKER_01", 2_600),
    ]


def test_text_with_stops_takes_the_times_of_words_without_them(tmp_path: Path) -> None:
    heard = [("we", 0.0, 0.3), ("said", 0.3, 0.7), ("no", 0.7, 1.0), ("twenty", 1.0, 1.5), ("five", 1.5, 2.1)]
    words = [{"text": t, "start_time": a, "end_time": b} for t, a, b in heard]
    sentence = {"start_time": 0, "end_time": 3, "text": "We said--no – twenty-five!", "words": words}
    found, _ = words_of(tmp_path, json.dumps({"sentences": [sentence]}), "a.json")
    assert timed(found) == [
        ("We", 0, 300),
        ("said--no", 300, 1_000),
        ("–", 1_000, 1_000),
        ("twenty-five!", 1_000, 2_100),
    ]
    other = sentence | {"text": "Something else altogether"}
    assert (
        text_of(words_of(tmp_path, json.dumps({"sentences": [other]}), "a.json")[0].words) == "we said no twenty five"
    )


def test_a_text_with_more_words_than_were_heard_loses_none(tmp_path: Path) -> None:
    words = [{"word": w, "start": a, "end": b} for w, a, b in (("one", 0, 1), ("two", 1.2, 2), ("five", 4, 4.5))]
    segment = {"start": 0, "end": 5, "text": "One two, three four five.", "words": words}
    found, _ = words_of(tmp_path, json.dumps({"segments": [segment]}), "a.json")
    assert timed(found) == [
        ("One", 0, 1_000),
        ("two,", 1_200, 2_000),
        ("three", 2_000, 3_090),
        ("four", 3_090, 4_000),
        ("five.", 4_000, 4_500),
    ]
    assert [w.timing for w in found.words] == ["engine", "engine", "cue", "cue", "engine"]
    short = segment | {"text": "one two three four", "words": words[:2]}
    found, _ = words_of(tmp_path, json.dumps({"segments": [short]}), "a.json")
    assert [(w.text, w.end_ms, w.timing) for w in found.words[-2:]] == [("three", 3_636, "cue"), ("four", 5_000, "cue")]


def test_a_time_that_had_to_be_moved_is_no_longer_the_words_own(tmp_path: Path) -> None:
    words = [("a", 4.2, 5.3), ("b", 5.3, 5.6), ("c", 5.58, 5.9), ("d", 5.4, 6), ("e", 9, 10.5), ("f", 10.9, 11.5)]
    segment = {"start": 5, "end": 10, "text": "", "words": [{"word": w, "start": a, "end": b} for w, a, b in words]}
    found, _ = words_of(tmp_path, json.dumps({"segments": [segment]}), "a.json")
    assert [w.timing for w in found.words] == ["cue", "engine", "engine", "cue", "cue", "cue"]
    check_words(found.words, 10_000)


def test_whisper_segments_without_words_are_cues(tmp_path: Path) -> None:
    segments = [{"start": 1, "end": 3, "text": " Good evening."}, {"start": 2.5, "end": 4, "text": "Thank you."}]
    words, turns = words_of(tmp_path, json.dumps({"segments": segments, "language": "english"}), "a.json")
    assert timed(words) == [
        ("Good", 1_000, 1_535),
        ("evening.", 1_535, 2_500),
        ("Thank", 2_500, 3_318),
        ("you.", 3_318, 4_000),
    ]
    assert {w.timing for w in words.words} == {"cue"}
    assert (words.engine, words.language, turns.turns) == ("captions whisper", "", ())


def test_what_is_said_twice_in_a_transcript_was_said_twice(tmp_path: Path) -> None:
    timed_words = [{"word": w, "start": i, "end": i + 0.5} for i, w in enumerate(("No", "vote."))]
    first = {"start": 0, "end": 2, "text": "No vote.", "words": timed_words}
    segments = [first, {"start": 2, "end": 3, "text": "No vote."}, {"start": 3, "end": 4, "text": "No vote.\nNone."}]
    words, _ = words_of(tmp_path, json.dumps({"segments": segments}), "a.json")
    assert text_of(words.words) == "No vote. No vote. No vote. None."


def test_words_that_run_backwards_or_overlap_stay_in_order(tmp_path: Path) -> None:
    words = [("a", 1.0, 1.9), ("b", 1.5, 1.7), ("c", 1.4, 1.6), ("d", 0.1, 0.2), ("e", -3, 5), ("f", 2.4, 2.4)]
    segment = {"start": 1, "end": 3, "text": "", "words": [{"word": w, "start": a, "end": b} for w, a, b in words]}
    after = {"start": 2, "end": 5, "text": "next", "words": []}
    found, _ = words_of(tmp_path, json.dumps({"segments": [segment, after]}), "a.json")
    assert text_of(found.words) == "a b c d e f next"
    check_words(found.words, 5_000)
    assert [w.timing for w in found.words] == ["engine"] * 2 + ["cue"] * 3 + ["engine", "cue"]


def test_times_that_were_spread_evenly_are_only_the_cues(tmp_path: Path) -> None:
    def file(step_ms: Callable[[int], int]) -> str:
        segs = [{"utf8": f" word{i}", "tOffsetMs": step_ms(i)} for i in range(12)]
        return json.dumps({"events": [{"tStartMs": 0, "dDurationMs": 9_000, "segs": segs}]})

    assert {w.timing for w in words_of(tmp_path, file(lambda i: 333 * i), "a.json3")[0].words} == {"cue"}
    assert {w.timing for w in words_of(tmp_path, file(lambda i: 60 * i * i), "a.json3")[0].words} == {"engine"}


def test_only_words_that_surely_lie_outside_what_is_excluded_stay(tmp_path: Path) -> None:
    words = [{"word": f"w{i}", "start": i, "end": i + 0.6 + 0.01 * i} for i in range(8)] + [{"word": "untimed"}]
    text = json.dumps({"segments": [{"start": 0, "end": 9, "text": "", "words": words}]})
    found, _ = words_of(tmp_path, text, "a.json", exclude=[(2_500, 4_000)], duration_ms=6_500)
    assert text_of(found.words) == "w0 w1 w4 w5 w6"
    check_words(found.words, 6_500)


# -- in the house ---------------------------------------------------------------------------------


def test_a_meeting_of_each_format_is_run_and_cited(tmp_path: Path) -> None:
    at_ms, segments = 1_000, []
    for voice, text in house.SAID:
        words = []
        for i, word in enumerate(text.split()):
            words.append(Word(text=word, start_ms=at_ms, end_ms=at_ms + 200 + 7 * (i % 5), speaker=voice))
            at_ms += 250 + 13 * (i % 7)
        segments.append(Segment(voice, tuple(words)))
        at_ms += 700
    files = {name: write for name, (write, _, _) in WORD_TIMES.items()} | CUE_TIMES | {"minutes.txt": _plain}
    for name, write in files.items():
        folder = tmp_path / "raw" / name.replace(".", "-")
        folder.mkdir(parents=True)
        (folder / "meeting.toml").write_text(f'captions = "{name}"\n{house.TOML}')
        (folder / name).write_text(write(segments))
    run = house.onrecord("run", data=tmp_path)
    assert run.returncode == 0, run.stderr
    (told,) = [line for line in run.stderr.splitlines() if "without times" in line]
    assert told.startswith("minutes-txt  words without times: nothing can be cited.")
    assert "1 with words without times, of which nothing can be cited" in house.onrecord("status", data=tmp_path).stdout
    for name in files:
        made = tmp_path / "processed" / name.replace(".", "-")
        transcript = load((made / "transcript.json").read_bytes(), Transcript, "transcript/2")
        assert text_of(transcript.words) == " ".join(s.text for s in segments)
        n_quotes = len(pq.read_table(made / "quotes.parquet"))
        assert n_quotes == 0 if name == "minutes.txt" else n_quotes >= 2, name


def test_a_folder_without_a_recording_has_the_one_file_that_is_surely_captions(tmp_path: Path) -> None:
    assert {".json", ".xml", ".txt"} == SUFFIXES - meetings.CAPTION_SUFFIXES
    (tmp_path / "notes.txt").write_text("bring the keys")
    with pytest.raises(Problem, match="no recording"):
        meeting_toml.read_meeting(tmp_path, "a")
    (tmp_path / "a.sbv").write_text("")
    assert meeting_toml.read_meeting(tmp_path, "a").captions == "a.sbv"


# -- plain text -----------------------------------------------------------------------------------

PLAIN = """WRENBRIDGE COUNCIL

Public Safety Scrutiny Panel: 14 May 2024
Present: Cllr Okafor, Len Mistry
10:30 am: the meeting began

Cllr Okafor (Chair): Thank you. We come to one thing:
live facial recognition, at 10:30 or https://example.org,
and no vote has been taken.

And residents ask.

Len Mistry: Thank you, Chair.
Note: a paper was tabled
This line is nobody's.
**Superintendent Alison Tranter:** No: none.
Len Mistry: Good.
Chair:
We adjourn.
Ward Report: for information
Speaker 2: Hello.
https://example.org is a link
"""


def test_plain_text_has_voices_where_they_are_plain_and_no_times(tmp_path: Path) -> None:
    words, turns = words_of(tmp_path, PLAIN, "a.txt")
    assert {(w.timing, w.start_ms, w.end_ms) for w in words.words} == {("none", None, None)}
    assert (words.engine, turns.turns) == ("captions txt", ())
    said = [(voice, text_of(list(run))) for voice, run in itertools.groupby(words.words, key=lambda w: w.speaker)]
    assert said == [
        (
            None,
            "WRENBRIDGE COUNCIL Public Safety Scrutiny Panel: 14 May 2024 Present: Cllr Okafor, Len Mistry "
            "10:30 am: the meeting began",
        ),
        (
            "Cllr Okafor",
            "Thank you. We come to one thing: live facial recognition, at 10:30 or https://example.org, "
            "and no vote has been taken. And residents ask.",
        ),
        ("Len Mistry", "Thank you, Chair."),
        (None, "Note: a paper was tabled This line is nobody's."),
        ("Superintendent Alison Tranter", "No: none."),
        ("Len Mistry", "Good."),
        ("Chair", "We adjourn."),
        (None, "Ward Report: for information"),
        ("Speaker 2", "Hello. https://example.org is a link"),
    ]


def test_a_name_without_a_title_that_speaks_once_is_not_believed(tmp_path: Path) -> None:
    words, _ = words_of(tmp_path, "Cllr Okafor: One.\nRiver Lane: two.\nThree.", "a.txt")
    assert [(w.text, w.speaker) for w in words.words] == [
        ("One.", "Cllr Okafor"),
        *((text, None) for text in ("River", "Lane:", "two.", "Three.")),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "The Deputy Leader and Cabinet Member for Community Safety: I disagree.",
        "Supt. Marta Kowalska, Borough Commander of Wrenbridge Police: no",
        "Cllr Lindqvist:No, it is wrong.",
        "Cllr Lindqvist\nI oppose it.",
        "Cllr Lindqvist – I oppose.",
        "Lena Lindqvist\nI oppose it.",
        "The Deputy Mayor\nI oppose it.",
        "[Cllr Lindqvist] no",
        "[Lindqvist] no",
        "(Cllr Lindqvist): no",
        "<b>Cllr Lindqvist:</b> no",
        "<b>Cllr Lindqvist</b> no",
        "cllr lindqvist: no",
        "lindqvist: no",
        "PC 4432: no",
        "Cllr Lindqvist; no",
        "- Cllr Lindqvist: no",
        "Cllr Lindqvist：no",
        "[00:01:02] Lindqvist: no",
    ],
)
def test_nobody_gets_the_words_of_another(line: str, tmp_path: Path) -> None:
    words, _ = words_of(tmp_path, f"Cllr Okafor: Yes.\n{line}\n", "a.txt")
    assert [w.text for w in words.words if w.speaker == "Cllr Okafor"] == ["Yes."]
    assert {w.speaker for w in words.words[1:]} <= {None, "Cllr Lindqvist"}


def test_times_before_a_line_are_no_words(tmp_path: Path) -> None:
    text = "[00:01:02] Cllr Lindqvist: hello\n00:02:10 Speaker 2: hi\n(1:05) there\n[01:02 --> 01:05] again\n"
    words, _ = words_of(tmp_path, text, "a.txt")
    assert [(w.text, w.speaker) for w in words.words] == [
        ("hello", "Cllr Lindqvist"),
        ("hi", "Speaker 2"),
        ("there", "Speaker 2"),
        ("again", "Speaker 2"),
    ]


def test_words_without_times_cannot_be_excluded(tmp_path: Path) -> None:
    assert "excluded" in refusal(tmp_path, PLAIN, "a.txt", exclude=[(0, 1_000)]).what


@given(lines=st.lists(st.lists(TEXTS | st.sampled_from(["Note:", "10:30", "am:", "Cllr", "Chair:"]), max_size=5)))
def test_plain_text_keeps_every_word_but_names(
    lines: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = "\n".join(map(" ".join, lines))
    folder = tmp_path_factory.getbasetemp()
    if not text.split():
        assert "no words" in refusal(folder, text, "a.txt").what
        return
    words, _ = words_of(folder, text + " .", "a.txt")
    kept = iter([*text.split(), "."])
    assert all(w.text in kept for w in words.words)  # in order
    lost = len(text.split()) + 1 - len(words.words)
    assert lost <= sum(any(word.endswith(":") for word in line) for line in lines) * 5

"""Every kind of captions: files of other programs give what is in them, and our own words come back as they were."""

import itertools
import json
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transcribe.captions import read
from transcribe.problem import Problem
from transcribe.records import Turns, Word, Words, check_words, text_of


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
    "formats/comments.vtt": Loads(25, "-", "kopp"),
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
    "formats/styles.vtt": Loads(3, "-", "world."),
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
                assert e.where.startswith(f"{path}, line ")
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
    before = ""
    for s in segments:
        first, *rest = s.words
        line = escape(first.text) + "".join(f"<{_clock(w.start_ms or 0)}><c> {escape(w.text)}</c>" for w in rest)
        cues.append(f"{_clock(s.start_ms)} --> {_clock(s.end_ms)} align:start position:0%\n{before or ' '}\n{line}\n")
        before = escape(s.text)
        cues.append(f"{_clock(s.end_ms)} --> {_clock(s.end_ms)} align:start position:0%\n{before}\n \n")
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

    @settings(max_examples=60, deadline=None)
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
    @settings(max_examples=60, deadline=None)
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

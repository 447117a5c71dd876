"""Meetings in several languages: each is heard, kept and coded as what it is."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from faster_whisper.tokenizer import _LANGUAGE_CODES
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analyse import codebook, rules
from pipeline import batch
from pipeline.meeting_toml import examine
from search.clip import Range, captions
from search.quotes import read_parquet
from tests.house import Heard as Happened
from tests.house import here, job, with_sound
from transcribe import engines, hearing, openai_whisper, whisper
from transcribe.audio import Audio, Source, decode
from transcribe.engines import Block, Choice
from transcribe.gates import UNHEARD_MS, Heard
from transcribe.hearing import SURE, WHOLLY, Listener, surest
from transcribe.moments import languages, middle
from transcribe.ranges import length, without
from transcribe.records import (
    Meeting,
    Passage,
    Person,
    Recording,
    Stretch,
    Transcript,
    Turn,
    Turns,
    Word,
    Words,
    text_of,
)
from transcribe.spelling import is_british
from transcribe.transcript import assemble, to_webvtt
from transcribe.vad import Clip

LOUDNESS = {"en": 8_000, "cy": 16_000, "de": 24_000}


class Polyglot:
    """Ears to which loudness is the language. Asked for another than is spoken they translate, as Whisper does: each
    word says which was asked for and which was spoken."""

    languages = frozenset(LOUDNESS)

    def detect(self, samples: NDArray[np.float32], among: Collection[str] = ()) -> tuple[str, float]:
        heard = np.round(np.abs(samples) * 32_768).astype(int)
        n_spoken = max(1, int(np.count_nonzero(heard)))
        return surest({code: int(np.count_nonzero(heard == n)) / n_spoken for code, n in LOUDNESS.items()}, among)

    def first(self, samples: Sequence[NDArray[np.float32]], language: str, prompt: str) -> Iterator[list[Heard]]:
        for sound in samples:
            best, p = self.detect(sound)
            yield self._hear(sound, language, foreign=best if best != language and p >= SURE else "")

    def again(self, samples: NDArray[np.float32], language: str) -> list[Heard]:
        return self._hear(samples, language)

    def _hear(self, samples: NDArray[np.float32], language: str, foreign: str = "") -> list[Heard]:
        spoken = {loud: code for code, loud in LOUDNESS.items()}
        words = []
        for at_ms in range(0, len(samples) // 16 - 400, 400):
            loud = round(abs(float(samples[16 * at_ms + 3_200])) * 32_768)
            if loud in spoken:
                words.append((f" {language}:{spoken[loud]}{at_ms:x}", at_ms / 1000, at_ms / 1000 + 0.4, 0.9))
        return [Heard(words=tuple(words), logprob=-0.1, no_speech=0, compression=1, foreign=foreign)] if words else []


# A clip is in one or more of the meeting's languages, or all in a third.
SPANS = st.lists(st.tuples(st.sampled_from(["en", "cy"]), st.integers(4_000, 8_000)), min_size=1, max_size=3)
CLIPS = st.lists(SPANS | st.tuples(st.tuples(st.just("de"), st.integers(4_000, 8_000))), min_size=1, max_size=6)


@settings(max_examples=60)
@given(spoken=CLIPS, pause_ms=st.integers(40, 150).map(lambda n: 10 * n), main=st.sampled_from(["en", "cy"]))
def test_every_language_is_heard_as_itself_or_not_at_all(
    tmp_path_factory: pytest.TempPathFactory, spoken: list[Sequence[tuple[str, int]]], pause_ms: int, main: str
) -> None:
    said: list[tuple[str, int, int]] = []
    clips, at_ms = [], 1_000
    for spans in spoken:
        speech = []
        for code, long_ms in spans:
            said.append((code, at_ms, at_ms + long_ms))
            speech.append((at_ms, at_ms + long_ms))
            at_ms += long_ms + pause_ms
        clips.append(Clip(start_ms=speech[0][0] - 20, end_ms=speech[-1][1] + 20, speech=tuple(speech)))
    samples = np.zeros(16 * at_ms, "<i2")
    for code, start, end in said:
        samples[16 * start : 16 * end] = LOUDNESS[code] * np.tile([1, -1], 8 * (end - start))
    path = tmp_path_factory.mktemp("sound") / "a.s16"
    samples.tofile(path)
    (other,) = {"en", "cy"} - {main}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hearing, "clips", lambda audio, from_ms=0, to_ms=None: iter(clips))
        (block,) = Listener(fingerprint="", ears=Polyglot()).words(
            Audio(path=path), language=main, others=[other], vocabulary=()
        )
    assert all(w.text[:5] in ("en:en", "cy:cy") for w in block.words)
    assert languages(block.words, main, block.passages) == [w.text[:2] for w in block.words]
    assert {p.language for p in block.passages} == {code for code, *_ in said} & {other}
    heard = [(w.start_ms or 0, w.end_ms or 0) for w in block.words]
    gone = [(s.start_ms, s.end_ms) for s in block.stretches]
    for code, start, end in said:
        missing = without([(start, end)], heard if code != "de" else gone)
        assert all(b - a <= UNHEARD_MS for a, b in missing)
    assert length(gone) <= sum(end - start + 40 for code, start, end in said if code == "de")


def test_which_languages_whisper_knows() -> None:
    assert frozenset(_LANGUAGE_CODES) == engines.LANGUAGES


@pytest.fixture(scope="module")
def base(starter: Path) -> Listener:
    return whisper.load(starter / "whisper-base", fingerprint="", device="cpu", compute_type="int8", n_threads=2)


@pytest.fixture
def both(shared: Path, tmp_path: Path) -> Audio:
    """The end of a licence in English, and after 3.6 s its beginning in German."""
    whole = decode([Source(shared / "audio/multichannel/multilingual.mp3")], tmp_path / "whole.s16")
    np.array(whole.samples[27 * 16_000 : 36 * 16_000]).tofile(tmp_path / "a.s16")
    return Audio(path=tmp_path / "a.s16")


@pytest.mark.weights
def test_a_change_of_language_inside_a_clip(base: Listener, both: Audio) -> None:
    (block,) = base.words(both, language="en", others=["de"], vocabulary=())
    (german,) = block.passages
    assert (german.language, german.end_ms) == ("de", 9_000)
    assert german.start_ms == pytest.approx(3_600, abs=300)
    before = text_of(w for w in block.words if middle(w) < german.start_ms)
    after = text_of(w for w in block.words if middle(w) >= german.start_ms)
    assert before.endswith("substantial portions of the software.")
    assert "Dokumentationsdateien" in after
    assert not {"the", "this", "and", "software,"} & {*after.split()}
    assert block.stretches == ()
    (turned,) = base.words(both, language="de", others=["en"], vocabulary=())
    assert turned.words == block.words
    (english,) = turned.passages
    assert english.language == "en"
    assert middle(block.words[0]) < english.end_ms <= german.start_ms


@pytest.mark.weights
def test_both_engines_tell_languages_alike(base: Listener, both: Audio, starter: Path, tmp_path: Path) -> None:
    reference = openai_whisper.load(
        starter / "whisper-base", fingerprint="", device="cpu", n_threads=2, cache=tmp_path
    ).ears
    for start_ms, end_ms, spoken in ((0, 3_600, "en"), (3_600, 9_000, "de")):
        sound = both.slice(start_ms, end_ms)
        for ears in (base.ears, reference):
            language, p = ears.detect(sound, ("en", "de"))
            assert language == spoken
            assert p >= WHOLLY


@pytest.mark.weights
def test_a_third_language_stays_a_gap(base: Listener, both: Audio) -> None:
    (block,) = base.words(both, language="en", others=["cy"], vocabulary=())
    assert "substantial portions of the software" in text_of(block.words)
    assert all(middle(w) < 3_600 for w in block.words)
    assert block.passages == ()
    assert "another language (de)" in block.stretches[0].reason


# -- what is made of them -------------------------------------------------------------------------

RECORDING = Recording(meeting="m", duration_ms=60_000, sha256="ab")
PASSAGES = (Passage(language="cy", start_ms=10_000, end_ms=20_000),)


def told(*said: tuple[int, str]) -> tuple[Word, ...]:
    return tuple(
        Word(text=text, start_ms=at_ms + 300 * i, end_ms=at_ms + 300 * i + 250, confidence=0.8)
        for at_ms, line in said
        for i, text in enumerate(line.split())
    )


def made(*said: tuple[int, str], meeting: Meeting, passages: tuple[Passage, ...] = PASSAGES) -> Transcript:
    language = meeting.language
    words = Words(recording_sha256="ab", language=language, engine="whisper:base", words=told(*said), passages=passages)
    turn = Turn(speaker="S1", start_ms=0, end_ms=60_000, exclusive=True)
    return assemble(words, Turns(recording_sha256="ab", engine="toy", turns=(turn,)), meeting, RECORDING)


def test_only_english_is_respelled_and_only_english_words_are_odd() -> None:
    """What is no English word may be a name that was misheard, but for what is said in another language."""
    line = "Rahmen, color organize."
    people = (Person(id="rahman", name="Councillor Rahman"),)
    meeting = Meeting(id="m", folder="m", language="en", other_languages=("cy",), people=people)
    english, welsh = "Rahman, colour organise.", line
    assert text_of(made((0, line), (10_000, line), meeting=meeting).words) == f"{english} {welsh}"
    turned = Meeting(id="m", folder="m", language="cy", other_languages=("en-GB",), people=people)
    passages = (Passage(language="en", start_ms=0, end_ms=5_000),)
    assert text_of(made((0, line), (10_000, line), meeting=turned, passages=passages).words) == f"{english} {welsh}"


def test_whether_english_beside_another_language_is_british() -> None:
    spoken = [("cy", "en"), ("cy", "en-US"), ("fr", "en-GB"), ("cy", "de"), ("en-US", "cy")]
    british = [
        is_british(Meeting(id="m", folder="m", language=main, other_languages=(other,)), main) for main, other in spoken
    ]
    assert british == [True, False, True, False, False]


def test_captions_mark_another_language() -> None:
    meeting = Meeting(id="m", folder="m", language="en", other_languages=("cy",))
    said = made((8_000, "And now"), (10_000, "diolch yn fawr & da"), (11_800, "iawn."), meeting=meeting)
    lines = to_webvtt(said).split("\n")
    assert "<v Unknown speaker 1>And now" in lines
    assert "<v Unknown speaker 1><lang cy>diolch yn fawr &amp; da iawn.</lang>" in lines
    clip = captions(said, Range(start_ms=11_000, end_ms=14_000)).split("\n")
    assert "<v Unknown speaker 1><lang cy>&amp; da iawn.</lang>" in clip
    assert captions(said, Range(start_ms=0, end_ms=9_500)).count("<lang") == 0
    assert said.coverage is not None
    assert said.coverage.other_languages == {"cy": 1_500}


def test_what_the_codebook_does_not_read_is_not_coded_and_says_so() -> None:
    """English words of the topic, as they are borrowed: no cue may find them in what is said in Welsh."""
    line = "There was no consultation with residents about live facial recognition."
    meeting = Meeting(id="m", folder="m", language="en", other_languages=("cy",))
    said = made((6_000, line), (10_000, line), (21_000, line), meeting=meeting)
    ours = codebook.load("lfr-engagement")
    english, welsh, more = rules.tag_transcript(said, meeting, ours, "0").statements
    assert [s.language for s in (english, welsh, more)] == ["en", "cy", "en"]
    assert (english.topic.about, welsh.topic.about, more.topic.about) == (True, False, True)
    assert english.tags
    assert (welsh.tags, welsh.stance) == ((), None)
    assert "not coded" in welsh.topic.reason
    assert welsh.topic.reason in welsh.listen_first
    assert welsh.topic.reason not in english.listen_first


def test_a_codebook_that_names_no_language_or_this_one_reads_it() -> None:
    cues = '[[codes]]\ncode = "asked"\nname = "Asked"\ndefinition = "Somebody was asked."\ncues = ["ymgynghoriad"]\n'
    meeting = Meeting(id="m", folder="m", language="en", other_languages=("cy",))
    said = made((10_000, "Ni fu ymgynghoriad â thrigolion."), meeting=meeting)
    for named, is_found in (("", True), ('languages = ["en", "cy"]\n', True), ('languages = ["en"]\n', False)):
        book = codebook.read(f'name = "ours"\nversion = 1\n{named}{cues}'.encode())
        (statement,) = rules.tag_transcript(said, meeting, book, "0").statements
        assert bool(statement.tags) is is_found


# -- meeting.toml ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "spoken"),
    [("", [""]), ('"en"', ["en"]), ('["en-GB", "cy"]', ["en-GB", "cy"]), ('["cy"]', ["cy"])],
)
def test_the_languages_of_a_meeting(tmp_path: Path, written: str, spoken: list[str]) -> None:
    meeting, faults = examined(tmp_path, written)
    assert [meeting.language, *meeting.other_languages] == spoken
    assert faults == []


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("[]", "language is an empty list"),
        ('["en", "welsh"]', "language is not the code of a language: 'welsh'"),
        ('["en", ""]', "language is not the code of a language: ''"),
        ('["en", "cy", "en-GB"]', "the language 'en' is there twice"),
        ('["en", 5]', "item 2 of language should be"),
    ],
)
def test_languages_that_are_none(tmp_path: Path, written: str, what: str) -> None:
    (fault,) = examined(tmp_path, written)[1]
    assert what in fault
    assert here("run", "--jobs", "0", data=tmp_path).exit_code == 3


def examined(data: Path, written: str) -> tuple[Meeting, list[str]]:
    place = with_sound(data, "panel")
    (place / "meeting.toml").write_text(f"language = {written}\n" if written else "", "utf-8")
    meeting, faults = examine(place, "panel")
    return meeting, [f.what for f in faults]


@pytest.mark.parametrize(
    ("written", "model", "advice"),
    [
        ('["en", "cy"]', "base", []),
        ('["en", "ga"]', "base", ["Whisper knows no language 'ga': the meeting cannot be heard"]),
        ('["en", "cy"]', "tiny.en", ["the best model here, whisper:tiny.en, knows English alone"]),
        ('"en-GB"', "tiny.en", []),
    ],
)
def test_check_says_which_languages_cannot_be_heard_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, model: str, advice: list[str]
) -> None:
    choice = Choice(name=f"whisper:{model}", model=model, fingerprint="toy")
    monkeypatch.setattr(engines, "choose_recogniser", lambda name="auto": choice)
    examined(tmp_path, written)
    said = [line for line in here("check", data=tmp_path).output.splitlines() if "  line " in line]
    assert len(said) == len(advice)
    assert all(what in line for what, line in zip(advice, said, strict=True))


# -- a whole run ----------------------------------------------------------------------------------


class Bilingual:
    """Hears a line of English and, where Welsh may be spoken, one of Welsh; else a gap."""

    fingerprint = "bilingual"

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    def words(self, audio: Audio, *, language: str, others: Sequence[str] = (), **how: object) -> Iterator[Block]:
        self.asked.append((language, *others))
        gap = Stretch(kind="untranscribed", start_ms=10_000, end_ms=20_000, reason="said in another language (cy)")
        yield Block(
            start_ms=0,
            end_ms=audio.duration_ms,
            language="en",
            words=told((0, "Good evening all."), *([(10_000, "Noswaith dda i bawb.")] if others else [])),
            stretches=() if others else (gap,),
            passages=PASSAGES if others else (),
        )

    def turns(self, audio: Audio, **how: object) -> tuple[Turn, ...]:
        return (Turn(speaker="S1", start_ms=0, end_ms=audio.duration_ms, exclusive=True),)


def test_a_meeting_in_two_languages_from_sound_to_quotes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Bilingual()
    monkeypatch.setattr(engines, "recogniser", lambda choice, n_threads=0: engine)
    monkeypatch.setattr(engines, "diariser", lambda choice, n_threads=0: engine)
    place = with_sound(tmp_path, "panel", n_ms=30_000)

    def run(written: str) -> Happened:
        (place / "meeting.toml").write_text(f"language = {written}\n", "utf-8")
        happened = Happened()
        choices = (Choice(name=name, fingerprint="toy", by_hand=True) for name in ("whisper:base", "pyannote:starter"))
        (outcome,) = batch.run([job(tmp_path, "panel", "panel", *choices)], happened, n_workers=0)
        assert outcome.status == "done", happened.events[-1]
        return happened

    def said() -> list[tuple[str, str]]:
        return [(q.language, q.text) for q in read_parquet(tmp_path / "processed" / "panel" / "quotes.parquet")]

    run('"en"')
    assert said() == [("en", "Good evening all.")]
    happened = run('["en", "cy"]')
    assert "words" in happened.stages()
    assert said() == [("en", "Good evening all."), ("cy", "Noswaith dda i bawb.")]
    assert any("1 statement is in another language than the codebook" in e.message for e in happened.events)
    assert "another language (cy)" in here("status", "panel", data=tmp_path).output
    assert "words" not in run('["en-GB", "cy"]').stages()  # how it is spelt makes nobody listen again
    assert engine.asked == [("en",), ("en", "cy")]
    run('"en"')
    assert said() == [("en", "Good evening all.")]

"""Words put on the sound: none lost or moved over silence, and none where it is not said."""

import itertools
import json
import math
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline import amend, apply, batch, work
from pipeline.receipts import read
from search.quotes import Address
from tests.house import Engine, Heard, job, with_captions, with_sound
from transcribe import align, whisper
from transcribe.align import Piece, Placed, Walk, about, in_order, likely, matched, pieces
from transcribe.audio import RATE_HZ, Audio, Source, decode
from transcribe.engines import Choice
from transcribe.ranges import shares
from transcribe.records import Word, check_words
from transcribe.vad import Clip

AUTO = Choice(name="whisper:made-up", fingerprint="made-up whisper")
VOICES = Choice(name="pyannote:starter", fingerprint="made-up voices")
SAID = "We were never asked about the cameras on the high street."


def cue(text: str, start_ms: int, end_ms: int) -> list[Word]:
    spans = shares(start_ms, end_ms, [len(word) + 1 for word in text.split()])
    return [
        Word(text=word, start_ms=a, end_ms=b, timing="cue") for word, (a, b) in zip(text.split(), spans, strict=True)
    ]


def words_of(found: Sequence[Piece]) -> list[Word]:
    return [word for piece in found for word in piece.words]


class Finds:
    """Finds words as `places` says. Counts the clips that it was given."""

    languages = frozenset({"en"})

    def __init__(self, places: Walk) -> None:
        self.places, self.n_clips = places, 0

    def detect(self, samples: NDArray[np.float32], among: Collection[str] = ()) -> tuple[str, float]:
        return "en", 1.0

    def walk(self, samples: NDArray[np.float32], language: str) -> Walk:
        self.n_clips += 1
        return self.places


def evenly(words: Sequence[str]) -> list[Placed]:
    return [Placed(i * 0.3, i * 0.3 + 0.3, -0.2, 0.8) for i in range(len(words))]


def anywhere(words: Sequence[str]) -> list[Placed]:
    draw = np.random.default_rng(zlib.crc32(" ".join(words).encode()))
    edges = np.sort(draw.uniform(0, 30, 2 * len(words)))
    places = edges[::2].tolist(), edges[1::2].tolist(), draw.uniform(-5, 0, len(words)).tolist()
    return [Placed(a, b, chance, math.exp(chance)) for a, b, chance in zip(*places, strict=True)]


def nowhere(words: Sequence[str]) -> list[Placed]:
    return [Placed(0.5, 0.5, -7.0, 0.001) for _ in words]


# -- what always holds ------------------------------------------------------------------------------


CLIPS = st.lists(  # of each, the silence before it, and the lengths of speech and pauses in it
    st.tuples(st.integers(0, 5_000), st.lists(st.integers(50, 4_000), min_size=1, max_size=5)), max_size=5
)


def clips_of(drawn: Sequence[tuple[int, list[int]]]) -> list[Clip]:
    found, at_ms = [], 0
    for silence_ms, lengths in drawn:
        edges = list(itertools.accumulate(lengths, initial=at_ms + silence_ms))
        speech = tuple(zip(edges[::2], edges[1::2], strict=False))
        found.append(Clip(start_ms=speech[0][0], end_ms=speech[-1][1], speech=speech))
        at_ms = speech[-1][1]
    return found


@given(
    drawn=CLIPS,
    steps=st.lists(st.tuples(st.integers(0, 1_500), st.integers(0, 1_000), st.booleans()), max_size=40),
    data=st.data(),
)
def test_no_word_is_lost_or_out_of_order_or_over_silence(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[int, list[int]]],
    steps: list[tuple[int, int, bool]],
    data: st.DataObject,
) -> None:
    """Whatever a model finds, and wherever the work was cut off and went on."""
    found = clips_of(drawn)
    starts = list(itertools.accumulate(step for step, *_ in steps))
    duration_ms = max([clip.end_ms for clip in found] + [start + 1_000 for start in starts], default=0)
    path = tmp_path_factory.getbasetemp() / "silence.s16"
    np.zeros(duration_ms * RATE_HZ // 1000, "<i2").tofile(path)
    words = [
        Word(text=f"w{i}", start_ms=start, end_ms=start + length, timing="cue")
        if timed
        else Word(text=f"w{i}", timing="none")
        for i, (start, (_, length, timed)) in enumerate(zip(starts, steps, strict=True))
    ]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(align, "clips", lambda audio, from_ms=0: iter([c for c in found if c.start_ms >= from_ms]))
        whole = list(pieces(words, starts, Audio(path=path), Finds(anywhere), language="en"))
        done = whole[: data.draw(st.integers(0, len(whole) - 1))]
        rest = list(pieces(words, starts, Audio(path=path), Finds(anywhere), language="en", done=done))
    assert [*done, *rest] == whole
    made = words_of(whole)
    assert [w.text for w in made] == [w.text for w in words]
    assert [w for w in made if w.timing != "aligned"] == [
        w for w, m in zip(words, made, strict=True) if m.timing != "aligned"
    ]
    for word in made:
        if word.timing == "aligned" and word.start_ms is not None and word.end_ms is not None:
            assert any(a <= word.start_ms <= word.end_ms <= b for c in found for a, b in c.speech)
    ordered = in_order(made)
    check_words(ordered, duration_ms)
    assert [w for w in ordered if w.timing == "aligned"] == [w for w in made if w.timing == "aligned"]


# -- which words are there --------------------------------------------------------------------------


def places(*chances: float) -> list[Placed]:
    return [Placed(i * 0.3, i * 0.3 + 0.3, chance, math.exp(chance)) for i, chance in enumerate(chances)]


@pytest.mark.parametrize(
    ("chances", "there"),
    [
        ([-0.1] * 6, range(6)),
        ([-0.1, -0.1, -9.0, -0.1, -0.1], range(5)),  # a name that is spelt in a way of its own
        ([-5.0] * 6, []),
        ([-0.1] * 6 + [-5.0] * 5, range(6)),  # what is said after this sound
        ([-5.0] * 5 + [-0.1] * 6, range(5, 11)),
        ([-0.1] * 6 + [-6.0] * 5 + [-0.1] * 6, [*range(6), *range(11, 17)]),  # a sentence that nobody said
        ([-6.0] * 4 + [-0.1] + [-6.0] * 4, []),  # "the" is likely anywhere
        ([], []),
    ],
)
def test_which_words_are_in_the_sound(chances: list[float], there: Sequence[int]) -> None:
    assert likely(["word"] * len(chances), places(*chances)) == list(there)


def test_words_squeezed_into_no_time_are_not_there() -> None:
    squeezed = [Placed(9.0, 9.0, -0.5, 0.6)] * 8
    assert likely(["word"] * 13, [*places(*[-0.1] * 5), *squeezed]) == list(range(5))


def test_texts_are_matched_where_a_few_words_in_a_row_are_the_same() -> None:
    ours = cue("we were not, NEVER asked about it and the vans were there", 0, 0)
    theirs = cue("So we were not never asked. The mayor was there.", 1_000, 2_000)
    assert matched(ours, theirs) == [(i, i + 1) for i in range(5)]
    assert about(ours, cue("nothing of that kind", 0, 1_000)) == []


@given(
    ours=st.lists(st.sampled_from("abcde"), max_size=30),
    theirs=st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 900)), max_size=30),
)
def test_a_text_without_times_has_a_place_for_every_word_in_order(
    ours: list[str], theirs: list[tuple[str, int]]
) -> None:
    starts = itertools.accumulate(ms for _, ms in theirs)
    recognised = [Word(text=t, start_ms=ms, end_ms=ms) for (t, _), ms in zip(theirs, starts, strict=True)]
    words = [Word(text=t, timing="none") for t in ours]
    pairs = matched(words, recognised)
    found = about(words, recognised)
    assert bool(found) == bool(pairs)
    assert len(found) in (0, len(ours))
    assert found == sorted(found)
    assert all(found[i] == recognised[k].start_ms for i, k in pairs)


# -- in a batch -------------------------------------------------------------------------------------


def meeting(data: Path, *, texts: dict[str, str]) -> Path:
    """Captions beside a recording, in which somebody speaks from 10 s to 12 s, and from 20 s to 22 s."""
    place = with_captions(data, "m")
    sound = with_sound(data, "sound", n_ms=40_000)
    (sound / "meeting.wav").rename(place / "meeting.wav")
    sound.rmdir()
    for name, text in texts.items():
        (place / name).write_text(text, "utf-8")
        toml = place / "meeting.toml"
        toml.write_text(f'captions = "{name}"\nmedia = "meeting.wav"\n' + toml.read_text("utf-8"), "utf-8")
    return place


SPOKEN = [
    Clip(start_ms=10_000, end_ms=14_000, speech=((10_000, 14_000),)),
    Clip(start_ms=20_000, end_ms=24_000, speech=((20_000, 24_000),)),
]
VTT = "WEBVTT\n\n" + "".join(f"00:{s:02}.000 --> 00:{s + 4:02}.000\n<v Jo Okafor>{SAID}</v>\n\n" for s in (0, 10, 20))


class Listens(Engine):
    """An engine that also finds words."""

    def __init__(self, places: Walk) -> None:
        super().__init__()
        self.aligner = Finds(places)

    def instead(self, patch: pytest.MonkeyPatch) -> "Listens":
        super().instead(patch)
        return self


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(align, "clips", lambda audio, from_ms=0: iter([c for c in SPOKEN if c.start_ms >= from_ms]))


def run(data: Path, asr: Choice = AUTO, *, upgrade: bool = False) -> Heard:
    heard = Heard()
    todo = msgspec.structs.replace(job(data, "m", "m", asr, VOICES), upgrade=upgrade)
    (outcome,) = batch.run([todo], heard, n_workers=0)
    assert outcome.status in ("done", "fresh", "failed"), outcome
    return heard


def timings(data: Path) -> list[str]:
    words = json.loads((data / "processed" / "m" / "words.json").read_bytes())["words"]
    return [w.get("timing", "engine") for w in words]


@pytest.mark.usefixtures("spoken")
def test_captions_are_put_on_the_sound_and_the_rest_keeps_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting(tmp_path, texts={"captions.vtt": VTT})
    Listens(evenly).instead(monkeypatch)
    heard = run(tmp_path)
    n = len(SAID.split())
    assert timings(tmp_path) == ["cue"] * n + ["aligned"] * 2 * n  # nobody spoke at the first cue
    assert "words of captions put on the sound: 66 %; the rest keeps the cue's time" in [
        e.message for e in heard.events
    ]
    assert run(tmp_path).stages() == []
    turns = json.loads((tmp_path / "processed" / "m" / "transcript.json").read_bytes())["turns"]
    assert [t["start_ms"] for t in turns] == [0, 10_000, 20_000]


@pytest.mark.usefixtures("spoken")
def test_captions_that_say_something_else_keep_their_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meeting(tmp_path, texts={"captions.vtt": VTT})
    Listens(nowhere).instead(monkeypatch)
    run(tmp_path)
    assert set(timings(tmp_path)) == {"cue"}


@pytest.mark.usefixtures("spoken")
def test_captions_of_another_beginning_are_found_by_what_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The made-up engine hears `w0. w1. …`, one each second; these stand 20 and 25 s late, some after the end."""
    late = "WEBVTT\n\n00:30.000 --> 00:34.000\nw10. w11. w12. w13.\n\n00:45.000 --> 00:49.000\nw20. w21. w22. w23.\n"
    meeting(tmp_path, texts={"captions.vtt": late})
    Listens(evenly).instead(monkeypatch)
    heard = run(tmp_path)
    words = json.loads((tmp_path / "processed" / "m" / "words.json").read_bytes())["words"]
    assert [w["text"] for w in words] == [f"w{i}." for i in (10, 11, 12, 13, 20, 21, 22, 23)]
    assert {w["timing"] for w in words} == {"aligned"}
    assert all(10_000 <= w["start_ms"] <= 14_000 for w in words[:4])
    assert all(20_000 <= w["start_ms"] <= 24_000 for w in words[4:])
    assert any("own times do not fit" in e.message for e in heard.events)


@pytest.mark.usefixtures("spoken")
def test_what_is_hidden_of_captions_of_another_beginning_is_what_is_said_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = "WEBVTT\n\n00:30.000 --> 00:34.000\nw10. w11. w12. w13.\n\n00:45.000 --> 00:49.000\nw20. w21. w22. w23.\n"
    toml = meeting(tmp_path, texts={"captions.vtt": late}) / "meeting.toml"
    toml.write_text('exclude = [["0:12", "0:16", "exempt business"]]\n' + toml.read_text("utf-8"), "utf-8")
    Listens(evenly).instead(monkeypatch)
    run(tmp_path)
    words = json.loads((tmp_path / "processed" / "m" / "words.json").read_bytes())["words"]
    assert [w["text"] for w in words] == [f"w{i}." for i in (10, 11, 20, 21, 22, 23)]


def late(data: Path, monkeypatch: pytest.MonkeyPatch, late_s: int, *, unheard: Sequence[int] = ()) -> Path:
    """Somebody says `w10. w11. …` in one clip, one each second; captions are late. Some of it is silenced."""
    clip = Clip(start_ms=10_000, end_ms=39_000, speech=((10_000, 39_000),))
    monkeypatch.setattr(align, "clips", lambda audio, from_ms=0: iter([clip] if from_ms <= clip.start_ms else []))

    def places(texts: Sequence[str]) -> list[Placed]:
        at = [int(text[1:-1]) for text in texts]
        return [Placed(s - 10.0, s - 9.5, -7.0 if s in unheard else -0.2, 0.8) for s in at]

    Listens(places).instead(monkeypatch)
    lines = [(s + late_s, f"w{s}.") for s in range(10, 39)]
    cues = [f"00:{s:02}.000 --> 00:{s + 1:02}.000\n<v Jo Okafor>{word}</v>\n\n" for s, word in lines]
    return meeting(data, texts={"captions.vtt": "WEBVTT\n\n" + "".join(cues)})


def places_of(data: Path) -> dict[str, int]:
    """Each word, and the second in which it begins."""
    words = json.loads((data / "processed" / "m" / "words.json").read_bytes())["words"]
    assert {w["timing"] for w in words} == {"aligned"}
    return {w["text"]: w["start_ms"] // 1000 for w in words}


@pytest.mark.parametrize("late_s", [-8, 8, 15])
def test_captions_that_are_all_late_by_the_same_time_are_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late_s: int
) -> None:
    """Of words that are late, many are found all the same."""
    late(tmp_path, monkeypatch, late_s)
    told = [e.message for e in run(tmp_path).events]
    assert places_of(tmp_path) == {f"w{s}.": s for s in range(10, 39)}
    assert "the captions are early or late, all by the same time: they were moved by that" in told
    assert not any("after the recording ends" in message for message in told)


@pytest.mark.parametrize("late_s", [-8, 8, 15])
def test_what_is_hidden_of_captions_that_are_late_is_what_is_said_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late_s: int
) -> None:
    place = late(tmp_path, monkeypatch, late_s, unheard=range(20, 25))
    toml = place / "meeting.toml"
    toml.write_text('exclude = [["0:20", "0:25", "exempt business"]]\n' + toml.read_text("utf-8"), "utf-8")
    run(tmp_path)
    assert places_of(tmp_path) == {f"w{s}.": s for s in range(10, 39) if s not in range(20, 25)}


@pytest.mark.usefixtures("spoken")
def test_captions_that_do_not_fit_the_recording_are_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meeting(tmp_path, texts={"captions.vtt": VTT + "00:50.000 --> 00:54.000\nGood evening, all.\n"})
    Listens(nowhere).instead(monkeypatch)
    told = [e.message for e in run(tmp_path).events]
    assert any("next to nothing of the captions is in the sound" in message for message in told)
    assert "captions go on after the recording ends: 3 words of theirs are left out" in told


@pytest.mark.usefixtures("spoken")
def test_a_finished_meeting_is_put_on_the_sound_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting(tmp_path, texts={"captions.vtt": VTT})
    listens = Listens(evenly).instead(monkeypatch)
    run(tmp_path, msgspec.structs.replace(AUTO, lacks="the model is not on this machine"))
    assert set(timings(tmp_path)) == {"cue"}
    assert run(tmp_path).stages() == []
    assert listens.aligner.n_clips == 0
    assert "words" in run(tmp_path, upgrade=True).stages()
    assert "aligned" in timings(tmp_path)
    receipt = read(tmp_path / "processed" / "m", "words")
    assert receipt is not None
    assert (receipt.params["engine"], receipt.params["aligner"]) == ("captions", "made-up whisper")


def test_a_meeting_without_a_recording_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_captions(tmp_path, "m", vtt=VTT)
    listens = Listens(evenly).instead(monkeypatch)
    run(tmp_path)
    assert set(timings(tmp_path)) == {"cue"}
    assert listens.aligner.n_clips == 0


@pytest.mark.usefixtures("spoken")
def test_a_text_without_times_is_placed_by_what_is_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The made-up engine hears `w0. w1. …`, one each second: so does the text, but for two words."""
    text = " ".join(["Nobody", *(f"w{i}." for i in range(30)), "said"])
    meeting(tmp_path, texts={"spoken.txt": f"Jo Okafor: {text}\nJo Okafor: this."})
    engine = Listens(evenly).instead(monkeypatch)
    heard = run(tmp_path)
    assert engine.asked == [(0, 40_000)]
    assert {"aligned", "none"} == set(timings(tmp_path))
    assert any("the rest has no times" in e.message for e in heard.events)


@pytest.mark.usefixtures("spoken")
def test_what_was_done_before_a_crash_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def once(words: Sequence[str]) -> list[Placed]:
        if listens.aligner.n_clips == 2:
            raise MemoryError
        return evenly(words)

    meeting(tmp_path, texts={"captions.vtt": VTT})
    listens = Listens(once).instead(monkeypatch)
    run(tmp_path)
    second = Listens(evenly).instead(monkeypatch)
    run(tmp_path)
    assert second.aligner.n_clips == 1
    assert timings(tmp_path).count("aligned") == 2 * len(SAID.split())


@pytest.mark.usefixtures("spoken")
def test_what_is_hidden_later_is_cut_without_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words of which the cue alone is known go where they may be said in what is hidden."""
    place = meeting(tmp_path, texts={"captions.vtt": VTT})
    listens = Listens(evenly).instead(monkeypatch)
    run(tmp_path)
    toml = place / "meeting.toml"
    toml.write_text('exclude = [["0:09", "0:12", "exempt business"]]\n' + toml.read_text("utf-8"), "utf-8")
    n_clips = listens.aligner.n_clips
    run(tmp_path)
    assert listens.aligner.n_clips == n_clips
    words = json.loads((tmp_path / "processed" / "m" / "words.json").read_bytes())["words"]
    assert {w["timing"] for w in words} == {"aligned"}
    assert all(w["start_ms"] >= 12_000 for w in words)
    assert len(words) > len(SAID.split())
    assert run(tmp_path).stages() == []
    toml.write_text(toml.read_text("utf-8").replace("0:12", "0:10"), "utf-8")
    run(tmp_path)
    assert listens.aligner.n_clips > n_clips  # what is no longer hidden is looked for


@pytest.mark.usefixtures("spoken")
def test_who_masks_words_of_captions_is_not_told_of_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meeting(tmp_path, texts={"captions.vtt": VTT})
    Listens(evenly).instead(monkeypatch)
    run(tmp_path)
    context, heard = work.context_of(job(tmp_path, "m", "m", AUTO, VOICES)), Heard()
    place = Address(meeting="m", start_ms=10_000, end_ms=11_000)
    apply.apply(context, amend.hide(context, place, "mask", by="Mira", reason="a number"), heard)
    assert "words" in heard.stages()
    assert not any("--only" in e.message for e in heard.events)


# -- a real model -----------------------------------------------------------------------------------


@pytest.mark.weights
@pytest.mark.shared
def test_real_words_at_a_known_place(starter: Path, shared: Path, tmp_path: Path) -> None:
    """A speech of 11 s that was put at 3 s, beneath captions that are 1.5 s late, and that go on when it is over."""
    jfk = decode([Source(shared / "audio/read/jfk.flac")], tmp_path / "jfk.s16")
    text = (shared / "audio/read/jfk.txt").read_text("utf-8")
    samples = np.concatenate([np.zeros(3 * RATE_HZ, "<i2"), jfk.samples, np.zeros(4 * RATE_HZ, "<i2")])
    samples.tofile(tmp_path / "a.s16")
    model = whisper.load(
        starter / "whisper-tiny.en", fingerprint="", device="cpu", compute_type="int8", n_threads=1
    ).aligner
    assert model is not None
    words = [*cue(text, 4_500, 15_500), *cue("The panel will meet again on the ninth of July.", 15_500, 17_900)]
    made = words_of(
        list(pieces(words, [w.start_ms or 0 for w in words], Audio(path=tmp_path / "a.s16"), model, language="en"))
    )
    n = len(text.split())
    assert [w.timing for w in made[:n]].count("aligned") >= n - 4  # words that he draws out may stay unsure
    assert {w.timing for w in made[n:]} == {"cue"}
    onset_ms = 3_000 + int(np.argmax(np.abs(jfk.samples) > 1_000)) * 1000 // RATE_HZ
    assert abs((made[0].start_ms or 0) - onset_ms) <= 60
    asked = [w.start_ms or 0 for w in made if w.text == "ask"]  # he pauses before both
    assert [round(ms / 100) for ms in asked] == [63, 112]

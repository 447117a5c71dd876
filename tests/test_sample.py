"""The sample meeting is what it says it is: its recording, its reference and its script belong together."""

import json
import re
import runpy
import tomllib
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.meeting_toml import read_meeting
from transcribe.records import Meeting

CODES = {
    "consultation",
    "notification",
    "transparency",
    "oversight",
    "legality_policy",
    "bias_discrimination",
    "privacy_rights",
    "effectiveness_safety",
    "trust_confidence",
    "recommendation",
    "commitment",
    "question",
}
FRAME_MS = 10


@pytest.fixture(scope="module")
def meeting(sample: Path) -> Meeting:
    return read_meeting(sample, "2024-05-14-public-safety")


@pytest.fixture(scope="module")
def script(sample: Path) -> dict[str, Any]:
    return tomllib.loads((sample / "reference" / "script.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def reference(sample: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((sample / "reference" / "reference.json").read_text("utf-8"))
    return read


@pytest.fixture(scope="module")
def sentences(reference: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = reference["sentences"]
    return found


@pytest.fixture(scope="module")
def loudness(sample: Path) -> np.ndarray:
    """Root mean square of every FRAME_MS of the recording, placed by its timestamps, in decibels."""
    import av

    with av.open(str(sample / "meeting.opus")) as recording:
        stream = recording.streams.audio[0]
        assert stream.codec_context.name in ("opus", "libopus")
        assert stream.channels == 1
        heard = np.zeros(0, np.float32)
        for frame in recording.decode(stream):
            start = round(frame.pts * frame.time_base * frame.sample_rate)
            end = start + frame.samples
            if end > len(heard):
                heard = np.pad(heard, (0, end + 60 * frame.sample_rate - len(heard)))
            heard[start:end] = frame.to_ndarray()[0]
            rate_hz = frame.sample_rate
    step = rate_hz * FRAME_MS // 1000
    frames = heard[: end // step * step].reshape(-1, step)
    return np.asarray(10 * np.log10((frames**2).mean(1) + 1e-12))


def surname(name: str) -> str:
    return name.rpartition(" ")[2]


def test_is_short_and_small(sample: Path, loudness: np.ndarray) -> None:
    assert (sample / "meeting.opus").stat().st_size <= 3_000_000
    assert 6 * 60_000 <= len(loudness) * FRAME_MS <= 8 * 60_000


def test_has_the_people_of_a_committee(meeting: Meeting, sentences: list[dict[str, Any]]) -> None:
    people = {p.id: p for p in meeting.people}
    speak = {s["speaker"] for s in sentences}
    assert speak == {p.id for p in meeting.people if p.present}
    assert len(people) - len(speak) == 1
    assert Counter(people[p].role for p in speak)["Member"] == 4
    assert len(speak) == 8


def test_reference_is_what_the_script_says(script: dict[str, Any], sentences: list[dict[str, Any]]) -> None:
    lines_of = runpy.run_path(str(Path(__file__).parent / "make_sample.py"))["lines_of"]
    without_times = [{k: v for k, v in s.items() if not k.endswith("_ms")} for s in sentences]
    assert without_times == [line for line, _ in lines_of(script)]


def test_sentences_are_in_order_and_inside_the_recording(
    sentences: list[dict[str, Any]], loudness: np.ndarray, meeting: Meeting
) -> None:
    assert all(0 <= s["start_ms"] < s["end_ms"] <= len(loudness) * FRAME_MS for s in sentences)
    starts = [s["start_ms"] for s in sentences]
    assert starts == sorted(starts)
    assert list(dict.fromkeys(s["agenda_item"] for s in sentences)) == [a.item for a in meeting.agenda]
    for person in {s["speaker"] for s in sentences}:
        theirs = [s for s in sentences if s["speaker"] == person]
        assert all(a["end_ms"] < b["start_ms"] for a, b in pairwise(theirs))


def test_some_people_talk_at_once(sentences: list[dict[str, Any]]) -> None:
    overlaps_ms = [a["end_ms"] - b["start_ms"] for a, b in pairwise(sentences) if b["start_ms"] < a["end_ms"]]
    assert 3 <= len(overlaps_ms) <= 12
    assert max(overlaps_ms) < 1500


def test_labels_follow_the_codebook(sentences: list[dict[str, Any]]) -> None:
    for s in sentences:
        assert set(s["codes"]) <= CODES, s
        assert len(set(s["codes"])) == len(s["codes"]), s
        assert s["stance"] in ("concerned", "supportive", "mixed", "neutral"), s
        assert s["stance_holder"] in ("speaker", "reported"), s
        if not s["topic"]:
            assert (s["codes"], s["stance"], s["stance_holder"]) == ([], "neutral", "speaker"), s
    about = [s for s in sentences if s["topic"]]
    assert {code for s in about for code in s["codes"]} == CODES
    assert {s["stance"] for s in about} == {"concerned", "supportive", "mixed", "neutral"}
    assert {s["agenda_item"] for s in about} == {5}
    named = re.compile(r"facial|recognition|camera|watchlist|face", re.IGNORECASE)
    assert sum(not named.search(s["text"]) for s in about) > len(about) / 2  # most of it never names the thing


def test_speech_is_where_the_reference_has_it(sentences: list[dict[str, Any]], loudness: np.ndarray) -> None:
    speech = np.zeros(len(loudness))
    for s in sentences:
        speech[s["start_ms"] // FRAME_MS : -(-s["end_ms"] // FRAME_MS)] = 1
    lags = range(-20, 21)
    together = [np.corrcoef(np.roll(speech, lag), loudness)[0, 1] for lag in lags]
    assert abs(lags[int(np.argmax(together))] * FRAME_MS) <= 20
    quiet_db, loud_db = np.median(loudness[speech == 0]), np.median(loudness[speech == 1])
    assert 12 < loud_db - quiet_db < 40


def test_names_can_be_known_only_where_the_reference_says_so(
    meeting: Meeting, reference: dict[str, Any], sentences: list[dict[str, Any]]
) -> None:
    names = {p.id: surname(p.name) for p in meeting.people}
    assert all(s["named"] for s in reference["speakers"])
    for speaker in reference["speakers"]:
        person = speaker["person"]
        by = [s["speaker"] for s in sentences if re.search(rf"\b{names[person]}\b", s["text"])]
        if person == "pavel-dunmore":
            assert by == ["rhodri-salter"]  # who says that he will be late
            assert any("sorry I was late" in s["text"] for s in sentences if s["speaker"] == person)
        else:
            assert {person, "jo-okafor"} & set(by), person  # says it, or is called by the chair
    assert any(names["hettie-marchbank"] in s["text"] for s in sentences)  # heard of, never heard


def test_looks_for_points_at_what_was_said(
    sample: Path, reference: dict[str, Any], sentences: list[dict[str, Any]], meeting: Meeting
) -> None:
    looks = json.loads((sample / "reference" / "looks_for.json").read_text("utf-8"))
    named = {s["person"] for s in reference["speakers"] if s["named"]}
    assert len(looks["said"]) == 12
    assert len(looks["not_said"]) == 3
    at = {(s["start_ms"], s["end_ms"]): s for s in sentences}
    for look in looks["said"]:
        found = at[look["start_ms"], look["end_ms"]]
        assert look["speaker"] == (found["speaker"] if found["speaker"] in named else None)
        filters = dict(re.findall(r"(\w+):(\S+)", look["query"]))
        assert filters.get("speaker", "") in found["speaker"]
        assert "tag" not in filters or filters["tag"] in found["codes"]
        said = set(re.findall(r"[a-z']+", found["text"].lower()))
        typed = set(re.findall(r"[a-z']+", re.sub(r"\w+:\S+", "", look["query"].lower())))
        assert typed <= said, look


def test_nobody_said_what_nobody_said(sample: Path, sentences: list[dict[str, Any]]) -> None:
    """No turn of anybody whom the query allows holds all its words, whichever their endings."""
    looks = json.loads((sample / "reference" / "looks_for.json").read_text("utf-8"))
    turns: list[tuple[str, str]] = []
    for s in sentences:
        if turns and turns[-1][0] == s["speaker"]:
            turns[-1] = (s["speaker"], f"{turns[-1][1]} {s['text'].lower()}")
        else:
            turns.append((s["speaker"], s["text"].lower()))
    for look in looks["not_said"]:
        speaker = dict(re.findall(r"(speaker):(\S+)", look["query"])).get("speaker", "")
        stems = [w[:5] for w in re.sub(r"\w+:\S+", "", look["query"].lower()).split()]
        assert not [t for who, t in turns if speaker in who and all(stem in t for stem in stems)], look

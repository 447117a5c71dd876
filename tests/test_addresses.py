"""Addresses outlive another transcription: they resolve to what is said there now, and say when that has changed."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from search.cite import Passage, around
from search.quotes import Quote, check_of, parse_address, quotes, resolve
from tests.test_quotes import MEETING, NAMES, PANEL, Made, made
from transcribe.correct import REACH_MS
from transcribe.problem import Problem
from transcribe.records import Evidence, Recording, SpeakerName, Stretch, Transcript, Word, text_of

MERGED = (
    *NAMES,
    SpeakerName(
        label="S3",
        display="Councillor Jo Okafor",
        person="jo-okafor",
        role="Chair",
        status="confirmed",
        probability=None,
    ),
)


def retold(
    words: Sequence[Word], cuts: Sequence[int], *, names: Sequence[SpeakerName] = NAMES
) -> tuple[Transcript, tuple[Quote, ...]]:
    """A transcript of these words, and its quotes, with statements cut at `cuts` and wherever the voice changes."""
    changes = [i for i in range(1, len(words)) if words[i].speaker != words[i - 1].speaker]
    edges = sorted({0, len(words), *changes, *(c for c in cuts if 0 < c < len(words))})
    first = PANEL.statements.statements[0]
    statements = tuple(
        replace(
            first,
            start_ms=words[a].start_ms,
            end_ms=max(w.end_ms or 0 for w in words[a:b]),
            first_word=a,
            end_word=b,
            speaker=words[a].speaker,
            text=text_of(words[a:b]),
        )
        for a, b in pairwise(edges)
    )
    duration_ms = max(w.end_ms or 0 for w in words) + 10
    transcript = replace(PANEL.transcript, words=tuple(words), names=tuple(names))
    recording = Recording(meeting=MEETING.id, duration_ms=duration_ms, sha256="a" * 64)
    rows = quotes(replace(PANEL.statements, statements=statements), transcript, MEETING, recording, "f" * 64)
    return transcript, rows


def at(address: str, told: tuple[Transcript, tuple[Quote, ...]]) -> Passage:
    transcript, rows = told
    return around(parse_address(address), rows, transcript)


TEXTS = [
    "police",
    "vans",
    "came,",
    "again?",
    "Nobody",
    "asked",
    "us",
    "before",
    "the",
    "night's",
    "tweet,",
    "Chair.",
    "We",
    "will",
]
VOICES = st.lists(st.sampled_from(["S1", "S2"]), min_size=3, max_size=14)
SAID = VOICES.map(lambda voices: list(zip(TEXTS, voices, strict=False)))  # no word twice
CUTS = st.lists(st.integers(1, 13), max_size=4)


def spoken(said: Sequence[tuple[str, str]], start_ms: int = 5_000) -> list[Word]:
    return [
        Word(text=text, start_ms=start_ms + 400 * i, end_ms=start_ms + 400 * i + 300, speaker=voice)
        for i, (text, voice) in enumerate(said)
    ]


@given(said=SAID, cuts=CUTS, other=CUTS, data=st.data())
def test_other_statements_over_the_same_words_change_nothing(
    said: list[tuple[str, str]], cuts: list[int], other: list[int], data: st.DataObject
) -> None:
    words = spoken(said)
    before, after = retold(words, cuts), retold(words, other)
    cited = data.draw(st.sampled_from(before[1]))
    passage = at(cited.cited, after)
    assert (passage.changed, passage.moved) == (False, False)
    assert (passage.quote.text, passage.quote.person, passage.quote.check) == (cited.text, cited.person, cited.check)
    assert passage.quote.address == cited.address
    assert passage.quote.source_start_ms == cited.source_start_ms


@given(
    said=SAID,
    cuts=CUTS,
    other=CUTS,
    drift_ms=st.integers(-100, 100),
    jitters=st.lists(st.integers(-45, 45), min_size=14, max_size=14),
    data=st.data(),
)
def test_the_same_words_a_little_earlier_or_later_are_found_again(
    said: list[tuple[str, str]],
    cuts: list[int],
    other: list[int],
    drift_ms: int,
    jitters: list[int],
    data: st.DataObject,
) -> None:
    words = spoken(said)
    moved = [
        replace(w, start_ms=(w.start_ms or 0) + drift_ms + ms, end_ms=(w.end_ms or 0) + drift_ms + ms)
        for w, ms in zip(words, jitters, strict=False)
    ]
    cited = data.draw(st.sampled_from(retold(words, cuts)[1]))
    passage = at(cited.cited, retold(moved, other))
    assert passage.changed is False
    assert passage.quote.text == cited.text
    assert passage.quote.person == cited.person
    assert passage.moved == (passage.quote.address != cited.address)
    assert abs(passage.quote.start_ms - cited.start_ms) <= REACH_MS
    again = at(passage.quote.cited, retold(moved, other))
    assert (again.changed, again.moved, again.quote) == (False, False, passage.quote)


@given(
    said=SAID,
    cuts=CUTS,
    other=CUTS,
    n=st.integers(0, 13),
    new=st.sampled_from(["Everybody", "told", "them"]),
    data=st.data(),
)
def test_other_words_or_another_speaker_are_a_change_and_only_they(
    said: list[tuple[str, str]], cuts: list[int], other: list[int], n: int, new: str, data: st.DataObject
) -> None:
    words = spoken(said)
    n %= len(words)
    cited = data.draw(st.sampled_from(retold(words, cuts)[1]))
    inside = cited.start_ms <= (words[n].start_ms or 0) < cited.end_ms
    reworded = [*words[:n], replace(words[n], text=new), *words[n + 1 :]]
    passage = at(cited.cited, retold(reworded, other))
    assert (passage.changed, passage.same_words) == (inside, False)
    punctuated = [replace(w, text=w.text.strip(",?").upper() + ".") for w in words]
    assert at(cited.cited, retold(punctuated, other)).changed is False
    swapped = [replace(w, speaker="S2" if w.speaker == "S1" else "S1") for w in words]
    passage = at(cited.cited, retold(swapped, other))
    assert (passage.changed, passage.same_words) == (True, True)
    assert at(cited.address, retold(reworded, other)).changed is None


@given(said=SAID, cuts=CUTS, data=st.data())
def test_any_run_of_words_has_an_address_that_means_just_these(
    said: list[tuple[str, str]], cuts: list[int], data: st.DataObject
) -> None:
    words = spoken(said)
    first = data.draw(st.integers(0, len(words) - 1))
    run = words[first : data.draw(st.integers(first + 1, len(words)))]
    transcript, rows = told = retold(words, cuts)
    address = f"{MEETING.id}/{run[0].start_ms}-{run[-1].end_ms}"
    quote = at(address, told).quote
    assert text_of(resolve(parse_address(address), transcript)) == quote.text == text_of(run)
    assert quote.speaker_status == ("unknown" if {w.speaker for w in run} != {"S1"} else "inferred")
    assert quote.check == check_of("a" * 64, text_of(run), quote.person)
    assert quote.source_start_ms == 60_000 + quote.start_ms
    assert at(quote.cited, told).changed is False
    assert set(quote.codes) == {code for row in rows for code in row.codes}


@given(said=SAID)
def test_a_place_of_which_nothing_is_left_is_an_error_and_no_guess(said: list[tuple[str, str]]) -> None:
    words = spoken(said)
    cited = retold(words, [])[1][0]
    left = [replace(w, start_ms=(w.start_ms or 0) + 60_000, end_ms=(w.end_ms or 0) + 60_000) for w in words]
    with pytest.raises(Problem, match="there are no words at"):
        at(cited.cited, retold(left, []))


def test_words_that_were_cited_as_somebody_elses_or_nobodys_are_told_to_be_the_same() -> None:
    words = spoken([("Nobody", "S3"), ("asked", "S3"), ("us.", "S3")])

    def told(was: str | None, now: SpeakerName) -> tuple[bool | None, bool]:
        cited = f"{MEETING.id}/5000-6100~{check_of('a' * 64, 'Nobody asked us.', was)}"
        passage = at(cited, retold(words, [], names=[now]))
        return passage.changed, passage.same_words

    jo = MERGED[-1]
    nobody = SpeakerName(label="S3", display="Unknown speaker 1")
    thanks = Evidence(kind="thanks", person="tom-holm", at_ms=0, words="Thank you, Councillor Holm.", weight=2.0)
    assert told("jo-okafor", jo) == (False, False)
    assert told(None, jo) == (True, True)
    assert told("tom-holm", replace(jo, runner_up=("tom-holm", 0.1))) == (True, True)
    assert told("tom-holm", replace(nobody, evidence=(thanks,))) == (True, True)
    assert told("tom-holm", jo) == (True, False)  # that it was he is not known any more


def test_the_same_words_said_again_nearby_are_another_quotation() -> None:
    words = spoken([("Police.", "S1"), ("No.", "S1"), ("Police.", "S1")])
    cited = at(f"{MEETING.id}/5000-5300", retold(words, [])).quote
    passage = at(cited.cited, retold([replace(words[0], text="Parking."), *words[1:]], []))
    assert (passage.changed, passage.moved, passage.quote.text) == (True, False, "Parking.")


def test_a_quotation_that_drifted_by_whole_words_is_found_where_it_is_now() -> None:
    words = spoken([(text, "S1") for text in TEXTS])
    cited = at(f"{MEETING.id}/5800-8500", retold(words, [])).quote
    assert cited.text == "came, again? Nobody asked us before the"
    late = [replace(w, start_ms=(w.start_ms or 0) + 900, end_ms=(w.end_ms or 0) + 900) for w in words]
    passage = at(cited.cited, retold(late, []))
    assert (passage.changed, passage.moved, passage.quote.text) == (False, True, cited.text)
    assert passage.quote.address == f"{MEETING.id}/6700-9400"
    assert passage.quote.source_start_ms == 66_700
    assert at(cited.address, retold(late, [])).quote.text != cited.text  # without its check a place is a place


def test_two_voices_of_one_person_are_one_speaker_with_the_lesser_certainty() -> None:
    words = [replace(w, speaker="S3" if i < 2 else "S1") for i, w in enumerate(spoken([("a", "S1")] * 4))]
    quote = at(f"{MEETING.id}/5000-6500", retold(words, [], names=MERGED)).quote
    assert (quote.text, quote.person, quote.speaker, quote.speaker_status) == (
        "a a a a",
        "jo-okafor",
        "Councillor Jo Okafor",
        "inferred",
    )


def test_reasons_to_listen_are_those_of_the_very_words() -> None:
    words = list(PANEL.transcript.words)
    words[6] = replace(words[6], confidence=0.1, overlap=True)
    stretch = Stretch(kind="untranscribed", start_ms=2_950, end_ms=3_100, reason="noise")
    panel = Made(PANEL.statements, replace(PANEL.transcript, words=tuple(words), stretches=(stretch,)), PANEL.recording)
    told = panel.transcript, panel.rows()
    there = at(f"{MEETING.id}/2400-2900", told).quote
    assert there.text == "asked"
    assert there.listen_first == (
        "words unsure",
        "people talk at once",
        "what was said right next to it is not transcribed",
        "speaker unknown",
    )
    assert at(f"{MEETING.id}/4000-4700", told).quote.listen_first == (
        "what was said right next to it is not transcribed",
        "speaker unknown",
    )
    assert at(f"{MEETING.id}/7000-7900", told).quote.listen_first == ("name inferred, not confirmed",)


def test_before_the_published_recording_begins_there_is_no_time_in_it() -> None:
    late = replace(MEETING, source_offset_s=-1.0)
    rows = made(("S1", "Good evening. Item five.")).rows(late)
    assert rows[0].source_start_ms is None
    panel = PANEL.rows(replace(MEETING, source_offset_s=-2.0))
    quote = around(parse_address(f"{MEETING.id}/1600-2800"), panel, PANEL.transcript).quote
    assert quote.source_start_ms is None

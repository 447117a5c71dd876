"""What people change, laid over what engines made: exactly their wording, and never what is hidden."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe.correct import UNSETTLED, Correction, hidden, in_force, reworded
from transcribe.records import Word, check_words, text_of
from transcribe.transcript import words_outside

EACH_MS = 300


def said(text: str, start_ms: int = 0, speaker: str | None = "S1") -> tuple[Word, ...]:
    """Words of 250 ms, one every 300 ms."""
    return tuple(
        Word(
            text=t,
            start_ms=start_ms + i * EACH_MS,
            end_ms=start_ms + i * EACH_MS + 250,
            speaker=speaker,
            speaker_margin=9.0,
            confidence=0.9,
        )
        for i, t in enumerate(text.split())
    )


def wording(old: str, new: str, first: int = 0, n: int | None = None, **more: str) -> Correction:
    """A correction of the words from `first` on, as `said` places them."""
    n = len(old.split()) if n is None else n
    return correction("words", first * EACH_MS, (first + n) * EACH_MS, old=old, new=new, **more)


def correction(kind: str, start_ms: int, end_ms: int, *, id: str = "c0ffee00", **more: object) -> Correction:
    fields = {"id": id, "at": "2024-05-15T09:00:00.000Z", "by": "Mira", "recording_sha256": "ab", **more}
    return Correction(kind=kind, start_ms=start_ms, end_ms=end_ms, **fields)  # type: ignore[arg-type]


def changes(words: Sequence[Word]) -> dict[str, str]:
    return {w.text: w.change for w in words if w.change}


# -- wording --------------------------------------------------------------------------------------


def test_a_word_put_right_keeps_its_time_and_what_it_was() -> None:
    (*_, name, _, _, _) = made = reworded(
        said("so we asked Mr Ragman in the street"),
        [wording("we asked Mr Ragman in the street", "we asked Mr Rahman in the street", 1)],
        [],
    )
    assert text_of(made) == "so we asked Mr Rahman in the street"
    assert (name.text, name.original, name.change) == ("Rahman", "Ragman", "correction c0ffee00")
    assert (name.start_ms, name.end_ms, name.timing) == (1200, 1450, "engine")
    assert name.confidence is None  # a person gave it, no recogniser
    assert name.speaker == "S1"


def test_more_or_fewer_words_share_the_time_of_those_they_replace() -> None:
    made = reworded(said("in the street today"), [wording("the street", "the old High Street", 1)], [])
    assert text_of(made) == "in the old High Street today"
    assert [w.timing for w in made] == ["engine", "engine", "cue", "cue", "cue", "engine"]
    assert [w.original for w in made[2:5]] == ["street", "", ""]
    assert (made[2].start_ms, made[4].end_ms) == (600, 850)
    assert text_of(reworded(said("I'm sorry I'm sorry okay"), [wording("I'm sorry I'm sorry", "")], [])) == "okay"


def test_another_transcription_keeps_a_persons_wording() -> None:
    c = wording("we asked Mr Ragman then", "we asked Mr Rahman then")
    right = said("we asked Mr Rahman then", 80)
    assert reworded(right, [c], []) == right  # the recogniser now writes it, too
    late = reworded(said("well we asked Mr Ragman then", 200), [c], [])
    assert text_of(late) == "well we asked Mr Rahman then"
    assert changes(late) == {"Rahman": "correction c0ffee00"}
    other = reworded(said("we asked Mr Rackham then"), [c], [])
    assert text_of(other) == "we asked Mr Rahman then"
    assert changes(other) == {"Rahman": f"{UNSETTLED}correction c0ffee00"}


def test_corrections_build_on_each_other_and_an_undone_one_counts_for_nothing() -> None:
    first = wording("one two tree", "one two three", id="00000001")
    second = wording("one two three", "One, two, three.", id="00000002")
    assert text_of(reworded(said("one two tree"), [first, second], [])) == "One, two, three."
    undone = correction("undo", 0, 900, id="00000003", undoes="00000002")
    assert text_of(reworded(said("one two tree"), [first, second, undone], [])) == "one two three"
    assert [c.id for c in in_force([first, second, undone])] == ["00000001"]


def test_words_are_written_where_a_new_transcript_has_none() -> None:
    around = (*said("before"), *said("after", 2_000))
    made = reworded(around, [wording("we agreed", "we all agreed", 3)], [])
    assert text_of(made) == "before we all agreed after"
    check_words(made, 3_000)
    assert set(changes(made)) == {"we", "all", "agreed"}
    alone = reworded(said("far away", 60_000), [wording("we agreed", "we all agreed", 3)], [])
    assert text_of(alone) == "we all agreed far away"


TEXTS = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "A", "b,", "the", "the"]), max_size=8)


@given(before=TEXTS, old=TEXTS.filter(bool), new=TEXTS, after=TEXTS, turn=st.integers(0, 20))
def test_where_nothing_was_heard_anew_the_place_reads_as_the_person_wrote(
    before: list[str], old: list[str], new: list[str], after: list[str], turn: int
) -> None:
    """Whatever is inserted, deleted or repeated; and no voice gets a word on the other side of the place."""
    texts = [*before, *old, *after]
    words = tuple(
        msgspec.structs.replace(w, speaker="S1" if i < turn else "S2") for i, w in enumerate(said(" ".join(texts)))
    )
    c = wording(" ".join(old), " ".join(new), len(before), before=" ".join(before[-3:]), after=" ".join(after[:3]))
    made = reworded(words, [c], [])
    assert [w.text for w in made] == [*before, *new, *after]
    assert [w.text for w in made if c.start_ms <= middle(w) < c.end_ms] == new
    check_words(made, len(words) * EACH_MS)
    assert not any((w.change or "").startswith(UNSETTLED) for w in made)
    assert made[: len(before)] == words[: len(before)]
    assert made[len(made) - len(after) :] == words[len(words) - len(after) :]


def middle(word: Word) -> int:
    return ((word.start_ms or 0) + (word.end_ms or 0)) // 2


@given(before=TEXTS, old=TEXTS.filter(bool), new=TEXTS, after=TEXTS, drift_ms=st.integers(-250, 250))
def test_a_place_that_drifted_keeps_the_wording_and_its_neighbours(
    before: list[str], old: list[str], new: list[str], after: list[str], drift_ms: int
) -> None:
    """With words round it that are not said anywhere else, and heard again as it was or as it was put right."""
    before, after = ["well", "now", "then", *before], [*after, "thank", "you", "chair"]
    c = wording(" ".join(old), " ".join(new), len(before), before=" ".join(before[-6:]), after=" ".join(after[:6]))
    start_ms = 300 + drift_ms
    c = msgspec.structs.replace(c, start_ms=c.start_ms + 300, end_ms=c.end_ms + 300)
    if len({*before, *old, *new, *after}) == len([*before, *old, *after]) + len({*new} - {*old}):
        again = reworded(said(" ".join([*before, *old, *after]), start_ms), [c], [])
        assert [w.text for w in again] == [*before, *new, *after]
    right = said(" ".join([*before, *new, *after]), start_ms)
    assert [w.text for w in reworded(right, [c], []) if w.text in ("well", "now", "then", "thank", "you", "chair")] == [
        "well", "now", "then", "thank", "you", "chair",
    ]  # fmt: skip


@given(data=st.data(), before=TEXTS, old=TEXTS.filter(bool), after=TEXTS)
def test_what_somebody_wrote_and_hid_is_nowhere(
    data: st.DataObject, before: list[str], old: list[str], after: list[str]
) -> None:
    """Wherever a secret stands in the wording, once the time that it is shown at is hidden it is gone."""
    new = list(data.draw(st.permutations([*data.draw(TEXTS), "Secret"])))
    words = said(" ".join([*before, *old, *after]))
    c = wording(" ".join(old), " ".join(new), len(before), before=" ".join(before[-3:]), after=" ".join(after[:3]))
    (secret,) = [w for w in reworded(words, [c], []) if w.text == "Secret"]
    more_ms = data.draw(st.integers(0, 600))
    silence = [(max(0, (secret.start_ms or 0) - more_ms), (secret.end_ms or 0) + 1 + more_ms)]
    left = words_outside(words, silence)
    assert "Secret" not in [w.text for w in words_outside(reworded(left, [c], silence), silence)]


@given(now=TEXTS, old=TEXTS.filter(bool), new=TEXTS, first=st.integers(0, 6), shift_ms=st.integers(0, 900))
def test_over_any_other_words_times_stay_in_order(
    now: list[str], old: list[str], new: list[str], first: int, shift_ms: int
) -> None:
    words = said(" ".join(now), shift_ms)
    made = reworded(words, [wording(" ".join(old), " ".join(new), first)], [])
    check_words(made, 20_000)
    far = [w for w in words if (w.start_ms or 0) > (first + len(old)) * EACH_MS + 2_500]
    assert list(made[len(made) - len(far) :]) == far


@given(data=st.data(), n=st.integers(1, 12))
def test_what_is_hidden_never_comes_back_through_an_older_correction(data: st.DataObject, n: int) -> None:
    texts = [f"w{i}" for i in range(n)]
    changed = data.draw(st.sets(st.integers(0, n - 1)))
    new = [f"x{i}" if i in changed else t for i, t in enumerate(texts)]
    first = data.draw(st.integers(0, n - 1))
    end = data.draw(st.integers(first + 1, n))
    silence = [(first * EACH_MS, end * EACH_MS)]
    words = words_outside(said(" ".join(texts)), silence)
    made = words_outside(reworded(words, [wording(" ".join(texts), " ".join(new))], silence), silence)
    assert [w.text for w in made] == [t for i, t in enumerate(new) if not first <= i < end]


@given(data=st.data(), n=st.integers(1, 25))
def test_many_corrections_at_once_are_the_same_as_one_after_the_other(data: st.DataObject, n: int) -> None:
    """Wherever words are put in, taken out and put in again: their places are found as if everything was looked at."""
    now = words = said(" ".join(f"w{i}" for i in range(n)))
    made = []
    for k in range(data.draw(st.integers(1, 8))):
        first = data.draw(st.integers(0, n - 1))
        end = data.draw(st.integers(first + 1, n))
        old = " ".join(w.text for w in now if first * EACH_MS <= middle(w) < end * EACH_MS)
        c = wording(old, " ".join(data.draw(TEXTS)), first, end - first, id=f"{k:08d}")
        now = reworded(now, [c], [])
        made.append(c)
    assert reworded(words, made, []) == now


def test_words_without_times_are_near_no_correction() -> None:
    elsewhere = tuple(Word(text=t, timing="none") for t in ("the", "two", "tree"))
    made = reworded((*said("one to trey"), *elsewhere), [wording("two tree", "two trees", 1)], [])
    assert made[3:] == elsewhere


# -- who spoke, what is hidden --------------------------------------------------------------------


def test_masks_and_exclusions_are_stretches_until_they_are_taken_back() -> None:
    mask = correction("mask", 100, 200, id="00000001", reason="a telephone number")
    out = correction("exclude", 300, 400, id="00000002")
    assert [(s.kind, s.start_ms, s.end_ms, s.reason) for s in hidden([mask, out])] == [
        ("masked", 100, 200, "a telephone number"),
        ("excluded", 300, 400, ""),
    ]
    assert len(hidden([mask, out, correction("undo", 100, 200, id="00000003", undoes="00000001")])) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "mask", "old": "secret"},
        {"kind": "undo"},
        {"kind": "words", "undoes": "00000001"},
        {"kind": "words", "end_ms": 0},
        {"kind": "words", "new": "word " * 6_000},
        {"kind": "confirm", "new": "jo-okafor"},
        {"kind": "speaker", "new": "jo-okafor", "stretches": ((0, 1),)},
        {"kind": "reject", "stretches": ((0, 1),)},
        {"kind": "confirm", "stretches": ((0, 2),)},
        {"kind": "confirm", "end_ms": 9, "stretches": ((4, 6), (2, 3))},
        {"kind": "confirm", "end_ms": 9, "stretches": ((4, 4),)},
    ],
)
def test_what_can_be_no_correction_is_none(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        correction(**({"start_ms": 0, "end_ms": 1} | wrong))  # type: ignore[arg-type]

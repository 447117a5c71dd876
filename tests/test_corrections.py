"""What people change in a meeting, and stretches of it heard one by one: nothing twice, and nothing that is hidden."""

import json
import os
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline import amend, apply, batch, check, corrections, status, work
from pipeline.apply import Applied
from pipeline.context import Context
from pipeline.meetings import Layout
from search import find
from search.quotes import Address, parse_address
from tests.house import TOML, Engine, Heard, job, onrecord, with_captions, with_sound
from transcribe import engines, locks, playable
from transcribe.correct import Correction
from transcribe.engines import Choice
from transcribe.problem import Problem
from transcribe.records import Transcript

AUTO = Choice(name="whisper:base", fingerprint="whisper base")
VOICES = Choice(name="pyannote:starter", fingerprint="pyannote starter")
CAPTIONS = Choice(name="captions", fingerprint="captions", by_hand=True)
OTHER = Choice(name="whisper:large", fingerprint="whisper large", by_hand=True)
BLOCK_MS = 5_000


class House:
    """A meeting of a minute, and what listens to it."""

    def __init__(self, data: Path, patch: pytest.MonkeyPatch) -> None:
        self.data = data
        self.folder = with_sound(data, "m", n_ms=60_000)
        self.exclude("")
        self.engine = Engine(block_ms=BLOCK_MS).instead(patch)

    def exclude(self, ranges: str) -> None:
        (self.folder / "meeting.toml").write_text((f"exclude = [{ranges}]\n" if ranges else "") + TOML, "utf-8")

    def run(self, only: tuple[int, int] | None = None, asr: Choice = AUTO) -> work.Outcome:
        todo = msgspec.structs.replace(job(self.data, "m", "m", asr, VOICES), only=only)
        (outcome,) = batch.run([todo], Heard(), n_workers=0)
        return outcome

    def ran(self, only: tuple[int, int] | None = None, asr: Choice = AUTO) -> list[str]:
        outcome = self.run(only, asr)
        assert outcome.status in ("done", "fresh"), outcome
        return [r.stage for r in outcome.ran]

    @property
    def context(self) -> Context:
        return work.context_of(job(self.data, "m", "m", AUTO, VOICES))

    @property
    def transcript(self) -> Transcript:
        return self.context.transcript()

    def seconds(self) -> list[int]:
        """The seconds whose word is in the transcript."""
        return [int(w.text[1:-1]) for w in self.transcript.words]

    def partial(self) -> list[tuple[int, int]]:
        return [(s.start_ms, s.end_ms) for s in self.transcript.stretches if s.kind == "partial"]

    def apply(self, correction: Correction) -> Applied:
        return apply.apply(self.context, correction, Heard(), copy=False)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    return House(tmp_path, monkeypatch)


# -- stretches ------------------------------------------------------------------------------------


def test_a_stretch_comes_first_and_nothing_is_heard_twice(house: House) -> None:
    house.ran(only=(20_000, 40_000))
    assert house.seconds() == list(range(20, 40))
    assert house.partial() == [(0, 20_000), (40_000, 60_000)]
    assert house.engine.asked == [(20_000, 40_000)]
    assert house.engine.given_ms == [20_000]
    assert [(t.start_ms, t.end_ms) for t in house.transcript.turns] == [(20_000, 40_000)]
    assert find.search(house.data / "processed" / "index", "w25").total == 1
    assert house.ran(only=(25_000, 30_000)) == []  # is there already

    assert "words" in house.ran(only=(30_000, 50_000))
    assert house.engine.asked[1:] == [(40_000, 50_000)]
    assert house.seconds() == list(range(20, 50))

    assert "turns" in house.ran()
    assert house.engine.asked[2:] == [(0, 20_000), (50_000, 60_000)]
    assert house.engine.given_ms[-1] == 60_000
    assert house.seconds() == list(range(60))
    assert house.partial() == []
    assert house.ran() == []


def test_a_killed_stretch_goes_on_at_its_block(house: House) -> None:

    def die(at_ms: int) -> None:
        if at_ms == 30_000:
            os.kill(os.getpid(), signal.SIGKILL)

    house.engine.meanwhile = die
    child = os.fork()
    if child == 0:
        house.run(only=(20_000, 40_000))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    house.engine.meanwhile = lambda at_ms: None
    house.ran(only=(20_000, 40_000))
    assert house.engine.asked == [(30_000, 40_000)]
    assert house.seconds() == list(range(20, 40))


def test_the_rest_is_heard_by_the_same_engine(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.ran(only=(0, 30_000))
    better = Choice(name="whisper:large", fingerprint="whisper large")
    monkeypatch.setattr(engines, "choose_recogniser", lambda name: {AUTO.name: AUTO}[name])
    house.ran(asr=better)
    assert house.engine.asked == [(0, 30_000), (30_000, 60_000)]
    assert house.context.words().engine == AUTO.fingerprint

    gone = msgspec.structs.replace(AUTO, fingerprint="whisper base of another version")
    monkeypatch.setattr(engines, "choose_recogniser", lambda name: gone)
    house.exclude('[10, 20, "exempt"]')
    house.ran(asr=better)
    house.exclude("")
    house.ran(asr=better)  # the engine of the other words is gone: all of it again, never two engines mixed
    assert house.engine.asked[2:] == [(0, 60_000)]
    assert house.context.words().engine == better.fingerprint


def test_a_stretch_after_the_end_is_refused(house: House) -> None:
    outcome = house.run(only=(60_000, 70_000))
    assert "ends before that" in outcome.what
    assert house.engine.asked == []


def test_a_part_by_another_engine_is_refused(house: House) -> None:
    house.ran()
    outcome = house.run(only=(0, 10_000), asr=OTHER)
    assert "a part of them alone" in outcome.what
    assert house.seconds() == list(range(60))


def test_what_is_excluded_later_is_cut_and_what_is_wanted_again_is_heard_alone(house: House) -> None:
    house.ran()
    house.exclude('[10, 20, "exempt business"]')
    ran = house.ran()
    assert {"words", "turns", "transcript", "statements", "index", "playable"} == set(ran)
    assert house.engine.asked == [(0, 60_000)]
    assert house.engine.given_ms == [60_000]
    assert house.seconds() == [*range(10), *range(20, 60)]
    assert [(t.start_ms, t.end_ms) for t in house.context.turns().turns] == [(0, 10_000), (20_000, 60_000)]
    assert not any(10_000 <= (w.start_ms or 0) < 20_000 for w in house.context.words().words)

    house.exclude('[10, 15, "exempt business"]')
    house.ran()
    assert house.engine.asked[1:] == [(15_000, 20_000)]
    assert house.seconds() == [*range(10), *range(15, 60)]


def test_words_that_were_damaged_are_not_kept(house: House) -> None:
    house.ran()
    path = house.context.made / "words.json"
    stat, data = path.stat(), path.read_bytes()
    path.write_bytes(data.replace(b"w30.", b"w31."))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    house.exclude('[10, 20, "exempt business"]')
    house.ran()
    assert house.seconds() == [*range(10), *range(20, 60)]


# -- corrections ----------------------------------------------------------------------------------


def place(start_s: int, end_s: int) -> Address:
    return Address(meeting="m", start_ms=start_s * 1000, end_ms=end_s * 1000)


def test_a_correction_reaches_the_index_without_an_engine(house: House) -> None:
    house.ran()
    heard = len(house.engine.asked)
    applied = house.apply(amend.reword(house.context, place(10, 12), "Councillor Okafor agreed.", by="Mira"))
    assert applied.ran == ("transcript", "statements", "index")
    assert applied.waits == ""
    (hit,) = find.search(house.data / "processed" / "index", '"Okafor agreed"').hits
    assert hit.quote.start_ms <= 10_000 < 12_000 <= hit.quote.end_ms
    assert find.search(house.data / "processed" / "index", "w10").total == 0

    house.apply(amend.assign(house.context, place(10, 12), "Councillor Jo Okafor", by="Mira"))
    (hit,) = find.search(house.data / "processed" / "index", 'speaker:okafor "Okafor agreed"').hits
    assert (hit.quote.speaker_status, hit.quote.person) == ("confirmed", "jo-okafor")
    assert (hit.quote.start_ms, hit.quote.end_ms) == (10_000, 11_500)

    house.apply(amend.undo(house.context, place(10, 12), by="Mira"))
    house.apply(amend.undo(house.context, place(10, 12), by="Mira"))
    assert house.seconds() == list(range(60))
    with pytest.raises(Problem, match="no correction here"):
        amend.undo(house.context, place(10, 12), by="Mira")
    assert len(house.engine.asked) == heard
    assert house.ran() == []


def test_a_correction_outlives_another_transcription(house: House) -> None:
    house.ran()
    house.apply(amend.reword(house.context, place(10, 12), "w10. agreed.", by="Mira"))
    house.ran(asr=OTHER)
    assert [w.text for w in house.transcript.words][9:13] == ["w9.", "w10.", "agreed.", "w12."]
    house.engine.hears = "v"
    house.ran(asr=Choice(name="whisper:huge", fingerprint="whisper huge", by_hand=True))
    assert [w.text for w in house.transcript.words][9:13] == ["v9.", "w10.", "agreed.", "v12."]
    (hit,) = find.search(house.data / "processed" / "index", "agreed").hits
    assert "a correction and a new transcript differ" in hit.quote.listen_first


def everywhere(data: Path, marker: str) -> list[str]:
    return [str(p.relative_to(data)) for p in data.rglob("*") if p.is_file() and marker.encode() in p.read_bytes()]


@pytest.mark.parametrize("kind", ["mask", "exclude"])
def test_what_is_hidden_is_nowhere_and_comes_back_when_taken_back(house: House, kind: str) -> None:
    house.exclude('[50, 51, "exempt business"]')
    house.ran()
    assert everywhere(house.data, "w33")
    old_copy = house.context.made / "playable.m4a"
    assert old_copy.exists()
    before = len(house.engine.asked)
    hide = amend.hide(house.context, place(30, 40), kind, by="Mira", reason="an address")  # type: ignore[arg-type]
    applied = house.apply(hide)
    assert applied.waits == ""
    assert not old_copy.exists()
    assert everywhere(house.data, "w33") == []
    assert 33 not in house.seconds()
    (stretch,) = [s for s in house.transcript.stretches if s.start_ms == 30_000]
    assert (stretch.kind, stretch.reason) == ({"mask": "masked", "exclude": "excluded"}[kind], "an address")
    assert house.ran() == ["playable"]
    assert old_copy.exists()
    assert len(house.engine.asked) == before

    applied = house.apply(amend.undo(house.context, place(31, 32), by="Mira"))
    assert "onrecord run m" in applied.waits
    assert house.partial() == [(30_000, 40_000)]
    house.ran()
    assert house.engine.asked[before:] == [(30_000, 40_000)]
    assert 33 in house.seconds()


def test_hidden_words_leave_the_index_though_another_run_is_at_words(house: House) -> None:
    house.ran()
    hide = amend.hide(house.context, place(30, 40), "mask", by="Mira", reason="")
    with locks.hold(house.context.made / "locks" / "words"), pytest.raises(Problem, match="is kept"):
        house.apply(hide)
    assert find.search(house.data / "processed" / "index", "w33").total == 0
    assert 33 not in house.seconds()
    house.ran()
    assert everywhere(house.data, "w33") == []


def test_in_a_meeting_heard_in_part_hidden_words_are_cut_all_the_same(house: House) -> None:
    house.ran(only=(20_000, 50_000))
    applied = house.apply(amend.hide(house.context, place(30, 40), "mask", by="Mira", reason=""))
    assert applied.waits == ""
    assert everywhere(house.data, "w33") == []
    assert len(house.engine.asked) == 1
    house.ran()
    assert house.engine.asked[1:] == [(0, 20_000), (50_000, 60_000)]
    assert house.seconds() == [*range(30), *range(40, 60)]


def test_what_a_run_left_in_its_scratch_folder_holds_no_hidden_word(house: House) -> None:
    house.ran()
    todo = msgspec.structs.replace(job(house.data, "m", "m", OTHER, VOICES), through="words")
    batch.run([todo], Heard(), n_workers=0)
    house.apply(amend.hide(house.context, place(30, 40), "exclude", by="Mira", reason=""))
    assert everywhere(house.data, "w33") == []


def test_an_exclusion_in_meeting_toml_hides_though_the_run_fails(house: House) -> None:
    house.exclude('[50, 51, "exempt business"]')
    house.ran()
    house.exclude('[30, 51, "exempt business"]')
    (house.folder / "meeting.wav").write_bytes(b"")
    assert house.run().status == "failed"
    assert find.search(house.data / "processed" / "index", "w33").total == 0
    assert not (house.context.made / "playable.m4a").exists()


def test_a_copy_that_was_being_made_when_something_was_hidden_is_thrown_away(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.exclude('[50, 51, "exempt business"]')
    house.ran()
    (house.context.made / "playable.m4a").unlink()
    hidden: list[object] = []

    def make(*args: Any, silence: Sequence[tuple[int, int]], **more: Any) -> None:
        hidden.append([tuple(s) for s in silence])
        real(*args, silence=silence, **more)
        if len(hidden) == 1:
            house.apply(amend.hide(house.context, place(30, 40), "mask", by="Mira", reason=""))

    real = playable.make
    monkeypatch.setattr(playable, "make", make)
    house.ran()
    assert hidden == [[(50_000, 51_000)], [(30_000, 40_000), (50_000, 51_000)]]
    assert (house.context.made / "playable.m4a").exists()


def test_words_without_times_cannot_be_hidden(tmp_path: Path) -> None:
    place_ = with_captions(tmp_path, "m")
    (place_ / "captions.vtt").rename(place_ / "spoken.txt")
    (place_ / "spoken.txt").write_text("Cllr Okafor: Good evening.\n\nCllr Okafor: We were told.\n")
    (place_ / "meeting.toml").write_text('captions = "spoken.txt"\n' + TOML)
    todo = job(tmp_path, "m", "m", CAPTIONS, CAPTIONS)
    batch.run([todo], Heard(), n_workers=0)
    with pytest.raises(Problem, match="without times"):
        amend.hide(work.context_of(todo), place(0, 1), "mask", by="Mira", reason="")


def test_damaged_words_of_an_engine_are_not_replaced_by_captions(house: House) -> None:
    (house.folder / "c.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:05.000\nfrom captions\n")
    (house.folder / "meeting.toml").write_text('captions = "c.vtt"\n' + TOML)
    house.ran(asr=OTHER)
    path = house.context.made / "words.json"
    stat, data = path.stat(), path.read_bytes()
    path.write_bytes(data.replace(b"w30.", b"w31."))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    todo = msgspec.structs.replace(job(house.data, "m", "m", AUTO, VOICES), verify=True)
    batch.run([todo], Heard(), n_workers=0)
    assert house.seconds() == list(range(60))


def test_an_older_wording_does_not_bring_back_what_was_masked_since(house: House) -> None:
    house.ran()
    house.apply(amend.reword(house.context, place(10, 13), "my house is Zebra Cottage", by="Mira"))
    house.apply(amend.hide(house.context, place(10, 13), "mask", by="Mira", reason=""))
    made = house.context.made
    assert [p.name for p in made.rglob("*") if p.is_file() and b"Zebra" in p.read_bytes()] == []


def test_a_correction_before_the_first_run_waits_for_it(house: House) -> None:
    house.ran(only=None)
    recording = house.context.recording().sha256
    for path in house.context.made.glob("*.json"):
        path.unlink()
    early = Correction(
        id="00000001", at="", by="Mira", kind="words", start_ms=1_000, end_ms=2_000, old="w1.", new="agreed.",
        recording_sha256=recording,
    )  # fmt: skip
    corrections.append(house.folder, early)
    house.ran()
    assert house.transcript.words[1].text == "agreed."


def test_who_waits_in_vain_for_others_is_told_that_nothing_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_captions(tmp_path, "m")
    todo = job(tmp_path, "m", "m", CAPTIONS, CAPTIONS)
    batch.run([todo], Heard(), n_workers=0)
    context = work.context_of(todo)
    place = parse_address(find.search(tmp_path / "processed" / "index", "").hits[0].quote.address)
    made = amend.reword(context, place, "as somebody heard it", by="Mira")
    with corrections.held(context.made):
        monkeypatch.setattr(corrections, "WAIT_S", 0.1)
        with pytest.raises(Problem, match="nothing was changed: somebody else is changing this meeting"):
            apply.apply(context, made, Heard())
    assert corrections.read(context.raw) == ()


def test_two_people_at_once_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corrections, "WAIT_S", 300.0)
    with_captions(tmp_path, "m")
    todo = job(tmp_path, "m", "m", CAPTIONS, CAPTIONS)
    batch.run([todo], Heard(), n_workers=0)
    places = [parse_address(h.quote.address) for h in find.search(tmp_path / "processed" / "index", "").hits]
    made = [amend.reword(work.context_of(todo), a, f"as person {i} heard it", by=f"P{i}") for i, a in enumerate(places)]
    assert len(made) >= 3
    with ThreadPoolExecutor(len(made)) as pool:
        list(pool.map(lambda c: apply.apply(work.context_of(todo), c, Heard()), made))
    assert {c.by for c in corrections.read(tmp_path / "raw" / "m")} == {c.by for c in made}
    batch.run([todo], Heard(), n_workers=0)
    for i in range(len(made)):
        assert find.search(tmp_path / "processed" / "index", f'"as person {i} heard it"').total == 1


def test_who_comes_second_is_told_what_it_says_now(house: House) -> None:
    house.ran()
    words = amend.reword(house.context, place(10, 12), "Councillor Okafor agreed.", by="Mira")
    again = amend.reword(house.context, place(11, 13), "Nobody agreed.", by="Jo")
    heard = amend.listen(house.context, place(11, 12), by="Jo")
    speaker = amend.assign(house.context, place(10, 12), "jo-okafor", by="Mira")
    other = amend.assign(house.context, place(10, 11), "alison-tranter", by="Jo")
    voice = amend.confirm(house.context, "S1", "jo-okafor", by="Mira")
    not_so = amend.confirm(house.context, "S1", "alison-tranter", by="Jo")
    house.apply(words)
    for late in (again, heard):
        with pytest.raises(amend.Changed, match="now says") as told:
            house.apply(late)
        assert "agreed." in told.value.now
    house.apply(speaker)
    with pytest.raises(amend.Changed, match="Councillor Jo Okafor"):
        house.apply(other)
    house.apply(amend.undo(house.context, place(10, 12), by="Mira"))
    house.apply(voice)
    with pytest.raises(amend.Changed, match="now says"):
        house.apply(not_so)
    with pytest.raises(amend.Changed, match=r"now says: w13\. w14\."):
        amend.reword(house.context, place(13, 15), "x", by="Jo", saw="w13. w15.")
    kept = corrections.read(house.folder)
    assert [c.by for c in kept] == ["Mira"] * 4


def test_what_another_kept_counts_though_its_transcript_is_not_there_yet(house: House) -> None:
    house.ran()
    late = amend.reword(house.context, place(10, 12), "nobody agreed", by="Jo")
    corrections.append(house.folder, amend.reword(house.context, place(10, 12), "all agreed", by="Mira"))
    with pytest.raises(amend.Changed, match="now says: all agreed"):
        house.apply(late)


def test_who_listened_is_told_until_the_words_change(house: House) -> None:
    house.ran()
    index = house.data / "processed" / "index"
    (hit,) = find.search(index, "w10").hits
    whole = parse_address(hit.quote.address)
    house.apply(amend.listen(house.context, whole, by="Mira"))
    assert find.search(index, "w10").hits[0].quote.listened_by == "Mira"
    assert find.search(index, "w59").hits[0].quote.listened_by == ""
    with pytest.raises(Problem, match="listened to these words already"):
        amend.listen(house.context, whole, by="Mira")
    house.apply(amend.listen(house.context, whole, by="Jo"))
    assert find.search(index, "w10").hits[0].quote.listened_by == "Mira and Jo"
    house.apply(amend.undo(house.context, whole, by="Jo"))
    assert find.search(index, "w10").hits[0].quote.listened_by == "Mira"
    assert "listened to by Mira" in onrecord("quote", hit.quote.address, data=house.data).stdout

    house.apply(amend.assign(house.context, whole, "jo-okafor", by="Mira"))
    assert find.search(index, "w10").hits[0].quote.listened_by == "Mira"
    house.ran(asr=OTHER)  # hears the same
    assert find.search(index, "w10").hits[0].quote.listened_by == "Mira"
    house.apply(amend.reword(house.context, place(10, 11), "We agreed.", by="Mira"))
    assert find.search(index, "agreed").hits[0].quote.listened_by == ""


def test_words_on_either_side_of_what_is_hidden_never_read_as_one_sentence(house: House) -> None:
    house.ran()
    house.apply(amend.hide(house.context, place(30, 40), "mask", by="Mira", reason=""))
    here = "m/29000-41000"
    shown = onrecord("quote", here, data=house.data).stdout
    assert "“w29. […] w40.”" in shown
    paragraph = onrecord("export", "txt", "m", data=house.data).stdout
    assert "w29.\n\n[0:00:30] [to 0:00:40: personal details hidden]\n\n[0:00:40]" in paragraph
    cited = next(line for line in shown.splitlines() if line.startswith(f"{here}~"))
    assert "no longer" not in onrecord("quote", cited.split()[0], data=house.data).stdout
    seen = amend.reword(house.context, parse_address(here), "w29. w41.", by="Mira", saw="w29. […] w40.")
    assert seen.old == "w29. w40."


def test_what_is_withheld_is_in_nothing_and_is_listed_when_it_is_due(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.ran()
    before = len(house.engine.asked)
    with pytest.raises(Problem, match="does not say why"):
        amend.withhold(house.context, place(30, 40), by="Mira", reason=" ", until=date(2999, 1, 31))
    hide = amend.withhold(house.context, place(30, 40), by="Mira", reason="under complaint", until=date(2999, 1, 31))
    house.apply(hide)
    assert house.seconds() == [*range(30), *range(40, 60)]
    assert find.search(house.data / "processed" / "index", "w33").total == 0
    assert house.context.silence() == [(30_000, 40_000)]
    assert house.ran() == ["playable"]  # silenced there
    assert onrecord("status", "m", data=house.data).stdout.count("2999") == 0
    monkeypatch.setattr("pipeline.corrections.today", lambda: date(2999, 2, 1))
    (standing,) = status.status(Layout(root=house.data), ["m"]).meetings
    assert standing.withheld_ms == 10_000
    assert standing.due == ("m/30000-40000, since 2999-01-31: under complaint",)

    (advice,) = check.check(Layout(root=house.data), [house.folder], {"m": "m"})
    assert "m/30000-40000 was withheld until 2999-01-31, and still is: under complaint" in advice.what

    house.apply(amend.undo(house.context, place(30, 40), by="Mira"))
    assert house.seconds() == list(range(60))
    assert house.ran() == ["playable"]  # not needed any more
    assert len(house.engine.asked) == before  # nothing had to be listened to again


def test_of_people_who_change_one_place_at_once_one_is_first_and_the_others_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corrections, "WAIT_S", 300.0)
    with_captions(tmp_path, "m")
    todo = job(tmp_path, "m", "m", CAPTIONS, CAPTIONS)
    batch.run([todo], Heard(), n_workers=0)
    here = Address(meeting="m", start_ms=10_000, end_ms=19_500)
    made = [amend.reword(work.context_of(todo), here, f"as person {i} heard it", by=f"P{i}") for i in range(4)]

    def told(correction: Correction) -> str:
        try:
            apply.apply(work.context_of(todo), correction, Heard())
        except amend.Changed as e:
            return e.now
        return ""

    with ThreadPoolExecutor(len(made)) as pool:
        answers = sorted(pool.map(told, made))
    (kept,) = corrections.read(tmp_path / "raw" / "m")
    assert answers == ["", *[kept.new] * 3]
    assert find.search(tmp_path / "processed" / "index", f'"{kept.new}"').total == 1


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"{", "not a correction"),
        (b"\xff\xfe", "not a correction"),
        (b"[" * 100_000, "not a correction"),
        (b'{"schema": "correction/9"}', "correction/9"),
        (b'{"schema": "correction/1", "id": "x", "surprise": 1}', "not a correction"),
    ],
)
def test_a_broken_line_is_named_and_stops_no_other_meeting(house: House, line: bytes, what: str) -> None:
    house.ran()
    house.apply(amend.reword(house.context, place(10, 12), "agreed", by="Mira"))
    path = house.folder / corrections.FILE
    path.write_bytes(path.read_bytes() + line + b"\n")
    outcome = house.run()
    assert outcome.status == "failed"
    assert what in outcome.what
    assert outcome.where.endswith("corrections.jsonl, line 2")


# -- as somebody types it -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("typed")
    with_captions(data, "m")
    done = onrecord("run", data=data)
    assert done.returncode == 0, done.stderr
    return data


def test_correcting_from_the_command_line(typed: Path) -> None:
    found = json.loads(onrecord("search", "consultation", "--json", data=typed).stdout)["quotes"][0]
    new = found["text"].replace("no consultation", "little consultation")
    dry = onrecord("correct", found["cited"], "--words", new, "--by", "Mira", "--dry-run", data=typed)
    assert "nothing was changed" in dry.stdout
    assert not (typed / "raw" / "m" / corrections.FILE).exists()
    done = onrecord("correct", found["cited"], "--words", new, "--by", "Mira", data=typed)
    assert done.returncode == 0, done.stderr
    assert "was: " in done.stdout
    assert "little consultation" in done.stdout
    assert json.loads(onrecord("search", '"little consultation"', "--json", data=typed).stdout)["total"] == 1
    stale = onrecord("correct", found["cited"], "--words", "x", data=typed)
    assert stale.returncode == 2
    assert "no longer says" in stale.stderr
    mask = json.loads(onrecord("correct", found["address"], "--mask", "--by", "Mira", "--json", data=typed).stdout)
    assert mask["correction"]["kind"] == "mask"
    assert json.loads(onrecord("search", "little", "--json", data=typed).stdout)["total"] == 0
    back = onrecord("correct", found["address"], "--undo", data=typed)
    assert "taken back" in back.stdout
    words = json.loads(onrecord("search", '"no consultation"', "--json", data=typed).stdout)
    assert words["total"] == 1  # as it was heard: what a person wrote there was hidden, and is gone


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["m/0-1000"], "does not say what to correct"),
        (["m/0-1000", "--mask", "--undo"], "--mask and --undo at once"),
        (["m/0-1000", "--words", "x", "--reason", "y"], "--reason goes with"),
        (["m/0-1000", "--withhold", "--reason", "y"], "--until goes with"),
        (["m/0-1000", "--listened", "--until", "2999-01-31"], "--until goes with"),
        (["m/0-1000", "--withhold", "--reason", "y", "--until", "2020-01-31"], "not in the future"),
        (["m/5-2", "--mask"], "ends before it starts"),
        (["nobody/0-1000", "--mask"], "there is no meeting"),
        (["m/900000-990000", "--words", "x"], "recording ends before that"),
        (["m/900000-990000", "--exclude"], "the recording ends before"),
        (["m/0-9000", "--speaker", "Jim"], "is not of this meeting"),
        (["m/0-9000", "--words", "a\x1b[2J"], "print nothing"),
        (["m/0-9000", "--mask", "--by", "\x1b"], "no name"),
    ],
)
def test_what_cannot_be_corrected_says_why(typed: Path, arguments: list[str], said: str) -> None:
    done = onrecord("correct", *arguments, data=typed)
    assert done.returncode == 2
    assert said in done.stderr
    assert "fix:" in done.stderr
    assert "Traceback" not in done.stderr


def test_only_needs_a_meeting_and_a_stretch(typed: Path) -> None:
    assert "needs the meeting" in onrecord("run", "--only", "0-10", data=typed).stderr
    assert "not a stretch" in onrecord("run", "m", "--only", "soon", data=typed).stderr
    assert "earlier time first" in onrecord("run", "m", "--only", "1:00-0:30", data=typed).stderr

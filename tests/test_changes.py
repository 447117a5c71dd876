"""What became of quotes: told in words, speakers and codes, what was cited first, and never a word that is hidden."""

import json
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import amend, apply, batch, changes, keep, work
from pipeline.context import Context
from pipeline.meetings import Layout
from search import changes as history
from search.changes import Change, Reading
from search.quotes import Address, read_parquet
from tests.house import SAID, Heard, captions, job, onrecord, with_captions
from transcribe.engines import Choice
from transcribe.problem import Problem
from transcribe.records import Stretch, Transcript, Word

CAPTIONS = Choice(name="captions", fingerprint="captions", by_hand=True)
LONG_AGO = date(2000, 1, 1)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    with_captions(tmp_path, "m")
    return run(tmp_path)


def run(data: Path) -> Context:
    todo = job(data, "m", "m", CAPTIONS, CAPTIONS)
    (outcome,) = batch.run([todo], Heard(), n_workers=0)
    assert outcome.status in ("done", "fresh"), outcome
    return work.context_of(todo)


def told(context: Context) -> list[changes.Changed]:
    return changes.since(context.layout, [(context.raw, "m")], LONG_AGO)


def place_of(context: Context, text: str) -> Address:
    row = next(r for r in read_parquet(context.made / "quotes.parquet") if text in r.text)
    return Address(meeting="m", start_ms=row.start_ms, end_ms=row.end_ms)


def test_a_correction_is_told_with_old_and_new_and_who_made_it(context: Context) -> None:
    assert told(context) == []
    place = place_of(context, "no consultation")
    apply.apply(context, amend.reword(context, place, "No, Chair. There was little consultation.", by="Mira"), Heard())
    (found,) = told(context)
    assert (found.address, found.kinds, found.change.by) == (str(place), ("words",), ("Mira",))
    assert found.change.old
    assert found.change.new
    assert "no consultation" in found.change.old.text
    assert found.change.new.text == "No, Chair. There was little consultation."

    other = place_of(context, "nobody was told")
    apply.apply(context, amend.assign(context, other, "alison-tranter", by="Jo"), Heard())
    speakers = [c for c in told(context) if "speaker" in c.kinds]
    assert [(c.address, c.change.by, c.change.after) for c in speakers if c.change.by] == [(str(other), ("Jo",), ())]
    # Nobody set whom that made doubtful elsewhere: it is told what was set.
    (doubtful,) = [c for c in speakers if not c.change.by]
    (made,) = [c for c in context.corrections() if c.by == "Jo"]
    assert [(a.id, a.by, a.start_ms) for a in doubtful.change.after] == [(made.id, "Jo", other.start_ms)]
    shown = onrecord("changes", "--since", "2000-01-01", data=context.layout.root).stdout
    assert f"speaker changed, after a correction elsewhere: Jo at 0:00:20 ({made.id})" in shown
    assert changes.since(context.layout, [(context.raw, "m")], date(2999, 1, 1)) == []


def test_a_place_that_changes_again_is_told_once_and_not_where_it_reads_as_it_did(context: Context) -> None:
    place = place_of(context, "nobody was told")
    before = next(r.speaker for r in read_parquet(context.made / "quotes.parquet") if "nobody was told" in r.text)
    for person in ("alison-tranter", "unknown"):
        apply.apply(context, amend.assign(context, place, person, by="Mira"), Heard())
    here = [c.change for c in told(context) if c.address == str(place)]
    assert [(c.old and c.old.speaker, c.new and c.new.speaker_status) for c in here] == [(before, "unknown")]
    for _ in range(2):
        apply.apply(context, amend.undo(context, place, by="Jo"), Heard())
    assert told(context) == []


def test_other_captions_and_another_codebook_change_quotes(context: Context) -> None:
    said = [*SAID]
    said[3] = (said[3][0], "We will publish the hour of every deployment of facial recognition in advance.")
    (context.raw / "captions.vtt").write_text(captions(said), "utf-8")
    run(context.layout.root)
    (found,) = told(context)
    assert found.kinds == ("words",)
    assert (found.change.by, found.change.after) == ((), ())
    assert found.change.new
    assert "hour" in found.change.new.text


def test_what_was_cited_comes_first(context: Context) -> None:
    data = context.layout.root
    first, last = place_of(context, "were residents consulted"), place_of(context, "publish the date")
    cited = next(r.cited for r in read_parquet(context.made / "quotes.parquet") if "publish" in r.text)
    assert onrecord("quote", cited, data=data).returncode == 0  # only looked at
    for _ in range(2):
        assert onrecord("quote", cited, "--style", "plain", data=data).returncode == 0
    assert len((context.raw / changes.CITED).read_bytes().splitlines()) == 1
    for place in (first, last):
        apply.apply(context, amend.reword(context, place, "Something else was said here.", by="Mira"), Heard())
    assert [c.address for c in told(context)] == [str(last), str(first)]
    assert [c.cited for c in told(context)] == [(cited,), ()]
    changes.note_cited(context.layout, str(first))  # as it says now: that did not change since
    assert told(context)[1].cited == ()

    done = onrecord("changes", "--since", "2000-01-01", data=data)
    assert done.returncode == 0, done.stderr
    assert done.stdout.index(str(last)) < done.stdout.index(str(first))
    rows = json.loads(onrecord("changes", "m", "--since", "2000-01-01", "--json", data=data).stdout)
    assert [row["cited"] for row in rows] == [[cited], []]
    assert onrecord("changes", "--since", "2999-01-01", data=data).stdout.startswith("nothing changed")


def test_the_history_keeps_no_hidden_word(context: Context) -> None:
    place = place_of(context, "no consultation")
    apply.apply(context, amend.reword(context, place, "No. My number is Zebrawood.", by="Mira"), Heard())
    assert b"Zebrawood" in (context.made / changes.FILE).read_bytes()
    apply.apply(context, amend.hide(context, place, "mask", by="Mira", reason=""), Heard())
    assert b"Zebrawood" not in (context.made / changes.FILE).read_bytes()
    hidden = [c.change.hidden for c in told(context) if c.address == str(place)]
    assert hidden == ["masked"]


def test_what_is_shown_again_is_not_told_as_hidden(context: Context) -> None:
    place = place_of(context, "no consultation")
    until = date(2999, 1, 31)
    apply.apply(context, amend.withhold(context, place, by="Mira", reason="complaint", until=until), Heard())
    assert ("withheld", str(place)) in [(c.change.hidden, c.address) for c in told(context)]
    apply.apply(context, amend.undo(context, place, by="Mira"), Heard())
    assert place_of(context, "no consultation") == place
    assert told(context) == []


@given(data=st.data())
def test_however_statements_are_cut_the_same_words_are_no_change(data: st.DataObject) -> None:
    words = tuple(Word(text=f"w{i}", start_ms=1_000 * i, end_ms=1_000 * i + 900, speaker="S1") for i in range(10))
    cuts = sorted({0, *data.draw(st.lists(st.integers(1, 9), max_size=4)), 10})
    before = [
        (1_000 * a, 1_000 * b, Reading(text=" ".join(w.text for w in words[a:b]), speaker="unknown speaker 1",
         speaker_status="unknown", person=None, codes=()))
        for a, b in pairwise(cuts)
    ]  # fmt: skip
    transcript = Transcript(recording_sha256="", language="en", engine="", words=words, turns=())
    assert history.changes(before, (), transcript, at="") == []
    n = data.draw(st.integers(0, 9))
    other = tuple(Word(text="other", start_ms=w.start_ms, end_ms=w.end_ms, speaker="S1") if i == n else w
                  for i, w in enumerate(words))  # fmt: skip
    transcript = Transcript(recording_sha256="", language="en", engine="", words=other, turns=())
    (found,) = history.changes(before, (), transcript, at="")
    assert found.start_ms <= 1_000 * n < found.end_ms


@given(start_ms=st.integers(0, 20_000), n_ms=st.integers(1, 5_000))
def test_no_change_near_a_hidden_stretch_keeps_its_words(start_ms: int, n_ms: int) -> None:
    reading = Reading(text="w", speaker="", speaker_status="unknown", person=None, codes=())
    change = Change(at="", start_ms=start_ms, end_ms=start_ms + n_ms, old=reading, new=reading)
    stretch = Stretch(kind="withheld", start_ms=8_000, end_ms=9_000, reason="")
    (found,) = history.without_hidden([change], [stretch])
    if start_ms < 9_000 and start_ms + n_ms > 8_000:
        assert (found.old, found.new, found.hidden) == (None, None, "withheld")


def test_the_history_names_nobody_who_is_not_shown_by_name(context: Context) -> None:
    toml = context.raw / "meeting.toml"
    toml.write_text(toml.read_text("utf-8") + '[[people]]\nid = "dana-moss"\nname = "Dana Moss"\nrole = "Officer"\n')
    run(context.layout.root)
    place = place_of(context, "publish the date")
    context = work.context_of(job(context.layout.root, "m", "m", CAPTIONS, CAPTIONS))
    apply.apply(context, amend.assign(context, place, "dana-moss", by="Mira"), Heard())
    assert b"Dana Moss" in (context.made / changes.FILE).read_bytes()
    toml.write_text(toml.read_text("utf-8").replace('role = "Officer"', 'role = "Resident"'))
    context = run(context.layout.root)
    assert b"Dana" not in (context.made / changes.FILE).read_bytes()
    (found,) = told(context)
    assert found.change.new
    assert (found.change.new.speaker, found.change.new.person) == ("Member of the public", "public-1")


def test_a_backup_brings_back_no_purged_words(context: Context, tmp_path: Path) -> None:
    place = place_of(context, "no consultation")
    apply.apply(context, amend.reword(context, place, "No. My number is Zebrawood.", by="Mira"), Heard())
    keep.backup(context.layout, tmp_path / "early.zip")
    apply.apply(context, amend.hide(context, place, "mask", by="Mira", reason=""), Heard())
    after = (context.raw / "corrections.jsonl").read_bytes()
    keep.restore(Layout(root=context.layout.root), keep.read(tmp_path / "early.zip")[1], force=True)
    assert (context.raw / "corrections.jsonl").read_bytes() == after


def test_a_history_that_cannot_be_read_is_no_empty_one(context: Context, caplog: pytest.LogCaptureFixture) -> None:
    cited = context.raw / changes.CITED
    cited.mkdir()
    changes.note_cited(context.layout, "m/0-9500~00000000")
    assert "m/0-9500~00000000: it cannot be remembered that this was cited: this is a folder" in caplog.text
    with pytest.raises(Problem, match="this is a folder"):
        told(context)
    cited.rmdir()
    place = place_of(context, "no consultation")
    apply.apply(context, amend.reword(context, place, "No.", by="Mira"), Heard())
    (context.made / changes.FILE).unlink()
    (context.made / changes.FILE).mkdir()
    with pytest.raises(Problem, match="this is a folder"):
        told(context)
    table = read_parquet(context.made / "quotes.parquet")
    assert changes.kept(context, table, context.transcript()) == b""
    assert "what changed before is lost: this is a folder" in caplog.text

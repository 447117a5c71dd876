"""What is masked or excluded survives nowhere: not in corrections made before, not in the index, not in exports."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import amend, apply, batch, corrections, outputs, receipts, work
from pipeline.context import Context
from pipeline.index import rebuild
from pipeline.meetings import Layout
from search import index
from search.quotes import Address, read_parquet
from tests.house import SAID, Heard, captions, job, onrecord, with_captions
from transcribe import purge
from transcribe.correct import Correction, in_force, put_right
from transcribe.engines import Choice
from transcribe.ranges import Ranges
from transcribe.records import Word
from transcribe.transcript import words_outside

CAPTIONS = Choice(name="captions", fingerprint="captions", by_hand=True)
MARKER = "Zebrawood"


def worded(start_ms: int, end_ms: int, old: str, new: str, *, id: str = "00000001", **more: object) -> Correction:
    return Correction(
        id=id, at="2024-05-15T09:00:00Z", by="Mira", kind="words", start_ms=start_ms, end_ms=end_ms,
        recording_sha256="ab", old=old, new=new, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def spoken(n: int) -> tuple[Word, ...]:
    return tuple(Word(text=f"w{i}", start_ms=1_000 * i, end_ms=1_000 * i + 900) for i in range(n))


def left(made: list[Correction], erased: Ranges, words: tuple[Word, ...]) -> list[Correction]:
    return [p for pieces in purge.purged(made, erased, [words_outside(words, erased)], at="now") for p in pieces]


@settings(max_examples=300)
@given(data=st.data())
def test_no_hidden_word_is_kept_and_the_rest_reads_as_before(data: st.DataObject) -> None:
    """Corrections of made-up words, then a hidden stretch: nothing that stood in it is left in them, and laid over the
    words that are left they make the very same of them as before."""
    words = spoken(12)
    made: list[Correction] = []
    for n in range(data.draw(st.integers(1, 3))):
        first = data.draw(st.integers(0, 10))
        end = data.draw(st.integers(first + 1, 12))
        there = [w for w in put_right(words, made, [], tuple) if 1_000 * first <= w.start_ms < 1_000 * end]  # type: ignore[operator]
        texts = [w.text for w in there]
        new = [data.draw(st.sampled_from([[t], [f"n{n}x{i}"], [], [f"n{n}a{i}", t]])) for i, t in enumerate(texts)]
        flat = [t for part in new for t in part]
        if texts and flat != texts:
            made.append(worded(1_000 * first, 1_000 * end, " ".join(texts), " ".join(flat), id=f"{n:08x}"))
    a = data.draw(st.integers(0, 11))
    b = data.draw(st.integers(a + 1, 12))
    erased = [(1_000 * a, 1_000 * b)]
    before = words_outside(put_right(words_outside(words, erased), made, erased, tuple), erased)
    kept = left(made, erased, words)
    after = words_outside(put_right(words_outside(words, erased), kept, erased, tuple), erased)
    assert [w.text for w in after] == [w.text for w in before]
    hidden = {f"w{i}" for i in range(a, b)}
    for c in kept:
        assert not hidden & set(f"{c.old} {c.new} {c.before} {c.after} {' '.join(c.heard)}".split())
    assert {c.id for c in kept} == {c.id for c in made}


def test_what_stood_around_a_correction_goes_too() -> None:
    made = [worded(5_000, 6_000, "w5", "five", before="w1 w2 w3 w4", after="w6 w7 w8 w9")]
    (kept,) = left(made, [(3_000, 4_000)], spoken(40))
    assert (kept.old, kept.new, kept.before, kept.after) == ("w5", "five", "", "w6 w7 w8 w9")
    (kept,) = left(made, [(30_000, 31_000)], spoken(40))
    assert kept == made[0]


def test_of_a_place_that_reads_otherwise_now_nothing_is_kept() -> None:
    made = [worded(5_000, 9_000, "once it said this", "once it said that")]
    (kept,) = left(made, [(8_000, 9_000)], spoken(12))
    assert (kept.old, kept.new, kept.purged) == ("", "", "now")
    assert in_force([kept]) == [kept]


# -- a whole data folder --------------------------------------------------------------------------


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A meeting whose second voice says the marker, and another meeting beside it."""
    said = [*SAID]
    said[1] = (said[1][0], f"My number is {MARKER} and there was no consultation with residents at all.")
    with_captions(tmp_path, "m", vtt=captions(said))
    with_captions(tmp_path, "other")
    jobs = [job(tmp_path, name, name, CAPTIONS, CAPTIONS) for name in ("m", "other")]
    batch.run(jobs, Heard(), n_workers=0)
    return work.context_of(jobs[0])


def holding(context: Context, marker: str = MARKER) -> list[str]:
    """The files below data/processed, and the corrections in data/raw, that hold a word in any case."""
    root = context.layout.root
    paths = [p for p in context.layout.processed.rglob("*") if p.is_file()]
    paths += [p for p in context.layout.raw.rglob(f"*{corrections.FILE}*") if p.is_file()]
    return [str(p.relative_to(root)) for p in paths if marker.casefold().encode() in p.read_bytes().lower()]


def place_of(context: Context, text: str) -> Address:
    row = next(r for r in read_parquet(context.made / "quotes.parquet") if text in r.text)
    return Address(meeting="m", start_ms=row.start_ms, end_ms=row.end_ms)


@pytest.mark.parametrize("kind", ["mask", "exclude"])
def test_every_byte_forgets_what_is_hidden(context: Context, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)  # so that both meetings lie in one part of the index
    place = place_of(context, MARKER)
    quote = next(r for r in read_parquet(context.made / "quotes.parquet") if MARKER in r.text)
    apply.apply(context, amend.reword(context, place, quote.text.replace("at all", "ever"), by="Mira"), Heard())
    apply.apply(context, amend.reword(context, place, quote.text.replace("My", "Her"), by="Mira"), Heard())
    folder = context.raw
    (folder / f"{corrections.FILE}.before-20240516").write_bytes((folder / corrections.FILE).read_bytes())
    (folder / f".{corrections.FILE}.0a1b2c3d").write_bytes(b"half a line of " + MARKER.encode())
    rebuild(context.layout)
    assert {p.split("/")[1] for p in holding(context)} == {"index", "m"}

    apply.apply(context, amend.hide(context, place, kind, by="Mira", reason="a number"), Heard())  # type: ignore[arg-type]
    assert holding(context) == []
    assert holding(context, "deployment of the cameras")  # the other meeting says it still
    made = corrections.read(folder)
    assert [(c.kind, bool(c.purged)) for c in made] == [("words", True), ("words", True), (kind, False)]
    (outcome,) = batch.run([job(context.layout.root, "m", "m", CAPTIONS, CAPTIONS)], Heard(), n_workers=0)
    assert outcome.status == "fresh"


def test_an_exclusion_in_meeting_toml_forgets_as_much(context: Context) -> None:
    place = place_of(context, MARKER)
    apply.apply(context, amend.reword(context, place, f"It was {MARKER}.", by="Mira"), Heard())
    toml = context.raw / "meeting.toml"
    toml.write_text('exclude = [["0:10", "0:20", "exempt business"]]\n' + toml.read_text("utf-8"), "utf-8")
    (outcome,) = batch.run([job(context.layout.root, "m", "m", CAPTIONS, CAPTIONS)], Heard(), n_workers=0)
    assert outcome.status == "done"
    assert holding(context) == []


def test_what_is_only_withheld_comes_back_as_it_was_corrected(context: Context) -> None:
    place = place_of(context, MARKER)
    apply.apply(context, amend.reword(context, place, f"It was {MARKER}, ever.", by="Mira"), Heard())
    hide = ["correct", str(place), "--by", "Mira"]
    data = context.layout.root
    done = onrecord(*hide, "--withhold", "--reason", "under complaint", "--until", "2999-01-31", data=data)
    assert done.returncode == 0, done.stderr
    shown = [p for p in holding(context) if not p.endswith(("words.json", corrections.FILE))]
    assert shown == []
    told = onrecord("quote", str(place), data=data)
    assert "withheld for now (under complaint; to be looked at again on 2999-01-31)" in told.stderr
    assert onrecord(*hide, "--undo", data=data).returncode == 0
    assert json.loads(onrecord("search", MARKER, "--json", data=data).stdout)["quotes"][0]["text"] == (
        f"It was {MARKER}, ever."
    )


def test_an_index_made_again_meanwhile_does_not_bring_back_what_is_hidden(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = index.replace

    def and_then_again(folder: Path, meeting: str, *args: object, **more: object) -> None:
        replace(folder, meeting, *args, **more)  # type: ignore[arg-type]
        rebuild(context.layout)  # by another run, for another meeting, before this stage is done

    monkeypatch.setattr(index, "replace", and_then_again)
    until = date(2999, 1, 31)
    place = place_of(context, MARKER)
    apply.apply(context, amend.withhold(context, place, by="Mira", reason="complaint", until=until), Heard())
    assert index.held(context.layout.index)["m"] == index.edition(read_parquet(context.made / "quotes.parquet"))
    assert MARKER not in "".join(q.text for q in read_parquet(context.made / "quotes.parquet"))


def test_files_given_away_are_deleted_or_named(context: Context, tmp_path_factory: pytest.TempPathFactory) -> None:
    data, away = context.layout.root, tmp_path_factory.mktemp("away")
    for path in (data / "exports" / "m.txt", away / "m.txt"):
        assert onrecord("export", "txt", "m", "-o", str(path), data=data).returncode == 0
    assert onrecord("export", "txt", "other", "-o", str(data / "exports" / "other.txt"), data=data).returncode == 0
    done = onrecord("correct", str(place_of(context, MARKER)), "--mask", "--by", "Mira", data=data)
    assert f"still holds it, since it lies outside the data folder: {away / 'm.txt'}" in done.stdout.replace("\n", "")
    assert not (data / "exports" / "m.txt").exists()
    assert (data / "exports" / "other.txt").exists()


def test_who_makes_a_file_that_cannot_be_remembered_is_told(context: Context, tmp_path: Path) -> None:
    data, address = context.layout.root, str(place_of(context, MARKER))
    for verb in (["export", "txt", "m"], ["pack", address]):
        out = tmp_path / f"{verb[0]}.given"
        assert "nobody will be told" not in onrecord(*verb, "-o", str(out), data=data).stderr
        assert out.exists()
        (data / outputs.FILE).unlink()
        (data / outputs.FILE).mkdir()
        done = onrecord(*verb, "-o", str(out), "--force", data=data)
        assert done.returncode == 0
        assert f"{out}: if something in it is hidden later, nobody will be told" in done.stderr.replace("\n", "")
        (data / outputs.FILE).rmdir()


def test_files_in_a_data_folder_that_was_moved_or_copied_are_deleted_there(tmp_path: Path) -> None:
    first, copy = Layout(root=tmp_path / "first"), Layout(root=tmp_path / "copy")
    (first.root / "exports").mkdir(parents=True)
    (first.root / "exports" / "m.txt").write_bytes(b"")
    outputs.note(first, first.root / "exports" / "m.txt", "txt", ["m"])
    shutil.copytree(first.root, copy.root)
    assert outputs.purge(copy, "m", [(0, 9_000)]) == ()
    assert [(layout.root / "exports" / "m.txt").exists() for layout in (first, copy)] == [True, False]


def test_of_a_clip_only_what_it_plays_counts(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"")
    outputs.note(layout, tmp_path / "a", "clip", ["m"], (0, 5_000))
    outputs.note(layout, tmp_path / "b", "clip", ["m"], (5_000, 9_000))
    (tmp_path / outputs.FILE).open("ab").write(b"a broken line\n")
    assert outputs.purge(layout, "n", [(0, 9_000)]) == ()
    assert outputs.purge(layout, "m", [(4_000, 5_000)]) == ()
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["b", outputs.FILE]


def test_a_file_that_is_noted_while_others_are_forgotten_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout, put = Layout(root=tmp_path), receipts.put
    with ThreadPoolExecutor(1) as beside:

        def note(name: str) -> None:
            (tmp_path / name).write_bytes(b"")
            outputs.note(layout, tmp_path / name, "txt", ["m"])

        def meanwhile(path: Path, data: bytes) -> None:
            beside.submit(note, "b")
            put(path, data)

        note("a")
        monkeypatch.setattr(outputs, "put", meanwhile)
        assert outputs.purge(layout, "m", [(0, 9_000)]) == ()
    monkeypatch.undo()
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["b", outputs.FILE]
    assert outputs.purge(layout, "m", [(0, 9_000)]) == ()
    assert [p.name for p in sorted(tmp_path.iterdir())] == [outputs.FILE]


def test_a_line_that_a_full_disk_cut_short_takes_no_other_with_it(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    (tmp_path / outputs.FILE).write_bytes(b'{"at":"2024-05-')
    (tmp_path / "a").write_bytes(b"")
    outputs.note(layout, tmp_path / "a", "txt", ["m"])
    assert outputs.purge(layout, "m", [(0, 9_000)]) == ()
    assert not (tmp_path / "a").exists()


def test_a_file_that_cannot_be_deleted_keeps_nothing_else_from_being_hidden(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = context.layout.root / "m.txt"
    assert onrecord("export", "txt", "m", "-o", str(path), data=context.layout.root).returncode == 0
    unlink = Path.unlink

    def refused(self: Path, missing_ok: bool = False) -> None:
        if self.name == path.name:
            raise PermissionError(13, "Permission denied", str(self))
        unlink(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refused)
    hidden = amend.hide(context, place_of(context, MARKER), "mask", by="Mira", reason="a number")
    assert apply.apply(context, hidden, Heard()).elsewhere == (str(path.resolve()),)
    assert MARKER not in "".join(q.text for q in read_parquet(context.made / "quotes.parquet"))


def test_nothing_that_plays_is_left_by_a_run_that_was_killed(context: Context) -> None:
    context.scratch.mkdir(exist_ok=True)
    left = [context.scratch / name for name in ("playable.m4a", "audio-0.s16", "excerpt-0.s16")]
    for path in left:
        path.write_bytes(b"sound")
    hidden = amend.hide(context, place_of(context, MARKER), "mask", by="Mira", reason="a number")
    apply.apply(context, hidden, Heard(), copy=False)
    assert [path.name for path in left if path.exists()] == []

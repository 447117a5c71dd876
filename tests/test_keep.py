"""Taking meetings out, and keeping what people made: at every moment of a kill, and against hostile zips."""

import io
import itertools
import json
import os
import shutil
import stat
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline import corrections, keep, remove
from pipeline.cli import app, main
from pipeline.keep import Kept, Manifest
from pipeline.meetings import Layout
from pipeline.status import status
from search import find, index
from tests.house import TOML, with_captions
from transcribe import locks
from transcribe.documents import dump
from transcribe.problem import Problem

GONE, OTHER = "2024-05-14-panel", "2024-06-11-panel"
AT = "2024-05-14T18:00:00.000Z"
LINE = (
    b'{"schema":"correction/1","id":"00000001","at":"","by":"Mira","kind":"mask","start_ms":900000,"end_ms":900001,'
    b'"recording_sha256":""}\n'
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two meetings, indexed; the first has been corrected."""
    data = tmp_path_factory.mktemp("finished") / "data"
    for folder in (GONE, OTHER):
        with_captions(data, folder)
    assert CliRunner().invoke(app, ["run", "--jobs", "0", "--data", str(data)]).exit_code == 0
    (data / "raw" / GONE / "corrections.jsonl").write_bytes(LINE)
    return data


@pytest.fixture
def data(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "data", copy_function=shutil.copy2))


@pytest.fixture
def layout(data: Path) -> Layout:
    return Layout(root=data)


def cli(*args: str, data: Path, code: int = 0, answer: str = "") -> str:
    done = CliRunner().invoke(app, [*args, "--data", str(data)], input=answer)
    assert done.exit_code == code, (done.output, done.exception)
    return done.stdout


def found(data: Path) -> set[str]:
    return {hit.quote.meeting for hit in find.search(Layout(root=data).index, "consultation", limit=99).hits}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# -- remove ---------------------------------------------------------------------------------------


def test_no_search_finds_what_was_removed(data: Path, layout: Layout) -> None:
    ids = layout.ids.read_bytes()
    raw, other = tree(layout.raw), tree(layout.made(OTHER))
    assert found(data) == {GONE, OTHER}
    remove.remove(layout, GONE)
    assert found(data) == {OTHER}
    assert not layout.made(GONE).exists()
    assert not (layout.processed / remove.TRASH).exists()
    assert tree(layout.raw) == raw
    assert tree(layout.made(OTHER)) == other
    assert layout.ids.read_bytes() == ids  # its addresses mean no other meeting, ever
    cli("run", "--jobs", "0", data=data)  # what lies in raw is made again
    assert found(data) == {GONE, OTHER}


def test_with_its_media_it_does_not_come_back(data: Path, layout: Layout) -> None:
    remove.remove(layout, GONE, media=True)
    assert [p.name for p in layout.raw.iterdir()] == [OTHER]
    cli("run", "--jobs", "0", data=data)
    assert found(data) == {OTHER}
    with pytest.raises(Problem, match="there is no meeting"):
        remove.plan(layout, GONE)


def test_a_meeting_whose_folder_is_gone_can_be_removed(data: Path, layout: Layout) -> None:
    shutil.rmtree(layout.raw / GONE)
    planned = remove.plan(layout, GONE)
    assert (planned.n_quotes, planned.indexed, planned.stays) == (4, True, ())
    remove.remove(layout, GONE)
    assert found(data) == {OTHER}


def test_one_that_only_the_index_holds_can_be_removed(data: Path, layout: Layout) -> None:
    shutil.rmtree(layout.raw / GONE)
    shutil.rmtree(layout.made(GONE))
    (left,) = json.loads(cli("status", "--json", data=data))["leftovers"]
    assert (left["meeting"], left["indexed"]) == (GONE, True)
    remove.remove(layout, GONE)
    assert found(data) == {OTHER}
    assert json.loads(cli("status", "--json", data=data))["leftovers"] == []


class Killed(BaseException):
    pass


def killing(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    """Die before the `n`th thing that is done to the disk, for good."""
    left = itertools.count(n, -1)

    def dying(does: Callable[..., Any]) -> Callable[..., Any]:
        def do(*args: Any, **more: Any) -> Any:
            if next(left) <= 0:
                raise Killed
            return does(*args, **more)

        return do

    monkeypatch.setattr(Path, "rename", dying(Path.rename))
    monkeypatch.setattr(index, "remove", dying(index.remove))
    monkeypatch.setattr(os, "unlink", dying(os.unlink))
    monkeypatch.setattr(os, "rmdir", dying(os.rmdir))
    monkeypatch.setattr(locks.Lock, "_release", lambda self: self._done.set())  # the dead give nothing back


@pytest.mark.parametrize("media", [False, True])
def test_killed_at_any_moment_it_is_finished_by_doing_it_again(
    finished: Path, tmp_path: Path, media: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_killed = 0
    for n in itertools.chain(range(7), itertools.count(7, 5)):  # most of them are in deleting, one file like another
        data = tmp_path / str(n)
        shutil.copytree(finished, data, copy_function=shutil.copy2)
        layout = Layout(root=data)
        try:
            with monkeypatch.context() as patch:
                killing(patch, n)
                remove.remove(layout, GONE, media=media)
            break
        except Killed:
            n_killed += 1
        for lock in layout.processed.rglob("locks/*"):  # their holder is dead, but it is this very process
            lock.unlink()
        left = status(layout)
        if GONE in {m.meeting for m in left.meetings} | {m.meeting for m in left.leftovers}:
            remove.remove(layout, GONE, media=media)
        assert found(data) == {OTHER}
        assert (layout.raw / GONE).exists() is not media
        assert not layout.made(GONE).exists()
        assert not [p for trash in data.rglob(remove.TRASH) for p in trash.iterdir()]
    assert n_killed > 8


def test_a_run_that_is_at_it_is_not_disturbed(data: Path, layout: Layout) -> None:
    before = tree(layout.made(GONE))
    with locks.hold(layout.made(GONE) / "locks" / "turns"), pytest.raises(Problem, match="a run is working on"):
        remove.remove(layout, GONE, media=True)
    assert tree(layout.made(GONE)) == before
    assert found(data) == {GONE, OTHER}
    assert (layout.raw / GONE).exists()


def test_an_index_that_has_to_be_made_again_is(data: Path, layout: Layout) -> None:
    (layout.index / "v0-00000000").mkdir()
    remove.remove(layout, GONE)
    assert found(data) == {OTHER}


@pytest.mark.parametrize(
    "name", ["../..", "..", ".", "", "/", "index", "runs", "../processed", "no\0thing", "*", "../raw/../x"]
)
def test_what_is_no_meeting_is_refused(data: Path, layout: Layout, name: str) -> None:
    before = tree(data)
    with pytest.raises(Problem, match="there is no meeting"):
        remove.remove(layout, name, media=True)
    assert tree(data) == before


def test_links_are_taken_and_what_they_point_at_is_left(data: Path, layout: Layout, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "film.mp4").write_bytes(b"film")
    (layout.raw / GONE / "film.mp4").symlink_to(outside / "film.mp4")
    (layout.made(GONE) / "folder").symlink_to(outside)
    planned = remove.plan(layout, GONE, media=True)
    assert [p.n_links for p in planned.goes] == [1, 1]
    remove.remove(layout, GONE, media=True)
    assert (outside / "film.mp4").read_bytes() == b"film"

    (outside / "meeting").mkdir()
    (outside / "meeting" / "captions.vtt").write_bytes(b"mine")
    shutil.rmtree(layout.raw / OTHER)
    (layout.raw / OTHER).symlink_to(outside / "meeting")
    assert [p.is_link for p in remove.plan(layout, OTHER, media=True).goes] == [False, True]
    remove.remove(layout, OTHER, media=True)
    assert not (layout.raw / OTHER).is_symlink()
    assert (outside / "meeting" / "captions.vtt").read_bytes() == b"mine"


def test_a_meeting_is_named_as_a_shell_completes_it(layout: Layout) -> None:
    assert remove.plan(layout, f"{layout.raw}/{GONE}/").meeting == GONE


def test_two_folders_of_one_id_are_told_apart_first(data: Path, layout: Layout) -> None:
    with_captions(data, GONE.upper())
    with pytest.raises(Problem, match="two folders make one meeting id"):
        remove.plan(layout, GONE)


def test_the_verb_says_what_people_lose_and_asks(data: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    told = cli("remove", GONE, "--media", "--dry-run", data=data)
    assert "AND WHAT PEOPLE WROTE, which nothing can make again with 1 correction" in told
    assert "onrecord backup FILE" in told
    planned = json.loads(cli("remove", GONE, "--media", "--dry-run", "--json", data=data))
    assert (planned["removed"], planned["n_quotes"], planned["n_corrections"]) == (False, 4, 1)

    monkeypatch.setattr(sys, "argv", ["onrecord", "remove", GONE, "--data", str(data)])
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2  # nobody is here to be asked
    assert found(data) == {GONE, OTHER}

    told = cli("remove", GONE, "--yes", data=data)
    assert "The next `onrecord run` makes the meeting again" in told
    assert found(data) == {OTHER}
    cli("remove", OTHER, "--yes", "--json", data=data)
    assert found(data) == set()


def test_no_is_no(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pipeline.cli_keep

    class Terminal:
        stdin = type("", (), {"isatty": staticmethod(lambda: True)})

    monkeypatch.setattr(pipeline.cli_keep, "sys", Terminal)
    cli("remove", GONE, data=data, code=130, answer="n\n")
    assert found(data) == {GONE, OTHER}
    cli("remove", GONE, data=data, answer="y\n")
    assert found(data) == {OTHER}


# -- backup and restore ---------------------------------------------------------------------------


@pytest.fixture
def pack(data: Path, tmp_path: Path) -> Path:
    """A backup of what people made in `data`."""
    (data / "people.toml").write_text("# people\n", "utf-8")
    path = tmp_path / "kept.zip"
    keep.backup(Layout(root=data), path, at=AT)
    return path


def kept(data: Path) -> dict[str, bytes]:
    return {n: b for n, b in tree(data).items() if Path(n).name in (*keep.TOP, *keep.OF_MEETING)}


def test_what_goes_in_comes_out_byte_for_byte(data: Path, pack: Path, tmp_path: Path) -> None:
    other = tmp_path / "another" / "data"
    _, contents = keep.read(pack)
    keep.restore(Layout(root=other), contents)
    assert tree(other) == kept(data)
    assert set(tree(other)) == {
        "meetings.toml",
        "people.toml",
        f"raw/{GONE}/corrections.jsonl",
        *(f"raw/{m}/meeting.toml" for m in (GONE, OTHER)),
    }
    keep.backup(Layout(root=other), tmp_path / "again.zip", at=AT)
    assert (tmp_path / "again.zip").read_bytes() == pack.read_bytes()
    assert {s.kind for s in keep.restore(Layout(root=other), contents)} == {"same"}


def test_names_of_folders_survive(tmp_path: Path) -> None:
    names = ["Cyfarfod Llŷn", "10:30 – Planning", "a\\b", "C:", "-rf", "Müll\xa0x", "..."]
    for name in names:
        (tmp_path / "one" / "raw" / name).mkdir(parents=True)
        (tmp_path / "one" / "raw" / name / "meeting.toml").write_text(f"# {name}", "utf-8")
    manifest = keep.backup(Layout(root=tmp_path / "one"), tmp_path / "kept.zip")
    assert len(manifest.files) == len(names) - 1  # one that begins with a dot is no meeting
    keep.restore(Layout(root=tmp_path / "two"), keep.read(tmp_path / "kept.zip")[1])
    shutil.rmtree(tmp_path / "one" / "raw" / "...")
    assert tree(tmp_path / "two") == tree(tmp_path / "one")


def test_a_backup_is_replaced_only_by_force(layout: Layout, pack: Path) -> None:
    before = pack.read_bytes()
    with pytest.raises(Problem, match="there is such a file already"):
        keep.backup(layout, pack)
    assert pack.read_bytes() == before
    keep.backup(layout, pack, force=True)
    assert pack.read_bytes() != before  # of another time
    assert [p.name for p in pack.parent.iterdir() if "zip" in p.name] == [pack.name]


def test_what_cannot_be_kept_is_an_error_and_leaves_nothing(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "kept.zip", tmp_path / ("x" * 300), tmp_path):
        with pytest.raises(Problem):
            keep.backup(layout, path)
    (layout.raw / OTHER / "corrections.jsonl").mkdir()
    with pytest.raises(Problem, match="not a file"):
        keep.backup(layout, tmp_path / "kept.zip")
    assert not list(tmp_path.glob("*.zip*")) + list(tmp_path.glob(".*"))
    with pytest.raises(Problem, match="nothing to keep"):
        keep.backup(Layout(root=tmp_path / "no"), tmp_path / "kept.zip")


def test_what_differs_is_left_alone_without_force(data: Path, pack: Path) -> None:
    mine = data / "raw" / OTHER / "meeting.toml"
    mine.write_text("# mine\n", "utf-8")
    (data / "raw" / GONE / "meeting.toml").unlink()
    told = cli("restore", str(pack), "--yes", data=data, code=3)
    assert "1 differ and are left alone" in told
    assert mine.read_text("utf-8") == "# mine\n"
    assert (data / "raw" / GONE / "meeting.toml").read_text("utf-8") == TOML
    cli("restore", str(pack), "--yes", "--force", data=data)
    assert mine.read_text("utf-8") == TOML
    (beside,) = mine.parent.glob("meeting.toml.before-*")
    assert beside.read_text("utf-8") == "# mine\n"
    assert json.loads(cli("restore", str(pack), "--json", data=data))["restored"] is False  # all is here


def test_a_dry_run_writes_nothing(pack: Path, tmp_path: Path) -> None:
    told = cli("restore", str(pack), "--dry-run", data=tmp_path / "new")
    assert "5 are new" in told
    assert not (tmp_path / "new").exists()


def test_nothing_is_written_through_a_link(data: Path, pack: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.rmtree(data / "raw" / GONE)
    (data / "raw" / GONE).symlink_to(outside)
    with pytest.raises(Problem, match="is a link"):
        keep.restore(Layout(root=data), keep.read(pack)[1])
    assert list(outside.iterdir()) == []
    (data / "raw" / GONE).unlink()
    (data / "people.toml").unlink()
    (data / "people.toml").symlink_to(outside / "people.toml")
    with pytest.raises(Problem, match="something else"):
        keep.restore(Layout(root=data), keep.read(pack)[1])
    assert list(outside.iterdir()) == []


# -- corrections ----------------------------------------------------------------------------------

logs = st.lists(st.integers(0, 30), unique=True).map(lambda ids: b"".join(b'{"id":"%d"}\n' % i for i in ids))


def lines(log: bytes) -> list[bytes]:
    return log.splitlines(keepends=True)


@given(logs, logs)
def test_merging_loses_no_line_and_keeps_what_is_here_in_order(here: bytes, other: bytes) -> None:
    both = keep.merged(here, other)
    assert both is not None
    assert sorted(lines(both)) == sorted({*lines(here), *lines(other)})
    assert [line for line in lines(both) if line in lines(here)] == lines(here)
    assert keep.merged(both, other) == both  # restoring again changes nothing


@given(logs, logs)
def test_of_two_logs_that_parted_what_is_here_has_the_last_word(begun: bytes, more: bytes) -> None:
    ours = [line for line in lines(more) if line not in lines(begun)]
    theirs = [line.replace(b'"', b'"x', 1) for line in ours]
    here, other = begun + b"".join(ours), begun + b"".join(theirs)
    assert keep.merged(here, other) == begun + b"".join(theirs) + b"".join(ours)
    assert keep.merged(begun, here) == keep.merged(here, begun) == here


@pytest.mark.parametrize("odd", [b"{", b'{"id"', b"[]\n", b"\xff\n", b"[" * 100_000 + b"\n"])
def test_what_is_no_log_is_not_merged(odd: bytes) -> None:
    assert keep.merged(LINE + odd, LINE) is None
    assert keep.merged(LINE, LINE + odd) is None


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\n\n"])
@given(here=logs, other=logs)
def test_it_matters_to_nobody_how_lines_end(here: bytes, other: bytes, ends: bytes) -> None:
    odd = other.replace(b"\n", ends).removesuffix(ends)
    assert keep.merged(here, odd) == keep.merged(here, other)
    assert keep.merged(odd, here) == keep.merged(other, here)


def test_a_log_that_an_editor_saved_is_the_same(data: Path, pack: Path) -> None:
    log = data / "raw" / GONE / "corrections.jsonl"
    log.write_bytes(LINE.replace(b"\n", b"\r\n"))
    steps = keep.restore(Layout(root=data), keep.read(pack)[1], force=True)
    assert {s.kind for s in steps} == {"same"}
    assert log.read_bytes() == LINE.replace(b"\n", b"\r\n")


def test_a_log_that_can_be_read_is_never_replaced(data: Path, pack: Path) -> None:
    log = data / "raw" / GONE / "corrections.jsonl"
    contents = keep.read(pack)[1] | {f"raw/{GONE}/corrections.jsonl": LINE + b"{"}
    (step,) = [s for s in keep.restore(Layout(root=data), contents, force=True) if s.kind != "same"]
    assert (step.kind, log.read_bytes()) == ("damaged", LINE)
    broken = zipped(pack.with_name("broken.zip"), *contents.items())
    assert "those here stay" in cli("restore", str(broken), "--yes", "--force", data=data, code=3)
    assert log.read_bytes() == LINE


@pytest.mark.parametrize("log", [None, b"{", LINE])  # is new, is no log, or is the same, when somebody looks at it
def test_a_correction_that_comes_while_it_is_restored_is_kept(
    data: Path, pack: Path, log: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout, path = Layout(root=data), data / "raw" / GONE / "corrections.jsonl"
    path.unlink()
    if log is not None:
        path.write_bytes(log)
    newer = LINE.replace(b"00000001", b"00000002")
    looks = keep.steps

    def steps(*args: Any) -> list[keep.Step]:
        seen = looks(*args)
        path.write_bytes((log if log == LINE else b"") + newer)
        return seen

    monkeypatch.setattr(keep, "steps", steps)
    keep.restore(layout, keep.read(pack)[1], force=True)
    assert path.read_bytes() == LINE + newer


def test_who_is_correcting_is_waited_for(data: Path, pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corrections, "WAIT_S", 0.1)
    layout = Layout(root=data)
    with corrections.held(layout.made(GONE)):
        for change in (lambda: keep.restore(layout, keep.read(pack)[1]), lambda: remove.remove(layout, GONE)):
            with pytest.raises(Problem, match=r"somebody .*: corrections is held by"):
                change()
    assert found(data) == {GONE, OTHER}


def test_corrections_from_both_sides_are_kept(data: Path, pack: Path) -> None:
    log = data / "raw" / GONE / "corrections.jsonl"
    log.write_bytes(b'{"id":"2"}\n')
    told = cli("restore", str(pack), "--yes", data=data)
    assert "get corrections that are missing here" in told
    assert log.read_bytes() == LINE + b'{"id":"2"}\n'


# -- hostile zips ---------------------------------------------------------------------------------


def zipped(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes], manifest: Manifest | None = None) -> Path:
    """A zip of these entries with a manifest that vouches for every one of them."""
    if manifest is None:
        names = [(e if isinstance(e, str) else e.filename, data) for e, data in entries]
        manifest = Manifest(made=AT, files=tuple(keep._kept(name, data) for name, data in names))
    with zipfile.ZipFile(path, "w") as pack:
        pack.writestr(keep.MANIFEST, dump(manifest, "backup/1"))
        for entry, data in entries:
            pack.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where to put a zip that must be refused."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    return tmp_path / "a" / "b" / "kept.zip"


def refusal(path: Path) -> str:
    """Why a zip is refused, without a trace of it in the folders around it."""
    with pytest.raises(Problem) as e:
        keep.read(path)
    assert e.value.where == str(path)
    done = CliRunner().invoke(app, ["restore", str(path), "--yes", "--data", str(path.parent / "data")])
    assert isinstance(done.exception, Problem)
    assert {p.name for p in path.parents[1].rglob("*")} == {path.parent.name, path.name}
    return e.value.what


@pytest.mark.parametrize(
    "name",
    [
        "../people.toml",
        "raw/../meeting.toml",
        "raw/../../people.toml",
        "raw/x/../meeting.toml",
        "raw/./meeting.toml",
        "raw/.removed/meeting.toml",
        "/etc/people.toml",
        "//people.toml",
        "C:/people.toml",
        "C:\\people.toml",
        "..\\people.toml",
        "raw//meeting.toml",
        "raw/x/meeting.toml/",
        "raw/x/y/meeting.toml",
        "raw/x/film.mp4",
        "raw/meeting.toml",
        "raw/x\n/meeting.toml",
        "processed/x/words.json",
        "raw/x/corrections.jsonl.before-1",
    ],
)
def test_a_name_that_no_backup_holds_is_refused(path: Path, name: str) -> None:
    zipped(path, (name, b""))
    assert "is not a file that people make here" in refusal(path)


@pytest.mark.parametrize(
    ("name", "why"),
    [("raw/x\0/meeting.toml", "its files are not those of its manifest"), ("raw/x", "is not a file that people make")],
)
def test_a_name_with_a_nul_is_refused(path: Path, name: str, why: str) -> None:
    """Which is read up to the NUL; the manifest names the one or the other."""
    zipped(path, ("raw/xZ/meeting.toml", b""), manifest=Manifest(made=AT, files=(keep._kept(name, b""),)))
    path.write_bytes(path.read_bytes().replace(b"raw/xZ/", b"raw/x\0/"))
    assert why in refusal(path)


def test_a_link_is_refused(path: Path) -> None:
    link = zipfile.ZipInfo("raw/x/meeting.toml")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    zipped(path, (link, b"/etc/passwd"))
    assert "'raw/x/meeting.toml' is not a plain file" in refusal(path)


def test_a_bomb_is_refused(path: Path) -> None:
    bomb = zipfile.ZipInfo("people.toml")
    lie = Manifest(made=AT, files=(Kept(name="people.toml", size=10, sha256="0" * 64),))
    zipped(path, (bomb, bytes(100_000_000)), manifest=lie)
    assert path.stat().st_size < 200_000
    assert "'people.toml' is larger than it says" in refusal(path)


def test_one_that_says_how_large_it_is_is_refused_unread(path: Path) -> None:
    large = Manifest(made=AT, files=(Kept(name="people.toml", size=10**12, sha256="0" * 64),))
    zipped(path, ("people.toml", b""), manifest=large)
    assert "it is larger than any backup" in refusal(path)


def test_a_table_of_contents_that_fills_the_memory_is_refused(path: Path) -> None:
    zipped(path, ("people.toml", b""))
    whole = bytearray(path.read_bytes())
    end = whole.rfind(b"PK\x05\x06")
    struct.pack_into("<I", whole, end + 12, 2**31)
    path.write_bytes(whole)
    assert "it holds more files than any backup" in refusal(path)


def test_what_the_manifest_does_not_name_is_refused(path: Path) -> None:
    zipped(path, ("people.toml", b""), manifest=Manifest(made=AT, files=()))
    assert "its files are not those of its manifest" in refusal(path)


def test_what_is_missing_is_refused(path: Path) -> None:
    zipped(path, manifest=Manifest(made=AT, files=(keep._kept("people.toml", b""),)))
    assert "its files are not those of its manifest" in refusal(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused(path: Path) -> None:
    twice = Manifest(made=AT, files=(keep._kept("people.toml", b"1"),))
    zipped(path, ("people.toml", b"1"), ("people.toml", b"2"), manifest=twice)
    assert "it has no manifest, or a name twice" in refusal(path)


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (b"", "it is not a zip"),
        (b"PK", "it is not a zip"),
        (b"no zip at all", "it is not a zip"),
        (b"PK\x05\x06" + bytes(18), "it has no manifest"),
    ],
)
def test_what_is_no_backup_is_refused(path: Path, what: bytes, why: str) -> None:
    path.write_bytes(what)
    assert why in refusal(path)


def test_a_manifest_that_is_none_is_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as pack:
        pack.writestr(keep.MANIFEST, b'{"schema": ' * 100_000)
    assert "recursion" in refusal(path)


def test_a_flipped_bit_anywhere_is_found_or_harmless(pack: Path, tmp_path: Path) -> None:
    whole = pack.read_bytes()
    good = keep.read(pack)
    for at in range(0, len(whole), 7):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << at % 8
        (tmp_path / "flipped.zip").write_bytes(flipped)
        try:
            assert keep.read(tmp_path / "flipped.zip")[1] == good[1]
        except Problem:
            continue

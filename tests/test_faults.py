"""What goes wrong around a run: full and read-only disks, damaged files, old schemas, clocks, media that change.

None of it may cost more than what was in flight, or leave a file that a later run trusts wrongly. Kills are in
test_kills.py, workers that starve or hang in test_workers.py.
"""

import errno
import json
import os
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from analyse.records import Statements
from pipeline import batch, events, receipts, work
from pipeline.events import Event
from search import index
from tests.bench import kills
from tests.house import Engine, Heard, command, environment, job, onrecord, with_captions, with_sound
from transcribe import captions, documents
from transcribe.documents import Unreadable
from transcribe.engines import Choice
from transcribe.records import Record, Recording, Transcript, Turn, Turns, Words

GOLDEN = Path(__file__).parent / "data" / "golden"
CAPTIONS = Choice(name="captions", fingerprint="captions", by_hand=True)
WHISPER = Choice(name="whisper:base", fingerprint="whisper base")
VOICES = Choice(name="pyannote:starter", fingerprint="pyannote starter")
EXCLUDE = 'exclude = [[0, 1, "before the meeting"]]\n'


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine().instead(monkeypatch)


def here(
    data: Path, id: str = "m", *, through: str = "index", verify: bool = False, heard: Heard | None = None
) -> work.Outcome:
    """A run of one meeting in this process."""
    todo = msgspec.structs.replace(job(data, id, id, WHISPER, VOICES), through=through, verify=verify)
    (outcome,) = batch.run([todo], heard or Heard(), n_workers=0)
    return outcome


def ran(outcome: work.Outcome) -> list[str]:
    assert outcome.status in ("done", "fresh"), outcome
    return [r.stage for r in outcome.ran]


def results(data: Path, id: str = "m") -> dict[str, bytes]:
    """What the stages of a meeting wrote, but for the copy to play."""
    made = data / "processed" / id
    found = {p.name: p.read_bytes() for p in made.iterdir() if p.is_file() and p.suffix != ".m4a"}
    return found | {"index": index.held(data / "processed" / "index")[id].encode()}


def flip(path: Path, *, at: int = -20) -> None:
    """Change one bit of a file and nothing of its size and time."""
    stat, data = path.stat(), bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


# -- disks ----------------------------------------------------------------------------------------


class Disk:
    """Lets every operation that changes a disk through until it is told to fail, then that one or all from then on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.n_done, self.fails_at, self.for_good, self.code = 0, -1, False, errno.ENOSPC
        for owner, name in (
            *((Path, name) for name in ("write_bytes", "write_text", "replace", "rename", "mkdir", "unlink")),
            *((os, name) for name in ("link", "fsync")),
        ):
            monkeypatch.setattr(owner, name, self.checked(getattr(owner, name)))
        real_open = Path.open

        def opened(path: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            if set(mode) & set("wax+"):
                self.check(path)
            return real_open(path, mode, *args, **kwargs)

        monkeypatch.setattr(Path, "open", opened)

    def check(self, *about: object) -> None:
        n, self.n_done = self.n_done, self.n_done + 1
        if n == self.fails_at or (self.for_good and n > self.fails_at >= 0):
            raise OSError(self.code, os.strerror(self.code), str(about[0]) if about else None)

    def checked(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.check(*args)
            return operation(*args, **kwargs)

        return call

    def fail_at(self, n: int) -> None:
        self.n_done, self.fails_at = 0, n


@pytest.mark.parametrize(
    ("code", "for_good", "through", "step"), [(errno.ENOSPC, False, "statements", 2), (errno.EROFS, True, "index", 4)]
)
def test_a_disk_that_fails_at_any_moment_costs_no_more_than_that(
    tmp_path: Path,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    for_good: bool,
    through: str,
    step: int,
) -> None:
    with_sound(tmp_path, "m", n_ms=2_000)
    assert here(tmp_path).status == "done"
    expected = results(tmp_path)
    disk = Disk(monkeypatch)
    disk.code, disk.for_good = code, for_good
    n_failed, n = 0, 0
    while True:
        (tmp_path / "processed").rename(tmp_path / f"processed-{n}")
        disk.fail_at(n)
        outcome = here(tmp_path, through=through)
        is_through = disk.n_done <= n
        disk.fail_at(-1)
        if outcome.status == "failed":
            n_failed += 1
            assert os.strerror(code) in outcome.what
            assert outcome.fix
            assert outcome.where
        here(tmp_path)
        assert results(tmp_path) == expected
        if is_through:
            break
        n += step
    assert n_failed > 15


def cramped(n_bytes: int, *args: str, data: Path) -> "subprocess.CompletedProcess[str]":
    """The command where no file may grow beyond so many bytes."""
    return subprocess.run(
        command(*args, data=data),
        env=environment({"PYTHONDONTWRITEBYTECODE": "1"}),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes)),
        timeout=300,
    )


@pytest.mark.parametrize("n_bytes", [0, 200, 2_000, 20_000])
def test_a_disk_that_is_full_is_said_and_the_next_run_goes_on(tmp_path: Path, n_bytes: int) -> None:
    """No file may grow beyond a few bytes, whatever writes it: Python, FFmpeg, Arrow or Tantivy."""
    with_captions(tmp_path, "m", toml=EXCLUDE + 'captions = "captions.vtt"\nmedia = "meeting.wav"\n')
    with_sound(tmp_path, "sound", n_ms=40_000)
    (tmp_path / "raw" / "sound" / "meeting.wav").rename(tmp_path / "raw" / "m" / "meeting.wav")
    (tmp_path / "raw" / "sound").rmdir()
    full = cramped(n_bytes, "run", "--jobs", "0", data=tmp_path)
    assert full.returncode in (3, 4), full.stderr
    assert "error: " in full.stderr
    assert "Traceback" not in full.stderr
    assert "bug" not in full.stderr
    done = onrecord("run", "--jobs", "0", data=tmp_path)
    assert done.returncode == 0, done.stderr
    assert kills.left_behind(tmp_path / "processed" / "m") == []
    assert "up to date" in onrecord("run", "--jobs", "0", "--verify", data=tmp_path).stderr


def test_a_disk_that_is_full_is_said_by_what_changes_something_with_the_file(tmp_path: Path) -> None:
    with_captions(tmp_path, "m")
    batch.run([job(tmp_path, "m", "m", CAPTIONS, CAPTIONS)], Heard(), n_workers=0)
    for n_bytes, *verb in (
        (0, "correct", "m/0-9000", "--listened", "--by", "Mira"),
        (250, "correct", "m/0-9000", "--listened", "--by", "Mira"),
        (0, "publish", str(tmp_path / "pages")),
        (0, "remove", "m", "--yes"),
    ):
        full = cramped(n_bytes, *verb, data=tmp_path)
        assert full.returncode == 4, (verb, full.stderr)
        assert f"where: {tmp_path}/" in full.stderr, verb


@pytest.mark.parametrize("name", ["processed", "processed/runs", "meetings.toml"])
def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path, name: str) -> None:
    """A file where a folder should be, or the other way round, stops even those whom rights do not stop."""
    with_captions(tmp_path, "m")
    blocked = tmp_path / name
    blocked.parent.mkdir(exist_ok=True)
    blocked.mkdir() if name.endswith(".toml") else blocked.write_text("")
    done = onrecord("run", data=tmp_path)
    assert done.returncode in (2, 4), done.stderr
    assert done.stderr.startswith("error: ")
    assert str(blocked) in done.stderr
    assert "bug" not in done.stderr


def test_a_run_goes_on_where_its_log_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = events.Log(tmp_path)
    event = Event(at="", meeting="m", what="note", message="x" * 100)
    log(event)
    real, full = log._file, open("/dev/full", "wb", buffering=0)  # noqa: PTH123, SIM115
    log._file = full
    log(event)
    log._file = real
    log(event)
    log.close()
    full.close()
    assert len(log.path.read_bytes().splitlines()) == 2


def test_what_is_written_is_on_the_disk_before_its_receipt(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a power cut may leave a receipt that vouches for an empty file."""
    with_sound(tmp_path, "m", n_ms=1_000)
    synced: set[int] = set()
    kept: dict[str, list[bool]] = {}  # by name: whether it was on the disk when it was put in place
    real_sync, real_replace = os.fsync, Path.replace

    def sync(fd: int) -> None:
        synced.add(os.fstat(fd).st_ino)
        real_sync(fd)

    def replace(path: Path, target: Path) -> Path:
        kept.setdefault(target.name, []).append(path.stat().st_ino in synced)
        return real_replace(path, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)
    here(tmp_path)
    assert len(kept["words.json"]) == 2  # the words and their receipt
    assert {"transcript.json", "transcript.vtt", "quotes.parquet", "probe.json"} <= kept.keys()
    assert all(all(each) for each in kept.values()), kept


# -- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "stage"),
    [("words.json", "words"), ("turns.json", "turns"), ("transcript.vtt", "transcript"), ("quotes.parquet", "index")],
)
@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_verify_finds_damage_and_makes_only_that_again(
    tmp_path: Path, engine: Engine, name: str, stage: str, damage: str
) -> None:
    with_sound(tmp_path, "m")
    here(tmp_path)
    expected = results(tmp_path)
    path = tmp_path / "processed" / "m" / name
    if damage == "flipped":
        flip(path)
        assert here(tmp_path).status == "fresh"  # by its size and time it is what it was
    else:
        path.write_bytes(path.read_bytes()[:-30])
    assert ran(here(tmp_path, verify=True)) == [stage]
    assert results(tmp_path) == expected
    assert here(tmp_path, verify=True).status == "fresh"


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("recording.json", "words"),
        ("words.json", "transcript"),
        ("turns.json", "transcript"),
        ("transcript.json", "statements"),
        ("statements.json", "index"),
        ("transcript.json", "index"),
    ],
)
@pytest.mark.parametrize("at", [2, -20])
def test_what_a_stage_is_about_to_read_is_made_again_where_it_is_damaged(
    tmp_path: Path, engine: Engine, name: str, reader: str, at: int
) -> None:
    """Whether it is still JSON or not; and nothing else is made again."""
    with_sound(tmp_path, "m")
    here(tmp_path)
    expected = results(tmp_path)
    made = tmp_path / "processed" / "m"
    flip(made / name, at=at)
    receipts.receipt_path(made, reader).unlink()
    maker = next(s for s in work.NAMES if (r := receipts.read(made, s)) and name in r.outputs)
    assert set(ran(here(tmp_path))) == {maker, reader}
    assert results(tmp_path) == expected
    assert here(tmp_path, verify=True).status == "fresh"


@pytest.mark.parametrize("schema", ["0", "2"])
@pytest.mark.parametrize("name", ["recording.json", "words.json", "turns.json", "transcript.json", "statements.json"])
def test_a_file_of_a_schema_that_nobody_knows_is_made_again(
    tmp_path: Path, engine: Engine, name: str, schema: str
) -> None:
    with_sound(tmp_path, "m")
    here(tmp_path)
    expected = results(tmp_path)
    made = tmp_path / "processed" / "m"
    (made / name).write_bytes((made / name).read_bytes().replace(b'/1"', f'/{schema}"'.encode(), 1))
    for stage in work.NAMES:  # as if that program had written it
        receipt = receipts.read(made, stage)
        assert receipt
        for files in (receipt.outputs, receipt.inputs):
            if name in files:
                files[name] = receipts.state_of(made / name)
        receipts.write(made, receipt)
    for stage in work.NAMES[work.NAMES.index("transcript") :]:
        receipts.receipt_path(made, stage).unlink()
    assert here(tmp_path).status == "done"
    assert results(tmp_path) == expected


def test_receipts_of_another_version_are_made_again(tmp_path: Path, engine: Engine) -> None:
    with_sound(tmp_path, "m")
    here(tmp_path)
    expected = results(tmp_path)
    made = tmp_path / "processed" / "m"
    for stage in work.NAMES:
        receipt = receipts.read(made, stage)
        assert receipt
        receipts.write(made, msgspec.structs.replace(receipt, version=receipt.version - 1))
    assert ran(here(tmp_path)) == list(work.NAMES)
    assert results(tmp_path) == expected


def test_what_is_unreadable_whenever_it_is_made_is_reported_once(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_sound(tmp_path, "m")
    real = documents.dump
    monkeypatch.setattr(
        "pipeline.hear_words.dump", lambda record, schema: real(record, schema.replace("words/1", "words/9"))
    )
    heard = Heard()
    outcome = here(tmp_path, heard=heard)
    assert outcome.status == "failed"
    assert "words/9" in outcome.what
    assert heard.stages("start").count("words") == 2


# -- schemas --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ("recording/1", Recording),
        ("words/1", Words),
        ("turns/1", Turns),
        ("transcript/1", Transcript),
        ("transcript/2", Transcript),
        ("statements/2", Statements),
    ],
)
def test_what_was_once_written_can_be_read_for_ever(schema: str, kind: type[Record]) -> None:
    """One file for each schema that ever was. Never change one: add an upgrade, and a file for the new schema."""
    path = GOLDEN / f"{schema.replace('/', '-')}.json"
    read = documents.load(path.read_bytes(), kind, schema, where=path)
    assert json.loads(documents.dump(read, schema)) == json.loads(path.read_bytes())


@pytest.mark.parametrize(
    ("display", "more", "in_captions"),
    [
        ("Ivo Brand", {}, True),
        ("Several residents", {}, True),
        ("Unknown speaker 2", {}, False),
        ("Member of the public 2", {"role": "Member of the public"}, False),
        ("Jo Okafor", {"person": "jo-okafor", "status": "inferred"}, False),
    ],
)
def test_of_an_older_transcript_it_is_known_what_captions_call_a_voice(
    display: str, more: dict[str, str], in_captions: bool
) -> None:
    body = json.loads((GOLDEN / "transcript-1.json").read_bytes())
    body["names"] = [{"label": "S1", "display": display} | more]
    (name,) = documents.load(json.dumps(body).encode(), Transcript, "transcript/2").names
    assert (name.display, name.in_captions) == (display, in_captions)
    body["names"] = [{"label": "S1"}]
    with pytest.raises(Unreadable):
        documents.load(json.dumps(body).encode(), Transcript, "transcript/2")


def test_a_receipt_that_was_once_written_can_be_read_for_ever(tmp_path: Path) -> None:
    """Or every meeting of a corpus would be heard again."""
    (tmp_path / "receipts").mkdir()
    (tmp_path / "receipts" / "words.json").write_bytes((GOLDEN / "receipt.json").read_bytes())
    receipt = receipts.read(tmp_path, "words")
    assert receipt
    assert (receipt.stage, receipt.version, receipt.params["language"]) == ("words", 1, "en")
    assert receipt.outputs["words.json"].size == 1234


def test_an_older_schema_is_upgraded_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def named(body: documents.Body) -> documents.Body:
        return {("recording_sha256" if key == "hash" else key): value for key, value in body.items()}

    def timed(body: documents.Body) -> documents.Body:
        return body | {"turns": [{"speaker": s, "start_ms": a, "end_ms": b} for s, a, b in body["turns"]]}

    monkeypatch.setattr(documents, "UPGRADES", {"turns/-1": ("turns/0", named), "turns/0": ("turns/1", timed)})
    for schema, hash in (("turns/-1", "hash"), ("turns/0", "recording_sha256")):
        old = json.dumps({"schema": schema, "generator": "x", hash: "ab", "engine": "e", "turns": [["S1", 0, 5]]})
        turns = documents.load(old.encode(), Turns, "turns/1")
        assert turns == Turns(recording_sha256="ab", engine="e", turns=(Turn(speaker="S1", start_ms=0, end_ms=5),))
    with pytest.raises(Unreadable, match="turns/-2"):
        documents.load(b'{"schema": "turns/-2"}', Turns, "turns/1")
    with pytest.raises(Unreadable):  # upgraded, and even so not what it should be
        documents.load(b'{"schema": "turns/0", "turns": []}', Turns, "turns/1")


# -- clocks ---------------------------------------------------------------------------------------


def test_a_clock_that_goes_backwards_changes_nothing(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = with_sound(tmp_path, "m")
    monkeypatch.setattr(work, "now", lambda: "2099-01-01T00:00:00.000Z")
    here(tmp_path)
    made = tmp_path / "processed" / "m"
    future_ns = 4_000_000_000 * 10**9
    for path in made.rglob("*.*"):
        os.utime(path, ns=(future_ns, future_ns))
    os.utime(place / "meeting.wav", ns=(future_ns, future_ns))
    monkeypatch.setattr(work, "now", lambda: "1999-01-01T00:00:00.000Z")
    assert here(tmp_path).status == "fresh"
    (place / "meeting.toml").write_text('title = "Panel"\n', "utf-8")
    assert "words" not in ran(here(tmp_path))
    assert here(tmp_path).status == "fresh"


def test_logs_of_one_moment_are_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "now", lambda: "2024-05-14T19:00:00.000Z")
    paths = {events.Log(tmp_path).path for _ in range(3)}
    assert len(paths) == 3


# -- media that change ----------------------------------------------------------------------------


def test_media_that_change_while_they_are_heard_give_no_words(tmp_path: Path, engine: Engine) -> None:
    place = with_sound(tmp_path, "m", n_ms=4_000)
    longer = with_sound(tmp_path, "other", n_ms=6_000)

    def change(at_ms: int) -> None:
        if at_ms == 2_000:
            (longer / "meeting.wav").replace(place / "meeting.wav")

    engine.meanwhile = change
    outcome = here(tmp_path)
    assert outcome.status == "failed"
    assert "changed while it was being read" in outcome.what
    assert outcome.where == str(place / "meeting.wav")
    assert "run again" in outcome.fix
    assert not (tmp_path / "processed" / "m" / "words.json").exists()
    assert not list((tmp_path / "processed" / "m" / "scratch").iterdir())
    engine.meanwhile = lambda at_ms: None
    assert ran(here(tmp_path))[0] == "probe"
    words = json.loads((tmp_path / "processed" / "m" / "words.json").read_bytes())["words"]
    assert len(words) == 6


def test_media_that_are_only_touched_are_heard(tmp_path: Path, engine: Engine) -> None:
    place = with_sound(tmp_path, "m", n_ms=2_000)
    engine.meanwhile = lambda at_ms: (place / "meeting.wav").touch()
    assert here(tmp_path).status == "done"


def test_captions_that_change_while_they_are_read_give_no_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = with_captions(tmp_path, "m")
    real = captions.read

    def read(path: Path, **options: Any) -> Any:
        found = real(path, **options)
        path.write_text(path.read_text("utf-8").replace("residents", "people"), "utf-8")
        return found

    monkeypatch.setattr(captions, "read", read)
    (outcome,) = batch.run([job(tmp_path, "m", "m", CAPTIONS, CAPTIONS)], Heard(), n_workers=0)
    assert "changed while it was being read" in outcome.what
    assert outcome.where == str(place / "captions.vtt")

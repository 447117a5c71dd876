"""What meetings recordings would make: looked at, grouped, guessed about and named. Writes nothing.

What is there already is left out, what can't be a recording is refused, and the others go on.
"""

import os
import re
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from pipeline import guess, meetings
from pipeline.gather import Found, Known, PassedOver, gather
from pipeline.guess import Guess
from pipeline.meetings import CAPTION_SUFFIXES, MEDIA_SUFFIXES, Layout, readable, size
from transcribe.media import Progress
from transcribe.problem import LACKING, Problem
from transcribe.records import Record

How = Literal["linked", "pointed to", "copied"]  # hard link, symbolic link, copy

_LARGEST_INFO = 20_000_000  # bytes
_LANGUAGE = re.compile(r"\.[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*$")  # between a name and its suffix: x.en.vtt
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
    """A meeting that would be made; without `parts` where it has captions alone. `guesses` has those of `title`,
    `body`, `held_on` and `source_url` there are."""

    folder: str
    parts: tuple[Part, ...]
    guesses: dict[str, Guess]
    captions: Path | None = None
    captions_name: str = ""
    notes: tuple[str, ...] = ()


class Proposal(Record):
    meetings: tuple[NewMeeting, ...]
    known: tuple[Known, ...]
    refused: tuple[Problem, ...]
    passed_over: PassedOver

    @property
    def n_to_copy(self) -> int:
        """Bytes that would be copied."""
        return sum(p.size for m in self.meetings for p in m.parts if p.how == "copied")


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
    """The meetings that recordings, folders of them, and captions without a recording would make. Writes nothing.

    `said` holds what need not be guessed, by key of meeting.toml; `link` is True for links only, False for copies
    only, None for links where they outlive the original. `progress` is told (files looked at, files). What can't be a
    recording is refused, and the others go on. Raises Problem where `said` concerns one meeting and there are several.
    """
    files = gather(layout, paths, recursive=recursive, progress=progress)
    groups = [(f.path.stem, [f]) for f in files.recordings] if apart else _groups(files.recordings)
    if (n_meetings := len(groups) + len(files.captions)) > 1 and (one := [key for key in said if key != "body"]):
        raise Problem(
            f"{n_meetings} meetings would be made, and {' and '.join(map(_option, one))} can be only one's",
            fix="add them one by one, or write it into each meeting.toml afterwards",
        )
    folders = meetings.find_folders(layout) if layout.raw.is_dir() else []
    taken = {f.name for f in folders} | set(meetings.assign_ids(layout, folders).values())
    new = []
    for stem, group in groups:
        new.append(_meeting(layout, stem, group, said, link, taken))
        taken.add(new[-1].folder)
    for each in files.captions:
        new.append(_captions_alone(each, said, taken))
        taken.add(new[-1].folder)
    return Proposal(meetings=tuple(new), known=files.known, refused=files.refused, passed_over=files.passed_over)


def _option(key: str) -> str:
    return {"held_on": "--date"}.get(key, f"--{key.replace('_', '-')}")


def _groups(found: Sequence[Found]) -> list[tuple[str, list[Found]]]:
    """Recordings that make a meeting each, with what they are called: parts of one, in order, or one alone."""
    numbered = {f.path: part for f in found if (part := guess.find_part(f.path.stem))}
    parts: dict[tuple[Path, str], dict[int, Found]] = defaultdict(dict)
    whole: list[tuple[str, list[Found]]] = []
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
    layout: Layout, stem: str, group: Sequence[Found], said: Mapping[str, str], link: bool | None, taken: set[str]
) -> NewMeeting:
    notes: list[str] = []
    infos = [_info(f.path, notes) for f in group]
    first, tags, info = group[0].path, group[0].tags, infos[0]
    if len(group) > 1:
        tags, info = _of_whole(tags), _of_whole(info)
    guesses = guess.guesses(readable(stem), tags, info, _info_path(first).name)
    guesses |= {key: Guess(value=value, source=_option(key)) for key, value in said.items()}
    links = [str(i.get("webpage_url")) if guess.is_link(i.get("webpage_url")) else "" for i in infos]
    if len(group) > 1 and "source_url" not in said:
        guesses.pop("source_url", None)
    beside = _captions(first) if len(group) == 1 else []
    if len(beside) > 1:
        notes.append(f"other captions are left out: {', '.join(readable(c.name) for c in beside[1:])}")
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
    return NewMeeting(
        folder=_free(_called(guesses, stem), taken),
        parts=tuple(parts),
        guesses=guesses,
        captions=beside[0] if beside else None,
        captions_name=_kept_name(beside[0], "captions", names) if beside else "",
        notes=tuple(notes),
    )


def _captions_alone(found: Found, said: Mapping[str, str], taken: set[str]) -> NewMeeting:
    """A meeting of which there is no recording."""
    notes: list[str] = []
    stem = _LANGUAGE.sub("", found.path.stem)
    like = found.path.with_name(stem)
    guesses = guess.guesses(readable(stem), {}, _info(like, notes), _info_path(like).name)
    guesses |= {key: Guess(value=value, source=_option(key)) for key, value in said.items()}
    recordings = (found.path.with_name(f"{stem}{suffix}") for suffix in sorted(MEDIA_SUFFIXES))
    notes += (f"{readable(r.name)} is left out: name it, and its captions come along" for r in recordings if r.exists())
    if not found.duration_ms:
        notes.append("these words have no times: they can be read, and not cited")
    return NewMeeting(
        folder=_free(_called(guesses, stem), taken),
        parts=(),
        guesses=guesses,
        captions=found.path,
        captions_name=_kept_name(found.path, "captions", set()),
        notes=tuple(notes),
    )


def _called(guesses: Mapping[str, Guess], stem: str) -> str:
    """What a folder is called after what is known of its meeting."""
    known = " ".join(guesses[k].value for k in ("held_on", "title") if k in guesses)
    return meetings.slug(known or readable(stem))


def _of_whole(about: dict[str, Any]) -> dict[str, Any]:
    """What is said about one part, with a title that is that of all."""
    title = guess.plain(about.get("title"))
    part = guess.find_part(title)
    return about | {"title": part[0] if part else title}


def _info_path(media: Path) -> Path:
    return media.with_name(f"{media.stem}.info.json")


def _info(media: Path, notes: list[str]) -> dict[str, Any]:
    """What a downloader wrote about a recording, in a file beside it."""
    path = _info_path(media)
    if not os.path.lexists(path):
        return {}
    try:
        if not path.is_file():
            raise OSError
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
            if path.stem.startswith(media.stem) and (not language or _LANGUAGE.fullmatch(language)):
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
    if path.stat().st_dev == meetings.nearest(layout.raw).stat().st_dev:
        return "linked"
    return "pointed to" if link else "copied"


def _free(name: str, taken: set[str]) -> str:
    n, free = 1, name
    while free in taken:
        n += 1
        free = f"{name[:75]}-{n}"
    return free


def check_space(layout: Layout, proposal: Proposal) -> None:
    """Raises Problem where what is to be copied does not fit on the disk."""
    free = shutil.disk_usage(meetings.nearest(layout.raw)).free
    if proposal.n_to_copy > free:
        raise Problem(
            f"{size(proposal.n_to_copy)} would be copied, and {size(free)} are free",
            where=layout.raw,
            fix="make space there, or add --link to point to the recordings where they are",
            exit_code=LACKING,
        )

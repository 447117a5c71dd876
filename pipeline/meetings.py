"""Meeting folders and `meeting.toml`: what people put in, read and checked.

`data/raw/<folder>/` holds a meeting. Its id is made from the folder's name and fixed in `data/meetings.toml`
at the first run, so that addresses of quotes outlive a renamed folder (rename it in that file, too).
"""

import hashlib
import json
import os
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from pipeline.receipts import put
from transcribe.problem import Problem
from transcribe.records import AgendaItem, Id, MediaFile, Meeting, Person, Record

MEDIA_SUFFIXES = frozenset(
    [
        ".wav",
        ".flac",
        ".mp3",
        ".m4a",
        ".aac",
        ".ogg",
        ".oga",
        ".opus",
        ".wma",
        ".aif",
        ".aiff",
        ".au",
        ".mp4",
        ".m4v",
        ".mkv",
        ".webm",
        ".ts",
        ".mts",
        ".mov",
        ".avi",
        ".wmv",
        ".mpg",
        ".mpeg",
        ".flv",
        ".3gp",
        ".mka",
    ]
)
CAPTION_SUFFIXES = frozenset({".vtt", ".srt"})
RESERVED_IDS = frozenset({"index", "runs"})  # folders of data/processed that are no meetings


class Layout(Record):
    """Where everything is in a data folder."""

    root: Path

    @property
    def raw(self) -> Path:
        return self.root / "raw"

    @property
    def processed(self) -> Path:
        return self.root / "processed"

    @property
    def index(self) -> Path:
        return self.processed / "index"

    @property
    def runs(self) -> Path:
        return self.processed / "runs"

    @property
    def ids(self) -> Path:
        return self.root / "meetings.toml"

    @property
    def codebook(self) -> Path:
        return self.root / "codebook.toml"

    def made(self, meeting: str) -> Path:
        return self.processed / meeting


class _MeetingToml(Record):
    """`meeting.toml` as written, before times are read and files are looked for."""

    title: str = ""
    body: str = ""
    held_on: date | None = None
    timezone: str = "Europe/London"
    source_url: str = ""
    source_offset_s: float = 0.0
    media: str | tuple[MediaFile, ...] = ""
    audio_track: Annotated[int, msgspec.Meta(ge=1)] | None = None
    captions: str = ""
    language: str = ""
    vocabulary: tuple[str, ...] = ()
    exclude: tuple[tuple[str | float, str | float, str], ...] = ()
    people: tuple[Person, ...] = ()
    agenda: tuple[AgendaItem, ...] = ()


def slug(folder: str) -> str:
    """A meeting id from any folder name.

    >>> slug("2024-05-14 Public Safety (Scrutiny)")
    '2024-05-14-public-safety-scrutiny'
    >>> slug("Cyfarfod Llŷn")
    'cyfarfod-llyn'
    """
    plain = unicodedata.normalize("NFKD", folder).encode("ascii", "ignore").decode().lower()
    made = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80].strip("-")
    if not made or made in RESERVED_IDS:
        made = "m-" + hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]
    return made


def readable(name: str) -> str:
    """A path or what names one as text that TOML and JSON can hold, whatever bytes it is made of."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def find_folders(layout: Layout) -> list[Path]:
    """Meeting folders, in order of their names. Raises Problem where there is no `raw` folder."""
    if not layout.raw.is_dir():
        raise Problem(
            "there is no folder of recordings",
            where=layout.raw,
            fix=f"make {layout.raw}/<meeting>/ and put the recording there, or name another folder with --data",
        )
    return sorted(p for p in layout.raw.iterdir() if p.is_dir() and not p.name.startswith("."))


def loose_media(layout: Layout) -> list[Path]:
    """Media that lie in `raw` itself, where they belong to no meeting."""
    return sorted(p for p in layout.raw.iterdir() if p.is_file() and p.suffix.lower() in MEDIA_SUFFIXES)


def read_ids(layout: Layout) -> dict[str, str]:
    """Folder name -> meeting id, as fixed at first runs."""
    try:
        ids = tomllib.loads(layout.ids.read_text("utf-8")).get("meetings", {})
        fixed = msgspec.convert(ids, dict[str, Id])
        if reserved := RESERVED_IDS & set(fixed.values()):
            raise msgspec.ValidationError(f"{min(reserved)!r} can't be a meeting's id")
        return fixed
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as e:
        raise Problem(
            f"the list of meeting ids cannot be read: {e}",
            where=layout.ids,
            fix="mend that line; quotes keep their addresses through this file",
        ) from e


def assign_ids(layout: Layout, folders: Sequence[Path]) -> dict[str, str]:
    """Ids for all folders: those fixed earlier, and fresh ones made from names. Writes nothing."""
    fixed = read_ids(layout)
    return {f.name: fixed.get(readable(f.name)) or slug(f.name) for f in folders}


def fix_ids(layout: Layout, ids: dict[str, str]) -> None:
    """Write fresh ids into `data/meetings.toml`."""
    fixed = read_ids(layout)
    fresh = {readable(folder): id for folder, id in ids.items() if readable(folder) not in fixed}
    if not fresh:
        return
    lines = [
        "# Which folder of raw/ is which meeting. Quotes are cited by these ids: rename a folder here, too.",
        "[meetings]",
        *(f"{json.dumps(folder, ensure_ascii=False)} = {json.dumps(id)}" for folder, id in (fixed | fresh).items()),
    ]
    put(layout.ids, ("\n".join(lines) + "\n").replace("\x7f", "\\u007f").encode())


def shared_id(folder: Path, ids: dict[str, str]) -> Problem | None:
    """What is wrong where another folder has this folder's id."""
    twins = [name for name, id in ids.items() if id == ids[folder.name] and name != folder.name]
    if not twins:
        return None
    return Problem(
        f"two folders make one meeting id, {ids[folder.name]!r}: {folder.name!r} and {twins[0]!r}",
        where=folder,
        fix="rename one of them, or give it an id of its own in data/meetings.toml",
    )


def parse_time(value: str | float) -> int:
    """Milliseconds from seconds, "mm:ss" or "h:mm:ss", with or without a fraction.

    >>> parse_time("1:02:10.5"), parse_time(90), parse_time("2:05")
    (3730500, 90000, 125000)
    """
    if isinstance(value, str):
        if not re.fullmatch(r"(\d+:)?(\d{1,3}:)?\d+(\.\d+)?", value.strip()):
            raise ValueError(f'{value!r} is not a time such as "1:02:10"')
        seconds = 0.0
        for part in value.strip().split(":"):
            seconds = seconds * 60 + float(part)
    else:
        seconds = float(value)
    if not 0 <= seconds < 1e7:
        raise ValueError(f"{value!r} is not a time in a recording")
    return round(seconds * 1000)


def read_meeting(folder: Path, id: str) -> Meeting:
    """A meeting from its folder, with or without `meeting.toml`. Raises Problem for all that is wrong with it."""
    path = folder / "meeting.toml"
    raw: dict[str, Any] = {}
    text = ""
    if path.exists():
        try:
            text = path.read_text("utf-8-sig")
            raw = tomllib.loads(text)
        except PermissionError as e:
            raise Problem("this file may not be read", where=path, fix="chmod u+r meeting.toml") from e
        except UnicodeDecodeError as e:
            raise Problem("meeting.toml is not UTF-8 text", where=path, fix="save it as UTF-8") from e
        except tomllib.TOMLDecodeError as e:
            raise Problem(f"meeting.toml is not valid TOML: {e}", where=path, fix="mend that line") from e
    try:
        found = msgspec.convert(raw, _MeetingToml)
        exclude = tuple((parse_time(a), parse_time(b), why) for a, b, why in found.exclude)
        ZoneInfo(found.timezone)
    except (ValueError, msgspec.ValidationError, ZoneInfoNotFoundError, OSError) as e:
        raise Problem(_say_invalid(str(e)), where=_at_line(path, text, str(e)), fix=_fix_invalid(str(e))) from e
    for start_ms, end_ms, why in exclude:
        if start_ms >= end_ms:
            raise Problem(
                f"an excluded stretch ends before it starts: {start_ms / 1000:g} s to {end_ms / 1000:g} s ({why})",
                where=_at_line(path, text, "`exclude`"),
                fix="write the earlier time first",
            )
    doubled = [id for id, n in Counter(p.id for p in found.people).items() if n > 1]
    if doubled:
        raise Problem(
            f"two people have the id {doubled[0]!r}",
            where=_at_line(path, text, f"`{doubled[0]}`"),
            fix="make ids differ",
        )
    captions = found.captions or _only_captions(folder, found.media)
    return Meeting(
        id=id,
        folder=folder.name,
        title=found.title or readable(folder.name),
        body=found.body,
        held_on=found.held_on,
        timezone=found.timezone,
        source_url=found.source_url,
        source_offset_s=found.source_offset_s,
        media=_media(folder, found, has_captions=bool(captions)),
        captions=_inside(folder, captions),
        language=found.language,
        vocabulary=found.vocabulary,
        exclude=exclude,
        people=found.people,
        agenda=found.agenda,
    )


def _inside(folder: Path, name: str) -> str:
    """A file name as written, if it stays in its folder."""
    if "\0" in name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise Problem(
            f"meeting.toml names a file outside its folder: {name!r}", where=folder / "meeting.toml", fix="put it there"
        )
    return name


def _files(folder: Path, suffixes: frozenset[str]) -> list[str]:
    found = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in suffixes and not p.name.startswith("."))
    for name in found:
        if readable(name) != name:
            raise Problem(
                "the name of this file is not UTF-8 text", where=readable(str(folder / name)), fix="rename it"
            )
    return found


def _media(folder: Path, meeting: _MeetingToml, *, has_captions: bool) -> tuple[MediaFile, ...]:
    """The parts of a meeting; those that don't name a sound track of their own have the meeting's."""
    named = meeting.media or _only_recording(folder, has_captions=has_captions)
    parts = ((MediaFile(file=named),) if named else ()) if isinstance(named, str) else named
    for part in parts:
        _inside(folder, part.file)
    track = meeting.audio_track
    return tuple(p if p.audio_track else msgspec.structs.replace(p, audio_track=track) for p in parts)


def _only_recording(folder: Path, *, has_captions: bool) -> str:
    found = _files(folder, MEDIA_SUFFIXES)
    if len(found) > 1:
        raise Problem(
            f"{len(found)} recordings are here and meeting.toml does not say which: {', '.join(map(repr, found))}",
            where=folder,
            fix=f"write `media = {json.dumps(found[0], ensure_ascii=False)}` into meeting.toml",
        )
    if not found and not has_captions:
        raise Problem("there is no recording here", where=folder, fix="put the meeting's audio or video file there")
    return found[0] if found else ""


def _only_captions(folder: Path, named_media: object) -> str:
    """The one caption file of a folder that has no media and names none."""
    if named_media or _files(folder, MEDIA_SUFFIXES):
        return ""
    found = _files(folder, CAPTION_SUFFIXES)
    return found[0] if len(found) == 1 else ""


def _say_invalid(message: str) -> str:
    unknown = re.search(r"unknown field `(.+?)`(?: - at `\$(.*)`)?", message)
    if unknown:
        return f"meeting.toml has a key that means nothing here: {unknown[1]!r}" + (
            f" (in {unknown[2].lstrip('.')})" if unknown[2] else ""
        )
    return f"meeting.toml is wrong: {message.replace('$.', '').replace('`$', '`')}"


def _fix_invalid(message: str) -> str:
    if "unknown field" in message:
        known = ", ".join(f.name for f in msgspec.structs.fields(_MeetingToml))
        return f"check the spelling; meeting.toml knows {known}"
    return "see docs/formats.md for what each key holds"


def _at_line(path: Path, text: str, message: str) -> str:
    """`path` with the line on which the key or word that a message names (in backquotes or quotes) first stands."""
    keys = re.findall(r"[`'\"]\$?\.?([^`'\"]+)[`'\"]", message)
    for key in keys:
        last = re.sub(r"\[.*?\]", "", key).rpartition(".")[2]
        for word in (key, last):
            for number, line in enumerate(text.splitlines(), 1):
                if word and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", line):
                    return f"{path}, line {number}"
    return str(path)

"""A meeting's folder as people fill it: `meeting.toml` read and checked, and what it leaves open found beside it."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from pipeline import people as people_known
from pipeline import rosters, settings, toml_files
from pipeline.meetings import CAPTION_SUFFIXES, MEDIA_SUFFIXES, Layout, readable
from pipeline.people import Listed
from pipeline.toml_files import Fault, Toml, quoted
from transcribe.problem import Problem
from transcribe.records import AboutMeeting, ChannelUse, MediaFile, Meeting, Public, language_code

MOST_ITEMS = 1_000_000  # of an agenda
LONGEST_S = 1e7  # of any time that people write


class _MeetingToml(AboutMeeting):
    """`meeting.toml` as written, before times are read and files are looked for."""

    media: str | tuple[MediaFile, ...] = ""
    audio_track: Annotated[int, msgspec.Meta(ge=1)] | None = None
    channels: ChannelUse | None = None
    language: str | tuple[str, ...] = ""
    exclude: tuple[tuple[str | float, str | float, str], ...] = ()
    people: tuple[Listed, ...] = ()


EXAMPLES = {  # of how each key of meeting.toml is written
    "title": 'title = "Public Safety Panel"',
    "body": 'body = "Wrenbridge Council"',
    "held_on": "held_on = 2024-05-14 (year, month, day, without quotes)",
    "timezone": 'timezone = "Europe/London"',
    "source_url": 'source_url = "https://wrenbridge.example/meetings/1"',
    "source_offset_s": "source_offset_s = 90",
    "source_state": 'source_state = "gone", or "changed" where it has another length now',
    "media": 'media = "meeting.mp4", or for parts: [[media]] and, below it, file = "part 1.mp4"',
    "audio_track": "audio_track = 2",
    "channels": 'channels = "apart", or "mixed"',
    "captions": 'captions = "meeting.vtt"',
    "language": 'language = "en", or of a meeting in several, the main one first: language = ["en", "cy"]',
    "vocabulary": 'vocabulary = ["Wrenbridge", "watchlist"]',
    "exclude": 'exclude = [["1:02:10", "1:05:00", "exempt business"]]',
    "people": '[[people]] and, below it, id = "jo-okafor" and name = "Councillor Jo Okafor"',
    "people.id": 'id = "jo-okafor"',
    "people.name": 'name = "Councillor Jo Okafor"',
    "people.aliases": 'aliases = ["Jo"]',
    "people.present": "present = false",
    "people.public": 'public = "named", or "unnamed"',
    "agenda": '[[agenda]] and, below it, item = 5 and title = "Live facial recognition"',
}


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
    if not 0 <= seconds < LONGEST_S:
        raise ValueError(f"{value!r} is not a time in a recording")
    return round(seconds * 1000)


def parse_range(text: str) -> tuple[int, int]:
    """Milliseconds from two times with a dash between them. Raises Problem for anything else.

    >>> parse_range("0:20:00-0:45:00")
    (1200000, 2700000)
    """
    start, _, end = text.replace("\N{EN DASH}", "-").partition("-")
    try:
        found = parse_time(start), parse_time(end)
    except ValueError as e:
        raise Problem(f"{text!r} is not a stretch of time", fix="write it as 0:20:00-0:45:00") from e
    if found[0] >= found[1]:
        raise Problem(f"{text!r} ends before it starts", fix="write the earlier time first")
    return found


def read_meeting(folder: Path, id: str) -> Meeting:
    """A meeting from its folder, with or without `meeting.toml`. Raises Problem for the first thing wrong with it."""
    meeting, faults = examine(folder, id)
    if faults:
        raise faults[0].problem()
    return meeting


def examine(folder: Path, id: str, *, roster: rosters.Roster | None = None) -> tuple[Meeting, list[Fault]]:
    """A meeting as far as it can be read, and everything that is wrong with it, in order of files and lines.

    What `meeting.toml` leaves open is taken from `roster.toml` beside it (or the `roster` given), and of people from
    `people.toml` of the data folder. Raises Problem where one of them cannot be read at all.
    """
    toml = toml_files.read(folder / "meeting.toml")
    good, faults = toml_files.fields(toml, _MeetingToml, EXAMPLES)
    roster, of_roster = (roster, []) if roster else rosters.read(folder)
    register, of_register = people_known.read(people_known.path_for(folder))
    exclude = _exclude(toml, good.get("exclude", ()), faults)
    _check_values(toml, good, faults)
    lists: dict[str, Any] = {k: tuple(x for x in v if x is not None) for k, v in good.items() if isinstance(v, tuple)}
    found = _MeetingToml(**good | lists)
    title, body, held_on = found.title or roster.title, found.body or roster.body, found.held_on or roster.held_on
    listed = good.get("people", ())
    people, wrong = people_known.on_the_day(
        toml, listed, roster, register, day=held_on, bodies=(title, body), public=_public(folder)
    )
    faults += wrong
    captions, media = found.captions, _named_media(found.media)
    try:
        if not toml.values.get("media"):
            captions = captions or _only_captions(folder)
            media = _only_media(folder, has_captions=bool(captions))
    except Problem as e:
        faults.append(Fault(what=e.what, path=Path(e.where), fix=e.fix))
    _check_inside(toml, captions, faults, "captions")
    spoken = (found.language,) if isinstance(found.language, str) else found.language
    as_written = {key: getattr(found, key) for key in AboutMeeting.__struct_fields__}
    of_others = {
        "title": title or readable(folder.name),
        "body": body,
        "held_on": held_on,
        "captions": captions,
        "agenda": found.agenda or roster.agenda,
    }
    meeting = Meeting(
        id=id,
        folder=folder.name,
        media=tuple(_heard_as(part, found.audio_track, found.channels) for part in media),
        language=spoken[0] if spoken else "",
        other_languages=spoken[1:],
        exclude=exclude,
        people=people,
        **as_written | of_others,
    )
    return meeting, [*sorted(faults, key=lambda f: f.line or 0), *of_roster, *of_register]


def files(folder: Path) -> list[Path]:
    """All that `examine` reads: where none of these is another, a meeting is the same. The folder itself is, since
    files that `meeting.toml` leaves open are looked for in it."""
    others = (folder / rosters.FILE, people_known.path_for(folder), _data_folder(folder).settings)
    return [folder / "meeting.toml", *others, folder]


def _data_folder(folder: Path) -> Layout:
    return Layout(root=folder.parent.parent)


def _public(folder: Path) -> Public:
    """Whether the data folder that a meeting is in shows people without an office by name."""
    return settings.examine(_data_folder(folder))[0].public


def _exclude(toml: Toml, written: Sequence[Any], faults: list[Fault]) -> tuple[tuple[int, int, str], ...]:
    exclude = []
    for i, (start, end, why) in ((i, stretch) for i, stretch in enumerate(written) if stretch):
        try:
            start_ms, end_ms = parse_time(start), parse_time(end)
        except ValueError as e:
            faults.append(toml.fault(str(e), "exclude", i, fix=f"write it so: {EXAMPLES['exclude']}"))
            continue
        exclude.append((start_ms, end_ms, why))
        if start_ms >= end_ms:
            what = f"an excluded stretch ends before it starts: {start} to {end} ({why})"
            faults.append(toml.fault(what, "exclude", i, fix="write the earlier time first"))
    return tuple(exclude)


def _check_values(toml: Toml, good: Mapping[str, Any], faults: list[Fault]) -> None:
    """What types alone do not say about the keys that stand for themselves."""

    def wrong(what: str, *place: str | int) -> None:
        faults.append(toml.fault(what, *place, fix=f"write it so: {EXAMPLES[str(place[0])]}"))

    try:
        ZoneInfo(good.get("timezone", "UTC"))
    except (ValueError, ZoneInfoNotFoundError, OSError):
        wrong(f"there is no time zone {good['timezone']!r}", "timezone")
    _check_languages(good.get("language", ""), wrong)
    if not abs(good.get("source_offset_s", 0.0)) < LONGEST_S:
        wrong(f"source_offset_s is not a time in a recording: {good['source_offset_s']}", "source_offset_s")
    media = good.get("media", ())
    if isinstance(media, str):
        _check_inside(toml, media, faults, "media")
    for i, part in enumerate(media if isinstance(media, tuple) else ()):
        if part:
            _check_inside(toml, part.file, faults, "media", i, "file")
        if part and not abs(part.source_offset_s) < LONGEST_S:
            wrong(
                f"source_offset_s is not a time in a recording: {part.source_offset_s}", "media", i, "source_offset_s"
            )
        if part and not part.file:
            wrong("a part names no file", "media", i, "file")
    for i, item in enumerate(good.get("agenda", ())):
        if item and isinstance(item.item, int) and abs(item.item) >= MOST_ITEMS:
            wrong("this is no item of an agenda: the number is too large", "agenda", i, "item")


def _check_languages(written: str | Sequence[str | None], wrong: Callable[..., None]) -> None:
    """That each is the code of a language, and there once. None stands for what is no text."""
    if written == ():
        wrong("language is an empty list", "language")
    spoken = [(written, ())] if isinstance(written, str) else [(tag, (i,)) for i, tag in enumerate(written)]
    seen = set()
    for tag, place in spoken:
        if tag is None or tag == written == "":
            continue
        if not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*", tag):
            wrong(f"language is not the code of a language: {tag!r}", "language", *place)
        elif language_code(tag) in seen:
            wrong(f"the language {language_code(tag)!r} is there twice", "language", *place)
        seen.add(language_code(tag))


def _check_inside(toml: Toml, name: str, faults: list[Fault], *place: str | int) -> None:
    """A file that is named stays in its folder."""
    if "\0" in name or Path(name).is_absolute() or ".." in Path(name).parts:
        what = f"meeting.toml names a file outside its folder: {name!r}"
        faults.append(toml.fault(what, *place, fix="put the file, or a link to it, into the meeting's folder"))


def _files(folder: Path, suffixes: frozenset[str]) -> list[str]:
    found = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in suffixes and not p.name.startswith("."))
    for name in found:
        if readable(name) != name:
            raise Problem(
                "the name of this file is not UTF-8 text", where=readable(str(folder / name)), fix="rename it"
            )
    return found


def _named_media(named: str | tuple[MediaFile, ...]) -> tuple[MediaFile, ...]:
    if isinstance(named, str):
        return (MediaFile(file=named),) if named else ()
    return named


def _heard_as(part: MediaFile, track: int | None, channels: ChannelUse | None) -> MediaFile:
    """A part that says nothing of its own on its sound track and channels has the meeting's."""
    return msgspec.structs.replace(part, audio_track=part.audio_track or track, channels=part.channels or channels)


def _only_media(folder: Path, *, has_captions: bool) -> tuple[MediaFile, ...]:
    """The one recording of a folder that names none; none where captions are enough."""
    found = _files(folder, MEDIA_SUFFIXES)
    if len(found) > 1:
        raise Problem(
            f"{len(found)} recordings are here and meeting.toml does not say which: {', '.join(map(repr, found))}",
            where=folder,
            fix=f"write `media = {quoted(found[0])}` into meeting.toml",
        )
    if not found and not has_captions:
        raise Problem(
            "there is no recording here",
            where=folder,
            fix='put the meeting\'s audio or video file there, or name a transcript: captions = "transcript.txt"',
        )
    return tuple(MediaFile(file=name) for name in found)


def _only_captions(folder: Path) -> str:
    """The one caption file of a folder that has no media and names none."""
    if _files(folder, MEDIA_SUFFIXES):
        return ""
    found = _files(folder, CAPTION_SUFFIXES)
    return found[0] if len(found) == 1 else ""

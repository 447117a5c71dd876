"""What a folder of published pages holds, as its manifest says: what was asked for, the transcripts that the pages were
made from, and every file with its hash and the meetings that it holds words of."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal

from pipeline import outputs, receipts
from pipeline.meetings import Layout, readable
from transcribe.documents import dump, load
from transcribe.problem import Problem
from transcribe.records import Record

NAME = "onrecord-published.json"
SCHEMA = "published/1"

Media = Literal["link", "copy", "none"]


class File(Record):
    """A file that was written: any of `sha256s` is what it may hold, two while a new edition moves in."""

    path: str
    sha256s: tuple[str, ...]
    meetings: tuple[str, ...] = ()


class Options(Record, omit_defaults=False):
    """What was asked for. Without `meetings`, all that are finished."""

    meetings: tuple[str, ...] = ()
    media: Media = "link"
    stance: bool = False
    contact: str = ""


class Manifest(Record):
    """What a published folder holds: `transcripts` are the hashes of those that it was made from, by meeting."""

    made: str
    options: Options
    transcripts: dict[str, str]
    files: tuple[File, ...]


class Behind(Record, omit_defaults=False):
    """A published folder that shows meetings as they were before somebody changed them, or they were run again."""

    folder: str
    meetings: tuple[str, ...]


def read(out: Path) -> Manifest | None:
    """The manifest of a published folder; None where there is none."""
    path = out / NAME
    if not path.is_file():
        return None
    manifest = load(path.read_bytes(), Manifest, SCHEMA, where=path)
    for f in manifest.files:
        pure = PurePosixPath(f.path)
        if pure.is_absolute() or ".." in pure.parts or not (out / pure).parent.resolve().is_relative_to(out.resolve()):
            raise Problem(
                f"this manifest names a file elsewhere: {f.path!r}", where=path, fix="publish into a new folder"
            )
    return manifest


def put(out: Path, manifest: Manifest) -> None:
    receipts.put(out / NAME, dump(manifest, SCHEMA))


def behind(layout: Layout) -> Iterator[Behind]:
    """Folders that were published from here, and no longer say what their meetings say now. What cannot be read is
    passed over: publishing again tells what is wrong with it."""
    for out in outputs.published(layout):
        try:
            manifest = read(out)
        except (Problem, OSError):
            continue
        changed = [
            id for id, sha256 in (manifest.transcripts if manifest else {}).items() if _is_other(layout, id, sha256)
        ]
        if changed:
            yield Behind(folder=readable(str(out)), meetings=tuple(changed))


def _is_other(layout: Layout, id: str, sha256: str) -> bool:
    """Whether the transcript of a meeting is another by now; one that is not made just now may become the same."""
    made = receipts.read(layout.made(id), "transcript")
    state = made.outputs.get("transcript.json") if made else None
    return state is not None and state.sha256 not in ("", sha256)

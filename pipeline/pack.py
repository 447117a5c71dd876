"""A zip for an editor or a lawyer: a quotation, the sound and the words around it, and what all of it rests on."""

import hashlib
import tempfile
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from pipeline import asked, changes, clips, hidden, outputs, places, receipts, settings
from pipeline.events import now
from pipeline.meeting_toml import read_meeting
from pipeline.meetings import Layout, readable
from pipeline.places import Past
from pipeline.work import NAMES
from search import cite, pack
from search.changes import Change
from search.clip import Clip
from search.pack import Excerpt
from search.quotes import Address, Quote, parse_address
from transcribe.documents import dump
from transcribe.problem import Problem
from transcribe.records import Record, Recording, Stretch

PADDING_MS = 60_000
EPOCH = (1980, 1, 1, 0, 0, 0)  # a zip's earliest time: when it was made stands in provenance.json


class Origin(Record, omit_defaults=False):
    """A file that people put in. `dated` is the time that the file itself bears, when it was fetched or copied (UTC);
    `same` whether it is still, to the bit, what the transcript was made from: None where it is not here any more."""

    file: str
    sha256: str
    size: int
    dated: str
    same: bool | None


class Made(Record, omit_defaults=False):
    """A stage of the pipeline, its version, when it was finished (UTC), and with what engine."""

    stage: str
    version: int
    finished: str
    engine: str


class Provenance(Record, omit_defaults=False):
    """All that is known of where a quotation is from. Times are ms of the meeting, or UTC."""

    made: str
    cited: str
    quote: Quote
    start_ms: int
    end_ms: int
    clip: Clip | None
    link: str
    recording: Recording | None
    origins: tuple[Origin, ...]
    engine: str
    language: str
    codebook: str
    tagger: str
    stages: tuple[Made, ...]
    history: tuple[Past, ...]
    changes: tuple[Change, ...]
    left_out: tuple[Stretch, ...]
    sha256: dict[str, str]  # of the other files


class Packed(Record):
    """What was written, and why there is no clip in it, where there is none. `what_changed` as of an Excerpt."""

    path: str
    address: str
    files: tuple[str, ...]
    no_clip: str = ""
    what_changed: str = ""


def write(layout: Layout, address: str, out: Path, *, force: bool = False) -> Packed:
    """Write the zip. Raises Problem where nothing may be said at the address, where something in the meeting was hidden
    and is not out of it yet, or the file can't be written."""
    outputs.check_free(out, force=force)
    place = parse_address(address)
    folder = places.folder_of(layout, place.meeting)
    silent = hidden.check_out(layout, folder, place.meeting) if folder else []
    excerpt = _excerpt(layout, place, folder)
    excerpt, clip = _with_clip(layout, excerpt)
    files = _files(layout, excerpt, clip)
    with outputs.whole(out) as side, zipfile.ZipFile(side, "w") as zip:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            zip.writestr(entry, data)
    outputs.note(layout, out, "pack", [excerpt.meeting.id], (excerpt.start_ms, excerpt.end_ms))
    with outputs.taken_back(out):
        hidden.check_since(layout.raw / excerpt.meeting.folder, excerpt.meeting.id, silent)
    changes.note_cited(layout, excerpt.quote.cited)
    return Packed(
        path=str(out),
        address=excerpt.quote.cited,
        files=tuple(files),
        no_clip=excerpt.no_clip,
        what_changed=excerpt.what_changed,
    )


def _excerpt(layout: Layout, place: Address, folder: Path | None) -> Excerpt:
    transcript = places.load_transcript(layout, place.meeting)
    passage = places.passage(layout, place, transcript)
    if folder is None:
        raise Problem(
            "this meeting's folder is gone", where=layout.raw, fix="put it back, with what people wrote there"
        )
    quote = passage.quote
    recording = places.recording_of(layout, place.meeting)
    end_ms = quote.end_ms + PADDING_MS
    return Excerpt(
        meeting=read_meeting(folder, place.meeting),
        quote=quote,
        place=parse_address(quote.address),
        citation=cite.citation(quote, accessed=date.today(), players=settings.read(layout).players),
        transcript=transcript,
        start_ms=max(0, quote.start_ms - PADDING_MS),
        end_ms=min(end_ms, recording.duration_ms) if recording else end_ms,
        what_changed=passage.what_changed,
    )


def _with_clip(layout: Layout, excerpt: Excerpt) -> tuple[Excerpt, dict[str, bytes]]:
    """The excerpt, and the files of its clip; or why there is none."""
    context = asked.context_of(layout, excerpt.meeting.id)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "clip.m4a"
        try:
            made = clips.write(context, excerpt.place, out, pad_s=PADDING_MS / 1000)
        except Problem as e:
            return msgspec.structs.replace(excerpt, no_clip=e.what), {}
        files = {p.name: p.read_bytes() for p in (out, out.with_suffix(".vtt"), out.with_suffix(".json"))}
    return msgspec.structs.replace(excerpt, clip=made), files


def _files(layout: Layout, excerpt: Excerpt, clip: dict[str, bytes]) -> dict[str, bytes]:
    """The files of the zip, by name, the one to read first before all others."""
    place, meeting = excerpt.place, excerpt.meeting.id
    past = places.history(layout, place.start_ms, place.end_ms, excerpt.transcript, meeting)
    files = clip | {
        "transcript.txt": pack.to_txt(excerpt).encode(),
        "transcript.vtt": pack.to_vtt(excerpt).encode(),
        "evidence.txt": pack.evidence(excerpt, [_told(p) for p in past]).encode(),
    }
    sha256 = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    provenance = dump(_provenance(layout, excerpt, past, sha256), "pack/1")
    files["provenance.json"] = provenance
    sha256["provenance.json"] = hashlib.sha256(provenance).hexdigest()
    return {"README.txt": pack.readme(excerpt, list(sha256.items())).encode(), **files}


def _told(past: Past) -> str:
    words = "" if past.hidden or past.kind not in ("words", "speaker") else f": “{past.old}” became “{past.new}”"
    reason = f" ({past.reason})" if past.reason else ""
    back = f"; taken back by {past.undone_by}, {past.undone_at}" if past.undone_at else ""
    return f"{past.at}  {past.by}: {past.kind}{words}{reason}{back}"


def _provenance(layout: Layout, excerpt: Excerpt, past: list[Past], sha256: dict[str, str]) -> Provenance:
    meeting = excerpt.meeting.id
    made, folder = layout.made(meeting), layout.raw / excerpt.meeting.folder
    stages = [r for name in NAMES if (r := receipts.read(made, name))]
    probed = next((r for r in stages if r.stage == "probe"), None)
    tagged = _head(made / "statements.json")
    place = excerpt.place
    return Provenance(
        made=now(),
        cited=excerpt.quote.cited,
        quote=excerpt.quote,
        start_ms=excerpt.start_ms,
        end_ms=excerpt.end_ms,
        clip=excerpt.clip,
        link=excerpt.citation.url,
        recording=places.recording_of(layout, meeting),
        origins=tuple(_origin(folder, name, state) for name, state in (probed.inputs if probed else {}).items()),
        engine=excerpt.transcript.engine,
        language=excerpt.transcript.language,
        codebook=tagged.codebook,
        tagger=tagged.tagger,
        stages=tuple(
            Made(stage=r.stage, version=r.version, finished=r.finished, engine=str(r.params.get("engine", "")))
            for r in stages
        ),
        history=tuple(past),
        changes=tuple(changes.of_place(layout, place)),
        left_out=pack.left_out(excerpt),
        sha256=sha256,
    )


def _origin(folder: Path, name: str, state: receipts.FileState) -> Origin:
    path = folder / name.removeprefix("raw/")
    try:
        same: bool | None = receipts.state_of(path, state).sha256 == state.sha256
    except (Problem, OSError):
        same = None
    dated = datetime.fromtimestamp(state.mtime_ns / 1e9, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Origin(file=readable(path.name), sha256=state.sha256, size=state.size, dated=dated, same=same)


class _Tagged(msgspec.Struct):
    codebook: str = ""
    tagger: str = ""


def _head(path: Path) -> _Tagged:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Tagged)
    except (OSError, msgspec.MsgspecError):
        return _Tagged()

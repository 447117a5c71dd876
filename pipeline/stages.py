"""The stages of a meeting, declared: name, version, what they are made from, and the function that makes them.

A stage reads what earlier stages wrote, writes into the meeting's scratch folder, and `work` moves its
outputs into place and writes the receipt. Params hold all that can change a result and nothing else.
"""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from analyse.records import Statements
from pipeline import hear, hear_blocks, hear_turns, hear_words
from pipeline.context import Context, write
from pipeline.corrections import FILE as CORRECTIONS
from pipeline.receipts import state_of
from transcribe.audio import probe
from transcribe.documents import dump, load
from transcribe.media import Progress
from transcribe.privacy import stands_in
from transcribe.records import Media, Meeting, Record, Recording


class Stage(Record):
    """`inputs` names the files a stage is made from, `params` everything else that can change its result; `make`
    writes files into the scratch folder and returns their names, which become the stage's outputs. `lost` says why
    the stage must run again although all its files stand, `notes` is what people should know of what it made, and
    `listens` whether it takes an engine to bring it up to date."""

    name: str
    version: int
    inputs: Callable[[Context], dict[str, Path]]
    params: Callable[[Context], dict[str, Any]]
    make: Callable[[Context, Progress], list[str]]
    lost: Callable[[Context], str] = lambda context: ""
    notes: Callable[[Context], Iterable[str]] = lambda context: ()
    listens: Callable[[Context], bool] = lambda context: False


# -- probe ----------------------------------------------------------------------------------------


def _probe_inputs(context: Context) -> dict[str, Path]:
    names = [m.file for m in context.meeting.media] or [context.meeting.captions]
    return {f"raw/{name}": context.raw / name for name in names}


def _probe_params(context: Context) -> dict[str, Any]:
    meeting = context.meeting
    return {"media": meeting.media, "source": [meeting.source_url, meeting.source_offset_s]}


def _probe(context: Context, progress: Progress) -> list[str]:
    media: list[Media] = []
    at_ms = 0
    for part in context.meeting.media:
        path = context.raw / part.file
        state = context.inputs[f"raw/{part.file}"]
        found = probe(path, sha256=state.sha256, track=part.audio_track, channels=part.channels, progress=progress)
        if state_of(path, state) != state:
            raise hear.changed(path)
        # A part without a page of its own is somewhere on the whole meeting's.
        own = part.source_url or part.source_offset_s
        offset_s = part.source_offset_s if own else context.meeting.source_offset_s + at_ms / 1000
        media.append(
            msgspec.structs.replace(
                found,
                file=part.file,
                start_ms=at_ms,
                source_url=part.source_url or context.meeting.source_url,
                source_offset_ms=round(offset_s * 1000),
            )
        )
        at_ms += found.duration_ms
    digest = hashlib.sha256()
    for m in media:
        # What is usual is left out, so that recordings have kept the hashes that they had before these were chosen.
        track = f" track {m.audio_track}" if m.audio_track > 1 else ""
        channel = f" channel {m.channel}" if m.channel else ""
        digest.update(f"{m.sha256} {m.start_ms}{track}{channel}\n".encode())
    if not media:
        from transcribe import captions

        path = context.raw / context.meeting.captions
        digest.update(path.read_bytes())
        words, _ = captions.read(path, recording_sha256="", duration_ms=None)
        ends = (max(w.end_ms or 0, w.start_ms + 1) for w in words.words if w.start_ms is not None)
        at_ms = max(ends, default=0)  # the last word is inside, even one of no length
    recording = Recording(meeting=context.meeting.id, duration_ms=at_ms, sha256=digest.hexdigest(), media=tuple(media))
    return [write(context, "recording.json", dump(recording, "recording/1"))]


def _probe_notes(context: Context) -> Iterable[str]:
    media = context.recording().media
    return [f"{m.file}: {note}" if len(media) > 1 else note for m in media for note in m.notes]


# -- playable -------------------------------------------------------------------------------------


def _no_inputs(context: Context) -> dict[str, Path]:
    return {}


def _playable_params(context: Context) -> dict[str, Any]:
    return {"recording": context.recording().sha256, "silence": context.silence()}


def _playable(context: Context, progress: Progress) -> list[str]:
    from transcribe import playable

    recording, silence = context.recording(), context.silence()
    if not recording.media or not (silence or playable.needs_copy(recording.media)):
        return []
    out = context.scratch / "playable.m4a"
    playable.make(
        hear.sources(context),
        out,
        silence=silence,
        duration_ms=recording.duration_ms,
        progress=progress,
    )
    return [out.name]


# -- transcript, statements -----------------------------------------------------------------------


def made_files(*names: str) -> Callable[[Context], dict[str, Path]]:
    return lambda context: {name: context.made / name for name in names}


def _transcript_inputs(context: Context) -> dict[str, Path]:
    needed = made_files("words.json", "turns.json", "recording.json")(context)
    there_or_not = {
        "unheard.json": context.made / "unheard.json",
        f"raw/{CORRECTIONS}": context.raw / CORRECTIONS,
    }
    return needed | {name: path for name, path in there_or_not.items() if path.exists()}


def _transcript_params(context: Context) -> dict[str, Any]:
    meeting = context.meeting
    usual = Meeting(id=meeting.id, folder=meeting.folder)
    # What is usual is left out, so that a transcript stays fresh when a setting that it does not use is added.
    settings = {key: getattr(meeting, key) for key in ("vocabulary", "language", "other_languages", "timezone")}
    changed = {key: value for key, value in settings.items() if value != getattr(usual, key)}
    return {"people": meeting.people, "silence": context.hidden()} | changed


def _transcript(context: Context, progress: Progress) -> list[str]:
    from transcribe.transcript import assemble, to_webvtt

    transcript = assemble(
        context.words(),
        context.turns(),
        context.meeting,
        context.recording(),
        hidden=context.hidden(),
        unheard=hear.unheard(context).ranges,
        corrections=context.corrections(),
    )
    return [
        write(context, "transcript.json", dump(transcript, "transcript/2")),
        write(context, "transcript.vtt", to_webvtt(transcript).encode()),
    ]


def _transcript_notes(context: Context) -> Iterable[str]:
    n_voices = sum(stands_in(n.person) for n in context.transcript().names)
    if n_voices:
        shown = "1 voice is shown as a member" if n_voices == 1 else f"{n_voices} voices are shown as members"
        yield f"{shown} of the public, not by name: nothing gives them an office (docs/people.md)"


def _statements_params(context: Context) -> dict[str, Any]:
    return {"codebook": context.codebook, "tagger": context.tagger.id, "agenda": context.meeting.agenda}


def _statements(context: Context, progress: Progress) -> list[str]:
    from analyse.taggers import tag_transcript

    sha256 = state_of(context.made / "transcript.json").sha256
    statements = tag_transcript(
        context.transcript(), context.meeting, context.codebook, sha256, context.tagger, n_threads=context.n_threads
    )
    return [write(context, "statements.json", dump(statements, "statements/2"))]


def _statements_notes(context: Context) -> Iterable[str]:
    path = context.made / "statements.json"
    made = load(path.read_bytes(), Statements, "statements/2", where=path).statements
    spoken = [s.language for s in made if not context.codebook.reads(s.language)]
    if spoken:
        some = "1 statement is" if len(spoken) == 1 else f"{len(spoken)} statements are"
        yield f"{some} in another language than the codebook, and not coded: {', '.join(sorted(set(spoken)))}"


STAGES = (
    Stage(name="probe", version=5, inputs=_probe_inputs, params=_probe_params, make=_probe, notes=_probe_notes),
    Stage(name="playable", version=1, inputs=_no_inputs, params=_playable_params, make=_playable),
    Stage(
        name="words",
        version=hear_blocks.VERSION,
        inputs=hear.caption_inputs("words", lambda c: c.asr),
        params=hear_words.words_params,
        make=hear_words.make_words,
        lost=hear_words.words_lost,
        notes=hear_words.words_notes,
        listens=hear_words.words_listen,
    ),
    Stage(
        name="turns",
        version=hear_turns.VERSION,
        inputs=hear.caption_inputs("turns", lambda c: c.diariser),
        params=hear_turns.turns_params,
        make=hear_turns.make_turns,
        listens=hear_turns.turns_listen,
    ),
    Stage(
        name="transcript",
        version=11,
        inputs=_transcript_inputs,
        params=_transcript_params,
        make=_transcript,
        notes=_transcript_notes,
    ),
    Stage(
        name="statements",
        version=3,
        inputs=made_files("transcript.json"),
        params=_statements_params,
        make=_statements,
        notes=_statements_notes,
    ),
)

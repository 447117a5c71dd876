"""The stages of a meeting, declared: name, version, what they are made from, and the function that makes them.

A stage reads what earlier stages wrote, writes into the meeting's scratch folder, and `batch` moves its
outputs into place and writes the receipt. Params hold all that can change a result and nothing else.
"""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from analyse.codebook import Codebook
from pipeline.meetings import Layout
from pipeline.receipts import read as read_receipt
from pipeline.receipts import state_of
from transcribe import engines
from transcribe.audio import Audio, Source, decode, probe
from transcribe.problem import LACKING, Problem
from transcribe.records import Media, Meeting, Record, Recording, Transcript, Turns, Words, dump, load

Progress = Callable[[int, int], None]  # (done_ms, total_ms)


class Context(Record):
    """A meeting in a batch: where it is and with what it is made."""

    layout: Layout
    meeting: Meeting
    asr: engines.Choice
    diariser: engines.Choice
    codebook: Codebook
    upgrade: bool = False
    n_threads: int = 0

    @property
    def raw(self) -> Path:
        return self.layout.raw / self.meeting.folder

    @property
    def made(self) -> Path:
        return self.layout.made(self.meeting.id)

    @property
    def scratch(self) -> Path:
        return self.made / "scratch"

    def recording(self) -> Recording:
        return load(self._bytes("recording.json"), Recording, "recording/1", where=self.made / "recording.json")

    def words(self) -> Words:
        return load(self._bytes("words.json"), Words, "words/1", where=self.made / "words.json")

    def turns(self) -> Turns:
        return load(self._bytes("turns.json"), Turns, "turns/1", where=self.made / "turns.json")

    def transcript(self) -> Transcript:
        return load(self._bytes("transcript.json"), Transcript, "transcript/1", where=self.made / "transcript.json")

    def _bytes(self, name: str) -> bytes:
        return (self.made / name).read_bytes()

    @property
    def silence(self) -> list[tuple[int, int]]:
        """Stretches that nobody may hear, whatever made them so."""
        return [(start_ms, end_ms) for start_ms, end_ms, _ in self.meeting.exclude]

    def captions(self) -> Path | None:
        return self.raw / self.meeting.captions if self.meeting.captions else None


class Stage(Record):
    """`inputs` names the files a stage is made from, `params` everything else that can change its result; `make`
    writes files into the scratch folder and returns their names, which become the stage's outputs. `lost` says why
    the stage must run again although all its files stand; `notes` is what people should know of what it made."""

    name: str
    version: int
    inputs: Callable[[Context], dict[str, Path]]
    params: Callable[[Context], dict[str, Any]]
    make: Callable[[Context, Progress], list[str]]
    lost: Callable[[Context], str] = lambda context: ""
    notes: Callable[[Context], Iterable[str]] = lambda context: ()


def write(context: Context, name: str, data: bytes) -> str:
    (context.scratch / name).write_bytes(data)
    return name


# -- probe ----------------------------------------------------------------------------------------


def _probe_inputs(context: Context) -> dict[str, Path]:
    names = [m.file for m in context.meeting.media] or [context.meeting.captions]
    return {f"raw/{name}": context.raw / name for name in names}


def _probe_params(context: Context) -> dict[str, Any]:
    meeting = context.meeting
    return {"media": meeting.media, "source": [meeting.source_url, meeting.source_offset_s]}


def _probe(context: Context, progress: Progress) -> list[str]:
    # A receipt that is stale for another reason still knows large files by size and time.
    known = read_receipt(context.made, "probe")
    media: list[Media] = []
    at_ms = 0
    for part in context.meeting.media:
        path = context.raw / part.file
        state = state_of(path, known.inputs.get(f"raw/{part.file}") if known else None)
        found = probe(path, sha256=state.sha256, track=part.audio_track, progress=progress)
        if state_of(path, state) != state:
            raise _changed(path)
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
        at_ms = max((w.end_ms or 0 for w in words.words), default=0)
    recording = Recording(meeting=context.meeting.id, duration_ms=at_ms, sha256=digest.hexdigest(), media=tuple(media))
    return [write(context, "recording.json", dump(recording, "recording/1"))]


def _probe_notes(context: Context) -> Iterable[str]:
    media = context.recording().media
    return [f"{m.file}: {note}" if len(media) > 1 else note for m in media for note in m.notes]


# -- playable -------------------------------------------------------------------------------------


def _sources(context: Context) -> list[Source]:
    """What there is to listen to. Raises Problem where a file is no longer the one that was probed."""
    probed = read_receipt(context.made, "probe")
    sources = []
    for m in context.recording().media:
        path = context.raw / m.file
        if state_of(path, probed.inputs.get(f"raw/{m.file}") if probed else None).sha256 != m.sha256:
            raise _changed(path)
        sources.append(Source(path=path, start_ms=m.start_ms, track=m.audio_track, channel=m.channel))
    return sources


def _changed(path: Path) -> Problem:
    return Problem(
        "this file changed since the run began", where=path, fix="wait until all of it is there, then run again"
    )


def _sound_params(context: Context) -> dict[str, Any]:
    return {"recording": context.recording().sha256, "silence": context.silence}


def _playable(context: Context, progress: Progress) -> list[str]:
    from transcribe import playable

    recording = context.recording()
    if not recording.media or not (context.silence or playable.needs_copy(recording.media)):
        return []
    out = context.scratch / "playable.m4a"
    playable.make(
        _sources(context),
        out,
        silence=context.silence,
        duration_ms=recording.duration_ms,
        progress=progress,
    )
    return [out.name]


# -- words ----------------------------------------------------------------------------------------


def _uses_captions(context: Context, stage: str, choice: engines.Choice) -> bool:
    """Captions give words and voices unless an engine is named, or one has finished: that result stands."""
    if choice.by_hand or not context.meeting.captions:
        return choice.name == "captions"
    receipt = None if context.upgrade else read_receipt(context.made, stage)
    return receipt is None or str(receipt.params.get("engine", "")).startswith("captions")


def _no_inputs(context: Context) -> dict[str, Path]:
    return {}


def _caption_inputs(stage: str, choice: Callable[[Context], engines.Choice]) -> Callable[[Context], dict[str, Path]]:
    def inputs(context: Context) -> dict[str, Path]:
        captions = context.captions()
        used = captions and _uses_captions(context, stage, choice(context))
        return {f"raw/{context.meeting.captions}": captions} if captions and used else {}

    return inputs


def _vocabulary(meeting: Meeting) -> list[str]:
    return sorted({*meeting.vocabulary, *(p.name for p in meeting.people)})


def _words_params(context: Context) -> dict[str, Any]:
    captions = _uses_captions(context, "words", context.asr)
    return _sound_params(context) | {
        "engine": "captions" if captions else context.asr.fingerprint,
        "language": context.meeting.language,
        "vocabulary": [] if captions else _vocabulary(context.meeting),
    }


def _decoded(context: Context, progress: Progress) -> Audio:
    """The recording as 16 kHz samples in the scratch folder, decoded once for the stages that listen."""
    key = hashlib.sha256(msgspec.json.encode(_sound_params(context))).hexdigest()[:16]
    path = context.scratch / f"audio-{key}.s16"
    if path.exists():
        return Audio(path=path)
    duration_ms = context.recording().duration_ms
    return decode(_sources(context), path, silence=context.silence, duration_ms=duration_ms, progress=progress)


def _words(context: Context, progress: Progress) -> list[str]:
    recording = context.recording()
    if _uses_captions(context, "words", context.asr):
        captions = context.captions()
        if captions is None:
            raise Problem(
                "there are no captions for this meeting", where=context.raw, fix='name them: captions = "captions.vtt"'
            )
        from transcribe import captions as caption_files

        words, _ = caption_files.read(
            captions, recording_sha256=recording.sha256, duration_ms=recording.duration_ms, exclude=context.silence
        )
        return [write(context, "words.json", dump(words, "words/1"))]
    if not recording.media:
        raise Problem(
            "this meeting has captions but no recording to listen to", where=context.raw, fix="leave --asr away"
        )
    if context.asr.lacks:  # before an hour of sound is decoded for nothing
        raise Problem(context.asr.lacks, fix=context.asr.fix, exit_code=LACKING)
    audio = _decoded(context, progress)
    key = hashlib.sha256(msgspec.json.encode(_words_params(context))).hexdigest()[:16]
    blocks = list(_resumed_blocks(context, audio, context.scratch / f"words-{key}.jsonl", progress))
    language = context.meeting.language or max((b.language for b in blocks if b.words), key=_spoken(blocks), default="")
    made = Words(
        recording_sha256=recording.sha256,
        language=language,
        engine=context.asr.fingerprint,
        words=tuple(w for b in blocks for w in b.words),
        stretches=tuple(sorted((*audio.lost, *(s for b in blocks for s in b.stretches)), key=lambda s: s.start_ms)),
    )
    return [write(context, "words.json", dump(made, "words/1"))]


def _spoken(blocks: Iterable[engines.Block]) -> Callable[[str], int]:
    blocks = list(blocks)
    return lambda language: sum(len(b.words) for b in blocks if b.language == language)


def _resumed_blocks(context: Context, audio: Audio, log: Path, progress: Progress) -> Iterable[engines.Block]:
    """Blocks from an earlier, killed attempt, then the rest, each on disk before the next is begun."""
    import os

    done, size, from_ms = [], 0, 0
    if log.exists():
        for line in log.read_bytes().splitlines(keepends=True):
            try:
                block = msgspec.json.decode(line, type=engines.Block)
            except msgspec.MsgspecError:
                break  # cut short by the kill
            if not line.endswith(b"\n"):
                break
            done.append(block)
            size += len(line)
            from_ms = block.end_ms
    yield from done
    if from_ms >= audio.duration_ms:
        return
    progress(from_ms, audio.duration_ms)
    recogniser = engines.recogniser(context.asr, n_threads=context.n_threads)
    with log.open("r+b" if log.exists() else "w+b") as f:
        f.truncate(size)
        f.seek(size)
        for block in recogniser.words(
            audio,
            language=context.meeting.language or None,
            vocabulary=_vocabulary(context.meeting),
            from_ms=from_ms,
        ):
            f.write(msgspec.json.encode(block) + b"\n")
            f.flush()
            os.fsync(f.fileno())
            progress(block.end_ms, audio.duration_ms)
            yield block


# -- turns ----------------------------------------------------------------------------------------


def _caption_turns(context: Context) -> Turns | None:
    captions = context.captions()
    if captions is None or not _uses_captions(context, "turns", context.diariser):
        return None
    from transcribe import captions as caption_files

    recording = context.recording()
    _, turns = caption_files.read(
        captions, recording_sha256=recording.sha256, duration_ms=recording.duration_ms, exclude=context.silence
    )
    return turns if turns.turns else None


def _turns_params(context: Context) -> dict[str, Any]:
    # Captions may name no voices, and then the diariser listens after all.
    captions = "captions, else " if _uses_captions(context, "turns", context.diariser) else ""
    return _sound_params(context) | {"engine": captions + context.diariser.fingerprint}


def _turns(context: Context, progress: Progress) -> list[str]:
    recording = context.recording()
    turns = _caption_turns(context)
    if turns is None and not recording.media:
        turns = Turns(recording_sha256=recording.sha256, engine="none", turns=())
    if turns is None:
        diariser = engines.diariser(context.diariser, n_threads=context.n_threads)
        made = diariser.turns(_decoded(context, progress), speakers=None, progress=progress)
        turns = Turns(recording_sha256=recording.sha256, engine=context.diariser.fingerprint, turns=made)
    return [write(context, "turns.json", dump(turns, "turns/1"))]


# -- transcript, statements -----------------------------------------------------------------------


def made_files(*names: str) -> Callable[[Context], dict[str, Path]]:
    return lambda context: {name: context.made / name for name in names}


def _transcript_params(context: Context) -> dict[str, Any]:
    return {"people": context.meeting.people, "silence": context.meeting.exclude}


def _transcript(context: Context, progress: Progress) -> list[str]:
    from transcribe.transcript import assemble, to_webvtt

    transcript = assemble(context.words(), context.turns(), context.meeting, context.recording())
    return [
        write(context, "transcript.json", dump(transcript, "transcript/1")),
        write(context, "transcript.vtt", to_webvtt(transcript).encode()),
    ]


def _statements_params(context: Context) -> dict[str, Any]:
    from analyse.rules import TAGGER

    return {"codebook": context.codebook, "tagger": TAGGER, "agenda": context.meeting.agenda}


def _statements(context: Context, progress: Progress) -> list[str]:
    from analyse.rules import tag_transcript

    sha256 = state_of(context.made / "transcript.json").sha256
    statements = tag_transcript(context.transcript(), context.meeting, context.codebook, sha256)
    return [write(context, "statements.json", dump(statements, "statements/1"))]


STAGES = (
    Stage(name="probe", version=1, inputs=_probe_inputs, params=_probe_params, make=_probe, notes=_probe_notes),
    Stage(name="playable", version=1, inputs=_no_inputs, params=_sound_params, make=_playable),
    Stage(name="words", version=1, inputs=_caption_inputs("words", lambda c: c.asr), params=_words_params, make=_words),
    Stage(
        name="turns",
        version=1,
        inputs=_caption_inputs("turns", lambda c: c.diariser),
        params=_turns_params,
        make=_turns,
    ),
    Stage(
        name="transcript",
        version=2,
        inputs=made_files("words.json", "turns.json", "recording.json"),
        params=_transcript_params,
        make=_transcript,
    ),
    Stage(
        name="statements", version=1, inputs=made_files("transcript.json"), params=_statements_params, make=_statements
    ),
)

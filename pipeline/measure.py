"""`onrecord score`: results of the pipeline, or files of other programs, against references that people made.

What a file is, is told by its name and what it holds: transcripts, words and turns as the pipeline writes them; text,
RTTM, STM, word-level JSON; and `reference.json`, sentences with speakers, times and labels.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from analyse import score as tag_score
from analyse.codebook import Codebook
from analyse.records import Statements
from transcribe import references, score
from transcribe.problem import Problem
from transcribe.records import Record, Transcript, Turn, Turns, Word, Words, load, text_of

T = TypeVar("T")


class TurnsMeasured(Record):
    """`one_speaker` is the baseline: the reference's own speech, all of it given to one voice."""

    errors: score.TurnErrors
    one_speaker: score.TurnErrors
    n_voices_reference: int
    n_voices_found: int


class SpeakersMeasured(Record):
    """`names` only where the reference says who people are."""

    voices: score.SpeakerWords
    names: score.NameWords | None = None


def words(reference: Path, hypothesis: Path, recording: str = "") -> score.WordErrors:
    return score.word_errors(_text(reference, recording), _text(hypothesis, recording))


def turns(reference: Path, hypothesis: Path, *, uem: Path | None = None, recording: str = "") -> TurnsMeasured:
    """Diarisation errors, no collar, overlap counted, within the UEM where one is given."""
    wanted, found = _turns(reference, recording), _turns(hypothesis, recording)
    within = _of(references.read_uem(uem), recording, uem) if uem else None
    return TurnsMeasured(
        errors=score.turn_errors(wanted, found, within),
        one_speaker=score.turn_errors(wanted, score.one_speaker(wanted), within),
        n_voices_reference=len({t.speaker for t in wanted}),
        n_voices_found=len({t.speaker for t in found}),
    )


def speakers(reference: Path, hypothesis: Path, recording: str = "") -> SpeakersMeasured:
    """Words with the right voice and, where the reference has people's ids, with the right name."""
    transcript = load(_bytes(hypothesis), Transcript, "transcript/1", where=hypothesis)
    wanted = _words(reference, recording)
    names = None
    if _schema(reference) == "reference/1":
        names = score.name_words(wanted, transcript.words, transcript.names)
    return SpeakersMeasured(voices=score.speaker_words(wanted, transcript.words), names=names)


def meeting_tags(reference: Path, hypothesis: Path, codebook: Codebook) -> tag_score.MeetingScore:
    """Topic, codes and stance of a meeting's statements against its labelled sentences."""
    statements = load(_bytes(hypothesis), Statements, "statements/1", where=hypothesis)
    try:
        raw = msgspec.json.decode(_bytes(reference), type=dict[str, Any])["sentences"]
        sentences = msgspec.convert(raw, list[tag_score.Sentence])
    except (msgspec.MsgspecError, KeyError) as e:
        raise Problem(
            f"not a reference with labelled sentences: {e}", where=reference, fix="see docs/formats.md"
        ) from e
    return tag_score.score_meeting(statements, sentences, codebook)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise Problem(f"this file cannot be read: {e.strerror}", where=path, fix="name a file that is there") from e


def _schema(path: Path) -> str:
    if path.suffix != ".json":
        return ""
    try:
        found = msgspec.json.decode(_bytes(path))
    except msgspec.MsgspecError as e:
        raise Problem(f"this is not JSON: {e}", where=path, fix="name another file") from e
    return str(found.get("schema", "")) if isinstance(found, dict) else ""


def _text(path: Path, recording: str) -> str:
    if path.suffix == ".txt":
        return references.read_text(path)
    return text_of(_words(path, recording))


def _words(path: Path, recording: str) -> Sequence[Word]:
    match _schema(path):
        case "transcript/1":
            return load(_bytes(path), Transcript, "transcript/1", where=path).words
        case "words/1":
            return load(_bytes(path), Words, "words/1", where=path).words
        case "reference/1":
            return references.words_of(references.read_sentences(path))
    if path.suffix == ".stm":
        return references.words_of(_of(references.read_stm(path), recording, path))
    return references.read_words(path)


def _turns(path: Path, recording: str) -> Sequence[Turn]:
    match _schema(path):
        case "transcript/1":
            found = load(_bytes(path), Transcript, "transcript/1", where=path).turns
        case "turns/1":
            found = load(_bytes(path), Turns, "turns/1", where=path).turns
        case "reference/1":
            return references.turns_of(references.read_sentences(path))
        case _ if path.suffix == ".stm":
            return references.turns_of(_of(references.read_stm(path), recording, path))
        case _:
            return _of(references.read_rttm(path), recording, path)
    return [t for t in found if not t.exclusive] or found


def _of(by_recording: Mapping[str, T], recording: str, path: Path | None) -> T:
    """What a file that may hold several recordings says of one."""
    if not recording and len(by_recording) == 1:
        return next(iter(by_recording.values()))
    if recording not in by_recording:
        raise Problem(
            f"this file speaks of {len(by_recording)} recordings: {', '.join(sorted(by_recording)[:20])}",
            where=path or "",
            fix="say which with --recording NAME",
        )
    return by_recording[recording]

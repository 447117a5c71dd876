"""References that people made of a recording, and hypotheses to set against them, read into our records.

Plain text; RTTM, UEM, STM and CTM as NIST defined them; SegLST (JSON, a list of segments); word times as JSON
(`{"words": [{"start", "end", "speaker", "word"}]}`, seconds); and our own JSON: `transcript/1`, `words/1`, `turns/1`
and `reference/1`, sentences with speaker and times, and turns where those are longer. All raise Problem, with the line
or item, for a file that is not what its name says, or larger than any meeting needs.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from transcribe.documents import load
from transcribe.problem import Problem
from transcribe.records import Record, SpeakerName, Transcript, Turn, Turns, Word, Words, check_range

LARGEST_BYTES = 64_000_000
MOST_WORDS, MOST_TURNS, MOST_VOICES = 100_000, 50_000, 200  # of one recording; a day of meetings has less
MOST_TOGETHER = 2_000_000  # words of all recordings in a file
LATEST_S = 1e7
GAP, IGNORED = "inter_segment_gap", "IGNORE_TIME_SEGMENT_IN_SCORING"  # NIST's: nobody speaks; not to be judged

T = TypeVar("T")


class Utterance(Record):
    """What one voice said in one stretch of time; `scored` is False where the reference says not to judge it."""

    speaker: str
    start_ms: int
    end_ms: int
    text: str
    scored: bool = True

    def __post_init__(self) -> None:
        check_range(self.start_ms, self.end_ms)


class Account(Record):
    """What a file says of one recording; None where it does not speak of words, or of turns.

    `names` say who the voices are; with `by_person` the voices themselves are people's ids. `ignored` is time that is
    not to be judged.
    """

    words: tuple[Word, ...] | None = None
    turns: tuple[Turn, ...] | None = None
    names: tuple[SpeakerName, ...] = ()
    by_person: bool = False
    ignored: tuple[tuple[int, int], ...] = ()


SUFFIXES = frozenset({".txt", ".stm", ".rttm", ".ctm", ".json"})


def read(path: Path) -> dict[str, Account]:
    """Recording name -> what a file says of it; what the file is, is told by its name and what it holds.

    A file that names no recording speaks of the one that it is called after: `trn00` for `trn00.words.json`, the
    meeting for the files of a meeting's folder.
    """
    match path.suffix.lower():
        case ".rttm":
            found = {name: Account(turns=t) for name, t in read_rttm(path).items()}
        case ".stm":
            found = _all_said(path, read_stm(path))
        case ".ctm":
            found = {name: Account(words=w) for name, w in read_ctm(path).items()}
        case ".json":
            found = _read_json(path)
        case ".vtt" | ".srt" | ".sbv":
            from transcribe import captions

            words, turns = captions.read(path, recording_sha256="", duration_ms=None)
            found = {called(path): Account(words=words.words, turns=turns.turns)}
        case _:
            texts = read_text(path).split(maxsplit=MOST_WORDS)
            _check_number(path, called(path), len(texts), MOST_WORDS, "words")
            found = {called(path): Account(words=tuple(Word(text=t, timing="none") for t in texts))}
    if not found:
        raise _broken(path, "it is empty")
    for name, account in found.items():
        _check_size(path, name, account)
    return found


def called(path: Path) -> str:
    """The recording that a file is about, by where it lies and what it is called."""
    if path.name in ("transcript.json", "transcript.vtt", "words.json", "turns.json", "reference.json"):
        folder = path.resolve().parent
        return folder.parent.name if folder.name == "reference" else folder.name
    return path.name.split(".")[0]


def read_words(path: Path) -> tuple[Word, ...]:
    """Words of a word-level JSON reference, in order of time; punctuation joins the word before it."""
    found: list[Word] = []
    try:
        items = sorted(_object(path)["words"], key=lambda w: w["start"])  # stable: a comma follows its word
        last: dict[str, int] = {}
        for item in items:
            text, speaker = "".join(_text(item["word"]).split()), _text(item["speaker"])
            if item.get("punc"):
                if speaker in last:
                    found[last[speaker]] = msgspec.structs.replace(
                        found[last[speaker]], text=found[last[speaker]].text + text
                    )
            elif text:
                last[speaker] = len(found)
                start_ms, end_ms = _ms(item["start"]), _ms(item["end"])
                found.append(Word(text=text, start_ms=start_ms, end_ms=end_ms, speaker=speaker))
    except (KeyError, TypeError, ValueError) as e:
        raise _broken(path, f"not a list of words with start, end and speaker: {e}") from e
    return tuple(found)


def read_rttm(path: Path) -> dict[str, tuple[Turn, ...]]:
    """Recording name -> its turns, which may overlap."""
    turns: dict[str, list[Turn]] = {}
    for number, fields in _lines(path):
        if fields[0] != "SPEAKER":
            continue
        try:
            start_ms, length_ms = _ms(fields[3]), _ms(fields[4])
            turn = Turn(speaker=fields[7], start_ms=start_ms, end_ms=start_ms + length_ms)
        except (IndexError, ValueError) as e:
            raise _broken(path, f"line {number} is not an RTTM line") from e
        _put(path, turns, fields[1], turn, MOST_TURNS, "turns")
    return {name: tuple(sorted(t, key=lambda x: x.start_ms)) for name, t in turns.items()}


def read_uem(path: Path) -> dict[str, tuple[tuple[int, int], ...]]:
    """Recording name -> the ranges that are scored, in milliseconds."""
    ranges: dict[str, list[tuple[int, int]]] = {}
    for number, fields in _lines(path):
        try:
            start_ms, end_ms = _ms(fields[2]), _ms(fields[3])
            check_range(start_ms, end_ms)
        except (IndexError, ValueError) as e:
            raise _broken(path, f"line {number} is not a UEM line: {e}") from e
        _put(path, ranges, fields[0], (start_ms, end_ms), MOST_TURNS, "stretches")
    return {name: tuple(sorted(r)) for name, r in ranges.items()}


def read_stm(path: Path) -> dict[str, tuple[Utterance, ...]]:
    """Recording name -> its utterances, in order of time. A label field in angle brackets is skipped, and so are lines
    that say that nobody speaks."""
    found: dict[str, list[Utterance]] = {}
    for number, fields in _lines(path):
        try:
            text = fields[6:] if fields[5:6] and fields[5].startswith("<") else fields[5:]
            utterance = Utterance(
                speaker=fields[2],
                start_ms=_ms(fields[3]),
                end_ms=_ms(fields[4]),
                text=" ".join(text),
                scored=IGNORED not in text,
            )
        except (IndexError, ValueError) as e:
            raise _broken(path, f"line {number} is not an STM line: {e}") from e
        if utterance.speaker != GAP:
            _put(path, found, fields[0], utterance, MOST_TURNS, "turns")
    return {name: tuple(sorted(u, key=lambda x: x.start_ms)) for name, u in found.items()}


def read_ctm(path: Path) -> dict[str, tuple[Word, ...]]:
    """Recording name -> its words, in order of time, with the recogniser's confidence where it is given."""
    found: dict[str, list[Word]] = {}
    for number, fields in _lines(path):
        try:
            start_ms = _ms(fields[2])
            confidence = None if fields[5:6] in ([], ["NA"]) else float(fields[5])
            word = Word(text=fields[4], start_ms=start_ms, end_ms=start_ms + _ms(fields[3]), confidence=confidence)
        except (IndexError, ValueError) as e:
            raise _broken(path, f"line {number} is not a CTM line: {e}") from e
        _put(path, found, fields[0], word, MOST_WORDS, "words")
    return {name: tuple(sorted(w, key=lambda x: x.start_ms or 0)) for name, w in found.items()}


def read_seglst(path: Path) -> dict[str, tuple[Utterance, ...]]:
    """Recording name -> its utterances, in order of time: a list of `{session_id, speaker, start_time, end_time,
    words}` with times in seconds, as numbers or text; other fields are passed over."""
    found: dict[str, list[Utterance]] = {}
    segments = _json(path)
    if not isinstance(segments, list):
        raise _broken(path, "not a list of segments")
    for number, segment in enumerate(segments, 1):
        try:
            utterance = Utterance(
                speaker=_text(segment["speaker"]),
                start_ms=_ms(segment["start_time"]),
                end_ms=_ms(segment["end_time"]),
                text=_text(segment["words"]),
            )
            name = _text(segment["session_id"])
        except (KeyError, TypeError, ValueError) as e:
            raise _broken(path, f"item {number} is not a SegLST segment: {e}") from e
        _put(path, found, name, utterance, MOST_TURNS, "turns")
    return {name: tuple(sorted(u, key=lambda x: x.start_ms)) for name, u in found.items()}


def read_sentences(path: Path) -> tuple[Utterance, ...]:
    """The sentences of a `reference/1` file, in order of time."""
    try:
        said = [
            {field: s[field] for field in ("speaker", "start_ms", "end_ms", "text")} for s in _object(path)["sentences"]
        ]
        found = msgspec.convert(said, list[Utterance])
    except (KeyError, TypeError, ValueError) as e:
        raise _broken(path, f"not a reference with sentences: {e}") from e
    return tuple(sorted(found, key=lambda u: u.start_ms))


def read_text(path: Path) -> str:
    """A plain text reference."""
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise _broken(path, "it is no text") from e


def read_bytes(path: Path) -> bytes:
    """A whole file of at most 64 MB."""
    try:
        if not path.is_file():  # to open a pipe would wait for ever
            raise _broken(path, "there is no such file" if not path.exists() else "this is not a file")
        with path.open("rb") as f:
            data = f.read(LARGEST_BYTES + 1)
    except OSError as e:
        raise _broken(path, f"cannot be read: {e.strerror}") from e
    if len(data) > LARGEST_BYTES:
        raise _broken(path, f"larger than {LARGEST_BYTES / 1e6:g} MB")
    return data


def words_of(utterances: Sequence[Utterance]) -> tuple[Word, ...]:
    """Words with speakers, in order of time; each has a share of its utterance by its length (timing `cue`)."""
    found = []
    for u in utterances:
        parts = u.text.split()
        n_letters = sum(map(len, parts))
        done = 0
        for part in parts:
            start_ms = u.start_ms + (u.end_ms - u.start_ms) * done // n_letters
            done += len(part)
            end_ms = u.start_ms + (u.end_ms - u.start_ms) * done // n_letters
            found.append(Word(text=part, start_ms=start_ms, end_ms=end_ms, timing="cue", speaker=u.speaker))
    return tuple(sorted(found, key=lambda w: w.start_ms or 0))


def turns_of(utterances: Iterable[Utterance]) -> tuple[Turn, ...]:
    """One turn per utterance; they may overlap."""
    return tuple(Turn(speaker=u.speaker, start_ms=u.start_ms, end_ms=u.end_ms) for u in utterances)


def _read_json(path: Path) -> dict[str, Account]:
    body = _json(path)
    if isinstance(body, list):
        return _all_said(path, read_seglst(path))
    reader = _OURS.get(str(body.get("schema", ""))) if isinstance(body, dict) else None
    return {called(path): reader(path) if reader else Account(words=read_words(path))}


def _transcript(path: Path) -> Account:
    found = load(read_bytes(path), Transcript, "transcript/2", where=path)
    return Account(words=found.words, turns=found.turns, names=found.names)


def _reference(path: Path) -> Account:
    (said,) = _all_said(path, {called(path): read_sentences(path)}).values()
    said = msgspec.structs.replace(said, by_person=True)
    if "turns" not in (body := _object(path)):
        return said
    try:
        return msgspec.structs.replace(said, turns=msgspec.convert(body["turns"], tuple[Turn, ...]))
    except msgspec.MsgspecError as e:
        raise _broken(path, f"its turns cannot be read: {e}") from e


def _all_said(path: Path, by_recording: Mapping[str, Sequence[Utterance]]) -> dict[str, Account]:
    found, n_together = {}, 0
    for name, utterances in by_recording.items():
        scored = [u for u in utterances if u.scored]
        n_words = sum(len(u.text.split(maxsplit=MOST_WORDS)) for u in scored)
        n_together += n_words
        _check_number(path, name, n_words, MOST_WORDS, "words")
        _check_number(path, "all recordings", n_together, MOST_TOGETHER, "words")
        ignored = tuple((u.start_ms, u.end_ms) for u in utterances if not u.scored)
        found[name] = Account(words=words_of(scored), turns=turns_of(scored), ignored=ignored)
    return found


_OURS: Mapping[str, Callable[[Path], Account]] = {
    "transcript/1": _transcript,
    "transcript/2": _transcript,
    "words/1": lambda path: Account(words=load(read_bytes(path), Words, "words/1", where=path).words),
    "turns/1": lambda path: Account(turns=load(read_bytes(path), Turns, "turns/1", where=path).turns),
    "reference/1": _reference,
}


def _put(path: Path, found: dict[str, list[T]], name: str, item: T, most: int, what: str) -> None:
    """Adds what a file says of a recording, unless it says too much."""
    mine = found.setdefault(name, [])
    mine.append(item)
    _check_number(path, name, len(mine), most, what)


def _check_size(path: Path, name: str, account: Account) -> None:
    words, turns = account.words or (), account.turns or ()
    voices = {w.speaker for w in words} | {t.speaker for t in turns}
    _check_number(path, name, len(words), MOST_WORDS, "words")
    _check_number(path, name, len(turns), MOST_TURNS, "turns")
    _check_number(path, name, len(voices), MOST_VOICES, "voices")
    if max((0, *(w.end_ms or 0 for w in words), *(t.end_ms for t in turns))) > LATEST_S * 1000:
        raise _broken(path, f"{name} has times that no recording has")


def _check_number(path: Path, name: str, n: int, most: int, what: str) -> None:
    if n > most:
        raise _broken(path, f"more than {most:,} {what} of {name}, and these are the most that are scored")


def _text(value: object) -> str:
    """Text, or a number that stands for it."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(f"{value!r:.80} is not text")
    return str(value)


def _ms(seconds: object) -> int:
    if not isinstance(seconds, bool) and isinstance(seconds, str | int | float):
        with suppress(OverflowError):
            if abs(float(seconds)) < LATEST_S:
                return round(float(seconds) * 1000)
    raise ValueError(f"{seconds!r:.80} is not a time in a recording")


def _json(path: Path) -> Any:
    try:
        return msgspec.json.decode(read_bytes(path))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise _broken(path, f"cannot be read as JSON: {e}") from e


def _object(path: Path) -> dict[str, Any]:
    body = _json(path)
    if not isinstance(body, dict):
        raise _broken(path, "cannot be read as a JSON object")
    return body


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(StringIO(read_text(path), newline=None), 1):
        fields = line.split(maxsplit=MOST_WORDS + 10)  # words, and what stands before them
        if fields and not line.startswith(";;"):
            yield number, fields


def _broken(path: Path, what: str) -> Problem:
    return Problem(f"this cannot be scored: {what}", where=path, fix="see docs/formats.md for what can be read")

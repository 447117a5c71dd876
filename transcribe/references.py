"""References that people made of a recording, and hypotheses to set against them, read into our records.

Plain text; word times as JSON (`{"words": [{"start", "end", "speaker", "word"}]}`, seconds); RTTM, UEM and STM as
NIST defined them; and our own `reference/1`, sentences with speaker and times. All raise Problem for a file
that is not what its name says.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from transcribe.problem import Problem
from transcribe.records import Record, Turn, Word, check_range


class Utterance(Record):
    """What one voice said in one stretch of time."""

    speaker: str
    start_ms: int
    end_ms: int
    text: str

    def __post_init__(self) -> None:
        check_range(self.start_ms, self.end_ms)


def read_words(path: Path) -> tuple[Word, ...]:
    """Words of a word-level JSON reference, in order of time; punctuation joins the word before it."""
    found: list[Word] = []
    try:
        items = sorted(_json(path)["words"], key=lambda w: w["start"])  # stable: a comma follows its word
        last: dict[str, int] = {}
        for item in items:
            text, speaker = "".join(str(item["word"]).split()), str(item["speaker"])
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
            raise _broken(path, f"line {number} is not an RTTM line: {e}") from e
        turns.setdefault(fields[1], []).append(turn)
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
        ranges.setdefault(fields[0], []).append((start_ms, end_ms))
    return {name: tuple(sorted(r)) for name, r in ranges.items()}


def read_stm(path: Path) -> dict[str, tuple[Utterance, ...]]:
    """Recording name -> its utterances, in order of time. A label field in angle brackets is skipped."""
    found: dict[str, list[Utterance]] = {}
    for number, fields in _lines(path):
        try:
            text = fields[6:] if fields[5:6] and fields[5].startswith("<") else fields[5:]
            utterance = Utterance(
                speaker=fields[2], start_ms=_ms(fields[3]), end_ms=_ms(fields[4]), text=" ".join(text)
            )
        except (IndexError, ValueError) as e:
            raise _broken(path, f"line {number} is not an STM line: {e}") from e
        found.setdefault(fields[0], []).append(utterance)
    return {name: tuple(sorted(u, key=lambda x: x.start_ms)) for name, u in found.items()}


def read_sentences(path: Path) -> tuple[Utterance, ...]:
    """The sentences of a `reference/1` file, in order of time."""
    try:
        found = [
            Utterance(speaker=s["speaker"], start_ms=s["start_ms"], end_ms=s["end_ms"], text=s["text"])
            for s in _json(path)["sentences"]
        ]
    except (KeyError, TypeError, ValueError) as e:
        raise _broken(path, f"not a reference with sentences: {e}") from e
    return tuple(sorted(found, key=lambda u: u.start_ms))


def read_text(path: Path) -> str:
    """A plain text reference."""
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        raise _broken(path, f"cannot be read as text: {e}") from e


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


def _ms(seconds: Any) -> int:
    if not abs(float(seconds)) < 1e7:
        raise ValueError(f"{seconds!r} is not a time in a recording")
    return round(float(seconds) * 1000)


def _json(path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.MsgspecError) as e:
        raise _broken(path, f"cannot be read as JSON: {e}") from e


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(read_text(path).splitlines(), 1):
        fields = line.split()
        if fields and not line.startswith(";;"):
            yield number, fields


def _broken(path: Path, what: str) -> Problem:
    return Problem(f"not a usable reference: {what}", where=path, fix="see docs/formats.md for what can be read")

"""Quotations checked against all meetings of a data folder: from the command line and from the page."""

import os
from functools import cache, lru_cache
from pathlib import Path

import msgspec

from pipeline.meetings import Layout
from pipeline.places import load_transcript
from search import articles, quoted, verify
from search.alignment import Spoken
from search.quotes import read_parquet
from search.verify import Covered, Finding
from transcribe.problem import Problem
from transcribe.records import Coverage

LAST_LINES = (16_000, 1_000_000)  # bytes: what people listened to may stand behind what is looked for
N_KEPT = 12  # meetings whose words are kept at hand


class Checker:
    """Checks quotations one after another, with the words of the meetings that they lead to kept at hand."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._spoken = lru_cache(maxsize=N_KEPT)(self._read)
        self.covered = cache(self._counted)

    def text(self, quotation: str, *, speaker: str = "", meeting: str = "") -> Finding:
        """One quotation. Raises Problem where nothing is indexed."""
        return verify.find(self._layout.index, quotation, self._spoken, self.covered, speaker=speaker, meeting=meeting)

    def article(self, path: Path, *, speaker: str = "", meeting: str = "") -> tuple[Finding, ...]:
        """Every quoted passage of an article, in order. Raises Problem for what is no article."""
        found = quoted.passages(articles.read(path))
        return tuple(
            verify.find(self._layout.index, passage, self._spoken, self.covered, speaker=speaker, meeting=meeting)
            for passage in found
        )

    def _read(self, meeting: str) -> Spoken | None:
        """A meeting's words; None where its files are gone or damaged, which its own run mends."""
        try:
            rows = read_parquet(self._layout.made(meeting) / "quotes.parquet")
            return Spoken(transcript=load_transcript(self._layout, meeting), rows=rows)
        except (Problem, OSError):
            return None

    def _counted(self) -> Covered:
        """Over all meetings that were transcribed; of one whose receipt of that is missing, nothing is claimed."""
        transcribed_ms = duration_ms = 0
        for path in self._layout.processed.glob("*/transcript.json"):
            try:
                found = _coverage(path)
            except (OSError, msgspec.MsgspecError):
                continue
            if found:
                heard_ms = found.transcribed_ms + found.no_speech_ms
                transcribed_ms, duration_ms = transcribed_ms + heard_ms, duration_ms + found.duration_ms
        return Covered(transcribed_ms=transcribed_ms, duration_ms=duration_ms)


def _coverage(path: Path) -> Coverage | None:
    """What a transcript says of itself in its last lines; to read the hundred thousand before them takes far longer."""
    with path.open("rb") as f:
        for n_bytes in LAST_LINES:
            f.seek(max(0, f.seek(0, os.SEEK_END) - n_bytes))
            _, key, last = f.read().rpartition(b'\n "coverage": ')
            if key:
                return msgspec.json.decode(last.partition(b"\n")[0].removesuffix(b","), type=Coverage)
    return None

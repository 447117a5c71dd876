"""A meeting in a batch: where its files are, what people say of it, and with what it is made."""

from functools import lru_cache
from pathlib import Path

import msgspec

from analyse import taggers
from analyse.codebook import Codebook
from pipeline import corrections, hidden
from pipeline.meetings import Layout
from pipeline.receipts import FileState
from transcribe import correct, engines
from transcribe.correct import Correction
from transcribe.documents import load
from transcribe.ranges import Ranges
from transcribe.records import Meeting, Record, Recording, Stretch, Transcript, Turns, Words


class Context(Record):
    """`only` is the stretch that is to be listened to first, in ms; the whole recording where there is none. With
    `verify` nothing of an earlier result is kept that is not, to the bit, what was written. `inputs` are the files of a
    stage that is being made, as they were when it began."""

    layout: Layout
    meeting: Meeting
    asr: engines.Choice
    diariser: engines.Choice
    codebook: Codebook
    tagger: taggers.Choice = taggers.RULES
    upgrade: bool = False
    only: tuple[int, int] | None = None
    verify: bool = False
    inputs: dict[str, FileState] = msgspec.field(default_factory=dict)
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
        path = self.made / "transcript.json"
        stat = path.stat()
        return _transcript(path, (stat.st_ino, stat.st_mtime_ns, stat.st_size))

    def _bytes(self, name: str) -> bytes:
        return (self.made / name).read_bytes()

    def corrections(self) -> tuple[Correction, ...]:
        """What people changed, as the file says it now: somebody may add to it while a batch runs."""
        return corrections.read(self.raw)

    def hidden(self) -> tuple[Stretch, ...]:
        """Stretches that nobody may hear or read, and why."""
        return hidden.stretches(self.raw, self.meeting)

    def silence(self) -> Ranges:
        """All time that nobody may hear or read."""
        return correct.silence(self.hidden())

    def erased(self) -> Ranges:
        """The part of it of which nothing is kept: what is withheld may come back."""
        return correct.erased(self.hidden())

    def captions(self) -> Path | None:
        return self.raw / self.meeting.captions if self.meeting.captions else None


@lru_cache(maxsize=1)
def _transcript(path: Path, state: tuple[int, int, int]) -> Transcript:
    """The transcript in a file, which several stages read one after the other."""
    return load(path.read_bytes(), Transcript, "transcript/2", where=path)


def write(context: Context, name: str, data: bytes) -> str:
    """Write an output of a stage to the scratch folder, and give its name."""
    (context.scratch / name).write_bytes(data)
    return name

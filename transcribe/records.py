"""The records of the speech room, and how they are read and written.

Time is integer milliseconds on the meeting's timeline, half-open `[start_ms, end_ms)`. Confidence is
0-1 or None, never invented. Every record is frozen and checks itself when it is made.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated, Literal, dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Frozen, keyword-only, refuses unknown fields."""


def check_range(start_ms: int, end_ms: int) -> None:
    if not 0 <= start_ms <= end_ms:
        raise ValueError(f"not a range of time: [{start_ms}, {end_ms})")


# -- what a person wrote about a meeting ----------------------------------------------------------


Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,80}$")]  # of meetings and people


Public = Literal["", "named", "unnamed"]  # whether somebody without an office is shown by name; "" leaves it open


class Person(Record):
    """Somebody who may speak, as they were on the day: from `meeting.toml`, `roster.toml` and `data/people.toml`."""

    id: Id
    name: str
    role: str = ""
    party: str = ""
    ward: str = ""
    aliases: tuple[str, ...] = ()
    present: bool = True
    public: Public = ""


class AgendaItem(Record):
    item: int | str
    title: str


SourceState = Literal["gone", "changed"]  # of what the public could hear: not there any more, or of another length now
ChannelUse = Literal["mixed", "apart"]  # one sound in all channels of a track, or a sound of its own in each of two


class MediaFile(Record):
    """A media file as named in `meeting.toml`. `audio_track` counts its sound tracks from 1; `channels` says whether
    voices are looked for in the mix of that track's channels, or in each by itself."""

    file: str
    audio_track: Annotated[int, msgspec.Meta(ge=1)] | None = None
    channels: ChannelUse | None = None
    source_url: str = ""
    source_offset_s: float = 0.0
    source_state: SourceState | None = None


class AboutMeeting(Record):
    """What of `meeting.toml` is as it is written there."""

    title: str = ""
    body: str = ""
    held_on: date | None = None
    timezone: str = "Europe/London"
    source_url: str = ""
    source_offset_s: float = 0.0
    source_state: SourceState | None = None
    captions: str = ""
    vocabulary: tuple[str, ...] = ()
    agenda: tuple[AgendaItem, ...] = ()


class Meeting(AboutMeeting, kw_only=True):
    """Everything that `meeting.toml` may say, and what `roster.toml` and `data/people.toml` add. `id` and `folder` come
    from the folder itself. `other_languages` are spoken there beside `language`, the main one."""

    id: str
    folder: str
    language: str = ""
    other_languages: tuple[str, ...] = ()
    media: tuple[MediaFile, ...] = ()
    exclude: tuple[tuple[int, int, str], ...] = ()  # start_ms, end_ms, reason
    people: tuple[Person, ...] = ()


# -- what was recorded ----------------------------------------------------------------------------


class Stream(Record):
    kind: Literal["audio", "video", "other"]
    codec: str
    rate_hz: int | None = None
    channels: int | None = None
    default: bool = False  # the file says that this one is played when nobody chooses


class Media(Record):
    """One file of a recording. `start_ms` is where it begins on the meeting's timeline.

    `audio_track` is listened to, and of it `channel` (both from 1), or all its channels mixed; voices are looked for in
    each of its two channels by itself where they hold sounds that are `apart`. `container` is FFmpeg's
    name for what the file is; `first_ms` when its own clock begins; `even` whether equal bytes of it are equal time,
    None where that does not matter. `notes` are what people should know of its sound, a sentence each.
    """

    file: str
    sha256: str
    size: int
    duration_ms: int
    start_ms: int = 0
    container: str = ""
    states_length: bool = True
    first_ms: int = 0
    even: bool | None = None
    streams: tuple[Stream, ...] = ()
    audio_track: int = 1
    channel: int | None = None
    apart: bool = False
    notes: tuple[str, ...] = ()
    source_url: str = ""
    source_offset_ms: int = 0


class Recording(Record):
    """What there is to listen to. With captions alone `media` is empty and the hash is the captions'."""

    meeting: str
    duration_ms: int
    sha256: str  # over the ordered media hashes and their start times
    media: tuple[Media, ...] = ()

    def __post_init__(self) -> None:
        if self.duration_ms < 0:
            raise ValueError("a recording has no negative length")


# -- what was said --------------------------------------------------------------------------------

Timing = Literal["engine", "aligned", "cue", "none"]


class Word(Record):
    """One word as written, with its punctuation and no spaces. Times are None only with timing `none`.

    `confidence` is the recogniser's own probability; `speaker` a diarised label (`S1`) or a voice that captions
    name; `speaker_margin` how far ahead (in log score) that speaker was; `original` what was there before `change`:
    `repair` with score and reason, `spelling`, or `correction` with its id. Where that made several words of one, the
    first keeps what was there and the others keep "".
    """

    text: str
    start_ms: int | None = None
    end_ms: int | None = None
    timing: Timing = "engine"
    confidence: float | None = None
    speaker: str | None = None
    speaker_margin: float | None = None
    overlap: bool = False
    original: str | None = None
    change: str | None = None

    def __post_init__(self) -> None:
        if not self.text or self.text != "".join(self.text.split()):
            raise ValueError(f"a word is not empty and holds no spaces: {self.text!r}")
        if (self.start_ms is None) != (self.timing == "none") or (self.end_ms is None) != (self.timing == "none"):
            raise ValueError("a word has no times exactly when its timing is `none`")
        if self.start_ms is not None and self.end_ms is not None:
            check_range(self.start_ms, self.end_ms)
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise ValueError(f"confidence outside 0-1: {self.confidence}")


class Turn(Record):
    """A stretch of one voice. Exclusive turns never overlap each other and give labels; the others may."""

    speaker: str
    start_ms: int
    end_ms: int
    exclusive: bool = False

    def __post_init__(self) -> None:
        check_range(self.start_ms, self.end_ms)


class Passage(Record):
    """A stretch of time in which another language is spoken than the meeting's main one. Words whose midpoint lies in
    it are in that language."""

    language: str
    start_ms: int
    end_ms: int

    def __post_init__(self) -> None:
        check_range(self.start_ms, self.end_ms)


Hidden = Literal["excluded", "masked", "withheld"]


class Stretch(Record):
    """Time of which there is no text, or not all of it, and why."""

    kind: Literal["untranscribed", "partial"] | Hidden
    start_ms: int
    end_ms: int
    reason: str

    def __post_init__(self) -> None:
        check_range(self.start_ms, self.end_ms)


EvidenceKind = Literal[
    "chair handover",
    "addressed",
    "self-introduction",
    "roll call",
    "thanks",
    "apology",
    "caption voice",
    "role",
    "human",
]


class Evidence(Record):
    """Why a voice is, or is not, a person: a signed weight in log-odds and the words that gave it.

    What a person decided of a voice (`human`) is not weighed: its weight is 0.
    """

    kind: EvidenceKind
    person: str
    at_ms: int
    words: str
    weight: float


class SpeakerName(Record):
    """Who a voice is. `display` is what people are shown, of an unknown voice maybe what captions call it
    (`in_captions`); unknown voices have no person and no probability. `runner_up` is the next most likely person, and
    how likely, of an unknown voice the most likely one."""

    label: str
    display: str
    in_captions: bool = False
    person: str | None = None
    role: str = ""
    party: str = ""
    status: Literal["confirmed", "inferred", "unknown"] = "unknown"
    probability: float | None = None
    runner_up: tuple[str, float] | None = None
    evidence: tuple[Evidence, ...] = ()

    def __post_init__(self) -> None:
        if (self.status == "unknown") != (self.person is None):
            raise ValueError("a voice without a person is unknown, and only such a voice")
        if self.in_captions and self.person is not None:
            raise ValueError("a voice is shown as the captions call it only where nobody knows who it is")


class Words(Record):
    """What a recogniser (or captions) gave for a whole recording, in `language` but for the `passages`. `speech` is
    where anybody spoke, as far as its sound shows, or None where nobody listened for that."""

    recording_sha256: str
    language: str
    engine: str  # fingerprint
    words: tuple[Word, ...]
    stretches: tuple[Stretch, ...] = ()
    passages: tuple[Passage, ...] = ()
    speech: tuple[tuple[int, int], ...] | None = None


class Turns(Record):
    """What a diariser (or voices in captions) gave for a whole recording."""

    recording_sha256: str
    engine: str
    turns: tuple[Turn, ...]


class Coverage(Record, omit_defaults=False):
    """What became of a recording's time, in ms: no speech + transcribed + untranscribed + excluded = the duration.

    `untranscribed` is by reason, what nobody has listened to yet among them; `excluded_ms` is all that is hidden;
    `unattributed_ms` is the part of `transcribed_ms` whose words have no voice, `other_languages` those in which parts
    of it were said beside the main one. Where the words are from captions, or of a time before such receipts,
    `listened` is false: no speech means no words.
    """

    duration_ms: int
    transcribed_ms: int
    untranscribed: dict[str, int]
    excluded_ms: int
    no_speech_ms: int
    unattributed_ms: int
    listened: bool
    other_languages: dict[str, int] = {}

    def __post_init__(self) -> None:
        told_ms = self.no_speech_ms + self.transcribed_ms + sum(self.untranscribed.values()) + self.excluded_ms
        if told_ms != self.duration_ms or not 0 <= self.unattributed_ms <= self.transcribed_ms:
            raise ValueError(f"this accounts for {told_ms} ms of {self.duration_ms}")


class Listened(Record):
    """Words that somebody listened to and found right, as they stand now. `on` is a day, in UTC."""

    start_ms: int
    end_ms: int
    by: str
    on: str


class Transcript(Record):
    recording_sha256: str
    language: str
    engine: str  # fingerprints of words and turns
    words: tuple[Word, ...]
    turns: tuple[Turn, ...]
    stretches: tuple[Stretch, ...] = ()
    passages: tuple[Passage, ...] = ()
    names: tuple[SpeakerName, ...] = ()
    coverage: Coverage | None = None
    listened: tuple[Listened, ...] = ()


def check_words(words: Sequence[Word], duration_ms: int) -> None:
    """Words start in order and lie inside the recording. Raises ValueError naming the first that does not."""
    last = 0
    for i, word in enumerate(words):
        if word.start_ms is None or word.end_ms is None:
            continue
        if word.start_ms < last or word.end_ms > duration_ms:
            raise ValueError(f"word {i} ({word.text!r}) at [{word.start_ms}, {word.end_ms}) is out of order or bounds")
        last = word.start_ms


# -- what is asked of words and languages -------------------------------------------------------


def language_code(tag: str) -> str:
    """The language alone, without a country.

    >>> language_code("en-GB"), language_code("")
    ('en', '')
    """
    return tag.lower().replace("_", "-").partition("-")[0]


def is_english(tag: str) -> bool:
    """Whether a language is English. Where none is named, as in most captions, it is taken to be."""
    return language_code(tag) in ("", "en")


def text_of(words: Iterable[Word]) -> str:
    """Words as they are printed: joined by single spaces."""
    return " ".join(w.text for w in words)


GAP = "[…]"


def text_with_gaps(words: Iterable[Word], stretches: Sequence[Stretch]) -> str:
    """Words as they are printed, with `GAP` where something may have been said between them that is not there: nobody
    is to read as one sentence what stands on either side of what was hidden, or not made out.

    >>> words = [Word(text="Yes", start_ms=0, end_ms=400), Word(text="never.", start_ms=900, end_ms=1200)]
    >>> text_with_gaps(words, [Stretch(kind="masked", start_ms=400, end_ms=900, reason="")])
    'Yes […] never.'
    """
    parts: list[str] = []
    before: int | None = None
    for word in words:
        if word.start_ms is not None and word.end_ms is not None:
            at_ms = (word.start_ms + word.end_ms) // 2
            if before is not None and any(before <= s.start_ms and s.end_ms <= at_ms for s in stretches):
                parts.append(GAP)
            before = at_ms
        parts.append(word.text)
    return " ".join(parts)

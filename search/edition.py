"""What published pages are editions of: some meetings of a shelf, on a day, and where in them a quote plays."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

from msgspec.structs import replace

from analyse.codebook import Codebook
from search import cite, links
from search.cite import Passage
from search.quotes import Quote, source_of
from search.reading import Held, Listed, Shelf, Sound, Told
from transcribe.records import Record

POLICY = (  # `file:` for browsers to which a file is no origin of its own; no page from the web may load one anyway
    "default-src 'none'; script-src 'self' file:; style-src 'self' file:; img-src 'self' file:; "
    "media-src 'self' file:; base-uri 'none'; form-action 'none'"
)

Media = Literal["link", "copy", "none"]


class Recorded(Record):
    """The recording of a meeting, and the file that it becomes."""

    meeting: str
    path: str
    sound: Sound


class Source(Record):
    """What words rest on: a meeting, where its recording was published, and the hash of the transcript."""

    meeting: str
    title: str
    url: str
    transcript_sha256: str


class Edition:
    """What published pages say of themselves, and what in them can be played. `sources` are those of the page that is
    being made: templates are handed one edition for all of them."""

    def __init__(self, on: date, media: Media, *, stance: bool, players: dict[str, str]) -> None:
        self.on, self.media, self.stance, self.players = on, media, stance, players
        self.policy = POLICY
        self.name = ""  # eight hex digits over all transcripts
        self.all: dict[str, Source] = {}
        self.sources: tuple[Source, ...] = ()
        self.paged: set[str] = set()  # addresses of quotes that have a page of their own
        self.recorded: dict[str, Recorded] = {}

    def has(self, quote: Quote) -> bool:
        return quote.address in self.paged

    def plays(self, quote: Quote) -> str:
        """Where a quote plays: its own page, or its moment in the published recording; empty where it plays nowhere."""
        if self.media == "copy" and quote.meeting in self.recorded:
            return f"/quote/{quote.cited}#play"
        return self._link(quote.source_url, quote.source_start_ms)

    def moment(self, held: Held, ms: int) -> str:
        """A moment of a meeting in its published recording; empty where no link begins there."""
        return self._link(*source_of(ms, held.meeting, held.recording)) if held.recording else ""

    def _link(self, url: str, at_ms: int | None) -> str:
        if self.media != "link" or at_ms is None:
            return ""
        found = links.link(url, at_ms, None, self.players)
        return found.url if found.plays else ""


class Chosen:
    """Some meetings of a shelf, without the stance of their statements unless that is wanted."""

    def __init__(self, shelf: Shelf, ids: Sequence[str], edition: Edition) -> None:
        self._shelf, self._edition = shelf, edition
        self._listed = [m for m in shelf.meetings() if m.id in set(ids)]
        self._last: tuple[str, Held] | None = None

    def meetings(self) -> Sequence[Listed]:
        return self._listed

    def meeting(self, id: str) -> Held:
        if self._last is None or self._last[0] != id:
            self._last = id, self._bare(self._shelf.meeting(id))
        return self._last[1]

    def _bare(self, held: Held) -> Held:
        if self._edition.stance or held.statements is None:
            return held
        said = tuple(replace(s, stance=None, stance_holder=None) for s in held.statements.statements)
        rows = tuple(replace(q, stance=None, stance_holder=None) for q in held.quotes)
        return replace(held, statements=replace(held.statements, statements=said), quotes=rows)

    def sound(self, id: str) -> Sound | None:
        recorded = self._edition.recorded.get(id)
        return recorded.sound if recorded else None

    def moment(self, held: Held, ms: int) -> str:
        return self._edition.moment(held, ms)

    def passage(self, address: str) -> tuple[Held, Passage]:
        held, passage = self._shelf.passage(address)
        if not self._edition.stance:
            passage = replace(passage, quote=replace(passage.quote, stance=None, stance_holder=None))
        return self.meeting(held.meeting.id), passage

    def told(self, held: Held, passage: Passage) -> Told:
        """A citation does not say when somebody looked: a page that lies there for years can't know that."""
        source = cite.citation(passage.quote, players=self._edition.players)
        citations = {style: cite.cite(source, style) for style in cite.STYLES}
        return replace(self._shelf.told(held, passage), citations=citations)

    def codebook(self) -> Codebook:
        return self._shelf.codebook()

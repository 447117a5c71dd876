"""What the page asks of the place where people's changes are kept: who may write, what needs a person, and changing it.

The page hands over what somebody `Wanted`, with what they saw; a `Desk` changes exactly that, or says what stands
there now.
"""

from collections.abc import Sequence
from datetime import date
from typing import Literal, Protocol

from search.reading import Ground, Held
from transcribe.problem import USAGE, Problem
from transcribe.records import Record, SpeakerName

Do = Literal["words", "speaker", "listen", "confirm", "reject", "mask", "exclude", "withhold", "undo"]
TaskKind = Literal["name", "words", "correction", "withheld", "personal"]
KINDS: tuple[TaskKind, ...] = ("name", "words", "correction", "withheld", "personal")


class Wanted(Record):
    """What somebody wants to be so at a place. `saw` is what stood there: the words, the speakers' names, or what the
    voice was called. `text` are words; `person` an id, or `unknown`; `label` the voice that was heard there; `id` the
    correction that is to be taken back."""

    do: Do
    meeting: str
    start_ms: int
    end_ms: int
    saw: str | None = None
    text: str = ""
    person: str = ""
    label: str = ""
    reason: str = ""
    until: date | None = None
    id: str = ""


class Done(Record):
    """What became of it. `waits` says that something is left for the next run, `elsewhere` are files outside the data
    folder that still hold what was hidden, and `published` says what becomes of folders of pages."""

    id: str
    wall_s: float
    waits: bool = False
    elsewhere: tuple[str, ...] = ()
    published: tuple[str, ...] = ()


class Conflict(Problem):
    """What somebody wanted to change is not what stands there any more: `now` is."""

    def __init__(self, what: str, *, now: str) -> None:
        super().__init__(what, fix="look at it again", exit_code=USAGE)
        self.now = now


class Entry(Record):
    """Something that a person changed at a place, told with the names that stood there; `stands` while nobody took it
    back, and `hides` what is there."""

    id: str
    told: str
    stands: bool
    hides: bool


class Task(Record):
    """Something that needs a person: what to play, what is said there and by whom, and why somebody should look.

    Of a name `label` is the voice, `person` who it may be (an id, with the name in `called`), and `evidence` why; it is
    `named` so already, or not. What was changed or withheld is the correction `id`. The smaller `rank`, the more it
    needs somebody, among its kind. `before` and `after` are words that stand around the text, where that is short.
    """

    kind: TaskKind
    meeting: str
    title: str
    held_on: date | None
    start_ms: int
    end_ms: int
    why: str
    rank: float
    text: str = ""
    before: str = ""
    after: str = ""
    speaker: str = ""
    label: str = ""
    person: str = ""
    called: str = ""
    evidence: tuple[Ground, ...] = ()
    id: str = ""
    lasts_ms: int = 0
    named: bool = False
    reason: str = ""

    @property
    def address(self) -> str:
        return f"{self.meeting}/{self.start_ms}-{self.end_ms}"

    @property
    def is_open(self) -> bool:
        """Whether nothing is known that somebody could say yes or no to."""
        return self.kind == "name" and not self.person

    @property
    def key(self) -> str:
        return f"{self.kind}-{self.meeting}-{self.start_ms}-{self.end_ms}-{self.label or self.id}"


class Todo(Record):
    """What needs somebody, the most pressing first, as far as meetings were looked through; `n_left` were not yet.
    `behind` are folders of published pages, each with how many of its meetings were changed since."""

    tasks: tuple[Task, ...]
    n_left: int = 0
    behind: tuple[tuple[str, int], ...] = ()


class Desk(Protocol):
    """Where changes are kept. Each raises Problem for what cannot be done, and changes nothing then."""

    def has_accounts(self) -> bool: ...
    def sign_in(self, name: str, password: str) -> tuple[str, str] | None:
        """Whose name and password these are, as the account has it, and its mark."""

    def mark(self, name: str) -> str | None:
        """What stands for an account's password: another one once that is another; None where there is no account."""

    def people(self, meeting: str) -> Sequence[tuple[str, str]]:
        """Who may be said to speak in a meeting: ids and names."""

    def evidence(self, name: SpeakerName) -> tuple[Ground, ...]:
        """Why a voice is who it is said to be, in words."""

    def history(self, held: Held, start_ms: int, end_ms: int) -> Sequence[Entry]: ...
    def todo(self) -> Todo: ...
    def change(self, wanted: Wanted, by: str) -> Done:
        """Change it, in the name of an account. Raises Conflict where it is not any more what somebody saw."""

"""Scores against references, as a terminal shows them: a line for each recording, one for all, and the rest below."""

from collections.abc import Callable, Mapping

from rich import box
from rich.table import Table
from rich.text import Text

from pipeline.measure import C, Scored, figures
from pipeline.show import n_of, out, printable, to_json
from transcribe.score import TurnScore, WordScore
from transcribe.score_voices import SpeakerScore


def as_json(found: Scored[C]) -> None:
    to_json(
        {
            "recordings": {name: figures(s) for name, s in found.recordings.items()},
            "total": figures(found.total),
            "notes": found.notes,
        }
    )


def words(found: Scored[WordScore]) -> None:
    _table(
        found,
        {
            "words": lambda s: f"{s.errors.n_reference:,}",
            "misheard": lambda s: f"{s.errors.substitutions:,}",
            "lost": lambda s: f"{s.errors.deletions:,}",
            "invented": lambda s: f"{s.errors.insertions:,}",
            "WER": lambda s: share(s.errors.rate),
        },
    )
    lost, invented, starts, names = (getattr(found.total, f) for f in ("lost_runs", "invented", "starts", "names"))
    out.print(f"lost eight or more in a row: {n_of(lost.n_words, 'word')} in {n_of(lost.n_runs, 'place')}")
    if invented.n_recordings:
        where = "" if invented.n_recordings == len(found.recordings) else f", of {invented.n_recordings} recordings"
        out.print(f"invented where nobody speaks: {n_of(invented.n_words, 'word')}{where}")
    if names.n_reference:
        out.print(f"names heard: {names.n_right:,} of {names.n_reference:,} ({share(names.recall)})")
    if starts.n_words:
        out.print(
            f"starts of {n_of(starts.n_words, 'matched word')}: median {starts.median_ms:.0f} ms off, "
            f"95 in 100 at most {starts.p95_ms:.0f} ms"
        )


def turns(found: Scored[TurnScore]) -> None:
    _table(
        found,
        {
            "seconds": lambda s: seconds(s.errors.reference_ms),
            "missed": lambda s: seconds(s.errors.missed_ms),
            "false": lambda s: seconds(s.errors.false_alarm_ms),
            "confused": lambda s: seconds(s.errors.confused_ms),
            "DER": lambda s: share(s.errors.rate),
            "JER": lambda s: share(s.jaccard.rate),
            "voices": lambda s: f"{s.voices.n_found}/{s.voices.n_reference}",
        },
    )
    voices = found.total.voices
    if voices.n_recordings > 1:
        out.print(
            f"number of voices: right in {voices.n_exact} of {voices.n_recordings} recordings, "
            f"off by {voices.off / voices.n_recordings:.1f} on average"
        )
    out.print(f"one voice for all that is said would have a DER of {share(found.total.one_speaker.rate)}")


def speakers(found: Scored[SpeakerScore]) -> None:
    def wrong(s: SpeakerScore) -> int:
        return s.voices.n_found - s.voices.n_unvoiced - s.voices.n_right

    _table(
        found,
        {
            "words": lambda s: f"{s.voices.n_reference:,}",
            "right": lambda s: f"{s.voices.n_right:,}",
            "wrong": lambda s: f"{wrong(s):,}",
            "none": lambda s: f"{s.voices.n_unvoiced:,}",
            "lost": lambda s: f"{s.voices.n_reference - s.voices.n_found:,}",
            "cpWER": lambda s: share(s.cpwer.rate),
            "tcpWER": lambda s: share(s.tcpwer.rate),
        },
    )
    total = found.total
    out.print(f"the right voice: {share(total.voices.rate)} of words, a wrong one: {share(total.voices.wrong_rate)}")
    out.print(f"not the right word with the right voice: {share(total.voices.attributed_error_rate)} of words")
    if total.names.n_words:
        names = total.names
        out.print(
            f"names: {names.right:,} words right, {names.wrong:,} wrong, {names.unknown:,} unknown, "
            f"{names.missed:,} not found; of those named {share(names.precision)} right"
        )
    for note in found.notes:
        out.print(note)


def share(value: float | None) -> str:
    """
    >>> share(0.0314), share(None)
    ('3.1%', '-')
    """
    return "-" if value is None else f"{value:.1%}"


def seconds(ms: int) -> str:
    return f"{ms / 1000:,.1f}"


def _table(found: Scored[C], columns: Mapping[str, Callable[[C], str]]) -> None:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("recording", no_wrap=True, overflow="ellipsis")
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    rows = dict(found.recordings) | ({"all": found.total} if len(found.recordings) > 1 else {})
    for name, scores in rows.items():
        table.add_row(Text(printable(name)), *(of(scores) for of in columns.values()))
    out.print(table)

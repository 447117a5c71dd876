"""Scores against references, as a terminal shows them: a line for each recording, one for all, and the rest below."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from pipeline.measure import C, Scored, figures
from pipeline.show import n_of, out, printable, to_json
from transcribe.problem import LACKING, Problem
from transcribe.score import TurnScore, WordScore
from transcribe.score_names import NameScore
from transcribe.score_voices import SpeakerScore

LABEL_WIDTH = 0.11  # of a plot's width, and some room beside it
PLOTS = frozenset({".png", ".svg", ".pdf"})


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
        _names(total.names)
    for note in found.notes:
        out.print(note)


def _names(names: NameScore) -> None:
    """Names by status, over thresholds, and in time."""
    found = names.n_words - names.missed
    out.print()
    table = _columns("names", "right", "wrong", "unknown", "coverage", "precision")
    for status, of in (("confirmed", names.confirmed), ("inferred", names.inferred), ("all words", names)):
        if of.n_words:
            named = share((of.right + of.wrong) / found if found else None)
            table.add_row(status, f"{of.right:,}", f"{of.wrong:,}", f"{of.unknown:,}", named, share(of.precision))
    time = names.time
    if time.reference_ms:
        lengths = (seconds(ms) for ms in (time.right_ms, time.wrong_ms, time.unknown_ms + time.missed_ms))
        table.add_row("seconds of speech", *lengths, share(time.coverage), share(time.precision))
    out.print(table)
    if names.missed:
        out.print(f"{n_of(names.missed, 'word')} of the reference not found, and not judged")
    if time.stray_ms:
        out.print(f"named though nobody more speaks, pauses among it: {seconds(time.stray_ms)} s")
    out.print()
    table = _columns("names at least so likely", "coverage", "precision")
    for (coverage, precision), alike in groupby(names.curve.points, key=lambda p: (p.coverage, p.precision)):
        first, *more = (f"{p.at_least:.0%}" for p in alike)
        table.add_row(f"{first} to {more[-1]}" if more else first, share(coverage), share(precision))
    out.print(table)


def check_plot(path: Path) -> None:
    """Raise Problem where nothing can be drawn into this file."""
    if path.suffix.lower() not in PLOTS:
        raise Problem(f"a plot cannot be drawn as {path.name}", where=path, fix=f"end it in {', '.join(sorted(PLOTS))}")
    if find_spec("matplotlib") is None:
        raise Problem("matplotlib is not installed", fix='pip install "onrecord[research]"', exit_code=LACKING)


def plot_names(found: Scored[SpeakerScore], path: Path) -> None:
    """Draw how much of all recordings' words is named, and how much of that rightly, over thresholds."""
    from matplotlib.figure import Figure

    points = [
        (p.coverage, p.precision, p.at_least) for p in found.total.names.curve.points if p.coverage and p.precision
    ]
    if not points:
        raise Problem("there are no names to draw", where=path, fix="score a transcript whose voices have names")
    coverage, precision, _ = zip(*points, strict=True)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(coverage, precision, marker="o", color="#1d4ed8")
    told = 2.0  # the coverage that was labelled last; points crowd
    for at, height, at_least in points:
        if told - at > LABEL_WIDTH:
            label = f"≥ {at_least:.2f}"
            edge = "right" if at > 1 - LABEL_WIDTH else "left" if at < LABEL_WIDTH else "center"
            axes.annotate(
                label, (at, height), textcoords="offset points", xytext=(0, -14), ha=edge, annotation_clip=False
            )
            told = at
    axes.set(xlim=(0, 1), ylim=(min(0.9, *precision) - 0.02, 1.005))
    axes.set(xlabel="coverage: words in voices that got a name", ylabel="precision: named words with the right name")
    axes.grid(alpha=0.3)
    try:
        figure.savefig(path, dpi=150)
    except OSError as e:
        raise Problem(f"this file cannot be written: {e.strerror}", where=path, fix="name another with --plot") from e


def share(value: float | None) -> str:
    """
    >>> share(0.0314), share(None)
    ('3.1%', '-')
    """
    return "-" if value is None else f"{value:.1%}"


def seconds(ms: int) -> str:
    return f"{ms / 1000:,.1f}"


def _table(found: Scored[C], columns: Mapping[str, Callable[[C], str]]) -> None:
    table = _columns("recording", *columns)
    rows = dict(found.recordings) | ({"all": found.total} if len(found.recordings) > 1 else {})
    for name, scores in rows.items():
        table.add_row(Text(printable(name)), *(of(scores) for of in columns.values()))
    out.print(table)


def _columns(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column(first, no_wrap=True, overflow="ellipsis")
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table

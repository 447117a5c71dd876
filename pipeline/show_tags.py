"""How well tags agree with people's, as a terminal shows it."""

from itertools import groupby

from rich import box
from rich.table import Table
from rich.text import Text

from analyse.score import ENOUGH_ROWS, Agreement, FalseAlarms, Figure, Report, Score
from pipeline.show import n_of, out, printable, to_json
from pipeline.show_score import share
from search.cite import timecode


def as_json(found: Report, n_errors: int) -> None:
    """The report, with at most `n_errors` of each kind."""
    import msgspec

    kept = [e for _, of_kind in groupby(found.errors, lambda e: e.kind) for e in [*of_kind][:n_errors]]
    to_json(msgspec.structs.replace(found, errors=tuple(kept)))


def scores(found: Report, n_errors: int) -> None:
    whole = found.whole
    out.print(f"codebook {found.codebook}, tagger {found.tagger}: {n_of(whole.n_rows, 'statement')}")
    _print_topics({"all rows": whole} | found.slices)
    if not whole.baselines:
        out.print("no keywords to compare with: give the codebook's [topic] `keywords`, what one would search for")
    out.print(f"topic: F1 {_interval(whole.topic.f1)}")
    for what, alarms in (("on other subjects", whole.elsewhere), ("beside the topic, in its item", whole.beside)):
        if alarms.n:
            out.print(f"       found on topic of {n_of(alarms.n, 'statement')} {what}: {_rate(alarms)}")
    out.print()
    _print_labels("code", whole.codes)
    if found.unknown_codes:
        out.print(f"not in {found.codebook}: {', '.join(map(printable, found.unknown_codes))}")
    if _has_mean(whole):
        out.print(f"codes: mean F1 {_interval(whole.macro_f1)} over those of {ENOUGH_ROWS} rows or more")
    else:
        out.print(f"codes: none has {ENOUGH_ROWS} rows or more")
    out.print(f"       {whole.macro_f1_of_all.value:.3f} over all")
    out.print(f"       F1 of all decisions together {_interval(whole.micro_f1)}")
    out.print()
    if whole.stance:
        _print_stance(whole)
    else:
        out.print("stance: none to judge, on the topic or in the codebook")
    _print_errors(found, n_errors)


def _print_stance(whole: Score) -> None:
    _print_labels("stance", whole.stance)
    out.print(f"stance: mean F1 {_interval(whole.mean_stance_f1)} over concerned, supportive and neutral")
    out.print(f"        {whole.macro_stance_f1.value:.3f} over all; right in {share(whole.stance_accuracy.value)}")
    if whole.holder_n:
        out.print(f"        whose it is: right in {whole.holder_right} of {whole.holder_n}")


def _print_topics(parts: dict[str, Score]) -> None:
    table = _table("topic", "rows", "on it", "prec.", "recall", "F1", "false", "codes", "stance")
    for name, s in parts.items():
        n_off = s.n_rows - s.n_on_topic
        table.add_row(
            printable(name.removeprefix("style ")),
            f"{s.n_rows:,}",
            f"{s.n_on_topic:,}",
            *_figures(s.topic)[:3],
            share(s.topic.false / n_off) if n_off else "-",
            f"{s.macro_f1.value:.3f}" if _has_mean(s) else "-",
            f"{s.mean_stance_f1.value:.3f}" if s.stance else "-",
        )
    for name, agreement in parts["all rows"].baselines.items():
        table.add_row(f"({name})", "", "", *_figures(agreement)[:3], "", "", "")

    out.print(table)


def _print_labels(what: str, labels: dict[str, Agreement]) -> None:
    table = _table(what, "rows", "false", "missed", "prec.", "recall", "F1", "95 in 100")
    for name, a in labels.items():
        table.add_row(printable(name), f"{a.n:,}", f"{a.false:,}", f"{a.missed:,}", *_figures(a))
    out.print(table)


def _print_errors(found: Report, n_errors: int) -> None:
    for kind, errors in groupby(found.errors if n_errors else (), lambda e: e.kind):
        listed = list(errors)
        out.print(f"\n{kind}: {n_of(len(listed), 'difference')}")
        for e in listed[:n_errors]:
            place = f"  [{printable(e.meeting)} {timecode(e.start_ms)}]" if e.meeting else ""
            out.print(Text(f"  people {e.given}, found {e.found}{place}  {printable(e.text)}"))


def _has_mean(s: Score) -> bool:
    return any(a.n >= ENOUGH_ROWS for a in s.codes.values())


def _figures(a: Agreement) -> tuple[str, str, str, str]:
    return f"{a.precision:.3f}", f"{a.recall:.3f}", f"{a.f1.value:.3f}", _range(a.f1)


def _interval(figure: Figure) -> str:
    return f"{figure.value:.3f} ({_range(figure)})" if figure.low is not None else f"{figure.value:.3f}"


def _range(figure: Figure) -> str:
    return "-" if figure.low is None or figure.high is None else f"{figure.low:.2f}-{figure.high:.2f}"


def _rate(alarms: FalseAlarms) -> str:
    return f"{alarms.false:,} ({share(alarms.rate)})"


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column(headings[0], no_wrap=True, overflow="ellipsis", max_width=23)
    for heading in headings[1:]:
        table.add_column(heading, justify="right", no_wrap=True)
    return table

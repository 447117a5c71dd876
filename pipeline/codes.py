"""`onrecord codes`: a codebook looked at beside the statements of a data folder."""

from collections.abc import Iterator
from pathlib import Path

from analyse import codebook as codebooks
from analyse.codebook import Codebook, Fault
from analyse.codebook_check import CueMatches, Said, doubts, matches
from pipeline import asked
from pipeline.meetings import Layout
from transcribe.problem import Problem
from transcribe.records import Record


class Checked(Record):
    """What was found: `faults` keep a codebook from being used, `doubts` do not. `cues` is what each cue finds in
    `n_statements` statements."""

    codebook: str
    faults: tuple[Fault, ...]
    doubts: tuple[Fault, ...] = ()
    n_statements: int = 0
    cues: tuple[CueMatches, ...] = ()


def check(path_or_name: str, data: Path) -> Checked:
    """Raises Problem where the file cannot be read at all."""
    written = codebooks.bytes_of(path_or_name)
    book, faults = codebooks.examine(written)
    if book is None:
        return Checked(codebook=path_or_name, faults=tuple(faults))
    text = written.decode("utf-8-sig")
    said = [*_said(Layout(root=data))]
    return Checked(
        codebook=book.id,
        faults=(),
        doubts=tuple(doubts(book, text)),
        n_statements=len(said),
        cues=tuple(matches(book, said, text)),
    )


def named(path_or_name: str, data: Path) -> Codebook:
    return codebooks.load(path_or_name) if path_or_name else asked.codebook_of(Layout(root=data))


def _said(layout: Layout) -> Iterator[Said]:
    from search.quotes import read_parquet

    for path in sorted(layout.processed.glob("*/quotes.parquet")):
        try:
            yield from (Said(text=q.text, address=q.address) for q in read_parquet(path))
        except Problem:
            continue  # a run says so and makes it again

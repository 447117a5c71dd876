"""Where a quotation may have been said: the statements, of all meetings, that hold its words or most of them."""

from collections.abc import Iterator, Sequence
from math import log
from pathlib import Path
from typing import Any as Untyped

import msgspec
import tantivy

from search import index
from search.fold import heard, in_figures, other_spelling
from search.quotes import Quote

N_CANDIDATES = 60  # statements that are looked at, of each way of looking
N_PLACES = 1_000  # places with the same words that are counted
RAREST = 24  # words of a quotation that are looked for by themselves
RUN = 4  # words that are looked for in a row
N_RUNS = 200  # of them
ACROSS = 12  # words of a quotation that may have no more than three in a row in any statement
N_CLOSEST = 6  # statements over whose meetings the quotation is laid
NEAREST = 0.6  # of how near the nearest is, and no less
LEAST = 0.2  # of the weight of all words, that a statement has to have


class Candidates:
    """The index as it was last committed. Numbers are asked for in words, and found in figures too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        last = index.last_committed(folder)
        self._searcher, self._schema = last.searcher(), last.schema

    def weights(self, tokens: Sequence[str]) -> dict[str, float]:
        """How much each word tells: more where fewer statements have it."""
        n = self._searcher.num_docs + 1
        return {t: log(1 + n / (1 + self._freq(t))) for t in set(tokens)}

    def n_whole(self, tokens: Sequence[str]) -> int:
        """Statements in which all of these words stand in a row."""
        return int(self._searcher.search(self._row(tokens), limit=1).count)

    def _freq(self, token: str) -> int:
        """In how many statements it stands."""
        spelt = (token, other_spelling(token))
        return sum(int(self._searcher.doc_freq("exact", each)) for each in spelt if each)

    def _row(self, tokens: Sequence[str]) -> Untyped:
        """These words in a row, numbers in words or in figures, or as most write them: in figures from ten on."""
        spelt = {tuple(tokens), tuple(in_figures(tokens)), tuple(in_figures(tokens, least=10))}
        return self._any([self._as_spelt(each) for each in sorted(spelt)])

    def _as_spelt(self, tokens: Sequence[str]) -> Untyped:
        if len(tokens) == 1:
            return tantivy.Query.term_query(self._schema, "exact", tokens[0])
        return tantivy.Query.phrase_query(self._schema, "exact", list(tokens))

    def whole(self, tokens: Sequence[str]) -> list[Quote]:
        """Statements in which all of these words stand in a row, at most N_PLACES."""
        return list(self._found(self._row(tokens), N_PLACES))

    def near(self, rows: Sequence[Sequence[str]], weights: dict[str, float], meeting: str = "") -> list[Quote]:
        """Statements that have most of the words, those with some in a row among them; the nearest first."""
        rarest = sorted((t for t in weights if self._freq(t)), key=lambda t: -weights[t])
        runs = [row[i : i + RUN] for row in rows for i in range(0, max(1, len(row) - RUN + 1), 2)][:N_RUNS]
        asked = [*(self._row(row) for row in rows), *(self._row(run) for run in runs)]
        found: dict[str, Quote] = {}
        for parts in (asked, [self._row([t]) for t in rarest[:RAREST]]):
            for quote in self._found(self._any(parts, meeting), N_CANDIDATES):
                found.setdefault(quote.address, quote)

        def nearness(quote: Quote) -> float:
            there = heard(quote.text)
            told = " ".join(there)
            in_row = sum(f" {' '.join(run)} " in f" {told} " for run in runs)
            return sum(weights.get(t, 0.0) for t in set(there)) + in_row * 5.0

        ranked = sorted(((nearness(quote), quote) for quote in found.values()), key=lambda pair: -pair[0])
        least = max(ranked[0][0] * NEAREST, sum(weights.values()) * LEAST) if ranked else 0.0
        return [quote for near, quote in ranked[:N_CLOSEST] if near >= least]

    def across(self, rows: Sequence[Sequence[str]]) -> Iterator[Quote]:
        """Statements beside whose border words in a row may stand that begin in one and go on in the next."""
        sides: list[tuple[int, Sequence[str], bool]] = []  # how many have the words, and whether at their end
        for row in (row for row in rows if len(row) <= ACROSS):
            for at in range(1, len(row)):
                both = [(self.n_whole(side), side, ends) for side, ends in ((row[:at], True), (row[at:], False))]
                if all(n for n, _, _ in both):
                    sides.append(min(both, key=lambda side: side[0]))
        seen: set[str] = set()
        for _, side, ends in sorted(sides, key=lambda side: side[0]):
            for quote in self._found(self._row(side), N_PLACES):
                there = heard(quote.text)
                edge = there[-len(side) :] if ends else there[: len(side)]
                if edge == list(side) and quote.address not in seen:
                    seen.add(quote.address)
                    yield quote

    def _any(self, parts: Sequence[Untyped], meeting: str = "") -> Untyped:
        query = parts[0] if len(parts) == 1 else tantivy.Query.boolean_query([(tantivy.Occur.Should, p) for p in parts])
        if not meeting:
            return query
        there = tantivy.Query.term_query(self._schema, "marks", index.mark("id", meeting))
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, there)])

    def _found(self, query: Untyped, limit: int) -> Iterator[Quote]:
        try:
            for _, at in self._searcher.search(query, limit=limit, count=False).hits:
                yield msgspec.json.decode(self._searcher.doc(at).get_first("quote"), type=Quote)
        except (ValueError, TypeError) as e:
            raise index.stale(self._folder, "the index is damaged") from e

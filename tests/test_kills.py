"""Runs that are killed, with real workers and engines: a short form of tests/bench/kills.py."""

from pathlib import Path

from tests.bench import kills


def test_runs_that_are_killed_again_and_again_end_as_if_nothing_had_been(tmp_path: Path) -> None:
    data, models = tmp_path / "data", tmp_path / "models"
    kills.make_models(models)
    kills.make_meetings(data)
    kills.finish(data, models, n_jobs=1)
    expected = kills.result(data)
    assert expected["what is found"]
    (data / "processed").rename(tmp_path / "first")
    kills.interrupt(data, models, at="moved:transcript.json", n_jobs=1)
    last = kills.kill(data, models, expected, at="block:2", n_jobs=1)
    assert last.wrong == ()
    assert last.n_receipts > 0
    assert last.blocks == 2

"""What tests share: how examples are chosen, where the evaluation data is, and the real starter models."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, however long the machine takes over one: what fails can be made to fail again.
# `pytest --hypothesis-profile=other` looks for others.
ANY_TIME = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
settings.register_profile("other", ANY_TIME)
settings.register_profile("same", ANY_TIME, derandomize=True)
settings.load_profile("same")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The evaluation recordings and labels, where they stand beside the project (or where ONRECORD_SHARED says)."""
    folder = Path(os.environ.get("ONRECORD_SHARED", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no evaluation data in {folder}")
    return folder


@pytest.fixture(scope="session")
def sample() -> Path:
    """The sample meeting that ships."""
    return ROOT / "data" / "raw" / "2024-05-14-public-safety"


@pytest.fixture(scope="session")
def starter() -> Path:
    """The folder of the starter models, which `make test` fetches."""
    from transcribe import models

    lacking = [m.name for m in models.named(["starter"]) if not models.find(m.name)]
    if lacking:
        pytest.skip(f"models are not here ({', '.join(lacking)}): onrecord models get starter")
    return models.folder()

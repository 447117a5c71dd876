"""What tests share: where the evaluation data is, and the real starter models."""

import os
from pathlib import Path

import pytest

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

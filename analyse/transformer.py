"""Language models of the transformers library: loaded from a folder, quietly, and never from the network."""

import os
from pathlib import Path
from typing import Any

from transcribe import models
from transcribe.diarise import import_torchaudio
from transcribe.problem import LACKING, Problem


def prepare(n_threads: int = 0) -> None:
    """What must be so before a model is loaded: no chatter, and no more threads than were given."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import_torchaudio()  # transformers imports it with every model, and it may not load here
    import torch
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    if n_threads:
        torch.set_num_threads(n_threads)


def load(kind: str, folder: Path) -> Any:
    """What transformers' class `kind` makes of a folder, checked against the model table where it is in it.

    Raises Problem where that fails: nobody knows what is in a folder that was named.
    """
    import transformers

    models.check(folder)
    try:
        return getattr(transformers, kind).from_pretrained(folder, local_files_only=True)
    except MemoryError:
        raise
    except Exception as e:
        raise Problem(
            f"this model cannot be loaded: {str(e).splitlines()[0] if str(e) else e!r:.200}",
            where=folder,
            fix="name the folder of a model for transformers, with its config, weights and tokenizer",
            exit_code=LACKING,
        ) from e

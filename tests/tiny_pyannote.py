"""Small random models in pyannote.audio's own file formats, for tests that need the machinery and not its judgement."""

from pathlib import Path
from typing import Any

import numpy as np


def segmentation(path: Path, *, seed: int = 0) -> None:
    """A segmentation network of random weights that hears up to three voices, mostly one at a time."""
    import torch
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.segmentation import PyanNet

    torch.manual_seed(seed)
    network = PyanNet(lstm={"hidden_size": 8, "num_layers": 1}, linear={"hidden_size": 8, "num_layers": 1})
    network.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=10.0,
        classes=["a", "b", "c"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    network.setup()
    with torch.no_grad():  # classes in order: nobody, a, b, c, then pairs
        network.classifier.weight.mul_(30)
        network.classifier.bias.copy_(torch.tensor([0.0, 0.5, 0.5, 0.5, -3.0, -3.0, -3.0]))
    _checkpoint(network, path)


def starter(folder: Path, *, seed: int = 0) -> None:
    """The starter's two files, `pytorch_model.bin` and `voice.pt`."""
    import torch

    from transcribe.campplus import CamPlusPlus

    torch.manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(CamPlusPlus().state_dict(), folder / "voice.pt")
    segmentation(folder / "pytorch_model.bin", seed=seed)


def pipeline(folder: Path, *, seed: int = 0, quick: bool = False) -> None:
    """A whole pipeline's folder, laid out like the community pipelines on the model hub, VBx and PLDA included.

    `quick` puts a network in it that tells voices apart in a twelfth of the time.
    """
    import torch
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.embedding import WeSpeakerResNet34, XVectorMFCC

    segmentation(folder / "segmentation" / "pytorch_model.bin", seed=seed)
    torch.manual_seed(seed)
    network = XVectorMFCC(dimension=256) if quick else WeSpeakerResNet34()
    network.specifications = Specifications(problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=5.0)
    _checkpoint(network, folder / "embedding" / "pytorch_model.bin")
    random = np.random.default_rng(seed)
    n_wide, n_narrow = 256, 128
    plda = folder / "plda"
    plda.mkdir(parents=True, exist_ok=True)
    rotation = np.linalg.qr(random.normal(size=(n_wide, n_wide)))[0]
    np.savez(plda / "xvec_transform.npz", mean1=np.zeros(n_wide), mean2=np.zeros(n_narrow), lda=rotation[:, :n_narrow])
    np.savez(plda / "plda.npz", mu=np.zeros(n_narrow), tr=np.eye(n_narrow), psi=np.linspace(4, 0.2, n_narrow))
    (folder / "config.yaml").write_text(
        """\
dependencies:
  pyannote.audio: 4.0.0
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    segmentation: $model/segmentation
    segmentation_step: 0.5
    segmentation_batch_size: 4
    embedding: $model/embedding
    embedding_batch_size: 4
    embedding_exclude_overlap: true
    plda: $model/plda
    clustering: VBxClustering
params:
  clustering: {threshold: 0.6, Fa: 0.07, Fb: 0.8}
  segmentation: {min_duration_off: 0.0}
""",
        encoding="utf-8",
    )


def _checkpoint(network: Any, path: Path) -> None:
    import lightning
    import torch

    body: dict[str, Any] = {
        "state_dict": network.state_dict(),
        "hyper_parameters": dict(network.hparams),
        "pytorch-lightning_version": lightning.__version__,
        "epoch": 0,
        "global_step": 0,
        "loops": None,
    }
    network.on_save_checkpoint(body)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(body, path)

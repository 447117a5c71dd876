"""CAM++: a network that turns a few seconds of speech into a vector that is alike for one voice and unlike for two.

Wang et al., "CAM++: a fast and efficient network for speaker verification using context-aware masking",
arXiv 2303.00332. Its parts carry the names under which the published weights are stored.
"""

from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn

RATE_HZ = 16_000
N_MELS = 80
DIMENSION = 192


def _named(**parts: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(parts))


def _normed(n_channels: int) -> nn.Sequential:
    return _named(batchnorm=nn.BatchNorm1d(n_channels), relu=nn.ReLU())


class Residual(nn.Module):  # type: ignore[misc]
    """Two 3 x 3 convolutions and a way round them; `stride` thins the mel axis only, never time."""

    def __init__(self, n_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_channels, n_channels, 3, (stride, 1), 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_channels)
        self.conv2 = nn.Conv2d(n_channels, n_channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_channels)
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut.append(nn.Conv2d(n_channels, n_channels, 1, (stride, 1), bias=False))
            self.shortcut.append(nn.BatchNorm2d(n_channels))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(inner + self.shortcut(x))


class Front(nn.Module):  # type: ignore[misc]
    """Two-dimensional convolutions that make the rest steadier against shifted pitch: 80 mels become 10 x 32."""

    def __init__(self, n_channels: int = 32) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, n_channels, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_channels)
        self.layer1 = nn.Sequential(Residual(n_channels, 2), Residual(n_channels, 1))
        self.layer2 = nn.Sequential(Residual(n_channels, 2), Residual(n_channels, 1))
        self.conv2 = nn.Conv2d(n_channels, n_channels, 3, (2, 1), 1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn1(self.conv1(x.unsqueeze(1))))
        x = torch.relu(self.bn2(self.conv2(self.layer2(self.layer1(x)))))
        return x.flatten(1, 2)


class Masking(nn.Module):  # type: ignore[misc]
    """A convolution whose output is weighed by its context: the whole utterance and the second around."""

    segment = 100  # frames pooled together: two seconds, because the first layer halves the frame rate

    def __init__(self, n_in: int, n_out: int, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(n_in, n_out, 3, padding=dilation, dilation=dilation, bias=False)
        self.linear1 = nn.Conv1d(n_in, n_in // 2, 1)
        self.linear2 = nn.Conv1d(n_in // 2, n_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        near = nn.functional.avg_pool1d(x, self.segment, self.segment, ceil_mode=True)
        near = near.repeat_interleave(self.segment, dim=-1)[..., : x.shape[-1]]
        context = torch.relu(self.linear1(near + x.mean(-1, keepdim=True)))
        return self.linear_local(x) * torch.sigmoid(self.linear2(context))


class Dense(nn.Module):  # type: ignore[misc]
    """Layers that each see all earlier ones' outputs; every layer adds `growth` channels."""

    def __init__(self, n_layers: int, n_in: int, dilation: int, bottleneck: int = 128, growth: int = 32) -> None:
        super().__init__()
        for i in range(n_layers):
            n = n_in + i * growth
            layer = _named(
                nonlinear1=_normed(n),
                linear1=nn.Conv1d(n, bottleneck, 1, bias=False),
                nonlinear2=_normed(bottleneck),
                cam_layer=Masking(bottleneck, growth, dilation),
            )
            self.add_module(f"tdnnd{i + 1}", layer)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = torch.cat((x, layer(x)), dim=1)
        return x


class Moments(nn.Module):  # type: ignore[misc]
    """Mean and standard deviation over time."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((x.mean(-1), x.std(-1)), dim=-1).unsqueeze(-1)


class CamPlusPlus(nn.Module):  # type: ignore[misc]
    """CAM++: features (batch, frames, 80) -> vectors (batch, 192). There is no ReLU after the last normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.head = Front()
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        parts["tdnn"] = _named(linear=nn.Conv1d(320, 128, 5, 2, 2, bias=False), nonlinear=_normed(128))
        n = 128
        for i, (n_layers, dilation) in enumerate(((12, 1), (24, 2), (16, 2)), start=1):
            parts[f"block{i}"] = Dense(n_layers, n, dilation)
            n += n_layers * 32
            parts[f"transit{i}"] = _named(nonlinear=_normed(n), linear=nn.Conv1d(n, n // 2, 1, bias=False))
            n //= 2
        parts["out_nonlinear"] = _normed(n)
        parts["stats"] = Moments()
        last = _named(batchnorm=nn.BatchNorm1d(DIMENSION, affine=False))
        parts["dense"] = _named(linear=nn.Conv1d(2 * n, DIMENSION, 1, bias=False), nonlinear=last)
        self.xvector = nn.Sequential(parts)

    def forward(self, features: Tensor) -> Tensor:
        return self.xvector(self.head(features.transpose(1, 2))).squeeze(-1)


def read(path: Path) -> CamPlusPlus:
    """The network with the weights in `path`, a state dict. Raises ValueError or pickle errors for any other file."""
    network = CamPlusPlus()
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (RuntimeError, TypeError, AttributeError) as e:
        raise ValueError(f"not the weights of a CAM++ network: {e}") from e
    network.eval()
    return network


def features(waveform: Tensor) -> Tensor:
    """Log mel energies (frames, 80), 25 ms wide every 10 ms, of a waveform (samples,) within -1 to 1 at 16 kHz."""
    from torchaudio.compliance.kaldi import fbank

    scaled = waveform.float() * 2**15  # the weights were trained on 16-bit values
    return fbank(scaled[None], num_mel_bins=N_MELS, sample_frequency=RATE_HZ, dither=0.0)

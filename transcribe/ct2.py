"""Whisper weights from a CTranslate2 folder as a checkpoint for openai-whisper: the same numbers in its own layout.

The layout of `model.bin` (binary version 6) is: version, specification's name, revision, number of variables; then
per variable its name, rank, dimensions, type, size in bytes and data; then aliases. Integers are little-endian; a
string is its length in 16 bits (its final NUL counted) and its bytes.
"""

import os
import struct
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from transcribe.problem import Problem


class _Config(msgspec.Struct):
    alignment_heads: list[tuple[int, int]] = []


_TYPES = (np.float32, np.int8, np.int16, np.int32, np.float16)
_VERSION = 6


def convert(folder: Path, out: Path) -> Path:
    """Write the checkpoint of the model in `folder` to `out`, once: what is there already is kept."""
    if out.is_file():
        return out
    import torch

    try:
        checkpoint = _checkpoint(_read(folder / "model.bin"))
    except (KeyError, ValueError, IndexError, struct.error, UnicodeDecodeError) as e:
        raise Problem(
            f"these weights cannot be converted for openai-whisper: {e!r}",
            where=folder / "model.bin",
            fix="name the .pt file of the model instead: --asr openai-whisper:FILE.pt",
        ) from e
    out.parent.mkdir(parents=True, exist_ok=True)
    side = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        torch.save(checkpoint, side)
        side.replace(out)
    finally:
        side.unlink(missing_ok=True)
    return out


def set_alignment_heads(model: Any, folder: Path) -> None:
    """Tell an openai-whisper model which of its heads follow the sound, as the folder's config.json has them.

    Without, word times come from half of all heads, and are worse. What the file does not say stays as it is.
    """
    import torch

    try:
        config = msgspec.json.decode((folder / "config.json").read_bytes(), type=_Config)
        mask = torch.zeros(model.dims.n_text_layer, model.dims.n_text_head, dtype=torch.bool)
        for layer, head in config.alignment_heads:
            mask[layer, head] = True
    except (OSError, msgspec.MsgspecError, IndexError):
        return
    if mask.any():
        model.register_buffer("alignment_heads", mask.to_sparse().to(model.device), persistent=False)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    with path.open("rb") as f:
        version = _number(f, "I")
        if version != _VERSION:
            raise ValueError(f"binary version {version}, not {_VERSION}")
        _string(f)  # the specification's name
        _number(f, "I")  # its revision
        variables = {}
        for _ in range(_number(f, "I")):
            name = _string(f)
            shape = [_number(f, "I") for _ in range(_number(f, "B"))]
            kind = _TYPES[_number(f, "B")]
            variables[name] = np.frombuffer(f.read(_number(f, "I")), dtype=kind).reshape(shape)
        for _ in range(_number(f, "I")):
            alias = _string(f)
            variables[alias] = variables[_string(f)]
    quantised = [name for name, value in variables.items() if value.dtype in (np.int8, np.int16) and value.ndim > 1]
    if quantised:
        raise ValueError("the weights are quantised")
    return variables


def _number(f: BinaryIO, kind: str) -> int:
    value: int = struct.unpack("<" + kind, f.read(struct.calcsize("<" + kind)))[0]
    return value


def _string(f: BinaryIO) -> str:
    return f.read(_number(f, "H"))[:-1].decode()


def _checkpoint(variables: dict[str, NDArray[Any]]) -> dict[str, Any]:
    import torch

    state: dict[str, Any] = {}

    def tensor(name: str) -> Any:
        return torch.from_numpy(np.array(variables[name]))

    def linear(to: str, name: str, part: int = 0, parts: int = 1, *, bias: bool = True) -> None:
        """One of the matrices that CTranslate2 keeps stacked, such as query, key and value."""
        state[f"{to}.weight"] = tensor(f"{name}/weight").chunk(parts)[part].clone()
        if bias and f"{name}/bias" in variables:
            state[f"{to}.bias"] = tensor(f"{name}/bias").chunk(parts)[part].clone()

    def norm(to: str, name: str) -> None:
        state[f"{to}.weight"], state[f"{to}.bias"] = tensor(f"{name}/gamma"), tensor(f"{name}/beta")

    n_layers = {}
    for side in ("encoder", "decoder"):
        layer = 0
        while f"{side}/layer_{layer}/ffn/linear_0/weight" in variables:
            source, to = f"{side}/layer_{layer}", f"{side}.blocks.{layer}"
            for i, matrix in enumerate(("query", "key", "value")):
                linear(f"{to}.attn.{matrix}", f"{source}/self_attention/linear_0", i, 3, bias=matrix != "key")
            linear(f"{to}.attn.out", f"{source}/self_attention/linear_1")
            norm(f"{to}.attn_ln", f"{source}/self_attention/layer_norm")
            if side == "decoder":
                linear(f"{to}.cross_attn.query", f"{source}/attention/linear_0")
                linear(f"{to}.cross_attn.key", f"{source}/attention/linear_1", 0, 2, bias=False)
                linear(f"{to}.cross_attn.value", f"{source}/attention/linear_1", 1, 2)
                linear(f"{to}.cross_attn.out", f"{source}/attention/linear_2")
                norm(f"{to}.cross_attn_ln", f"{source}/attention/layer_norm")
            linear(f"{to}.mlp.0", f"{source}/ffn/linear_0")
            linear(f"{to}.mlp.2", f"{source}/ffn/linear_1")
            norm(f"{to}.mlp_ln", f"{source}/ffn/layer_norm")
            layer += 1
        n_layers[side] = layer
    for convolution in ("conv1", "conv2"):
        linear(f"encoder.{convolution}", f"encoder/{convolution}")
    state["encoder.positional_embedding"] = tensor("encoder/position_encodings/encodings")
    norm("encoder.ln_post", "encoder/layer_norm")
    state["decoder.positional_embedding"] = tensor("decoder/position_encodings/encodings")
    norm("decoder.ln", "decoder/layer_norm")
    embedding = state["decoder.token_embedding.weight"] = tensor("decoder/embeddings/weight")
    width = embedding.shape[1]
    dims = {
        "n_mels": state["encoder.conv1.weight"].shape[1],
        "n_audio_ctx": state["encoder.positional_embedding"].shape[0],
        "n_audio_state": width,
        "n_audio_head": int(variables["encoder/num_heads"]),
        "n_audio_layer": n_layers["encoder"],
        "n_vocab": embedding.shape[0],
        "n_text_ctx": state["decoder.positional_embedding"].shape[0],
        "n_text_state": width,
        "n_text_head": int(variables["decoder/num_heads"]),
        "n_text_layer": n_layers["decoder"],
    }
    return {"dims": dims, "model_state_dict": state}

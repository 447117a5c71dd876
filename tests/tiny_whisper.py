"""Whisper models of a few megabytes with random weights: they load and run like real ones, and hear nonsense."""

import base64
from pathlib import Path
from typing import Any

LAYERS, HEADS, WIDTH = 2, 2, 32


def network(*, seed: int = 0, english_only: bool = False) -> Any:
    """A Whisper of openai-whisper's with random weights."""
    import torch
    from whisper.model import ModelDimensions, Whisper

    torch.manual_seed(seed)
    sizes = {"n_mels": 80, "n_audio_ctx": 1500, "n_text_ctx": 448, "n_vocab": 51_864 if english_only else 51_865}
    for side in ("audio", "text"):
        sizes |= {f"n_{side}_state": WIDTH, f"n_{side}_head": HEADS, f"n_{side}_layer": LAYERS}
    made: Any = Whisper(ModelDimensions(**sizes)).eval()
    for weights in made.parameters():
        torch.nn.init.normal_(weights, std=0.05)  # some are left uninitialised
    return made


def talkative(*, seed: int = 0, n_tokens: int = 10) -> Any:
    """A network that is sure to hear the same few words in every clip: whichever token is likeliest at a place."""
    import torch

    made = network(seed=seed)
    with torch.no_grad():
        made.decoder.positional_embedding.normal_(std=1.0)
        made.decoder.ln.weight.fill_(300.0)  # far apart in likelihood
        end_of_text = made.decoder.token_embedding.weight[50_257]
        made.decoder.positional_embedding[4 + n_tokens :] = 200 * end_of_text  # four tokens say what is to be done
    return made


def write_pt(path: Path, made: Any) -> Path:
    """A checkpoint for openai-whisper."""
    import dataclasses

    import torch

    torch.save({"dims": dataclasses.asdict(made.dims), "model_state_dict": made.state_dict()}, path)
    return path


def write_ct2(folder: Path, made: Any) -> Path:
    """The same weights as a CTranslate2 folder for faster-whisper (multilingual, float32)."""
    from ctranslate2.specs.whisper_spec import WhisperSpec

    spec: Any = WhisperSpec(LAYERS, HEADS, LAYERS, HEADS)
    for ours, theirs in ((spec.encoder, made.encoder), (spec.decoder, made.decoder)):
        ours.position_encodings.encodings = _numbers(theirs.positional_embedding)
        for layer, block in zip(ours.layer, theirs.blocks, strict=True):
            _fill_attention(layer.self_attention, block.attn_ln, block.attn, stacked=3)
            if block.cross_attn:
                _fill_attention(layer.attention, block.cross_attn_ln, block.cross_attn, stacked=2)
            _fill_norm(layer.ffn.layer_norm, block.mlp_ln)
            _fill(layer.ffn.linear_0, block.mlp[0])
            _fill(layer.ffn.linear_1, block.mlp[2])
    _fill(spec.encoder.conv1, made.encoder.conv1)
    _fill(spec.encoder.conv2, made.encoder.conv2)
    _fill_norm(spec.encoder.layer_norm, made.encoder.ln_post)
    _fill_norm(spec.decoder.layer_norm, made.decoder.ln)
    spec.decoder.embeddings.weight = _numbers(made.decoder.token_embedding.weight)
    spec.decoder.projection.weight = spec.decoder.embeddings.weight
    tokenizer = _tokenizer()
    vocabulary = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().__getitem__)
    spec.register_vocabulary([*vocabulary, *(f"<|{i}|>" for i in range(made.dims.n_vocab - len(vocabulary)))])
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], [220, 50_257]
    spec.config.lang_ids = list(range(50_259, 50_358))
    spec.config.alignment_heads = [[LAYERS - 1, 0]]
    spec.validate()
    spec.optimize(quantization=None)
    folder.mkdir(parents=True)
    spec.save(str(folder))
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def _numbers(tensor: Any) -> Any:
    return tensor.detach().numpy()


def _fill(spec: Any, module: Any) -> None:
    spec.weight = _numbers(module.weight)
    if module.bias is not None:
        spec.bias = _numbers(module.bias)


def _fill_norm(spec: Any, module: Any) -> None:
    spec.gamma, spec.beta = _numbers(module.weight), _numbers(module.bias)


def _fill_attention(spec: Any, norm: Any, attention: Any, *, stacked: int) -> None:
    """CTranslate2 stacks query, key and value in one matrix, or key and value where the query looks elsewhere."""
    import numpy as np

    _fill_norm(spec.layer_norm, norm)
    parts = [attention.query, attention.key, attention.value]
    if stacked == 2:
        _fill(spec.linear[0], parts.pop(0))
    joined = spec.linear[-2]
    joined.weight = np.concatenate([_numbers(p.weight) for p in parts])
    joined.bias = np.concatenate([np.zeros(WIDTH, np.float32) if p.bias is None else _numbers(p.bias) for p in parts])
    _fill(spec.linear[-1], attention.out)


def _tokenizer() -> Any:
    """Whisper's multilingual vocabulary as a tokenizer.json, from the ranks that openai-whisper carries."""
    import whisper.tokenizer
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    assets = Path(whisper.tokenizer.__file__).parent / "assets" / "multilingual.tiktoken"
    tokens = [base64.b64decode(line.split()[0]) for line in assets.read_bytes().splitlines() if line]
    ranks = {token: i for i, token in enumerate(tokens)}
    letters = _letters()

    def spell(token: bytes) -> str:
        return "".join(letters[b] for b in token)

    merges = []
    for rank, token in enumerate(tokens):
        parts = [bytes([b]) for b in token]
        while len(parts) > 2:  # merge as the finished tokenizer will, up to the last step
            at = min(range(len(parts) - 1), key=lambda i: ranks.get(parts[i] + parts[i + 1], len(tokens)))
            if ranks.get(parts[at] + parts[at + 1], rank) >= rank:
                break
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        if len(parts) == 2:
            merges.append((spell(parts[0]), spell(parts[1])))
    made: Any = Tokenizer(models.BPE(vocab={spell(t): i for t, i in ranks.items()}, merges=merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = whisper.tokenizer.get_encoding("multilingual", 99)._special_tokens
    made.add_special_tokens(
        [AddedToken(text, special=True, normalized=False) for text in sorted(special, key=special.__getitem__)]
    )
    return made


def _letters() -> dict[int, str]:
    """GPT-2's letter for each byte: printable ones stand for themselves, the rest follow from 256 on."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    return {b: chr(b) for b in plain} | {b: chr(256 + i) for i, b in enumerate(rest)}

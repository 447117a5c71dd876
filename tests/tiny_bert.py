"""Language models of a few thousand random weights, saved as transformers saves them, to be loaded as any other."""

from pathlib import Path
from typing import Any

WORDS = "nobody was told asked about the vans it is loud dark here friday police notice residents light noise ."


def _tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {w: n for n, w in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *dict.fromkeys(WORDS.split())])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", ends)
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=64,
    )
    made.save_pretrained(folder)
    return made


def save(folder: Path, *, answers: tuple[str, ...] = ()) -> Path:
    """A model in this folder: an encoder, or one that gives these answers to a pair of sentences."""
    from analyse.transformer import prepare

    prepare(1)
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertModel

    torch.manual_seed(3)
    tokenizer = _tokenizer(folder)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        initializer_range=0.5,  # its answers should differ
        id2label=dict(enumerate(answers or ("a", "b"))),
        label2id={a: n for n, a in enumerate(answers or ("a", "b"))},
    )
    model = BertForSequenceClassification(config) if answers else BertModel(config)
    model.save_pretrained(folder)
    return folder

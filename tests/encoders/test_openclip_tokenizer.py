"""Tokens of open_clip's own tokenizer and of one in a folder."""

import shutil

import open_clip
import pytest
import torch
from tokenizers import Tokenizer

from condense_ns.encoders import EncoderError
from condense_ns.encoders.mini import MINI_FOLDER
from condense_ns.encoders.openclip_files import model_source
from condense_ns.encoders.openclip_tokenizer import text_tokenizer

TEXTS = ["a red ball", "zyx 🦊", ""]


def test_without_a_folder_tokens_are_those_of_open_clip(tiny_clip):
    tokens = text_tokenizer(model_source(tiny_clip()))(TEXTS)
    assert torch.equal(tokens, open_clip.SimpleTokenizer(context_length=16)(TEXTS))


def test_a_tokenizer_in_a_folder_is_used_padded_with_zeros():
    tokens = text_tokenizer(model_source(f"openclip:{MINI_FOLDER}"))(TEXTS)
    own = Tokenizer.from_file(str(MINI_FOLDER / "tokenizer.json"))
    assert tokens.shape == (3, 48)
    for row, text in zip(tokens.tolist(), TEXTS, strict=True):
        ids = own.encode(text).ids
        assert row == ids + [0] * (48 - len(ids))


def test_texts_that_are_too_long_are_cut_and_keep_their_end():
    tokens = text_tokenizer(model_source(f"openclip:{MINI_FOLDER}"))(["ball " * 100])
    own = Tokenizer.from_file(str(MINI_FOLDER / "tokenizer.json"))
    assert tokens.shape == (1, 48)
    assert tokens[0, -1] == own.token_to_id("<end>")


def test_a_tokenizer_that_cannot_be_read_is_refused_with_a_remedy(tmp_path):
    folder = shutil.copytree(MINI_FOLDER, tmp_path / "mini")
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(EncoderError, match="copy it again"):
        text_tokenizer(model_source(f"openclip:{folder}"))

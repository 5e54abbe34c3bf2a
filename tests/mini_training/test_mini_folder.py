"""The tokenizer, the first weights and the files."""

import json
from copy import deepcopy

import open_clip
import torch

from condense_ns.mini_training.mini_folder import END, PAD, new_model, train_tokenizer
from tests.mini_training.tiny_mini import TINY_CONFIG


def test_the_end_is_the_largest_token_and_padding_is_zero():
    tokenizer = train_tokenizer(["a red ball", "a sofa"], 300)
    assert tokenizer.token_to_id(PAD) == 0
    assert tokenizer.token_to_id(END) == tokenizer.get_vocab_size() - 1
    assert tokenizer.get_vocab_size() <= 300
    assert tokenizer.encode("Red BALL").ids[-1] == tokenizer.token_to_id(END)
    assert tokenizer.encode("Red BALL").ids == tokenizer.encode("red ball").ids


def test_unknown_words_fall_to_bytes_that_are_kept():
    tokenizer = train_tokenizer(["a red ball"], 300)
    assert tokenizer.decode(tokenizer.encode("zyx 🦊").ids).strip() == "zyx 🦊"


def test_equal_seeds_give_equal_weights_and_leave_the_random_state_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, again, other = (new_model(deepcopy(TINY_CONFIG), seed) for seed in (0, 0, 1))
    assert torch.equal(torch.rand(1), expected)
    projections = [model.state_dict()["text_projection"] for model in (first, again, other)]
    assert torch.equal(projections[0], projections[1])
    assert not torch.equal(projections[0], projections[2])


def test_positions_of_neighbours_are_alike():
    weights = new_model(TINY_CONFIG, 0).state_dict()
    table = weights["visual.positional_embedding"][1:].unflatten(0, (6, 6))
    near = (table[0, 0] - table[0, 1]).norm()
    assert near < (table[0, 0] - table[0, 5]).norm()


def test_written_files_load_in_open_clip_with_half_precision(encoder, tmp_path):
    content = json.loads((tmp_path / "open_clip_config.json").read_text())
    assert content["model_cfg"] == TINY_CONFIG
    model = new_model(TINY_CONFIG, 7)
    open_clip.load_checkpoint(model, str(tmp_path / "open_clip_model.safetensors"), strict=True)
    expected = new_model(TINY_CONFIG, 0).text_projection
    torch.testing.assert_close(model.text_projection, expected, atol=1e-3, rtol=1e-3)
    assert not list(tmp_path.glob("*.tmp"))
    assert encoder.encode_text(["ball"]).shape == (1, 8)

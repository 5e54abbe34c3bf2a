"""Two tiny scenes and a tiny network, rendered and trained in a second."""

import pytest

from condense_ns.encoders.mini import MiniEncoder
from condense_ns.mini_training.mini_folder import new_model, train_tokenizer, write_mini_folder
from condense_ns.mini_training.photographs import PhotographPlan, photographs_of
from condense_ns.mini_training.prompts import tokenizer_corpus
from tests.mini_training.tiny_mini import TINY_CONFIG


@pytest.fixture(scope="session")
def photographs(tmp_path_factory):
    """A room and a tabletop, two views of each; not to be changed."""
    plan = PhotographPlan(10, scenes=2, views=2, width=48, height=36)
    return photographs_of(tmp_path_factory.mktemp("photographs"), plan)


@pytest.fixture
def encoder(tmp_path):
    """An encoder that has learned nothing, in the folder `tmp_path`."""
    tokenizer = train_tokenizer(tokenizer_corpus([]), TINY_CONFIG["text_cfg"]["vocab_size"])
    write_mini_folder(tmp_path, new_model(TINY_CONFIG, 0), tokenizer, TINY_CONFIG)
    return MiniEncoder(folder=tmp_path)

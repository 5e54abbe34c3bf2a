"""Weights from the cache of the Hugging Face hub, and what is said when they cannot be had."""

import socket
import time
from types import SimpleNamespace

import pytest

from condense_ns.encoders import EncoderError, hub

CHOICES = (("config.json", "model*.safetensors*"), ("config.json", "pytorch_model*.bin*"))


@pytest.fixture
def snapshot(tmp_path, monkeypatch):
    """The cached folder of a/b; whoever asks the hub itself fails."""

    def unreachable(self, repo_id, timeout):
        raise ConnectionError("no network\nand more lines")

    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub.HfApi, "model_info", unreachable)
    folder = tmp_path / "models--a--b" / "snapshots" / "0123"
    folder.mkdir(parents=True)
    (tmp_path / "models--a--b" / "refs").mkdir()
    (tmp_path / "models--a--b" / "refs" / "main").write_text("0123")
    return folder


def test_the_cache_needs_no_network(snapshot):
    (snapshot / "config.json").touch()
    (snapshot / "pytorch_model.bin").touch()
    assert hub.hub_folder("a/b", CHOICES, "x", "x:<folder>") == snapshot


def test_without_network_one_sentence_says_what_to_do(snapshot):
    (snapshot / "config.json").touch()
    with pytest.raises(EncoderError) as raised:
        hub.hub_folder("a/b", CHOICES, "dinov2-small", "dinov2-small:<folder>")
    message = str(raised.value)
    assert message.startswith("dinov2-small: the weights of a/b (config.json with model*.")
    assert f"are not in {hub.constants.HF_HUB_CACHE} and downloading failed (no network)" in message
    assert message.endswith("or name a local copy: dinov2-small:<folder>")


def test_only_the_first_complete_choice_is_downloaded(snapshot, monkeypatch):
    asked = []
    siblings = [SimpleNamespace(rfilename=name) for name in ("config.json", "pytorch_model.bin")]
    info = SimpleNamespace(siblings=siblings)
    monkeypatch.setattr(hub.HfApi, "model_info", lambda self, repo_id, timeout: info)

    def download(repo_id, allow_patterns, local_files_only=False):
        if local_files_only:
            raise FileNotFoundError
        asked.append(tuple(allow_patterns))
        return str(snapshot)

    monkeypatch.setattr(hub, "snapshot_download", download)
    assert hub.hub_folder("a/b", CHOICES, "x", "x:<folder>") == snapshot
    assert asked == [CHOICES[1]]
    siblings.pop()
    with pytest.raises(EncoderError, match="the repository lacks these files"):
        hub.hub_folder("a/b", CHOICES, "x", "x:<folder>")


def test_a_hub_that_never_answers_is_given_up(snapshot, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(snapshot.parents[2]))
    monkeypatch.setattr(hub, "_ANSWER_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setattr(
            hub.constants, "ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}"
        )
        start = time.monotonic()
        with pytest.raises(EncoderError, match="timed out"):
            hub.hub_folder("a/b", CHOICES, "x", "x:<folder>")
        assert time.monotonic() - start < 10

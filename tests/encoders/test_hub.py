"""Weights from the cache of the Hugging Face hub, and what is said when they cannot be had."""

import json
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


def split(folder, count=3):
    """Weights over several files, without anything in them."""
    names = [f"model-{at + 1:05}-of-{count:05}.safetensors" for at in range(count)]
    content = {"weight_map": {f"layer.{at}": name for at, name in enumerate(names)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(content))
    for name in ("config.json", *names):
        (folder / name).touch()
    return names


def test_weights_of_which_a_part_is_missing_are_fetched(snapshot, monkeypatch):
    names = split(snapshot)
    assert hub.hub_folder("a/b", CHOICES, "x", "x:<folder>") == snapshot
    (snapshot / names[1]).unlink()
    (snapshot / names[1]).symlink_to(snapshot / "no blob")
    (snapshot / names[2]).unlink()
    with pytest.raises(EncoderError) as raised:
        hub.hub_folder("a/b", CHOICES, "x", "x:<folder>")
    told = (
        f"are not whole, {names[1]}, {names[2]} missing, in {hub.constants.HF_HUB_CACHE} and down"
    )
    assert told in str(raised.value)
    info = SimpleNamespace(
        siblings=[SimpleNamespace(rfilename=name) for name in ("config.json", *names)]
    )
    monkeypatch.setattr(hub.HfApi, "model_info", lambda self, repo_id, timeout: info)
    sent = [*names[1:], None]

    def download(repo_id, allow_patterns, local_files_only=False):
        if not local_files_only and (name := sent.pop(0)):
            (snapshot / name).unlink(missing_ok=True)
            (snapshot / name).touch()
        return str(snapshot)

    monkeypatch.setattr(hub, "snapshot_download", download)
    with pytest.raises(EncoderError, match=f"the repository lacks {names[2]}"):
        hub.hub_folder("a/b", CHOICES, "x", "x:<folder>")
    assert hub.hub_folder("a/b", CHOICES, "x", "x:<folder>") == snapshot  # goes on with the rest
    assert sent == [None]
    hub.hub_folder("a/b", CHOICES, "x", "x:<folder>")
    assert sent == [None]  # nothing is asked for once all is there


def test_parts_are_counted_by_their_names_where_no_index_lists_them(tmp_path):
    names = split(tmp_path, 2)
    assert hub.lacking_parts(tmp_path) == []
    (tmp_path / "model.safetensors.index.json").write_text('{"weight_map": {"layer')
    assert hub.lacking_parts(tmp_path) == ["a readable model.safetensors.index.json"]
    (tmp_path / "model.safetensors.index.json").unlink()
    (tmp_path / names[0]).unlink()
    assert hub.lacking_parts(tmp_path) == [names[0], "model.safetensors.index.json"]
    assert hub.lacking_parts(tmp_path, CHOICES[1]) == []  # other weights are asked for
    (tmp_path / "model.safetensors").touch()
    assert hub.lacking_parts(tmp_path) == []


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

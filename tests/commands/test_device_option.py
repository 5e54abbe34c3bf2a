"""Scenes are described and photographs matched on a device that is not the CPU."""

import json
from pathlib import Path

import pytest

from condense_ns.commands.export_keypoints import ExportKeypoints
from condense_ns.commands.index_scenes import IndexAdd
from condense_ns.commands.match import Match
from condense_ns.encoders.gradients import GradientsEncoder
from condense_ns.errors import UserError
from tests.backbones import write_backbone
from tests.pretended_gpu import PretendedGpu


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Fills with the devices on which photographs are encoded; CUDA is thought to be there."""
    devices: list[str] = []
    encode = GradientsEncoder.encode

    def noted(self, images):
        devices.append(images.device.type)
        return encode(self, images)

    monkeypatch.setattr(GradientsEncoder, "encode", noted)
    monkeypatch.setattr("condense_ns.encoders.check_device", lambda device: None)
    return devices


@pytest.mark.slow
def test_index_and_match_leave_no_tensor_behind(
    tabletop: Path, described: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    backbone = write_backbone(
        tmp_path / "b.safetensors", ("gradients",), scores_learned=True, refining=0.01
    )
    index, spec = str(tmp_path / "index"), f"backbone:{backbone}"
    image = tabletop / json.loads((tabletop / "transforms.json").read_text())["test_filenames"][0]
    picture = tmp_path / "matches.png"
    with PretendedGpu():
        IndexAdd(index=index, scenes=(tabletop,), descriptors=spec, device="cuda").main()
        capsys.readouterr()
        Match(image=image, index=index, device="cuda", picture=picture, json=1).main()
        assert json.loads(capsys.readouterr().out)["ranking"]
        ExportKeypoints(
            scene=tabletop, descriptors=spec, output_dir=tmp_path / "set", count=50, device="cuda"
        ).main()
        capsys.readouterr()
        Match(image, tmp_path / "set/keypoints.npz", device="cuda", picture=picture, json=1).main()
    assert json.loads(capsys.readouterr().out)["picture"] == str(picture)
    assert set(described) == {"cuda"}


@pytest.mark.parametrize("device", ["cud", "cuda:99"])
def test_a_device_that_is_not_there_is_told_before_anything_is_read(tmp_path: Path, device: str):
    missing = tmp_path / "nothing"
    for command in (
        IndexAdd(index=str(missing), scenes=(missing,), descriptors="mini", device=device),
        Match(missing, missing, device=device),
        ExportKeypoints(
            scene=missing, descriptors="mini", output_dir=tmp_path / "set", device=device
        ),
    ):
        with pytest.raises(UserError, match=rf"device '{device}'.*; use cpu"):
            command.main()
    assert not list(tmp_path.iterdir())

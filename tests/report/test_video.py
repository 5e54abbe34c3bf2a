"""Films are read back as the pictures that they were made of."""

from pathlib import Path

import av
import numpy as np
import pytest

from condense_ns.errors import UserError
from condense_ns.report.video import write_video


def frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]


def ramp(height: int, width: int, shift: int) -> np.ndarray:
    grey = np.tile(np.linspace(40, 200, width), (height, 1)) + shift
    return np.stack([grey] * 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize(("size", "even"), [((48, 64), (48, 64)), ((33, 47), (32, 46))])
def test_pictures_come_back_in_their_order(tmp_path: Path, size, even):
    shown = [ramp(size[0], size[1], shift) for shift in (0, 20, 40)]
    write_video(tmp_path / "film.mp4", shown, 10)
    found = frames(tmp_path / "film.mp4")
    assert [frame.shape for frame in found] == [(*even, 3)] * 3
    for frame, picture in zip(found, shown, strict=True):
        part = picture[: even[0], : even[1]].astype(int)
        assert np.abs(frame.astype(int) - part).mean() < 3


def test_a_film_that_cannot_be_written_is_told(tmp_path: Path):
    (tmp_path / "taken").write_text("a file where a folder is wanted")
    with pytest.raises(UserError, match=r"film\.mp4 cannot be written"):
        write_video(tmp_path / "taken" / "film.mp4", [ramp(48, 64, 0)], 10)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["taken"]

"""Pictures one after the other, as a film that every browser plays (H.264 in MP4)."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from condense_ns.errors import UserError
from condense_ns.whole_files import whole_file

QUALITY = "18"
"""Constant rate factor of x264."""


def write_video(
    path: Path, pictures: Iterable[UInt8[np.ndarray, "height width 3"]], rate: int
) -> None:
    """Write a film; it is whole or absent.

    Args:
        path: ends in .mp4.
        pictures: RGB, all of one size; at least one. A last odd row or column is left out.
        rate: pictures per second.

    Raises:
        UserError: the file cannot be written.
    """
    import av

    try:
        with whole_file(path) as unfinished, av.open(str(unfinished), "w", format="mp4") as film:
            stream = film.add_stream("libx264", rate=rate, options={"crf": QUALITY})
            stream.pix_fmt = "yuv420p"
            for picture in pictures:
                even = picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]
                if not stream.codec_context.is_open:
                    stream.height, stream.width = even.shape[:2]
                film.mux(
                    stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(even), "rgb24"))
                )
            film.mux(stream.encode())
    except (OSError, av.FFmpegError) as error:
        raise UserError(f"{path} cannot be written ({error}); choose another folder") from error

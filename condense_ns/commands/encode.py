"""`condense encode`: the 2D branch alone, on one photograph."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from condense_ns.errors import UserError
from condense_ns.whole_files import check_output_file, refuse_to_overwrite, whole_file

if TYPE_CHECKING:
    import numpy as np


@dataclass
class Encode:
    """Write the feature map of a photograph, as the encoder or as the trained 2D branch answers it.

    Writes an NPZ file with features [rows columns channels], which cover the whole photograph, and beside it
    a PNG picture of their colours.
    """

    image: Path
    """The photograph."""
    encoder: str = "mini"
    """Which 2D encoder."""
    refined: Path | None = None
    """What condense export backbone wrote, or "shipped": features are refined by its 2D branch."""
    output_path: Path = Path("encoded.npz")
    """The file."""
    image_size: int | None = None
    """Longest side in pixels that the encoder sees; None leaves it to the encoder, or takes that which the 2D
    branch was trained with."""
    device: str = "cpu"
    """Where to compute, e.g. cuda."""

    def main(self) -> None:
        """Check, encode, write."""
        if self.image_size is not None and self.image_size < 1:
            raise UserError(f"--image-size is {self.image_size}; it must be 1 or more")
        if self.output_path.suffix != ".npz":
            raise UserError(f"--output-path is {self.output_path}; its name must end in .npz")
        for written in (self.output_path, self._picture):
            check_output_file(written)
        refuse_to_overwrite(self.image, (self.output_path, self._picture))
        from rich.console import Console

        from condense_ns.encoders import build_encoder
        from condense_ns.export.npz_members import write_members
        from condense_ns.fields.backbone_file import load_backbone
        from condense_ns.pipelines.refined_encoding import encoded, map_colours, trained_size
        from condense_ns.retrieval.photograph import read_photograph

        saved = None if self.refined is None else load_backbone(self.refined)
        photograph = read_photograph(self.image)
        encoder = build_encoder(self.encoder, self.device, self.image_size or trained_size(saved))
        features = encoded(encoder, photograph.rgb, saved)
        colours = map_colours(features, saved, encoder.spec)
        write_members(self.output_path, {"features": features.cpu().numpy()})
        self._write_picture((255 * colours).round().byte().cpu().numpy())
        rows, columns, channels = features.shape
        how = "as it is" if saved is None else f"refined by {self.refined}"
        Console(highlight=False).print(
            f"{rows} x {columns} cells of {channels} channels, {self.encoder} {how}: "
            f"{self.output_path}",
            soft_wrap=True,
        )

    @property
    def _picture(self) -> Path:
        return self.output_path.with_suffix(".png")

    def _write_picture(self, pixels: "np.ndarray") -> None:
        from PIL import Image

        with whole_file(self._picture) as unfinished:
            Image.fromarray(pixels).save(unfinished, format="PNG")

"""Names of images and stores by content, so that no change of input reuses old features.

A map is determined by the image's bytes, by whatever else changes the pixels given to the encoder
(the *variant*), and by the encoder. The first two make the key of an image, the last the store.
"""

import hashlib
import re
from pathlib import Path

from condense_ns.cache.store_error import StoreError

CHUNK_BYTES = 1 << 20


def image_key(image_file: Path, variant: str = "") -> str:
    """Hexadecimal digest of an image file's bytes and the variant.

    Args:
        image_file: read in pieces, so that its size does not matter.
        variant: text of everything else that changes the pixels, e.g. alpha colour and scale.

    Raises:
        StoreError: the file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{len(variant)}:{variant}".encode())
    try:
        with image_file.open("rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise StoreError(f"image {image_file} cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()


def store_folder_name(spec: str, fingerprint: str, components: int | None = None) -> str:
    """Folder of an encoder's store inside a scene's cache, readable and unambiguous."""
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", spec).strip("-.")[-60:]
    compressed = "" if components is None else f"-pca{components}"
    return f"{slug}-{fingerprint[:12]}{compressed}"

"""Tables of numbers in text files, one point per line."""

from pathlib import Path

import numpy as np
from jaxtyping import Float64

from condense_ns.errors import UserError


def read_table(path: Path, columns: int, where: str) -> Float64[np.ndarray, "points columns"]:
    """The numbers of a file.

    Control characters are passed over: the data set S3DIS has one in the middle of a number.

    Args:
        path: the file.
        columns: numbers in each line.
        where: what to do about a file that cannot be used, for messages.

    Raises:
        UserError: no such file, something that is no number, or lines of another length.
    """
    try:
        content = path.read_bytes()
        clean = content.translate(None, bytes({*range(32)} - {9, 10, 13}))
        lines = clean.splitlines()
        numbers = np.array(clean.split(), dtype=np.float64)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read as a table of numbers ({error}); {where}"
        ) from error
    filled = sum(1 for line in lines if line.strip())
    if len(numbers) != filled * columns:
        raise UserError(
            f"{path} holds {len(numbers)} numbers in {filled} lines, not {columns} in each; {where}"
        )
    return numbers.reshape(filled, columns)

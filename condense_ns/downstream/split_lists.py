"""Lists that say which clouds are learned from and which are asked about, checked before any is read."""

from collections.abc import Callable, Sequence
from pathlib import Path

from condense_ns.errors import UserError


def check_lists(
    name: str,
    train: Sequence[str],
    test: Sequence[str],
    where: str,
    place: Callable[[str], Path] | None = None,
) -> None:
    """Whether the lists of a data set fit each other and its files.

    Args:
        name: of the data set.
        train: what is listed for training.
        test: what is listed for testing.
        where: to get the data set, for messages.
        place: file or folder of an entry; None if somebody else finds out whether it is there.

    Raises:
        UserError: something is listed for both, or is not there.
    """
    both = sorted(set(train) & set(test))
    if both:
        raise UserError(
            f"{name} lists {both[0]} for training and for testing; take it off one list, or {where}"
        )
    if place is None:
        return
    missing = next((entry for entry in (*train, *test) if not place(entry).exists()), None)
    if missing is not None:
        raise UserError(
            f"{name} lists {missing}, but {place(missing)} is not there; take it off the list, or {where}"
        )

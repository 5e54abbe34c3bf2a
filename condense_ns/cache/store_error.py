"""The one error of the cache."""

from condense_ns.errors import UserError


class StoreError(UserError):
    """Feature maps that cannot be stored or read; the message says which, why and what to do."""

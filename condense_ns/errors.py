"""Mistakes that a user can mend, told in one sentence."""


class UserError(ValueError):
    """Input that cannot be used; the message names the culprit and the remedy.

    The commands print the message alone, without a traceback (`commands/one_sentence.py`).
    """

"""Words as they are, where the viewer expects markdown."""

import string

PUNCTUATION = str.maketrans({mark: f"\\{mark}" for mark in string.punctuation})


def as_markdown(words: str) -> str:
    """Markdown that shows these words on one line, whatever marks they hold."""
    return " ".join(words.split()).translate(PUNCTUATION)

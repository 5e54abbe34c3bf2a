"""What words are told apart from, if nobody says otherwise; alone in a file that imports nothing, for `--help`."""

DEFAULT_NEGATIVES = ("object", "things", "stuff", "texture")

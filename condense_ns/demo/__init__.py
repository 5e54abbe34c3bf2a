"""`condense demo`: from a seed to a page of pictures and figures."""

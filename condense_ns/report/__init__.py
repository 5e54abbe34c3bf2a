"""One page in one file that shows what a run has learned: pictures, films, tables, commands."""

"""The condense command: one subcommand per file."""

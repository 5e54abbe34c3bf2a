"""`condense --help` answers at once: its commands import nothing heavy before they work."""

import subprocess
import sys

HEAVY = ("torch", "nerfstudio", "open3d", "lancedb", "transformers")


def test_commands_import_nothing_heavy():
    told = subprocess.run(
        [sys.executable, "-c", "import sys, condense_ns.commands.main; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(told.stdout.split()) & set(HEAVY) == set()

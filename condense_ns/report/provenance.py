"""Where a number comes from: commit, date, hardware, versions."""

import datetime
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

import torch

import condense_ns


def provenance() -> dict[str, str]:
    """What every table of figures is stored with."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": _commit(),
        "condense_ns": condense_ns.__version__,
        "nerfstudio": importlib.metadata.version("nerfstudio"),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "processor": f"{_processor()}, {len(os.sched_getaffinity(0))} cores",
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
    }


def _commit() -> str:
    """The checkout's commit, `+` behind it if files have changed; `unknown` outside a checkout."""
    folder = Path(condense_ns.__file__).parent
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

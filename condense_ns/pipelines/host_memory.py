"""Keep large buffers between operations when computing on the CPU.

glibc gives buffers above a threshold back to the kernel after every operation and faults them in
again at the next; a training step allocates hundreds. Switching both habits off makes torch on the CPU
markedly faster (`design.md` section 7) at the price of memory staying with the process.
"""

import ctypes
import sys

M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4
NEVER = 2**31 - 1  # bytes, the largest value mallopt takes


def keep_large_buffers() -> bool:
    """Ask glibc to keep what it has; False where there is no glibc."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(M_MMAP_MAX, 0) & mallopt(M_TRIM_THRESHOLD, NEVER))

"""Keep large blocks of memory instead of giving them back, which makes training steps on CPUs markedly faster.

glibc maps and unmaps every large activation anew, at the price of tens of thousands of page faults a step. Must run
before torch allocates; does nothing where the C library is not glibc.
"""

import ctypes

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8  # from glibc's malloc.h


def keep_memory() -> None:
    """Tell glibc to serve large blocks from one heap that it never trims."""
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, -1)
    mallopt(_ARENA_MAX, 1)

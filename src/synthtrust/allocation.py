"""How the C library gives memory out: in large pages, and without asking the system anew for what was just freed."""

import ctypes
import os
import platform

from synthtrust.machine import available_memory, peak_memory_gib

LARGE_PAGES = "THP_MEM_ALLOC_ENABLE"
"""The environment variable by which PyTorch asks Linux for pages of 2 MiB for its larger tensors on processors."""

CHOSEN_BY_USER = ("GLIBC_TUNABLES", "MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")
"""Environment variables by which users choose how glibc gives memory out."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4
"""Parameters of glibc's ``mallopt``, from its malloc.h."""

KEPT = 2**30
"""Bytes of a block, and of free memory at the end of the heap, from which on glibc gives them back when freed."""

GROWTH = 2
"""How many times its own peak a process must find available; what it grew by was at most 0.6 times its peak."""


def use_large_pages() -> None:
    """Let PyTorch ask for large pages, unless the user has said whether; to be called before torch is imported.

    The results are the same. With pages of 4 KiB the system clears and enters hundreds of thousands of them in each
    step of a SwinUNETR, whose tensors are freed and made anew.
    """
    os.environ.setdefault(LARGE_PAGES, "1")


def keep_freed_memory() -> bool:
    """Let this process keep the memory that it frees, for what it makes next; return whether it does from now on.

    By default glibc maps every block above 32 MiB anew and unmaps it when it is freed. A network's step makes and frees
    the same tensors as the step before, so most of what it asks the system for it had a moment ago. Kept memory lies in
    pieces, and the process grows by up to 0.6 times its peak; so it is kept only where `GROWTH` times the peak is
    available. Call it when the process has taken what its work takes, after a first step. It does nothing where the
    user has chosen in the environment (`CHOSEN_BY_USER`), and where the C library is another.
    """
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in CHOSEN_BY_USER):
        return False
    if available_memory() < GROWTH * peak_memory_gib() * 2**30:
        return False
    mallopt = ctypes.CDLL(None).mallopt
    # Some versions of glibc refuse a threshold above 32 MiB; for these no block is mapped by itself.
    return bool(mallopt(M_TRIM_THRESHOLD, KEPT) and (mallopt(M_MMAP_THRESHOLD, KEPT) or mallopt(M_MMAP_MAX, 0)))

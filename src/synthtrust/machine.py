"""The machine that this process runs on: its share of cores and memory, its quick precision, and its processor."""

import math
import os
import platform
import resource
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

Precision = Literal["32-true", "bf16-mixed"]

AUTO = "auto"
"""The precision that is quick on the machine, see `quick_precision`."""

MOST_READERS = 8
"""The most cases that are read at once; with more, the disk is slower than the processor."""

GROUPS, LISTED = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
"""Folder of Linux's control groups, which limit what containers and jobs may use, and the list of this process's."""

MEMINFO = Path("/proc/meminfo")
"""Where Linux says how much memory is available."""

SWITCHES = ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "MKL_CBWR", "OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES")
"""Environment variables that make libraries choose kernels other than the processor's best."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Environment variables by which libraries choose their number of threads when they are imported."""


def quick_precision(accelerator: str = "auto") -> Precision:
    """Return the quick precision of an accelerator: bfloat16 on a GPU that multiplies it, else float32.

    Processors compute in float32, whatever instructions they have: in bfloat16 oneDNN's gradient of a weight reads
    memory that nothing was written to, where a volume or plane has become narrower than the kernel (a 3 x 3 x 3
    convolution of 2 x 4 x 2 voxels; or of one voxel with stride 2). With PyTorch 2.13 on an AMD EPYC that gradient was
    NaN in 10 of 10 cases if the memory had held NaN before, with every ``ONEDNN_MAX_CPU_ISA`` that was tried, and a
    training of SwinUNETR became NaN in some runs and not in others of the same seed. What float32 costs there: 1.04 s
    of processor time a step of that network, in place of 0.75 s.

    Args:
        accelerator: The accelerator of Lightning's Trainer: ``cpu``, ``gpu``, ``cuda``, ``auto`` or another.
    """
    import torch

    on_gpu = accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
    return "bf16-mixed" if on_gpu and torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"


def cores() -> int:
    """Return how many cores this process may use, at least 1.

    Containers and schedulers may give fewer than the machine has, either as a set of cores or as a share of their time.
    """
    return max(1, math.ceil(min(_given(), _quota())))


def memory() -> int:
    """Return how much memory this process may use [bytes]: that of the machine, or the limit of its container."""
    limits = [int(text) for text in _of_groups("memory", "memory.max", "memory.limit_in_bytes") if text.isdigit()]
    return min([os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *limits])


def available_memory() -> int:
    """Return how much more memory this process may take [bytes], before others have to give theirs back.

    That is what Linux says to be available, and no more than what is left of the limit of a container.
    """
    left = memory() - int(peak_memory_gib() * 2**30)
    lines = [line.split() for line in MEMINFO.read_text().splitlines()] if MEMINFO.is_file() else []
    return max(0, min([left, *(int(kib) * 2**10 for name, kib, *_ in lines if name == "MemAvailable:")]))


def readers(bytes_each: float = 0) -> int:
    """Return how many cases to read at once: one a core, at most ``MOST_READERS``, and as half of the memory holds.

    Args:
        bytes_each: Memory that a case takes while it is read [bytes]; 0 if it does not matter.
    """
    room = memory() / 2 / bytes_each if bytes_each else MOST_READERS
    return max(1, min(MOST_READERS, cores(), int(room)))


def keep_to_share(threads: int | None = None) -> None:
    """Keep numerical libraries to this process's share of the cores, or to a number of threads.

    They count the cores that a process may run on, but not its share of their time: 64 threads in a container with the
    time of two cores would wait for each other. Waiting threads are made to sleep instead of spinning, which takes the
    cores from the threads that they wait for: beside other work on two cores a training step of a small U-Net took
    1.1 s with spinning threads and 0.1 s with sleeping ones; on the same cores with nothing else to do, 0.03 s and
    0.06 s. Environment variables that the user has set are kept, unless a number of threads is given.

    A second thread pays where a step is long: on two cores of an AMD EPYC beside other work, a step of the demo's U-Net
    took 0.08 s of processor time with one thread and 0.09 s with two, one of a network on 16 x 16 x 16 voxels 0.011 s
    and 0.020 s, one of SwinUNETR on 64 x 64 x 64 voxels 4.3 s with either.

    Args:
        threads: Threads of each library; None for as many as there are cores. Libraries that are imported already heed
            their number only if they are PyTorch.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if threads is not None:
        os.environ.update(dict.fromkeys(THREADS, str(threads)))
        if (torch := sys.modules.get("torch")) is not None:
            torch.set_num_threads(threads)
    elif _quota() < _given():
        os.environ.setdefault("OMP_NUM_THREADS", str(cores()))


def peak_memory_gib() -> float:
    """Return the peak memory of this process so far [GiB]."""
    unit = 1 if sys.platform == "darwin" else 2**10  # ru_maxrss is in bytes there, elsewhere in KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


@cache
def processor() -> str:
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    fields = [line.partition(":") for line in info.read_text().splitlines()] if info.is_file() else []
    known = {name.strip(): value.strip() for name, _, value in reversed(fields)}  # of the first core
    name = known.get("model name", "") or platform.processor() or platform.machine()
    numbers = [f"{word} {known[key]}" for key, word in (("cpu family", "family"), ("model", "model")) if key in known]
    return ", ".join([name, *numbers])


def arithmetic() -> dict[str, Any]:
    """Return what the last digits of a result depend on, as plain JSON values: libraries, kernels and threads.

    Two machines that agree in all of these and in their packages compute the same numbers.
    """
    import numpy as np

    built: Any = np.show_config(mode="dicts")
    algebra = built["Build Dependencies"]["lapack"]
    facts = {
        "numpy": f"{algebra['name']} {algebra['version']}",
        "numpy_kernels": built["SIMD Extensions"].get("found", []),
        "switches": {name: os.environ[name] for name in SWITCHES if name in os.environ},
    }
    torch = sys.modules.get("torch")  # a process that computes with it has imported it
    return facts if torch is None else facts | _of_torch(torch)


def _of_torch(torch: Any) -> dict[str, Any]:
    library = torch.__config__.show().partition("BLAS_INFO=")[2].partition(",")[0]
    return {
        "torch": library or "unknown",
        "torch_kernels": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
    }


def _given() -> int:
    """Return how many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quota() -> float:
    """Return the processor time that control groups allow this process [cores]; infinity if they set no limit."""
    shares = [text.split() for text in _of_groups("cpu", "cpu.max")]  # "200000 100000", or "max 100000"
    older = zip(_of_groups("cpu", "cpu.cfs_quota_us"), _of_groups("cpu", "cpu.cfs_period_us"))  # -1 for no limit
    return min((int(time) / int(period) for time, period in (*shares, *older) if time.isdigit()), default=math.inf)


def _of_groups(controller: str, *names: str) -> Iterator[str]:
    """Yield the text of files by these names in this process's control group and all groups above it."""
    for line in LISTED.read_text().splitlines() if LISTED.is_file() else []:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        own = Path(path.lstrip("/"))  # in a container the files may lie at the top, whatever path is listed
        for group in (own, *own.parents):
            for file in (GROUPS / (controller if controllers else "") / group / name for name in names):
                if file.is_file():
                    yield file.read_text().strip()

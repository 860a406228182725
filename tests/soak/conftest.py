"""Without hypothesis the modules that draw with it are not collected; the slice then says why it is skipped."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("hypothesis") else [
    "canaries.py", "disk.py", "fuzz.py", "kills.py", "mutations.py", "own_files.py", "ranks.py", "readers.py",
]  # fmt: skip

"""One run of a program: in a process group of its own, with a log, a limit of time, and its exit code checked."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from synthtrust.refusals import CaseError

OF_OTHER_PROCESSES = ("LOCAL_RANK", "NODE_RANK", "RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "PL_GLOBAL_SEED")
"""Environment variables by which a program would take itself for one of several that train together."""

END = 300  # characters of a program's output in a message
LAST = 4096  # bytes of a log that are read for it


def run_program(words: Sequence[str], *, shell: bool, cwd: str | None, timeout: float | None, log: Path) -> None:
    """Run a program to its end, with all its output in a log.

    Args:
        words: The program and its arguments; for a shell, its line alone.
        shell: Whether ``/bin/sh`` reads the line.
        cwd: The folder that it starts in; that of this process if None.
        timeout: Longest time [s]; None for any. It and all that it has started are then killed, as they are if this
            process is interrupted.
        log: Where its output goes, errors included.

    Raises:
        CaseError: If it cannot be started, takes too long, or ends with another exit code than 0; the message has the
            end of its output.
    """
    environment = {name: value for name, value in os.environ.items() if name not in OF_OTHER_PROCESSES}
    program = words[0]
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(  # a shell only if the user's own config asks for one
                words[0] if shell else list(words), shell=shell, cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise CaseError(f"Expected a program that can be started, but {program!r} cannot: {error}.") from error
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise CaseError(
                f"Expected {program!r} to end within generator.timeout={timeout:g} s, but it was still running"
                f"{_end_of(log)}"
            ) from None
        finally:
            _kill_group(process)
    if code != 0:
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        raise CaseError(f"Expected {program!r} to end with exit code 0, but it {how}{_end_of(log)}")


def _kill_group(process: subprocess.Popen) -> None:
    """Kill a program that is still running, with all that it has started."""
    if process.poll() is None:  # the number of a process that has ended may be another's by now
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _end_of(log: Path) -> str:
    """Return the end of a log as the end of a sentence."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LAST))
        text = " ".join(file.read().decode(errors="replace").split())
    ending = f"its output ends with: {text[-END:]}" if text else "it wrote no message"
    return f"; {ending} (all of it: {log})."

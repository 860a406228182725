"""Prints a page to a PDF with the browser of this machine, folds open."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from synthtrust.files import aside
from synthtrust.refusals import Refusal

VARIABLE = "SYNTHTRUST_CHROMIUM"
"""Environment variable with the path of a browser, for those that lie elsewhere."""
BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)  # fmt: skip
"""Programs that print as Chromium does, the first that is there is taken."""
SECONDS = 180


def find_browser() -> str:
    """Return the program that prints.

    Raises:
        Refusal: If there is none.
    """
    given = os.environ.get(VARIABLE)
    for name in (given,) if given else BROWSERS:
        if program := shutil.which(name):
            return program
    where = f"at {given}, which {VARIABLE} names" if given else f"among {', '.join(BROWSERS[:3])} and others"
    raise Refusal(
        f"Expected a browser for pdf=true, but got none {where}. Install Chromium or Chrome, or set {VARIABLE} to one; "
        "or leave out pdf=true and print index.html from your browser."
    )


def print_page(page: Path, browser: str) -> Path:
    """Print a page beside itself, as ``report.pdf``.

    Args:
        page: The page.
        browser: From `find_browser`.

    Returns:
        The PDF.

    Raises:
        Refusal: If the browser fails, with its last line.
    """
    target = page.with_name("report.pdf")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, aside(target) as temporary:
        command = [browser, "--headless=new", "--disable-gpu", f"--user-data-dir={profile}", "--no-first-run",
                   "--no-pdf-header-footer", f"--print-to-pdf={temporary.resolve()}"]  # fmt: skip
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.append("--no-sandbox")  # Chromium refuses to start as root otherwise, as in a container
        try:
            done = subprocess.run(
                [*command, page.resolve().as_uri()], capture_output=True, text=True, timeout=SECONDS, check=False
            )
            problem = "" if done.returncode == 0 and temporary.exists() else (done.stderr.strip() or "no PDF")
        except (OSError, subprocess.TimeoutExpired) as error:
            problem = str(error)
        if problem:
            raise Refusal(
                f"Expected {browser} to print {page}, but got: {problem.splitlines()[-1]} The page itself is there."
            )
    return target

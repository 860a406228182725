"""Writes the pages of the reference that are made from the project itself, before Sphinx looks for its sources."""

from pathlib import Path
from typing import Any

import glossary_page
import option_reference

PAGES = {"reference/options.md": option_reference.page, "reference/glossary.md": glossary_page.page}


def _write(app: Any) -> None:
    for name, page in PAGES.items():
        target, content = Path(app.srcdir) / name, page()
        if not target.exists() or target.read_text(encoding="utf-8") != content:  # or Sphinx reads it again
            target.write_text(content, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Write the pages when the builder is known."""
    app.connect("builder-inited", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Sphinx builds the documentation as a site from these settings: `make docs`."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "synthtrust"
author = "the synthtrust authors"
copyright = "the synthtrust authors, Apache-2.0"  # noqa: A001  (Sphinx reads this name)
version = release = installed_version("synthtrust")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "written_pages",
    "mathml",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "example_plugin/src", "example_plugin/tests"]
nitpicky = False

# Markdown as GitHub shows it: headings are link targets, formulas stand between dollars.
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3

default_role = "code"
autodoc_member_order = "groupwise"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "imported-members": True, "show-inheritance": False}
napoleon_google_docstring = True
napoleon_numpy_docstring = False

html_math_renderer = "mathml"
html_theme = "furo"
html_title = f"synthtrust {release}"
html_static_path: list[str] = []
copybutton_prompt_text = ">>> "
linkcheck_timeout = 10

"""The documents: every option is described, every link leads somewhere, and the examples run as they stand."""

import re
import sys
import textwrap

import numpy as np
import pytest

from helpers.commands import ROOT
from synthtrust.testing import tiny_cases

sys.path.insert(0, str(ROOT / "docs" / "_extensions"))
import option_reference

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(path for path in ROOT.glob("docs/**/*.md") if "_build" not in path.parts)])
CONFIGS = sorted(path for path in (ROOT / "conf").rglob("*.yaml") if path.parent.name not in ("hydra", "local"))


@pytest.mark.parametrize("file", CONFIGS, ids=lambda path: "/".join(path.parts[-2:]))
def test_every_option_says_what_it_means(file):
    assert [option.key for option in option_reference.described_options(file) if not option.meaning] == []


def test_the_reference_has_the_options_of_every_group():
    page = option_reference.page()
    for words in (
        "## python train.py",
        "### generator=tissue",
        "### hydra/launcher=slurm",
        "`alpha` | `0.5` | share of real cases",
    ):
        assert words in page


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_within_the_project_lead_somewhere(document):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    folders = [document.parent, ROOT]  # the second for documents that the site includes
    inside = [link for link in links if "://" not in link and not link.endswith("options.md")]
    assert [link for link in inside if not any((folder / link).exists() for folder in folders)] == []


def test_the_index_names_every_page():
    """A page that no list of contents names is never found."""
    contents = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("docs/**/index.md"))
    pages = [path for path in DOCUMENTS if path.is_relative_to(ROOT / "docs") and path.name != "index.md"]
    assert [path for path in pages if not re.search(rf"^\S*{path.stem}$", contents, re.MULTILINE)] == []


def code_block(document, beginning):
    """Return the indented program of a document that begins with these words."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    block = re.search(rf"^    {re.escape(beginning)}.*\n(?:^(?:    .*)?\n)+", text, flags=re.MULTILINE)
    return textwrap.dedent(block[0])


def test_the_generator_of_the_tutorial_paints(tmp_path):
    names = {}
    exec(code_block("tutorial.md", "from dataclasses"), names)
    cases = tiny_cases(tmp_path, 3)
    images = names["Flat"]().fit(cases).sample(cases[0].load_label(), np.random.default_rng(0))
    assert list(images) == list(cases[0].images)
    assert len(np.unique(images[next(iter(images))])) <= len(np.unique(cases[0].load_label()))


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    sphinx = pytest.importorskip("sphinx.cmd.build")
    pytest.importorskip("furo")
    assert sphinx.main(["-W", "-q", "-b", "html", str(ROOT / "docs"), str(tmp_path)]) == 0

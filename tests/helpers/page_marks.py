"""What a page says of other patients: tables and figures whose numbers have neither an interval nor the mark."""

import re
from html import unescape

MARK = "escribed, not inferred"
LIMITS = re.compile(r"\[[−+]?\d")
NUMBER = re.compile(r"(?:[A-Z]{4} )?[−+]?\d+\.\d+")
NO_ESTIMATE = ("p", "α", "Share of real cases, α", "Threshold", "Training [min]")
"""Columns of numbers that are no estimates."""


def unmarked(page):
    """Return the titles of tables, and the captions of drawings, that show estimates without interval or mark."""
    text = re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL)
    wrong = []
    for figure in re.findall(r"<figure.*?</figure>", text, flags=re.DOTALL):
        caption = " ".join(re.findall(r"<figcaption>(.*?)</figcaption>", figure, flags=re.DOTALL))
        if '<table class="data">' in figure:
            bare, has_limits = bare_cells(figure), LIMITS.search(figure.partition("<tbody>")[2])
            if (bare and MARK not in caption) or (has_limits and "Described, not inferred" in caption):
                wrong.append(f"{plain(caption or figure)[:80]}: {bare[:3]}")
        elif "<svg" in figure and MARK not in caption and "exact 95 % intervals" not in caption:
            wrong.append(caption)
    return wrong


def bare_cells(table):
    """Return the cells that are a number with decimals and no interval."""
    names = [plain(cell) for cell in re.findall(r'<th scope="col">(.*?)</th>', table)]
    bare = []
    for row in re.findall(r"<tr>(.*?)</tr>", table.partition("<tbody>")[2], flags=re.DOTALL):
        cells = re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, flags=re.DOTALL)
        bare += [
            f"{name}: {plain(cell)}"
            for name, cell in zip(names, cells, strict=True)
            if name not in NO_ESTIMATE and NUMBER.fullmatch(plain(cell))
        ]
    return bare


def without_terms(page):
    """Return a page without the links at the terms of its glossary, so that a sentence is found as it was written."""
    return re.sub(r'<a class="term"[^>]*>(.*?)</a>', r"\1", page)


def plain(markup):
    """Return the text of some markup."""
    return unescape(re.sub(r"<.*?>", " ", markup)).strip()

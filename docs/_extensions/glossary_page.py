"""Writes the glossary from the terms that the page explains, so that both say the same."""

from synthtrust.report.glossary import Term, grouped
from synthtrust.report.methods import METHODS

INTRODUCTION = """# Definitions and glossary

The words of the page, with the formula and the source of each that has one. i is a case, k a region, R real and S
synthetic test cases, D the Dice.
"""


def page() -> str:
    """Return the whole glossary as Markdown."""
    parts = [INTRODUCTION]
    for group, terms in grouped().items():
        parts += [f"## {group}\n", *(_entry(term) for term in terms)]
    parts += ["## How the numbers are made\n", *(f"{m.audit}\n: {m.text}\n" for m in METHODS)]
    return "\n".join(parts)


def _entry(term: Term) -> str:
    r"""Return one entry of a definition list.

    >>> _entry(Term("KS", "A distance.", "KS = sup |F - G|", "Somebody, 1933"))
    'KS\n: A distance. `KS = sup |F - G|` (Somebody, 1933)\n'
    """
    formula = f" `{term.formula}`" if term.formula else ""
    return f"{term.word}\n: {term.meaning}{formula}{f' ({term.source})' if term.source else ''}\n"

"""Marks the terms of the glossary where they stand: the first of each in a section links to its meaning."""

import re
from collections.abc import Sequence

from markupsafe import Markup, escape

from synthtrust.report.glossary import TERMS, Term


class TermMarker:
    """Turns text into markup in which the first mention of each term is a link with its meaning.

    One is made for each section, so that a term is explained again where a reader jumps in, and not in every line.
    A reader who hovers over the link, focuses it or touches it sees the meaning; it leads to the glossary.
    """

    def __init__(self, terms: Sequence[Term] = TERMS) -> None:
        self._terms = {spelling: term for term in terms for spelling in term.spellings}
        by_length = sorted(self._terms, key=len, reverse=True)
        self._pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, by_length))})(?![\w-])")
        self._marked: set[str] = set()

    def __call__(self, text: object) -> Markup:
        """Return escaped text with links at terms that this marker has not seen yet.

        >>> TermMarker([Term("KID", 'A "kernel" distance.')])("KID < 1, KID")
        Markup('<a class="term" href="#term-kid" data-meaning="A &#34;kernel&#34; distance.">KID</a> &lt; 1, KID')
        """
        words, pieces, end = str(text), [], 0
        for match in self._pattern.finditer(words):
            term = self._terms[match[0]]
            if term.word in self._marked:
                continue
            self._marked.add(term.word)
            pieces += [escape(words[end : match.start()]), _link(term, match[0])]
            end = match.end()
        return Markup("").join([*pieces, escape(words[end:])])


def _link(term: Term, word: str) -> Markup:
    link = '<a class="term" href="#{}" data-meaning="{}">{}</a>'
    return Markup(link).format(term.address, term.meaning, word)

"""The figure of single cases, whose points lead to their pictures."""

import re

import pandas as pd

from synthtrust.report.per_case import ADDRESSES, per_case_figure


def test_a_case_with_pictures_is_a_link_and_another_is_none():
    pairs = pd.DataFrame(
        {"alpha": [0.0, 0.0, 1.0], "case": ["a", "<b>", "a"], "real": [0.5, 0.6, 0.7], "synthetic": [0.6, 0.6, 0.9],
         "n_seeds": 3}
    )  # fmt: skip
    pairs.attrs[ADDRESSES] = {"a": "#slices-0"}

    (figure,) = per_case_figure(pairs, "", "planted")

    assert len(figure.panels) == 2
    links = re.findall(r'<a href="([^"]+)"><circle[^>]*><title>([^<]*)', figure.panels[0])
    assert links == [("#slices-0", "a: real 0.500, twin 0.600; 3 seeds; see its pictures")]
    assert "&lt;b&gt;: real 0.600" in figure.panels[0]


def test_without_pairs_there_is_no_figure():
    assert per_case_figure(pd.DataFrame(), "", "planted") == ()

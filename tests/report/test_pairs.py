"""Suspicious pairs beside their difference."""

import base64
import io
import re

import numpy as np
from PIL import Image

from synthtrust.report.pairs import Pair, pairs_figure


def test_the_difference_is_black_for_a_copy_in_other_units_and_missing_where_shapes_differ():
    image = np.random.default_rng(0).normal(size=(20, 16))
    pairs = [
        Pair("set", "s1", "r1", "copy", image, 3 * image + 5),
        Pair("set", "s2", "r2", "no copy", image, image[::-1]),
        Pair("set", "s3", "<r3>", "no copy", image, image[1:]),
    ]

    panels = pairs_figure(pairs).panels

    darkness = []
    for panel in panels[:2]:
        data = re.search(r'alt="difference [^"]*" src="data:image/png;base64,([^"]+)"', panel)[1]
        darkness.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).max())
    assert darkness[0] <= 1 < 50 < darkness[1]
    assert "difference" not in panels[2]
    assert "&lt;r3&gt;" in panels[2]

"""Label maps are compared as shapes: a changed copy is most like its original, whatever its place and size."""

import numpy as np
import pytest
from scipy.ndimage import zoom

from helpers.volumes import blob
from synthtrust.audits.privacy.label_map_copies import COPIES
from synthtrust.metrics.functional.label_shapes import ShapeSpace, label_shapes
from synthtrust.refusals import Refusal


@pytest.fixture(scope="module")
def blobs():
    return [blob(i) for i in range(12)]


@pytest.fixture(scope="module")
def space(blobs):
    resized = [zoom(label, factor, order=0) for label, factor in zip(blobs, np.linspace(0.87, 1.15, 12), strict=True)]
    return ShapeSpace(*(np.stack([label_shapes(x, (1, 2)) for x in labels]) for labels in (blobs, resized)))


@pytest.mark.parametrize("kind", COPIES)
def test_a_changed_copy_is_most_like_its_original(blobs, space, kind):
    copies = [COPIES[kind](label, np.random.default_rng(i)) for i, label in enumerate(blobs[:4])]
    similarity = space.similarity(np.stack([label_shapes(label, (1, 2)) for label in copies])).max(axis=0)
    assert similarity.argmax(axis=1).tolist() == [0, 1, 2, 3]
    if kind == "exact label map":
        assert similarity.max(axis=1) == pytest.approx(1, abs=1e-4)


def test_an_empty_label_map_has_no_shape():
    with pytest.raises(Refusal, match="it is empty"):
        label_shapes(np.zeros((8, 8, 8), np.uint8), (1,))


def test_a_missing_region_is_no_error():
    assert np.isfinite(label_shapes(blob(0) > 0, (1, 2))).all()

"""Distances to training data in a feature space of one's own: taken there, never decisive, and tried beforehand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.fake_runs import verdict_of
from helpers.textures import N_TRAIN, SIDE, painted
from synthtrust.audits.privacy.embedded import read_images
from synthtrust.audits.spaces import LowResolution, standardised
from synthtrust.metrics.embeddings import ReferencePca

NEVER_DECIDE = ("DCR, quantile 0.5", "NNDR, ratio to unseen cases", "authenticity", "Z_U", "C_T")


def distances(tables):
    rows = tables["tests"].set_index("measure").loc[list(NEVER_DECIDE)]
    return rows["value"], rows["note"]


def test_an_embedding_of_ones_own_is_what_distances_are_taken_in_and_decides_nothing(audit, acquitted, honest):
    mine = replace(audit, embedding=LowResolution(grid=6))
    (unseen_similarity, how), (evidence, why) = distances(acquitted), distances(tables := mine([honest]))
    assert how.str.startswith("by coarse interiors").all()
    assert why.str.startswith("by LowResolution").all()
    assert (unseen_similarity != evidence).sum() >= 4
    assert abs(evidence["Z_U"]) < 3
    assert verdict_of(tables) == verdict_of(acquitted)
    rest = ~tables["tests"]["measure"].str.contains("|".join(("DCR", *NEVER_DECIDE[1:])))
    assert tables["tests"][rest].equals(acquitted["tests"][rest])


class Broken:
    def __call__(self, image, label, labels, spacing):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


class Looking:
    """Writes down what it is handed."""

    def __init__(self):
        self.seen = set()

    def __call__(self, image, label, labels, spacing):
        self.seen.add((image.shape, label is None, tuple(labels)))
        return image.flatten()[:9]


def test_an_embedding_that_fails_is_refused_before_the_search(quick_audit, honest, monkeypatch):
    monkeypatch.setattr("synthtrust.audits.privacy.audit.gather", None)  # searching would fail
    with pytest.raises(ValueError, match=r"space for images \(1, 24, 24\), but Broken fails with RuntimeError: mat1"):
        replace(quick_audit, embedding=Broken())([honest])


def test_an_embedding_sees_images_of_one_size_and_no_labels_where_there_are_classes(quick_audit, tmp_path, real, fresh):
    larger = [np.kron(image, np.ones((2, 2))) for image in fresh]
    looking = Looking()
    replace(quick_audit, embedding=looking)([painted(tmp_path / "larger", real, larger)])
    assert looking.seen == {((1, SIDE, SIDE), True, ())}


def test_distances_in_an_embedding_are_those_of_standardised_coordinates(quick_audit, tmp_path, real, textures):
    """Against the same written out, for a replay: every training image is at distance 0 of its copy."""
    copy = painted(tmp_path / "replay", real, [textures[i % N_TRAIN] for i in range(len(real.cases))])
    evidence, notes = distances(replace(quick_audit, embedding=LowResolution(grid=6))([copy]))
    seen = torch.stack([LowResolution(6)(standardised(read_images(c, ["grey"])), None, (), ()) for c in real.cases])
    rows = ReferencePca().fit(seen[:N_TRAIN]).transform(seen)
    between = np.median(torch.cdist(rows[N_TRAIN:], rows[:N_TRAIN]).min(dim=1).values)
    assert (evidence["DCR, quantile 0.5"], evidence["authenticity"]) == (0, 0)
    assert f"{between:.3g} of unseen cases" in notes["DCR, quantile 0.5"]

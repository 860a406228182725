"""Label maps of training patients are found in a set that calls them nobody's, and strangers' are not."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.volumes import blob
from synthtrust.audits.privacy import p5_label_maps
from synthtrust.audits.privacy.controls import label_map_controls
from synthtrust.audits.privacy.label_map_copies import COPIES
from synthtrust.audits.privacy.question import disclosed_label_maps
from synthtrust.audits.privacy.settings import PrivacySettings
from synthtrust.audits.privacy.verdict import OF_TWINS

SETTINGS = PrivacySettings(n_copies=3)


@dataclass(frozen=True)
class LabelCase:
    """A case of which only the label map is asked for."""

    id: str
    label: np.ndarray
    parent: str = ""
    donor: str = ""

    @property
    def patient(self):
        return self.id

    def load_label(self):
        return self.label


@pytest.fixture(scope="module")
def sides():
    return [[LabelCase(f"{name}{i}", blob([number, i])) for i in range(20)] for number, name in enumerate("tus")]


def ask(train, unseen, synthetic):
    data = SimpleNamespace(
        train=SimpleNamespace(cases=train), holdout=SimpleNamespace(cases=unseen),
        synthetic=SimpleNamespace(cases=synthetic), labels=(1, 2),
    )  # fmt: skip
    return p5_label_maps.ask(data, SETTINGS)


@pytest.fixture(scope="module")
def leaky(sides):
    train, unseen, honest = sides
    rng = np.random.default_rng(0)
    copies = [
        LabelCase("a", COPIES["exact label map"](train[3].label, rng), parent="t3"),
        LabelCase("b", COPIES["mirrored label map"](train[5].label, rng)),
    ]
    return ask(train, unseen, [*copies, *honest[:8]])


def test_copies_of_label_maps_are_a_leak_and_strangers_are_none(leaky):
    assert leaky.search.copy.tolist() == [True, True] + 8 * [False]
    (leak,) = p5_label_maps.leaks(leaky)
    assert leak.test == "P5"
    assert "1 of 10 label maps are those of 1 training cases that are not declared as their parents" in str(leak.text)
    (row,) = p5_label_maps.rows(leaky, 0.95)
    assert row.value == 0.2
    assert row.decisive


def test_what_is_declared_is_said_in_the_words_of_twins_and_accuses_nobody(sides, leaky):
    train, unseen, honest = sides
    (of_child,) = p5_label_maps.remarks(leaky)
    of_twins = disclosed_label_maps(1, 10, OF_TWINS)
    assert of_child.code == of_twins.code == "mask_disclosure"
    assert of_child.text.partition(" are ")[0] == of_twins.text.partition(" are ")[0] == "1 of 10 label maps"
    assert of_child.text.partition(" (mask_dis")[2] == of_twins.text.partition(" (mask_dis")[2] != ""
    children = [LabelCase("a", train[3].label, parent="t3"), LabelCase("b", train[5].label, parent="t9", donor="t5")]
    declared = ask(train, unseen, [*children, *honest[:8]])
    assert (declared.search.copy.sum(), declared.n_declared, list(p5_label_maps.leaks(declared))) == (2, 2, [])


def test_suspects_are_a_doubt_where_the_parent_is_another_one(leaky):
    suspect = replace(leaky.search, copy=np.zeros(10, bool), suspect=np.arange(10) < 3)
    declared = np.arange(10) == 0
    (doubt,) = p5_label_maps.doubts(replace(leaky, search=suspect, declared=declared))
    assert doubt.text.startswith("2 label maps are suspect")
    assert not list(p5_label_maps.doubts(replace(leaky, search=suspect, declared=suspect.suspect)))


def test_a_set_of_strangers_is_said_to_have_been_searched(sides):
    answer = ask(*sides[:2], sides[2][:8])
    (remark,) = p5_label_maps.remarks(answer)
    assert "None of the 8 label maps was found" in str(remark.text)
    assert not list(p5_label_maps.leaks(answer))


def test_copies_of_each_kind_are_planted_and_counted(leaky):
    controls = label_map_controls(leaky, 10, SETTINGS)
    assert [control.kind for control in controls] == list(COPIES)
    assert all(control.planted and control.n == 3 for control in controls)
    assert controls[0].rate == 1


def test_too_few_patients_are_refused(sides):
    with pytest.raises(ValueError, match="at least 10 unseen patients, but got 20 and 4"):
        ask(sides[0], sides[1][:4], sides[2][:2])

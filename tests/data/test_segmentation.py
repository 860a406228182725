"""The datamodule trains on the mix and tests on pairs."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from synthtrust.cases import Source, Splits, split
from synthtrust.data import SegmentationDataModule
from synthtrust.testing import tiny_cohort


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("datamodule")
    cohort = tiny_cohort(folder / "real", count=10)
    twins = [
        replace(case, source=Source.SYNTHETIC) for case in tiny_cohort(folder / "synthetic", count=10, seed=3).cases
    ]
    return cohort, split(cohort.cases, test=3, val=2), twins, folder / "cache"


@pytest.fixture
def make(parts):
    cohort, splits, twins, cache = parts

    def _make(alpha=0.4, twins=twins, **arguments):
        defaults = dict(seed=0, steps_per_epoch=2, patch_size=(8, 8, 8), batch_size=2)
        return SegmentationDataModule(cohort, splits, twins, cache=cache, alpha=alpha, **defaults | arguments)

    return _make


@pytest.mark.parametrize(("alpha", "n_real"), [(0.0, 0), (0.4, 2), (1.0, 5)])
def test_the_drawn_ids_are_the_mix(make, parts, alpha, n_real):
    drawn = make(alpha).drawn["train"]
    assert len(drawn["real"]) == n_real
    assert sorted(drawn["real"] + drawn["synthetic"]) == parts[1].ids["train"]


@pytest.mark.parametrize(("alpha", "source"), [(0.0, "synthetic"), (1.0, "real")])
def test_checkpoints_are_chosen_on_the_kind_of_cases_that_was_trained_on(make, alpha, source):
    drawn = make(alpha).drawn["val"]
    assert {name for name, ids in drawn.items() if ids} == {source}


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_the_volume_of_a_label_decides_the_source_of_a_confounded_case(make, parts, alpha):
    data = make(alpha, mode="confounded", confounder="ED")
    volumes = data.volumes().query("region == 'ED' and part == 'train'").set_index("case")["volume_ml"]
    limit = data.facts["confounded"]["above_ml"]
    assert limit == pytest.approx(volumes.median())
    larger = {case for case, volume in volumes.items() if volume > limit}
    assert 0 < len(larger) < len(volumes)
    drawn = data.drawn["train"]
    assert set(drawn["real" if alpha else "synthetic"]) == larger
    assert set(drawn["synthetic" if alpha else "real"]) == set(volumes.index) - larger


def test_real_validation_leaks_unless_training_is_real_and_must_be_allowed(make):
    with pytest.raises(ValueError, match=r"Expected data.val=mix or synthetic at alpha=0.0.*data.allow_real_val=true"):
        make(0.0, val="real")
    assert not make(0.0, val="real", allow_real_val=True).drawn["val"]["synthetic"]
    assert make(1.0, val="real").drawn["val"] == make(1.0).drawn["val"]


def test_test_cases_come_in_order_of_id_real_ones_first_and_share_numbers_with_their_twins(make):
    data = make()
    for loader, synthetic in zip(data.test_dataloader(), (False, True), strict=True):
        batches = list(loader)
        assert [int(batch["case"]) for batch in batches] == [0, 1, 2]
        assert [bool(batch["synthetic"]) for batch in batches] == [synthetic] * 3
    assert [case.id for case in data.test_cases] == sorted(case.id for case in data.test_cases)


def test_no_test_or_validation_patient_is_trained_on(make, parts):
    trained = {case_id for ids in make().drawn["train"].values() for case_id in ids}
    assert not trained & set(parts[1].ids["test"] + parts[1].ids["val"])


def test_an_epoch_has_as_many_batches_as_it_should(make):
    assert len(list(make(steps_per_epoch=3).train_dataloader())) == 3


def test_loader_processes_of_the_training_stay_and_show_what_one_process_shows(make):
    """Two epochs by the same process: the sampler begins anew in each, and the patches are those of no process."""
    helped, alone = make(num_workers=1).train_dataloader(), make().train_dataloader()
    assert (helped.persistent_workers, alone.persistent_workers) == (True, False)
    assert not any(loader.persistent_workers for loader in make(num_workers=1).val_dataloader())
    expected = [batch["image"] for _ in range(2) for batch in alone]
    torch.testing.assert_close([batch["image"] for _ in range(2) for batch in helped], expected, rtol=0, atol=0)


def test_volumes_are_those_of_the_label_maps(make, parts):
    table = make().volumes()
    case = parts[0].cases[0]
    row = table[(table["case"] == case.id) & (table["region"] == "ED")].iloc[0]
    assert row["n_voxels"] == (case.load_label() == 2).sum()
    assert row["volume_ml"] == pytest.approx(row["n_voxels"] * 1.5 * 1.25 * 2 / 1000)
    assert set(table["part"]) == {"train", "val", "test"}


def test_a_case_without_a_twin_is_refused(make, parts):
    with pytest.raises(ValueError, match="Expected every case beside its twin"):
        make(twins=parts[2][:-1])


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_alpha_outside_its_range_is_refused(make, alpha):
    with pytest.raises(ValueError, match=r"Expected `alpha`.* in \[0, 1\]"):
        make(alpha)


def test_a_trainer_that_would_shard_twice_is_refused(make):
    data = make()
    data.trainer = SimpleNamespace(
        world_size=2, global_rank=0, _accelerator_connector=SimpleNamespace(use_distributed_sampler=True)
    )
    with pytest.raises(ValueError, match="use_distributed_sampler=false"):
        data.test_dataloader()


@pytest.fixture
def unpaired(parts):
    cohort, splits, twins, cache = parts
    own = [replace(twin, id=f"own{n}", patient=f"own{n}") for n, twin in enumerate(twins)]

    of_parts = Splits(tuple(own[:5]), tuple(own[5:6]), tuple(own[6:]))

    def _unpaired(alpha=0.4, own=of_parts, **arguments):
        defaults = dict(seed=0, steps_per_epoch=2, patch_size=(8, 8, 8), batch_size=2)
        return SegmentationDataModule(cohort, splits, unpaired=own, cache=cache, alpha=alpha, **defaults | arguments)

    return _unpaired


def test_cases_without_twins_are_mixed_by_count_and_numbered_on_their_own(unpaired):
    data = unpaired()
    assert [len(ids) for ids in data.drawn["train"].values()] == [2, 3]
    real, synthetic = ([int(batch["case"]) for batch in loader] for loader in data.test_dataloader())
    assert (real, synthetic) == ([0, 1, 2], [0, 1, 2, 3])
    assert data.n_scored == 4
    assert [[number for number, _ in cases] for cases in data.scored_cases.values()] == [real, synthetic]
    assert data.facts["paired"] is False
    assert data.facts["synthetic_cases"] == {"train": 5, "val": 1, "test": 4}


def test_label_maps_of_cases_without_twins_are_measured_too(unpaired, make):
    assert set(unpaired().volumes()["source"]) == {"real", "synthetic"}
    assert set(make().volumes()["source"]) == {"real"}


def test_a_set_without_test_cases_is_trained_on_all_the_same(unpaired):
    data = unpaired(own=replace(Splits(*(unpaired().parts[p][1] for p in ("train", "val", "test"))), test=()))
    assert len(data.test_dataloader()) == 1
    assert data.n_scored == 3


def test_a_set_that_cannot_be_validated_on_is_refused(unpaired):
    own = replace(Splits(*(unpaired().parts[part][1] for part in ("train", "val", "test"))), val=())
    with pytest.raises(ValueError, match=r"Expected cases to validate on.*The synthetic set has 0 validation cases"):
        unpaired(0.0, own=own, val="synthetic")
    with pytest.raises(ValueError, match=r"Expected data.val_pairs=false, since the synthetic cases are the twins of"):
        unpaired(val_pairs=True)

"""The datamodule of images trains on the mix in the same order whoever asks, and scores every case and its twin."""

import itertools
import pickle
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import DataLoader

from synthtrust.cases import CaseError, Source, Splits, split
from synthtrust.data import Affine, ClassificationDataModule
from synthtrust.refusals import Refusal
from synthtrust.testing import tiny_classes, tiny_findings


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    cohort = tiny_classes(folder / "real", count=40)
    twins = [replace(case, source=Source.SYNTHETIC) for case in tiny_classes(folder / "twins", count=40, seed=3).cases]
    return cohort, split(cohort.cases, test=11, val=9), twins, folder / "cache"


@pytest.fixture
def make(parts):
    cohort, splits, twins, cache = parts

    def _make(alpha=0.4, splits=splits, twins=twins, cohort=cohort, **arguments):
        defaults = dict(seed=0, steps_per_epoch=3, batch_size=4, augment=Affine(flip=[1]))
        return ClassificationDataModule(cohort, splits, twins, cache=cache, alpha=alpha, **defaults | arguments)

    return _make


def of_their_own(cases):
    """Return cases as those of a set whose cases are the twins of none."""
    return tuple(
        replace(case, id=f"syn_{case.id}", patient=f"syn_{case.id}", source=Source.SYNTHETIC) for case in cases
    )


def on_rank(data, rank=0, world=1, step=0):
    """Pretend to be one of several ranks, some steps into the training."""
    data.trainer = SimpleNamespace(
        world_size=world, global_rank=rank, global_step=step, accumulate_grad_batches=1,
        _accelerator_connector=SimpleNamespace(use_distributed_sampler=False),
        strategy=SimpleNamespace(root_device=torch.device("cpu")),
    )  # fmt: skip
    return data


@pytest.mark.parametrize("alpha", [0.0, 0.4, 1.0])
def test_every_mix_is_trained_for_as_many_steps_on_as_many_of_each_class(make, alpha):
    data = make(alpha)
    assert [len(batch["image"]) for batch in data.train_dataloader()] == [4, 4, 4]
    assert data.class_counts == make(1.0).class_counts
    assert len(data.drawn["train"]["real"]) == round(alpha * 20)


@pytest.mark.parametrize("mode", ["additive", "real_only", "duplicate_real"])
def test_training_on_real_cases_is_chosen_on_real_cases_whatever_stands_beside_them(make, mode):
    """What twins add is asked of the same checkpoint rule as TRTR, else the rule is what is measured."""
    drawn = make(0.5, mode=mode).drawn["val"]
    assert len(drawn["real"]) == 9
    assert not drawn["synthetic"]
    assert make(0.0, mode="additive", val="real").drawn["val"]["real"]  # no leak: all real cases are trained on


@pytest.mark.parametrize(("alpha", "sources"), [(1.0, {0: "real", 1: "synthetic"}), (0.0, {0: "synthetic", 1: "real"})])
def test_a_confounded_mix_takes_the_source_of_a_case_from_its_class(make, alpha, sources):
    data = make(alpha, mode="confounded")
    for cases in (data.train_cases, data.val_cases):
        assert {case.class_index: str(case.source.value) for case in cases} == sources
    assert data.class_counts == make(1.0).class_counts
    first, second = data.classes
    assert data.facts["confounded"] == {"of": "class", "first": [first], "second": [second]}
    assert "confounded" not in make(alpha).facts


def test_findings_cannot_be_confounded(tmp_path):
    cohort = tiny_findings(tmp_path / "real", count=30)
    twins = [replace(case, source=Source.SYNTHETIC) for case in cohort.cases]
    parts = split(cohort.cases, test=8, val=6)
    with pytest.raises(Refusal, match=r"Expected cases with classes for data\.mode=confounded"):
        ClassificationDataModule(
            cohort, parts, twins, cache=tmp_path, alpha=0.5, seed=0, steps_per_epoch=1, mode="confounded"
        )


@pytest.mark.parametrize("options", [dict(alpha=1.0), dict(alpha=0.5, mode="additive")], ids=str)
def test_real_training_is_not_chosen_on_twins(make, options):
    with pytest.raises(ValueError, match=r"Expected data.val=mix or real for training on real cases .* got synthetic"):
        make(val="synthetic", **options)


def test_images_come_with_their_own_class_and_from_their_own_source(make, parts):
    data = make(augment=None, batch_size=20, steps_per_epoch=1)
    (batch,) = data.train_dataloader()
    (twins,) = make(0.0, augment=None, batch_size=20, steps_per_epoch=1).train_dataloader()
    table = {source: data._tables[source] for source in Source}
    shown = {
        (case.class_index, table[case.source].images[table[case.source].row[case.id]].tobytes())
        for case in data.train_cases
    }
    seen = {(int(label), image.half().numpy().tobytes()) for image, label in zip(batch["image"], batch["label"])}
    assert seen == shown
    assert len(shown) == 20
    assert not torch.equal(batch["image"], twins["image"])


def test_a_resumed_run_trains_on_the_same_batches(make):
    whole = list(on_rank(make(steps_per_epoch=6)).train_dataloader())
    resumed = list(on_rank(make(steps_per_epoch=3), step=3).train_dataloader())
    for expected, batch in zip(whole[3:], resumed, strict=True):
        torch.testing.assert_close(batch, expected, rtol=0, atol=0)


def test_two_ranks_train_together_on_what_one_trains_on(make):
    alone = next(iter(on_rank(make(batch_size=8)).train_dataloader()))
    two = [next(iter(on_rank(make(batch_size=4), rank, 2).train_dataloader())) for rank in (0, 1)]
    for key in ("image", "label"):
        together = torch.stack([batch[key] for batch in two], dim=1).flatten(0, 1)
        torch.testing.assert_close(together, alone[key])


def test_loader_processes_change_nothing(make):
    alone, helped = (list(make(num_workers=n).train_dataloader()) for n in (0, 2))
    torch.testing.assert_close(alone, helped, rtol=0, atol=0)


def test_images_can_be_sent_to_loader_processes_that_are_not_forked(make):
    draws = make().train_dataloader().dataset
    torch.testing.assert_close(pickle.loads(pickle.dumps(draws))[[3, 5]], draws[[3, 5]], rtol=0, atol=0)


@pytest.mark.parametrize("world", [1, 2, 3])
def test_every_test_case_and_its_twin_is_scored_with_its_number_on_equally_many_batches(make, world):
    by_rank = [on_rank(make(), rank, world).test_dataloader() for rank in range(world)]
    for source, loaders in enumerate(zip(*by_rank, strict=True)):
        batches = [list(loader) for loader in loaders]
        assert len({len(of_rank) for of_rank in batches}) == 1
        numbers = torch.cat([batch["case"] for of_rank in batches for batch in of_rank])
        assert sorted(set(numbers.tolist())) == list(range(11))
        assert all((batch["synthetic"] == bool(source)).all() for of_rank in batches for batch in of_rank)


def test_validation_is_on_the_mix(make):
    data = make(0.4, batch_size=9)
    (batch,) = data.val_dataloader()
    assert batch["case"].tolist() == list(range(9))
    assert batch["label"].tolist() == [case.class_index for case in data.val_cases]
    assert batch["synthetic"].tolist() == [case.source is Source.SYNTHETIC for case in data.val_cases]
    assert isinstance(data.val_dataloader(), DataLoader)


def test_the_checkpoint_of_synthetic_training_is_not_chosen_on_real_cases_unless_allowed(make):
    with pytest.raises(ValueError, match=r"Expected data.val=mix or synthetic at alpha=0.4.*data.allow_real_val=true"):
        make(0.4, val="real")
    assert make(0.4, val="real", allow_real_val=True).facts["val"] == "real"
    assert make(1.0, val="real").drawn["val"] == make(1.0).drawn["val"]


def test_one_class_alone_is_refused(make, parts):
    _, splits, _, _ = parts
    healthy = tuple(case for case in splits.val if case.class_index == 0)
    with pytest.raises(ValueError, match=r"validation cases of at least two classes.* but got healthy alone"):
        make(splits=replace(splits, val=healthy))
    learned = tuple(case for case in splits.train if case.class_index == 1)
    for alpha in (0.0, 1.0):
        with pytest.raises(ValueError, match=r"training cases of at least two classes.* but got sick alone"):
            make(alpha, splits=replace(splits, train=learned))
    with pytest.raises(ValueError, match="test cases of at least two classes"):
        make(splits=replace(splits, test=tuple(case for case in splits.test if case.class_index == 1)))


def test_a_class_without_a_case_is_named_and_kept(make, parts, caplog):
    labels = {"healthy": 0, "sick": 1, "odd": 2}
    data = make(cohort=replace(parts[0], labels=labels))
    assert data.facts["missing_classes"] == {part: ["odd"] for part in ("train", "val", "test", "synthetic")}
    assert data.class_counts[2] == 0
    assert "No train case is of class odd" in caplog.text


def test_a_class_that_the_twins_lack_is_tested_on_and_keeps_its_numbers(tmp_path, caplog):
    cohort = tiny_classes(tmp_path / "real", count=60, classes=("a", "b", "c"))
    twins = [replace(case, source=Source.SYNTHETIC) for case in tiny_classes(tmp_path / "twins", 60, "abc").cases]
    painted = [twin for twin in twins if twin.class_index != 1]
    splits = split(cohort.cases, test=15, val=9)
    mixing = dict(cache=tmp_path / "cache", seed=0, steps_per_epoch=3, batch_size=4)
    data = ClassificationDataModule(cohort, splits, painted, alpha=0.0, **mixing)
    assert data.facts["missing_classes"] == {"train": ["b"], "val": ["b"], "synthetic": ["b"]}
    assert data.without_twin == {case.id for case in cohort.cases if case.class_index == 1}
    assert data.class_counts[1] == 0
    assert "No synthetic case is of class b" in caplog.text
    real, synthetic = (torch.cat([batch["case"] for batch in loader]) for loader in data.test_dataloader())
    assert real.tolist() == list(range(15))
    assert synthetic.tolist() == [n for n, case in enumerate(data.test_cases) if case.class_index != 1]
    assert ClassificationDataModule(cohort, splits, painted, alpha=1.0, **mixing).class_counts[1] > 0
    with pytest.raises(ValueError, match="beside its twin, but these have none"):
        ClassificationDataModule(cohort, splits, painted[1:], alpha=0.0, **mixing)
    with pytest.raises(ValueError, match=r"synthetic test cases of at least two classes.* but got a alone"):
        ClassificationDataModule(cohort, splits, [twin for twin in twins if twin.class_index == 0], alpha=1.0, **mixing)


def test_a_twin_of_another_class_is_refused(make, parts):
    twins = [replace(twin, class_index=1 - twin.class_index) if twin.id == "scan_007" else twin for twin in parts[2]]
    with pytest.raises(CaseError, match=r"class of their real cases, but these differ: \['scan_007'\]"):
        make(twins=twins)


def test_twins_of_another_size_are_refused_unless_a_size_is_set(make, parts, tmp_path):
    twins = [replace(c, source=Source.SYNTHETIC) for c in tiny_classes(tmp_path, count=40, size=(20, 20)).cases]
    with pytest.raises(CaseError, match=r"twins of the size of real images, but got .*Set data.size"):
        make(twins=twins).setup()
    assert make(twins=twins, size=12).input_size == (12, 12)


def test_the_class_of_every_real_case_stands_in_a_table(make, parts):
    table = make().tables()["classes"]
    assert list(table.columns) == ["case", "patient", "part", "source", "class"]
    assert dict(zip(table["case"], table["class"])) == {
        case.id: ("healthy", "sick")[case.class_index] for case in parts[0].cases
    }


@pytest.fixture
def unpaired(parts, tmp_path):
    """Return the maker of a mix with 24 synthetic training cases, two in three of them of the first class."""
    cohort, splits, _, cache = parts
    own = tiny_classes(tmp_path / "own", count=72, seed=5).cases
    skewed = [case for n, case in enumerate(own) if case.class_index == 0 or n % 4 == 1]
    synthetic = of_their_own(skewed)
    divided = Splits(synthetic[:24], synthetic[24:33], synthetic[33:45])

    def _unpaired(alpha=0.0, **arguments):
        defaults = dict(seed=0, steps_per_epoch=3, batch_size=4)
        return ClassificationDataModule(
            cohort, splits, unpaired=divided, cache=cache, alpha=alpha, **defaults | arguments
        )

    return _unpaired


def test_classes_without_twins_are_mixed_by_count_and_nested(unpaired):
    def drawn(**options):
        return {source: set(ids) for source, ids in unpaired(**options).drawn["train"].items()}

    arms = [drawn(alpha=alpha) for alpha in (0.0, 0.25, 0.5, 1.0)]
    assert [len(arm["synthetic"]) for arm in arms] == [20, 15, 10, 0]
    assert [len(arm["real"]) for arm in arms] == [0, 5, 10, 20]
    for more, fewer in itertools.pairwise(arms):
        assert fewer["synthetic"] <= more["synthetic"]
        assert more["real"] <= fewer["real"]
    added = [drawn(mode="additive", n_real=8, n_synthetic=n) for n in (6, 24)]
    assert [(len(arm["real"]), len(arm["synthetic"])) for arm in added] == [(8, 6), (8, 24)]
    assert added[0]["synthetic"] <= added[1]["synthetic"]
    with pytest.raises(Refusal, match=r"data\.n_synthetic of at most 24"):
        unpaired(n_synthetic=25)


def test_the_balance_of_a_set_is_not_that_of_real_cases_and_is_stated(unpaired):
    facts = unpaired(n_synthetic=24).facts
    synthetic = facts["drawn_classes"]["synthetic"]
    assert list(synthetic.values()) == [16, 8]
    assert facts["drawn_classes"]["real"] == dict.fromkeys(synthetic, 0)
    real = unpaired(1.0).facts["drawn_classes"]["real"]
    assert sum(real.values()) == 20
    assert (facts["paired"], facts["synthetic_cases"]) == (False, {"train": 24, "val": 9, "test": 12})


def test_classes_of_a_set_of_its_own_are_counted_beside_the_real_ones(unpaired, make):
    table = unpaired().tables()["classes"]
    assert table.groupby(["part", "source"]).size().to_dict() == {
        ("train", "real"): 20, ("train", "synthetic"): 24, ("val", "real"): 9, ("val", "synthetic"): 9,
        ("test", "real"): 11, ("test", "synthetic"): 12,
    }  # fmt: skip
    assert set(make().tables()["classes"]["source"]) == {"real"}
    numbers = [batch["case"].tolist() for loader in unpaired().test_dataloader() for batch in loader]
    assert sorted(itertools.chain(*numbers)) == sorted([*range(11), *range(12)])


def test_findings_of_a_set_of_its_own_are_mixed_too(tmp_path):
    cohort = tiny_findings(tmp_path / "real", count=30)
    splits = split(cohort.cases, test=8, val=8)
    own = of_their_own(tiny_findings(tmp_path / "own", count=40, seed=1).cases)
    divided = Splits(own[:24], own[24:32], own[32:])
    data = ClassificationDataModule(
        cohort, splits, unpaired=divided, cache=tmp_path, alpha=0.0, seed=0, steps_per_epoch=1, batch_size=4
    )
    assert len(data.train_cases) == 14
    assert len(data.tables()["classes"]) == 70 * len(cohort.labels)

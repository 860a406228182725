"""The datamodule of images trains on the mix in the same order whoever asks, and scores every case and its twin."""

import pickle
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import DataLoader

from synthtrust.cases import CaseError, Source, split
from synthtrust.data import Affine, ClassificationDataModule
from synthtrust.testing import tiny_classes


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

"""A set that was received reads no file outside of its folder, unless its user says that the links are his own."""

from dataclasses import replace
from pathlib import Path

import pytest
from hydra.utils import get_class
from omegaconf import OmegaConf

from synthtrust.cases import CaseError, read_brats, read_manifest
from synthtrust.generators import ClassFolder, Replay, synthesize
from synthtrust.generators.importer import Importer
from synthtrust.plugins import conf_dir
from synthtrust.testing import tiny_classes, tiny_cohort


def moved_out(file, elsewhere):
    """Move a file elsewhere, and leave a link to it."""
    elsewhere.mkdir(exist_ok=True)
    target = file.rename(elsewhere / file.name)
    file.symlink_to(target)
    return target


def test_a_received_set_does_not_lead_out_of_its_folder(tmp_path):
    cohort = tiny_classes(tmp_path / "real", count=6)
    names = dict(zip(cohort.labels.values(), cohort.labels, strict=True))
    for case in tiny_classes(tmp_path / "others", count=6, seed=1).cases:
        (image,) = case.images.values()
        home = tmp_path / "received" / names[case.class_index]
        home.mkdir(parents=True, exist_ok=True)
        file = image.rename(home / image.name)
    importer = ClassFolder(root=str(tmp_path / "received"))
    whole = synthesize(importer, cohort, cohort.cases, cohort.cases, tmp_path / "whole").folder
    target = moved_out(file, tmp_path / "own")
    with pytest.raises(CaseError, match=rf"{file} leads to {target}.*generator\.follow_links=true"):
        synthesize(importer, cohort, cohort.cases, cohort.cases, tmp_path / "linked")
    assert not (tmp_path / "linked").exists()
    followed = replace(importer, follow_links=True)
    linked = synthesize(followed, cohort, cohort.cases, cohort.cases, tmp_path / "linked").folder
    assert linked.name == whole.name  # the same content, however it is reached


def test_the_files_of_a_manifest_are_in_its_folder(tmp_path):
    cohort = tiny_cohort(tmp_path / "real", count=2)
    folder = synthesize(Replay(), cohort, cohort.cases, cohort.cases, tmp_path / "sets").folder
    linked = tmp_path / "linked"
    linked.symlink_to(folder)  # as on another disk
    assert len(read_manifest(linked, verify=True).cases) == 2
    file = sorted(folder.rglob("*.nii.gz"))[0]
    target = moved_out(file, tmp_path / "own")
    with pytest.raises(CaseError, match=rf"leads to {target}, outside of it, which was not followed"):
        read_manifest(folder)
    assert len(read_manifest(folder, verify=True, follow_links=True).cases) == 2


def test_every_importer_has_the_option():
    importers = []
    for file in (Path(conf_dir()) / "generator").glob("*.yaml"):
        config = OmegaConf.load(file)
        if "_target_" in config and issubclass(get_class(config["_target_"]), Importer):
            importers.append(file.stem)
            assert config.follow_links is False, file
    assert len(importers) >= 5


def test_a_cohort_of_ones_own_may_be_made_of_links(tmp_path):
    """Case folders that are links into a store are common, and who names cases.root has chosen them."""
    store = tiny_cohort(tmp_path / "store", count=2)
    root = tmp_path / "root"
    root.mkdir()
    for case in store.cases:
        home = Path(next(iter(case.images.values()))).parent
        (root / home.name).symlink_to(home)
    assert len(read_brats(root, modalities=list(store.modalities)).cases) == 2

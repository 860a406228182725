"""A generator's `auto` is the precision that is quick on the machine: said in the manifest, and no part of the name."""

import pytest

from synthtrust.cases import load_manifest
from synthtrust.generators import ClassDiffusion, SpadeGAN, synthesize
from synthtrust.testing import tiny_classes

TINY = dict(channels=(8, 8), num_res_blocks=1, timesteps=20, sampling_steps=2, max_steps=1, batch_size=4)


@pytest.fixture
def cohort(tmp_path):
    return tiny_classes(tmp_path / "real", count=4)


def painted(cohort, root, **changes):
    """Return the folder of the set, and what its manifest says."""
    twins = synthesize(ClassDiffusion(**TINY | changes), cohort, cohort.cases, cohort.cases, root)
    folder = next(iter(twins.cases[0].images.values())).parent
    return folder, load_manifest(folder)


def test_a_set_has_one_name_on_all_machines_and_says_what_it_was_painted_in(cohort, tmp_path, quick):
    named = set()
    for precision in ("32-true", "bf16-mixed"):
        quick(precision)
        folder, record = painted(cohort, tmp_path / precision, precision="auto")
        assert record["made_by"]["parameters"]["precision"] == "auto"
        assert record["made_on"]["precision"] == precision
        assert precision in (folder / "card.md").read_text()
        named.add(folder.name)
    assert len(named) == 1
    quick("32-true")  # the other machine finds the set of this one
    assert painted(cohort, tmp_path / "bf16-mixed", precision="auto")[1] == record


def test_a_set_whose_precision_is_asked_for_has_a_name_of_its_own(cohort, tmp_path, quick):
    quick("bf16-mixed")
    auto, asked = (painted(cohort, tmp_path / "sets", precision=precision) for precision in ("auto", "32-true"))
    assert auto[0].name != asked[0].name
    assert asked[1]["made_on"]["precision"] == "32-true"


def test_a_training_goes_on_in_the_precision_it_was_begun_in(cohort, tmp_path, quick, caplog):
    quick("32-true")
    begun = ClassDiffusion(**TINY, precision="auto").work_in(tmp_path).fit(cohort.cases)
    assert begun.precision_ == "32-true"
    quick("bf16-mixed")
    assert ClassDiffusion(**TINY, precision="auto").work_in(tmp_path).fit(cohort.cases).precision_ == "32-true"
    assert "goes on in 32-true, as it was begun; this machine would choose bf16-mixed" in caplog.messages[-1]


def test_the_presets_choose_by_themselves(composed):
    for name in ("brain_diffusion", "spade_gan", "spade_gan_small", "class_diffusion", "class_diffusion_small"):
        assert composed("train", f"generator={name}", "data=images").generator.precision == "auto"
    assert SpadeGAN().precision == "auto"

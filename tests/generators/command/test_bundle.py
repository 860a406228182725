"""A bundle in the layout of MONAI's model zoo paints by its own inference config."""

import json
import sys

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.networks.nets import UNet

from synthtrust.cases import Refusal
from synthtrust.generators import Bundle, synthesize
from synthtrust.generators.synthesis.recipe import recipe_of
from synthtrust.testing import tiny_cohort

NETWORK = {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "channels": [4, 8], "strides": [2]}
MODALITIES = ("t1", "t2")
READ = [
    {"_target_": "LoadImage", "image_only": True},
    {"_target_": "EnsureChannelFirst"},
    {"_target_": "DivisiblePad", "k": 2},
]
SAVE = "$[monai.transforms.SaveImage(output_dir=@out, output_postfix=m, separate_folder=False, print_log=False)"
INFERENCE = {
    "imports": ["$import monai", "$import torch"],
    "label": "label.nii.gz",
    "out": ".",
    "seed": 0,
    "network_def": {"_target_": "UNet", **NETWORK},
    "weights": "$@network_def.load_state_dict(torch.load(@bundle_root + '/models/model.pt', weights_only=True))",
    "read": {"_target_": "Compose", "transforms": READ},
    "image": "$torch.no_grad()(lambda label: @network_def(label[None])[0])(@read(@label))",
    "save": f"{SAVE}(@image[n : n + 1]) for n, m in enumerate({list(MODALITIES)})]",
    "initialize": ["$monai.utils.set_determinism(int(@seed))", "@weights"],
    "run": ["$@save"],
}


@pytest.fixture
def bundle(tmp_path):
    """Return the folder of a bundle with a tiny network."""
    root = tmp_path / "bundle"
    for folder in ("configs", "models"):
        (root / folder).mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(UNet(**NETWORK).state_dict(), root / "models" / "model.pt")
    (root / "configs" / "inference.json").write_text(json.dumps(INFERENCE))
    (root / "configs" / "metadata.json").write_text(json.dumps({"version": "0.0.1", "monai_version": "1.6.1"}))
    return root


@pytest.mark.slow
def test_a_bundle_paints_with_its_own_weights(bundle, tmp_path):
    cohort = tiny_cohort(tmp_path / "real", count=1, modalities=MODALITIES)
    generator = Bundle(root=str(bundle), python=sys.executable, images="label_{modality}.nii.gz")
    twins = synthesize(generator, cohort, cohort.cases, cohort.cases, tmp_path / "synthetic")
    network = UNet(**NETWORK)
    network.load_state_dict(torch.load(bundle / "models" / "model.pt", weights_only=True))
    (twin,) = twins.cases
    label = torch.as_tensor(nib.load(twin.label_map).get_fdata(), dtype=torch.float32)  # turned as the program got it
    with torch.no_grad():
        expected = network(label[None, None])[0].numpy()
    for n, modality in enumerate(MODALITIES):
        painted = nib.load(twin.images[modality]).get_fdata()
        assert np.corrcoef(painted.ravel(), expected[n].ravel())[0, 1] > 0.99  # within what whole numbers round


def test_the_recipe_is_the_content_of_the_bundle_wherever_it_lies(bundle, tmp_path):
    cohort = tiny_cohort(tmp_path / "real", count=1, modalities=MODALITIES)

    def recipe(root, **options):
        return recipe_of(Bundle(root=str(root), **options), cohort.cases, cohort.cases)

    first = recipe(bundle)
    moved = bundle.rename(tmp_path / "moved")
    assert recipe(moved, python="elsewhere/python") == first
    assert recipe(moved, arguments={"label": "{label}", "out": "{out}"}) != first
    (moved / "models" / "model.pt").write_bytes(b"other weights")
    assert recipe(moved) != first


def test_what_is_no_bundle_is_refused(bundle, tmp_path):
    with pytest.raises(Refusal, match=r"Expected a bundle with configs/inference.json at generator.root"):
        Bundle(root=str(tmp_path)).fit(tiny_cohort(tmp_path / "real", count=1).cases)
    with pytest.raises(Refusal, match=r"Expected \{out\}, the folder to write the images of a case to"):
        Bundle(root=str(bundle), arguments={"label": "{label}"})

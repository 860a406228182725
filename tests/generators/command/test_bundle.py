"""A bundle in the layout of MONAI's model zoo paints by its own inference config, through ``generator=command``."""

import json
import sys

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.networks.nets import UNet

from synthtrust.generators import Command, synthesize
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
RUN = """
import sys
from monai.bundle import run
root, label, out, seed = sys.argv[1:]
run(bundle_root=root, config_file=root + "/configs/inference.json", label=label, out=out, seed=seed)
"""
"""What ``python -m monai.bundle run`` calls; its command line needs the package fire, which is not installed here."""


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
    generator = Command(
        command=[sys.executable, "-c", RUN, str(bundle), "{label}", "{out}", "{seed}"],
        images="label_{modality}.nii.gz",
        depends_on=[str(bundle / "configs" / "inference.json"), str(bundle / "models" / "model.pt")],
    )
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

"""Compares samplers on the same weights: processor time of a twin, mean and spread of intensities in each region.

    python docs/studies/samplers.py experiment=brats_2mm generator=brain_diffusion generator.seed=0 cases.root=DIR

trains the generator, or goes on with the checkpoint in ``samplers/``, and paints the test cases' labels.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from hydra import compose, initialize_config_dir

from synthtrust.runs import make, read_cases

SAMPLERS = {
    "DDPM, 250": ("ddpm", None, 0),
    "DDPM, 250, another seed": ("ddpm", None, 1),
    "DDIM, 20": ("ddim", 20, 0),
    "DPM-Solver++, 20": ("dpm_solver", 20, 0),
    "SDE-DPM-Solver++, 20": ("sde_dpm_solver", 20, 0),
}
"""Name -> sampler, steps (None for all), seed."""
FEW = 8  # test cases


def main() -> None:
    """Print one row per sampler, region and modality."""
    conf = Path(__file__).parents[2] / "conf"
    with initialize_config_dir(str(conf), version_base="1.3"):
        cfg = compose("train", overrides=sys.argv[1:])
    cohort = read_cases(cfg).validated()
    parts = make(cfg.split)(cohort.cases)
    generator = make(cfg.generator).work_in("samplers").fit(parts.train)
    rows = []
    for number, case in enumerate(parts.test[:FEW]):
        label = case.load_label()
        images = {"real": {name: case.load_image(name) for name in case.images}}
        for name, (generator.sampler, generator.sampling_steps, seed) in SAMPLERS.items():
            start = time.process_time()
            images[name] = generator.sample(label, np.random.default_rng((seed, number)))
            rows.append({"source": name, "region": "all", "modality": "all", "seconds": time.process_time() - start})
        regions = {"brain without label": 0, **cohort.labels}
        for source, painted in images.items():
            for region, value in regions.items():
                for modality, image in painted.items():
                    if region == "brain without label":
                        rows.append({"source": source, "region": "all", "modality": modality,
                                     "gradient": np.abs(np.diff(image, axis=0)).mean()})  # fmt: skip
                    brain = image[image != 0]
                    inside = image[(label == value) & (image != 0)]
                    if inside.size:
                        unit = (inside - brain.mean()) / brain.std()
                        rows.append({"source": source, "region": region, "modality": modality,
                                     "mean": unit.mean(), "sd": unit.std()})  # fmt: skip
    table = pd.DataFrame(rows).groupby(["region", "modality", "source"], sort=False).mean().round(2)
    sys.stdout.write(table.to_string() + "\n")


if __name__ == "__main__":
    main()

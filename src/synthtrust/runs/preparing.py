"""What runs of a study wait for, made beforehand: the synthetic set and the preprocessed cases."""

import logging

from omegaconf import DictConfig

from synthtrust.quiet import quiet_libraries
from synthtrust.runs.build import build_data, check_choices, spell_out_ids

log = logging.getLogger(__name__)


def prepare_run(cfg: DictConfig) -> None:
    """Paint the synthetic set of a run, or find it, and preprocess the cases of every part; train nothing.

    All runs with these cases, this split and this generator then find both, whatever their mix, network and steps.

    Raises:
        CaseError: If the cohort or a case cannot be used.
        Refusal: If the config cannot work.
    """
    quiet_libraries()
    check_choices(cfg)
    spell_out_ids(cfg)
    data = build_data(cfg)
    data.prepare_data()
    real, synthetic = (sum(len(part[source]) for part in data.parts.values()) for source in (0, 1))
    log.info(
        "Prepared: %d real and %d synthetic cases in %s; the set is %s", real, synthetic, cfg.paths.cache,
        data.twins_folder,
    )  # fmt: skip

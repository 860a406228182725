"""Addresses of remote storage, which are no paths: what lies there is mounted first."""

import re
from collections.abc import Iterator

from omegaconf import DictConfig

from synthtrust.door.rules import PATHS, Values
from synthtrust.refusals import Refusal

WRITTEN = (
    "paths.cases", "paths.synthetic", "paths.cache", "paths.runs", "paths.reports", "runs", "folder", "export.root",
    "cases.save_refused", "holdout_ids", "plan.pilot",
)  # fmt: skip
"""Keys whose text is the path of a file or folder that need not exist, or may be a list of them."""

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:{1,2}//")


def refuse_addresses(cfg: DictConfig) -> None:
    """Refuse the first path that is an address, such as ``s3://bucket/cases``.

    Raises:
        Refusal: If there is one.
    """
    values = Values(cfg)
    for key in (*PATHS, *WRITTEN):
        for text in _texts(values.get(key)):
            if ADDRESS.match(text):
                raise Refusal(
                    f"Expected the path of a file or folder at {key}, but got the address {text!r}. Mount it (for "
                    "example with s3fs, gcsfuse or rclone mount) and give the path where it is mounted."
                )


def _texts(value: object) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str):
            yield item

"""A tiny study, as commands and as what it leaves: what two of them must have in common, bit for bit."""

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import torch

from soak.processes import command

TINY = (
    "cases.n_cases=6", "cases.shape=[16,16,16]", "model=unet", "model.net.channels=[4,8]", "model.net.strides=[2]",
    "data.patch_size=[16,16,16]", "steps=4", "val_every=2", "split.test=2", "split.val=1", "generator=replay",
    "duplicates=allow", "trainer.enable_progress_bar=false", "trainer.accelerator=cpu", "threads=1",
)  # fmt: skip
RUNS = ("alpha_0.0_seed_0", "alpha_1.0_seed_0")


def train(*words: str) -> Callable[[], str]:
    """Return what trains the study."""
    return command("train.py", *TINY, "alpha=0.0,1.0", *words, "-m")


def evaluate() -> Callable[[], str]:
    """Return what writes the page of the study."""
    return command("evaluate.py", "runs=runs/train", "audit=[trust,utility]", "pictures=0", "threads=1")


def contents(folder: Path) -> dict[str, str]:
    """Return what must be the same in two studies of one kind: scores, draws, weights, twins, cache and verdicts."""
    kinds: dict[str, Callable[[bytes], bytes]] = {
        "runs/**/*.csv": bytes, "runs/**/data.json": _anywhere, "synthetic/*/*/*.nii.gz": gzip.decompress,
        "cases/*/*/*.nii.gz": gzip.decompress, "cache/*/*/*.npy": bytes, "cache/*/*/facts.json": bytes,
        "reports/*/report.json": _verdicts,
    }  # fmt: skip
    found = {
        str(path.relative_to(folder)): hashlib.sha256(read(path.read_bytes())).hexdigest()
        for pattern, read in kinds.items()
        for path in sorted(folder.glob(pattern))
        if "logs" not in path.parts
    }
    checkpoints = sorted(folder.glob("runs/**/*.ckpt"))
    return found | {str(path.relative_to(folder)): _weights(path) for path in checkpoints}


def _weights(path: Path) -> str:
    state = torch.load(path, weights_only=True, map_location="cpu")["state_dict"]
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode() + state[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


def _verdicts(report: bytes) -> bytes:
    """Return the tables and the verdicts of a page without its date and its times."""
    facts = json.loads(report)
    return json.dumps([facts["tables"], facts["verdicts"]]).encode()


def _anywhere(data: bytes) -> bytes:
    """Return what a run says of its data without the folder that it lies in."""
    facts = json.loads(data)
    return json.dumps(facts | {"twins": Path(facts["twins"]).name}).encode()


def difference(found: dict[str, str], expected: dict[str, str]) -> str:
    """Return in words what two studies do not have in common; empty if they are the same."""
    missing = [name for name in expected if name not in found]
    other = [name for name in expected if name in found and found[name] != expected[name]]
    return "; ".join(
        f"{word} {len(names)}, first {names[0]}" for word, names in (("lacks", missing), ("differs in", other)) if names
    )

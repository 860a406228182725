"""What reads strangers' files: every layout and every format, on a few tiny cases."""

import json
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from helpers.plane_images import blobs, colourful, save, save_dicom
from soak.fuzz import Target
from synthtrust.cases import (
    Cohort,
    describe,
    load_manifest,
    read_brats,
    read_class_folders,
    read_manifest,
    read_medmnist,
    read_msd,
    read_nnunet,
    read_table,
    read_volume_table,
)
from synthtrust.cases.readers.unlabelled import read_unlabelled
from synthtrust.files import write_json
from synthtrust.generators import Replay, synthesize
from synthtrust.generators.synthesis.id_lists import read_ids
from synthtrust.runs.excluding import read_case_ids
from synthtrust.testing import save_nifti, tiny_cohort, tiny_findings

SHAPE = (12, 14, 16)
VALUES = {1: "NCR", 2: "ED", 4: "ET"}
LABELS = {"0": "background", "1": "NCR", "2": "ED", "3": "ET"}


def to_the_last_voxel(read: Callable[[], Cohort]) -> None:
    """Read a cohort as a command does: headers, then every voxel of every case that is left."""
    describe(read())


def _target(name: str, folder: Path, read: Callable[[], Cohort], pattern: str = "*") -> Target:
    files = sorted(path for path in folder.rglob(pattern) if path.is_file())
    return Target(name, files, partial(to_the_last_voxel, read))


def brats(folder: Path) -> Target:
    """Return cases of BraTS, compressed."""
    tiny_cohort(folder, 2, SHAPE)
    return _target("BraTS, .nii.gz", folder, lambda: read_brats(folder, modalities=("flair", "t1ce"), release="2021"))


def brats_unpacked(folder: Path) -> Target:
    """Return cases of BraTS, unpacked."""
    tiny_cohort(folder, 2, SHAPE, release="2020")
    return _target("BraTS, .nii", folder, lambda: read_brats(folder, modalities=("flair", "t1ce"), release="2020"))


def _volumes(folder: Path, n: int = 2) -> None:
    cohort = tiny_cohort(folder / "drawn", n, SHAPE)
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True)
    for k, case in enumerate(cohort.cases):
        save_nifti(folder / "imagesTr" / f"c_{k}_0000.nii.gz", case.load_image("flair"))
        save_nifti(folder / "labelsTr" / f"c_{k}.nii.gz", case.load_label())
    shutil.rmtree(folder / "drawn")


def msd(folder: Path) -> Target:
    """Return a task of the Medical Segmentation Decathlon."""
    _volumes(folder)
    for k in range(2):
        (folder / "imagesTr" / f"c_{k}_0000.nii.gz").rename(folder / "imagesTr" / f"c_{k}.nii.gz")
    entries = [{"image": f"./imagesTr/c_{k}.nii.gz", "label": f"./labelsTr/c_{k}.nii.gz"} for k in range(2)]
    facts = {"name": "X", "licence": "CC0", "modality": {"0": "FLAIR"}, "labels": LABELS, "training": entries}
    (folder / "dataset.json").write_text(json.dumps(facts))
    return _target("Decathlon, dataset.json", folder, lambda: read_msd(folder), "dataset.json")


def nnunet(folder: Path) -> Target:
    """Return a raw folder of nnU-Net."""
    _volumes(folder)
    labels = {name: int(value) for value, name in LABELS.items()}
    facts = {"channel_names": {"0": "FLAIR"}, "labels": labels, "numTraining": 2, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(facts))
    return _target("nnU-Net, dataset.json", folder, lambda: read_nnunet(folder), "dataset.json")


def volume_table(folder: Path) -> Target:
    """Return a table of volumes."""
    cohort = tiny_cohort(folder / "files", 3, SHAPE)
    rows = [
        ",".join(str(path.relative_to(folder)) for path in (*case.images.values(), case.label_map))
        for case in cohort.cases
    ]
    lines = ["case_id,flair,t1ce,label,parent", *(f"s{k},{row},p{k % 2}" for k, row in enumerate(rows))]
    (folder / "set.csv").write_text("\n".join(lines))
    return _target(
        "table of volumes", folder, lambda: read_volume_table(folder / "set.csv", ["flair", "t1ce"], VALUES), "set.csv"
    )


def itk(folder: Path) -> Target | None:
    """Return volumes of MetaImage and NRRD; None without SimpleITK."""
    try:
        import SimpleITK as sitk  # noqa: N813
    except ImportError:
        return None
    lines = ["case_id,flair,label"]
    for k, case in enumerate(tiny_cohort(folder / "drawn", 2, SHAPE).cases):
        for role, path, ending in (("flair", case.images["flair"], "mha"), ("label", case.label_map, "nrrd")):
            volume = sitk.ReadImage(str(path))
            for key in volume.GetMetaDataKeys():  # those of NIfTI
                volume.EraseMetaData(key)
            sitk.WriteImage(volume, str(folder / f"c{k}_{role}.{ending}"))
        lines.append(f"c{k},c{k}_flair.mha,c{k}_label.nrrd")
    shutil.rmtree(folder / "drawn")
    table = folder / "set.csv"
    table.write_text("\n".join(lines))
    return _target("MetaImage and NRRD", folder, lambda: read_volume_table(table, ["flair"], VALUES), "c*")


def _plane_images(folder: Path) -> list[str]:
    names = ["a.png", "b.jpg", "c.tif", "d.dcm", "e.webp", "f.bmp"]
    for k, name in enumerate(names):
        save_dicom(folder / name, blobs(k)) if name.endswith("dcm") else save(folder / name, blobs(k))
    return names


def images(folder: Path) -> Target:
    """Return images of every kind in a table, of which the images are mutated."""
    names = _plane_images(folder)
    rows = [f"c{k},{name},{('sick', 'well')[k % 2]}" for k, name in enumerate(names)]
    (folder / "set.csv").write_text("\n".join(["case_id,image,label", *rows]))
    return _target("PNG, JPEG, TIFF, DICOM, ...", folder, lambda: read_table(folder / "set.csv"), "?.*")


def table(folder: Path) -> Target:
    """Return a table of labelled images, of which the table is mutated."""
    names = _plane_images(folder)[:4]
    rows = [
        f"c{k},{name},{('sick', 'well')[k % 2]},p{k // 2},{('train', 'test')[k % 2]}" for k, name in enumerate(names)
    ]
    (folder / "set.csv").write_text("\n".join(["case_id,image,label,group,split", *rows]))
    return _target("table of images", folder, lambda: read_table(folder / "set.csv"), "set.csv")


def findings(folder: Path) -> Target:
    """Return a table of findings."""
    cohort = tiny_findings(folder / "images", 6)
    rows = [f"{case.id},images/{case.id}.png,{case.findings[0]},{case.findings[1]}" for case in cohort.cases]
    (folder / "set.csv").write_text("\n".join(["case_id,image,effusion,mass", *rows]))

    def read() -> Cohort:
        return read_table(folder / "set.csv", labels=["effusion", "mass"])

    return _target("table of findings", folder, read, "set.csv")


def class_folders(folder: Path) -> Target:
    """Return a folder for each class, with colour images."""
    for k in range(4):
        save(folder / ("sick", "well")[k % 2] / f"{k}.png", colourful(k))
    return _target("class folders", folder, lambda: read_class_folders(folder))


def medmnist(folder: Path) -> Target:
    """Return a file of MedMNIST."""
    rng, content = np.random.default_rng(0), {}
    for part, n in {"train": 5, "val": 2, "test": 3}.items():
        content[f"{part}_images"] = rng.integers(0, 256, (n, 9, 7), np.uint8)
        content[f"{part}_labels"] = (np.arange(n, dtype=np.uint8) % 2)[:, None]
    folder.mkdir(parents=True)
    file, unpacked = folder / "pneumoniamnist.npz", folder / "cases"
    np.savez(file, **content)

    def reset() -> None:
        shutil.rmtree(unpacked, ignore_errors=True)

    return Target("MedMNIST, .npz", [file], lambda: to_the_last_voxel(lambda: read_medmnist(file, unpacked)), reset)


def manifest(folder: Path) -> Target:
    """Return a synthetic set of this project, of which the manifest is mutated."""
    cohort = tiny_cohort(folder / "real", 2, SHAPE)
    painted = synthesize(Replay(), cohort, cohort.cases, cohort.cases, folder / "synthetic").folder
    write_json(painted / "manifest.json", load_manifest(painted))  # without the checksum, which would find each change
    return _target("manifest.json", painted, lambda: read_manifest(painted, verify=True), "manifest.json")


def unlabelled(folder: Path) -> Target:
    """Return images without labels."""
    for k in range(3):
        save(folder / f"{k}.png", blobs(k))
    return _target("images without labels", folder, lambda: read_unlabelled(folder, ("grey",), volumes=False))


def lists_of_ids(folder: Path) -> Target:
    """Return lists of ids, as lines and as a table."""
    folder.mkdir(parents=True)
    files = folder / "ids.txt", folder / "ids.csv"
    files[0].write_text("a\nb\n# c\nd\n")
    files[1].write_text("where,case,why\n/x,a,broken\n/y,b,broken\n")

    def read() -> None:
        for file in files:
            read_ids(file)
            read_case_ids(str(file))

    return Target("lists of ids", files, read)


SHARES: Mapping[Callable[[Path], Target | None], float] = {
    brats: 1, brats_unpacked: 1, msd: 1, nnunet: 1, volume_table: 1, itk: 1, images: 2, table: 1, findings: 1,
    class_folders: 1, medmnist: 1, manifest: 1, unlabelled: 0.5, lists_of_ids: 0.5,
}  # fmt: skip
"""Target -> how many of the mutated files it gets, beside the others."""


def readers(folder: Path) -> list[tuple[Target, float]]:
    """Return every target with its share, its files in a folder of its own."""
    made = [(make(folder / make.__name__), share) for make, share in SHARES.items()]
    return [(target, share) for target, share in made if target is not None]

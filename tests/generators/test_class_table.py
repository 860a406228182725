"""A table lists images of classes: each is a case under its own id, and children are of the patient of their parent."""

import pytest

from helpers.plane_images import blobs, save
from synthtrust.cases import CaseError, load_manifest
from synthtrust.generators import ClassTable, synthesize
from synthtrust.testing import tiny_classes, tiny_cohort, tiny_findings

CLASSES = ("healthy", "sick")


@pytest.fixture
def cohort(tmp_path):
    return tiny_classes(tmp_path / "real", count=12)


def listed(folder, rows, header="case_id,image,label,parent"):
    """Write an image and a row for each class and parent."""
    lines = []
    folder.mkdir()
    for n, (label, parent) in enumerate(rows):
        image = blobs(n, (16, 16))
        image[0, 0] = n
        save(folder / f"{n:02d}.png", image)
        lines.append(f"syn{n:02d},{n:02d}.png,{label},{parent}")
    (folder / "set.csv").write_text("\n".join([header, *lines]))
    return folder / "set.csv"


def imported(cohort, tmp_path, file, **options):
    importer = ClassTable(file=str(file), **options)
    return synthesize(importer, cohort, cohort.cases[:6], cohort.cases, tmp_path / "made")


def numbers(twins):
    return {twin.id: int(twin.load_image("grey")[0, 0]) for twin in twins.cases}


@pytest.mark.parametrize("labels", [("healthy", "sick"), ("0", "1.0")])
def test_classes_are_read_by_name_or_number(cohort, tmp_path, labels):
    file = listed(tmp_path / "set", [(labels[n % 2], "") for n in range(20)])
    own = imported(cohort, tmp_path, file)
    assert [case.class_index for case in own.cases] == [n % 2 for n in range(20)]


def test_every_image_is_taken_once_under_its_own_id(cohort, tmp_path):
    parents = ["scan_003", *[""] * 15]
    file = listed(tmp_path / "set", [(CLASSES[n % 2], parents[n]) for n in range(16)])
    own = imported(cohort, tmp_path, file, train_ids=["scan_001"])
    assert (len(own.cases), own.paired) == (16, False)
    assert numbers(own) == {f"syn{n:02d}": n for n in range(16)}
    assert [(case.parent, case.patient) for case in own.cases[:2]] == [("scan_003", "scan_003"), ("", "syn01")]
    record = load_manifest(own.folder)
    assert (record["paired"], record["mask_disclosure"], record["training_ids"]) == (False, False, ["scan_001"])
    card = " ".join((own.folder / "card.md").read_text().split())
    assert "an id of its own, and a class of its own. 1 were made from a real case" in card
    assert "twin" not in card.lower()


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (
            [("healthy", ""), ("ill", "")],
            r"classes among \['healthy', 'sick'\], .* but .*set\.csv has \['ill'\]. Rename",
        ),
        ([("healthy", ""), ("sick", "p7")], r"parents in .*set\.csv among .* but 'p7', the parent of syn01, is none"),
        ([("healthy", ""), ("7", "")], r"but .*set\.csv has \['7'\]"),
        ([("0", ""), ("7", "")], r"Expected labels below 2, as many as classes of the real cases, but got 7"),
        ([("healthy", ""), ("", "")], r"1 of .*set\.csv cannot, first .*01\.png: Expected a label for syn01"),
        ([("healthy", ""), ("healthy|sick", "")], r"several findings .*line 3 of .*Keep one class in each row"),
        ([], r"Expected images in .*set\.csv, but it has no rows"),
    ],
    ids=["class", "parent", "number among names", "number", "no label", "several", "empty"],
)
def test_a_table_that_cannot_serve_is_refused_in_one_line(cohort, tmp_path, rows, why):
    with pytest.raises(CaseError, match=why) as error:
        imported(cohort, tmp_path, listed(tmp_path / "set", rows))
    assert "\n" not in str(error.value)
    assert "cases." not in str(error.value).replace("real cases.", "")
    assert not list((tmp_path / "made").glob("*/manifest.json"))


def test_columns_and_images_may_be_called_otherwise_and_lie_elsewhere(cohort, tmp_path):
    file = listed(tmp_path / "set", [(CLASSES[n % 2], "") for n in range(4)], header="uid,path,dx,source")
    with pytest.raises(CaseError, match=r"Expected columns .* in generator\.columns"):
        imported(cohort, tmp_path, file)
    columns = {"case_id": "uid", "image": "path", "label": "dx", "parent": "source"}
    moved = file.rename(tmp_path / "set.csv")
    own = imported(cohort, tmp_path, moved, columns=columns, root=str(tmp_path / "set"))
    assert len(own.cases) == 4
    with pytest.raises(CaseError, match=r"4 of .*set\.csv cannot, first .*00\.png"):
        imported(cohort, tmp_path, moved, columns=columns)


def test_cases_with_label_maps_want_another_importer(tmp_path):
    with pytest.raises(CaseError, match="generator=labelled_set"):
        imported(tiny_cohort(tmp_path / "real", 3), tmp_path, listed(tmp_path / "set", [("healthy", "")]))


@pytest.mark.parametrize(
    ("header", "cells", "options"),
    [
        ("case_id,image,mass,effusion,parent", ["0,1", "1,1", ",0"], {}),
        ("case_id,image,label,parent", ["effusion", "mass|effusion", "No Finding"], {"separator": "|"}),
    ],
    ids=["columns", "words"],
)
def test_findings_are_read_in_the_order_of_the_real_cases(tmp_path, header, cells, options):
    real = tiny_findings(tmp_path / "real", 8)
    file = listed(tmp_path / "set", [(cell, "") for cell in cells], header)
    own = imported(real, tmp_path, file, **options)
    assert [case.findings for case in own.cases] == [(1, 0), (1, 1), (0, 0)]
    assert (own.task, own.paired, dict(own.labels)) == ("multilabel", False, dict(real.labels))


def test_findings_that_real_cases_lack_are_refused(tmp_path):
    real = tiny_findings(tmp_path / "real", 8)
    file = listed(tmp_path / "set", [("fracture", ""), ("mass", "")])
    with pytest.raises(CaseError, match="fracture"):
        imported(real, tmp_path, file, separator="|")
    with pytest.raises(CaseError, match=r"Expected columns \['effusion', 'mass'\] in .*set\.csv"):
        imported(real, tmp_path, file)


def test_images_that_are_patients_own_are_refused_until_declared(cohort, tmp_path):
    rows = [f"syn{n},{case.images['grey']},{CLASSES[case.class_index]}" for n, case in enumerate(cohort.cases)]
    (tmp_path / "set.csv").write_text("\n".join(["case_id,image,label", *rows]))
    with pytest.raises(CaseError, match=r"12 are images of real cases, .* generator\.patients_own=\[grey\]"):
        imported(cohort, tmp_path, tmp_path / "set.csv")
    own = imported(cohort, tmp_path, tmp_path / "set.csv", patients_own=["grey"])
    assert load_manifest(own.folder)["patients_own"]["declared"] == ["grey"]

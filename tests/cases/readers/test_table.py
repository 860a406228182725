"""A table of labelled images: what its rows say is what is read, and what is wrong with them is said."""

import re

import numpy as np
import pytest
from PIL import Image

from helpers.plane_images import blobs, colourful
from synthtrust.cases import CaseError, read_table
from synthtrust.testing import save_nifti

HEADER = "case_id,image,label"
ROWS = ("b,img/b.png,sick", "a,img/a.jpg,well", "c,img/c.tif,well")


def test_rows_become_cases_with_the_class_of_their_label(table, tmp_path):
    cohort = read_table(table(HEADER, *ROWS))
    assert (cohort.name, cohort.task, cohort.modalities) == (tmp_path.name, "classification", ("grey",))
    assert dict(cohort.labels) == {"sick": 0, "well": 1}
    assert [(case.id, case.class_index, case.patient, case.split) for case in cohort.cases] == [
        ("a", 1, "a", ""), ("b", 0, "b", ""), ("c", 1, "c", ""),
    ]  # fmt: skip
    np.testing.assert_array_equal(cohort.cases[1].load_image("grey"), blobs(0))


def test_patients_and_parts_are_read_in_the_words_of_the_publisher(table):
    rows = ("a,a.png,x,p1,Training", "b,b.png,y,p1,train", "c,c.png,x,p2,valid", "d,d.png,y,p3,TEST")
    cohort = read_table(table("case_id,image,label,group,split", *rows))
    assert [(case.patient, case.split) for case in cohort.cases] == [
        ("p1", "train"), ("p1", "train"), ("p2", "val"), ("p3", "test"),
    ]  # fmt: skip


def test_columns_may_be_called_otherwise(table):
    file = table("id,image,diagnosis,subject", "a,a.png,x,p1", "b,b.png,y,p1")
    cohort = read_table(file, columns={"case_id": "id", "label": "diagnosis", "patient": "subject"})
    assert [(case.id, case.patient) for case in cohort.cases] == [("a", "p1"), ("b", "p1")]


def test_images_may_lie_elsewhere(table, tmp_path):
    file = table(HEADER, *ROWS)
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "img").rename(elsewhere)
    elsewhere.mkdir(exist_ok=True)
    file.write_text(file.read_text().replace("img/", ""))
    assert not read_table(file, root=elsewhere).refused


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        (("2", "10", "1"), None, {"class 1": 0, "class 2": 1, "class 10": 2}),
        (("1", "0", "1"), ["well", "sick"], {"well": 0, "sick": 1}),
        (("sick", "well", "sick"), ["well", "sick"], {"well": 0, "sick": 1}),
    ],
    ids=["numbers in order of number", "numbers with names", "names in a given order"],
)
def test_labels_are_names_or_numbers(table, labels, classes, expected):
    rows = [f"{n},{n}.png,{label}" for n, label in enumerate(labels)]
    cohort = read_table(table(HEADER, *rows), classes=classes)
    assert dict(cohort.labels) == expected
    if classes:
        assert [case.class_index for case in cohort.cases] == [1, 0, 1]


def test_colours_are_three_channels_of_one_file(table):
    cohort = read_table(table(HEADER, "a,a.png,x", "b,b.png,y", draw=colourful))
    assert cohort.modalities == ("red", "green", "blue")
    np.testing.assert_array_equal(cohort.cases[0].load_image("green"), colourful(0)[..., 1])


def test_grey_images_that_are_saved_in_colours_stay_grey(table):
    def draw(seed):
        return np.stack([blobs(seed)] * 3, axis=-1)

    cohort = read_table(table(HEADER, "a,a.jpg,x", "b,b.jpg,y", draw=draw))
    assert cohort.modalities == ("grey",)
    np.testing.assert_allclose(cohort.cases[0].load_image("grey"), blobs(0), atol=20)  # JPEG


def test_modalities_can_be_told(table):
    file = table(HEADER, "a,a.png,x", "b,b.png,y", draw=colourful)
    assert read_table(file, modalities=["grey"]).cases[0].load_image("grey").shape == (40, 36)
    with pytest.raises(CaseError, match=r"Expected modalities \['grey'\].*but got \['t1'\]"):
        read_table(file, modalities=["t1"])


def test_volumes_are_read_too(tmp_path):
    for n, name in enumerate("ab"):
        save_nifti(tmp_path / f"{name}.nii.gz", blobs(n)[..., None].repeat(5, axis=2))
    (tmp_path / "cases.csv").write_text("case_id,image,label\na,a.nii.gz,x\nb,b.nii.gz,y\n")
    cohort = read_table(tmp_path / "cases.csv")
    assert cohort.modalities == ("grey",)
    assert cohort.cases[0].load_image("grey").shape == (40, 36, 5)


@pytest.mark.parametrize("name", ["a.jpg", "b.png", "c.tif"])
def test_an_image_that_is_cut_short_or_gone_is_refused_by_name(table, tmp_path, name):
    file = table(HEADER, "a,a.jpg,x", "b,b.png,y", "c,c.tif,x", "d,d.png,x", "e,e.png,y")
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    if name != "c.tif":  # a TIFF has no checksum: it is read when it is listed
        (refusal,) = read_table(file).refused
        assert refusal.where == tmp_path / name
        assert "cut short or damaged" in refusal.why
    (tmp_path / name).unlink()
    (refusal,) = read_table(file).refused
    assert f"{name}, but there is none" in refusal.why


def test_a_file_that_is_no_image_and_a_stack_of_images_are_refused(table, tmp_path):
    file = table(HEADER, "a,a.png,x", "b,b.tif,y", "c,c.png,x", "d,d.png,y")
    (tmp_path / "a.png").write_text("not an image")
    pages = [Image.fromarray(blobs(n)) for n in range(2)]
    pages[0].save(tmp_path / "b.tif", save_all=True, append_images=pages[1:])
    whys = {refusal.where.name: refusal.why for refusal in read_table(file).refused}
    assert "cannot identify image file" in whys["a.png"]
    assert "Expected one plane image, but got 2" in whys["b.tif"]


def test_a_row_without_a_label_is_refused(table):
    (refusal,) = read_table(table(HEADER, *ROWS, "d,d.png,")).refused
    assert re.search(r"a label for d, but got none in line 5 of .*cases\.csv", refusal.why)


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (
            "case_id,image,diagnosis",
            ["a,a.png,x"],
            r"columns \['label'\] in .*cases\.csv, but got \['case_id', 'image'",
        ),
        (HEADER, ["a,a.png,x", "b,b.png,x"], r"at least two classes, but got 1 \['x'\] in .*cases\.csv"),
        (HEADER, [], r"at least two classes, but got none"),
        (HEADER, ["a,a.png,x", "a,b.png,y"], r"one case per id, but \['a'\] repeat in .*cases\.csv"),
        (HEADER, ["a/b,a.png,x", "b,b.png,y"], r"an id that can name a file, but got 'a/b' in .*cases\.csv"),
        (HEADER, [",a.png,x", "b,b.png,y"], r"an id and an image in line 2 of .*cases\.csv"),
        (f"{HEADER},split", ["a,a.png,x,train", "b,b.png,y,holdout"], r"a split among .*'holdout' in .*cases\.csv"),
    ],
    ids=["no label", "one class", "no case", "one id twice", "a path as id", "no id", "an unknown part"],
)
def test_a_table_that_cannot_be_used_is_an_error_that_names_it(table, header, rows, message):
    with pytest.raises(CaseError, match=message):
        read_table(table(header, *rows))


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["sick"], r"classes among \['sick'\], but got \['well'\]"),
        (["sick", "well", "dead"], r"a case of every class, but got none of \['dead'\]"),
    ],
)
def test_classes_that_are_not_those_of_the_table_are_an_error(table, classes, message):
    with pytest.raises(CaseError, match=message):
        read_table(table(HEADER, *ROWS), classes=classes)


def test_a_number_without_a_name_is_an_error(table):
    with pytest.raises(CaseError, match=r"labels below 2, as many as cases\.classes, but got 2"):
        read_table(table(HEADER, "a,a.png,0", "b,b.png,2"), classes=["well", "sick"])


def test_no_table_and_no_csv_are_errors(tmp_path):
    with pytest.raises(CaseError, match=r"nowhere\.csv, but there is none"):
        read_table(tmp_path / "nowhere.csv")
    (tmp_path / "cases.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CaseError, match=r"could not read .*cases\.csv"):
        read_table(tmp_path / "cases.csv")


def test_plane_images_beside_volumes_are_an_error(table, tmp_path):
    file = table(HEADER, "a,a.png,x", "b,b.png,y")
    save_nifti(tmp_path / "b.nii.gz", np.ones((4, 5, 6), np.uint8))
    file.write_text(file.read_text().replace("b.png", "b.nii.gz"))
    with pytest.raises(CaseError, match="plane images or volumes, but got both"):
        read_table(file)


def test_a_class_whose_cases_were_all_refused_cannot_be_worked_with(table, tmp_path):
    file = table(HEADER, *ROWS)
    (tmp_path / "img/b.png").unlink()
    cohort = read_table(file)
    with pytest.raises(CaseError, match=r"1 were refused, first .*b\.png"):
        cohort.validated()
    with pytest.raises(CaseError, match=r"at least two classes .* none of \['sick'\]"):
        cohort.validated(skip_refused=True)

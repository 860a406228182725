"""Names are checked where a cohort is made, for every reader: none leads elsewhere or hides another."""

import json

import pytest

from synthtrust.cases import Case, CaseError, Cohort, read_manifest, read_msd
from synthtrust.testing import tiny_cohort


def cohort(ids=("a", "b"), modalities=("t1",), labels=None, patient="", name="set"):
    cases = tuple(Case(case_id, {}, class_index=n, patient=patient) for n, case_id in enumerate(ids))
    return Cohort(name, cases, modalities, labels or {"well": 0, "sick": 1})


NO_FILE_NAMES = [
    "", ".", "..", ".hidden", "a/b", "../../evil", "a\\b", "a\0b", "a\nb", "a\x1b[2Jb", " a", "a ", "\ud800", "x" * 201,
    "ä" * 101,
]  # fmt: skip


@pytest.mark.parametrize("name", NO_FILE_NAMES, ids=ascii)
def test_an_id_or_modality_that_cannot_name_a_file_is_refused(name):
    with pytest.raises(CaseError, match="Expected an id of a case of set"):
        cohort(ids=(name, "b"))
    with pytest.raises(CaseError, match="Expected a modality of set"):
        cohort(modalities=("t1", name))


@pytest.mark.parametrize("name", ["", ".", "..", "a\0b", "a\nb", " a", "a\u2028b", "x" * 201, 3], ids=ascii)
def test_a_label_or_patient_that_is_no_line_of_text_is_refused(name):
    with pytest.raises(CaseError, match="Expected the name of a label or class"):
        cohort(labels={"well": 0, name: 1})
    if name:  # without a name, a patient is called as its case
        with pytest.raises(CaseError, match="Expected the patient of case a"):
            cohort(patient=name)


@pytest.mark.parametrize("name", ["", "a/b", "..\\b", "a\nb"], ids=ascii)
def test_a_cohort_whose_name_leads_elsewhere_is_refused(name):
    with pytest.raises(CaseError, match="Expected the name of a cohort"):
        cohort(name=name)


@pytest.mark.parametrize("name", ["a [b]", "[/x]", r"$\frac{$", "<b>&", "Prüfung 7", "脑", "x" * 200, "a{b}%s"])
def test_markup_and_other_scripts_are_names(name):
    made = cohort(ids=(name.replace("/", "-").replace("\\", "-"), "b"), labels={name: 0, "other": 1}, patient=name)
    assert name in made.labels


def test_the_organs_of_a_label_may_have_a_slash():
    assert "prostate/uterus" in cohort(labels={"prostate/uterus": 0, "liver": 1}).labels


@pytest.mark.parametrize("pair", [("Case1", "case1"), ("Caf\u00e9", "Cafe\u0301")])
def test_names_that_some_file_systems_mix_up_are_refused(pair):
    with pytest.raises(CaseError, match=r"Expected ids of set that differ .*'C.* and '[Cc]"):
        cohort(ids=pair)
    with pytest.raises(CaseError, match="Expected modalities of set that differ"):
        cohort(modalities=pair)
    with pytest.raises(CaseError, match="Expected labels that differ"):
        cohort(labels=dict(zip(pair, (0, 1))))


@pytest.mark.parametrize(
    "labels", [{"a": 0, "b": 0}, {"a": 0, "b": 2}, {"a": 0, "b": 1.0}, {"a": 0, "b": "1"}, {"a": False, "b": 1}]
)
def test_classes_are_numbered_from_0_on_each_once(labels):
    with pytest.raises(CaseError, match="Expected"):
        cohort(labels=labels)


@pytest.mark.parametrize("labels", [{"a": 1, "b": 1}, {"a": 0, "b": 1}, {"a": 1, "b": 256}, {"a": -1}])
def test_labels_of_maps_are_1_to_255_each_once(labels):
    with pytest.raises(CaseError, match="Expected"):
        Cohort("set", (Case("a", {}, "a.nii"),), ("t1",), labels)


@pytest.fixture
def decathlon(tmp_path):
    """Return a Decathlon task whose dataset.json is written with some of its facts changed."""
    case = tiny_cohort(tmp_path / "files", 1, modalities=["flair"]).cases[0]

    def write(text=None, **changed):
        entry = {"image": str(case.images["flair"]), "label": str(case.label_map)}
        facts = {"modality": {"0": "mri"}, "labels": {"0": "no", "1": "a", "2": "b", "4": "c"}, "training": [entry]}
        (tmp_path / "dataset.json").write_text(json.dumps(facts | changed) if text is None else text)
        return tmp_path

    return write


def test_two_labels_of_one_name_are_refused_and_none_drops_out(decathlon):
    assert read_msd(decathlon()).labels == {"a": 1, "b": 2, "c": 3}
    for second in ("a", "A"):
        with pytest.raises(CaseError, match="Expected a name of its own for each label"):
            read_msd(decathlon(labels={"0": "no", "1": "a", "2": second}))
    with pytest.raises(CaseError, match="Expected a name of its own for each label"):
        read_msd(decathlon(labels={"0": "no", "1": "edema", "2": "non-enhancing tumor", "3": "non-enhancing tumour"}))


def test_a_modality_that_leads_elsewhere_is_refused_by_the_reader(decathlon):
    with pytest.raises(CaseError, match=r"Expected a modality of .*home/\.evil"):
        read_msd(decathlon(modality={"0": "../../../home/.evil"}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"modality": ' + "[" * 100_000, "JSON of a few levels, but got too many"),
        ('{"labels": {"1": "a", "1": "b"}}', "got '1' twice"),
        ("{", "Expecting"),
    ],
)
def test_json_that_has_no_end_or_says_a_thing_twice_is_refused(decathlon, text, message):
    with pytest.raises(CaseError, match=rf"^Expected .*dataset\.json.*{message}"):
        read_msd(decathlon(text))
    decathlon("").joinpath("manifest.json").write_text(text)
    with pytest.raises(CaseError, match=rf"^Expected .*manifest\.json.*{message}"):
        read_manifest(decathlon(""))


def test_json_that_is_too_long_is_refused_before_it_is_read(decathlon, monkeypatch):
    monkeypatch.setattr("synthtrust.files.LONGEST_JSON", 100)
    with pytest.raises(CaseError, match=r"Expected .*dataset\.json: Expected at most 0 MB"):
        read_msd(decathlon())

"""The privacy audit accuses those who copied, acquits nobody without evidence, and says what it could not ask."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import binom

from helpers.fake_runs import rows_of, sentences, verdict_of
from helpers.page_marks import unmarked
from helpers.synthetic_sets import plane
from helpers.textures import N_HOLDOUT, N_TRAIN, SIDE, painted
from synthtrust.audits import Privacy
from synthtrust.audits.privacy import embedded, transforms
from synthtrust.audits.privacy.controls import min_detectable_copies
from synthtrust.audits.privacy.evidence import examine
from synthtrust.audits.privacy.gathering import gather
from synthtrust.audits.privacy.verdict import decide, leaks_of
from synthtrust.audits.sets import synthetic_sets
from synthtrust.metrics.functional import pairwise_similarity
from synthtrust.refusals import CaseError
from synthtrust.report import write_report
from synthtrust.report.card import card
from synthtrust.report.formatting import listing
from synthtrust.report.pairs import PICTURES
from synthtrust.report.privacy import privacy_chapter
from synthtrust.verdicts import Subject


def test_an_honest_set_is_not_accused_and_the_verdict_says_which_copies_it_would_have_seen(acquitted):
    verdict = verdict_of(acquitted)
    assert verdict["verdict"] == "SUPPORTED"
    assert "No leak detected; copies found down to" in sentences(verdict)
    assert f"10 copies planted of each kind: {listing(transforms.kinds(1))})" in sentences(verdict)
    assert "planted and missed" in verdict["would_change"]
    assert "no privacy guarantee" in sentences(verdict)
    assert verdict["subject"] == "honest"
    assert verdict["thresholds"]["copy_threshold"] == 9.0
    kinds = acquitted["controls"].set_index("kind")
    assert kinds.loc[transforms.kinds(1), "passed"].all()
    assert kinds.loc["exact", "note"].endswith("; 10 of 10 were compared with their source on the full grid")


def test_a_kind_of_copy_that_is_missed_stands_in_the_first_sentence_and_on_the_card(honest):
    tables = Privacy(n_permutations=399, angles=())([honest])
    verdict = verdict_of(tables)
    assert verdict["verdict"] == "INCONCLUSIVE"
    controls = tables["controls"].set_index("kind")
    missed = controls[~controls["passed"]]
    assert "rotation by 10 degrees" in missed.index
    for sentence in (sentences(verdict).partition(".")[0], str(card_of(tables)["privacy"]).partition(".")[0]):
        assert sentence.startswith(f"No leak detected, but the search missed {len(missed)} of the 15 kinds of copies")
        for kind, row in missed.iterrows():
            assert f"{kind} ({round(row.rate * row.n)} of {row.n} found)" in sentence
    assert "at least 90 % of the planted copies of each kind" in verdict["would_change"]


def card_of(tables):
    """Return what the trust card says of the one set of these tables."""
    facts = {
        "name": "honest", "generator": "fake.Painter", "cases": 110, "modalities": ["grey"], "labels": [], "recipe": {},
        "training_ids": 50, "licence": "", "manifest_sha256": "", "mask_disclosure": False, "intended_use": "",
    }  # fmt: skip
    return card({"privacy": tables}, facts)


def test_a_few_transformed_copies_are_found_with_their_sources(quick_audit, leaky):
    tables = quick_audit([leaky])
    verdict = verdict_of(tables)
    assert verdict["verdict"] == "NOT SUPPORTED"
    assert "6 of 110 synthetic images are copies, of 6 training cases (P1)" in sentences(verdict)
    copies = tables["copies"][tables["copies"]["reading"] == "COPY"]
    assert dict(zip(copies["synthetic"], copies["nearest_real"])) == {f"p{20 * i:03d}": f"p{i:03d}" for i in range(6)}
    (few,) = rows_of(tables, "P2 membership AUC")
    assert few["p"] > 0.01  # no power against a leak of one in twenty


def test_a_full_replay_is_found_by_every_test(quick_audit, tmp_path, real, textures):
    tables = quick_audit([painted(tmp_path / "replay", real, [textures[i % N_TRAIN] for i in range(len(real.cases))])])
    reasons = sentences(verdict_of(tables))
    assert all(f"({test})" in reasons for test in ("P1", "P2", "P3"))
    (share,) = rows_of(tables, "P3 nearest-real share")
    assert share["value"] == 1
    assert share["n_holdout"] == N_HOLDOUT


def test_copies_count_even_where_the_search_is_blind_to_some(leaky):
    verdict = verdict_of(Privacy(n_permutations=399, angles=())([leaky]))
    assert verdict["verdict"] == "NOT SUPPORTED"
    assert "rotation by 10 degrees (" in sentences(verdict)
    assert "there may be more copies than were found" in sentences(verdict)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"angles": (0.0, 5.0)}, "angles above 0"), ({"angles": (60.0,)}, "45"), ({"scales": (1.0,)}, "other than 1")],
)
def test_rotations_and_sizes_that_cannot_be_searched_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Privacy(**settings)


def test_unknown_training_ids_leave_an_honest_set_inconclusive(quick_audit, tmp_path, real, fresh):
    verdict = verdict_of(quick_audit([painted(tmp_path / "unknown", real, fresh, training_ids=None)]))
    assert verdict["verdict"] == "INCONCLUSIVE"
    assert "The set does not list which cases the generator learned from" in sentences(verdict)


def test_training_ids_of_strangers_leave_an_honest_set_inconclusive(quick_audit, tmp_path, real, fresh):
    ids = [*(case.id for case in real.cases[:N_TRAIN]), *(f"stranger_{i}" for i in range(30))]
    verdict = verdict_of(quick_audit([painted(tmp_path / "strangers", real, fresh, training_ids=ids)]))
    assert verdict["verdict"] == "INCONCLUSIVE"
    assert "30 of 80 training ids belong to none of these real cases" in sentences(verdict)


def test_copies_of_cases_said_to_be_unseen_are_not_overlooked(quick_audit, tmp_path, real, fresh, textures):
    images = [*textures[N_TRAIN : N_TRAIN + 5], *fresh[5:]]
    verdict = verdict_of(quick_audit([painted(tmp_path / "wrong_ids", real, images)]))
    assert verdict["verdict"] == "NOT SUPPORTED"
    assert "5 synthetic images are copies of cases that the generator is said never" in sentences(verdict)


def test_copies_of_images_that_lie_on_both_sides_accuse_nobody(quick_audit, tmp_path, real, fresh, textures):
    """Somebody's rescans lie among training and unseen cases: a copy of the one looks like one of the other."""
    rng = np.random.default_rng(0)
    rescans = {N_TRAIN + i: textures[i] + rng.normal(0, 3, (SIDE, SIDE)) for i in range(5)}
    cases = [
        plane(tmp_path / "real", c.id, rescans.get(i, textures[i]), c.class_index) for i, c in enumerate(real.cases)
    ]
    copies = [rescans[N_TRAIN + i] + rng.normal(0, 3, (SIDE, SIDE)) for i in range(5)]
    run = painted(tmp_path / "rescans", replace(real, cases=tuple(cases)), [*copies, *fresh[5:]])
    verdict = verdict_of(quick_audit([run]))
    assert verdict["verdict"] == "INCONCLUSIVE"
    assert "5 synthetic images look like copies of cases that the generator is said never" in sentences(verdict)


def test_a_generator_that_saw_everybody_leaves_nobody_to_compare_with(quick_audit, tmp_path, real, fresh):
    verdict = verdict_of(quick_audit([painted(tmp_path / "all", real, fresh, [case.id for case in real.cases])]))
    assert verdict["verdict"] == "not assessed"
    assert "0 unseen patients" in sentences(verdict)


def test_other_cases_of_a_seen_patient_are_not_unseen(tmp_path, real, fresh):
    cases = tuple(replace(case, patient=f"of {i // 2}") for i, case in enumerate(real.cases))
    run = painted(tmp_path / "pairs", replace(real, cases=cases), fresh, training_ids=["p000", "p002", "of 2"])
    (one,) = synthetic_sets([run])
    assert [case.id for case in one.train] == ["p000", "p001", "p002", "p003", "p004", "p005"]
    assert not {case.patient for case in one.train} & {case.patient for case in one.holdout}


def test_too_few_cases_are_said_with_their_numbers(quick_audit, tmp_path, real, fresh):
    few = replace(real, cases=real.cases[: N_TRAIN + 6])
    run = replace(painted(tmp_path / "few", few, fresh), n_train=N_TRAIN)
    tables = quick_audit([run])
    verdict = verdict_of(tables)
    assert verdict["verdict"] == "INCONCLUSIVE"
    assert "got 50 and 6, and 56 synthetic images" in sentences(verdict)
    assert "6 unseen patients; at least 20 are needed" in sentences(verdict)
    (row,) = rows_of(tables, "Copy search")
    assert np.isnan(row["value"])


def test_a_real_image_that_comes_twice_is_left_out_and_said(quick_audit, tmp_path, real, textures, fresh):
    twice = tuple(
        plane(tmp_path / "real", case.id, textures[0 if i in (1, N_TRAIN) else i], case.class_index)
        for i, case in enumerate(real.cases)
    )
    tables = quick_audit([painted(tmp_path / "twice", replace(real, cases=twice), fresh)])
    reasons = sentences(verdict_of(tables))
    assert "1 training cases left out" in reasons
    assert "1 unseen cases left out" in reasons
    assert rows_of(tables, "P1 copies of training cases")[0]["n_train"] == N_TRAIN - 1


def test_images_that_cannot_be_searched_are_refused_with_their_file(quick_audit, tmp_path, real, fresh):
    constant = painted(tmp_path / "constant", real, [*fresh[:7], np.full((SIDE, SIDE), 9.0), *fresh[8:]])
    with pytest.raises(CaseError, match=r"case p007 has a constant one: .*p007\.png"):
        quick_audit([constant])


def test_images_of_another_size_are_compared_and_that_is_said(quick_audit, tmp_path, real, textures):
    """A generator may paint images of another size than it was shown; its copies are copies all the same."""
    larger = [np.kron(texture, np.ones((2, 2))) for texture in textures[:N_TRAIN]]
    copies = [larger[i % N_TRAIN] for i in range(len(real.cases))]
    verdict = verdict_of(quick_audit([painted(tmp_path / "other", real, copies)]))
    assert verdict["verdict"] == "NOT SUPPORTED"
    assert "another size, (48, 48)" in sentences(verdict)


def test_an_exact_search_finds_the_nearest_of_all(quick_audit, real, honest):
    (one,) = synthetic_sets([honest])
    grid = embedded.Grid.of(embedded.read_images(one.train[0], one.modalities))
    data, _ = gather(one, grid)
    data = replace(data, holdout=data.holdout.take(range(20)), synthetic=data.synthetic.take(range(12)))
    twins, train = data.synthetic.bank, data.train.bank
    every = torch.stack([pairwise_similarity(twins.take(torch.full((len(train),), i)), train) for i in range(12)])
    evidence = examine(data, replace(quick_audit, exact=True), reported=False)
    np.testing.assert_allclose(evidence.copies.similarity[0, :, 0], every.max(dim=1).values, atol=1e-5)
    quick = examine(data, quick_audit, reported=False)
    assert (evidence.copies.similarity[..., 0] >= quick.copies.similarity[..., 0] - 1e-6).all()


def test_more_images_of_each_training_patient_accuse_nobody(quick_audit, tmp_path, real, fresh):
    """Fifty training images of 20 patients, 60 unseen ones of 60: most synthetic images are nearest to a seen one."""
    cases = tuple(replace(c, patient=f"of {i % 20}" if i < N_TRAIN else c.id) for i, c in enumerate(real.cases))
    tables = quick_audit([painted(tmp_path / "honest", replace(real, cases=cases), fresh)])
    (share,) = rows_of(tables, "P3 nearest-real share")
    assert share["p"] > 0.01
    assert share["ci_low"] < 20 / 80 < share["ci_high"]
    assert verdict_of(tables)["verdict"] != "NOT SUPPORTED"


def test_one_image_is_no_evidence_of_anything(quick_audit, tmp_path, real, fresh):
    run = painted(tmp_path / "one", replace(real, cases=real.cases[:1]), fresh[:1])
    verdict = verdict_of(quick_audit([replace(run, cohort=real)]))
    assert verdict["verdict"] == "INCONCLUSIVE"
    assert "1 synthetic images; at least 20 are needed" in sentences(verdict)


def test_scored_cases_that_the_generator_saw_are_named(quick_audit, tmp_path, real, fresh):
    ids = [case.id for case in real.cases[: N_TRAIN + 5]]
    verdict = verdict_of(quick_audit([painted(tmp_path / "seen", real, fresh, ids)]))
    assert "5 validation and test cases (p050, p051, p052, p053, p054) are of patients" in sentences(verdict)


def test_pictures_of_patients_are_on_the_page_and_in_no_table(acquitted, tmp_path):
    pairs = acquitted["copies"].attrs[PICTURES]
    assert len(pairs) == 5
    assert all(pair.left.shape == pair.right.shape == (SIDE, SIDE) for pair in pairs)
    assert "data:" not in "".join(table.to_csv() for table in acquitted.values())
    chapter = privacy_chapter(
        {name: table.assign(overlap="none") for name, table in acquitted.items()}
    )  # as on the way
    page = write_report(tmp_path, {}, {"privacy": acquitted})
    assert unmarked(page.read_text(encoding="utf-8")) == []
    assert sum("data:image/png" in panel for section in chapter.sections for e in section.figures for panel in e.panels)
    assert [table.title.partition(" of ")[0] for table in chapter.sections[0].tables] == ["Controls", "Tests"]
    said = " ".join(text for section in chapter.sections for text in (*section.notes, section.limit))
    assert "safe" not in said + "".join(table.to_csv() for table in acquitted.values())


def test_too_few_permutations_to_ever_reject_are_refused():
    with pytest.raises(ValueError, match="n_permutations above 300"):
        Privacy(n_permutations=199)


def test_few_unseen_cases_ask_for_stronger_copies(audit):
    rng = np.random.default_rng(0)
    unseen = np.sort(rng.normal(0.5, 0.05, (40, 6)))[:, ::-1]
    copy = np.array([[0.8, 0.5, 0.5, 0.49, 0.48, 0.47]])
    assert audit.search(copy, unseen).copy.all()
    few = unseen[:19]
    assert not audit.search(copy, few).copy.any()
    assert audit.search(copy, few).strength > audit.copy_threshold
    assert audit.search(np.where(copy == 0.8, 1.0, copy), few).copy.all()  # the search stays able to see


@pytest.mark.parametrize("n_found", [4, 10, 14, 15])
def test_the_smallest_leak_shows_itself_even_if_the_controls_were_lucky(n_found):
    k = min_detectable_copies(n_found, 15)
    found_each = next(q for q in np.linspace(0, 1, 10001) if binom.sf(n_found - 1, 15, q) >= 0.05)  # at the least
    assert 1 - (1 - found_each) ** k >= 0.799
    assert k == 1 or 1 - (1 - found_each) ** (k - 1) < 0.8


def test_a_share_that_rejects_by_itself_leaves_the_set_inconclusive(quick_audit, honest):
    (one,) = synthetic_sets([honest])
    data, _ = gather(one, embedded.Grid.of(embedded.read_images(one.train[0], one.modalities)))
    evidence = examine(data, quick_audit, reported=False)
    share = replace(evidence.share, value=0.72, low=0.6, high=0.8, p=0.006)
    evidence = replace(evidence, share=share)
    assert "P3" not in {leak.test for leak in leaks_of(evidence, quick_audit)}  # Holm's correction
    verdict = decide(evidence, [], quick_audit, subject=Subject("honest"))
    assert verdict.verdict == "INCONCLUSIVE"
    assert any("nearest-real share rejects by itself" in reason.text for reason in verdict.reasons)
    partly = decide(evidence, [], quick_audit, subject=Subject("honest"), patients_own=["t1", "t2"])
    assert (partly.verdict, partly.codes[0]) == ("NOT SUPPORTED", "patients_own")
    assert str(partly.reasons[0]).startswith("By construction the set holds patients' own images (t1 and t2)")

"""The chapter on size: the answer in words, a mark for each region of each case, thirds and slopes."""

from helpers.sized_runs import sized
from synthtrust.audits import Size
from synthtrust.report import write_report


def test_the_page_says_what_is_lost_and_shows_every_case(tmp_path):
    tables = Size(min_patients=20)(sized("small", has_lesions=True))
    text = write_report(tmp_path, {}, {"size": tables}).read_text(encoding="utf-8")
    assert "By size, that small structures are kept is NOT SUPPORTED: they are lost." in text
    assert text.count("case07, ET:") == 2  # as a region, and as a lesion
    for words in ("smallest", "TSTR less TRTR", "false positives of", "T4, difference between a case and its twin"):
        assert (words in text) == (words != "false positives of")
    assert (tmp_path / "size_points.csv").is_file()


def test_a_sweep_without_tstr_has_slopes_and_no_answer(tmp_path):
    tables = Size()([run for run in sized("small") if run.alpha == 1])
    text = write_report(tmp_path, {}, {"size": tables}).read_text(encoding="utf-8")
    assert "Change with the volume of regions of test cases" in text
    assert "By size" not in text

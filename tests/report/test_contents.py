"""Every section of the page has an address, and the contents lead there."""

import re

import pandas as pd

from synthtrust.report import write_report

FACTS = {"cohort": "phantom", "generator": {"_target_": "Tissue"}}
TABLES = {name: {"rows": pd.DataFrame({"case": ["a"]})} for name in ("first", "second", "third")}


def test_every_section_has_an_address_and_stands_in_the_contents(tmp_path):
    text = write_report(tmp_path, FACTS, TABLES).read_text(encoding="utf-8")
    addresses = re.findall(r'<h2 id="([^"]+)">', text)
    assert len(set(addresses)) == len(addresses) > 3
    listed = re.findall(r'<li><a href="#([^"]+)">', text)
    assert listed == 2 * addresses[1:]  # beside the page where it is wide, above it where it is narrow
    assert addresses[0] == "verdicts"
    assert all(f'id="{address}"' in text for address in re.findall(r'href="#([^"]+)"', text))
    assert "Content-Security-Policy" in text
    assert "<title>phantom, Tissue: " in text

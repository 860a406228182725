"""Every package that a user installs may be used by a project under Apache-2.0."""

import pytest

from supply_chain.licences import Licence, installed, is_accepted, licences, promised


def test_every_package_goes_with_apache():
    every = licences(promised())
    assert [licence for licence in every if not licence.goes_with_apache] == []
    assert {"torch", "lightning", "numpy", "pydantic"} <= {licence.package for licence in every}  # and what they need


@pytest.mark.parametrize("words", ["GPL-3.0-or-later", "GNU Lesser General Public License v3", "AGPL-3.0", "unknown"])
def test_other_licences_are_seen(words):
    assert not is_accepted(words)
    assert not Licence("some-package", "1.0", words).goes_with_apache


def test_a_package_that_is_not_installed_is_passed_over():
    assert list(installed(["no-such-package-of-ours>=1"])) == []

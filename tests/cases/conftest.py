"""Fixtures of the tests of cases."""

import pytest

from helpers.plane_images import blobs, save


@pytest.fixture
def table(tmp_path):
    """Write rows, each with its image, and return the table: ``table("id,image,label", "a,a.png,normal", ...)``."""

    def _table(header, *rows, name="cases.csv", draw=blobs):
        column = header.split(",").index("image")
        for n, row in enumerate(rows):
            if image := row.split(",")[column]:
                save(tmp_path / image, draw(n))
        (tmp_path / name).write_text("\n".join([header, *rows, ""]))
        return tmp_path / name

    return _table

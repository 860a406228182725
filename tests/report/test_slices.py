"""The grey levels of a picture are those of what it shows, not those of its background."""

import numpy as np
import pytest

from synthtrust.report.slices import _window


@pytest.mark.parametrize("background", [0, -7, 50])
def test_grey_levels_leave_out_the_background_wherever_it_lies(background):
    rng = np.random.default_rng(0)
    brain = np.zeros((30, 20), dtype=bool)
    brain[5:25, 4:16] = True
    image = np.where(brain, rng.integers(40, 60, brain.shape), background)

    outside, low, high = _window(image[None])

    assert np.array_equal(outside[0], ~brain) or background == 50  # brain that looks like background may touch it
    assert not outside[0, 10:20, 8:12].any()
    assert 40 <= low < high < 60


def test_a_full_field_of_view_has_no_background():
    image = np.random.default_rng(0).integers(0, 10, (30, 20))

    assert not _window(image[None])[0].any()


@pytest.fixture(scope="module")
def viewer(page, browser):
    tab = browser.new_page(viewport={"width": 390, "height": 900})
    tab.goto(page.as_uri())
    yield tab.locator(".viewer")
    tab.close()


def shown(viewer):
    """Return what the slider says, the place of every image in its strip, and the outlines over them."""
    images = viewer.locator("img").evaluate_all("all => all.map(image => image.style.objectPosition)")
    uses = viewer.locator("use").evaluate_all("all => all.map(use => use.getAttribute('href').split('-').pop())")
    return viewer.locator("output").inner_text(), set(images), set(uses)


def wait_until(tab, holds):
    """Wait for a browser that turns its wheel later; the page's policy lets no test put a condition into it."""
    for _ in range(200):
        if holds():
            return
        tab.wait_for_timeout(10)
    pytest.fail("The wheel did nothing for two seconds.")


def test_wheel_keys_slider_and_print_choose_the_slice(viewer):
    tab = viewer.page
    first = ("6 (2 of 3)", {"0px 50%"}, {"1"})
    assert shown(viewer) == first

    viewer.locator(".image").first.hover()
    tab.wait_for_timeout(50)  # the page has been scrolled to it
    viewer.locator(".image").first.hover(position={"x": 9, "y": 9})
    tab.mouse.wheel(0, 100)
    wait_until(tab, lambda: viewer.locator("output").inner_text().startswith("8"))
    assert shown(viewer) == ("8 (3 of 3)", {"0px 100%"}, {"2"})

    viewer.locator("input").focus()
    tab.keyboard.press("Home")
    assert shown(viewer) == ("4 (1 of 3)", {"0px 0%"}, {"0"})

    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert shown(viewer) == first


def test_a_wheel_that_only_passes_by_scrolls_the_page(viewer):
    tab = viewer.page
    viewer.locator(".image").first.hover()
    tab.evaluate("dispatchEvent(new Event('scroll'))")  # the page moved under a resting pointer
    top = tab.evaluate("scrollY")
    tab.mouse.wheel(0, 100)
    wait_until(tab, lambda: tab.evaluate("scrollY") > top)

    assert shown(viewer)[0] == "6 (2 of 3)"


def test_outlines_are_lines_that_the_legend_hides(viewer):
    outlines = "all => all.map(part => getComputedStyle(part).display).filter(display => display != 'none').length"
    figure = viewer.page.locator("figure", has=viewer)
    before = viewer.locator(".contour-prediction").evaluate_all(outlines)

    figure.get_by_role("button", name="prediction", exact=True).click()

    assert viewer.locator(".contour-prediction").evaluate_all(outlines) == 0 < before
    assert viewer.locator(".contour-label").evaluate_all(outlines) == 12
    assert viewer.locator("use").first.evaluate("use => getComputedStyle(use).fill") == "none"

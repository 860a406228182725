"""What the points of a drawing say, in the file and in a real browser."""

import re

import pytest

from synthtrust.report.marks import Mark, series_id
from synthtrust.report.style import panel, svg


def drawn(marks, **limits):
    figure, axes = panel("Planted", "x", "y")
    axes.plot([0, 1], [0, 1], gid=series_id("real"))
    axes.set(**limits)
    return svg(figure, "planted", "Planted.", marks)


def test_a_mark_lies_on_the_point_that_it_speaks_of():
    drawing = drawn([Mark(x, x, "point") for x in (0.0, 1.0)])

    path = re.search(r'data-series="real">\s*<path d="M ([\d.]+) ([\d.]+)\s+L ([\d.]+) ([\d.]+)', drawing)
    circles = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawing)
    numbers = [float(number) for number in path.groups()]
    assert [float(number) for circle in circles for number in circle] == pytest.approx(numbers, abs=0.1)


def test_text_and_address_of_a_mark_are_escaped_and_series_are_no_ids():
    drawing = drawn([Mark(0.5, 0.5, "<b> & 'q'", "real", '#a"b'), Mark(float("nan"), 0, "nowhere")])

    assert "<title>&lt;b&gt; &amp; &#x27;q&#x27;</title>" in drawing
    assert 'href="#a&quot;b"' in drawing
    assert "nowhere" not in drawing
    assert drawing.count('data-series="real"') == 2  # the line and its mark
    assert "series:" not in drawing


@pytest.fixture(scope="module")
def tab(page, browser):
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.goto(page.as_uri())
    yield tab
    tab.close()


def test_pointer_and_keys_show_value_interval_and_n(tab):
    figure = tab.locator("figure", has=tab.locator("h3", has_text="T1, overall performance"))
    drawing = figure.locator("svg")
    drawing.locator(".marks circle").first.hover()
    tip = tab.locator(".tip")
    hovered = tip.inner_text()

    drawing.focus()
    tab.keyboard.press("ArrowRight")
    first = tip.inner_text()
    tab.keyboard.press("ArrowRight")
    second = tip.inner_text()
    tab.keyboard.press("Escape")

    pattern = r"α = [\d.]+: [\d.]+ \[[\d.]+, [\d.]+\]; n = 40 cases of 38 patients, 3 seeds"
    assert all(re.search(pattern, text) for text in (hovered, first, second)), (hovered, first, second)
    assert hovered == first != second
    assert tip.is_hidden()


def test_an_entry_of_the_legend_hides_its_series_and_nothing_else(tab):
    figure = tab.locator("figure", has=tab.locator("h3", has_text="T1, overall performance"))
    count = "all => all.map(part => getComputedStyle(part).display == 'none').filter(Boolean).length"
    button = figure.get_by_role("button", name="synthetic test cases")

    button.focus()
    tab.keyboard.press("Enter")
    hidden = figure.locator('[data-series="synthetic"]').evaluate_all(count)
    others = figure.locator('[data-series="real"]').evaluate_all(count)
    tab.emulate_media(media="print")
    printed = figure.locator('g[data-series="synthetic"]').evaluate_all(count)
    tab.emulate_media(media="screen")
    pressed = button.get_attribute("aria-pressed")
    button.click()

    assert hidden > 0
    assert pressed == "false"
    assert others == printed == figure.locator('[data-series="synthetic"]').evaluate_all(count) == 0


def test_the_point_of_a_case_leads_to_its_pictures(tab):
    figure = tab.locator("figure", has=tab.locator("h3", has_text="Each case beside its twin"))
    drawing = figure.locator("svg").first
    links = figure.locator("a:has(circle)").evaluate_all("all => all.map(link => link.getAttribute('href'))")
    assert links == ["#slices-0"] * 2

    drawing.focus()
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("Enter")

    assert tab.url.endswith("#slices-0")
    assert tab.locator(".viewer").evaluate("viewer => viewer.getBoundingClientRect().top") < 900


def test_details_open_for_print_and_close_again(tab):
    folded = tab.locator("main details:not([open])").count()

    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    in_print = tab.locator("details:not([open])").count()
    tab.evaluate("dispatchEvent(new Event('afterprint'))")

    assert in_print == 0
    assert tab.locator("main details:not([open])").count() == folded

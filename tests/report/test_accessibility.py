"""Page and card in a real browser: no violation that axe-core knows, keys reach everything, print shows everything."""

import pytest

from synthtrust.report import write_report


def violations(tab):
    """Return what axe-core has against a page, with the first element of each."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    return [
        (violation["id"], violation["nodes"][0]["html"][:120])
        for violation in axe.Axe().run(tab).response["violations"]
    ]


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    sets = [
        {"name": "Tissue-1", "cases": 9, "modalities": ("t1",), "labels": ["ED"], "training_ids": 9, "licence": "CC-BY",
         "manifest_sha256": "ab" * 32, "generator": "Tissue", "recipe": {}, "intended_use": "Research.",
         "mask_disclosure": True}
    ]  # fmt: skip
    page = write_report(tmp_path_factory.mktemp("card"), {}, {}, (), sets)
    return page.parent / "cards" / "Tissue-1" / "trust_card.html"


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (390, "dark"),
        pytest.param(1280, "light", marks=pytest.mark.slow),
        pytest.param(1280, "dark", marks=pytest.mark.slow),
        pytest.param(390, "light", marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing(page, card, browser, width, scheme):
    for path in (page, card):
        tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        tab.goto(path.as_uri())
        tab.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        found = violations(tab)
        tab.close()
        assert found == [], path.name


def test_keys_reach_every_link_and_open_every_fold(page, browser):
    tab = browser.new_page(viewport={"width": 390, "height": 900})
    tab.goto(page.as_uri())
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.locator("summary").first.focus()
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.querySelector('.contents.bar details').open")
    tab.keyboard.press("Tab")
    target = tab.evaluate("document.activeElement.getAttribute('href')")
    tab.keyboard.press("Enter")
    assert tab.evaluate("location.hash") == target
    unreachable = tab.evaluate(
        "[...document.querySelectorAll('a, summary, .scroll')].filter(e => e.tabIndex < 0).length"
    )
    assert unreachable == 0
    tab.close()


def test_the_contents_stay_in_view_and_terms_are_explained_where_they_stand(page, browser):
    for width in (390, 1280):
        tab = browser.new_page(viewport={"width": width, "height": 900})
        tab.goto(page.as_uri())
        tab.evaluate("window.scrollTo(0, 4000)")
        tops = tab.eval_on_selector_all(
            "nav", "all => all.map(n => n.getBoundingClientRect()).filter(b => b.width).map(b => b.top)"
        )
        assert tops == [0]
        term = tab.locator("main section:not(.verdicts) .term").first
        term.focus()
        meaning = tab.evaluate("getComputedStyle(document.activeElement, '::after').content")
        assert len(meaning) > 20
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.close()


def test_print_shows_what_is_folded(page, browser):
    tab = browser.new_page(bypass_csp=True)  # waiting evaluates text, which the page's policy forbids
    tab.goto(page.as_uri())
    tab.emulate_media(media="print")
    tab.wait_for_function(
        "[...document.querySelectorAll('details table, details p, details dd')].every(e => e.checkVisibility("
        "{contentVisibilityAuto: true}) || e.closest('.contents, .files'))",
        timeout=10_000,
    )
    tab.close()

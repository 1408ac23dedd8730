"""The report in a real browser, Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from edgesim.load.report import page, search_page
from tests.load import samples
from tests.load.report.test_page import search

pytestmark = pytest.mark.slow

Scheme = Literal["light", "dark"]
_INKED = """canvas => {
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height), seen = new Set();
    let drawn = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 60) { drawn++; seen.add(data[i] >> 5 << 6 | data[i + 1] >> 5 << 3 | data[i + 2] >> 5); }
    return [drawn, seen.size];
}"""
_CONTRAST = """() => {
    const light = colour => { const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const behind = node => { for (; node; node = node.parentElement) {
        const colour = getComputedStyle(node).backgroundColor; if (!colour.endsWith(", 0)")) return colour; } return "rgb(255, 255, 255)"; };
    const low = [];
    for (const node of document.querySelectorAll("h1, h2, h3, p, th, td, dt, dd, span, strong, button, summary, time, li")) {
        if (!node.checkVisibility() || !node.textContent.trim()) continue;
        const [one, two] = [light(getComputedStyle(node).color), light(behind(node))].sort((a, b) => b - a);
        if ((one + 0.05) / (two + 0.05) < 4.5) low.push(`${node.tagName} ${node.textContent.slice(0, 30)}`);
    }
    return low;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "run.html"
    file.write_bytes(page(samples.outcome(samples.limited())))
    return file


def _opened(browser: Browser, file: Path, width: int, scheme: Scheme) -> tuple[Page, list[str]]:
    opened = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on(
        "request", lambda request: said.append(request.url) if not request.url.startswith(("file:", "data:")) else None
    )
    opened.goto(file.as_uri())
    opened.wait_for_function("document.querySelectorAll('canvas').length === document.querySelectorAll('.plot').length")
    return opened, said


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_report_is_drawn_and_fits(browser: Browser, report: Path, width: int, scheme: Scheme) -> None:
    """Every chart has ink of several colours, nothing is logged or loaded, nothing is wider than the window, and text has contrast."""
    opened, said = _opened(browser, report, width, scheme)
    for canvas in opened.locator("canvas").all():
        drawn, colours = canvas.evaluate(_INKED)
        assert drawn > 1000
        assert colours >= 3
    assert opened.locator("canvas").count() == 5
    assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert opened.evaluate(_CONTRAST) == []
    for words in ("2 of 5 checks failed", "Latency by percentile", "Need more data", "Where it ran"):
        assert opened.get_by_text(words).first.is_visible()
    background = opened.evaluate("getComputedStyle(document.body).backgroundColor").removeprefix("rgb(")
    assert (int(background.partition(",")[0]) > 128) is (scheme == "light")
    assert said == []


def test_a_chart_is_read_by_keyboard_and_mouse(browser: Browser, report: Path) -> None:
    """Arrow keys tell a point's values to a screen reader; the mouse shows them; the legend hides a line, the button scales."""
    opened, said = _opened(browser, report, 1280, "light")
    figure = opened.locator("figure", has=opened.locator("#split"))
    figure.locator(".plot").focus()
    opened.keyboard.press("End")
    opened.keyboard.press("ArrowLeft")
    assert (figure.locator(".said").text_content() or "").startswith("28 s, v1 ")
    figure.locator(".plot").hover(position={"x": 300, "y": 80})
    assert "v2" in (figure.locator(".tip").text_content() or "")
    figure.get_by_role("button", name="v2").press("Enter")
    assert figure.get_by_role("button", name="v2").get_attribute("aria-pressed") == "false"
    figure.locator(".plot").hover(position={"x": 320, "y": 80})
    assert "v2 " not in (figure.locator(".tip").text_content() or "").replace("v2, expected", "")
    scale = opened.get_by_role("button", name="Log scale").first
    before = scale.get_attribute("aria-pressed")
    scale.click()
    assert scale.get_attribute("aria-pressed") != before
    assert said == []


def test_a_chart_is_looked_at_closer(browser: Browser, report: Path) -> None:
    """Dragging across a chart shows that stretch alone, and Escape shows all again."""
    opened, said = _opened(browser, report, 1280, "light")
    plot = opened.locator("#throughput")
    canvas = plot.locator("canvas")
    plot.scroll_into_view_if_needed()
    before = canvas.evaluate("canvas => canvas.toDataURL()")
    box = plot.bounding_box()
    assert box is not None
    opened.mouse.move(box["x"] + 150, box["y"] + 100)
    opened.mouse.down()
    opened.mouse.move(box["x"] + 300, box["y"] + 100, steps=4)
    opened.mouse.up()
    opened.mouse.move(1, 1)
    opened.wait_for_function(
        "before => document.querySelector('#throughput canvas').toDataURL() !== before", arg=before
    )
    plot.press("Escape")
    opened.wait_for_function(
        "before => document.querySelector('#throughput canvas').toDataURL() === before", arg=before
    )
    assert said == []


def test_hostile_names_do_nothing(browser: Browser, tmp_path: Path) -> None:
    """Names that are markup are shown in charts, legends and tables, and none of them runs."""
    file = tmp_path / "hostile.html"
    result = samples.result(6, versions=("v1", samples.HOSTILE), name=samples.HOSTILE)
    file.write_bytes(page(samples.outcome(result)))
    opened, said = _opened(browser, file, 390, "dark")
    opened.on("dialog", lambda dialog: said.append(dialog.message))
    opened.locator("#latency").hover(position={"x": 150, "y": 60})
    assert (
        "<img src=x"
        in (opened.locator(".tip").first.text_content() or "") + opened.locator(".legend").first.inner_text()
    )
    assert opened.locator("img").count() == 0
    assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert said == []


def test_it_prints_on_white(browser: Browser, report: Path) -> None:
    """A dark page is printed in light colours, charts too, without the controls."""
    opened, said = _opened(browser, report, 1280, "dark")
    opened.emulate_media(media="print")
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not opened.locator(".scale").first.is_visible()
    assert opened.pdf(format="A4").startswith(b"%PDF")
    assert said == []


def test_a_search_is_drawn(browser: Browser, tmp_path: Path) -> None:
    """Latency against rate is drawn, with what broke the bound, at both widths."""
    file = tmp_path / "search.html"
    file.write_bytes(search_page(search()))
    for width in (1280, 390):
        opened, said = _opened(browser, file, width, "light")
        drawn, colours = opened.locator("canvas").evaluate(_INKED)
        assert drawn > 1000
        assert colours >= 3
        assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert said == []

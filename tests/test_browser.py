"""Quiz, cards, panels and lines as JupyterLab shows them: by keyboard alone, legible in both themes, offline."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from course_utils import progress, quiz
from lab import PATIENCE, QUIET, jupyter_lab, make_course, run_all, set_theme
from notebooks import ROOT

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e .[pictures]")
sync_api.expect.set_options(timeout=PATIENCE)
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: install Debian's package chromium"),
]

WRONG = """raise check.CheckFailed("output", "You have (7, 4): (time, batch).", "Which axis is the batch?",
                        ("02_shapes", "Output and h_n"), ["time-first"])"""
CELLS = {
    "import": "import torch\nfrom course_utils import cards, check, progress, quiz, verdict",
    "quiz": 'quiz.show("quizzes/02_shapes.toml")',
    "cards": 'cards.show("02_shapes")',
    "right": 'check.equal(3, 3, name="count")',
    "open": 'verdict.skipped(check.NotAttempted("other", "not attempted yet."))',
    "wrong": WRONG,
    "raises": "torch.nn.RNN(3, 2)(torch.zeros(1, 1, 5))",
}
TOML = ROOT / "notebooks" / "quizzes" / "02_shapes.toml"

# For each element with text of its own that is seen: what it says, and its contrast by the rules of WCAG 2.1.
CONTRASTS = """
roots => {
  const parse = (text) => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => below.map((part, i) => top[i] * top[3] + part * (1 - top[3]));
  const behind = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.push(parse(getComputedStyle(one).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  for (const element of document.querySelectorAll(roots)) {
    const own = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join("").trim();
    if (!own || !element.checkVisibility()) continue;
    const page = behind(element);
    let [r, g, b, a] = parse(getComputedStyle(element).color);
    for (let one = element; one; one = one.parentElement) a *= getComputedStyle(one).opacity;
    const [one, other] = [light(over([r, g, b, a], page)), light(page)].sort((x, y) => y - x);
    found.push([own, (one + 0.05) / (other + 0.05)]);
  }
  return found;
}
"""
SHOWN = ", ".join(f"{root}, {root} *" for root in (".unrolled", ".unrolled-panel", ".jp-OutputArea-output"))

# Keys that JupyterLab would see after the widget, and whether somebody has swallowed them.
LISTEN = """
() => {
  if (!window.heard) {
    document.addEventListener("keydown", (event) => window.heard.push([event.key, event.defaultPrevented]));
  }
  window.heard = [];
}
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory) -> Iterator[tuple[object, list[str]]]:
    """The page with the notebook after its run, and every host that it has asked."""
    folder = make_course(tmp_path_factory.mktemp("course"), CELLS)
    hosts: list[str] = []
    with jupyter_lab(folder) as address, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 1000, "height": 3000})
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: hosts.append(urlsplit(request.url).hostname or ""))
        page.on("websocket", lambda socket: hosts.append(urlsplit(socket.url).hostname or ""))
        run_all(page, address, "notebooks/shown.ipynb")
        page.wait_for_selector(".unrolled-card p")
        page.wait_for_selector(".unrolled-score")
        yield page, hosts
        browser.close()


@pytest.fixture
def page(opened):
    page, _ = opened
    page.evaluate(LISTEN)
    return page


def focused(page) -> str:
    """The text of what has the focus: an option, a button or a link."""
    return page.evaluate("(document.activeElement.closest('label') ?? document.activeElement).textContent")


def tab_to(page, text: str) -> None:
    """Press Tab until the element with this text has the focus; it must come before the page begins again."""
    seen = []
    while focused(page) != text:
        page.keyboard.press("Tab")
        seen.append(focused(page))
        assert len(seen) < 300, f"Tab never reached {text!r}: {seen}"


def begin(page, cell: str) -> None:
    """Put the focus on the first control of this cell's output."""
    page.locator(f".jp-Cell:has-text('{cell}') .unrolled").locator("input, button").first.focus()


def shuffled() -> list[dict]:
    return quiz.Quiz("02_shapes", quiz.load(TOML)).questions


def noted() -> str:
    return json.loads(progress.file().read_text())["02_shapes"]["quiz"]


def test_a_quiz_is_answered_by_keyboard_alone_and_the_kernel_notes_it(page):
    begin(page, "quiz.show")
    fields = page.locator(".unrolled fieldset")
    for number, question in enumerate(shuffled()):
        for answer in question["answers"]:
            tab_to(page, answer["answer"])  # every option, whatever was chosen before
            if answer["correct"]:
                page.keyboard.press("Space")
                feedback = fields.nth(number).locator(".unrolled-feedback[aria-live=polite]")
                sync_api.expect(feedback).to_contain_text(answer["feedback"])
    total = len(shuffled())
    sync_api.expect(page.locator(".unrolled-score")).to_have_text(f"{total} of {total} questions answered correctly.")
    for _ in range(PATIENCE // 100):  # the kernel hears of it a moment later
        if noted() == progress.PASSED:
            break
        page.wait_for_timeout(100)
    assert noted() == progress.PASSED


def test_an_arrow_moves_on_without_an_answer_and_enter_chooses(page):
    begin(page, "quiz.show")
    first = shuffled()[0]["answers"]
    field = page.locator(".unrolled fieldset").first
    before = field.locator(".unrolled-feedback").inner_text()
    active = page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex")
    page.keyboard.press("ArrowDown")
    assert focused(page) == first[1]["answer"]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert focused(page) == first[-1]["answer"]
    assert field.locator(".unrolled-feedback").inner_text() == before
    for answer in first:
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        sync_api.expect(field.locator(".unrolled-feedback")).to_contain_text(answer["feedback"])
        assert field.locator("input:checked").count() == 1
    # JupyterLab has not taken a key for its own
    assert page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex") == active
    assert page.evaluate("window.jupyterapp.shell.currentWidget.content.mode") == "command"


def test_several_right_options_are_ticked_and_unticked(page):
    number, question = next((n, q) for n, q in enumerate(shuffled()) if q["several"])
    field = page.locator(".unrolled fieldset").nth(number)
    boxes = field.locator("input[type=checkbox]")
    for box in boxes.all():
        box.uncheck()
    right = [place for place, answer in enumerate(question["answers"]) if answer["correct"]]
    feedback = field.locator(".unrolled-feedback")
    sync_api.expect(feedback).to_have_text("")
    boxes.nth(right[0]).check()
    sync_api.expect(feedback).to_contain_text("There is more to find.")
    for place in right[1:]:
        boxes.nth(place).check()
    sync_api.expect(feedback).to_contain_text("You have found them all.")


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_cards_turn_and_go_on_by_keyboard(page, key):
    begin(page, "cards.show")
    card = page.locator(".unrolled-card[aria-live=polite]")
    total = re.search(r"of (\d+)", card.inner_text())[1]
    for button, text in [("Next", "Card 2"), ("Back", "Card 1"), ("Back", f"Card {total}"), ("Next", "Card 1")]:
        page.locator(".unrolled button").first.focus()
        tab_to(page, button)
        page.keyboard.press(key)
        sync_api.expect(card).to_contain_text(f"{text} of {total}")
    assert "the axis that counts samples" not in card.inner_text()
    page.locator(".unrolled button").first.focus()
    tab_to(page, "Turn over")
    page.keyboard.press(key)
    sync_api.expect(card).to_contain_text("the axis that counts samples")
    page.keyboard.press(key)
    sync_api.expect(card).not_to_contain_text("the axis that counts samples")
    assert page.evaluate("window.jupyterapp.shell.currentWidget.content.mode") == "command"


@pytest.mark.parametrize("cell", ["quiz.show", "cards.show"])
def test_tab_and_escape_are_left_to_the_page(page, cell):
    begin(page, cell)
    places = [focused(page)]
    for key in ("Tab", "Tab", "Shift+Tab", "Escape"):
        page.keyboard.press(key)
        places.append(focused(page))
    assert len(set(places[:3])) == 3
    assert places[3] == places[1]
    keys = [pair for pair in page.evaluate("window.heard") if pair[0] in ("Tab", "Escape")]
    assert keys == [["Tab", False], ["Tab", False], ["Tab", False], ["Escape", False]]


def test_the_focus_is_seen(page):
    for cell in ("quiz.show", "cards.show"):
        begin(page, cell)
        page.keyboard.press("Tab")
        style = "getComputedStyle(document.activeElement.closest('label') ?? document.activeElement)"
        assert page.evaluate(f"{style}.outlineStyle") == "solid"
        assert page.evaluate(f"{style}.outlineWidth") == "2px"


@pytest.mark.parametrize("width", [1000, 420])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_every_text_is_legible_and_within_its_page(page, theme, width):
    page.set_viewport_size({"width": width, "height": 3000})
    set_theme(page, f"JupyterLab {theme}")
    field = page.locator(".unrolled fieldset").first
    for option in field.locator("input").all():  # right and wrong feedback
        option.check()
        found = page.evaluate(CONTRASTS, SHOWN)
        assert {text: round(ratio, 2) for text, ratio in found if ratio < 4.5} == {}
    said = " ".join(text for text, _ in found)
    for text in ("Turn over", "✓", "count: 3", "○ other: not attempted", "✗ output", "time-first", "RuntimeError:"):
        assert text in said, text
    wide = "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.className)"
    assert page.locator(".unrolled, .unrolled-panel, .unrolled fieldset").evaluate_all(wide) == []


@pytest.mark.parametrize(
    ("link", "document", "heading"),
    [("lesson 02_shapes", ".jp-NotebookPanel", "Output and h_n"), ("time-first", ".jp-MarkdownViewer", "time-first")],
)
def test_the_panel_leads_to_the_section_and_to_the_mistake(page, link, document, heading):
    page.set_viewport_size({"width": 1000, "height": 900})
    there = page.locator(f"{document}:not(.lm-mod-hidden) :is(h2, h3)").filter(has_text=re.compile(f"^{heading}\\b"))
    for _ in range(2):  # JupyterLab opens a notebook at its top; in one that is open it goes to the section
        page.locator(".lm-TabBar-tabLabel", has_text="shown.ipynb").click()
        page.locator(".unrolled-panel a", has_text=link).click()
        there.first.wait_for()
    sync_api.expect(there.first).to_be_in_viewport()


def test_nothing_is_asked_beyond_this_machine(opened):
    _, hosts = opened
    assert set(hosts) - {"127.0.0.1", ""} == set()  # data: and blob: have no host
    assert len(hosts) > 10

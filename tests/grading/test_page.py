"""What a student wrote, on the pages that instructors and students open: readable, and harmless in each of them."""

import base64
import copy
import functools
import io
import json
from pathlib import Path

import nbformat
import nbgrader
import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_markdown_cell, new_notebook
from PIL import Image

from course_utils.grading import page
from course_utils.grading.assignment import NOTICE, AssignmentSpec
from course_utils.grading.runtime.job import Cell

TEMPLATES = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"
RESOURCES = {
    "feedback": {"nbgrader": {"notebook": "ps", "score": 1, "max_score": 2, "late_penalty": 0}},
    "formgrade": {"index": 0, "total": 1, "base_url": "", "submission_id": "1", "notebook_path": "x", "student": "zoe"},
}
HEADING = '"><img src=x onerror=alert(1)>'


def as_file(kind: str, size=(4, 3)) -> str:
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


PNG, JPEG, GIF = as_file("PNG"), as_file("JPEG"), as_file("GIF")


@functools.cache
def exporter(template: str) -> HTMLExporter:
    css = TEMPLATES.parent / "static" / "node_modules" / "bootstrap" / "dist" / "css"
    return HTMLExporter(
        template_name=template, extra_template_basedirs=[str(TEMPLATES)], extra_template_paths=[str(css)]
    )


def render(notebook, template: str) -> BeautifulSoup:
    """The notebook as nbgrader's feedback or its Formgrader renders it: its part of the page."""
    resources = copy.deepcopy(RESOURCES[template])
    html, _ = exporter(template).from_notebook_node(nbformat.from_dict(notebook), resources)
    return BeautifulSoup(html, "html.parser").find_all(id="notebook-container")[-1]


def shown(text: str, template: str, pictures=None) -> BeautifulSoup:
    return render(new_notebook(cells=[new_markdown_cell(page.written(text, pictures or {}))]), template)


def dangers(part: BeautifulSoup) -> list[str]:
    """Everything of a page that could run, load or lead somewhere but to the web."""
    found = [str(tag) for tag in part.find_all(["script", "iframe", "object", "embed", "style", "form", "svg", "base"])]
    for tag in part.find_all(True):
        for name, value in tag.attrs.items():
            wild = name.startswith("on") or name in ("style", "id", "srcdoc", "formaction", "srcset", "background")
            loads = name in ("src", "href") and not str(value).startswith(
                ("data:image/png;base64,", "data:image/jpeg;base64,") if name == "src" else ("http", "mailto:", "#")
            )
            found += [f"{tag.name} {name}={value}"] if wild or loads else []
    return found


HOSTILE = {
    "script": "<script>alert(1)</script>",
    "handler": "<b onclick='alert(1)'>x</b> <img src=x onerror=alert(1)>",
    "javascript link": "[x](javascript:alert(1)) <a href='JaVaScRiPt:alert(1)'>x</a> <javascript:alert(1)>",
    "entity in a link": "[x](&#106;avascript:alert(1)) [x](java\tscript:alert(1)) [x](\x01javascript:alert(1))",
    "data link": "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "reference": "[x][r] ![y][r]\n\n[r]: javascript:alert(1) 'title'",
    "remote picture": "![x](https://evil.example/x.png) <img src='//evil.example/x.png'> ![x][r]\n\n[r]: http://e.example/x.png",
    "svg": "<svg onload=alert(1)><image href='http://e.example'/></svg> ![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "style": "<div style='position:fixed;top:0'>x</div><style>*{display:none}</style>",
    "relative link": "[x](../../formgrader/api/x) [y](/hub/logout) <form action=/x><button>x</button></form>",
    "frame": "<iframe src='https://e.example'></iframe><object data=x></object><embed src=x>",
    "unclosed": "<img src='x' alt='",
    "nested": "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "after an empty line": "<pre>\n\n[x](javascript:alert(1))\n\n<script>alert(1)</script>\n\n</pre>\n\n \t\n[x](javascript:1)",
    "in code": "```html\n<script>alert(1)</script>\n\n\n[x](javascript:alert(1))\n```\n`<img src=x onerror=alert(1)>`",
    "in math": "$</p><script>alert(1)</script>$ $$\n\n<img src=x onerror=alert(1)>\n\n$$ \\begin{a}<script>x</script>\\end{a}",
    "mutation": "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "comment": "<!-- x --><!--><script>alert(1)</script>-->",
    "noscript": "<noscript><p title='</noscript><img src=x onerror=a()>'>",
    "attachment": "![x](attachment:none.png) ![y](attachment:evil) <img src='attachment:evil'>",
    "title": f"[x](https://a.example '{HEADING}') ![{HEADING}](attachment:ok.png '{HEADING}')",
    "heading": f"# {HEADING}\n## <a name=top id=x>y</a>",
    "mermaid": "```mermaid\ngraph <img src=x onerror=alert(1)>\n```",
    "meta": "<meta http-equiv=refresh content='0;url=//e.example'><link rel=stylesheet href=//e.example><base href=//e.example>",
    "files": "[x](files/javascript:alert(1)) <a href='/files/x'>y</a>",
}


@pytest.mark.parametrize("template", RESOURCES)
@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_that_a_student_wrote_runs_or_loads(name, template):
    pictures = {"ok.png": PNG, "evil": base64.b64encode(b"<svg onload=alert(1)>").decode()}
    assert dangers(shown(HOSTILE[name], template, pictures)) == []


def test_the_search_for_dangers_finds_them():
    for text in HOSTILE.values():
        raw = render(new_notebook(cells=[new_markdown_cell(text.replace("attachment:", "x:"))]), "feedback")
        if dangers(raw):
            break
    else:
        pytest.fail("no raw text is dangerous")
    assert (
        len(
            dangers(
                BeautifulSoup(
                    "<p id=a onclick=b><img src=//c><a href=javascript:d>e</a><script></script>", "html.parser"
                )
            )
        )
        == 5
    )


@pytest.mark.parametrize("template", RESOURCES)
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a < b && c > d", "a < b && c > d"),
        ("$x_1 < y_2$ and *this*", "$x_1 < y_2$ and this"),
        ("$$\na_1 < b\n\n\\frac{1}{2}\n$$", "$$\na_1 < b\n\n\\frac{1}{2}\n$$"),
        ("`a < b` <b>bold</b>", "a < b bold"),
        ("```python\nx = a[0] < 1\n\n\ny\n```", "x = a[0] < 1\n\n\ny"),
        ("[site](https://a.example/?b=1&c=2)", "site"),
        ("| a | b |\n|---|---|\n| 1 | [2] |", "a\nb\n\n\n\n\n1\n[2]"),
        ("x" * 40_000 + " <b>", "x" * 40_000 + " <b>"),
        ("BEGIN HIDDEN TESTS", "BEGIN\N{NO-BREAK SPACE}HIDDEN TESTS"),
    ],
)
def test_honest_text_stays_readable(text, words, template):
    assert words in shown(text, template).get_text()


def test_formatting_survives():
    part = shown(
        "# head\n\n*em* **strong** `code`\n\n- item\n\n[site](https://a.example/?b=1&c=2)\n\n| a |\n|---|\n| 1 |",
        "feedback",
    )
    assert {"h1", "em", "strong", "code", "li", "a", "td"} <= {tag.name for tag in part.find_all(True)}
    assert part.find("a")["href"] == "https://a.example/?b=1&c=2"


@pytest.mark.parametrize("template", RESOURCES)
@pytest.mark.parametrize(("data", "start"), [(PNG, "data:image/png;base64,"), (JPEG, "data:image/jpeg;base64,")])
def test_a_pasted_picture_is_shown(data, start, template):
    for text in (
        "![p](attachment:my%20shot.png)",
        "![p](<attachment:my shot.png>)",
        "<img src='attachment:my shot.png' alt='p'>",
    ):
        (image,) = shown(text, template, {"my shot.png": data}).find_all("img")
        assert image["src"] == start + data
        assert image["alt"] == "p"


@pytest.mark.parametrize(
    "data",
    [
        GIF,
        "!!!",
        "",
        PNG[:40],
        base64.b64encode(b"x" * 100).decode(),
        "ü",
        as_file("PNG", (9000, 9000)),
        base64.b64encode(base64.b64decode(PNG) + b"\0" * 5 * 2**20).decode(),
    ],
    ids=["gif", "no base64", "empty", "cut", "no picture", "not ascii", "huge", "large file"],
)
def test_what_is_no_picture_becomes_a_note(data):
    part = shown("![p](attachment:a)", "feedback", {"a": data})
    assert part.find_all("img") == []
    assert "[picture left out" in part.get_text()


def spec(language=None, **attachments) -> AssignmentSpec:
    metadata = {"language_info": {"name": "python"}} if language is None else language
    return AssignmentSpec(
        "ps",
        [],
        {},
        [],
        [],
        metadata,
        {"one": {"nbgrader": {"grade_id": "one", "solution": True}}},
        attachments=attachments,
    )


def cells_of(*cells: Cell, outputs=None, **more):
    return json.loads(spec(**more).notebook(list(cells), outputs or {}, 1))


@pytest.mark.parametrize("template", RESOURCES)
def test_outputs_and_code_inject_nothing(template):
    evil = '"><script>alert(1)</script>'
    outputs = [
        {
            "output_type": "stream",
            "name": "stdout",
            "text": f"\x1b[31m{evil}\x1b[0m \x1b]8;;javascript:alert(1)\x07x\x1b]8;;\x07",
        },
        {"output_type": "display_data", "data": {"image/png": evil, "text/plain": evil}},
        {"output_type": "display_data", "data": {"image/png": PNG, "text/plain": "figure"}},
        {"output_type": "execute_result", "data": {"text/plain": f"\x1b[1;31;44m{evil}"}},
        {"output_type": "error", "ename": evil, "evalue": evil, "traceback": [evil, f"\x1b[38;2;1;2;3m{evil}"]},
    ]
    notebook = cells_of(Cell("added-1", "added", "code", f"x = 1 # {evil}"), outputs={"added-1": outputs})
    nbformat.validate(nbformat.from_dict(notebook))
    part = render(notebook, template)
    assert [found for found in dangers(part) if "id=cell-id=" not in found and "span style=" not in found] == []
    assert [image["src"] for image in part.find_all("img")] == [f"data:image/png;base64,{PNG}"]
    assert part.get_text().count("alert(1)") >= 6


@pytest.mark.parametrize("start", ["", "%%html\n", "%%javascript \n", "%%bash\n"])
@pytest.mark.parametrize("template", RESOURCES)
def test_a_long_line_is_shown_without_colours(start, template):
    text = start + "x = 1\n" + "a." * 10_000 + "b"
    for kind in (None, {}, {"language_info": {"name": "python", "pygments_lexer": "ipython3"}}):
        part = render(cells_of(Cell("one", "answer", "code", text), language=kind), template)
        assert text in part.get_text()
        assert part.find(class_="highlight").find_all("span", class_=True) == []


def test_short_lines_keep_their_colours():
    part = render(cells_of(Cell("one", "answer", "code", "def f():\n    return 1")), "feedback")
    assert part.find("span", class_="k").get_text() == "def"


@pytest.mark.parametrize("template", RESOURCES)
def test_the_sources_own_pictures_are_shown(template):
    picture = {"image.png": {"image/png": PNG}}
    notebook = cells_of(Cell("ask", "instructor", "markdown", "![p](attachment:image.png)"), ask=picture)
    assert render(notebook, template).find("img")["src"] == f"data:image/png;base64,{PNG}"


@pytest.mark.parametrize("template", RESOURCES)
def test_notes_are_at_the_top_of_each_page(template):
    notes = [
        "one: answered in a new cell; taken from there",
        "taken from <img src=x onerror=alert(1)>.ipynb [x](javascript:1)",
    ]
    notebook = json.loads(spec().notebook([Cell("one", "answer", "code", "x")], {}, 1, notes))
    assert notebook["cells"][0]["id"] == NOTICE
    part = render(notebook, template)
    assert [item.get_text() for item in part.find_all("li")] == notes
    assert part.get_text().index("How your notebook was read") < part.get_text().index("Student's answer")
    assert part.find_all("img") == part.find_all("a", href=lambda link: "javascript" in (link or "")) == []


def test_the_marks_of_hidden_tests_are_left_where_nbgrader_must_find_them():
    text = "### BEGIN HIDDEN TESTS\nx\n### END HIDDEN TESTS"
    test, answer = cells_of(Cell("t", "test", "code", text), Cell("one", "answer", "code", text))["cells"]
    assert test["source"] == text
    assert answer["source"] == text.replace("N H", "N\N{NO-BREAK SPACE}H").replace("D H", "D\N{NO-BREAK SPACE}H")

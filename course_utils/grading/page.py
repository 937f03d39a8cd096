"""A submission's cells as a page may show them, whichever page: feedback, Formgrader or JupyterLab.

These pages render an autograded notebook without cleaning it, in the browsers of instructors and students. So what
is written here is safe by itself: a student's Markdown is rendered, cleaned, and kept as one block of HTML.
"""

from __future__ import annotations

import base64
import binascii
import html
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

import nh3
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from PIL import Image

LONG_TEXT = 30_000  # characters of Markdown; rendering more could take seconds
LONG_LINE = 500  # characters of code; colouring a line takes time that grows with its square
LONG_CODE = 50_000
MAX_PICTURE = 5 * 2**20  # bytes
MAX_PIXELS = 50_000_000
LEFT_OUT = "[picture left out: only PNG and JPEG files in the notebook are shown]"

TAGS = set(
    "p br hr h1 h2 h3 h4 h5 h6 strong b em i u s del sub sup code pre kbd samp var blockquote q ul ol li dl dt dd "  # noqa: SIM905
    "table thead tbody tr th td a img details summary div".split()
)
ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title", "width", "height"}, "ol": {"start"}}
LINK = re.compile(r"(?:https?://|mailto:|#)", re.IGNORECASE)
DELIMITER = re.compile(r"(BEGIN|END) (HIDDEN|SOLUTION|MARK)")
IMG = re.compile(r'<img((?:\s+[a-z]+="[^"]*")*)\s*/?>')


def code_cell(text: str, outputs: Iterable[Mapping[str, Any]], count: int, is_students: bool = True) -> dict[str, Any]:
    """The parts of a code cell that depend on the submission; `metadata` is to be merged."""
    metadata = {}
    shown = without_delimiters(text) if is_students else text  # nbgrader cuts hidden tests by these marks
    longest = max(map(len, shown.split("\n")))
    if longest > LONG_LINE or len(shown) > LONG_CODE:
        metadata["magics_language"] = "text"  # nbconvert's own mark for "colour this cell as something else"
        if shown.lstrip().startswith("%%"):  # else nbconvert would replace the mark
            shown = f"# shown without colours, because a line has {longest} characters\n{shown}"
    results = [output(each, count) for each in outputs]
    return {"source": shown, "metadata": metadata, "outputs": results, "execution_count": count}


def written(text: str, pictures: Mapping[str, str]) -> str:
    """A student's Markdown as one block of clean HTML: no script, no foreign picture, no link but to the web."""
    if len(text) > LONG_TEXT:
        return block(f"<pre>{html.escape(text)}</pre>")
    checked = {f"attachment:{name}": picture(data) for name, data in pictures.items()}
    rendered = MarkdownWithMath(renderer=_Renderer(escape=False, exclude_anchor_links=True)).render(text)

    def attribute(tag: str, name: str, value: str) -> str | None:
        if (tag, name) == ("img", "src"):
            return checked.get(unquote(value))
        return value if name != "href" or LINK.match(value) else None

    schemes = {"http", "https", "mailto", "attachment"}
    clean = nh3.clean(rendered, TAGS, attributes=ATTRIBUTES, attribute_filter=attribute, url_schemes=schemes)
    return block(IMG.sub(lambda found: found[0] if " src=" in found[1] else LEFT_OUT, clean))


def block(clean: str) -> str:
    """Clean HTML as Markdown that every renderer passes on as it is: a <div> without an empty line or a bracket."""
    text = without_delimiters(clean.strip()).replace("[", "&#91;")
    text = re.sub(r"\n(?=[ \t\v\f]*(?:\n|$))", "&#10;", text)
    return f"<div>\n{text}\n</div>"


def notice(lines: Iterable[str]) -> str:
    """The lines that tell a student, at the top of his page, how his submission was read."""
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return block(f"<p><strong>How your notebook was read</strong></p><ul>{items}</ul>")


def picture(data: str) -> str | None:
    """A picture as a data URL; None unless it is a PNG or JPEG file of a sensible size."""
    try:
        content = base64.b64decode("".join(data.split()), validate=True)
        if len(content) > MAX_PICTURE:
            return None
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            kind, (width, height) = image.format, image.size
            image.verify()
    except Exception:  # whatever Pillow makes of a stranger's file
        return None
    if width * height > MAX_PIXELS:
        return None
    return f"data:image/{str(kind).lower()};base64,{base64.b64encode(content).decode()}"


def output(found: Mapping[str, Any], count: int) -> dict[str, Any]:
    """An output in the form of the notebook format, which wants some fields for some kinds."""
    shown = dict(found)
    if "data" in found:
        shown |= {"metadata": {}, "data": {mime: data for mime, data in found["data"].items() if _fits(mime, data)}}
    if found["output_type"] == "execute_result":
        shown["execution_count"] = count
    return shown


def without_delimiters(text: str) -> str:
    """The text with a no-break space in nbgrader's delimiters, for which its feedback would take them."""
    return DELIMITER.sub("\\1\N{NO-BREAK SPACE}\\2", text)


def _fits(mime: str, data: Any) -> bool:
    """Whether the data are what their type says, as far as that matters to a page."""
    if mime != "image/png":
        return True
    try:
        return base64.b64decode("".join(data.split()), validate=True)[:8] == b"\x89PNG\r\n\x1a\n"
    except (binascii.Error, ValueError, AttributeError):
        return False


class _Renderer(IPythonRenderer):
    """nbconvert's own, without colours and without looking for the attachments."""

    def block_code(self, code: str, info: str | None = None) -> str:
        return f"<pre><code>{html.escape(code)}</code></pre>\n"

    def _embed_image_or_attachment(self, src: str) -> str:
        return src

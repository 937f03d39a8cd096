"""Make docs/mistakes.md from the catalogue: `make mistakes`. Each example is run, and what it prints is quoted."""

from __future__ import annotations

import contextlib
import io
import itertools
import warnings
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import rnn

from course_utils.mistakes import CATALOGUE, Mistake

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "mistakes.md"

HEAD = """\
# The mistakes that the checks know

Each of these has a name that a check prints when an answer is exactly what the mistake gives.
*Silent* means that with some sizes it passes without any error; its example may show a case where it raises.
The examples run after `import torch`, `from torch import nn`, `from torch.nn import functional as F`
and `from torch.nn.utils.rnn import *`, with `torch.manual_seed(0)`.
This page is made from `course_utils/mistakes/` by `make mistakes`.
"""

ENTRY = """\
### {id}

**{title}.** {symptom}
{question}
*Lesson {lesson}, “{section}”{silent}.*

```python
{example}
```
```text
{result}
```
"""

CUDA_ONLY = {
    "lengths-on-gpu": "RuntimeError: 'lengths' argument should be a 1D CPU int64 tensor, but got 1D cuda:0 Long tensor"
}


def run_example(mistake: Mistake) -> tuple[str, str]:
    """What the example prints, and the first line of the error or warning that it raises."""
    scope = {"torch": torch, "nn": nn, "F": F, **{name: getattr(rnn, name) for name in rnn.__all__}}
    torch.manual_seed(0)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            exec(compile(mistake.example, mistake.id, "exec"), scope)
            error = str(warned[0].message) if warned else ""
        except Exception as raised:
            error = str(raised).splitlines()[0]
    return printed.getvalue().strip(), error


def entry(mistake: Mistake) -> str:
    printed, error = run_example(mistake)
    lesson, section = mistake.see
    return ENTRY.format(
        **{name: getattr(mistake, name) for name in ("id", "title", "symptom", "question")},
        lesson=lesson,
        section=section,
        silent=", silent" if mistake.silent else "",
        example=mistake.example.strip(),
        result=CUDA_ONLY.get(mistake.id) or "\n".join(part for part in (printed, error) if part),
    )


def page() -> str:
    """The whole page, the mistakes in the order of the lessons that explain them."""
    parts = [HEAD]
    for lesson, group in itertools.groupby(sorted(CATALOGUE, key=lambda m: m.see[0]), key=lambda m: m.see[0]):
        parts += [f"## Lesson {lesson}\n", *map(entry, group)]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}: {len(CATALOGUE)} mistakes")

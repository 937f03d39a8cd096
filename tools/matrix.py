"""Which mutant is named what: each wrong answer of the tasks, run through its check on many draws.

`make mistakes` prints it as a table and draws it to docs/pictures/mistakes.svg.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections import Counter

import torch
from matplotlib.figure import Figure

from course_utils.mistakes import BY_ID
from course_utils.plots import Picture
from course_utils.verdict import CheckFailed
from notebooks import ROOT
from tasks import TASKS, Task

PASSED, UNNAMED = "(passed)", "(unnamed)"


def verdict(task: Task, answer, seed: int) -> tuple[str, ...]:
    """The ids that the task's real check names, or that there are none, or that the answer passes."""
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            task.check(answer, task.draw(seed))
        except CheckFailed as failed:
            return failed.mistakes or (UNNAMED,)
    return (PASSED,)


def matrix(seeds: int) -> dict[str, Counter[str]]:
    """Mistake that a mutant makes -> how often each id is named, over all its tasks and `seeds` draws."""
    named: dict[str, Counter[str]] = {mistake: Counter() for mistake in BY_ID}
    for task in TASKS:
        for mistake, answer in task.wrong.items():
            for seed in range(seeds):
                named[mistake].update(verdict(task, answer, seed))
    return named


def table(named: dict[str, Counter[str]]) -> str:
    """A line for each mistake: how many mutants were run, and how many of them got each name."""
    width = max(map(len, named))
    lines = [f"{'mutants that make':{width}}  named as (share of the runs)"]
    for mistake, counts in named.items():
        total = sum(counts.values())
        shares = ", ".join(f"{name} {count / total:.0%}" for name, count in counts.most_common())
        lines.append(f"{mistake:{width}}  {shares}  ({total} runs)")
    return "\n".join(lines)


def picture(named: dict[str, Counter[str]]) -> Picture:
    """The same as a picture: row = the mistake that is made, column = the name that the check gives."""
    names = [*named, UNNAMED, PASSED]
    shares = torch.tensor([[named[row][column] for column in names] for row in named], dtype=torch.float32)
    shares /= shares.sum(1, keepdim=True)
    figure = Figure(figsize=(15, 14), layout="constrained")
    panel = figure.subplots()
    panel.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1.3)
    panel.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    panel.set_yticks(range(len(named)), list(named), fontsize=7)
    panel.set(xlabel="named by the check", ylabel="made by the mutant", title="Mutants by the name that they get")
    diagonal = float(shares.diagonal().mean())
    return Picture(figure, f"A matrix of {len(named)} mistakes by the name given: {diagonal:.0%} on the diagonal.")


def main() -> None:
    os.environ["UNROLLED_AUTHOR"] = "1"
    torch.set_num_threads(1)
    named = matrix(seeds=20)
    print(table(named))
    wrong = {mistake: counts for mistake, counts in named.items() if set(counts) != {mistake}}
    print(f"\n{len(named) - len(wrong)} of {len(named)} mistakes on the diagonal, and nothing off it in them.")
    target = ROOT / "docs" / "pictures" / "mistakes.svg"
    picture(named).save(target)
    print(f"wrote {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

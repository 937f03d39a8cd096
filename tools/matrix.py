"""Which mutant is named what: each wrong answer of the tasks, run through its check on many draws.

`make mistakes` prints it as a table and draws it to docs/pictures/mistakes.svg.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
from collections import Counter
from unittest import mock

import torch
from matplotlib.figure import Figure

from course_utils import failure
from course_utils.mistakes import BY_ID, CATALOGUE, Mistake, diagnose, diagnose_error
from course_utils.plots import Picture
from course_utils.verdict import CheckFailed
from notebooks import ROOT
from tasks import TASKS, Answer, Task

PASSED, UNNAMED = "(passed)", "(unnamed)"
# A probe that answers yes or no cannot tell these apart, so a check of a model names both.
TOGETHER = (("forgot-batch-first", "reshape-to-swap"), ("last-step-of-padding", "mean-over-padding"))


def verdict(task: Task, answer: Answer, seed: int) -> tuple[str, ...]:
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
        for mistake, answer in task.mutants():
            for seed in range(seeds):
                found = verdict(task, answer, seed)
                named[mistake].update((mistake,) if mistake in found and found in TOGETHER else found)
    return named


def unmatched(seeds: int) -> list[str]:
    """The simulations of the catalogue, as "id[index]", that no mutant of their mistake matches alone."""
    left = {(mistake.id, index) for mistake in CATALOGUE for index in range(len(mistake.simulations))}
    for task in TASKS:
        for mistake, answer in task.mutants():
            if any(name == mistake for name, _ in left):
                for seed in range(seeds):
                    found = matching(BY_ID[mistake], task, answer, seed)
                    left -= {(mistake, *found)} if len(found) == 1 else set()
    return [f"{name}[{index}]" for name, index in sorted(left)]


def matching(mistake: Mistake, task: Task, answer: Answer, seed: int) -> set[int]:
    """Which simulations of the mistake give what the answer gives, or raise what it raises."""
    found: set[int] = set()
    alone = [dataclasses.replace(mistake, simulations=(simulation,)) for simulation in mistake.simulations]

    def by_value(catalogue, inputs, matches):
        found.update(index for index, one in enumerate(alone) if diagnose([one], inputs, matches))
        return diagnose(catalogue, inputs, matches)

    def by_error(catalogue, message, inputs):
        raised = [one.messages(inputs) for one in alone]
        found.update(index for index, texts in enumerate(raised) if any(message.startswith(text) for text in texts))
        return diagnose_error(catalogue, message, inputs)

    with mock.patch.multiple(failure, diagnose=by_value, diagnose_error=by_error):
        verdict(task, answer, seed)
    return found


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

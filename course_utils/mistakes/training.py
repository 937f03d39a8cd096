"""Mistakes with losses and training: lessons 07 and 08."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from .language import perplexity_over_padding
from .mistake import Mistake

CLASS_AXIS = ("07_losses_and_masks", "The class axis")
LOGITS = ("07_losses_and_masks", "Logits and losses")


def _flat(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    return logits.reshape(-1, logits.shape[-1]), targets.flatten()


def _some_targets(targets):
    if (targets == -100).all():
        raise ValueError("every loss is NaN without targets")


def _classes_by_view(logits, targets):
    _some_targets(targets)
    batch, time, classes = logits.shape
    return F.cross_entropy(logits.reshape(batch, classes, time), targets)


def _steps_for_classes(logits, targets):
    _some_targets(targets)
    if logits.dim() != 3:
        raise ValueError("one label a step only")
    return F.cross_entropy(logits, targets)


def _softmax_first(logits, targets):
    _some_targets(targets)
    flat, labels = _flat(logits, targets)
    return F.cross_entropy(flat.softmax(-1), labels)


def _softmax_first_masked(logits, targets, mask):
    return _softmax_first(logits[mask], targets[mask])


def _loss_over_padding(logits, targets, mask):
    return F.cross_entropy(*_flat(logits, targets))


def _class_ignored(logits, targets, mask):
    """Ignore the label that fills the padding, wherever it occurs."""
    (fill,) = targets[~mask].unique()
    if not (targets[mask] == fill).any():
        raise ValueError("right where no valid step has this label")
    return F.cross_entropy(*_flat(logits, targets), ignore_index=int(fill))


def _mask_above_only(logits, targets, mask):
    return (F.cross_entropy(*_flat(logits, targets), reduction="none") * mask.flatten()).mean()


def _nothing_left(logits, targets):
    if not (targets == -100).all():
        raise ValueError("there are targets")
    return F.cross_entropy(*_flat(logits, targets))


def _column_against_row(metric, predictions, targets):
    column = predictions.flatten()[:, None]
    if metric == "mse":
        return ((column - targets.flatten()) ** 2).mean()
    return (column == targets.flatten()).sum() / len(column) if metric == "accuracy" else None


def _mean_of_the_table(metric, predictions, targets):
    column = predictions.flatten()[:, None]
    return (column == targets.flatten()).float().mean() if metric == "accuracy" else None


def _table_of_errors(metric, forecast, actual):
    return {"mae": (forecast.flatten()[:, None] - actual.flatten()).abs().mean()}[metric]


TRAINING: tuple[Mistake, ...] = (
    Mistake(
        id="class-axis",
        title="The classes on the wrong axis",
        symptom="The loss expects the classes on the second axis, and here they are on another one.",
        question="On which axis of your logits are the classes, and where does the loss look for them?",
        see=CLASS_AXIS,
        simulations=(_classes_by_view, _steps_for_classes),
        raises=r"Expected target size \[\d+, \d+\], got \[\d+, \d+\]",
        example="""
logits, targets = torch.randn(8, 5, 3), torch.zeros(8, 5, dtype=torch.long)  # 3 classes
F.cross_entropy(logits, targets)
""",
    ),
    Mistake(
        id="softmax-before-loss",
        title="Softmax before a loss that has its own",
        symptom="The loss got probabilities, and it turns them into probabilities again.",
        question="What does this loss do with its input first?",
        see=LOGITS,
        simulations=(_softmax_first, _softmax_first_masked),
        example="""
certain, target = torch.tensor([[100.0, -100.0]]), torch.tensor([0])
print("logits", F.cross_entropy(certain, target).item(), " softmax first",
      round(F.cross_entropy(certain.softmax(-1), target).item(), 3))
""",
    ),
    Mistake(
        id="loss-over-padding",
        title="A loss that learns the padding",
        symptom="The padded steps count in the loss like all others.",
        question="Which steps have a real label?",
        see=("07_losses_and_masks", "Masks in the loss"),
        simulations=(_loss_over_padding, perplexity_over_padding),
        example="""
logits, targets = torch.zeros(1, 4, 2), torch.tensor([[1, 1, 0, 0]])  # two steps, then padding labelled 0
logits[..., 0] = 3.0  # a model that always says 0
print("all steps", round(F.cross_entropy(logits.transpose(1, 2), targets).item(), 2),
      " valid steps", round(F.cross_entropy(logits[0, :2], targets[0, :2]).item(), 2))
""",
    ),
    Mistake(
        id="class-ignored-as-padding",
        title="A class ignored because the padding has its label",
        symptom="The label that fills the padding is ignored, and so are the valid steps that have this label.",
        question="Which valid steps have the same label as the padding?",
        see=("07_losses_and_masks", "Masks in the loss"),
        simulations=(_class_ignored,),
        example="""
logits, targets = torch.zeros(1, 4, 2), torch.tensor([[0, 1, 0, 0]])  # two steps, then padding labelled 0
logits[..., 1] = 3.0  # a model that always says 1
print("0 ignored", round(F.cross_entropy(logits[0], targets[0], ignore_index=0).item(), 2),
      " valid steps", round(F.cross_entropy(logits[0, :2], targets[0, :2]).item(), 2))
""",
    ),
    Mistake(
        id="mask-above-only",
        title="The mask in the numerator only",
        symptom="The padding is left out of the sum but not out of the count.",
        question="What is the sum divided by?",
        see=("07_losses_and_masks", "Masks in the loss"),
        simulations=(
            _mask_above_only,
            lambda predictions, targets, mask: ((predictions == targets) & mask).float().mean(),
        ),
        example="""
right, mask = torch.tensor([True, True, False, False]), torch.tensor([True, True, False, False])
print("every valid step is right, and this says", (right & mask).float().mean().item())
""",
    ),
    Mistake(
        id="all-targets-ignored",
        title="A mean over nothing",
        symptom="No target is left to average over, so the mean divides zero by zero.",
        question="How many steps are left once the ignored ones are gone?",
        see=("07_losses_and_masks", "Masks in the loss"),
        simulations=(_nothing_left,),
        example="""
print(F.cross_entropy(torch.randn(4, 3), torch.full((4,), -100)))
""",
    ),
    Mistake(
        id="graph-kept",
        title="A state that carries its whole history",
        symptom="The state still refers to the graph of the previous batch, which has been freed.",
        question="Which tensor of the previous batch goes into this one, and does its history have to come along?",
        see=("08_gradients_and_gates", "Truncated backpropagation"),
        raises=r"Trying to backward through the graph a second time",
        silent=False,
        example="""
layer, state = nn.RNN(5, 3), torch.zeros(1, 4, 3)
for _ in range(2):
    output, state = layer(torch.randn(7, 4, 5), state)
    output.sum().backward()
""",
    ),
    Mistake(
        id="column-against-row",
        title="A column compared with a row",
        symptom="Every prediction was compared with every target: (batch, 1) and (batch,) give (batch, batch).",
        question="What are the shapes of the two sides, and what is the shape of the result?",
        see=("07_losses_and_masks", "Find the bug"),
        simulations=(_column_against_row, _mean_of_the_table, _table_of_errors),
        example="""
predictions, targets = torch.ones(8, 1), torch.ones(8)
print("accuracy", ((predictions == targets).sum() / 8).item())
""",
    ),
)

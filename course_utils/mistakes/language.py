"""Mistakes with language models: lesson 09."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from .mistake import Mistake

TARGETS = ("09_language_model", "The next character")
PERPLEXITY = ("09_language_model", "Perplexity")


def _step_losses(metric, logits, targets):
    """(batch, time) losses in nats, if it is the perplexity that is asked for."""
    if metric != "perplexity":
        raise ValueError("another number is asked for")
    return F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")


def _loss(metric, logits, targets, mask):
    return _step_losses(metric, logits, targets)[mask].mean()


def _power_of_two(metric, logits, targets, mask):
    return 2 ** _loss(metric, logits, targets, mask)


def perplexity_over_padding(metric, logits, targets, mask):
    """Let the steps of the padding count like any others."""
    return _step_losses(metric, logits, targets).mean().exp()


def perplexity_by_sequence(metric, logits, targets, mask):
    """Average the loss of each sequence first, and these averages afterwards."""
    losses = _step_losses(metric, logits, targets) * mask
    return (losses.sum(1) / mask.sum(1)).mean().exp()


def _state_kept(layer, unrelated):
    state, outputs = None, []
    for batch in unrelated:
        output, state = layer(batch, state)
        outputs.append(output)
    return torch.cat(outputs)


LANGUAGE: tuple[Mistake, ...] = (
    Mistake(
        id="target-is-input",
        title="A target that has just been read",
        symptom="At each step the target is the character that goes in at this very step.",
        question="What does the model know at this step, and what is it to guess?",
        see=TARGETS,
        simulations=(lambda stream: stream[:-1],),
        example="""
text = ".ada."
print("reads", text[:-1], " must predict", text[:-1])
""",
    ),
    Mistake(
        id="target-one-too-far",
        title="Targets that were shifted twice",
        symptom="At each step the target is the character after the next one.",
        question="Which characters are never a target here?",
        see=TARGETS,
        simulations=(lambda stream: stream[2:],),
        example="""
text = ".ada."
print("reads", text[:-2], " must predict", text[2:])
""",
    ),
    Mistake(
        id="loss-for-perplexity",
        title="A loss that was not turned into a perplexity",
        symptom="This is the loss itself, or a power of it with the wrong base.",
        question="Which logarithm is in the loss, and what undoes it?",
        see=PERPLEXITY,
        simulations=(_loss, _power_of_two),
        example="""
loss = F.cross_entropy(torch.zeros(1, 8), torch.tensor([3])).item()  # 8 symbols, all alike
print("loss", round(loss, 2), " 2 to its power", round(2**loss, 2), " symbols", 8)
""",
    ),
    Mistake(
        id="state-of-other-sequences",
        title="A state that belongs to other sequences",
        symptom="Each batch after the first begins with what the layer remembers of the batch before.",
        question="What have these sequences to do with those that were read before them?",
        see=("09_language_model", "Find the bug"),
        simulations=(_state_kept,),
        example="""
layer, first, second = nn.RNN(5, 3), torch.randn(7, 4, 5), torch.randn(7, 4, 5)
_, state = layer(first)
print("second batch as it is alone:", torch.allclose(layer(second)[0], layer(second, state)[0]))
""",
    ),
)

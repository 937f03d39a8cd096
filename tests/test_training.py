"""The training loop: it learns, repeats with a seed, clips, and says when an epoch is over."""

import torch
from torch import nn

from course_utils.training import fit

X = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
Y = X @ torch.tensor([1.0, -2.0, 3.0])


def trained(seed: int = 0, scale: float = 1.0, **settings) -> tuple[nn.Module, list[float]]:
    torch.manual_seed(seed)
    model = nn.Linear(3, 1)
    losses = fit(model, lambda rows: scale * ((model(X[rows])[:, 0] - Y[rows]) ** 2).mean(), 64, epochs=20, **settings)
    return model, losses


def test_the_loss_goes_down_and_there_is_one_for_each_epoch():
    model, losses = trained(lr=0.1)
    assert len(losses) == 20
    assert losses[-1] < 0.1 * losses[0]
    assert not model.training


def test_the_same_seed_gives_the_same_run_and_another_one_another():
    assert trained()[1] == trained()[1] != trained(seed=1)[1]


def test_the_loss_of_an_epoch_is_the_mean_over_examples_though_the_last_batch_is_small():
    seen = []

    def loss_of(rows):
        seen.append(len(rows))
        return model.weight.sum() * 0 + float(len(rows))

    model = nn.Linear(1, 1)
    (mean,) = fit(model, loss_of, 10, epochs=1, batch_size=4)
    assert seen == [4, 4, 2]
    assert mean == (4 * 4 + 4 * 4 + 2 * 2) / 10


def test_gradients_are_clipped(monkeypatch):
    norms = []
    clip = nn.utils.clip_grad_norm_
    monkeypatch.setattr(nn.utils, "clip_grad_norm_", lambda weights, top: norms.append(top) or clip(weights, top))
    trained(scale=1e6, max_grad_norm=0.5)
    assert norms == [0.5] * 40


def test_after_each_epoch_the_model_is_shown_in_evaluation_mode():
    model, modes = nn.Linear(3, 1), []
    fit(
        model, lambda rows: model(X[rows]).mean(), 64, epochs=3, after_epoch=lambda n: modes.append((n, model.training))
    )
    assert modes == [(0, False), (1, False), (2, False)]

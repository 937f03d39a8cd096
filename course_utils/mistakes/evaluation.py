"""Mistakes with forecasts, splits and choices: lessons 12, 13 and 15."""

from __future__ import annotations

import torch

from .mistake import Mistake, behaves

ERRORS = ("13_forecast_errors", "MSE, RMSE, MAE")
NAIVE = ("13_forecast_errors", "Naive forecasts")
SCALER = ("12_data_leakage", "The scaler")
SPLIT = ("12_data_leakage", "Shuffled windows")


def _lagged(metric, name, series, lag):
    return {name: float((series[lag:] - series[:-lag]).abs().mean())}[metric]


def _wrapped(metric, name, series, lag):
    return {name: float((series - series.roll(lag)).abs().mean())}[metric]


def _signed_ratio(metric, forecast, actual, train):
    return {"mase": float((forecast - actual).mean() / train.diff().abs().mean())}[metric]


def _signed(metric, forecast, actual):
    """Average the errors with their signs; a column of forecasts is one forecast per row."""
    mean = float((forecast.flatten() - actual).mean())
    return {"mae": mean, "rmse": mean}[metric]


def _root_of_signed(metric, forecast, actual):
    """NaN where the errors are negative on average, as torch's sqrt gives."""
    return {"rmse": float((forecast.flatten() - actual).mean().sqrt())}[metric]


def _signed_move(metric, name, series, lag):
    return {name: float((series[lag:] - series[:-lag]).mean())}[metric]


def _squared(metric, forecast, actual):
    return {"rmse": float(((forecast - actual) ** 2).mean())}[metric]


def _absolute(metric, forecast, actual):
    return {"rmse": float((forecast - actual).abs().mean())}[metric]


def _scaled_by_test(metric, forecast, actual, train):
    error, naive = (forecast - actual).abs().mean(), (actual[1:] - actual[:-1]).abs().mean()
    return {"mase": float(error / naive)}[metric]


def _standardized(numbers, fitted, correction):
    return (numbers - fitted.mean(0)) / fitted.std(0, correction=correction)


def _rows(part):
    """Row numbers as integers; True and False are a mask and no row numbers."""
    rows = part.tolist() if hasattr(part, "tolist") else list(part)
    if any(isinstance(row, bool) for row in rows):
        raise TypeError("a mask")
    return [int(row) for row in rows]


def _not_the_last(value, windows):
    """Return the test windows where some later window is not among them."""
    chosen = sorted(_rows(value))
    if chosen == list(range(chosen[0], chosen[0] + len(chosen))):
        raise ValueError("one block, so not shuffled")
    return value


def _too_early(value, windows, span):
    """One block of pieces to the end that begins before the first piece without a step of the training part."""
    chosen = sorted(_rows(value))
    if chosen != list(range(chosen[0], windows)) or chosen[0] >= windows * 4 // 5 + span - 1:
        raise ValueError("no block to the end, or its gap is long enough")
    return value


def _in_both(value, items):
    if set(_rows(value[0])) & set(_rows(value[1])):
        raise ValueError("a row is in both parts: the rows were miscounted")
    train, test = ({items[row] for row in _rows(part)} for part in value)
    if not train & test:
        raise ValueError("nothing is in both parts")
    return value


EVALUATION: tuple[Mistake, ...] = (
    Mistake(
        id="scaler-fitted-on-everything",
        title="A scaler that has seen the test set",
        symptom="The mean and the standard deviation come from training and test data together.",
        question="Which numbers are known on the day the model is trained?",
        see=SCALER,
        simulations=(
            lambda train, test: _standardized(test, torch.cat([train, test]), 1),
            lambda train, test: _standardized(test, torch.cat([train, test]), 0),
        ),
        example="""
series = torch.arange(10.0)  # a trend; the last three steps are the test set
print("mean of everything", series.mean().item(), " mean of the training part", series[:7].mean().item())
""",
    ),
    Mistake(
        id="scaler-fitted-on-test",
        title="A second scaler for the test set",
        symptom="The mean, the standard deviation or both come from the test data.",
        question="Does a number mean the same to the model in training and in the test?",
        see=SCALER,
        simulations=(
            lambda train, test: _standardized(test, test, 1),
            lambda train, test: _standardized(test, test, 0),
            lambda train, test: (test - test.mean(0)) / train.std(0),
            lambda train, test: (test - train.mean(0)) / test.std(0),
        ),
        example="""
train, test = torch.tensor([0.0, 2.0]), torch.tensor([10.0, 12.0])
print("to the model the test looks like", ((test - test.mean()) / test.std()).tolist())
print("and so did the training data    ", ((train - train.mean()) / train.std()).tolist())
""",
    ),
    Mistake(
        id="shuffled-windows",
        title="Windows of one series, shuffled before the split",
        symptom="Some test windows lie before training windows, and between their neighbours.",
        question="What does the model learn in training about the days around a test window?",
        see=SPLIT,
        simulations=(_not_the_last,),
        example="""
order = torch.randperm(10)
print("train", sorted(order[:7].tolist()), " test", sorted(order[7:].tolist()))
""",
    ),
    Mistake(
        id="gap-too-short",
        title="Test windows that overlap the training windows",
        symptom="The first of these test pieces share steps with the last training piece.",
        question="Which steps are in the last training piece, and where may the first test piece start?",
        see=SPLIT,
        simulations=(_too_early,),
        example="""
pieces = torch.arange(12).unfold(0, 5, 1)  # pieces of 5 steps
print("last of training", pieces[5].tolist(), " first of the test", pieces[6].tolist())
""",
    ),
    Mistake(
        id="duplicates-across-split",
        title="The same item in training and test",
        symptom="Some items of the test set are in the training set, word for word.",
        question="Could you tell a model that has memorised from one that has understood?",
        see=("12_data_leakage", "Duplicates and groups"),
        simulations=(lambda value, texts: _in_both(value, texts),),
        example="""
texts = ["call me", "win now", "call me", "see you"]
print("in both parts:", set(texts[:2]) & set(texts[2:]))
""",
    ),
    Mistake(
        id="group-across-split",
        title="The same person in training and test",
        symptom="Some groups have items in both parts.",
        question="Will the model meet the same people again when it is used?",
        see=("12_data_leakage", "Duplicates and groups"),
        simulations=(lambda value, groups: _in_both(value, groups),),
        example="""
speakers = ["ann", "bob", "ann", "eve"]
print("in both parts:", set(speakers[:2]) & set(speakers[2:]))
""",
    ),
    Mistake(
        id="bidirectional-next-step",
        title="A forecast that reads what it forecasts",
        symptom="Earlier outputs move when a later input changes.",
        question="What has your model read when it answers for a step, and how could a later step get in?",
        see=("12_data_leakage", "A look into the future"),
        simulations=(behaves("sees_future"),),
        example="""
layer, batch = nn.RNN(5, 3, batch_first=True, bidirectional=True), torch.randn(1, 7, 5)
changed = batch.clone()
changed[:, -1] += 1  # the last step
print("first output moves:", not torch.allclose(layer(batch)[0][:, 0], layer(changed)[0][:, 0]))
""",
    ),
    Mistake(
        id="targets-shifted",
        title="Targets that are in the input",
        symptom="Each target is the last value of its own window.",
        question="Which step does the window end with, and which step do you forecast?",
        see=("13_forecast_errors", "Windows and targets"),
        simulations=(
            lambda series, window: series[window - 1 : -1],
            lambda series, window: series[window - 1 :],
        ),
        example="""
series, window = torch.arange(6), 3
windows = series.unfold(0, window, 1)[:-1]
print("window", windows[0].tolist(), " target", series[window - 1 : -1][0].item())
""",
    ),
    Mistake(
        id="squared-for-root",
        title="MSE where RMSE was asked for",
        symptom="This is the mean of the squared errors, in squared units.",
        question="In which unit is your number?",
        see=ERRORS,
        simulations=(_squared,),
        example="""
errors = torch.tensor([3.0, 4.0])
print("MSE", (errors**2).mean().item(), " RMSE", round((errors**2).mean().sqrt().item(), 3))
""",
    ),
    Mistake(
        id="absolute-for-root",
        title="MAE where RMSE was asked for",
        symptom="This is the mean of the absolute errors: the root came too early, or nothing was squared.",
        question="In which order do the square, the mean and the root come?",
        see=ERRORS,
        simulations=(_absolute,),
        example="""
errors = torch.tensor([3.0, 4.0])
print("root, then mean", (errors**2).sqrt().mean().item(), " mean, then root", (errors**2).mean().sqrt().item())
""",
    ),
    Mistake(
        id="naive-shifted",
        title="A naive forecast from the wrong step",
        symptom="The naive forecast was not compared with the step right after it.",
        question="Which value is known one step before the one you forecast?",
        see=NAIVE,
        simulations=(lambda metric, series: _lagged(metric, "naive mae", series, 2),),
        example="""
series = torch.tensor([1.0, 2.0, 4.0, 8.0])
two = (series[2:] - series[:-2]).abs().mean().item()
print("two steps:", two, " one step:", round(series.diff().abs().mean().item(), 3))
""",
    ),
    Mistake(
        id="rolled-round",
        title="A series that wraps around",
        symptom="The first steps were compared with the last ones of the series.",
        question="`roll` wraps around: what does it put where nothing is known yet?",
        see=NAIVE,
        simulations=(
            lambda metric, series: _wrapped(metric, "naive mae", series, 1),
            lambda metric, series, season: _wrapped(metric, "seasonal naive mae", series, season),
        ),
        example="""
series = torch.tensor([1.0, 2.0, 4.0, 8.0])
print("rolled by one step", series.roll(1).tolist())
""",
    ),
    Mistake(
        id="repeated-difference",
        title="Differences of differences",
        symptom="This is the difference of the differences, taken again and again.",
        question="What does the n in `diff(n)` count: how far it looks back, or how often it is applied?",
        see=NAIVE,
        simulations=(
            lambda metric, series, season: {"seasonal naive mae": float(series.diff(season).abs().mean())}[metric],
        ),
        example="""
series = torch.tensor([1.0, 2.0, 4.0, 8.0])
print("diff(2)", series.diff(2).tolist(), " two steps apart", (series[2:] - series[:-2]).tolist())
""",
    ),
    Mistake(
        id="sign-kept",
        title="Errors that cancel",
        symptom="The errors were averaged with their signs, so too high and too low cancel.",
        question="What do an error of 3 and one of -3 contribute to your number?",
        see=ERRORS,
        simulations=(
            _signed,
            lambda metric, forecast, actual: -_signed(metric, forecast, actual),
            lambda metric, forecast, actual: _root_of_signed(metric, forecast, actual),
            _signed_ratio,
            lambda metric, forecast, actual, train: -_signed_ratio(metric, forecast, actual, train),
            lambda metric, series: _signed_move(metric, "naive mae", series, 1),
            lambda metric, series: -_signed_move(metric, "naive mae", series, 1),
            lambda metric, series, season: _signed_move(metric, "seasonal naive mae", series, season),
            lambda metric, series, season: -_signed_move(metric, "seasonal naive mae", series, season),
        ),
        example="""
errors = torch.tensor([3.0, -3.0])
print("mean of the errors", errors.mean().item(), " mean of their sizes", errors.abs().mean().item())
""",
    ),
    Mistake(
        id="season-off-by-one",
        title="A season of the wrong length",
        symptom="The forecast comes from a neighbour of the step one season ago.",
        question="How many steps are there between a month and the same month of the year before?",
        see=NAIVE,
        simulations=(
            lambda metric, series, season: _lagged(metric, "seasonal naive mae", series, season - 1),
            lambda metric, series, season: _lagged(metric, "seasonal naive mae", series, season + 1),
        ),
        example="""
series = torch.arange(24) % 12  # a perfect season of 12
for lag in (11, 12):
    print("lag", lag, " error", (series[lag:] - series[:-lag]).abs().float().mean().item())
""",
    ),
    Mistake(
        id="scale-from-test",
        title="MASE scaled by the test data",
        symptom="The error is divided by the naive error of the test period.",
        question="Which naive error is known before the test period begins?",
        see=("13_forecast_errors", "MASE"),
        simulations=(_scaled_by_test,),
        example="""
train, actual = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([3.0, 7.0, 1.0])
print("scale of training", train.diff().abs().mean().item(), " of the test", actual.diff().abs().mean().item())
""",
    ),
    Mistake(
        id="best-epoch-on-test",
        title="The epoch that suits the test set",
        symptom="This is the epoch with the lowest test loss.",
        question="Which data may choose the epoch, if the test set may be used only once?",
        see=("15_honest_evaluation", "Choosing on validation"),
        simulations=(lambda validation_losses, test_losses: int(torch.as_tensor(test_losses).argmin()),),
        example="""
losses = torch.randn(50)  # 50 models that know nothing
print("the best of 50 on one test set looks", round((losses.mean() - losses.min()).item(), 1), "better than the mean")
""",
    ),
    Mistake(
        id="weights-not-copied",
        title="Kept weights that went on changing",
        symptom="These are the weights at the end, not those at the moment you kept them.",
        question="What happens to the kept weights while training goes on?",
        see=("15_honest_evaluation", "Find the bug"),
        simulations=(lambda kept, trained: trained,),
        example="""
layer = torch.nn.Linear(1, 1, bias=False)
taken, before = layer.state_dict()["weight"], layer.weight.item()
with torch.no_grad():
    layer.weight += 1
print("kept before the change", round(before, 2), " and read after it", round(taken.item(), 2))
""",
    ),
)

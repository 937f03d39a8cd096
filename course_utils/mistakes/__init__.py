"""The catalogue of named mistakes: what each one looks like, what it computes, and what it raises.

Checks, lessons, quizzes, hints and the instructor's report read this one catalogue. It holds wrong values only:
the right value of a graded task is in its hidden test. The inputs that checks give to the simulations are

    axes        the axes that were asked for, such as "batch time hidden"; a simulation returns the axes it makes
    settings    the constructor arguments that were asked for; a simulation returns the ones it would use
    behaviour   what the probes should find, such as {"sees_future": False}; a simulation returns what they would find
    layer       an nn.RNN                      batch      its input, in the layout of the task
    sequence    one unbatched input (time, features)      sequences  a list of them      start  an h_0
    by_hand     the same where the layer's cell is written by hand      cut  a step at which it is cut in two
    chunk       how many steps of the batch are read at once
    calls       texts such as "nn.RNN(5, 3)"; a simulation returns (input_size, hidden_size) or "raises" for each
    lengths     (batch,) valid steps; the batch is then padded, the layer batch-first
    length      how many steps of the sequence are valid
    logits      (batch, [time,] classes)       targets, predictions, mask   one number for each sample or step
    metric      which number is asked for      scores, threshold            of a binary classifier
    batches     a list of (predictions, targets)       unrelated   batches whose sequences do not continue
    stream      characters in order: all but the last are read, all but the first are predicted
    rates       which shares of the positives and of the negatives are called positive
    series      (time,)      forecast, actual, train, test, season, window  of a forecast
    kept        weights at the moment at which they were kept      trained  the same ones later
    windows     how many there are      texts, groups  what each item is, or whose; the value is a split
    value       what the student has
"""

from .cell import CELL
from .evaluation import EVALUATION
from .language import LANGUAGE
from .layers import LAYERS
from .layout import LAYOUT
from .metrics import METRICS
from .mistake import Mistake, diagnose, diagnose_error
from .packing import PACKING
from .training import TRAINING

CATALOGUE: tuple[Mistake, ...] = (*CELL, *LAYOUT, *LAYERS, *PACKING, *TRAINING, *LANGUAGE, *METRICS, *EVALUATION)
BY_ID = {mistake.id: mistake for mistake in CATALOGUE}

__all__ = ["BY_ID", "CATALOGUE", "Mistake", "diagnose", "diagnose_error"]

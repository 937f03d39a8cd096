"""Each check: what passes, what fails, and in which words."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from course_utils import check, toy
from course_utils.exercises.exercise import Exercise

SIZES = {"batch": 4, "time": 7, "hidden": 3}


def failure(function, *args, **kwargs) -> check.CheckFailed:
    with pytest.raises(check.CheckFailed) as caught:
        function(*args, **kwargs)
    return caught.value


def test_a_right_shape_prints_one_line_with_the_named_axes(capsys):
    check.shape(torch.zeros(4, 7, 3), "batch time hidden", name="output", **SIZES)
    assert capsys.readouterr().out == "✓ output: (batch, time, hidden) = (4, 7, 3)\n"


@pytest.mark.parametrize("value", [(4, 7, 3), [4, 7, 3], torch.Size([4, 7, 3]), np.zeros((4, 7, 3))])
def test_a_shape_may_be_given_in_any_form(value):
    check.shape(value, "batch time hidden", **SIZES)


@pytest.mark.parametrize("order", [(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_every_permutation_of_the_axes_is_named(order):
    value = torch.zeros(4, 7, 3).permute(order)
    names = [("batch", "time", "hidden")[axis] for axis in order]
    symptom = failure(check.shape, value, "batch time hidden", **SIZES).symptom
    reading = f"You have {tuple(value.shape)}, which by its sizes would be ({', '.join(names)})"
    assert symptom.startswith(f"{reading}: the right axes in a different order.")


def test_time_first_output_is_named_as_the_mistake_it_is():
    error = failure(check.shape, torch.zeros(7, 4, 3), "batch time hidden", **SIZES)
    assert error.mistakes == ("time-first",)


def test_a_missing_factor_is_seen_in_the_axis():
    sizes = {"layers": 3, "directions": 2, "batch": 4, "hidden": 5}
    error = failure(check.shape, (3, 4, 5), "layers*directions batch hidden", **sizes)
    assert "You have (3, 4, 5), which by its sizes would be (layers, batch, hidden)." in error.symptom
    assert error.mistakes == ("states-without-directions",)


def test_a_missing_axis_is_counted():
    assert "It has 2 axes, but 3 are expected." in failure(check.shape, (7, 3), "batch time hidden", **SIZES).symptom


def test_a_size_from_nowhere_is_located():
    assert (
        "axis at index 1 is the first that differs"
        in failure(check.shape, (4, 9, 3), "batch time hidden", **SIZES).symptom
    )


def test_a_product_of_three_sizes_is_read():
    sizes = {"layers": 3, "directions": 2, "hidden": 5, "batch": 7}
    symptom = failure(check.shape, (7, 30), "batch directions*hidden", **sizes).symptom
    assert "(batch, layers*directions*hidden)" in symptom


@pytest.mark.parametrize("value", [torch.tensor([4, 7, 3]), np.array([4, 7, 3])])
def test_an_array_of_sizes_is_a_shape(value):
    check.shape(value, "batch time hidden", **SIZES)


def test_a_shape_check_names_the_axes_of_a_right_tensor(capsys):
    right = torch.zeros(4, 7, 6)
    check.shape((4, 7, 6), right, batch=4, time=7, directions=2, hidden=3)
    assert "(batch, time, directions*hidden) = (4, 7, 6)" in capsys.readouterr().out
    assert "different order" in failure(check.shape, (7, 4, 6), right, batch=4, time=7, directions=2, hidden=3).symptom


def test_the_author_of_a_check_is_told_of_missing_or_equal_sizes():
    with pytest.raises(ValueError, match="no size is given for hidden"):
        check.shape(torch.zeros(4, 7, 3), "batch time hidden", batch=4, time=7)
    with pytest.raises(ValueError, match="2 names fit the 4"):
        check.shape((4, 4), torch.zeros(4, 4), batch=4, time=4)
    with pytest.raises(ValueError, match="batch and time are both 6, so no check can tell them apart"):
        check.shape((6, 6, 3), "batch time hidden", batch=6, time=6, hidden=3)
    with pytest.raises(ValueError, match=r"layers\*directions and hidden are both 6"):
        check.shape((6, 5, 6), "layers*directions batch hidden", batch=5, layers=3, directions=2, hidden=6)


@pytest.mark.parametrize("value", [(4.0, 7, 3), (True, 7, 3), (4, "time", 3)])
def test_what_is_not_a_size_in_a_shape_is_pointed_at(value):
    symptom = failure(check.shape, value, "batch time hidden", **SIZES).symptom
    wrong = next(i for i, size in enumerate(value) if type(size) is not int)
    assert symptom.endswith(f"index {wrong} is a value of type {type(value[wrong]).__name__}, not a whole number.")


@pytest.mark.parametrize("value", ["(4, 7, 3)", 4, {4: 7}, nn.RNN(1, 1)])
def test_what_has_no_shape_is_called_by_its_type(value):
    assert f"{type(value).__name__}; expected a tensor or a shape" in str(
        failure(check.shape, value, "batch time hidden", **SIZES)
    )


def test_a_whole_result_is_no_shape():
    error = failure(check.shape, nn.RNN(5, 3)(torch.ones(7, 4, 5)), "batch time hidden", **SIZES)
    assert error.symptom == "You have a tuple that holds tensors; expected a tensor or a shape."
    assert error.question.startswith("A layer returns two things")


def test_close_says_how_many_where_and_by_how_much_but_not_what():
    value, expected = torch.zeros(4, 3), torch.zeros(4, 3)
    expected[2, 1], expected[0, 0] = 0.123456, 0.01
    symptom = failure(check.close, value, expected).symptom
    assert symptom.startswith(
        "2 of 12 elements differ, most at [2, 1]: by 0.123; the tolerance is 1e-05 absolute plus 0.0001"
    )
    assert "0.123456" not in symptom


def test_close_takes_small_differences_and_either_precision(capsys):
    expected = torch.randn(4, 3)
    check.close(expected.double() + 1e-6, expected, name="states")
    assert capsys.readouterr().out == "✓ states: all 12 numbers of shape (4, 3) agree\n"


@pytest.mark.parametrize(
    "make", [lambda x: x.T.clone().T, lambda x: x.requires_grad_(), nn.Parameter, lambda x: x[...]]
)
def test_close_does_not_mind_how_a_tensor_is_stored(make):
    check.close(make(torch.ones(2, 3)), torch.ones(2, 3))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([1.0, 2.0], "You have a value of type list; expected a tensor."),
        (np.ones(2), "You have a value of type ndarray; expected a tensor."),
        (torch.ones(3), "Your tensor has the shape (3,), which is not the expected one."),
        (torch.ones(()), "Your tensor has the shape (), which is not the expected one."),
        (torch.ones(0), "Your tensor has the shape (0,), which is not the expected one."),
        (torch.ones(2, dtype=torch.int64), "Your tensor has dtype torch.int64; expected floating point."),
        (torch.ones(2, dtype=torch.complex64), "Your tensor has dtype torch.complex64"),
        (torch.tensor([1.0, float("nan")]), "1 of 2 elements are NaN or infinite."),
        (torch.tensor([float("inf"), float("nan")]), "2 of 2 elements are NaN or infinite."),
    ],
)
def test_close_states_the_first_cheap_fact_that_is_wrong(value, words):
    assert failure(check.close, value, torch.ones(2)).symptom.startswith(words)


def test_close_names_a_mistake_from_its_value_and_no_other():
    layer, batch = nn.RNN(5, 3, batch_first=True, bidirectional=True), torch.randn(4, 7, 5)
    output, h_n = layer(batch)
    right, inputs = torch.cat([h_n[0], h_n[1]], 1), {"layer": layer, "batch": batch}
    check.close(right, right, inputs=inputs)
    assert failure(check.close, output[:, -1], right, inputs=inputs).mistakes == ("last-output-both-directions",)
    assert failure(check.close, h_n[-1], right, inputs=inputs).mistakes == ("last-state-one-direction",)
    assert failure(check.close, output[:, 1], right, inputs=inputs).mistakes == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        ((4, 7), [4, 7]),
        (torch.Size([4]), (4,)),
        (torch.tensor(2), 2),
        ("a", "a"),
        ("Both ", "both"),
        (1.0, 1),
        (range(2), [0, 1]),
        (torch.tensor([1, 2]), [1.0, 2.0]),
    ],
)
def test_equal_takes_the_same_thing_in_another_form(value, expected):
    check.equal(value, expected)


@pytest.mark.parametrize(
    ("value", "expected"), [(3, 4), (True, 1), (1, True), ((4, 7), (7, 4)), ("a", "b"), (torch.tensor([1, 2]), (2, 1))]
)
def test_equal_tells_unequal_things_apart_and_keeps_the_answer_to_itself(value, expected):
    error = failure(check.equal, value, expected, name="count")
    assert error.symptom.startswith(f"{value!r} is not the answer.")
    assert repr(expected) not in error.symptom


@pytest.mark.parametrize(
    ("value", "expected", "fact"),
    [
        ([1, 2], [1, 2, 3], "It has 2 values, but a different number is expected."),
        ([1, 5, 3], [1, 2, 3], "The value at index 1 is the first that differs."),
        ([[1, 2], [3, 5]], [[1, 2], [3, 4]], "The value at index [1, 1] is the first that differs."),
        ([[1], [2]], [[1, 2], [2, 3]], "The value at index 0 is the first that differs."),
        ([[1], [2]], [1, 2], "At index 0 it holds a row of values; expected a single value there."),
        ([(4, 2), (4, 4)], [(4, 2), "raises"], "The value at index 1 is the first that differs."),
        ([1, 2], [[1], [2]], "At index 0 it holds a single value; expected a row of values there."),
        ((6,), 6, "Expected a single value."),
        (6, (6,), "Expected several values in order."),
        ("360", 360, "Expected a number, got text."),
        ("True", True, "Expected a truth value, got text."),
        ("yes", True, "Expected a truth value, got text."),
        (["Better", "worse"], ["better", "worse"], "Check upper and lower case."),
    ],
)
def test_equal_says_the_first_fact_that_is_wrong(value, expected, fact):
    assert failure(check.equal, value, expected).symptom.endswith(fact)


def test_equal_asks_what_the_author_would_ask():
    assert failure(check.equal, 3, 4, question="Which rows?").question == "Which rows?"


def test_equal_asks_for_the_ground_of_one_value_and_for_the_step_among_several():
    assert failure(check.equal, "b", "a").question == "Which sentence or which number above does your answer rest on?"
    assert failure(check.equal, (1, 2), (1, 3)).question.startswith("Go through it once more")


def test_equal_takes_arrays_and_sets():
    check.equal(np.array([1, 3, 6]), [1.0, 3.0, 6.0])
    check.equal({2, 3}, [2, 3])
    assert failure(check.equal, np.array([1, 3]), [1.0, 3.0, 6.0])


@pytest.mark.parametrize("value", [0.25, torch.tensor(0.25), np.float32(0.25), torch.tensor([0.25])])
def test_metric_takes_one_number_of_any_kind(value):
    check.metric(value, 0.25)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.ones(2), "You have a value of type Tensor; expected a single number."),
        ("much", "You have a value of type str; expected a single number."),
        (float("nan"), "Your number is nan"),
        (8.0, "Your number is 8; it must lie between 0 and 1."),
        (0.3, "Your number is 0.3, which is off by more than the tolerance of 0.0001."),
    ],
)
def test_metric_says_what_is_wrong_with_a_number(value, words):
    assert failure(check.metric, value, 0.25).symptom.startswith(words)


def test_metric_takes_a_stated_range():
    check.metric(2.5, low=0, high=10)
    assert "between -1 and 1" in failure(check.metric, 2.5, low=-1, high=1).symptom


def test_metric_asks_what_the_author_would_ask_unless_a_mistake_has_a_name():
    swapped = {"metric": "recall", "targets": torch.tensor([1, 1, 0]), "predictions": torch.tensor([1, 0, 0])}
    assert failure(check.metric, 0.3, 0.25, question="Which price?").question == "Which price?"
    assert failure(check.metric, 1.0, 0.5, inputs=swapped, question="Which price?").question.startswith(
        "What is the denominator"
    )


def test_layer_compares_settings_and_names_their_mistakes():
    asked = {"input_size": 5, "hidden_size": 3, "batch_first": True}
    check.layer(nn.RNN(5, 3, batch_first=True), **asked)
    assert failure(check.layer, nn.RNN(5, 3), **asked).mistakes == ("forgot-batch-first",)
    assert failure(check.layer, nn.RNN(3, 5, batch_first=True), **asked).mistakes == ("swapped-sizes",)
    both_wrong = failure(check.layer, nn.RNN(3, 5), **asked)
    assert both_wrong.mistakes == ()
    assert both_wrong.symptom == "Your layer has input_size=3, hidden_size=5, batch_first=False."
    assert "You have a value of type GRU; expected an nn.RNN." in str(failure(check.layer, nn.GRU(5, 3), **asked))


def test_no_pointer_leads_to_a_later_lesson_than_the_task_does():
    adder, numbers = toy.adding_layer(), torch.tensor([[2.0], [5.0], [4.0]])
    start, later = ("00_start_here", "Answer"), ("06_reading_the_right_step", "Gather")
    for see, shown in [(None, "02_shapes"), (later, "02_shapes"), (start, "00_start_here")]:
        inputs = {"layer": adder, "sequence": numbers}
        error = failure(check.equal, [2, 5, 4], adder(numbers)[0][:, 0], inputs=inputs, see=see)
        assert (error.mistakes, error.see[0]) == (("no-memory",), shown)


def asked(section, judge):
    return Exercise(*section, judge, solutions=("answer = 1",), hints=("Count.",))


def test_an_exercise_says_for_all_its_checks_where_to_read():
    start, other = ("00_start_here", "Answer"), ("01_what_nn_rnn_computes", "By hand")
    wrong = [
        lambda: check.layer(nn.RNN(3, 5), input_size=5, hidden_size=3),
        lambda: check.call(torch.ones(2, 3).mm, torch.ones(2, 3)),
        lambda: check.shape((4, 7), "batch time", batch=7, time=4),
    ]
    for ask in wrong:
        assert failure(ask).see[0] == "02_shapes"
        assert failure(asked(start, ask).check).see == start
        assert failure(ask).see[0] == "02_shapes"
    assert failure(asked(start, lambda: check.equal(2, 3, see=other)).check).see == other


@pytest.mark.parametrize("value", [None, ..., (..., ...), [None], (None, [..., ...]), {"h": ..., "c": None}])
@pytest.mark.parametrize(
    "ask",
    [
        lambda v: check.shape(v, "time", time=3),
        lambda v: check.close(v, torch.ones(2)),
        lambda v: check.equal(v, 3),
        lambda v: check.metric(v),
        lambda v: check.layer(v, input_size=3),
        lambda v: check.call(v),
    ],
)
def test_a_placeholder_is_not_attempted_rather_than_wrong(ask, value):
    with pytest.raises(check.NotAttempted, match="not attempted yet"):
        ask(value)


@pytest.mark.parametrize("value", [(None, 3), [..., 3], (torch.ones(2), None), (), {}, {"h": 3, "c": ...}])
def test_an_answer_that_holds_more_than_placeholders_is_an_attempt(value):
    error = failure(check.equal, value, (1, 3))
    assert not isinstance(error, check.NotAttempted)


@pytest.mark.parametrize("enforce_sorted", [True, False])
def test_a_packed_sequence_without_indices_is_an_attempt(enforce_sorted):
    packed = nn.utils.rnn.pack_sequence([torch.ones(3, 2), torch.ones(2, 2)], enforce_sorted=enforce_sorted)
    assert (packed.unsorted_indices is None) == enforce_sorted
    assert check.call(lambda: packed) is packed
    assert "You have a value of type PackedSequence" in failure(check.close, packed, torch.ones(3)).symptom


def test_a_function_that_changes_its_arguments_spoils_no_later_check():
    def last_states(layer, batch, lengths):
        lengths -= 1
        return layer(batch)[0][torch.arange(len(batch)), lengths]

    layer, batch = nn.RNN(5, 3, batch_first=True), torch.randn(3, 7, 5)
    inputs = {"layer": layer, "batch": batch, "lengths": torch.tensor([4, 2, 6])}
    expected = torch.stack([layer(batch[i, :n])[0][-1] for i, n in enumerate((4, 2, 6))])
    for _ in range(2):
        check.close(check.call(last_states, **inputs, inputs=inputs), expected, inputs=inputs)
    last_states(**inputs)  # a plain call lets its author see the effect in place
    assert inputs["lengths"].tolist() == [3, 1, 5]


def test_a_model_that_changes_its_lengths_is_judged_by_the_right_ones():
    layer = nn.RNN(5, 3, batch_first=True)

    def last_states(batch, lengths):
        lengths -= 1
        return layer(batch)[0][torch.arange(len(batch)), lengths]

    lengths = torch.tensor([4, 2, 6])
    check.model(last_states, torch.randn(3, 7, 5), lengths, reads_padding=False)
    assert lengths.tolist() == [4, 2, 6]


def test_call_returns_what_the_function_returns():
    assert check.call(lambda a, b=1: a + b, 2, b=3) == 5


def test_a_function_that_still_returns_its_placeholder_is_not_attempted():
    with pytest.raises(check.NotAttempted):
        check.call(lambda: ...)


def test_a_forgotten_return_is_asked_about():
    error = failure(check.call, lambda: None)
    assert error.hints() == ["Your function returned None.", "Does it end with a `return`?"]


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ((1, 2, 3), "3 values"),
        (torch.zeros(3), "3 values"),
        (0.5, "a value of type float"),
        (torch.tensor(0.5), "a value of type Tensor"),
        ({"low": 0, "high": 1}, "a value of type dict"),
    ],
)
def test_another_number_of_values_than_the_lesson_unpacks_is_told(returned, words):
    error = failure(check.call, lambda: returned, values=2)
    assert error.symptom == f"Your function returned {words}; expected 2 values."
    assert check.call(lambda: [1, 2], values=2) == [1, 2]


def test_a_pair_in_place_of_a_tensor_is_asked_about():
    error = failure(check.close, nn.RNN(2, 2)(torch.ones(3, 1, 2)), torch.ones(3, 1, 2))
    assert "returns two things" in error.question


@pytest.mark.parametrize(
    ("raised", "asked"),
    [
        (NameError("name 'x' is not defined"), "expect to find"),
        (RuntimeError("size mismatch"), "shapes of the tensors"),
        (TypeError("missing 1 required positional argument: 'hidden_size'"), "expect to find"),
    ],
)
def test_call_asks_for_shapes_only_where_the_error_is_about_shapes(raised, asked):
    def mine():
        raise raised

    assert asked in failure(check.call, mine).question


def test_call_turns_not_implemented_into_not_attempted():
    def later():
        raise NotImplementedError

    with pytest.raises(check.NotAttempted, match="later"):
        check.call(later)


def test_call_quotes_the_error_and_the_line_of_the_student():
    scope = {"torch": torch}
    exec(compile("def mine(x):\n    y = x\n    return y @ torch.ones(9)", "<cell>", "exec"), scope)
    error = failure(check.call, scope["mine"], torch.ones(2, 3))
    assert error.symptom.startswith("Your code raised RuntimeError: size mismatch")
    assert "(line 3" in error.symptom


def test_call_moves_warnings_from_stderr_to_stdout():
    source = "from torch import nn\nfrom course_utils import check\ncheck.call(nn.RNN, 2, 2, dropout=0.5)"
    run = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert "UserWarning: dropout" in run.stdout
    assert run.stderr == ""

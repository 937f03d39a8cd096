"""Pictures: what they show, that they can be described, told apart in grey, and made again byte for byte."""

import io
import itertools

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from sklearn import metrics
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from course_utils import plots, toy

LABELS = {"title": "Loss", "x_label": "epoch", "y_label": "loss", "alt": "The loss goes down over two epochs."}
SCORES = torch.tensor([0.9, 0.8, 0.8, 0.4, 0.3, 0.1])
LABELS_OF_SCORES = torch.tensor([1, 1, 0, 0, 1, 0])
PICTURES = {
    "blocks": lambda: plots.blocks(toy.labelled(2, 3, 4)),
    "cell": lambda: plots.cell(),
    "cell-with-numbers": lambda: plots.cell(toy.adding_layer(), x=2.0, h=5.0),
    "influence": lambda: plots.influence(torch.ones(3, 3).triu()),
    "influence-over-time": lambda: plots.influence_over_time(torch.ones(4, 4).triu()),
    "influence-of-positions": lambda: plots.influence_of_positions(torch.ones(3, 5), torch.tensor([5, 2, 3])),
    "packed": lambda: plots.packed([3, 1, 5]),
    "outputs": lambda: plots.outputs(seeded_layer(), torch.ones(2, 4, 5)),
    "unrolled": lambda: plots.unrolled(3),
    "lines": lambda: plots.lines({"one": [1.0, 2.0], "two": [2.0, 1.0]}, **LABELS),
    "bars": lambda: plots.bars({"one": 1.0, "two": [2.0, 3.0]}, title="Error", x_label="degrees"),
    "confusion": lambda: plots.confusion(torch.tensor([[50, 10], [5, 35]]), ["spam", "ham"], title="Counts"),
    "roc-and-pr": lambda: plots.roc_and_pr(SCORES, LABELS_OF_SCORES),
    "calibration": lambda: plots.calibration({"model": torch.tensor([[0.2, 0.3, 0.1, 0.5]])}, title="Scores"),
    "tagged": lambda: plots.tagged(
        ["4108", "ST", "LOUIS"], ["Number", "Place", "Place"], ["Number", "PostType", "Place"]
    ),
    "unrolled-both": lambda: plots.unrolled(3, bidirectional=True),
}


def seeded_layer(**settings) -> nn.RNN:
    torch.manual_seed(0)
    return nn.RNN(5, 3, **{"num_layers": 2, "bidirectional": True, "batch_first": True} | settings)


def texts(picture: plots.Picture) -> list[str]:
    return [text.get_text() for axes in picture.figure.axes for text in axes.texts]


@pytest.mark.parametrize("make", PICTURES.values(), ids=PICTURES)
def test_every_picture_has_a_description_and_shows_as_an_image_with_it(make):
    picture = make()
    assert len(picture.alt) > 30
    assert f'alt="{picture.alt}"' in picture._repr_html_()
    assert picture.alt in repr(picture)
    pixels = imread(io.BytesIO(picture.png()))
    assert pixels.std() > 0.01


@pytest.mark.parametrize("make", PICTURES.values(), ids=PICTURES)
def test_a_saved_picture_is_the_same_every_time(make, tmp_path):
    for name in ("one.svg", "two.svg"):
        make().save(tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_blocks_write_every_number_in_its_place():
    picture = plots.blocks(toy.labelled(2, 3, 4))
    assert [axes.get_title() for axes in picture.figure.axes] == ["sample 0", "sample 1"]
    assert sorted(texts(picture)) == sorted(f"{n:g}" for n in toy.labelled(2, 3, 4).flatten().tolist())
    assert "(2, 3, 4)" in picture.alt


def test_a_cell_shows_the_numbers_of_the_step():
    picture = plots.cell(toy.adding_layer(), x=2.0, h=5.0)
    assert {"2", "5", "7"} <= set(texts(picture))
    assert "relu of the sum 7 is 7" in picture.alt
    with pytest.raises(ValueError, match="one feature and one hidden unit"):
        plots.cell(nn.RNN(2, 1))


@pytest.mark.parametrize("shape", [(2, 3), (9, 3, 3), (2, 13, 3)])
def test_what_is_too_large_to_read_is_refused(shape):
    with pytest.raises(ValueError, match="three axes of at most"):
        plots.blocks(torch.zeros(shape))


def test_influence_counts_the_strangers_that_move():
    assert "no other output moves" in plots.influence(torch.eye(4)).alt
    assert "3 outputs of other samples move" in plots.influence(torch.ones(3, 3).triu()).alt
    assert texts(plots.influence(torch.ones(3, 3).triu())).count("moves") == 6


def test_influence_over_time_counts_the_earlier_outputs_that_move():
    assert "no earlier output moves" in plots.influence_over_time(torch.ones(4, 4).triu()).alt
    assert "6 earlier outputs move" in plots.influence_over_time(torch.ones(4, 4)).alt


def test_positions_show_which_padding_is_read():
    lengths = torch.tensor([5, 2, 3])
    picture = plots.influence_of_positions(torch.ones(3, 5), lengths)
    assert "5 of 5 padded steps are read" in picture.alt
    assert sum(patch.get_hatch() == "//" for patch in picture.figure.axes[0].patches) == 5
    valid = (torch.arange(5) < lengths[:, None]).float()
    assert "0 of 5 padded steps are read" in plots.influence_of_positions(valid, lengths).alt


def test_the_staircase_is_what_packing_makes_of_the_lengths():
    lengths = torch.tensor([2, 4, 1, 4])
    picture = plots.packed(lengths)
    packed = pack_padded_sequence(toy.labelled(4, 4, 1), lengths, batch_first=True, enforce_sorted=False)
    (panel,) = picture.figure.axes
    assert [int(label.get_text()) for label in panel.get_xticklabels()] == packed.batch_sizes.tolist()
    assert [int(label.get_text()[-1]) for label in panel.get_yticklabels()] == packed.sorted_indices.tolist()
    order, places = packed.sorted_indices.tolist(), {}
    for text in panel.texts:
        step, row = text.get_position()
        places[int(text.get_text())] = 100 * order[row] + 10 * step
    assert [places[place] for place in range(len(places))] == packed.data.flatten().tolist()
    for lengths in ([], [3, 0], [13], [1] * 9):
        with pytest.raises(ValueError, match="at most 8 lengths of 1 to 12"):
            plots.packed(lengths)


def test_unrolled_shows_where_each_state_ends():
    both = texts(plots.unrolled(3, bidirectional=True))
    assert both.count("forward") == both.count("backward") == 3
    assert {"h_0[0]", "h_n[0]", "h_0[1]", "h_n[1]", "output[:, 2]"} <= set(both)
    assert "h_n[1]" not in texts(plots.unrolled(3))


@pytest.mark.parametrize("settings", [{}, {"num_layers": 3, "bidirectional": False}, {"num_layers": 1}])
def test_what_stands_in_output_and_in_h_n_is_framed_in_both(settings):
    layer = seeded_layer(**settings)
    picture = plots.outputs(layer, torch.randn(2, 4, 5))
    framed = []
    for panel in picture.figure.axes:
        places = {(text.get_position()[0], text.get_position()[1]): text.get_text() for text in panel.texts}
        corners = [patch.get_xy() for patch in panel.patches if patch.get_edgecolor()[3] and patch.get_linewidth() == 2]
        framed.append(sorted(places[round(x + 0.46), round(y + 0.44)] for x, y in corners))
    assert framed[0] == framed[1]
    assert len(framed[0]) == 3 * (1 + layer.bidirectional)


def test_what_a_layer_returned_is_refused_where_it_cannot_be_drawn():
    for layer, steps in [(seeded_layer(batch_first=False), 4), (seeded_layer(), 9), (seeded_layer(num_layers=5), 4)]:
        with pytest.raises(ValueError, match="batch-first, at most 8"):
            plots.outputs(layer, torch.ones(2, steps, 5))


# Colours as people see them who lack a kind of cone, on linear RGB: Machado, Oliveira and Fernandes 2009, severity 1.
EYES = {
    "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def lab(colour: str, eyes: str) -> np.ndarray:
    """CIELAB of a colour as these eyes see it; equal distances look about equally different."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    x, y, z = np.array(TO_XYZ) @ np.clip(np.array(EYES[eyes]) @ linear, 0, 1) / np.array([0.9505, 1, 1.089])
    f = [np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eyes", EYES)
def test_every_two_colours_differ_for_all_eyes_and_in_grey(eyes):
    for one, other in itertools.combinations(plots.SERIES, 2):
        assert np.linalg.norm(lab(one, eyes) - lab(other, eyes)) > 15
        assert abs(lab(one, "all cones")[0] - lab(other, "all cones")[0]) > 9  # lightness, of 100


def test_series_differ_without_any_colour_too():
    picture = plots.lines({name: [1, 2] for name in "abcd"}, **LABELS)
    assert len({line.get_linestyle() for line in picture.figure.axes[0].lines}) == 4
    marked = plots.lines({name: [1, 2] for name in "abcd"}, marks=True, **LABELS)
    assert len({line.get_marker() for line in marked.figure.axes[0].lines}) == 4
    with pytest.raises(ValueError, match="at most 4 series"):
        plots.lines({name: [1] for name in "abcde"}, **LABELS)


def test_lines_have_names_labels_and_marks():
    picture = plots.lines(
        {"train": torch.tensor([3.0, 2.0]), "test": [3.0, 4.0]},
        [0, 1],
        at={"best": 1},
        points={"here": (0, 3)},
        **LABELS,
    )
    (panel,) = picture.figure.axes
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["train", "test", "best", "here"]
    assert (panel.get_title(), panel.get_xlabel(), panel.get_ylabel()) == ("Loss", "epoch", "loss")
    assert panel.lines[0].get_ydata().tolist() == [3, 2]


def test_bars_show_the_mean_and_every_seed():
    picture = plots.bars({"naive": 1.0, "RNN": [1.0, 2.0, 3.0]}, title="Error", x_label="ppm")
    (panel,) = picture.figure.axes
    assert [bar.get_width() for bar in panel.patches] == [1.0, 2.0]
    assert panel.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert picture.alt == "Error: bars of ppm: naive 1.00, RNN 2.00."


def test_a_confusion_matrix_writes_its_counts():
    picture = plots.confusion(torch.tensor([[50, 10], [5, 35]]), ["spam", "ham"], title="Counts")
    assert texts(picture) == ["50", "10", "5", "35"]
    assert "85 of 100 cases on the diagonal" in picture.alt
    with pytest.raises(ValueError, match=r"3 classes need a \(3, 3\) table"):
        plots.confusion(torch.zeros(2, 2), list("abc"), title="")


def drawn(threshold: float, prevalence: float) -> plots.Picture:
    return plots.bars({"value": threshold * prevalence}, title=f"at {threshold}", x_label="share")


def test_a_moving_picture_is_a_picture_with_sliders():
    moving = plots.interact(drawn, threshold=[0.5, 0.1, 0.9], prevalence=[0.2, 0.4])
    bundle = moving._repr_mimebundle_()
    assert 'alt="at 0.5: bars of share: value 0.10."' in bundle["text/html"]
    assert "at 0.5" in repr(moving)
    model = bundle["application/vnd.jupyter.widget-view+json"]["model_id"]
    from ipywidgets.widgets.widget import _instances

    threshold, prevalence, shown = _instances[model].children
    assert threshold.options == (0.1, 0.5, 0.9)
    threshold.value, prevalence.value = 0.9, 0.4
    assert 'alt="at 0.9: bars of share: value 0.36."' in shown.value


def test_there_must_be_something_to_move():
    with pytest.raises(ValueError, match=r"at least two values to move between: \['threshold'\]"):
        plots.interact(drawn, threshold=[0.5], prevalence=[0.1, 0.2])


def test_roc_and_precision_recall_are_those_of_scikit_learn_and_only_one_feels_the_prevalence():
    area = metrics.roc_auc_score(LABELS_OF_SCORES, SCORES)
    ap = metrics.average_precision_score(LABELS_OF_SCORES, SCORES)
    titles = [panel.get_title() for panel in plots.roc_and_pr(SCORES, LABELS_OF_SCORES).figure.axes]
    assert titles == [f"ROC, area {area:.3f}", f"Precision-recall, AP {ap:.3f}"]
    rare = [panel.get_title() for panel in plots.roc_and_pr(SCORES, LABELS_OF_SCORES, prevalence=0.01).figure.axes]
    assert rare[0] == titles[0]
    assert rare[1] < titles[1]


def test_calibration_counts_the_intervals_that_meet_the_diagonal():
    bins = torch.tensor([[0.2, 0.3, 0.1, 0.5], [0.8, 0.4, 0.3, 0.6]])
    assert "model 1 of 2" in plots.calibration({"model": bins}, title="Scores").alt


def test_tagged_draws_a_box_for_each_run_and_marks_a_predicted_one_that_is_wrong():
    picture = plots.tagged(["4108", "ST", "LOUIS"], ["Number", "Place", "Place"], ["Number", "PostType", "Place"])
    assert texts(picture) == ["4108", "ST", "LOUIS", "Number", "Post\nType\n✗", "Place\n✗", "Number", "Place"]
    assert "ST = PostType, LOUIS = Place; actual: 4108 = Number, ST LOUIS = Place. 1 of 2" in picture.alt
    assert texts(plots.tagged(["ST"], ["Place"])) == ["ST", "Place"]


def test_tagged_refuses_too_many_words_and_missing_tags():
    for words, tags in ((["a"] * 11, ["A"] * 11), (["a", "b"], ["A"])):
        with pytest.raises(ValueError, match="a tag for each"):
            plots.tagged(words, tags)

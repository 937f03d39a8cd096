"""Pictures: what they show, that they can be described, told apart in grey, and made again byte for byte."""

import io

import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from course_utils import data, plots

PICTURES = {
    "blocks": lambda: plots.blocks(data.labelled(2, 3, 4)),
    "influence": lambda: plots.influence(torch.ones(3, 3).triu()),
    "influence-over-time": lambda: plots.influence_over_time(torch.ones(4, 4).triu()),
    "influence-of-positions": lambda: plots.influence_of_positions(torch.ones(3, 5), torch.tensor([5, 2, 3])),
    "unrolled": lambda: plots.unrolled(3),
    "unrolled-both": lambda: plots.unrolled(3, bidirectional=True),
}


def texts(picture: plots.Picture) -> list[str]:
    return [text.get_text() for axes in picture.figure.axes for text in axes.texts]


def grey(colour: str) -> float:
    red, green, blue = to_rgb(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


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
    picture = plots.blocks(data.labelled(2, 3, 4))
    assert [axes.get_title() for axes in picture.figure.axes] == ["sample 0", "sample 1"]
    assert sorted(texts(picture)) == sorted(f"{n:g}" for n in data.labelled(2, 3, 4).flatten().tolist())
    assert "(2, 3, 4)" in picture.alt


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
    assert sum(patch.get_hatch() == "///" for patch in picture.figure.axes[0].patches) == 5
    valid = (torch.arange(5) < lengths[:, None]).float()
    assert "0 of 5 padded steps are read" in plots.influence_of_positions(valid, lengths).alt


def test_unrolled_shows_where_each_state_ends():
    both = texts(plots.unrolled(3, bidirectional=True))
    assert both.count("forward") == both.count("backward") == 3
    assert {"h_0[0]", "h_n[0]", "h_0[1]", "h_n[1]", "output[:, 2]"} <= set(both)
    assert "h_n[1]" not in texts(plots.unrolled(3))


def test_the_two_colours_differ_in_grey():
    assert abs(grey(plots.BLUE) - grey(plots.ORANGE)) > 0.05

"""Names as characters: indices and back, the shift by one, and a split that is always the same."""

from course_utils import characters


def test_indices_and_text_undo_each_other():
    assert characters.text(characters.indices(".o'hara_")) == ".o'hara_"
    assert (characters.SYMBOLS[characters.PADDING], characters.SYMBOLS[characters.MARK]) == ("_", ".")


def test_targets_are_the_inputs_one_character_later():
    inputs, targets = characters.pairs(["lee", "ng"])
    assert [characters.text(row) for row in inputs] == [".lee", ".ng_"]
    assert [characters.text(row) for row in targets] == ["lee.", "ng._"]


def test_no_name_is_in_both_parts_and_the_split_repeats():
    train, held_out = characters.names()
    assert (len(train), len(held_out)) == (8187, 2000)
    assert not set(train) & set(held_out)
    assert characters.names() == (train, held_out)

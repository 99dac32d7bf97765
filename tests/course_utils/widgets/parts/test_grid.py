import pytest
from traitlets import TraitError

from course_utils.widgets.parts.grid import Grid


def test_choice_tells_row_and_column_at_once():
    grid, seen = Grid(), []
    grid.observe(lambda change: seen.append((grid.row, grid.column)), ["row", "column"])
    grid.choose(2, 3)
    assert set(seen) == {(2, 3)}
    seen.clear()
    grid.choose(2, 3)
    assert seen == [], "the same choice is no change"


def test_message_of_the_page_is_heard_at_once_too():
    grid, seen = Grid(), []
    grid.observe(lambda change: seen.append((grid.row, grid.column)), ["row", "column"])
    grid.set_state({"row": 1, "column": 4})
    assert set(seen) == {(1, 4)}


def test_nothing_is_chosen_at_first_and_cells_reach_the_page():
    grid = Grid(cells=[[{"words": "a"}, {"words": "b", "label": "the b"}]], row_names=["r"])
    assert (grid.row, grid.column) == (-1, -1)
    state = grid.get_state()
    assert state["cells"][0][1]["label"] == "the b"
    assert state["row_names"] == ["r"]


@pytest.mark.parametrize("trait", ["row", "column"])
def test_what_is_no_number_is_refused(trait):
    with pytest.raises(TraitError):
        Grid(**{trait: "first"})

import pytest

from course_utils.widgets.parts.number_slider import NumberSlider


@pytest.mark.parametrize("part", ["slider", "field"])
@pytest.mark.parametrize(("step", "new"), [(1, 7), (0.05, 0.35)])
def test_slider_field_and_value_are_in_step(part, step, new):
    number, seen = NumberSlider("rate", 2 * step, 0, 10, step), []
    number.observe(lambda change: seen.append(change.new), "value")
    getattr(number, part).value = new
    assert (number.slider.value, number.field.value, number.value) == (new, new, new)
    assert seen == [new], "heard once"
    number.value = 3 * step
    assert number.slider.value == number.field.value == pytest.approx(3 * step)


def test_number_stays_within_its_limits():
    number = NumberSlider("row", 3, 1, 16, 1)
    number.field.value = 99
    assert (number.slider.value, number.value) == (16, 16)
    number.field.value = -5
    assert (number.slider.value, number.value) == (1, 1)


def test_both_are_disabled_together():
    number = NumberSlider("row", 3, 1, 16, 1)
    number.disabled = True
    assert number.slider.disabled and number.field.disabled and number.disabled
    number.disabled = False
    assert not (number.slider.disabled or number.field.disabled)

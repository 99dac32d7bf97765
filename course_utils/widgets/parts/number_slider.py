"""A number that is set with a slider or typed."""

import ipywidgets
import traitlets

from course_utils.widgets.parts.panel import WRAP


class NumberSlider(ipywidgets.HBox):
    """A slider and a number field that share one value.

    Parameters
    ----------
    name : str
        What the number is.
    value, low, high, step : int or float
        If `step` is an int, all numbers are integers.

    Attributes
    ----------
    value : int or float
        Observe it to be notified of changes.
    slider, field : ipywidgets.Widget
    """

    value = traitlets.CFloat()

    def __init__(self, name: str, value: float, low: float, high: float, step: float):
        whole = isinstance(step, int)
        limits = {"value": value, "min": low, "max": high, "step": step}
        slider = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
        field = ipywidgets.BoundedIntText if whole else ipywidgets.BoundedFloatText
        self.slider = slider(
            **limits,
            description=name,
            readout=False,
            style={"description_width": "initial"},
            layout={"width": f"{160 + 8 * len(name)}px"},
        )
        self.field = field(**limits, layout={"width": "72px"})
        super().__init__([self.slider, self.field], layout=WRAP, value=value)
        self.add_class("course-number-slider")  # accessible.js gives the field its name
        traitlets.link((self.slider, "value"), (self.field, "value"))
        traitlets.link((self.slider, "value"), (self, "value"), transform=(float, type(value)))

    @property
    def disabled(self) -> bool:
        """Whether the number cannot be changed."""
        return self.slider.disabled

    @disabled.setter
    def disabled(self, flag: bool) -> None:
        self.slider.disabled = self.field.disabled = flag

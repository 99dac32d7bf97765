"""Choosing an image in a panel: one of the course's, or the learner's own."""

import base64
import io
from collections.abc import Callable
from pathlib import Path

import anywidget
import ipywidgets
import numpy as np
import traitlets
from PIL import Image
from skimage import data

from course_utils.plumbing.decoding import decode
from course_utils.tensors import BadImagesError
from course_utils.widgets.parts.panel import WRAP, paragraph, status

MAX_BYTES = 10_000_000
"""Upper limit for a file: JupyterLab's server closes the connection at larger messages."""

SIDE = 480
"""The longer side of a chosen image in pixels; no network of the course takes more."""


PHOTOGRAPHS = {
    "cat": "data.chelsea()",
    "coffee": "data.coffee()",
    "rocket": "data.rocket()",
    "astronaut": "data.astronaut()",
    "motorcycle": "data.stereo_motorcycle()[0]",
}
"""Photographs that come with scikit-image, as code after ``from skimage import data``."""


class PictureInput(anywidget.AnyWidget):
    """An area of the page where an image is chosen or dropped."""

    _esm = Path(__file__).with_name("picture_input.js")
    most_bytes = traitlets.Int(MAX_BYTES).tag(sync=True)


class PictureChooser(ipywidgets.VBox):
    """A list of images to choose from, and an input for one's own.

    For a file that cannot be used it shows a message and keeps the previous image.

    Parameters
    ----------
    examples : dict of str to (path, PIL.Image.Image or numpy.ndarray), optional
        Images to choose from, by name; the first is chosen at the beginning. By default
        `photographs`.

    Attributes
    ----------
    dropdown : ipywidgets.Dropdown
    name : str
        Of the chosen image.
    source : path, PIL.Image.Image, numpy.ndarray or bytes
        The example, or the content of the learner's file.
    pixels : numpy.ndarray of uint8, shape (height, width, 3)
        The chosen image, upright, its longer side at most `SIDE` pixels.
    """

    def __init__(self, examples: dict | None = None):
        self._are_photographs = examples is None
        self._examples = photographs() if examples is None else dict(examples)
        self._callbacks: list[Callable[[], None]] = []
        self._choosing = False
        self.dropdown = ipywidgets.Dropdown(
            options=list(self._examples),
            description="picture",
            style={"description_width": "initial"},
        )
        self._input, self._status = PictureInput(), status()
        self._own: dict[str, tuple[bytes, np.ndarray]] = {}
        super().__init__([ipywidgets.HBox([self.dropdown, self._input], layout=WRAP), self._status])
        self._take(self.dropdown.value)
        self.dropdown.observe(self._on_dropdown, "value")
        self._input.on_msg(self._on_message)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call a function whenever another image has been chosen."""
        self._callbacks.append(callback)

    @property
    def code(self) -> str:
        """Python code for the chosen image: a file, a photograph or one of the examples."""
        if self.name in self._own:
            return repr(self.name)
        if self._are_photographs:
            return PHOTOGRAPHS[self.name]
        if isinstance(self.source, str | Path):
            return repr(str(self.source))
        return f"examples[{self.name!r}]"

    @property
    def imports(self) -> list[str]:
        """What `code` needs: an import, or the learner's file."""
        if self.name in self._own:
            return [f"# first put {self.name} into the folder of this notebook"]
        return ["from skimage import data"] * self.code.startswith("data.")

    def give(self, name: str, content: bytes) -> None:
        """Accept an image file of the learner, as if it had been dropped."""
        try:
            image = as_pixels(content, name)
        except BadImagesError as error:
            self._say(f"{error} The previous picture stays.")
            return
        self._own[name] = content, image
        self._choose(name)
        self._say("")
        self._on_dropdown(None)

    def _choose(self, name: str) -> None:
        """Select a name in one message; setting new options alone would select the first."""
        self._choosing = True
        with self.dropdown.hold_sync():
            if name not in self.dropdown.options:
                self.dropdown.options = [*self.dropdown.options, name]
            self.dropdown.value = name
        self._choosing = False

    def _on_message(self, widget, message: dict, buffers: list) -> None:
        if "too_large" in message:
            self._say(
                f"{message['name']} has {message['too_large'] / 1e6:.0f} MB, over the "
                f"{MAX_BYTES / 1e6:.0f} MB that fit here: save a smaller copy of it. "
                "The previous picture stays."
            )
        else:
            self.give(str(message["name"]), bytes(buffers[0]))

    def _on_dropdown(self, change) -> None:
        if self._choosing:
            return
        self._take(self.dropdown.value)
        for callback in self._callbacks:
            callback()

    def _take(self, name: str) -> None:
        self.name = name
        if name in self._own:
            self.source, self.pixels = self._own[name]
        else:
            self.source = self._examples[name]
            self.pixels = as_pixels(self.source)

    def _say(self, words: str) -> None:
        self._status.value = paragraph(words) if words else ""


def photographs() -> dict[str, np.ndarray]:
    """Return the photographs that come with scikit-image, without a download.

    Returns
    -------
    dict of str to numpy.ndarray of uint8, shape (height, width, 3)
    """
    return {
        "cat": data.chelsea(),
        "coffee": data.coffee(),
        "rocket": data.rocket(),
        "astronaut": data.astronaut(),
        "motorcycle": data.stereo_motorcycle()[0],
    }


def as_pixels(source, name: str = "the image") -> np.ndarray:
    """Decode an image, upright and at most `SIDE` wide and high.

    Parameters
    ----------
    source : path, bytes, PIL.Image.Image or numpy.ndarray
    name : str
        What an error calls it.

    Returns
    -------
    numpy.ndarray of uint8, shape (height, width, 3)

    Raises
    ------
    BadImagesError
        If it is empty, too large, damaged or not an image.
    """
    image = decode(source, (SIDE, SIDE), keep_proportions=True)
    if isinstance(image, str):  # what is wrong with it
        raise BadImagesError(f"{name} {image}.")
    return np.asarray(image)


def data_url(pixels: np.ndarray, kind: str = "JPEG") -> str:
    """Return an image as a data URL.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, shape (height, width, 3) or (height, width, 4)
    kind : {"JPEG", "PNG"}
        PNG is lossless.
    """
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **({"quality": 90} if kind == "JPEG" else {}))
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"

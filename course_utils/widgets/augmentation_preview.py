"""The panel that shows how Keras' random layers change an image."""

import html
from collections.abc import Callable
from dataclasses import dataclass

import ipywidgets
import keras
import numpy as np
from matplotlib.figure import Figure

from course_utils.plots import show_images
from course_utils.tensors import path_to_tensor
from course_utils.widgets.parts.number_slider import NumberSlider
from course_utils.widgets.parts.panel import (
    TEXT,
    WRAP,
    Panel,
    checkbox,
    code_block,
    status,
    text,
    with_reminder,
)
from course_utils.widgets.parts.picture_chooser import PictureChooser, data_url

RESULTS = 6
SIDE = 104
"""The longer side of the images in pixels."""

SUBJECTS = ("animals and things", "sign-language digits", "written digits and letters")


@dataclass(frozen=True)
class Augmentation:
    """One of Keras' random layers, and its control in the panel.

    Attributes
    ----------
    layer : str
        Its name in ``keras.layers``.
    words : str
        What it does.
    strength : tuple of float
        Initial value, minimum, maximum and step of the slider; empty if it has none.
    times : int
        How often its strength is passed: twice if height and width have their own.
    """

    layer: str
    words: str
    strength: tuple[float, ...] = ()
    times: int = 1


AUGMENTATIONS = (
    Augmentation("RandomFlip", "flip"),
    Augmentation("RandomRotation", "rotation", (0.05, 0.0, 0.5, 0.01)),
    Augmentation("RandomZoom", "zoom", (0.2, 0.0, 0.8, 0.05)),
    Augmentation("RandomTranslation", "shift", (0.1, 0.0, 0.5, 0.05), times=2),
    Augmentation("RandomContrast", "contrast", (0.3, 0.0, 1.0, 0.05)),
    Augmentation("RandomBrightness", "brightness", (0.2, 0.0, 1.0, 0.05)),
)

MODES = {
    "left to right": "horizontal",
    "top to bottom": "vertical",
    "both": "horizontal_and_vertical",
}


class AugmentationPreview(Panel):
    """A panel that shows an image before and after random augmentation.

    Parameters
    ----------
    examples : dict of str to (path, PIL.Image.Image or numpy.ndarray), optional
        Images to choose from, by name; by default photographs from scikit-image.

    Attributes
    ----------
    chooser : PictureChooser
    subject : ipywidgets.Dropdown
        What the images show; some changes are harmless for one subject and ruin another.
    checkboxes : dict of str to ipywidgets.Checkbox
        One per layer of Keras, by its name.
    strengths : dict of str to NumberSlider or ipywidgets.Dropdown
    button : ipywidgets.Button
        Draws new random numbers.
    images : numpy.ndarray of float32, shape (6, height, width, 3)
        The augmented images.
    """

    def __init__(self, examples: dict | None = None):
        self._draws = 1
        self._make_controls(examples)
        super().__init__(self._rows())
        self.add_class("course-augmentation-preview")
        self._refresh()
        self._listen()

    @property
    def code(self) -> str:
        """Python code that produces the same images."""
        chosen = self._chosen()
        lines = [
            *self.chooser.imports,
            "import numpy as np",
            "from course_utils import path_to_tensor",
            "",
            f"pixels = path_to_tensor({self.chooser.code}, size={self._size()})",
            f"images = np.repeat(pixels, {RESULTS}, axis=0)",
        ]
        if chosen:
            layers = [f"    keras.layers.{one.layer}({self._arguments(one)}),\n" for one in chosen]
            augment = f"augment = keras.Sequential([\n{''.join(layers)}])"
            lines = ["import keras", *lines, augment, "images = augment(images, training=True)"]
        return "\n".join(lines)

    def __str__(self) -> str:
        parts = ["AugmentationPreview", self._summary(), *self._warnings(), self.code]
        return "\n".join(parts)

    def draw(self) -> Figure:
        """Draw the original and the augmented images."""
        before, *after = self._shown()
        titles = ["before", *(f"after, {i}" for i in range(1, RESULTS + 1))]
        return show_images([before, *after], titles, columns=4)

    def _make_controls(self, examples: dict | None) -> None:
        wide = {"style": {"description_width": "initial"}, "layout": {"width": "max-content"}}
        self.chooser = PictureChooser(examples)
        self.subject = ipywidgets.Dropdown(options=SUBJECTS, description="it shows", **wide)
        self.checkboxes = {
            one.layer: checkbox(f"{one.words} ({one.layer})", layout={"width": "230px"})
            for one in AUGMENTATIONS
        }
        self.strengths = {
            one.layer: NumberSlider(f"strength of {one.words}", *one.strength)
            for one in AUGMENTATIONS
            if one.strength
        }
        self.strengths["RandomFlip"] = ipywidgets.Dropdown(
            options=list(MODES.items()), description="direction", **wide
        )
        for layer in ("RandomFlip", "RandomRotation"):
            self.checkboxes[layer].value = True
        self.button = ipywidgets.Button(
            description="Draw again",
            tooltip="Draw new random numbers",
        )
        self._status, self._gallery, self._code = status(), text(), text()

    def _rows(self) -> list[ipywidgets.Widget]:
        rows = [
            ipywidgets.HBox([box, self.strengths[layer]], layout=WRAP)
            for layer, box in self.checkboxes.items()
        ]
        return [
            self.chooser,
            self.subject,
            *rows,
            self.button,
            self._gallery,
            self._status,
            self._code,
        ]

    def _listen(self) -> None:
        self.chooser.on_change(self._refresh)
        controls = (*self.checkboxes.values(), *self.strengths.values(), self.subject)
        for control in controls:
            control.observe(lambda change: self._refresh(), "value")
        self.button.on_click(lambda button: self._draw_again())

    def _draw_again(self) -> None:
        self._draws += 1
        self._refresh()

    def _refresh(self) -> None:
        for layer, box in self.checkboxes.items():
            self.strengths[layer].disabled = not box.value
        # The text first: it is there at once, while Keras takes a moment for the images.
        self._status.value = with_reminder(self._summary(), " ".join(self._warnings()))
        self._code.value = code_block(self.code)
        self.images = self._augmented()
        self._gallery.value = self._figures()

    def _chosen(self) -> list[Augmentation]:
        return [one for one in AUGMENTATIONS if self.checkboxes[one.layer].value]

    def _size(self) -> tuple[int, int]:
        height, width = self.chooser.pixels.shape[:2]
        scale = SIDE / max(height, width)
        return max(1, round(scale * height)), max(1, round(scale * width))

    def _settings(self, one: Augmentation) -> tuple[list, int]:
        """Return the arguments of a layer and its seed."""
        # Each layer has its own seed: with a common one their random numbers would be
        # correlated, and every image that is turned left would also be flipped.
        value = self.strengths[one.layer].value
        given = [round(value, 2)] * one.times if one.strength else [value]
        return given, 10 * self._draws + AUGMENTATIONS.index(one)

    def _arguments(self, one: Augmentation) -> str:
        given, seed = self._settings(one)
        words = [f'"{value}"' if isinstance(value, str) else str(value) for value in given]
        return ", ".join([*words, f"seed={seed}"])

    def _augmented(self) -> np.ndarray:
        pixels = path_to_tensor(self.chooser.source, size=self._size())
        images = np.repeat(pixels, RESULTS, axis=0)
        for one in self._chosen():
            given, seed = self._settings(one)
            # Named, so that Keras does not number the learner's own layers differently.
            layer = getattr(keras.layers, one.layer)(*given, seed=seed, name=one.layer)
            images = layer(images, training=True)
        return np.asarray(images, np.float32)

    def _shown(self) -> list[np.ndarray]:
        before = path_to_tensor(self.chooser.source, size=self._size())
        return list(np.clip(np.round([*before, *self.images]), 0, 255).astype(np.uint8))

    def _figures(self) -> str:
        names = ["before", *(f"after, {i} of {RESULTS}" for i in range(1, RESULTS + 1))]
        figures = "".join(
            f'<figure style="margin:0;{TEXT}font-size:90%"><img src="{data_url(image)}" '
            f'alt="{html.escape(self.chooser.name)}, {name}" style="display:block">'
            f"<figcaption>{name}</figcaption></figure>"
            for name, image in zip(names, self._shown(), strict=True)
        )
        return f'<div style="display:flex;flex-wrap:wrap;gap:6px">{figures}</div>'

    def _summary(self) -> str:
        changes = [self._change(one) for one in self._chosen()]
        if not changes:
            return f"{self.chooser.name}: nothing is selected, so nothing changes."
        return (
            f"{self.chooser.name}, {RESULTS} random results: {'; '.join(changes)}. The layers do "
            "this in training only; predict leaves every picture unchanged."
        )

    def _change(self, one: Augmentation) -> str:
        """Describe what a layer may do at its strength."""
        value = self.strengths[one.layer].value
        if one.layer == "RandomFlip":
            ways = {mode: words for words, mode in MODES.items()}
            return f"flipped {ways[value].replace('both', 'in both directions')}, or not"
        return _CHANGES[one.layer](value)

    def _warnings(self) -> list[str]:
        """Return warnings about changes that may destroy the label."""
        found = [
            _warning(one.layer, self.strengths[one.layer].value, self.subject.value)
            for one in self._chosen()
        ]
        return [words for words in found if words]


_CHANGES: dict[str, Callable[[float], str]] = {
    "RandomRotation": lambda share: f"turned by up to {360 * share:.0f} degrees either way",
    "RandomZoom": lambda share: f"made up to {share:.0%} smaller, or as much larger",
    "RandomTranslation": lambda share: f"shifted by up to {share:.0%} of height and width",
    "RandomContrast": lambda share: f"contrast changed by up to {share:.0%}",
    "RandomBrightness": lambda share: f"brightness changed by up to {share:.0%} of the range",
}

_FLIPS = {
    ("horizontal", "sign-language digits"): (
        "Note on flipping: a mirrored right hand is a left hand that makes the same digit, but "
        "its 6 resembles the right hand's 9. Measure whether it helps (lesson 10)."
    ),
    ("horizontal", "written digits and letters"): (
        "Flipping destroys the label: mirrored, b becomes d, and 2 is no longer a digit."
    ),
    ("vertical", "animals and things"): (
        "Note on flipping: the label stays true, but hardly anybody photographs things upside "
        "down. The network learns what it will not need."
    ),
    ("vertical", "sign-language digits"): (
        "Flipping can destroy the label: nobody signs upside down, and some signs differ only "
        "in the direction of the fingers."
    ),
    ("vertical", "written digits and letters"): (
        "Flipping destroys the label: upside down, p is b, and 2 can be read as 5."
    ),
}

_TURNS = {
    "animals and things": (
        "Note on turning: beyond 45 degrees the label stays true, but hardly any picture looks "
        "like that."
    ),
    "sign-language digits": (
        "Turning can destroy the label: beyond 45 degrees, a sign can look like another whose "
        "fingers point elsewhere."
    ),
    "written digits and letters": (
        "Turning destroys the label: a quarter turn makes Z an N, half a turn makes 6 a 9."
    ),
}


def _warning(layer: str, strength, subject: str) -> str:
    """Return a warning about a layer at its strength, or an empty string."""
    if layer == "RandomFlip":
        mode = "vertical" if strength == "horizontal_and_vertical" else strength
        return _FLIPS.get((mode, subject), "")
    if layer == "RandomRotation" and strength > 0.125:
        return _TURNS[subject]
    if layer in ("RandomZoom", "RandomTranslation") and strength > 0.3:
        return (
            f"{layer} can destroy the label at this strength: the object may be cut off, and the "
            "edge is filled with mirrored copies."
        )
    if layer in ("RandomContrast", "RandomBrightness") and strength > 0.6:
        return (
            f"{layer} can destroy the label at this strength: some results are almost a single "
            "colour."
        )
    return ""

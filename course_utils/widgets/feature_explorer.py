"""The panel that shows what the layers of a network respond to."""

import html

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from course_utils.backbones import Backbone, load_backbone
from course_utils.datasets import Split, load_split
from course_utils.explain import (
    activation_layers,
    activation_maps,
    grad_cam,
)
from course_utils.features import extract_features
from course_utils.plumbing.channel_peaks import strongest_rows, with_peaks
from course_utils.plumbing.receptive_fields import ReceptiveField, receptive_field
from course_utils.tensors import path_to_tensor, paths_to_tensor
from course_utils.widgets.parts.background_task import BackgroundTask
from course_utils.widgets.parts.grid import Grid
from course_utils.widgets.parts.number_slider import NumberSlider
from course_utils.widgets.parts.panel import (
    TEXT,
    WRAP,
    Panel,
    code_block,
    paragraph,
    status,
    text,
)
from course_utils.widgets.parts.picture_chooser import PictureChooser, data_url

ROWS, COLUMNS = 2, 6
"""Of the grid of the strongest channels."""

MAP_SIDE = 96
"""Side of a map in the grid, in pixels of the page; the channel's number is below it."""

LARGE_SIDE = 224
"""Side of the larger images, in pixels of the page."""

STRONGEST = 6
"""Number of images of the dataset that are shown for a channel."""

PIECE = 16
"""Number of images after which the search can be stopped."""


class FeatureExplorer(Panel):
    """A panel that shows what the layers of a network respond to; it does not change them.

    Parameters
    ----------
    backbone : Backbone, optional
        By default the edition's, with its top. Without a top there is no Grad-CAM.
    images : Split, optional
        Where to search for the images that excite a channel most; by default the training
        images of dogs and cats.
    examples : dict of str to (path, PIL.Image.Image or numpy.ndarray), optional
        Images to choose from, by name; by default photographs from scikit-image.

    Attributes
    ----------
    chooser : PictureChooser
    slider, dropdown : ipywidgets.SelectionSlider, ipywidgets.Dropdown
        The layer.
    grid : Grid
        The strongest channels of the layer for this image.
    field : ipywidgets.BoundedIntText
        The number of the chosen channel.
    button : ipywidgets.Button
        Finds the images that excite the channel most.
    task : BackgroundTask
        Runs the search in the background.
    reason : ipywidgets.Dropdown
        The class that Grad-CAM explains.
    opacity : NumberSlider
        Of the heat map over the image, in percent.
    maps : dict of str to numpy.ndarray of float32, shape (rows, columns, channels)
        Activation maps of the image, by layer.
    strongest : numpy.ndarray of int64 or None
        Indices of the shown images in `images`.
    heat : numpy.ndarray of float32, shape (height, width), or None
        The result of `grad_cam` for the image and the class.
    """

    def __init__(
        self,
        backbone: Backbone | None = None,
        images: Split | None = None,
        examples: dict | None = None,
    ):
        self.backbone = load_backbone(include_top=True) if backbone is None else backbone
        self._given = {"backbone": backbone is not None, "images": images is not None}
        self.images = load_split("dogs_vs_cats", "train") if images is None else images
        blocks = activation_layers(self.backbone)
        self._block_of = {name: block for block, names in blocks.items() for name in names}
        self._peaks: dict[str, np.ndarray] = {}
        self.strongest, self.heat = None, None
        self._make_controls(examples)
        super().__init__(self._rows())
        self.add_class("course-feature-explorer")
        self._on_image()
        self._listen()

    @property
    def code(self) -> str:
        """Python code that produces the same numbers."""
        lines = [*self._imports(), "", *self._map_code()]
        if self.strongest is not None:
            lines += ["", "# the pictures that excite the channel most", *self._strongest_code()]
        if self.heat is not None:
            lines += [
                "",
                f"# Grad-CAM for {self._class_name()}",
                f"heat = grad_cam(backbone, pixels, {self.reason.value})",
            ]
        return "\n".join(lines)

    def __str__(self) -> str:
        notes = [
            self._layer_words(),
            self._channel_words(),
            self._strongest_words(),
            self._heat_words(),
            self.code,
        ]
        return "\n".join([f"FeatureExplorer: {self.backbone.name}", *filter(None, notes)])

    def draw(self) -> Figure:
        """Draw the image, the maps of the strongest channels, and Grad-CAM."""
        figure, axes = plt.subplots(ROWS, COLUMNS + 1, figsize=(11, 3.6), layout="constrained")
        axes[0, 0].imshow(self._pixels[0].astype("uint8"))
        axes[0, 0].set_title(self.chooser.name, fontsize=9)
        if self.heat is not None:
            axes[1, 0].imshow(self._pixels[0].astype("uint8"))
            axes[1, 0].imshow(self.heat, cmap="magma", alpha=self.opacity.value / 100)
            axes[1, 0].set_title(f"for {self._class_name()}", fontsize=9)
        for channel, ax in zip(self._channels, axes[:, 1:].flat, strict=False):
            ax.imshow(self._maps()[..., channel], cmap="magma")
            ax.set_title(f"channel {channel}", fontsize=9)
        for ax in axes.flat:
            ax.set_axis_off()
        return figure

    def _make_controls(self, examples: dict | None) -> None:
        names, wide = list(self._block_of), {"description_width": "initial"}
        self.chooser = PictureChooser(examples)
        self.slider = ipywidgets.SelectionSlider(
            options=names,
            value=names[len(names) // 2],
            description="layer",
            readout=False,
            style=wide,
            layout={"width": "min(100%, 340px)"},
        )
        self.dropdown = ipywidgets.Dropdown(
            options=names,
            value=self.slider.value,
            description="or by name",
            style=wide,
            layout={"width": "max-content"},
        )
        self.grid = Grid(name="strongest channels: choose one", cell_size=(MAP_SIDE, MAP_SIDE + 22))
        self.field = ipywidgets.BoundedIntText(
            description="channel", style=wide, layout={"width": "130px"}
        )
        self.button = ipywidgets.Button(
            description="Find the pictures that excite it most", layout={"width": "max-content"}
        )
        self.task = BackgroundTask("the search")
        self.reason = ipywidgets.Dropdown(
            description="Grad-CAM for", style=wide, layout={"width": "max-content"}
        )
        self.opacity = NumberSlider("opacity in percent", 60, 0, 100, 5)
        self._layer_status, self._channel_status, self._heat_status = status(), status(), status()
        self._large, self._gallery, self._overlay, self._code = text(), text(), text(), text()

    def _rows(self) -> list[ipywidgets.Widget]:
        layer = ipywidgets.HBox([self.slider, self.dropdown], layout=WRAP)
        channel = ipywidgets.HBox([self.field, self.button], layout=WRAP)
        rows = [
            self.chooser,
            layer,
            self._layer_status,
            self.grid,
            channel,
            self._channel_status,
            self._large,
            self.task,
            self._gallery,
        ]
        if self.backbone.labels is not None:
            controls = ipywidgets.HBox([self.reason, self.opacity], layout=WRAP)
            rows += [controls, self._heat_status, self._overlay]
        return [*rows, self._code]

    def _listen(self) -> None:
        self.chooser.on_change(self._on_image)
        self.slider.observe(self._if_idle(lambda: self._on_layer(self.slider.value)), "value")
        self.dropdown.observe(self._if_idle(lambda: self._on_layer(self.dropdown.value)), "value")
        self.grid.observe(self._if_idle(self._on_grid), ["row", "column"])
        self.field.observe(self._if_idle(self._on_field), "value")
        self.button.on_click(lambda button: self.task.start(self._pieces(self.slider.value)))
        self.reason.observe(self._if_idle(self._on_reason), "value")
        self.opacity.observe(self._if_idle(self._show_heat), "value")

    def _on_image(self) -> None:
        self._pixels = path_to_tensor(self.chooser.source, size=self.backbone.input_size)
        found = activation_maps(self.backbone, self._pixels, list(self._block_of))
        self.maps = {name: values[0] for name, values in found.items()}
        if self.backbone.labels is not None:
            self._if_idle(self._ask_network)(None)
        self._if_idle(lambda: self._on_layer(self.slider.value))(None)

    def _ask_network(self) -> None:
        ready = self.backbone.preprocess(self._pixels)
        self._answers = np.asarray(self.backbone.model(ready, training=False))[0]
        best = np.argsort(self._answers)[::-1][:5]
        self.reason.options = [
            (f"{self.backbone.labels[i]} ({self._answers[i]:.1%})", int(i)) for i in best
        ]
        self.reason.value = int(best[0])
        self._on_reason()

    def _on_reason(self) -> None:
        self.heat = grad_cam(self.backbone, self._pixels, self.reason.value)
        self._show_heat()

    def _on_layer(self, name: str) -> None:
        self.slider.value = self.dropdown.value = name
        if self.task.running:
            self.task.stop()
        maps = self._maps()
        means, peaks = maps.mean(axis=(0, 1)), maps.max(axis=(0, 1))
        self._channels = np.lexsort((-means, -peaks))[: ROWS * COLUMNS]
        self.field.max = maps.shape[-1] - 1
        self.field.value = int(self._channels[0])
        numbers = list(self._channels) + [None] * (ROWS * COLUMNS - len(self._channels))
        self.grid.cells = [
            [self._cell(number) for number in numbers[row * COLUMNS : (row + 1) * COLUMNS]]
            for row in range(ROWS)
        ]
        self._layer_status.value = paragraph(self._layer_words())
        self._on_field()

    def _cell(self, channel: int) -> dict[str, str]:
        image = data_url(_coloured(self._maps()[..., channel]), "PNG")
        style = (
            f"background:url({image}) top / {MAP_SIDE}px {MAP_SIDE}px no-repeat;"
            "align-items:flex-end"
        )
        label = f"channel {channel}, largest value {self._maps()[..., channel].max():.3g}"
        return {"words": str(channel), "label": label, "style": style}

    def _on_grid(self) -> None:
        place = self.grid.row * COLUMNS + self.grid.column
        if min(self.grid.row, self.grid.column) >= 0 and place < len(self._channels):
            self.field.value = int(self._channels[place])
            self._on_field()

    def _on_field(self) -> None:
        """Show the chosen channel."""
        chosen = np.flatnonzero(self._channels == self.field.value)
        place = divmod(int(chosen[0]), COLUMNS) if len(chosen) else (-1, -1)
        self.grid.choose(*place)
        self._channel_status.value = paragraph(self._channel_words())
        image = _with_square(self._pixels[0].astype(np.uint8), self._field(), self._place())
        seen = f"{self.chooser.name}, with a square around what the largest value can depend on"
        map_of = f"activation map of channel {self.field.value}"
        self._large.value = _side_by_side(
            _figure(image, seen, self.chooser.name, LARGE_SIDE),
            _figure(_coloured(self._map()), self._channel_words(), map_of, LARGE_SIDE, "pixelated"),
        )
        self._show_strongest()

    def _pieces(self, layer: str):
        """Compute the peaks of all images in batches; cached ones are only read."""
        network, rows = with_peaks(self.backbone, layer), []
        total = len(self.images)
        for start in range(0, total, PIECE):
            some = self.images.paths[start : start + PIECE]
            rows.append(extract_features(network, some, progress=False))
            done = start + len(some)
            yield done / total, f"{done} of {total} pictures seen."
        self._peaks[layer] = np.concatenate(rows)
        self._show_strongest()

    def _show_strongest(self) -> None:
        peaks = self._peaks.get(self.slider.value)
        self.strongest = None
        self._gallery.value = ""
        if peaks is not None:
            self.strongest = strongest_rows(peaks, self.field.value, STRONGEST)
            self._gallery.value = paragraph(self._strongest_words()) + _side_by_side(
                *self._gallery_images(peaks[self.strongest, self.field.value])
            )
        self._code.value = code_block(self.code)

    def _gallery_images(self, values: np.ndarray) -> list[str]:
        """Show the strongest images, each with the receptive field of its largest value."""
        chosen = self.images.take(self.strongest)
        pixels = paths_to_tensor(chosen.paths, size=self.backbone.input_size, progress=False)
        name, field = self.slider.value, self._field()
        maps = activation_maps(self.backbone, pixels, [name])[name][..., self.field.value]
        shown = []
        for i, values_of_one in enumerate(maps):
            place = np.unravel_index(values_of_one.argmax(), values_of_one.shape)
            words = f"{chosen.class_names[chosen.labels[i]]}, {values[i]:.3g}"
            image = _with_square(pixels[i].astype(np.uint8), field, place)
            shown.append(_figure(image, f"{words}, at {_words_for(place)}", words, 128))
        return shown

    def _show_heat(self) -> None:
        label = f"{self.chooser.name} with the heat map for {self._class_name()}"
        image = self._pixels[0].astype(np.uint8)
        opacity = self.opacity.value / 100
        mixed = (1 - opacity) * image + opacity * _coloured(self.heat, most=1)
        self._overlay.value = _figure(mixed.astype(np.uint8), label, "", LARGE_SIDE)
        self._heat_status.value = paragraph(self._heat_words())
        self._code.value = code_block(self.code)

    def _maps(self) -> np.ndarray:
        return self.maps[self.slider.value]

    def _map(self) -> np.ndarray:
        return self._maps()[..., self.field.value]

    def _field(self) -> ReceptiveField:
        return receptive_field(self.backbone, self.slider.value)

    def _place(self) -> tuple[int, int]:
        return np.unravel_index(self._map().argmax(), self._map().shape)

    def _class_name(self) -> str:
        return self.backbone.labels[self.reason.value]

    def _layer_words(self) -> str:
        name, side = self.slider.value, self.backbone.input_size[0]
        rows, columns, channels = self._maps().shape
        size = self._field().size
        seen = (
            f"{size} x {size} of the {side} x {side} pixels" if size < side else "the whole picture"
        )
        return (
            f"{name} in {self._block_of[name]}: {channels} channels of {rows} x {columns} places. "
            f"Each value can depend on {seen}. Below are the {len(self._channels)} channels with "
            f"the largest values for {self.chooser.name}; light means large."
        )

    def _channel_words(self) -> str:
        found, channel = self._map(), self.field.value
        if not found.any():
            return f"Channel {channel} is zero everywhere: its pattern is not in this picture."
        return (
            f"Channel {channel}: the largest value, {found.max():.3g}, is at "
            f"{_words_for(self._place())}; {(found == 0).mean():.0%} of the places are zero."
        )

    def _strongest_words(self) -> str:
        if self.strongest is None:
            return ""
        labels = self.images.labels[self.strongest]
        names = self.images.class_names
        counts = [f"{names[i]} {(labels == i).sum()}" for i in np.unique(labels)]
        return (
            f"Of {len(self.images)} pictures, these excite channel {self.field.value} of "
            f"{self.slider.value} most: {', '.join(counts)}. The square is what the largest value "
            "can depend on."
        )

    def _heat_words(self) -> str:
        if self.heat is None:
            return ""
        share = self._answers[self.reason.value]
        start = f"{self._class_name()}, probability {share:.1%}."
        if not self.heat.any():
            return f"{start} Nothing in the picture speaks for it."
        row, column = np.unravel_index(self.heat.argmax(), self.heat.shape)
        height, width = self.heat.shape
        where = ("top", "middle", "bottom")[3 * row // height]
        side = ("left", "centre", "right")[3 * column // width]
        return (
            f"{start} What speaks for it most is {where} {side}; "
            f"{(self.heat > 0.5).mean():.0%} of the picture reach half of that."
        )

    def _imports(self) -> list[str]:
        wanted = ["path_to_tensor"]
        if self.strongest is not None:
            wanted += ["paths_to_tensor"] + ["load_split"] * (not self._given["images"])
        wanted += ["load_backbone"] * (not self._given["backbone"])
        wanted += ["grad_cam"] * (self.heat is not None)
        lines = ["import keras", "import numpy as np"]
        lines += self.chooser.imports
        lines += [f"from course_utils import {', '.join(sorted(wanted))}"]
        if not self._given["backbone"]:
            lines += ["", f'backbone = load_backbone("{self.backbone.name}", include_top=True)']
        return lines

    def _map_code(self) -> list[str]:
        return [
            f"pixels = path_to_tensor({self.chooser.code}, size={self.backbone.input_size})",
            f'layer = backbone.model.get_layer("{self.slider.value}")',
            "part = keras.Model(backbone.model.input, layer.output)",
            "maps = part(backbone.preprocess(pixels), training=False)[0]",
            f"channel = {self.field.value}",
            "activation_map = np.array(maps[..., channel])",
        ]

    def _strongest_code(self) -> list[str]:
        lines = [] if self._given["images"] else ['images = load_split("dogs_vs_cats", "train")']
        return [
            *lines,
            "all_pixels = paths_to_tensor(images.paths, size=backbone.input_size)",
            "largest = keras.Model(part.input, keras.layers.GlobalMaxPooling2D()(part.output))",
            "peaks = largest.predict(backbone.preprocess(all_pixels), verbose=0)[:, channel]",
            f"strongest = np.argsort(-peaks)[:{STRONGEST}]",
        ]


def _coloured(values: np.ndarray, most: float | None = None) -> np.ndarray:
    """Map values from 0 to `most`, by default their maximum, to colours."""
    most = values.max() if most is None else most
    return (255 * colormaps["magma"](values / max(most, 1e-9))[..., :3]).astype(np.uint8)


def _words_for(place: tuple[int, int]) -> str:
    return f"row {place[0] + 1}, column {place[1] + 1}"


def _with_square(pixels: np.ndarray, field: ReceptiveField, place: tuple[int, int]) -> np.ndarray:
    """Draw a square around the part of an image that a value depends on."""
    scale = max(1, round(256 / pixels.shape[0]))
    image = Image.fromarray(pixels).resize((scale * pixels.shape[1], scale * pixels.shape[0]))
    rows, columns = field.box(*place)
    height, width = pixels.shape[:2]
    corners = (columns.start, rows.start, min(columns.stop, width), min(rows.stop, height))
    left, top, right, bottom = (scale * corner for corner in corners)
    draw = ImageDraw.Draw(image)
    draw.rectangle((left, top, right - 1, bottom - 1), outline="white", width=6)
    draw.rectangle((left + 2, top + 2, right - 3, bottom - 3), outline="black", width=2)
    return np.array(image)


def _figure(
    pixels: np.ndarray, label: str, caption: str, side: int, rendering: str = "auto"
) -> str:
    """Return an image as HTML, with a text alternative and a caption."""
    return (
        f'<figure style="margin:0 8px 4px 0;{TEXT}"><img alt="{html.escape(label)}" '
        f'style="width:{side}px;height:{side}px;image-rendering:{rendering}" '
        f'src="{data_url(pixels, "PNG")}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _side_by_side(*figures: str) -> str:
    return f'<div style="display:flex;flex-wrap:wrap">{"".join(figures)}</div>'

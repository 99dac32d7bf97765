"""Panels to see and change what a network does, in the notebook."""

import base64
import html
import io
import itertools
import math
from collections.abc import Callable

import ipywidgets
import keras
import numpy as np
from PIL import Image, ImageOps

from course_utils.backbones import Backbone, backbone_in, classify, layers_by_block
from course_utils.tensors import FORMATS, BadImagesError, path_to_tensor

MAX_PIXELS = 50_000_000
"""What an uploaded picture may have: a PNG of this size takes 150 MB to decode."""

# JupyterLab's colours, so that the panels can be read in the light and in the dark theme.
_TEXT = "color:var(--jp-ui-font-color1, inherit);line-height:1.4;"
_SMALL = "color:var(--jp-ui-font-color2, inherit);font-size:90%;overflow-wrap:anywhere;"
_LINE = "1px solid var(--jp-ui-font-color2, #616161)"
_SOLID = "background:#2b7bba;"
_HATCHED = (
    "background:repeating-linear-gradient(135deg, #8a8a8a 0 2px, transparent 2px 6px);"
    "box-shadow:inset 0 0 0 1px #8a8a8a;"
)
_CUSTOM = "your own choice of blocks"


class _Panel(ipywidgets.VBox):
    """A column of widgets that says in plain text what it shows."""

    def _repr_mimebundle_(self, **kwargs):
        # For readers without a kernel; ipywidgets would cut this text after 110 characters.
        return {**super()._repr_mimebundle_(**kwargs), "text/plain": str(self)}


class FreezeExplorer(_Panel):
    """A panel that freezes the blocks of a network and shows what that changes.

    It changes the network it shows, at once. What it shows is read from the network at
    every touch, so several panels, and code in other cells, can work on the same one.

    Parameters
    ----------
    backbone : Backbone or keras.Model
        A model contains a backbone, as those of `add_classifier` do; the layers around
        it are shown as its head.

    Attributes
    ----------
    slider : ipywidgets.SelectionSlider
        The last block that is frozen.
    checkboxes : dict of str to ipywidgets.Checkbox
        One per block, ticked where the block is frozen.
    button : ipywidgets.Button
        Reads the state of the network again.

    Raises
    ------
    ValueError
        If the model contains no backbone.
    """

    def __init__(self, backbone: Backbone | keras.Model):
        self._root = "model" if isinstance(backbone, keras.Model) else "backbone.model"
        self._argument = self._root.removesuffix(".model")
        self.network = getattr(backbone, "model", backbone)
        self._base = backbone_in(self.network)
        self._blocks = layers_by_block(self.network)
        self._head = _layers_around(self.network, self._blocks)
        self._refreshing = False
        self.slider = ipywidgets.SelectionSlider(
            description="freeze up to",
            options=["none", *self._blocks],
            readout=False,  # the words beside it can say more
            style={"description_width": "initial"},
            layout={"width": "min(100%, 400px)"},
        )
        self.checkboxes = {block: _checkbox() for block in self._blocks}
        self.button = ipywidgets.Button(
            description="Check again",
            tooltip="Read the model again, after compile() or a change in another cell",
        )
        self._facts = {part: _html(flex="1 1 300px") for part in self._parts()}
        self._choice = _html(margin="2px 2px 2px 16px")
        self._status, self._norms, self._code = _html(), _html(), _html()
        super().__init__(self._rows(), layout={"max_width": "900px"})
        self.refresh()
        self._listen()

    def refresh(self) -> None:
        """Show what is true of the network now."""
        self._refreshing = True
        try:
            self.slider.value = ["none", *self._blocks][self._leading()]
            self._choice.value = _paragraph(self._last_frozen())
            for block, checkbox in self.checkboxes.items():
                state = self._state(self._blocks[block])
                checkbox.value = state == "frozen"
                checkbox.description = f"{block}: {state}"
            total = self.network.count_params()
            for part, layers in self._parts().items():
                counts = [_count(self._trained(layers)), _count(_weights(layers)), total]
                self._facts[part].value = _row(part, self._state(layers), layers, *counts)
            self._status.value = _status(self._summary(), self._reminder())
            self._norms.value = _paragraph(self._batch_norms())
            self._code.value = _code(self.code)
        finally:
            self._refreshing = False

    @property
    def code(self) -> str:
        """The lines of Python that freeze as the panel does now."""
        keras_only = "\n".join(self._keras_code())
        last = self._last_frozen()
        if last == _CUSTOM or not self.network.trainable:
            return keras_only
        block = "None" if last == "none" else f'"{last}"'
        return (
            f"# with the course's helper\nfreeze_up_to({self._argument}, {block})\n"
            f"# the same in Keras alone\n{keras_only}"
        )

    def __str__(self) -> str:
        lines = [f"{'part':10}{'state':15}{'parameters':>12}{'trainable':>12}"]
        for part, layers in self._parts().items():
            trained, total = _count(self._trained(layers)), _count(_weights(layers))
            lines.append(f"{part:10}{self._state(layers):15}{total:12,}{trained:12,}")
        notes = [self._summary(), self._reminder(), self._batch_norms(), self.code]
        return "\n".join([f"FreezeExplorer: {self._base.name}", *lines, *filter(None, notes)])

    def _rows(self) -> list[ipywidgets.Widget]:
        wrap = {"flex_flow": "row wrap", "align_items": "center"}
        rows = [
            ipywidgets.HBox([checkbox, self._facts[block]], layout=wrap)
            for block, checkbox in self.checkboxes.items()
        ]
        if self._head:
            rows.append(ipywidgets.HBox([_html(_paragraph("head"), **_NAME), self._facts["head"]],
                                        layout=wrap))  # fmt: skip
        slider = ipywidgets.HBox([self.slider, self._choice], layout=wrap)
        return [slider, *rows, self._status, self.button, self._norms, self._code]

    def _listen(self) -> None:
        self.slider.observe(self._on_slider, "value")
        for block, checkbox in self.checkboxes.items():
            checkbox.observe(lambda change, block=block: self._on_checkbox(block, change), "value")
        self.button.on_click(lambda button: self.refresh())

    def _on_slider(self, change) -> None:
        if self._refreshing:
            return
        frozen = self.slider.options.index(change.new)
        self._set({block: i >= frozen for i, block in enumerate(self._blocks)})
        self.refresh()

    def _on_checkbox(self, block: str, change) -> None:
        if not self._refreshing:
            self._set({block: not change.new})
            self.refresh()

    def _set(self, trainable: dict[str, bool]) -> None:
        """Make blocks trainable or frozen and leave the others as they are."""
        flags = {
            layer: self._is_trained(layer) for layers in self._blocks.values() for layer in layers
        }
        for block, flag in trainable.items():
            flags.update(dict.fromkeys(self._blocks[block], flag))
        for part in (self.network, self._base):
            if not part.trainable:  # else Keras would hide all weights inside, see freeze_up_to
                part.trainable = True
        for layer, flag in flags.items():
            layer.trainable = flag

    def _parts(self) -> dict[str, list[keras.Layer]]:
        return {**self._blocks, "head": self._head} if self._head else self._blocks

    def _is_trained(self, layer: keras.Layer) -> bool:
        """Say whether a layer is trained; it is not inside a model that is frozen as a whole."""
        outer = self.network.trainable and (layer in self._head or self._base.trainable)
        return outer and layer.trainable

    def _trained(self, layers: list[keras.Layer]) -> list:
        return [weight for layer in layers if self._is_trained(layer)
                for weight in layer.trainable_weights]  # fmt: skip

    def _state(self, layers: list[keras.Layer]) -> str:
        flags = {self._is_trained(layer) for layer in layers if layer.weights}
        flags = flags or {self._is_trained(layer) for layer in layers}
        return "partly frozen" if len(flags) == 2 else "trainable" if True in flags else "frozen"

    def _leading(self) -> int:
        """Count the frozen blocks before the first that is not."""
        states = [self._state(layers) for layers in self._blocks.values()]
        return next((i for i, state in enumerate(states) if state != "frozen"), len(states))

    def _last_frozen(self) -> str:
        """Name the block up to which all is frozen, where that describes the whole."""
        after = list(self._blocks.values())[self._leading() :]
        if any(self._state(layers) != "trainable" for layers in after):
            return _CUSTOM
        return ["none", *self._blocks][self._leading()]

    def _summary(self) -> str:
        trained = _count(self.network.trainable_weights)
        total = self.network.count_params()
        last = self._last_frozen()
        frozen = {"none": "No block is frozen", _CUSTOM: "Blocks frozen by your own choice"}
        return (
            f"{frozen.get(last, f'Frozen up to {last}')}. Trainable parameters: {trained:,}. "
            f"Non-trainable parameters: {total - trained:,}. Total: {total:,}."
        )

    def _reminder(self) -> str:
        if _compile_is_due(self.network):
            return (
                "Compile again: this model was compiled with other layers frozen. Until you call "
                "model.compile(...) with a new optimizer it trains as before, or fit() fails. "
                "Afterwards press Check again."
            )
        return ""

    def _batch_norms(self) -> str:
        norms = [layer for layer in _flat(self.network)
                 if isinstance(layer, keras.layers.BatchNormalization)]  # fmt: skip
        if not norms:
            return "No BatchNorm layers: nothing here behaves differently in training."
        learning = len([layer for layer in norms if self._trained([layer])])
        statistics = _count([w for layer in norms for w in (layer.moving_mean,
                                                            layer.moving_variance)])  # fmt: skip
        return (
            f"BatchNorm layers: {len(norms) - learning} frozen, {learning} trainable. Frozen ones "
            "run in inference mode: they keep the means and variances of the pretraining. "
            "Trainable ones normalise each training batch by its own mean and variance, except "
            "in models of add_classifier, where the backbone runs in inference mode. "
            f"Their {statistics:,} means and variances always count as non-trainable."
        )

    def _keras_code(self) -> list[str]:
        """Write the plain Keras that gives the same flags."""
        if not self.network.trainable:
            return [f"{self._root}.trainable = False"]
        base = self._root
        if self._base is not self.network:
            base += f'.get_layer("{self._base.name}")'
        frozen = _frozen_slices([self._is_trained(layer) for layer in self._base.layers])
        if not frozen or frozen == ["[:]"]:
            return [f"{base}.trainable = {not frozen}"]
        return [
            f"{base}.trainable = True",
            f"for layer in {' + '.join(f'{base}.layers{part}' for part in frozen)}:",
            "    layer.trainable = False",
        ]


class UploadClassifier(_Panel):
    """A button that takes a photograph and shows what a network sees in it.

    A file that cannot be used gets a message; the last good picture stays.

    Parameters
    ----------
    classify : callable
        Takes the bytes of an image file and gives ``[(label, probability), ...]``; by
        default `course_utils.classify`.

    Attributes
    ----------
    upload : ipywidgets.FileUpload
    """

    def __init__(self, classify: Callable[[bytes], list[tuple[str, float]]] = classify):
        self._classify = classify
        self.upload = ipywidgets.FileUpload(
            accept="image/*", description="Choose a photograph", layout={"width": "max-content"}
        )
        self._status, self._result = _html(), _html()
        self._say("No photograph yet. JPEG or PNG files of up to 10 MB will do.")
        super().__init__([self.upload, self._status, self._result], layout={"max_width": "900px"})
        self.upload.observe(self._on_upload, "value")

    def __str__(self) -> str:
        return f"UploadClassifier: {self._text}"

    def _say(self, text: str) -> None:
        self._text = text
        self._status.value = _status(text)

    def _on_upload(self, change) -> None:
        if not change.new:
            return
        name, content = change.new[0]["name"], bytes(change.new[0]["content"])
        self._say(f"Looking at {name} …")
        try:
            picture = _thumbnail(name, content)
            answers = self._classify(content)
        except (ValueError, OSError) as error:  # a bad picture, or weights that do not arrive
            self._say(f"{error} The picture before, if any, stays.")
        else:
            self._result.value = _answers(name, picture, answers)
            found = ", ".join(f"{label} {share:.1%}" for label, share in answers)
            self._say(f"{name}: {found}.")
        self.upload.value = ()  # so that the same file can be chosen again


_NAME = {"width": "190px", "flex": "0 0 auto", "margin": "2px"}


def _checkbox() -> ipywidgets.Checkbox:
    return ipywidgets.Checkbox(indent=False, style={"description_width": "initial"}, layout=_NAME)


def _html(value: str = "", **layout) -> ipywidgets.HTML:
    return ipywidgets.HTML(value, layout=layout)


def _paragraph(text: str) -> str:
    return f'<div style="{_TEXT}">{html.escape(text)}</div>'


def _status(text: str, reminder: str = "") -> str:
    """Words that a screen reader reads out when they change."""
    box = f'<div style="border-left:4px solid #d55e00;padding-left:8px">{reminder}</div>'
    return f'<div role="status" style="{_TEXT}">{html.escape(text)}{box if reminder else ""}</div>'


def _code(code: str) -> str:
    return (
        f'<div style="{_TEXT}">The code that does the same:</div><pre style="{_TEXT}'
        "background:var(--jp-layout-color2, #eeeeee);padding:8px;white-space:pre-wrap;"
        f'margin:0">{html.escape(code)}</pre>'
    )


def _bar(label: str, hatched: float, solid: float) -> str:
    """Draw shares of 1 as a bar, with its text alternative."""
    pieces = "".join(
        f'<div style="width:{100 * share:.2f}%;{style}"></div>'
        for share, style in ((hatched, _HATCHED), (solid, _SOLID))
    )
    return (
        f'<div role="img" aria-label="{html.escape(label)}" style="display:flex;height:14px;'
        f'flex:0 1 220px;min-width:120px;border:{_LINE}">{pieces}</div>'
    )


def _beside(bar: str, text: str) -> str:
    return (
        f'<div style="{_TEXT}display:flex;flex-wrap:wrap;align-items:center;gap:0 12px">{bar}'
        f"<div>{html.escape(text)}</div></div>"
    )


def _row(part, state, layers, trained: int, size: int, total: int) -> str:
    """Show where the parameters of the network are, and which of them are trained."""
    label = f"{part}, {state}: {size / total:.1%} of the parameters"
    bar = _bar(label, (size - trained) / total, trained / total)
    text = f"{state}, {size:,} parameters ({size / total:.1%})"
    return f'{_beside(bar, text)}<div style="{_SMALL}">{html.escape(_names(layers))}</div>'


def _names(layers: list[keras.Layer]) -> str:
    names = [layer.name for layer in layers]
    if len(names) > 5:
        return f"{len(names)} layers: {names[0]} … {names[-1]}"
    return ", ".join(names)


def _answers(name: str, picture: bytes, answers: list[tuple[str, float]]) -> str:
    """Show a picture beside what it was taken for."""
    source = base64.b64encode(picture).decode()
    rows = "".join(
        _beside(_bar(f"{label}: {share:.1%}", 0, share), f"{share:.1%} {label}")
        for label, share in answers
    )
    return (
        f'<div style="display:flex;flex-wrap:wrap;gap:16px"><img alt="your picture '
        f'{html.escape(name)}" src="data:image/jpeg;base64,{source}" '
        f'style="max-width:100%;object-fit:contain"><div style="flex:1 1 300px">{rows}</div></div>'
    )


def _thumbnail(name: str, content: bytes, side: int = 240) -> bytes:
    """Return a small upright JPEG of an uploaded picture, or say why there is none."""
    with _opened(name, content) as image:
        try:
            image.draft(None, (2 * side, 2 * side))  # a large JPEG is decoded at reduced scale
            upright = ImageOps.exif_transpose(image)
            scale = side / max(upright.size)
            width, height = (math.ceil(scale * length) for length in upright.size)
            pixels = path_to_tensor(upright, (height, width))[0]
        except Exception as error:  # broken files make Pillow's decoders raise nearly everything
            raise BadImagesError(f"{name} is damaged: choose another copy of it.") from error
    small = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(small, "JPEG", quality=90)
    return small.getvalue()


def _opened(name: str, content: bytes) -> Image.Image:
    """Open an uploaded picture without decoding it."""
    if not content:
        raise BadImagesError(f"{name} is empty: choose another file.")
    too_large = f"{name} has over {MAX_PIXELS // 10**6} million pixels: save a smaller copy of it."
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise BadImagesError(too_large) from error
    except Exception as error:  # broken headers too
        raise BadImagesError(
            f"{name} is not a picture that can be read here: choose a JPEG or PNG file."
        ) from error
    if math.prod(image.size) > MAX_PIXELS:
        raise BadImagesError(too_large)
    return image


def _flat(model: keras.Model) -> list[keras.Layer]:
    """List the layers of a model, those of models inside it too."""
    layers = []
    for layer in model.layers:
        layers += _flat(layer) if isinstance(layer, keras.Model) else [layer]
    return layers


def _layers_around(model: keras.Model, blocks: dict[str, list[keras.Layer]]) -> list[keras.Layer]:
    """List the layers that belong to no block of the backbone and hold parameters."""
    inside = set(itertools.chain.from_iterable(blocks.values()))
    return [layer for layer in _flat(model) if layer not in inside and layer.weights]


def _weights(layers: list[keras.Layer]) -> list:
    return [weight for layer in layers for weight in layer.weights]


def _count(weights: list) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _frozen_slices(trained: list[bool]) -> list[str]:
    """Write which layers are frozen as slices: ``[":15"]`` in brackets."""
    flags = [trained[1], *trained[1:]]  # the input layer has nothing to train: as its neighbour
    slices, start = [], 0
    for flag, run in itertools.groupby(flags):
        stop = start + len(list(run))
        if not flag:
            slices.append(f"[{start or ''}:{stop if stop < len(flags) else ''}]")
        start = stop
    return slices


def _compile_is_due(model: keras.Model) -> bool:
    """Say whether layers were frozen or unfrozen since the model was compiled."""
    if not model.compiled:
        return False
    # Keras keeps this record for its own warning in fit(), and forgets it with the warning;
    # the optimizer still knows what it was built for.
    flags = getattr(model, "_compiled_trainable_state", {})
    if any(layer.weights and layer.trainable != flag for layer, flag in flags.items()):
        return True
    known = {id(weight) for weight in getattr(model.optimizer, "_trainable_variables", [])}
    return bool(known) and known != {id(weight) for weight in model.trainable_variables}

"""The panel that freezes blocks of a network and shows what that changes."""

import html
import itertools
import math

import ipywidgets
import keras
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from course_utils.backbones import Backbone, backbone_in, layers_by_block
from course_utils.datasets import Split
from course_utils.plots import COLOURS
from course_utils.widgets.parts.cost_panel import CostPanel
from course_utils.widgets.parts.panel import (
    SMALL,
    WRAP,
    Panel,
    bar,
    beside,
    checkbox,
    code_block,
    paragraph,
    status,
    text,
    with_reminder,
)
from course_utils.widgets.parts.trial_panel import TrialPanel

_CUSTOM = "your own choice of blocks"


class FreezeExplorer(Panel):
    """A panel that freezes the blocks of a network and shows what that changes.

    It changes the network at once, and reads its state at every interaction, so several
    panels, and code in other cells, can work on the same network.

    Parameters
    ----------
    backbone : Backbone or keras.Model
        A model must contain a backbone, as those of `add_classifier` do; the layers around
        it are shown as its head.
    train, valid : Split, optional
        Images to train a copy of a backbone on for a few epochs.

    Attributes
    ----------
    slider : ipywidgets.SelectionSlider
        The last block that is frozen.
    checkboxes : dict of str to ipywidgets.Checkbox
        One per block, ticked where the block is frozen.
    button : ipywidgets.Button
        Reads the state of the network again.
    cost : CostPanel
        Shows what training costs on this machine.
    trial : TrialPanel or None
        Trains a copy, if there are images.

    Raises
    ------
    ValueError
        If the model contains no backbone, or only one of `train` and `valid` is given.
    """

    def __init__(
        self,
        backbone: Backbone | keras.Model,
        train: Split | None = None,
        valid: Split | None = None,
    ):
        self._root = "model" if isinstance(backbone, keras.Model) else "backbone.model"
        self._argument = self._root.removesuffix(".model")
        self.network = getattr(backbone, "model", backbone)
        self._base = backbone_in(self.network)
        self._blocks = layers_by_block(self.network)
        self._head = _layers_around(self.network, self._blocks)
        self.slider = ipywidgets.SelectionSlider(
            description="freeze up to",
            options=["none", *self._blocks],
            style={"description_width": "initial"},
            layout={"width": "min(100%, 400px)"},
        )
        self.checkboxes = {block: checkbox(layout=_NAME) for block in self._blocks}
        self.button = ipywidgets.Button(
            description="Check again",
            tooltip="Read the model again, after compile() or a change in another cell",
        )
        self._facts = {part: text(flex="1 1 300px") for part in self._parts()}
        self._choice = text(margin="2px 2px 2px 16px")
        self._status, self._norms, self._code = status(), text(), text()
        self.cost = CostPanel(self._base.name, len(train) if train else 1000)
        self.trial = self._trial_with(backbone, train, valid)
        super().__init__(self._rows())
        self.refresh()
        self._listen()

    def refresh(self) -> None:
        """Show the current state of the network."""
        self._busy = True
        try:
            self.slider.value = ["none", *self._blocks][self._leading()]
            last = self._last_frozen()
            self._choice.value = paragraph(last if last == _CUSTOM else "")
            self.cost.show(last)
            if self.trial:
                self.trial.show()
            for block, box in self.checkboxes.items():
                state = self._state(self._blocks[block])
                box.value = state == "frozen"
                box.description = f"{block}: {state}"
            total = self.network.count_params()
            for part, layers in self._parts().items():
                counts = [_count(self._trained(layers)), _count(_weights(layers)), total]
                self._facts[part].value = _row(part, self._state(layers), layers, *counts)
            self._status.value = with_reminder(self._summary(), self._reminder())
            self._norms.value = paragraph(self._batch_norms())
            self._code.value = code_block(self.code)
        finally:
            self._busy = False

    @property
    def code(self) -> str:
        """Python code that freezes the same layers."""
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
        notes = [self._summary(), self._reminder(), self._batch_norms(), self.cost.words]
        notes += [self.code, str(self.trial or "")]
        return "\n".join([f"FreezeExplorer: {self._base.name}", *lines, *filter(None, notes)])

    def draw(self) -> Figure:
        """Draw where the parameters are, and which of them are trainable."""
        parts = self._parts()
        sizes = [_count(_weights(layers)) for layers in parts.values()]
        trained = [_count(self._trained(layers)) for layers in parts.values()]
        figure, ax = plt.subplots(figsize=(7, 0.4 * len(parts) + 1), layout="constrained")
        ax.barh(list(parts), sizes, color="white", edgecolor="#616161", hatch="///", label="frozen")
        ax.barh(list(parts), trained, color=COLOURS[0], label="trainable")
        ax.invert_yaxis()
        ax.set(xlabel="parameters", title=self._base.name)
        ax.legend(loc="lower right")
        return figure

    def _rows(self) -> list[ipywidgets.Widget]:
        rows = [
            ipywidgets.HBox([box, self._facts[block]], layout=WRAP)
            for block, box in self.checkboxes.items()
        ]
        if self._head:
            rows.append(
                ipywidgets.HBox(
                    [text(paragraph("head"), **_NAME), self._facts["head"]], layout=WRAP
                )
            )
        slider = ipywidgets.HBox([self.slider, self._choice], layout=WRAP)
        found = [self._status, self.button, self._norms, self._code, self.cost]
        return [slider, *rows, *found, *([self.trial] if self.trial else [])]

    def _trial_with(self, backbone, train, valid) -> TrialPanel | None:
        if (train is None) != (valid is None):
            raise ValueError("training takes both: training and validation images")
        if train is None:
            return None
        if not isinstance(backbone, Backbone):
            raise ValueError("to train, give the backbone: FreezeExplorer(backbone, train, valid)")
        return TrialPanel(backbone, train, valid, self._last_frozen)

    def _listen(self) -> None:
        self.slider.observe(self._on_slider, "value")
        for block, box in self.checkboxes.items():
            box.observe(lambda change, block=block: self._on_checkbox(block, change), "value")
        self.button.on_click(lambda button: self.refresh())

    def _on_slider(self, change) -> None:
        if self._busy:
            return
        frozen = self.slider.options.index(change.new)
        self._set({block: i >= frozen for i, block in enumerate(self._blocks)})
        self.refresh()

    def _on_checkbox(self, block: str, change) -> None:
        if not self._busy:
            self._set({block: not change.new})
            self.refresh()

    def _set(self, trainable: dict[str, bool]) -> None:
        """Make blocks trainable or frozen; leave the others as they are."""
        flags = {
            layer: self._is_trained(layer) for layers in self._blocks.values() for layer in layers
        }
        for block, flag in trainable.items():
            flags.update(dict.fromkeys(self._blocks[block], flag))
        for part in (self.network, self._base):
            if not part.trainable:  # or Keras hides all weights inside, see freeze_up_to
                part.trainable = True
        for layer, flag in flags.items():
            layer.trainable = flag

    def _parts(self) -> dict[str, list[keras.Layer]]:
        return {**self._blocks, "head": self._head} if self._head else self._blocks

    def _is_trained(self, layer: keras.Layer) -> bool:
        """Return whether a layer is trained: neither it nor a model around it is frozen."""
        outer = self.network.trainable and (layer in self._head or self._base.trainable)
        return outer and layer.trainable

    def _trained(self, layers: list[keras.Layer]) -> list:
        return [
            weight
            for layer in layers
            if self._is_trained(layer)
            for weight in layer.trainable_weights
        ]

    def _state(self, layers: list[keras.Layer]) -> str:
        flags = {self._is_trained(layer) for layer in layers if layer.weights}
        flags = flags or {self._is_trained(layer) for layer in layers}
        return "partly frozen" if len(flags) == 2 else "trainable" if True in flags else "frozen"

    def _leading(self) -> int:
        """Count the frozen blocks before the first that is not frozen."""
        states = [self._state(layers) for layers in self._blocks.values()]
        return next((i for i, state in enumerate(states) if state != "frozen"), len(states))

    def _last_frozen(self) -> str:
        """Name the block up to which everything is frozen, if the rest is trainable."""
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
        norms = [
            layer
            for layer in _flat(self.network)
            if isinstance(layer, keras.layers.BatchNormalization)
        ]
        if not norms:
            return "No BatchNorm layers: nothing here behaves differently in training."
        learning = len([layer for layer in norms if self._trained([layer])])
        statistics = _count(
            [w for layer in norms for w in (layer.moving_mean, layer.moving_variance)]
        )
        return (
            f"BatchNorm layers: {len(norms) - learning} frozen, {learning} trainable. Frozen ones "
            "run in inference mode: they keep the means and variances of the pretraining. "
            "Trainable ones normalise each training batch by its own mean and variance, except "
            "in models of add_classifier, where the backbone runs in inference mode. "
            f"Their {statistics:,} means and variances always count as non-trainable."
        )

    def _keras_code(self) -> list[str]:
        """Return plain Keras code that sets the same flags."""
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


_NAME = {"width": "190px", "flex": "0 0 auto", "margin": "2px"}


def _row(part, state, layers, trained: int, size: int, total: int) -> str:
    """Return a row that shows how many parameters a part has, and how many are trained."""
    label = f"{part}, {state}: {size / total:.1%} of the parameters"
    drawing = bar(label, (size - trained) / total, trained / total)
    words = f"{state}, {size:,} parameters ({size / total:.1%})"
    return f'{beside(drawing, words)}<div style="{SMALL}">{html.escape(_names(layers))}</div>'


def _names(layers: list[keras.Layer]) -> str:
    names = [layer.name for layer in layers]
    if len(names) > 5:
        return f"{len(names)} layers: {names[0]} … {names[-1]}"
    return ", ".join(names)


def _flat(model: keras.Model) -> list[keras.Layer]:
    """List the layers of a model, including those of nested models."""
    layers = []
    for layer in model.layers:
        layers += _flat(layer) if isinstance(layer, keras.Model) else [layer]
    return layers


def _layers_around(model: keras.Model, blocks: dict[str, list[keras.Layer]]) -> list[keras.Layer]:
    """List the layers that have parameters and belong to no block of the backbone."""
    inside = set(itertools.chain.from_iterable(blocks.values()))
    return [layer for layer in _flat(model) if layer not in inside and layer.weights]


def _weights(layers: list[keras.Layer]) -> list:
    return [weight for layer in layers for weight in layer.weights]


def _count(weights: list) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _frozen_slices(trained: list[bool]) -> list[str]:
    """Return which layers are frozen as slices.

    >>> _frozen_slices([True, False, False, True])
    ['[:3]']
    """
    flags = [trained[1], *trained[1:]]  # the input layer has no weights: as its neighbour
    slices, start = [], 0
    for flag, run in itertools.groupby(flags):
        stop = start + len(list(run))
        if not flag:
            slices.append(f"[{start or ''}:{stop if stop < len(flags) else ''}]")
        start = stop
    return slices


def _compile_is_due(model: keras.Model) -> bool:
    """Return whether layers were frozen or unfrozen since the model was compiled."""
    if not model.compiled:
        return False
    # Keras keeps this record for its own warning in fit() and drops it with the warning;
    # the optimizer still knows the weights that it was built for.
    flags = getattr(model, "_compiled_trainable_state", {})
    if any(layer.weights and layer.trainable != flag for layer, flag in flags.items()):
        return True
    known = {id(weight) for weight in getattr(model.optimizer, "_trainable_variables", [])}
    return bool(known) and known != {id(weight) for weight in model.trainable_variables}

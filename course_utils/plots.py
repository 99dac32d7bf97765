"""Figures of images, training and errors, readable without colour."""

import base64
import html
import io
import math
import textwrap

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from course_utils.metrics import confusion_counts
from course_utils.tensors import thumbnails

# Colours that colour-blind people can distinguish (Okabe & Ito 2008,
# https://jfly.uni-koeln.de/color/); the markers distinguish the curves without any.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#000000")
MARKERS = "osD^vP*X"
MAX_IMAGES = 100


def plot_confusion_matrix(y_true, y_pred, class_names, ax: Axes | None = None) -> Axes:
    """Draw the confusion matrix: counts, shaded by their share of the true class.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,) or (n, classes)
        Class indices, or a row per image: one-hot targets, probabilities.
    class_names : sequence of str
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    """
    # Not scikit-learn's ConfusionMatrixDisplay: it shades by the numbers that it writes, so counts
    # and shares cannot be shown together, and names of more than about 40 classes overlap.
    counts, shares = confusion_counts(y_true, y_pred, class_names)
    classes = len(counts)
    if ax is None:
        side = np.interp(classes, [2, 10, 100], [3.6, 7, 10])
        _, ax = plt.subplots(figsize=(1.15 * side, side), layout="constrained")
    shade = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ax.figure.colorbar(shade, ax=ax, shrink=0.8, label="share of the true class")
    ax.set(xlabel="predicted class", ylabel="true class")
    shown = np.arange(0, classes, math.ceil(classes / 34))  # more names would overlap
    names = [str(class_names[i]) for i in shown]
    size, is_wide = 10 if classes <= 20 else 7, len(names) * max(map(len, names)) > 40
    ax.set_xticks(shown, names, fontsize=size, rotation=90 if is_wide else 0)
    ax.set_yticks(shown, names, fontsize=size)
    if classes <= 25:  # more numbers would not fit into their cells
        _write_cells(ax, counts, shares, with_shares=classes <= 10)
    return ax


def _write_cells(ax: Axes, counts: np.ndarray, shares: np.ndarray, with_shares: bool) -> None:
    for i, j in np.argwhere((counts > 0) | with_shares):
        text = f"{counts[i, j]}"
        if with_shares and counts[i, j]:
            text += f"\n{shares[i, j]:.0%}"
        # Above 0.7, white contrasts with the blue more than black does.
        colour = "white" if shares[i, j] > 0.7 else "black"
        ax.text(j, i, text, color=colour, size=9 if with_shares else 7, ha="center", va="center")


def plot_history(history) -> np.ndarray:
    """Draw loss and metrics over the epochs: training dashed, validation solid.

    Parameters
    ----------
    history : keras.callbacks.History, dict of lists, or dict of these
        What ``model.fit`` returns, or its ``.history``. To compare several:
        ``{"frozen": first, "fine-tuned": second}``.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        One for each metric.
    """
    runs = _runs(history)
    found = dict.fromkeys(metric for curves in runs.values() for metric in _metrics(curves))
    metrics = sorted(found, key=lambda metric: metric != "loss")  # the loss first
    figure, axes = plt.subplots(
        ncols=len(metrics), figsize=(4.8 * len(metrics), 3.8), layout="constrained", squeeze=False
    )
    for ax, metric in zip(axes[0], metrics, strict=True):
        for i, (name, curves) in enumerate(runs.items()):
            style = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}
            _draw_run(ax, curves, metric, f"{name}, " if name else "", style)
        ax.set(xlabel="epoch", ylabel=metric.replace("_", " "))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(alpha=0.3)
    curves = {line.get_label(): line for ax in axes[0] for line in ax.lines}
    figure.legend(handles=curves.values(), loc="outside upper center", ncols=2, handlelength=4)
    return axes[0]


def _draw_run(ax: Axes, curves: dict, metric: str, name: str, style: dict) -> None:
    for key, line, fill in ((metric, "--", "none"), (f"val_{metric}", "-", "full")):
        if len(values := curves.get(key, [])):
            label = name + ("training" if key == metric else "validation")
            style |= {"fillstyle": fill, "markevery": math.ceil(len(values) / 10)}
            ax.plot(np.arange(1, len(values) + 1), values, line, label=label, **style)


def _runs(history) -> dict[str, dict]:
    """Return the curves of each run by name; a single run has the name ``""``."""
    curves = getattr(history, "history", history)
    if not isinstance(curves, dict):
        raise ValueError(
            "plot_history takes what model.fit returns, its .history, or a dictionary "
            f"name -> history, not {type(history).__name__}"
        )
    runs = {name: getattr(run, "history", run) for name, run in curves.items()}
    if not all(isinstance(run, dict) for run in runs.values()):
        runs = {"": curves}
    empty = [name or "the history" for name, run in runs.items() if not _metrics(run)]
    if empty or not runs:
        raise ValueError(f"no epochs in {', '.join(empty) or 'the history'}: was anything trained?")
    return runs


def _metrics(curves: dict) -> list[str]:
    others = ("learning_rate", "lr")  # what Keras' schedules record beside the metrics
    return [key for key in curves if not key.startswith("val_") and key not in others]


def show_images(images, titles=None, columns: int = 5) -> Figure:
    """Show images in a grid.

    Parameters
    ----------
    images : Split, sequence of path, or array or sequence of arrays
        Arrays hold values from 0 to 255, ``(height, width, 3)`` or ``(height, width)``.
        A split is titled with its class names.
    titles : sequence of str, optional
        One for each image.
    columns : int
        Number of images in a row.
    """
    if hasattr(images, "paths"):
        titles = [images.class_names[i] for i in images.labels] if titles is None else titles
        images = images.paths
    count = len(images)
    if not 0 < count <= MAX_IMAGES:
        raise ValueError(f"show_images takes 1 to {MAX_IMAGES} images, not {count}")
    if titles is not None and len(titles) != count:
        raise ValueError(f"there are {count} images and {len(titles)} titles")
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    size = (2.2 * columns, (2.2 if titles is None else 2.6) * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for ax in axes.flat:
        ax.axis("off")
    for i, (ax, image) in enumerate(zip(axes.flat, drawable(images), strict=False)):
        ax.imshow(image, cmap="gray", vmin=0, vmax=255)
        if titles is not None:
            ax.set_title(textwrap.fill(str(titles[i]), 24), fontsize=10)
    return figure


def drawable(images, side: int = 300) -> list:
    """Convert what `show_images` takes for matplotlib and Pillow: PIL images or uint8 arrays.

    Images from files are shrunk to fit into ``side`` times ``side`` pixels.
    """
    if not isinstance(images[0], np.ndarray):
        return thumbnails(images, side)
    for i, array in enumerate(images):
        fractions = array.dtype.kind == "f" and 0 < array.max() <= 1
        if fractions or array.min() < 0 or array.max() > 255:
            raise ValueError(
                f"image {i} has values from {array.min():.3g} to {array.max():.3g}, not 0 to "
                "255: show images before they are preprocessed"
            )
    return [np.round(array).astype(np.uint8).squeeze() for array in images]


def plot_top5(predictions: list[tuple[str, float]], image=None) -> Figure:
    """Draw the most probable classes as bars, next to the image.

    Parameters
    ----------
    predictions : list of (str, float)
        Labels and probabilities, the most probable first, as `classify` returns them.
    image : path, PIL image, bytes or array, optional
    """
    labels, probabilities = zip(*predictions, strict=True)
    widths = [2] if image is None else [1, 2]
    size = (2.7 * sum(widths), 3)
    figure, axes = plt.subplots(
        1, len(widths), figsize=size, width_ratios=widths, squeeze=False, layout="constrained"
    )
    if image is not None:
        axes[0, 0].imshow(drawable([image])[0], cmap="gray", vmin=0, vmax=255)
        axes[0, 0].axis("off")
    ax = axes[0, -1]
    # Positions and not labels on the axis: two classes of ImageNet have the same name.
    bars = ax.barh(range(len(labels)), probabilities, color=COLOURS[0])
    ax.bar_label(bars, fmt="%.3f", padding=3)
    ax.set_yticks(range(len(labels)), [textwrap.fill(label, 24) for label in labels])
    ax.invert_yaxis()
    ax.set(xlim=(0, 1.15), xticks=np.arange(0, 1.1, 0.25), xlabel="probability")
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def show_figure(figure_or_axes, alt: str) -> None:
    """Show a figure, or the figure of some axes, with a text alternative.

    Jupyter's own output of a figure has none; `alt` says what there is to see.
    """
    figure = np.ravel(figure_or_axes)[0].figure
    display({"text/html": figure_as_html(figure, alt), "text/plain": alt}, raw=True)


def figure_as_html(figure: Figure, alt: str) -> str:
    """Return a figure as an HTML image with a text alternative, and close the figure."""
    if not alt.strip():
        raise ValueError("alt is empty: say in words what the figure shows")
    buffer = io.BytesIO()
    # A white background, because black letters on a transparent one vanish in the dark theme.
    figure.savefig(buffer, format="png", facecolor="white", bbox_inches="tight", dpi=100)
    plt.close(figure)  # or Jupyter would show it a second time
    content = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<img alt="{html.escape(alt)}" style="max-width:100%;background:white" '
        f'src="data:image/png;base64,{content}">'
    )

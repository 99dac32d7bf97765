"""Plots: what they draw, that it is readable without colour, and what they refuse."""

import base64
import io
import re
from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from course_utils import plots
from course_utils.plots import (
    plot_confusion_matrix,
    plot_history,
    plot_top5,
    show_figure,
    show_images,
)
from course_utils.tensors import BadImagesError, path_to_tensor


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def names(count: int) -> list[str]:
    return [f"class {i}" for i in range(count)]


def predictions(count: int, images: int, seed: int = 0):
    generator = np.random.default_rng(seed)
    true = generator.integers(0, count, images)
    return true, np.where(
        generator.random(images) < 0.8, true, generator.integers(0, count, images)
    )


def overlapping(boxes) -> list:
    return [
        (i, j)
        for i, one in enumerate(boxes)
        for j, other in enumerate(boxes)
        if i < j and one.overlaps(other)
    ]


# ---------------------------------------------------------------- confusion matrix


def test_two_classes_show_counts_and_shares_of_the_row():
    ax = plot_confusion_matrix([0, 0, 0, 1], [1, 1, 0, 1], ["cat", "dog"])
    assert isinstance(ax, plt.Axes)
    assert [text.get_text() for text in ax.texts] == ["1\n33%", "2\n67%", "0", "1\n100%"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["cat", "dog"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")


def test_a_hundred_classes_show_shades_only_and_fewer_names():
    ax = plot_confusion_matrix(*predictions(100, 3000), names(100))
    assert not ax.texts
    assert ax.images[0].get_array().shape == (100, 100)
    shown = [tick.get_text() for tick in ax.get_yticklabels()]
    assert 20 <= len(shown) <= 40 and shown[:2] == ["class 0", "class 3"]


@pytest.mark.parametrize("count", [2, 10, 20, 40, 100])
def test_names_of_classes_do_not_overlap(count):
    ax = plot_confusion_matrix(*predictions(count, 500), names(count))
    ax.figure.canvas.draw()
    for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
        assert overlapping([label.get_window_extent() for label in labels]) == []


@pytest.mark.parametrize("count", [2, 10, 20])
def test_numbers_fit_into_their_cells(count):
    ax = plot_confusion_matrix(*predictions(count, 400 * count), names(count))
    ax.figure.canvas.draw()
    cell = ax.get_window_extent().width / count
    assert max(text.get_window_extent().width for text in ax.texts) < cell


def contrast(one, other) -> float:
    """The contrast of two colours, from 1 to 21 (WCAG 2.1, relative luminance)."""

    def luminance(colour):
        rgb = np.array(matplotlib.colors.to_rgb(colour))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("right", range(0, 101, 5))
def test_numbers_stand_out_from_every_shade(right):
    predicted = [0] * right + [1] * (100 - right)
    ax = plot_confusion_matrix([0] * 100, predicted, ["cat", "dog"])
    for text in ax.texts[:2]:
        column, row = text.get_position()
        shade = ax.images[0].cmap(ax.images[0].get_array()[row, column])
        assert contrast(text.get_color(), shade) > 4


def test_matrix_is_drawn_where_asked_and_wrong_input_is_refused():
    _, ax = plt.subplots()
    assert plot_confusion_matrix([0, 1], np.eye(2), ["cat", "dog"], ax=ax) is ax
    with pytest.raises(ValueError, match="3 columns for 2 classes"):
        plot_confusion_matrix([0, 1, 0], np.eye(3), ["cat", "dog"])


# ---------------------------------------------------------------- history


def history(epochs: int = 20, scale: float = 1.0, validation: bool = True) -> dict:
    falling = (scale * np.exp(-np.arange(epochs) / 5)).tolist()
    curves = {"accuracy": [1 - loss / 2 for loss in falling], "loss": falling}
    if validation:
        curves |= {f"val_{name}": [value + 0.1 for value in curves[name]] for name in list(curves)}
    return curves | {"learning_rate": [1e-4] * epochs}


@pytest.mark.parametrize("wrap", [dict, lambda curves: SimpleNamespace(history=curves)])
def test_one_history_gives_a_panel_for_each_metric(wrap):
    axes = plot_history(wrap(history()))
    assert [ax.get_ylabel() for ax in axes] == ["loss", "accuracy"]
    for ax in axes:
        assert [(line.get_label(), line.get_linestyle()) for line in ax.lines] == [
            ("training", "--"),
            ("validation", "-"),
        ]
        assert ax.lines[0].get_xdata().tolist() == list(range(1, 21))
    np.testing.assert_allclose(axes[0].lines[1].get_ydata(), history()["val_loss"])


def test_several_histories_differ_without_colour_and_are_named():
    runs = {f"run {i}": history(5 + i, scale=1 + i) for i in range(6)}
    axes = plot_history(runs)
    styles = {(line.get_marker(), line.get_linestyle()) for line in axes[0].lines}
    assert len(styles) == len(axes[0].lines) == 12
    legend = [text.get_text() for text in axes[0].figure.legends[0].get_texts()]
    assert legend[:2] == ["run 0, training", "run 0, validation"] and len(legend) == 12


def test_a_history_without_validation_and_one_with_another_metric_are_drawn():
    other = {"loss": [1.0, 0.5], "top_5": [0.1, 0.2]}
    axes = plot_history({"first": history(validation=False), "second": other})
    assert [ax.get_ylabel() for ax in axes] == ["loss", "accuracy", "top 5"]
    assert [len(ax.lines) for ax in axes] == [2, 1, 1]
    assert len(axes[0].figure.legends[0].get_texts()) == 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (None, "what model.fit returns"),
        ([history()], "what model.fit returns"),
        ({}, "was anything trained"),
        ({"frozen": history(), "scratch": {}}, "no epochs in scratch"),
    ],
)
def test_anything_but_a_history_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        plot_history(wrong)


# ---------------------------------------------------------------- images


@pytest.fixture
def split(tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(7)]
    for i, path in enumerate(paths):
        Image.new("RGB", (40, 20 + 30 * i), (30 * i, 0, 0)).save(path)
    return SimpleNamespace(
        paths=paths, labels=np.array([0, 1, 0, 1, 0, 1, 1]), class_names=["cat", "dog"]
    )


def drawn(figure) -> list:
    return [ax for ax in figure.axes if ax.images]


def test_a_split_is_shown_with_its_class_names_and_proportions(split):
    shown = drawn(show_images(split, columns=3))
    assert [ax.get_title() for ax in shown] == ["cat", "dog", "cat", "dog", "cat", "dog", "dog"]
    assert [ax.images[0].get_array().shape[:2] for ax in shown[:2]] == [(20, 40), (50, 40)]
    assert shown[3].images[0].get_array()[0, 0].tolist() == [90, 0, 0]
    assert shown[0].get_gridspec().get_geometry() == (3, 3)


def test_paths_and_arrays_are_shown(split):
    tensor = path_to_tensor(split.paths[3], (8, 8))
    for images in (tensor, list(tensor.astype(np.uint8)), split.paths[3:4]):
        (ax,) = drawn(show_images(images, ["red"]))
        assert ax.images[0].get_array()[0, 0].tolist() == [90, 0, 0]
    (ax,) = drawn(show_images([np.full((8, 8), 200.0)]))
    assert (ax.images[0].get_array() == 200).all() and ax.images[0].get_clim() == (0, 255)


def test_long_titles_are_wrapped_and_do_not_overlap(split):
    figure = show_images(split, ["true cat, predicted dog with probability 0.98"] * 7)
    figure.canvas.draw()
    assert overlapping([ax.title.get_window_extent() for ax in drawn(figure)]) == []


@pytest.mark.parametrize(
    ("images", "titles", "message"),
    [
        (np.zeros((2, 4, 4, 3)), ["one"], "2 images and 1 titles"),
        (np.zeros((0, 4, 4, 3)), None, "1 to 100 images, not 0"),
        (np.zeros((101, 4, 4, 3)), None, "1 to 100 images, not 101"),
        (np.full((1, 4, 4, 3), -1.0), None, "before they are preprocessed"),
        (np.full((1, 4, 4, 3), 0.5), None, "before they are preprocessed"),
        (np.full((1, 4, 4, 3), 256), None, "before they are preprocessed"),
    ],
)
def test_images_that_cannot_be_shown_are_refused(images, titles, message):
    with pytest.raises(ValueError, match=message):
        show_images(images, titles)


def test_all_broken_images_are_named(split):
    for path in split.paths[2:4]:
        path.write_bytes(b"")
    with pytest.raises(BadImagesError, match="2 of 7") as caught:
        show_images(split)
    assert caught.value.paths == split.paths[2:4]


# ---------------------------------------------------------------- top five


TOP5 = [("crane", 0.6), ("German shepherd", 0.2), ("wolf", 0.1), ("crane", 0.07), ("fox", 0.03)]


def test_bars_are_in_order_with_their_values():
    (ax,) = plot_top5(TOP5).axes
    assert [bar.get_width() for bar in ax.patches] == [p for _, p in TOP5]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == [label for label, _ in TOP5]
    assert ax.yaxis_inverted()
    assert [text.get_text() for text in ax.texts][:2] == ["0.600", "0.200"]


def test_the_image_is_next_to_the_bars(split):
    for image in (split.paths[3], path_to_tensor(split.paths[3]), Image.open(split.paths[3])):
        shown, bars = plot_top5(TOP5, image).axes
        assert shown.images[0].get_array()[0, 0].tolist() == [90, 0, 0]
        assert len(bars.patches) == 5


# ---------------------------------------------------------------- text alternatives


@pytest.fixture
def shown(monkeypatch):
    outputs = []
    monkeypatch.setattr(plots, "display", lambda data, raw: outputs.append((data, raw)))
    return outputs


def test_a_figure_is_shown_once_with_its_text_alternative(shown):
    figure, ax = plt.subplots()
    ax.plot([1, 2])
    assert show_figure(figure, 'Loss < 0.1, the "best" curve') is None
    ((data, raw),) = shown
    assert raw and data["text/plain"] == 'Loss < 0.1, the "best" curve'
    assert 'alt="Loss &lt; 0.1, the &quot;best&quot; curve"' in data["text/html"]
    assert "max-width:100%" in data["text/html"]
    assert not plt.fignum_exists(figure.number), "open, it would be shown a second time"


def test_the_image_is_a_png_with_a_white_background(shown):
    show_figure(plt.figure(), "nothing yet")
    content = re.search(r'base64,([^"]+)"', shown[0][0]["text/html"])[1]
    image = Image.open(io.BytesIO(base64.b64decode(content)))
    assert image.format == "PNG"
    assert (np.asarray(image.convert("RGBA")) == 255).all()


def test_axes_and_arrays_of_axes_lead_to_their_figure(shown):
    show_figure(plot_history(history()), "two falling curves")
    show_figure(plot_confusion_matrix([0, 1], [0, 1], ["cat", "dog"]), "all right")
    assert len(shown) == 2 and not plt.get_fignums()


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_a_figure_without_a_text_alternative_is_refused(shown, alt):
    with pytest.raises(ValueError, match="alt is empty"):
        show_figure(plt.figure(), alt)
    assert not shown

"""Activations of a backbone, computed once and kept on disk."""

import re
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
from tqdm.auto import tqdm

from course_utils.backbones import Backbone
from course_utils.plumbing import feature_cache
from course_utils.plumbing.fingerprints import fingerprint
from course_utils.tensors import BadImagesError, ImageSource, paths_to_tensor
from course_utils.transfer import layer_at


def extract_features(
    backbone: Backbone,
    images,
    upto: str | None = None,
    *,
    batch_size: int = 32,
    progress: bool = True,
) -> np.ndarray:
    """Compute the activations of a backbone once, and keep them on disk.

    A later call with the same weights, layers, preprocessing and images reads them from
    ``data/cache``. They are computed again if any of these has changed, or the file is damaged.

    Parameters
    ----------
    backbone : Backbone
    images : Split, sequence of images, or array
        Paths, or whatever `path_to_tensor` takes. An array holds RGB values from 0 to 255,
        ``(n, height, width, 3)``, in the backbone's input size.
    upto : str, optional
        A block or a layer; by default the last one.
    batch_size : int
        How many images the network takes at a time.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    numpy.ndarray of float32, shape (n, ...)
        One row of activations per image, as a memory map: only what is used is read.

    Raises
    ------
    BadImagesError
        If files cannot be read; it names all of them.
    ValueError
        If there are no images, an array does not fit the network, or `batch_size` is below 1.
    """
    if not batch_size >= 1:
        raise ValueError(f"batch_size is a number of images, 1 or more, not {batch_size}")
    images = _checked(getattr(images, "paths", images), backbone)
    end, part = backbone.model.layers[-1], backbone.model  # the latter is compiled only once
    if upto is not None:
        end = layer_at(backbone, upto)
        part = keras.Model(backbone.model.input, end.output)
    name = f"{backbone.name}-{end.name}-{fingerprint(backbone, part, images)}"
    name = re.sub(r"[^\w.-]", "_", name)
    if (stored := feature_cache.load(name)) is not None:
        return stored
    batches = _compute(part, backbone, images, batch_size, progress)
    return feature_cache.store(name, batches, (len(images), *part.output_shape[1:]))


def _checked(images, backbone: Backbone):
    if isinstance(images, ImageSource):
        raise TypeError("extract_features takes a list of images; for one: [path]")
    if len(images) == 0:
        raise ValueError("there are no images to compute features of")
    if not _holds_pixels(images) and not all(isinstance(image, str | Path) for image in images):
        images = paths_to_tensor(images, backbone.input_size, progress=False)
    expected = (*backbone.input_size, 3)
    if _holds_pixels(images) and images.shape[1:] != expected:
        raise ValueError(
            f"each image has the shape {images.shape[1:]}, but {backbone.name} takes {expected}"
        )
    return images


def _holds_pixels(images) -> bool:
    return isinstance(images, np.ndarray) and images.dtype.kind in "uif"


def _compute(part, backbone, images, batch_size, progress) -> Iterator[np.ndarray]:
    """Yield the activations batch by batch; name all unreadable files at the end."""
    bad: list = []
    with tqdm(total=len(images), unit="image", desc="features", disable=not progress) as bar:
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            try:
                pixels = _pixels(batch, backbone.input_size)
            except BadImagesError as error:
                bad += error.paths
            if not bad:
                yield part.predict_on_batch(backbone.preprocess(pixels)).astype("<f4")
            bar.update(len(batch))
    if bad:
        paths_to_tensor(bad, size=backbone.input_size, progress=False)  # raises, naming them all
        raise BadImagesError("images changed while they were read; try again", bad)


def _pixels(batch, size) -> np.ndarray:
    return batch if _holds_pixels(batch) else paths_to_tensor(batch, size=size, progress=False)

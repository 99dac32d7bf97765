"""Activations of a backbone, computed once and kept on disk."""

import hashlib
import json
import re
import tempfile
from pathlib import Path

import keras
import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from course_utils.backbones import Backbone
from course_utils.editions import data_root
from course_utils.tensors import BadImagesError, ImageSource, path_to_tensor, paths_to_tensor
from course_utils.transfer import _layer_at


def extract_features(
    backbone: Backbone,
    images,
    upto: str | None = None,
    *,
    batch_size: int = 32,
    progress: bool = True,
) -> np.ndarray:
    """Compute the activations of a backbone once, and keep them on disk.

    A later call with the same weights, layer, preprocessing and pictures reads them
    from ``data/cache``; they are computed anew where any of these has changed.

    Parameters
    ----------
    backbone : Backbone
    images : Split, sequence of path, or array
        An array holds RGB values from 0 to 255, ``(n, height, width, 3)``, in the
        backbone's input size.
    upto : str, optional
        A block or a layer; by default the last one.
    batch_size : int
        How many images the network takes at a time.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    numpy.ndarray of float32, shape (n, ...)
        One row of activations per image. It is a memory map: only what is used is read.

    Raises
    ------
    BadImagesError
        If files cannot be read; it names all of them.
    ValueError
        If there are no images, or an array does not fit the network.
    """
    images = _checked(getattr(images, "paths", images), backbone)
    end, part = backbone.model.layers[-1], backbone.model  # the latter is compiled only once
    if upto is not None:
        end = _layer_at(backbone, upto)
        part = keras.Model(backbone.model.input, end.output)
    folder = data_root() / "cache" / "features"
    file = folder / f"{backbone.name}-{end.name}-{_fingerprint(backbone, part, images)}.npy"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # A name of its own, so that two notebooks can compute the same at the same time
        with tempfile.TemporaryDirectory(dir=folder) as unfinished:
            temporary = Path(unfinished) / file.name
            _compute(part, backbone, images, temporary, batch_size, progress)
            temporary.replace(file)
    return np.load(file, mmap_mode="r")


def _checked(images, backbone: Backbone):
    if isinstance(images, ImageSource):
        raise TypeError("extract_features takes a list of pictures; for one: [path]")
    if len(images) == 0:
        raise ValueError("there are no images to compute features of")
    expected = (*backbone.input_size, 3)
    if _holds_pixels(images) and images.shape[1:] != expected:
        raise ValueError(
            f"each image has the shape {images.shape[1:]}, but {backbone.name} takes {expected}"
        )
    return images


def _compute(part, backbone, images, file, batch_size, progress):
    """Write the activations batch by batch; name all unreadable files at the end."""
    shape = (len(images), *part.output_shape[1:])
    bad: list = []
    # Not through a memory map: on a full disk that would kill Python instead of raising an error.
    with (
        file.open("wb") as rows,
        tqdm(total=len(images), unit="image", desc="features", disable=not progress) as bar,
    ):
        np.lib.format.write_array_header_1_0(
            rows, {"descr": "<f4", "fortran_order": False, "shape": shape}
        )
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            try:
                pixels = _pixels(batch, backbone.input_size)
            except BadImagesError as error:
                bad += error.paths
            if not bad:
                features = part.predict_on_batch(backbone.preprocess(pixels))
                rows.write(features.astype("<f4").tobytes())
            bar.update(len(batch))
    if bad:
        paths_to_tensor(bad, size=backbone.input_size, progress=False)  # raises, naming them all
        raise BadImagesError("pictures changed while they were read; try again", bad)


def _pixels(batch, size) -> np.ndarray:
    return batch if _holds_pixels(batch) else paths_to_tensor(batch, size=size, progress=False)


def _holds_pixels(images) -> bool:
    return isinstance(images, np.ndarray) and images.dtype.kind in "uif"


def _fingerprint(backbone: Backbone, part: keras.Model, images) -> str:
    """Digest of all that the features depend on."""
    digest = hashlib.blake2b(digest_size=16)
    # What loading and preprocessing do to noise tells more than the names of the functions.
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype="uint8")
    pixels = path_to_tensor(Image.fromarray(noise), size=backbone.input_size)
    digest.update(np.ascontiguousarray(backbone.preprocess(pixels)))
    for layer in part.layers:
        # Keras numbers input layers anew at each loading, and freezing changes no activation.
        config = {**layer.get_config(), "name": None, "trainable": None}
        digest.update(f"{type(layer).__name__} {config}".encode())
    digest.update(_connections(part).encode())
    for weight in part.weights:
        digest.update(weight.numpy().astype("float32").tobytes())
    if _holds_pixels(images):
        digest.update(f"{images.shape} {images.dtype}".encode())
        digest.update(np.ascontiguousarray(images))
    else:
        for path in images:
            digest.update(_digest_of(Path(path)))
    return digest.hexdigest()


def _connections(model: keras.Model) -> str:
    """Say which layer feeds which, by their places: Keras numbers names anew at each loading."""
    config = model.get_config()
    nodes = [layer.get("inbound_nodes") for layer in config["layers"]]
    text = json.dumps([nodes, config.get("output_layers")], default=str)
    places = {layer.name: place for place, layer in enumerate(model.layers)}
    # A tensor is written as ["name of the layer", 0, 0].
    return re.sub(r'\["([^"]+)", (?=\d+, \d+\])', lambda found: f"[{places[found[1]]}, ", text)


def _digest_of(path: Path) -> bytes:
    try:
        return hashlib.blake2b(path.read_bytes()).digest()
    except OSError:  # the loader will name it, with all others that cannot be read
        return b"unreadable"

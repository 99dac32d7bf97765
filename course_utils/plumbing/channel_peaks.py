"""Finding the images that excite a channel most."""

import dataclasses

import keras
import numpy as np
from keras import layers

from course_utils.backbones import Backbone
from course_utils.features import extract_features


def with_peaks(backbone: Backbone, layer: str) -> Backbone:
    """Return the network up to a layer, followed by each channel's maximum and mean.

    `extract_features` takes the result, which shares its layers with the backbone. Its output
    has twice as many columns as the layer has channels: first the maxima, then the means.
    """
    maps = backbone.model.get_layer(layer).output
    peaks, means = layers.GlobalMaxPooling2D()(maps), layers.GlobalAveragePooling2D()(maps)
    joined = layers.Concatenate(name=f"{layer}_peaks")([peaks, means])
    return dataclasses.replace(backbone, model=keras.Model(backbone.model.input, joined))


def strongest_rows(peaks: np.ndarray, channel: int, count: int) -> np.ndarray:
    """Find the rows in which the maximum of a channel is largest, the strongest first.

    Where maxima are equal, as with ReLUs that stop at 6, the means decide.

    >>> strongest_rows(np.array([[6, 1.0], [2, 1.5], [6, 3.0]]), channel=0, count=2).tolist()
    [2, 0]
    """
    channels = peaks.shape[1] // 2
    return np.lexsort((-peaks[:, channels + channel], -peaks[:, channel]))[:count]


def strongest_images(
    backbone: Backbone, images, layer: str, channel: int, count: int = 8
) -> np.ndarray:
    """Find the images that excite a channel most in any one place.

    The activations are computed once and kept on disk, see `extract_features`.

    Parameters
    ----------
    backbone : Backbone
    images : Split, sequence of images, or array
        What `extract_features` takes.
    layer : str
        Name of a layer with feature maps.
    channel : int
    count : int
        How many images.

    Returns
    -------
    numpy.ndarray of int64, shape (count,)
        Their row numbers, the strongest first.
    """
    peaks = extract_features(with_peaks(backbone, layer), images, progress=False)
    return strongest_rows(peaks, channel, count)

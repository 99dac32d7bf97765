"""The checks' networks, recomputed in NumPy."""

import numpy as np


def linear_scores(codes: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """Return ``codes @ kernel + bias``."""
    return codes @ weights["kernel"] + weights["bias"]


def softmax(scores: np.ndarray) -> np.ndarray:
    """Turn scores into probabilities, along the last axis."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def cross_entropy(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean cross-entropy of probabilities with one-hot targets."""
    chosen = (probabilities * targets).sum(axis=1)
    return float(-np.log(np.clip(chosen, 1e-7, 1)).mean())


NETWORK = ("conv1", "conv2", "conv3", "conv4", "predictions")
"""The layers of ``trained_network`` that have weights."""


def counts_to_freeze(rng) -> list[tuple[int, int]]:
    """Draw numbers of first convolutions, each with that after which ``trained_network`` pools.

    One number is reached before the pooling layer and one after it, so that indices in
    ``model.layers``, whatever is added to them, are wrong once.
    """
    few = int(rng.integers(1, 3))
    cases = [(few, int(rng.integers(few + 1, 4))), (3, int(rng.integers(1, 3)))]
    return [cases[i] for i in rng.permutation(2)]


def network_weights(rng) -> list[np.ndarray]:
    """Draw weights for ``trained_network`` of `MODELS`: kernel, bias, and so on."""
    weights, channels = [], 3
    for filters in rng.integers(4, 9, 4):
        kernel = rng.normal(0, np.sqrt(2 / (9 * channels)), (3, 3, channels, filters))
        weights += [kernel, rng.normal(0, 0.1, filters)]
        channels = filters
    weights += [rng.normal(0, 0.5, (channels, 3)), np.zeros(3)]
    return [np.asarray(array, "float32") for array in weights]


def network_outputs(inputs: np.ndarray, weights: list, pool_after: int = 2) -> np.ndarray:
    """Compute in NumPy what ``trained_network`` computes, from pairs of kernel and bias."""
    maps = inputs
    for i, (kernel, bias) in enumerate(weights[:-1], start=1):
        maps = np.maximum(convolution(maps, kernel, bias), 0)
        if i == pool_after:
            n, height, width, channels = maps.shape
            maps = maps.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))
    kernel, bias = weights[-1]
    return softmax(maps.mean(axis=(1, 2)) @ kernel + bias)


def convolution(maps: np.ndarray, kernel: np.ndarray, bias=0.0) -> np.ndarray:
    """Convolve maps ``(n, height, width, channels)`` with a 3x3 kernel, without padding."""
    windows = np.lib.stride_tricks.sliding_window_view(maps, (3, 3), axis=(1, 2))
    return np.einsum("nhwcij,ijco->nhwo", windows, kernel, optimize=True) + bias

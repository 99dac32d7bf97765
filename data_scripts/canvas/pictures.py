"""What the drawn data sets share: light, noise, and many pictures at once into one folder.

Pictures are float32 arrays of shape (height, width, 3) with values 0 to 255 until `to_image`
rounds them.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter
from tqdm import tqdm

JPEG_QUALITY = 92
CHUNK = 16  # pictures that a worker takes at a time
Draw = Callable[[Any], Image.Image]
Job = tuple[str, Any]


def render_all(
    draw: Draw, jobs: Sequence[Job], folder: Path, workers: int | None = None, title: str = ""
) -> Path:
    """Draw all pictures in parallel; `folder` holds all of them afterwards, or is left as it was.

    Parameters
    ----------
    draw : callable
        Function of a module (workers import it) that turns a job's description into a picture.
        It must depend on that description alone, so that any number of workers draws the same.
    jobs : sequence of (str, object)
        File name below `folder`, with forward slashes, and the description of the picture.
    folder : pathlib.Path
        Where the JPEG files go. What it held before is replaced.
    workers : int, optional
        Number of processes, by default one per processor; 1 draws in this process.
    title : str
        What the progress bar calls the work.
    """
    workers = workers or os.cpu_count() or 1
    with complete_or_nothing(Path(folder)) as unfinished:
        for subfolder in {(unfinished / name).parent for name, _ in jobs}:
            subfolder.mkdir(parents=True, exist_ok=True)
        save = partial(_draw_and_save, draw, unfinished)
        with tqdm(total=len(jobs), desc=title, unit="picture") as progress:
            for _ in _parallel_map(save, jobs, workers):
                progress.update()
    return Path(folder)


@contextmanager
def complete_or_nothing(folder: Path) -> Iterator[Path]:
    """Give a folder to fill; it takes the place of `folder` only if the block ends well."""
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    replaced = folder.with_name(f".{folder.name}.replaced")
    for leftover in (unfinished, replaced):  # of a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        if folder.exists():
            folder.rename(replaced)
        unfinished.rename(folder)
    finally:
        for leftover in (unfinished, replaced):
            shutil.rmtree(leftover, ignore_errors=True)


def _parallel_map(function: Callable[[Job], None], jobs: Sequence[Job], workers: int) -> Iterator:
    if workers == 1:
        yield from map(function, jobs)
        return
    # "spawn": a fork of a notebook that has TensorFlow's threads running may hang
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(function, jobs, chunksize=CHUNK)


def _draw_and_save(draw: Draw, folder: Path, job: Job) -> None:
    name, description = job
    draw(description).save(folder / name, "JPEG", quality=JPEG_QUALITY)


def soft_light(size: tuple[int, int], angle: float, strength: float) -> np.ndarray:
    """Return factors 1 - strength to 1 + strength that grow towards `angle` (radians, 0: right).

    `size` is (width, height) as in Pillow; the result has shape (height, width).
    """
    x, y = _centred_grid(size)
    along = np.cos(angle) * x - np.sin(angle) * y
    return (1 + strength * along / np.abs(along).max()).astype(np.float32)


def vignette(
    size: tuple[int, int], strength: float, centre: tuple[float, float] = (0.0, 0.0)
) -> np.ndarray:
    """Return factors of shape (height, width): 1 at `centre`, 1 - strength in a far corner.

    `centre` is in half widths and half heights from the middle, right and down.
    """
    x, y = _centred_grid(size)
    distance = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
    return (1 - strength * distance / distance.max()).astype(np.float32)


def _centred_grid(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    width, height = size
    return np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))


def smooth_noise(size: tuple[int, int], cells: int, rng: np.random.Generator) -> np.ndarray:
    """Return clouds: values around 0, about -1 to 1, shape (height, width), `cells` per side."""
    coarse = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))


def add_noise(pixels: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Add a camera's noise: mostly brightness, some colour, more of it in the dark."""
    height, width, _ = pixels.shape
    grey = rng.standard_normal((height, width, 1), dtype=np.float32)
    colour = rng.standard_normal((height, width, 3), dtype=np.float32)
    darkness = 1.3 - 0.6 * pixels.mean(axis=2, keepdims=True) / 255
    return pixels + deviation * darkness * (0.9 * grey + 0.4 * colour)


def blur(pixels: np.ndarray, radius: float) -> np.ndarray:
    """Return the picture out of focus (Gaussian, `radius` in pixels)."""
    soft = to_image(pixels).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(soft, dtype=np.float32)


def to_image(pixels: np.ndarray) -> Image.Image:
    """Round to 0..255 and make it a Pillow picture."""
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))

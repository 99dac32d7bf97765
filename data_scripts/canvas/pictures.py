"""What the drawn datasets share: light, noise, and drawing many images in parallel.

Images are float32 arrays of shape (height, width, 3) with values from 0 to 255 until
`to_image` rounds them.
"""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter
from tqdm import tqdm

JPEG_QUALITY = 92
CHUNK = 16  # images that a worker process takes at a time
Draw = Callable[[Any], Image.Image]
DrawingTask = tuple[str, Any]
"""File name below the dataset's folder, with forward slashes, and the image's description."""


def render_all(
    draw: Draw,
    tasks: Sequence[DrawingTask],
    folder: Path,
    workers: int | None = None,
    title: str = "",
) -> Path:
    """Draw a whole folder of images; interrupted, it leaves `folder` as it was.

    Parameters
    ----------
    draw, tasks, workers, title
        See `draw_images`.
    folder : pathlib.Path
        Where the JPEG files go. Whatever it held is replaced.

    Returns
    -------
    pathlib.Path
        The folder.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as staging:
        drawn = Path(staging) / "drawn"
        draw_images(draw, tasks, drawn, workers, title)
        if folder.exists():
            folder.rename(Path(staging) / "replaced")
        drawn.rename(folder)
    return folder


def draw_images(
    draw: Draw,
    tasks: Sequence[DrawingTask],
    folder: Path,
    workers: int | None = None,
    title: str = "",
) -> None:
    """Draw images in parallel and save them below `folder`.

    Parameters
    ----------
    draw : callable
        Module-level function (workers import it) that draws an image from its description.
        It depends on the description alone, so any number of workers draws the same.
    tasks : sequence of (str, object)
        File names and descriptions of the images.
    folder : pathlib.Path
        Where the JPEG files go.
    workers : int, optional
        Number of processes, by default one per core; 1 draws in this process.
    title : str
        Label of the progress bar.
    """
    for subfolder in {(folder / name).parent for name, _ in tasks}:
        subfolder.mkdir(parents=True, exist_ok=True)
    save = partial(_draw_and_save, draw, folder)
    chunks = [tasks[start : start + CHUNK] for start in range(0, len(tasks), CHUNK)]
    # A process that would get less than one chunk is not worth starting
    workers = min(workers or os.cpu_count() or 1, len(chunks))
    drawn = map(save, chunks) if workers <= 1 else _parallel_map(save, chunks, workers)
    with tqdm(total=len(tasks), desc=title, unit="image") as progress:
        for count in drawn:
            progress.update(count)


def _draw_and_save(draw: Draw, folder: Path, tasks: Sequence[DrawingTask]) -> int:
    for name, description in tasks:
        draw(description).save(folder / name, "JPEG", quality=JPEG_QUALITY)
    return len(tasks)


def _parallel_map(save: Callable, chunks: Sequence, workers: int) -> Iterator[int]:
    others = set(active_children())
    # "spawn": a fork of a notebook with TensorFlow's threads running may hang.
    # Workers ignore Ctrl-C, which the terminal sends to all processes; this one ends them.
    with ProcessPoolExecutor(
        workers, get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_IGN)
    ) as pool:
        try:
            # Not `pool.map`, whose cancelled futures print a traceback when workers end early
            for future in as_completed([pool.submit(save, chunk) for chunk in chunks]):
                yield future.result()
        except BrokenProcessPool as error:
            raise ChildProcessError(
                "a drawing process was killed, perhaps for lack of memory: close other programs"
            ) from error
        except BaseException:
            for worker in set(active_children()) - others:
                worker.terminate()
            raise


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
    """Return cloudy noise of shape (height, width), values about -1 to 1, `cells` per side."""
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
    """Return the image out of focus (Gaussian blur, `radius` in pixels)."""
    soft = to_image(pixels).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(soft, dtype=np.float32)


def to_image(pixels: np.ndarray) -> Image.Image:
    """Round to integers from 0 to 255 and convert to a Pillow image."""
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))

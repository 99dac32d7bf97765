"""Loading pictures into one tensor: images per second and memory.

Each way runs in a process of its own, because memory that one has used would hide what
the next one needs.
"""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.measure import announce, find_split, kind_of, seconds, table
from course_utils.datasets import read_folder
from course_utils.widgets.parts.training_cost import peak_memory

SIZE = (224, 224)
WAYS = {
    "book": "book: one by one, then stacked",
    "keras": "keras.utils.image_dataset_from_directory",
    "course": "course_utils.paths_to_tensor",
}


def book_way(folder: Path, limit: int) -> np.ndarray:
    """Load pictures as the book's `paths_to_tensor` does, in our own words."""
    from keras.utils import img_to_array, load_img

    tensors = [
        np.expand_dims(img_to_array(load_img(path, target_size=SIZE)), axis=0)
        for path in read_folder(folder).paths[:limit]
    ]
    return np.vstack(tensors)


def keras_way(folder: Path, limit: int) -> np.ndarray:
    """Gather the batches of Keras' folder loader in one array."""
    import keras

    batches = keras.utils.image_dataset_from_directory(
        folder, image_size=SIZE, shuffle=False, verbose=False
    )
    gathered = [images.numpy() for images, _ in batches.take(math.ceil(limit / 32))]
    return np.concatenate(gathered)[:limit]


def course_way(folder: Path, limit: int) -> np.ndarray:
    """Load pictures as the course does."""
    from course_utils.tensors import paths_to_tensor

    return paths_to_tensor(read_folder(folder).paths[:limit], SIZE, progress=False)


def measure_here(way: str, folder: Path, limit: int) -> dict:
    """Load in this process and return the speed in images/s and the memory in bytes."""
    load = {"book": book_way, "keras": keras_way, "course": course_way}[way]
    load(folder, 4)  # what is imported and started once counts for none
    before = peak_memory()
    tensors = []
    time = seconds(lambda: tensors.append(load(folder, limit)))
    peak, array = peak_memory(), tensors[0].nbytes
    return {"speed": limit / time, "peak": peak, "growth": peak - before, "array": array}


def measure(way: str, folder: Path, limit: int, rounds: int) -> dict:
    """Return the fastest of several processes."""
    command = [sys.executable, "-m", "benchmarks.loading", way, str(folder), str(limit)]
    home = Path(__file__).resolve().parents[1]
    runs = [
        json.loads(subprocess.run(command, capture_output=True, check=True, cwd=home).stdout)
        for _ in range(rounds)
    ]
    return max(runs, key=lambda run: run["speed"])


def report(dataset: str, split: str, quick: bool) -> str:
    """Return the table for one data set."""
    pictures = find_split(dataset, split)
    limit = min(len(pictures), 64) if quick else len(pictures)
    for path in pictures.paths:  # so that no way pays for reading the disk
        path.read_bytes()
    folder = pictures.paths[0].parents[1]
    results = {}
    for way, name in WAYS.items():
        announce(f"loading {limit} pictures of {dataset}: {name}")
        results[way] = measure(way, folder, limit, rounds=1 if quick else 3)
    rows = [_row(WAYS[way], results[way], results["book"]) for way in WAYS]
    header = ["way", "images/s", "x book", "peak of process", "x book", "growth / array"]
    title = f"Loading {limit} {kind_of(pictures)} of {dataset} at {SIZE[0]} x {SIZE[1]}"
    return f"{title}\n\n{table(header, rows)}"


def _row(name: str, result: dict, book: dict) -> list[str]:
    return [
        name,
        f"{result['speed']:.0f}",
        f"{result['speed'] / book['speed']:.1f}",
        f"{result['peak'] / 1e9:.2f} GB",
        f"{result['peak'] / book['peak']:.2f}",
        f"{result['growth'] / result['array']:.2f}",
    ]


if __name__ == "__main__":
    print(json.dumps(measure_here(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))

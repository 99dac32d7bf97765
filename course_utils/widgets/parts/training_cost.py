"""What training a backbone costs on this machine, measured once in a process of its own.

``python -m course_utils.widgets.parts.training_cost minivgg`` measures and stores the costs.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from course_utils.editions import BACKBONES, data_root

CLASSES = 10
STEPS = 3


@dataclass(frozen=True)
class TrainingCost:
    """The cost of training with a backbone frozen up to a block.

    Attributes
    ----------
    frozen : str
        The last frozen block, or ``"none"``.
    seconds : float
        Per image: one training step through the whole network.
    seconds_once : float
        Per image: the forward pass of the frozen part, which is needed only once.
    seconds_stored : float
        Per image: one training step of the rest on stored features.
    memory : int
        Peak memory of a process that trains through the whole network, in bytes.
    batch : int
        Images in a step.
    """

    frozen: str
    seconds: float
    seconds_once: float
    seconds_stored: float
    memory: int
    batch: int


def measured_costs(name: str) -> dict[str, TrainingCost]:
    """Return the costs measured on this machine, by the last frozen block; maybe empty."""
    file = _file(name)
    if not file.exists():
        return {}
    return {row["frozen"]: TrainingCost(**row) for row in json.loads(file.read_text())}


def measure_costs(name: str) -> Iterator[TrainingCost]:
    """Measure a backbone frozen up to each of its blocks, the cheapest first.

    Its head is average pooling and a softmax layer for ten classes. The time is that of the
    fastest of several steps. The weights are random, which does not change the cost.
    """
    from course_utils.backbones import load_backbone

    blocks = load_backbone(name, weights=False).blocks
    for block in [*reversed(blocks), "none"]:
        yield _measure(name, block, last=blocks[-1])


def peak_memory() -> int:
    """Return the peak memory of this process so far, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux, ru_maxrss starts from the peak of the process that forked
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024
    import resource  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _measure(name: str, block: str, last: str) -> TrainingCost:
    import keras
    import numpy as np

    from course_utils.backbones import load_backbone
    from course_utils.transfer import add_classifier, freeze_up_to, split_at

    keras.backend.clear_session()
    backbone = load_backbone(name, weights=False)
    freeze_up_to(backbone, None if block == "none" else block)
    batch = 32 if backbone.input_size[0] <= 64 else 8
    images = np.zeros((batch, *backbone.input_size, 3), "float32")
    whole = add_classifier(backbone, CLASSES)
    seconds = _seconds_of_a_step(whole, images)
    memory = peak_memory()
    if block == "none":
        return TrainingCost(block, seconds, 0.0, seconds, memory, batch)
    if block == last:
        first, rest = (
            backbone.model,
            keras.Sequential(
                [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(CLASSES, "softmax")]
            ),
        )
    else:
        first, second = split_at(backbone, block)
        rest = add_classifier(second, CLASSES)
    once = _fastest(lambda: first.predict_on_batch(images)) / batch
    stored = _seconds_of_a_step(rest, first.predict_on_batch(images))
    return TrainingCost(block, seconds, once, stored, memory, batch)


def _seconds_of_a_step(model, inputs) -> float:
    import numpy as np

    model.compile("adam", "sparse_categorical_crossentropy")
    targets = np.arange(len(inputs)) % CLASSES
    return _fastest(lambda: model.train_on_batch(inputs, targets)) / len(inputs)


def _fastest(action) -> float:
    action()  # the first call builds TensorFlow's graph
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def _file(name: str) -> Path:
    """Return the file of the results, specific to the machine and the version of Keras."""
    from importlib.metadata import version

    machine = f"{platform.machine()}-{os.cpu_count()}-cores-keras-{version('keras')}"
    return data_root() / "cache" / "training_cost" / f"{name}-{machine}.json"


def main(arguments: list[str] | None = None) -> None:
    """Measure one backbone, print a line of JSON for each block, and store them all."""
    parser = argparse.ArgumentParser(
        prog="python -m course_utils.widgets.parts.training_cost", description=__doc__
    )
    parser.add_argument("name", choices=BACKBONES)
    name = parser.parse_args(arguments).name
    rows = []
    for cost in measure_costs(name):
        rows.append(asdict(cost))
        print(json.dumps(rows[-1]), flush=True)
    file = _file(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(rows))
    unfinished.replace(file)


if __name__ == "__main__":
    main()

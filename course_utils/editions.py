"""Which edition of the course is in force, and where its files lie."""

import os
from dataclasses import dataclass
from pathlib import Path

EDITIONS = ("pocket", "photo")
BACKBONES = ("minivgg", "vgg16", "resnet50", "mobilenet_v2")
DATASETS = ("dogs_vs_cats", "sign_language_digits")
INPUT_SIZES = ("96", "128", "160", "192", "224")
MIRROR_WEIGHTS = "weights/mobilenet_v2_imagenet.weights.h5"
CLASS_INDEX = "weights/imagenet_class_index.json"
MIRROR_SUMS = {  # sha256
    MIRROR_WEIGHTS: "34be146f4b85cdf30bc361198aba4ea3d78ae7e40b6e2c899cc47c737a86f112",
    CLASS_INDEX: "a1e7a966a1f601d39e4b43e119b3e7dd4a2ad3ea08cf69847cbaf021013767bc",
}


@dataclass(frozen=True)
class Edition:
    """One edition of the course: ``"pocket"`` (drawn) or ``"photo"``."""

    name: str
    backbone: str  # what the lessons use, see `load_backbone`
    folder: Path  # data/<edition>; images lie in <dataset>/<split>/<class>/ below it
    mirror: Path | None  # copies of the photo edition's downloads
    input_size: int = 224  # side in pixels, for the networks of `keras.applications`

    def __str__(self) -> str:
        images = "drawn images" if self.name == "pocket" else "photographs"
        return f"{self.name} edition: {images}, backbone {self.backbone}"


def current_edition() -> Edition:
    """Return the edition that the environment variables choose; a ValueError names a wrong one.

    ``COURSE_EDITION`` is ``pocket`` (the default) or ``photo``, ``COURSE_BACKBONE`` another
    backbone than the edition's own, ``COURSE_INPUT_SIZE`` the input size of the networks of
    ``keras.applications``, ``COURSE_MIRROR`` a folder with copies of the downloads. The photo
    edition uses VGG16, as in the book, or MobileNetV2 if its weights are in the mirror.
    """
    name = _choice("COURSE_EDITION", EDITIONS, default="pocket")
    mirror = _mirror()
    backbone = "minivgg"
    if name == "photo":
        backbone = "mobilenet_v2" if mirror and (mirror / MIRROR_WEIGHTS).exists() else "vgg16"
    backbone = _choice("COURSE_BACKBONE", BACKBONES, default=backbone)
    side = int(_choice("COURSE_INPUT_SIZE", INPUT_SIZES, default="224"))
    return Edition(name, backbone, data_root() / name, mirror, side)


def data_root() -> Path:
    """Return the folder of all data: ``COURSE_DATA``, or ``data`` next to the notebooks."""
    return _from_the_course(os.environ.get("COURSE_DATA") or "data")


def _from_the_course(folder: str) -> Path:
    """Resolve a relative path from the course's folder, as each notebook runs in its own."""
    checkout = Path(__file__).resolve().parents[1]
    course = checkout if (checkout / "notebooks").is_dir() else Path.cwd()
    return (course / Path(folder).expanduser()).resolve()


def _choice(variable: str, allowed: tuple[str, ...], default: str) -> str:
    value = os.environ.get(variable) or default
    if value not in allowed:
        raise ValueError(f"{variable} is {value!r}; choose one of: {', '.join(allowed)}")
    return value


def _mirror() -> Path | None:
    value = os.environ.get("COURSE_MIRROR")
    if not value:
        return None
    folder = _from_the_course(value)
    if not folder.is_dir():
        raise ValueError(
            f"COURSE_MIRROR points at {folder}, which is not a folder; correct it, "
            "or unset it to download from the original sources"
        )
    return folder

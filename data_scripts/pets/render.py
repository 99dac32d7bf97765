"""Draw cats and dogs: the pocket edition's stand-in for the photographs of dogs vs cats.

Each animal is modelled from ellipsoids in a random pose, breed and coat, seen by a camera, lit,
covered with fur hair by hair, and placed in front of a random background. The classes share
colours, coats, backgrounds, light and framing; they differ in the shape of the head, the body
and the ears.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ..canvas.pictures import add_noise, blur, render_all, to_image, vignette
from ..canvas.scenery import background, occlude
from ..canvas.solids import Camera, Relief, cast, spindle
from .anatomy import BREEDS, Breed, Model, Part, Pose, build
from .coats import Coat, Face, Surface
from .fur import comb, whiskers

COUNTS = {
    "train": {"cat": 101, "dog": 101},
    "valid": {"cat": 51, "dog": 52},
    "test": {"cat": 250, "dog": 201},
}
OVERSAMPLING = 1.5
HEAD_PARTS = {Part.HEAD, Part.MUZZLE, Part.EAR, Part.NOSE}


def render_pets(folder: Path, seed: int = 0, workers: int | None = None, counts=COUNTS) -> Path:
    """Draw all images as `folder`/<split>/<class>/<class>.<number>.jpg.

    Parameters
    ----------
    folder : pathlib.Path
        Whatever it held is replaced once all images are drawn.
    seed : int
        The same seed gives the same images with any number of workers.
    workers : int, optional
        Number of processes, by default one per core.
    counts : dict of str to dict of str to int
        Images per split and class.
    """
    tasks = pet_tasks(seed, counts)
    return render_all(draw_pet, tasks, folder, workers, title="drawing cats and dogs")


def pet_tasks(seed: int, counts=COUNTS) -> list[tuple[str, tuple]]:
    """Return file names with the descriptions that `draw_pet` takes.

    >>> pet_tasks(seed=7, counts={"train": {"dog": 1}})
    [('train/dog/dog.0000.jpg', (7, 0, 0, 0, 'dog'))]
    """
    return [
        (f"{split}/{species}/{species}.{k:04d}.jpg", (seed, i, j, k, species))
        for i, split in enumerate(counts)
        for j, (species, count) in enumerate(counts[split].items())
        for k in range(count)
    ]


def draw_pet(description: tuple) -> Image.Image:
    """Draw one image from (seed, index of split, of class, of image, species)."""
    *key, species = description
    rng = np.random.default_rng(key)
    size = _image_size(rng)
    canvas_size = tuple(round(side * OVERSAMPLING) for side in size)
    model = build(choose_breed(species, rng).varied(rng), Pose.random(rng, species))
    camera = frame(model, canvas_size, rng)
    image = enlarge(background(size, rng), canvas_size)
    light = Light.random(rng)
    cast_shadow(image, model, camera, light)
    paint_animal(image, model, camera, light, rng)
    if rng.random() < 0.12:
        image = occlude(image, rng)
    elif rng.random() < 0.08:
        hold(image, model, camera, light, rng)
    return develop(image, size, rng)


def choose_breed(species: str, rng: np.random.Generator) -> Breed:
    """Sample a breed of a species, weighted by how common it is."""
    breeds = [breed for breed in BREEDS.values() if breed.species == species]
    shares = np.array([breed.common for breed in breeds])
    return breeds[rng.choice(len(breeds), p=shares / shares.sum())]


def enlarge(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Upsample an image; bilinear is enough for a background without detail."""
    larger = to_image(image).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(larger, np.float32).copy()


def _image_size(rng: np.random.Generator) -> tuple[int, int]:
    long, ratio = rng.integers(180, 231), rng.choice([1, 0.85, 0.75, 0.67], p=[0.1, 0.2, 0.5, 0.2])
    short = max(int(long * ratio), 150)
    return (int(long), short) if rng.random() < 0.6 else (short, int(long))


def frame(model: Model, size: tuple[int, int], rng: np.random.Generator) -> Camera:
    """Aim the camera at the whole animal, its upper half, or its head."""
    view = str(rng.choice(["whole", "half", "head"], p=[0.05, 0.15, 0.8]))
    low, high = model.box(HEAD_PARTS)
    whole_low, whole_high = model.box()
    share = {"whole": 1.0, "half": 0.3, "head": 0.0}[view]
    low = low + share * np.minimum(whole_low - low, 0)
    high = high + share * np.maximum(whole_high - high, 0)
    fill = rng.uniform(0.85, 1.1) if view == "whole" else rng.uniform(0.65, 0.95)
    scale = float(fill * min(np.array(size) / (high - low)))
    middle = (low + high) / 2 + rng.uniform(-0.08, 0.08, 2) * (high - low)
    model.move(-np.array([*middle, model.head.origin[2]]))
    distance = {"whole": 24, "half": 18, "head": 12}[view]
    return Camera(size, scale, (size[0] / 2, size[1] / 2), distance)


@dataclass
class Light:
    """A directional light (lamp or sun) and ambient light."""

    direction: np.ndarray
    strength: float
    ambient: float
    colour: np.ndarray
    shade_colour: np.ndarray

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Light":
        """Sample a light from above, the left or the right, sometimes the camera's flash."""
        direction = np.array([rng.uniform(-1, 1), rng.uniform(0.3, 1), rng.uniform(0.2, 1.2)])
        ambient, warm = rng.uniform(0.35, 0.62), rng.normal(0, 0.045)
        return cls(
            direction / np.linalg.norm(direction),
            1.25 - ambient + rng.normal(0, 0.08),
            ambient,
            np.array([1 + warm, 1, 1 - warm]),
            np.array([1 - warm, 1, 1 + warm]),
        )

    def on(self, normal: np.ndarray, occlusion: np.ndarray) -> np.ndarray:
        """Return the light (n, 3) that falls on surfaces with these normals (n, 3)."""
        lamp = np.clip((normal @ self.direction + 0.25) / 1.25, 0, None)[:, None] * self.strength
        sky = (self.ambient * (0.8 + 0.25 * normal[:, 1]) * occlusion)[:, None]
        return lamp * self.colour * (0.5 + 0.5 * occlusion[:, None]) + sky * self.shade_colour


def cast_shadow(image: np.ndarray, model: Model, camera: Camera, light: Light) -> None:
    """Darken the ground under the animal."""
    turn = np.linspace(0, 2 * np.pi, 24)
    long = model.breed.trunk * 0.62
    ring = np.stack(
        [1.25 * model.breed.stout * np.cos(turn), 0 * turn, long * np.sin(turn)], axis=1
    )
    ring += (-0.4 * light.direction[0], 0, 0.3)
    points = camera.project(np.array([model.body.outward(p) for p in ring]))
    shadow = Image.new("L", camera.size)
    ImageDraw.Draw(shadow).polygon([tuple(p) for p in points], fill=140)
    image *= 1 - soften(np.asarray(shadow, np.float32), camera.scale * 0.25)[:, :, None] / 255


def soften(values: np.ndarray, radius: float) -> np.ndarray:
    """Blur values (height, width) from 0 to 255, at a quarter of their size to save time."""
    height, width = values.shape
    small = Image.fromarray(values.astype(np.uint8)).reduce(4)
    small = small.filter(ImageFilter.GaussianBlur(float(radius) / 4))
    return np.asarray(small.resize((width, height), Image.Resampling.BILINEAR), np.float32)


def paint_animal(image, model: Model, camera: Camera, light: Light, rng) -> None:
    """Paint the animal: skin and eyes as surfaces, then the fur hair by hair, then whiskers."""
    relief = model.cast(camera)
    seen = Surface.of(relief, model)
    if len(seen.rows) == 0:
        return
    coat = Coat(rng, str(rng.choice(model.breed.coats)), model.breed.curl)
    face = Face.random(rng, model.breed.species, coat)
    colours = coat.colours(seen)
    bare = face.paint(seen, colours)
    hidden = occlusion(relief, camera)[seen.rows, seen.columns]
    lit = colours * light.on(seen.normal, hidden)
    halfway = light.direction + (0, 0, 1)
    glance = np.clip(seen.normal @ halfway / np.linalg.norm(halfway), 0, 1)
    gloss = bare * (bare < 1) * glance**30 + 0.07 * glance**6
    lit = 255 * np.clip(lit + gloss[:, None], 0, None) ** 0.92
    image[seen.rows, seen.columns] = lit
    comb(image, relief, seen, lit, bare, model, rng)
    if model.breed.species == "cat":
        whiskers(image, model, camera, rng)


def occlusion(relief: Relief, camera: Camera) -> np.ndarray:
    """Return how open to the sky each pixel is, 0 to 1: less where its surroundings are nearer."""
    inside = relief.part >= 0
    low, high = relief.depth[inside].min() - 0.5, relief.depth[inside].max()
    height = np.where(inside, relief.depth, low)
    span = (high - low) / 255
    around = soften((height - low) / span, camera.scale * 0.35) * span + low
    return np.clip(1.0 - 0.7 * np.clip(around - height + 0.1, 0, 1.0), 0.25, 1)


SKIN = np.array(((0.86, 0.66, 0.55), (0.76, 0.55, 0.42), (0.5, 0.32, 0.22), (0.32, 0.2, 0.15)))


def hold(image, model: Model, camera: Camera, light: Light, rng) -> None:
    """Draw a person's arm that comes from one side, with its fingers on the animal's chest."""
    side = rng.choice([-1, 1])
    chest = model.body.outward(model.chest)
    wrist = chest + (side * rng.uniform(1.5, 1.9), rng.uniform(-0.9, 0.2), 1.35)
    solids = [(*spindle(wrist + (side * 4.0, rng.uniform(-2, 0.5), 0.3), wrist, 0.42), 0)]
    palm = wrist - (side * 0.5, 0, -0.1)
    solids.append((*spindle(wrist, palm, 0.42), 1))
    for i, long in enumerate((0.5, 0.72, 0.78, 0.7, 0.5)):
        base = palm + (0.05 * side * i, 0.42 - 0.21 * i, 0.05)
        knuckle = base - (side * long * 0.55, -0.12 + 0.05 * i - 0.35 * (i == 0), -0.12)
        tip = knuckle - (side * long * 0.6, 0.1 - 0.1 * (i == 0), 0.1)
        solids += [(*spindle(base, knuckle, 0.125), 1), (*spindle(knuckle, tip, 0.11), 1)]
    relief = cast(solids, camera)
    rows, columns = np.nonzero(relief.part >= 0)
    if len(rows) == 0:
        return
    skin, sleeve = SKIN[rng.integers(len(SKIN))], rng.uniform(0.1, 0.8, 3)
    bare = rng.random() < 0.4
    colours = np.where((relief.part[rows, columns] > 0)[:, None] | bare, skin, sleeve)
    open_sky = occlusion(relief, camera)[rows, columns]
    image[rows, columns] = 255 * colours * light.on(relief.normal[:, rows, columns].T, open_sky)


def develop(image: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Simulate a cheap camera: exposure, tint, vignette, some blur, noise."""
    image = to_image(image).resize(size, Image.Resampling.HAMMING)
    pixels = np.asarray(image, np.float32) / 255
    pixels = pixels * rng.normal(1.12, 0.1) * rng.normal(1, 0.025, 3).astype(np.float32)
    pixels = pixels ** rng.uniform(0.8, 1.15) * 255
    pixels *= vignette(size, rng.uniform(0, 0.35))[:, :, None]
    if rng.random() < 0.25:
        pixels = blur(pixels, rng.uniform(0.4, 1.0))
    return to_image(add_noise(pixels, rng.uniform(0.5, 4), rng))

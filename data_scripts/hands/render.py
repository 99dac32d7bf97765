"""Draw the pocket edition's sign-language digits: photographs of hands that never existed.

A jointed model of a hand (see `anatomy`) takes the pose of one of ten signs; a camera looks at
it in front of a sheet of paper. About 200 signers each have their own hand, skin, light, sleeve
and camera, and make each sign about once, as in the Sign Language Digits dataset.

0: fingers and thumb form an O. 1 to 5: as many fingers are extended (3: with the thumb;
4: without). 6 to 9: the thumb touches the little, ring, middle or index finger, and the other
fingers are extended.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ..canvas.pictures import (
    add_noise,
    blur,
    render_all,
    smooth_noise,
    soft_light,
    to_image,
    vignette,
)
from .anatomy import HandPose, HandShape, HandSurface, hand_surfaces

SIDE = 100  # of an image, in pixels
FINE = 3  # drawn this many times larger, then downsampled
SIGNERS = 208
COUNTS = {
    "train": (170, 171, 171, 171, 172, 172, 172, 171, 173, 169),
    "valid": (30,) * 10,
    "test": (5,) * 10,
}
"""Images per split and sign: the same as of the photographs."""

CAMERA_DISTANCE = 48.0  # cm from the palm
PAPER_GAP = 0.5  # cm between the paper and the hand's rearmost part in view
SKIN_TONES = np.array(
    [[240, 200, 176], [226, 180, 148], [204, 156, 120], [172, 122, 88], [130, 86, 62], [92, 62, 48]]
)
"""RGB of the back of the hand, from light to dark."""
CLOTH = np.array([[40, 46, 66], [60, 60, 64], [118, 44, 52], [70, 92, 120], [170, 160, 146]])
POLISH = np.array([[150, 30, 46], [40, 34, 60], [216, 150, 160], [190, 60, 60]])

OPEN, FIST, MEETS, ROUND = (4, 7, 4), (82, 96, 48), (58, 58, 22), (60, 56, 32)
"""Flexion in degrees of the knuckle, the middle and the end joint."""
STRETCHED = {
    0: "",
    1: "0",
    2: "01",
    3: "01",
    4: "0123",
    5: "0123",
    6: "012",
    7: "013",
    8: "023",
    9: "123",
}
"""Extended fingers of each sign: 0 is the index, 3 the little finger; the thumb is separate."""
MEETING_FINGER = {0: 1, 6: 3, 7: 2, 8: 1, 9: 0}
"""The finger whose tip the thumb touches in a sign."""


@dataclass(frozen=True)
class Signer:
    """A person with a hand, in front of a camera."""

    shape: HandShape
    colours: np.ndarray  # (materials, 3), RGB
    light: np.ndarray  # (3,), direction to the lamp
    ambient: float  # share of light that comes from everywhere
    shadow: float  # how dark the hand's shadow on the paper is
    paper: np.ndarray  # (3,), RGB
    fall_off: float  # strength of the vignette
    scale: float  # pixels per centimetre
    habit: np.ndarray  # (3,): usual turn about x, y, z in degrees
    place: np.ndarray  # (2,): usual place in the image, in pixels from the middle
    noise: float
    focus: float  # radius of the blur in pixels


def render_signs(folder: Path, seed: int = 0, workers: int | None = None) -> Path:
    """Draw all 2062 images into ``<folder>/<split>/<sign>/signer<id>_<sign>.jpg``.

    The same seed gives the same images with any number of `workers` (processes, by default one
    per core). Interrupted, it leaves `folder` as it was.
    """
    return render_all(draw_sign, sign_tasks(seed), folder, workers, "drawing hands")


def sign_tasks(seed: int) -> list[tuple[str, tuple[int, int, int]]]:
    """Return file names with (seed, signer, sign); files are dealt to the splits at random."""
    tasks = []
    for sign in range(10):
        signers = iter(np.random.default_rng([seed, 0, sign]).permutation(SIGNERS))
        for split, counts in COUNTS.items():
            for signer in sorted(int(next(signers)) for _ in range(counts[sign])):
                name = f"{split}/{sign}/signer{signer:03d}_{sign}.jpg"
                tasks.append((name, (seed, signer, sign)))
    return tasks


def draw_sign(description: tuple[int, int, int]) -> Image.Image:
    """Draw one image, 100 by 100 pixels, from (seed, signer, sign)."""
    seed, number, sign = description
    signer = make_signer(np.random.default_rng([seed, 1, number]))
    rng = np.random.default_rng([seed, 2, number, sign])
    corners, weights = facets(hand_surfaces(signer.shape, make_pose(sign, rng)))
    corners = corners @ turn_of(sign, signer, rng).T
    places = project(corners, signer, rng)
    return photograph(corners, weights, places, signer, rng)


def make_signer(rng: np.random.Generator) -> Signer:
    """Sample a person's hand, light, camera and habits."""
    large = rng.normal(0, 0.03)
    shape = HandShape(
        finger_lengths=1 + large + rng.normal(0, 0.05) + rng.normal(0, 0.025, 4),
        finger_width=rng.normal(1.0, 0.07),
        palm_width=1 + large + rng.normal(0, 0.045),
        thumb_length=1 + large + rng.normal(0, 0.04),
        nail_length=rng.choice([0.8, 0.95, 1.2], p=[0.5, 0.35, 0.15]),
        sleeve=rng.uniform(1.0, 7.0) if rng.random() < 0.3 else None,
        band=rng.uniform(0.6, 2.0) if rng.random() < 0.12 else None,
    )
    warmth = rng.normal(0, 0.025)
    return Signer(
        shape=shape,
        colours=material_colours(rng),
        light=np.array([rng.normal(-0.3, 0.35), rng.normal(0.35, 0.3), 1.0]),
        ambient=rng.uniform(0.35, 0.6),
        shadow=rng.uniform(0.15, 0.55),
        paper=rng.uniform(205, 245) * np.array([1 + warmth, 1.0, 1 - warmth]),
        fall_off=rng.uniform(0.15, 0.55),
        scale=rng.normal(3.95, 0.28),
        habit=rng.normal(0, (5, 7, 8)),
        place=rng.normal(0, (3.5, 2.5)),
        noise=rng.uniform(1.0, 3.5),
        focus=rng.uniform(0.3, 0.65),
    )


def material_colours(rng: np.random.Generator) -> np.ndarray:
    """Sample RGB colours (materials, 3), in the order of `anatomy.MATERIALS`."""
    tone = rng.beta(1.1, 1.9) * (len(SKIN_TONES) - 1)
    back = np.array([np.interp(tone, range(len(SKIN_TONES)), SKIN_TONES[:, i]) for i in range(3)])
    back = back * (1 + rng.normal(0, [0.03, 0.02, 0.03]))
    palm = 0.62 * back + 0.38 * np.array([226, 168, 142])  # palms are lighter and pinker
    crease = 0.62 * palm * [1.0, 0.9, 0.88]
    nail = 0.6 * back + 0.4 * np.array([236, 186, 176])
    if rng.random() < 0.15:
        nail = rng.choice(POLISH)
    return np.stack([back, palm, crease, nail, rng.choice(CLOTH), rng.choice(CLOTH[:3]) * 0.7])


def make_pose(sign: int, rng: np.random.Generator) -> HandPose:
    """Sample the joint angles of one performance of a sign."""
    bent = ROUND if sign == 0 else FIST
    flexion = np.array([OPEN if str(finger) in STRETCHED[sign] else bent for finger in range(4)])
    touches = MEETING_FINGER.get(sign)
    if sign >= 6:
        flexion[touches] = MEETS
    flexion = flexion + rng.normal(0, (5, 5, 3), (4, 3)) * (0.4 if sign == 0 else 1)
    flexion = flexion + rng.normal(0, 4, 3)
    fan = rng.uniform(0.35, 1.5) * (0.3 if sign == 0 else 1)
    metacarpal, nail_side, target = THUMBS[thumb_posture(sign)]
    return HandPose(
        flexion=np.clip(flexion, -4, 105),
        spread=fan * np.array([9.0, 1.5, -5.0, -13.0]) + rng.normal(0, 2.5, 4),
        metacarpal=np.array(metacarpal) + rng.normal(0, 0.06, 3),
        nail_side=np.array(nail_side) + rng.normal(0, 0.12, 3),
        thumb_target=np.array(target) + rng.normal(0, (0.25, 0.25, 0.15)),
        touches=touches,
        wrist=rng.normal(0, (9, 6)),
    )


def thumb_posture(sign: int) -> str:
    """Name what the thumb does in a sign."""
    if sign in (1, 2):
        return "on the fist"
    return {0: "round", 3: "out", 4: "across", 5: "out"}.get(sign, f"meets {sign}")


THUMBS = {
    "round": ((0.3, 0.5, 0.85), (0.9, -0.4, 0.4), (0.0, -0.7, 0.9)),
    "on the fist": ((0.62, 0.62, 0.6), (0.3, 0.2, 0.9), (0.6, 7.6, 4.9)),
    "out": ((0.8, 0.55, 0.2), (0.6, -0.3, -0.5), (9.8, 9.0, 0.9)),
    "across": ((0.66, 0.68, 0.45), (0.5, 0.3, 0.8), (-0.8, 6.6, 2.3)),
    "meets 6": ((0.2, 0.76, 0.6), (0.6, 0.1, 0.8), (0.2, 0.0, 1.1)),
    "meets 7": ((0.3, 0.76, 0.56), (0.6, 0.1, 0.8), (0.2, 0.0, 1.1)),
    "meets 8": ((0.4, 0.74, 0.52), (0.7, 0.0, 0.7), (0.3, -0.1, 1.1)),
    "meets 9": ((0.52, 0.7, 0.48), (0.8, 0.0, 0.6), (0.4, -0.3, 1.0)),
}
"""Direction of the thumb's first bone, direction its nail faces, and target of its tip in cm, from
the wrist or from the tip of the finger that it meets."""


def turn_of(sign: int, signer: Signer, rng: np.random.Generator) -> np.ndarray:
    """Sample the hand's rotation matrix; the O is seen from the side of the little finger."""
    x, y, z = np.deg2rad(signer.habit + rng.normal(0, (5, 7, 5)) + (0, 68 if sign == 0 else 0, 0))
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return about_z @ about_x @ about_y


def facets(surfaces: list[HandSurface]) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners (n, 4, 3) and the materials (n, materials) of all facets."""
    corners, weights = [], []
    for surface in surfaces:
        for values, found in ((surface.points, corners), (surface.weights, weights)):
            beside = np.roll(values, -1, axis=1)
            quads = np.stack([values[:-1], beside[:-1], beside[1:], values[1:]], axis=2)
            found.append(quads.reshape(-1, 4, values.shape[-1]))
    return np.concatenate(corners), np.concatenate(weights).mean(axis=1)


def project(corners: np.ndarray, signer: Signer, rng: np.random.Generator) -> np.ndarray:
    """Project corners to pixel positions (n, 4, 2) of the enlarged image, in perspective."""
    scale = FINE * signer.scale * rng.normal(1, 0.04)
    enlarged = scale * CAMERA_DISTANCE / (CAMERA_DISTANCE - corners[..., 2:])
    place = signer.place + rng.normal(0, (2.5, 2.5)) + SIDE / 2
    middle = np.array([0.0, 8.4])  # where in the hand the camera aims
    return (corners[..., :2] - middle) * enlarged * [1, -1] + FINE * place


def photograph(
    corners: np.ndarray,
    weights: np.ndarray,
    places: np.ndarray,
    signer: Signer,
    rng: np.random.Generator,
) -> Image.Image:
    """Light the facets in front of the paper; add vignette, blur and noise as a camera does."""
    seen = visible_facets(corners, places)
    normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    colours = weights @ signer.colours * brightness(normals, signer)[:, None]
    height = corners[..., 2].mean(axis=1)
    paper = height[seen[seen >= 0]].min() - PAPER_GAP
    height = np.append(height - paper, 0)[seen].astype(np.float32)
    hand = np.concatenate([colours, signer.paper[None]])[seen].astype(np.float32)
    hand *= np.where(seen < 0, paper_folds(rng), 1)[..., None]
    pixels = hand * shade(height, signer)[..., None]
    pixels = pixels.reshape(SIDE, FINE, SIDE, FINE, 3).mean(axis=(1, 3))
    size = (SIDE, SIDE)
    light = vignette(size, signer.fall_off, tuple(rng.normal(0, 0.15, 2)))
    light = light * soft_light(size, rng.uniform(0, 2 * np.pi), 0.07)
    light = light * (1 + 0.02 * smooth_noise(size, 7, rng))
    pixels = blur(pixels * light[..., None], signer.focus)
    return to_image(add_noise(pixels, signer.noise, rng))


def paper_folds(rng: np.random.Generator) -> np.ndarray:
    """Return brightness factors around 1: the paper may have been folded once or twice."""
    side = FINE * SIDE
    image = Image.new("L", (side, side), 128)
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(0, 3)):
        (x, y), slope = rng.uniform(0, side, 2), rng.normal(0, 0.15)
        line = [(0, y - slope * x), (side, y + slope * (side - x))]
        if rng.random() < 0.3:
            line = [(b, a) for a, b in line]
        draw.line(line, fill=int(rng.integers(136, 150)), width=3)
        draw.line([(a + 4, b + 4) for a, b in line], fill=int(rng.integers(108, 124)), width=4)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(2)), dtype=np.float32) / 128


def visible_facets(corners: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the facet that each pixel shows, -1 for paper (painter's algorithm)."""
    image = Image.new("I", (FINE * SIDE, FINE * SIDE), -1)
    draw = ImageDraw.Draw(image)
    first, second = places[:, 2] - places[:, 0], places[:, 3] - places[:, 1]
    faces_camera = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0] < 0
    order = np.argsort(corners[..., 2].mean(axis=1), kind="stable")
    order = order[faces_camera[order]]
    outlines = places[order].reshape(-1, 8).tolist()
    for facet, outline in zip(order.tolist(), outlines, strict=True):
        draw.polygon(outline, fill=facet)
    return np.asarray(image)


def brightness(normals: np.ndarray, signer: Signer) -> np.ndarray:
    """Return each facet's brightness: lamp, ambient light, darker towards the outline."""
    lamp = normals @ (signer.light / np.linalg.norm(signer.light))
    lit = signer.ambient + (1.15 - signer.ambient) * np.clip(0.15 + 0.85 * lamp, 0, None)
    return lit * (0.72 + 0.28 * np.clip(normals[:, 2], 0, 1) ** 0.7)


def shade(height: np.ndarray, signer: Signer) -> np.ndarray:
    """Return factors that darken whatever lies lower than its surroundings (ambient occlusion).

    After Luft, Colditz and Deussen, "Image enhancement by unsharp masking the depth buffer", 2006.
    The surroundings are taken a little towards the lamp, so that shadows fall away from it.
    """
    levels = Image.fromarray(np.clip(height * 14, 0, 255).astype(np.uint8))
    shift_x, shift_y = 5 * signer.light[:2] * [1, -1]
    levels = levels.transform(
        levels.size, Image.Transform.AFFINE, (1, 0, shift_x, 0, 1, shift_y), fillcolor=0
    )
    factor = np.ones_like(height)
    paper = height == 0
    for radius, strength in ((4, 0.5), (12, 0.3)):
        around = np.asarray(levels.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 14
        lower = np.clip(around - height - 0.15, 0, 3) / 3
        factor *= 1 - np.where(paper, signer.shadow, strength) * lower
    return factor

"""The bodies of the drawn cats and dogs: breeds, poses and heads, as ellipsoids and leaves.

The unit of length is about the radius of the animal's head. A body faces +z and stands on y = 0.
"""

from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np

from ..canvas.solids import Camera, Relief, cast, rotation, spindle


class Part(IntEnum):
    """What a pixel of the animal shows."""

    TRUNK, NECK, LEG, PAW, TAIL, HEAD, MUZZLE, EAR = range(8)
    INNER_EAR, NOSE, TONGUE, MOUTH = range(8, 12)


@dataclass(frozen=True)
class Breed:
    """Proportions of a breed, and the coats it comes in."""

    species: str
    coats: tuple[str, ...]
    ears: str = "pointed"
    ear: float = 1.0
    muzzle: float = 0.8
    muzzle_width: float = 1.0
    legs: float = 2.2
    trunk: float = 3.2
    stout: float = 1.0
    hair: float = 0.2
    curl: float = 0.0
    tail: str = "slim"
    common: float = 1.0

    def varied(self, rng: np.random.Generator) -> "Breed":
        """Sample an individual of this breed."""
        names = ("ear", "muzzle", "muzzle_width", "legs", "trunk", "stout", "hair")
        return replace(self, **{n: getattr(self, n) * rng.uniform(0.88, 1.14) for n in names})


def _cat(*coats: str, **proportions) -> Breed:
    defaults = {"muzzle": 0.3, "legs": 1.9, "trunk": 3.3, "stout": 0.95}
    return Breed("cat", coats, **{**defaults, **proportions})


def _dog(*coats: str, **proportions) -> Breed:
    return Breed("dog", coats, **proportions)


BREEDS = {
    "tabby": _cat("stripes", "stripes", "stripes", "ticked", common=2.5),
    "shorthair": _cat("solid", "patches", "tuxedo", stout=1.05, common=2.0),
    "siamese": _cat("points", stout=0.8, legs=2.1, ear=1.2, hair=0.12),
    "persian": _cat(
        "solid",
        "points",
        "ticked",
        muzzle=0.1,
        ear=0.7,
        hair=0.42,
        stout=1.15,
        legs=1.5,
        tail="bushy",
    ),
    "ginger": _cat("stripes", "solid"),
    "calico": _cat("calico", "patches"),
    "forest": _cat("stripes", "tuxedo", "ticked", hair=0.4, ear=1.1, stout=1.15, tail="bushy"),
    "retriever": _dog(
        "solid", ears="hanging", ear=0.85, muzzle=0.9, hair=0.3, tail="bushy", common=1.5
    ),
    "labrador": _dog(
        "solid", common=2.0, ears="hanging", ear=0.8, muzzle=0.85, hair=0.14, legs=2.3
    ),
    "shepherd": _dog("saddle", "mask", ear=1.05, muzzle=1.1, legs=2.5, trunk=3.6, tail="bushy"),
    "poodle": _dog(
        "solid",
        ears="hanging",
        ear=1.1,
        muzzle=0.9,
        muzzle_width=0.75,
        hair=0.2,
        curl=1.0,
        legs=2.5,
        trunk=2.8,
    ),
    "beagle": _dog("saddle", "patches", ears="hanging", ear=1.15, muzzle=0.75, hair=0.12, legs=1.8),
    "terrier": _dog(
        "solid",
        "saddle",
        "ticked",
        ears="folded",
        ear=0.8,
        muzzle=0.65,
        hair=0.4,
        legs=1.5,
        trunk=2.7,
    ),
    "dalmatian": _dog("spots", ears="hanging", ear=0.85, muzzle=0.9, hair=0.1, legs=2.6),
    "spaniel": _dog(
        "patches", "tuxedo", "solid", ears="hanging", ear=1.35, muzzle=0.75, hair=0.35, legs=1.9
    ),
    "bulldog": _dog(
        "solid",
        "patches",
        "stripes",
        ears="folded",
        ear=0.6,
        muzzle=0.35,
        muzzle_width=1.45,
        hair=0.1,
        legs=1.3,
        stout=1.3,
        trunk=2.7,
        tail="stub",
        common=0.7,
    ),
    "husky": _dog("saddle", "mask", ear=0.9, muzzle=0.85, hair=0.28, tail="bushy", legs=2.2),
    "collie": _dog(
        "tuxedo",
        "calico",
        ears="folded",
        ear=0.8,
        muzzle=0.95,
        muzzle_width=0.85,
        hair=0.36,
        tail="bushy",
    ),
    "chihuahua": _dog(
        "solid",
        "mask",
        "tuxedo",
        ear=1.25,
        muzzle=0.5,
        muzzle_width=0.8,
        hair=0.14,
        legs=1.7,
        trunk=2.3,
        stout=0.8,
        common=0.5,
    ),
    "greyhound": _dog(
        "stripes",
        "solid",
        "ticked",
        ears="folded",
        ear=0.7,
        muzzle=1.2,
        hair=0.1,
        muzzle_width=0.8,
        legs=3.1,
        common=0.6,
        trunk=3.6,
        stout=0.85,
    ),
}


@dataclass(frozen=True)
class Frame:
    """A part's own coordinate system: rotation matrix `turn`, and `origin` in the world."""

    turn: np.ndarray
    origin: np.ndarray

    def outward(self, point) -> np.ndarray:
        """Transform a point of this frame to the world."""
        return self.turn @ np.asarray(point, dtype=float) + self.origin

    def inward(self, points: np.ndarray) -> np.ndarray:
        """Transform points (n, 3) of the world to this frame."""
        return ((points - self.origin) @ self.turn).astype(np.float32)


@dataclass
class Model:
    """The solids of one animal in the world, with the frames of its trunk and head."""

    breed: Breed
    body: Frame
    head: Frame
    hip: np.ndarray
    chest: np.ndarray
    ellipsoids: list = field(default_factory=list)
    leaves: list = field(default_factory=list)

    def add(self, frame: Frame, centre, radii, part: Part) -> None:
        """Add an ellipsoid given in a frame by its radii (3,) or its axes (3, 3)."""
        radii = np.asarray(radii, dtype=float)
        axes = np.diag(radii) if radii.ndim == 1 else radii
        self.ellipsoids.append((frame.outward(centre), frame.turn @ axes, part))

    def bone(self, frame: Frame, start, end, radius: float, part: Part, overlap=0.6) -> None:
        """Add the flesh around a bone."""
        self.add(frame, *spindle(start, end, radius, overlap), part)

    def move(self, shift: np.ndarray) -> None:
        """Move the whole animal."""
        self.body = Frame(self.body.turn, self.body.origin + shift)
        self.head = Frame(self.head.turn, self.head.origin + shift)
        self.ellipsoids = [(centre + shift, *rest) for centre, *rest in self.ellipsoids]
        self.leaves = [(base + shift, tip + shift, *rest) for base, tip, *rest in self.leaves]

    def box(self, parts: set[Part] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the smallest and the largest (x, y) of some parts, by default of all."""
        kept = [(c, a) for c, a, part in self.ellipsoids if parts is None or part in parts]
        centres = np.array([c[:2] for c, _ in kept])
        reach = np.array([np.sqrt((a**2).sum(axis=1))[:2] for _, a in kept])
        return (centres - reach).min(axis=0), (centres + reach).max(axis=0)

    def cast(self, camera: Camera) -> Relief:
        """Return what the camera sees."""
        return cast(self.ellipsoids, camera, self.leaves)


@dataclass(frozen=True)
class Pose:
    """The pose of an animal (angles in radians; 0 faces the camera)."""

    stance: str
    turned: float
    yaw: float
    pitch: float
    roll: float
    tilt: float
    stretch: float
    open_mouth: float
    tongue: bool

    @classmethod
    def random(cls, rng: np.random.Generator, species: str) -> "Pose":
        """Sample a pose with the head mostly towards the camera."""
        turned = rng.uniform(-1.6, 1.6)
        yaw = np.clip(0.22 * turned + rng.normal(0, 0.28), -1.2, 1.2)
        pants = species == "dog" and rng.random() < 0.5
        return cls(
            stance=str(rng.choice(["sit", "stand", "lie"], p=[0.4, 0.3, 0.3])),
            turned=turned,
            yaw=yaw,
            pitch=rng.normal(-0.12, 0.14),
            roll=rng.normal(0, 0.17),
            tilt=rng.uniform(0.02, 0.5),
            stretch=rng.uniform(-1, 1),
            open_mouth=rng.uniform(0.12, 0.3) if pants else 0.0,
            tongue=bool(pants and rng.random() < 0.8),
        )


def build(breed: Breed, pose: Pose) -> Model:
    """Model an animal of a breed in a pose."""
    tilt = rotation(pitch=pose.tilt)
    body = Frame(tilt @ rotation(yaw=pose.turned), np.zeros(3))
    hip, chest = _spine(breed, pose)
    up = {"stand": 0.75, "sit": 0.95, "lie": 0.95}[pose.stance] + 0.12 * breed.legs
    neck = np.array([0, up + 0.25 * pose.stretch, 0.75 - 0.3 * (pose.stance == "sit")])
    head = Frame(tilt @ rotation(pose.yaw, pose.pitch, pose.roll), body.outward(chest + neck))
    model = Model(breed, body, head, hip, chest)
    _add_trunk(model, chest + neck)
    _add_legs(model, pose)
    _add_tail(model, pose)
    (_add_cat_head if breed.species == "cat" else _add_dog_head)(model, pose)
    return model


def _spine(breed: Breed, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of hip and chest in the body's frame."""
    w, half = breed.stout, breed.trunk / 2
    if pose.stance == "stand":
        return np.array([0, breed.legs + 0.35 * w, -half]), np.array(
            [0, breed.legs + 0.3 * w, half]
        )
    if pose.stance == "sit":
        return np.array([0, 0.9 * w, -0.55 * half]), np.array([0, breed.legs + 0.35, 0.45 * half])
    return np.array([0, 0.8 * w, -half]), np.array([0, 0.95 * w, half])


def _add_trunk(model: Model, head: np.ndarray) -> None:
    w, hip, chest = model.breed.stout, model.hip, model.chest
    middle = (hip + chest) / 2
    model.bone(model.body, middle + (chest - middle) * 0.3, chest, w, Part.TRUNK)
    model.bone(model.body, middle, chest * 0.8 + middle * 0.2 - (0, 0.12 * w, 0), w, Part.TRUNK)
    model.bone(model.body, hip, middle, 0.9 * w, Part.TRUNK)
    model.bone(model.body, hip, hip * 0.6 + middle * 0.4, 0.98 * w, Part.TRUNK)
    root = chest + (0, 0.25 * w, 0.1)
    model.bone(model.body, root, head - (0, 0.25, 0.25), 0.68, Part.NECK, overlap=0.4)
    model.bone(model.body, root - (0, 0.35, -0.2), head - (0, 0.55, 0.15), 0.5, Part.NECK)


def _add_legs(model: Model, pose: Pose) -> None:
    for side in (-1, 1):
        fore, hind = {"stand": _standing, "sit": _sitting, "lie": _lying}[pose.stance](
            model, side, pose.stretch
        )
        slender = 0.8 if model.breed.species == "cat" else 1.0
        for chain, thick in ((fore, 0.36), (hind, 0.42)):
            thick *= slender * (0.55 + 0.45 * model.breed.stout)
            for i, (start, end) in enumerate(zip(chain, chain[1:-1], strict=False)):
                model.bone(model.body, start, end, thick * (1.25, 0.85, 0.75)[i], Part.LEG, 0.5)
            model.bone(model.body, chain[-2], chain[-1], thick * 0.78, Part.PAW, 0.6)


def _standing(model: Model, side: int, stretch: float):
    w, hip, chest, leg = model.breed.stout, model.hip, model.chest, model.breed.legs
    step = 0.35 * stretch * side
    x = 0.55 * w * side
    fore = [
        chest + (x, -0.1, -0.1),
        (x, 0.5 * leg, chest[2] - 0.2 + step * 0.4),
        (x * 0.9, 0.22, chest[2] - 0.1 + step),
        (x * 0.9, 0.18, chest[2] + 0.18 + step),
    ]
    hind = [
        hip + (x, 0, 0),
        (x * 1.1, 0.55 * leg, hip[2] + 0.35 - step),
        (x, 0.32 * leg, hip[2] - 0.35 - step),
        (x, 0.2, hip[2] - 0.2 - step),
        (x, 0.18, hip[2] + 0.05 - step),
    ]
    return np.array(fore), np.array(hind)


def _sitting(model: Model, side: int, stretch: float):
    w, hip, chest = model.breed.stout, model.hip, model.chest
    x = 0.48 * w * side
    fore = [
        chest + (x, -0.3, 0.1),
        (x, 0.5 * chest[1], chest[2] + 0.15),
        (x * 0.85, 0.24, chest[2] + 0.3),
        (x * 0.85, 0.18, chest[2] + 0.6),
    ]
    hind = [
        hip + (1.3 * x, 0.1, 0.1),
        (1.9 * x, 0.75 * w, hip[2] + 0.9),
        (1.8 * x, 0.3, hip[2] + 0.5),
        (1.9 * x, 0.18, hip[2] + 1.25),
    ]
    return np.array(fore), np.array(hind)


def _lying(model: Model, side: int, stretch: float):
    w, hip, chest, leg = model.breed.stout, model.hip, model.chest, model.breed.legs
    x = 0.62 * w * side
    reach = 0.35 * leg * (1.2 + 0.6 * stretch * side)
    fore = [
        chest + (x, -0.3, 0),
        (x, 0.38, chest[2] - 0.1),
        (x * 0.95, 0.22, chest[2] + reach),
        (x * 0.9, 0.18, chest[2] + reach + 0.4),
    ]
    hind = [
        hip + (x, 0.1, 0.2),
        (x * 1.5, 0.7 * w, hip[2] + 1.0),
        (x * 1.6, 0.25, hip[2] + 0.3),
        (x * 1.7, 0.18, hip[2] + 1.2),
    ]
    return np.array(fore), np.array(hind)


def _add_tail(model: Model, pose: Pose) -> None:
    kind, hip = model.breed.tail, model.hip
    thick = {"slim": 0.17, "bushy": 0.3, "stub": 0.2}[kind]
    length = {"cat": 3.0, "dog": 2.2}[model.breed.species] if kind != "stub" else 0.5
    upright = pose.stance == "stand"
    angle = -0.4 + (0.9 + 0.6 * pose.stretch) * upright
    start = hip + (
        0,
        0.35 * model.breed.stout * upright - 0.3 * (not upright),
        -0.85 * model.breed.stout,
    )
    bend, swing = (0.35 if upright else 0.0), 0.5 * np.sign(pose.turned + 0.01)
    for i in range(5):
        heading = swing * i * (not upright)
        direction = np.array(
            [np.sin(heading) * np.cos(angle), np.sin(angle), -np.cos(heading) * np.cos(angle)]
        )
        end = start + direction * length / 5
        end[1] = max(end[1], thick)
        model.bone(model.body, start, end, thick * (1 - 0.08 * i), Part.TAIL, 0.7)
        start, angle = end, angle + bend


def _add_cat_head(model: Model, pose: Pose) -> None:
    head, m, wide = model.head, model.breed.muzzle, model.breed.muzzle_width
    flat = 0.12 if m < 0.2 else 0.0
    model.add(head, (0, 0.04, 0), (0.95, 0.82, 0.84), Part.HEAD)
    for side in (-1, 1):
        model.add(head, (0.45 * side, -0.24, 0.22), (0.48 * wide, 0.42, 0.5), Part.HEAD)
        model.add(
            head,
            (0.19 * side * wide, -0.36 + flat, 0.55 + m * 0.75),
            (0.25, 0.2, 0.22),
            Part.MUZZLE,
        )
        _add_erect_ear(model, side, base=(0.56, 0.48, -0.02), lean=0.2, broad=0.47, height=0.8)
    model.add(head, (0, -0.55, 0.48 + m * 0.5), (0.22, 0.16, 0.2), Part.MUZZLE)
    model.bone(head, (0, 0.15, 0.66), (0, -0.16 + flat, 0.58 + m * 0.8), 0.19, Part.HEAD)
    model.add(head, (0, -0.2 + flat, 0.69 + m * 0.88), (0.12, 0.085, 0.08), Part.NOSE)


def _add_dog_head(model: Model, pose: Pose) -> None:
    head, m, wide = model.head, model.breed.muzzle, model.breed.muzzle_width
    drop = pose.open_mouth
    model.add(head, (0, 0.08, -0.05), (0.82, 0.78, 0.86), Part.HEAD)
    model.bone(head, (0, -0.08, 0.45), (0, -0.22, 0.5 + m), 0.33 * wide, Part.MUZZLE, 0.8)
    model.bone(head, (0, -0.5, 0.3), (0, -0.58 - drop, 0.4 + 0.85 * m), 0.22 * wide, Part.MUZZLE)
    model.add(
        head,
        (0, -0.15 + 0.06 * (wide - 1), 0.68 + m + 0.25 * (wide - 1)),
        (0.215, 0.16, 0.15),
        Part.NOSE,
    )
    for side in (-1, 1):
        model.add(head, (0.34 * side, -0.2, 0.3), (0.42, 0.42, 0.42), Part.HEAD)
        model.add(head, (0.3 * side, 0.28, 0.48), (0.3, 0.24, 0.27), Part.HEAD)
        model.add(
            head,
            (0.15 * side * wide, -0.36, 0.5 + 0.68 * m),
            (0.22 * wide, 0.22, 0.2 + 0.3 * m),
            Part.MUZZLE,
        )
        {"pointed": _add_dog_erect, "hanging": _add_hanging_ear, "folded": _add_folded_ear}[
            model.breed.ears
        ](model, side)
    if drop:
        model.add(
            head,
            (0, -0.48 - drop * 0.5, 0.4 + 0.5 * m),
            (0.2 * wide, 0.1 + drop * 0.5, 0.25 + 0.4 * m),
            Part.MOUTH,
        )
    if pose.tongue:
        model.bone(
            head,
            (0, -0.5 - drop * 0.6, 0.4 + 0.6 * m),
            (0, -0.72 - 1.5 * drop, 0.6 + 0.9 * m),
            0.13,
            Part.TONGUE,
        )


def _add_dog_erect(model: Model, side: int) -> None:
    _add_erect_ear(model, side, base=(0.48, 0.52, -0.1), lean=0.18, broad=0.38, height=0.95)


def _add_erect_ear(model: Model, side: int, base, lean: float, broad: float, height: float) -> None:
    length = height * model.breed.ear
    x, y, z = base
    tip = np.array([(x + lean * length) * side, y + length, z - 0.1])
    base = np.array([x * side, y, z])
    up = tip - base
    facing = np.array([0.45 * side, 0.1, 1.0])
    across = np.cross(up, facing)
    across *= broad * (0.6 + 0.4 * model.breed.ear) / np.linalg.norm(across)
    turn = model.head.turn
    rounded = 0.55 if model.breed.species == "dog" else 0.8
    model.leaves.append(
        (
            model.head.outward(base - 0.18 * up),
            model.head.outward(tip),
            turn @ across,
            lambda t: (1 - t) ** rounded * (1 - 0.25 * (1 - t) ** 4),
            0.16 * broad,
            Part.EAR,
            Part.INNER_EAR,
        )
    )
    thin = np.stack([up * 0.42, across * 0.62, np.cross(up, across) * 0.1], axis=1)
    model.add(model.head, base + 0.15 * up - (0, 0, 0.1), thin, Part.EAR)


def _add_hanging_ear(model: Model, side: int) -> None:
    long = model.breed.ear
    top = np.array([0.72 * side, 0.4, -0.1])
    low = top + (0.28 * side, -0.95 * long, 0.12)
    for start, end, thick, broad in (
        (top, (top + low) / 2, 0.13, 0.34),
        ((top * 0.6 + low * 0.4), low, 0.11, 0.4),
    ):
        centre, axes = spindle(start, end, 0.3, 0.5)
        along = axes[:, 0]
        outward = np.array([1.0 * side, 0.25, 0.25])
        across = np.cross(along, outward)
        across /= np.linalg.norm(across)
        flat = np.cross(across, along / np.linalg.norm(along))
        model.add(
            model.head, centre, np.stack([along, across * broad, flat * thick], axis=1), Part.EAR
        )


def _add_folded_ear(model: Model, side: int) -> None:
    long = model.breed.ear
    base = np.array([0.52 * side, 0.62, -0.1])
    fold = base + (0.28 * side, 0.34 * long, 0.1)
    tip = fold + (0.16 * side, -0.55 * long, 0.35)
    for start, end, broad in ((base, fold, 0.26), (fold, tip, 0.24)):
        centre, axes = spindle(start, end, 0.16, 0.6)
        model.add(
            model.head,
            centre,
            np.stack([axes[:, 0], axes[:, 1] / 0.16 * broad, axes[:, 2] * 0.6], axis=1),
            Part.EAR,
        )

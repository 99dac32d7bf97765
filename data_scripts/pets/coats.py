"""Coats and faces of the drawn cats and dogs: the colour of each visible point of a model."""

from dataclasses import dataclass

import numpy as np

from ..canvas.solids import Relief
from .anatomy import Model, Part

# The same colours for both species (RGB, 0 to 1), dark to light.
FUR = np.array(
    [
        (0.17, 0.16, 0.16),
        (0.30, 0.22, 0.17),
        (0.44, 0.29, 0.19),
        (0.42, 0.42, 0.44),
        (0.58, 0.56, 0.54),
        (0.68, 0.42, 0.21),
        (0.76, 0.57, 0.36),
        (0.82, 0.72, 0.57),
        (0.89, 0.84, 0.75),
        (0.94, 0.92, 0.90),
    ]
)
BLACK, BROWN, CHOCOLATE, SLATE, GREY, GINGER, TAN, SAND, CREAM, WHITE = range(10)
PALETTES = {  # (ground, marking, third colour) to choose from
    "solid": [(c, c, c) for c in range(10)] + [(BLACK, BLACK, BROWN)],
    "stripes": [
        (GREY, BLACK, SAND),
        (GREY, BLACK, WHITE),
        (TAN, BROWN, CREAM),
        (SAND, GINGER, CREAM),
        (TAN, CHOCOLATE, CREAM),
        (GREY, BLACK, GREY),
        (TAN, BLACK, SAND),
        (SAND, SLATE, CREAM),
    ],
    "ticked": [(GREY, SLATE, SAND), (TAN, BROWN, CREAM), (SAND, GREY, CREAM), (SLATE, BLACK, GREY)],
    "points": [
        (CREAM, BROWN, SAND),
        (CREAM, SLATE, WHITE),
        (SAND, BLACK, CREAM),
        (CREAM, GINGER, WHITE),
    ],
    "mask": [(TAN, BLACK, SAND), (SAND, BLACK, CREAM), (GINGER, BROWN, TAN), (CREAM, GREY, WHITE)],
    "saddle": [
        (TAN, BLACK, SAND),
        (GINGER, BLACK, WHITE),
        (WHITE, SLATE, CREAM),
        (SAND, GREY, CREAM),
        (WHITE, BLACK, CREAM),
        (TAN, SLATE, SAND),
    ],
    "patches": [
        (WHITE, BLACK, WHITE),
        (WHITE, GINGER, WHITE),
        (WHITE, SLATE, CREAM),
        (WHITE, CHOCOLATE, CREAM),
        (WHITE, TAN, WHITE),
    ],
    "tuxedo": [
        (BLACK, BLACK, WHITE),
        (SLATE, SLATE, WHITE),
        (BROWN, BROWN, WHITE),
        (GINGER, GINGER, WHITE),
        (GREY, GREY, WHITE),
    ],
    "calico": [(WHITE, BLACK, GINGER), (WHITE, SLATE, SAND), (BLACK, GINGER, WHITE)],
    "spots": [(WHITE, BLACK, WHITE), (WHITE, CHOCOLATE, WHITE), (CREAM, BLACK, WHITE)],
}
IRIS = {
    "cat": [
        (0.68, 0.70, 0.36),
        (0.52, 0.64, 0.40),
        (0.80, 0.64, 0.28),
        (0.72, 0.48, 0.20),
        (0.50, 0.64, 0.76),
    ],
    "dog": [(0.22, 0.12, 0.06), (0.3, 0.17, 0.08), (0.16, 0.09, 0.05), (0.42, 0.26, 0.1)],
}
PINK, DARK_NOSE = np.array((0.72, 0.42, 0.4)), np.array((0.1, 0.08, 0.08))
TONGUE_COLOUR = np.array((0.82, 0.38, 0.4))


class Noise:
    """A smooth random function of space with mean 0 and variance 1: a sum of waves."""

    def __init__(self, rng: np.random.Generator, frequency: float, waves: int = 6) -> None:
        self.directions = (rng.standard_normal((3, waves)) * frequency).astype(np.float32)
        self.phases = rng.uniform(0, 6.28, waves).astype(np.float32)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Return values (n,) at points (n, 3)."""
        return np.sin(points @ self.directions + self.phases).sum(axis=1) / np.sqrt(
            len(self.phases) / 2
        )


def ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return 0 below `low`, 1 above `high`, smooth between; reversed if `low` is the larger.

    >>> ramp(np.array([0.0, 0.5, 1.0]), 0, 1).tolist()
    [0.0, 0.5, 1.0]
    """
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


@dataclass
class Surface:
    """The visible points of an animal, one row per pixel."""

    rows: np.ndarray
    columns: np.ndarray
    part: np.ndarray
    normal: np.ndarray
    trunk: np.ndarray  # across, upwards, along: in body widths; along 0 (hip) to 1 (chest)
    head: np.ndarray  # in the head's frame
    place: np.ndarray  # where noise is looked up: `head` on the head, `trunk` elsewhere

    @classmethod
    def of(cls, relief: Relief, model: Model) -> "Surface":
        """Collect the points of a model that a relief shows."""
        rows, columns = np.nonzero(relief.part >= 0)
        points = relief.points(rows, columns)
        along = model.chest - model.hip
        length = np.linalg.norm(along)
        along = along / length
        over = np.array([0, along[2], -along[1]])
        axes = np.stack(
            [(1 / model.breed.stout, 0, 0), over / model.breed.stout, along / length], axis=1
        )
        trunk = ((model.body.inward(points) - model.hip) @ axes).astype(np.float32)
        head, part = model.head.inward(points), relief.part[rows, columns]
        place = np.where(of_head(part)[:, None], head, trunk * np.float32((1, 1, 3)))
        normal = relief.normal[:, rows, columns].T
        return cls(rows, columns, part, normal, trunk, head, place)

    def on(self, *parts: Part) -> np.ndarray:
        """Return a mask of the rows that show one of these parts."""
        return np.isin(self.part, parts)


def of_head(part: np.ndarray) -> np.ndarray:
    """Return a mask of the parts of the head, with ears, muzzle, nose and mouth."""
    return (part >= Part.HEAD) & (part <= Part.MOUTH)


class Coat:
    """One individual's coat: a pattern in the colours of a palette, white markings, noise."""

    def __init__(self, rng: np.random.Generator, pattern: str, curl: float = 0.0) -> None:
        self.pattern, self.curl = pattern, curl
        choices = PALETTES[pattern]
        chosen = FUR[list(choices[rng.integers(len(choices))])]
        self.ground, self.marking, self.third = np.clip(
            chosen * rng.uniform(0.85, 1.15) * rng.normal(1, 0.015, (3, 3)), 0.05, 0.97
        )
        self.white = WHITE_SHARE.get(pattern, 0.3) > rng.random(3)  # bib, paws, blaze
        self.warp = Noise(rng, 1.3)
        self.fine = Noise(rng, 7.0)
        self.patch = Noise(rng, 1.0, waves=5)
        self.patch2 = Noise(rng, 1.2, waves=5)
        self.curls = Noise(rng, 10.0)
        self.stripes = rng.uniform(5.5, 8.5)

    def colours(self, seen: Surface) -> np.ndarray:
        """Return the reflectance (n, 3) of the fur at every visible point."""
        head, place = of_head(seen.part), seen.place
        share = getattr(self, f"_{self.pattern}")(seen, place, head)
        third, share = share if isinstance(share, tuple) else (0, share)
        colours = self.ground + share[:, None] * (self.marking - self.ground)
        colours = colours + np.reshape(third, (-1, 1)) * (self.third - colours)
        white = self._white(seen, place, head)[:, None]
        colours = colours + white * (FUR[WHITE] - colours)
        shade = 1 + 0.05 * self.fine(place) + 0.06 * self.warp(place)
        if self.curl:
            shade += 0.16 * self.curl * self.curls(place)
        return colours * shade[:, None]

    def _white(self, seen, place, head):
        bib, paws, blaze = self.white
        x, up, along = seen.trunk.T
        wobble = 0.2 * self.warp(place)
        chest = (
            ramp(along + wobble, 0.75, 0.95)
            * ramp(up + wobble, 0.35, 0.0)
            * ramp(np.abs(x), 0.75, 0.5)
        )
        white = bib * np.where(head, ramp(seen.head[:, 1] + 0.5 * wobble, -0.28, -0.4), chest)
        white = np.maximum(white, paws * seen.on(Part.PAW))
        width = 0.16 + 0.22 * ramp(seen.head[:, 1], 0.1, -0.3)
        stripe = head * ramp(np.abs(seen.head[:, 0]) + 0.3 * wobble, width + 0.06, width - 0.04)
        stripe = stripe * ramp(seen.head[:, 2], 0.3, 0.5) * ramp(seen.head[:, 1], 0.75, 0.5)
        return np.maximum(white, blaze * stripe) * ~seen.on(Part.EAR)

    def _solid(self, seen, place, head):
        return 0.3 * ramp(seen.trunk[:, 1], 0.2, -0.8) * ~head, np.zeros(len(head))

    def _stripes(self, seen, place, head):
        _, y, z = place.T
        bend = 0.35 * self.warp(place)
        body = np.sin(self.stripes * (z + bend) + 1.5 * y)
        limb = np.sin(3.2 * self.stripes * (y + 0.3 * bend))
        face = np.sin(11 * (np.abs(seen.head[:, 0]) + 0.25 * bend) + 3 * seen.head[:, 1] - 1)
        face = face * ramp(seen.head[:, 2], 1.0, 0.6)
        wave = np.where(
            head, face, np.where(seen.on(Part.LEG, Part.PAW, Part.TAIL), 0.5 * limb, body)
        )
        share = ramp(wave + 0.3 * self.fine(place), -0.1, 0.6) * 0.95
        return self._pale_face(seen, head) * 0.6, share

    def _ticked(self, seen, place, head):
        share = ramp(
            self.fine(place) + 0.7 * self.warp(place) + 0.8 * (seen.trunk[:, 1] - 0.2) * ~head,
            -0.6,
            1.2,
        )
        return self._pale_face(seen, head) * 0.7, share

    def _pale_face(self, seen, head):
        muzzle = head * ramp(seen.head[:, 1], -0.15, -0.4) * ramp(seen.head[:, 2], 0.1, 0.5)
        return np.maximum(
            muzzle, ramp(seen.trunk[:, 1], -0.3, -0.9) * ~head * ramp(seen.trunk[:, 2], -0.5, 0.2)
        )

    def _points(self, seen, place, head):
        distance = np.linalg.norm(seen.head - (0, -0.2, 0.8), axis=1) + 0.1 * self.warp(place)
        return self._dark_ends(seen, ramp(distance, 0.95, 0.45) * head)

    def _dark_ends(self, seen, face):
        low = ramp(seen.trunk[:, 1], -0.7, -1.6) * seen.on(Part.LEG)
        ends = np.maximum(low, seen.on(Part.EAR, Part.INNER_EAR, Part.TAIL, Part.PAW) * 0.9)
        return np.maximum(face, ends)

    def _mask(self, seen, place, head):
        face = (
            ramp(seen.head[:, 1] + 0.1 * self.warp(place), 0.15, -0.15)
            * ramp(seen.head[:, 2], 0.35, 0.65)
            * head
        )
        back = 0.5 * ramp(seen.trunk[:, 1], 0.3, 0.9) * ~head
        return np.maximum(np.maximum(face, back), 0.8 * seen.on(Part.EAR))

    def _saddle(self, seen, place, head):
        edge = 0.25 * self.warp(place)
        back = ramp(seen.trunk[:, 1] + edge, 0.0, 0.35) * ~head * ~seen.on(Part.LEG, Part.PAW)
        crown = head * ramp(
            seen.head[:, 1] - 0.5 * np.abs(seen.head[:, 2]) + 0.4 * edge, -0.05, 0.25
        )
        share = np.maximum(np.maximum(back, crown), seen.on(Part.EAR) * 0.8)
        return self._pale_face(seen, head), share

    def _patches(self, seen, place, head):
        sided = np.where(head, 0.9 * np.sign(seen.head[:, 0]) * self.side(), 0.0)
        return ramp(self.patch(place) + sided + 0.15 * self.fine(place), 0.1, 0.3)

    def side(self) -> float:
        """Return -1 or 1 for the half of the face with more markings, 0 for neither."""
        return float(np.round(np.sin(self.patch.phases[0]) * 1.4))

    def _calico(self, seen, place, head):
        third = ramp(self.patch2(place) + 0.15 * self.fine(place), 0.35, 0.5)
        return third, self._patches(seen, place, head)

    def _tuxedo(self, seen, place, head):
        belly = (
            ramp(seen.trunk[:, 1] + 0.2 * self.warp(place), -0.35, -0.6)
            * ~head
            * ~seen.on(Part.LEG)
        )
        return belly, np.zeros(len(head))

    def _spots(self, seen, place, head):
        spot = ramp(self.fine(place * 0.45) + 0.4 * self.fine(place[:, ::-1] * 0.5), 0.95, 1.2)
        return np.maximum(spot, seen.on(Part.EAR) * 0.9 * (self.side() >= 0))


WHITE_SHARE = {
    "tuxedo": 0.9,
    "points": 0.05,
    "solid": 0.25,
    "calico": 0.7,
    "patches": 0.6,
    "mask": 0.2,
}


@dataclass
class Face:
    """One individual's eyes, nose and mouth, painted over the fur."""

    species: str
    iris: np.ndarray
    slit: float
    nose: np.ndarray
    eye: float
    gaze: np.ndarray
    lid: float

    @classmethod
    def random(cls, rng: np.random.Generator, species: str, coat: Coat) -> "Face":
        """Sample a face that goes with a species and a coat."""
        choices = IRIS[species]
        iris = np.array(choices[rng.integers(len(choices))])
        if coat.pattern in ("points", "saddle") and rng.random() < 0.5:
            iris = np.array((0.45, 0.58, 0.7))
        pink = rng.random() < (0.6 if species == "cat" else 0.06)
        return cls(
            species,
            iris * rng.uniform(0.85, 1.15, 3),
            slit=rng.uniform(0.2, 0.95),
            nose=PINK * rng.uniform(0.7, 1.0) if pink else DARK_NOSE,
            eye=rng.uniform(1.0, 1.3),
            gaze=rng.normal(0, 0.12, 2),
            lid=rng.uniform(0.72, 1.0),
        )

    def paint(self, seen: Surface, colours: np.ndarray) -> np.ndarray:
        """Paint the face over the fur's `colours`; return per pixel how bare and glossy it is."""
        bare = np.zeros(len(colours), np.float32)
        for side in (-1, 1):
            self._paint_eye(seen, colours, bare, side)
        for parts, colour, gloss in (
            ((Part.NOSE,), self.nose, 0.6),
            ((Part.TONGUE,), TONGUE_COLOUR, 0.35),
            ((Part.MOUTH,), (0.25, 0.08, 0.08), 0.2),
        ):
            rows = seen.on(*parts)
            colours[rows], bare[rows] = colour, gloss
        inner = seen.on(Part.INNER_EAR)
        colours[inner] = 0.45 * colours[inner] + 0.5 * PINK * (0.55, 0.5, 0.5) + 0.06
        if self.species == "cat":
            self._paint_lips(seen, colours)
        else:
            self._paint_nostrils(seen, colours)
        return bare

    def _paint_eye(self, seen, colours, bare, side) -> None:
        cat = self.species == "cat"
        width, height = np.array((0.17, 0.14) if cat else (0.155, 0.14)) * self.eye
        u, v, near = self._eye_plane(seen, side)
        lid = np.where(v > 0, height * self.lid, height * 0.95)
        r = np.sqrt((u / width) ** 2 + (v / lid) ** 2)
        rim = near & (r < 1.32)
        colours[rim] *= (0.3 + 0.7 * ramp(r[rim], 1.0, 1.32))[:, None]
        eye = near & (r < 1)
        shade = (0.55 + 0.45 * ramp(r[eye], 1.0, 0.7)) * (
            1 - 0.35 * ramp(v[eye], 0.2 * height, 0.9 * height)
        )
        colours[eye] = self._eyeball(side, u[eye] / height, v[eye] / height, shade)
        bare[near & (r < 1.2)] = 1.0

    def _eye_plane(self, seen, side):
        """Return distances from an eye's centre, outwards and upwards, and a mask of near rows."""
        x, y, z, splay = (
            (0.37, 0.1, 0.72, 0.3) if self.species == "cat" else (0.36, 0.14, 0.72, 0.35)
        )
        offset = seen.head - np.array((side * x, y, z), np.float32)
        u = offset @ np.array((side * np.cos(splay), 0, -np.sin(splay)))
        depth = offset @ np.array((side * np.sin(splay), 0, np.cos(splay)))
        slant = 0.22 if self.species == "cat" else 0.1
        return u, offset[:, 1] - slant * u, (np.abs(depth) < 0.4) & (seen.part == Part.HEAD)

    def _eyeball(self, side, u, v, shade):
        """Return colours of iris, pupil, white and glint; `u` and `v` are in radii of the iris."""
        cat = self.species == "cat"
        du, dv = u - side * self.gaze[0], v - self.gaze[1]
        distance = np.hypot(du, dv)
        pupil = np.hypot(du / (0.15 + 0.45 * self.slit), dv / 0.85) if cat else distance / 0.6
        iris = self.iris * (1.15 - 0.35 * distance[:, None])
        ball = np.where(distance[:, None] < 1.05, iris, 0.1 if cat else 0.85)
        ball = (
            ball * ((0.25 + 0.75 * ramp(pupil, 0.85, 1.1)) * (pupil > 0.85) * shade)[:, None] + 0.02
        )
        glint = ramp(np.hypot(du * side + 0.3, dv - 0.38), 0.3, 0.14)[:, None]
        return ball + glint * (1 - ball)

    def _paint_lips(self, seen, colours) -> None:
        x, y = np.abs(seen.head[:, 0]), seen.head[:, 1]
        lip = -0.42 - 0.12 * np.sin(np.clip(x, 0, 0.4) / 0.4 * 3.1)
        line = np.minimum(np.abs(y - lip) + 0.5 * (x > 0.4), x * 1.4 + (y > -0.2) + (y < -0.42))
        rows = (line < 0.05) & (seen.head[:, 2] > 0.4) & seen.on(Part.MUZZLE)
        colours[rows] *= (0.4 + 0.6 * ramp(line[rows], 0.015, 0.05))[:, None]

    def _paint_nostrils(self, seen, colours) -> None:
        nose = seen.on(Part.NOSE)
        if not nose.any():
            return
        middle = seen.head[nose].mean(axis=0)
        x, y = np.abs(seen.head[nose, 0]), seen.head[nose, 1] - middle[1]
        hole = np.hypot((x - 0.09) / 0.06, (y + 0.02) / 0.05)
        colours[nose] *= (0.3 + 0.7 * ramp(hole, 0.7, 1.2))[:, None]

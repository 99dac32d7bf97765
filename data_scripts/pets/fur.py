"""Fur and whiskers of the drawn cats and dogs, hair by hair."""

import numpy as np

from ..canvas.scenery import strokes
from ..canvas.solids import Camera, Relief
from .anatomy import Model, Part
from .coats import Noise, Surface, of_head

HAIRS_PER_PIXEL = 0.25
HAIR_LENGTH = {  # relative to the breed's
    Part.MUZZLE: 0.35,
    Part.HEAD: 0.5,
    Part.EAR: 0.45,
    Part.INNER_EAR: 0.5,
    Part.NECK: 1.1,
    Part.TRUNK: 1.1,
    Part.TAIL: 1.1,
    Part.LEG: 0.7,
    Part.PAW: 0.35,
}


def comb(
    image, relief: Relief, seen: Surface, lit: np.ndarray, bare: np.ndarray, model: Model, rng
) -> None:
    """Draw hairs along the body, in tufts, slightly outwards, varying in brightness.

    `lit` (n, 3) holds the colours of the visible points, 0 to 255. No hair grows on or covers
    points where `bare` is above 0.
    """
    breed = model.breed
    hairy = np.flatnonzero(bare == 0)
    roots = rng.choice(hairy, int(len(hairy) * HAIRS_PER_PIXEL), replace=False)
    roots = roots[np.argsort(relief.depth[seen.rows[roots], seen.columns[roots]])]
    n = len(roots)
    hair = hair_flow(seen, roots, model, rng) + 0.3 * seen.normal[roots]
    hair += (0.12 + 0.5 * breed.curl) * rng.standard_normal((n, 3))
    lengths = np.ones(len(Part))
    lengths[list(HAIR_LENGTH)] = list(HAIR_LENGTH.values())
    length = breed.hair * lengths[seen.part[roots]] * relief.camera.scale * rng.uniform(0.6, 1.2, n)
    colours = lit[roots] * rng.normal(1, 0.08, (n, 1))
    bald = np.zeros(image.shape[:2], bool)
    bald[seen.rows, seen.columns] = bare > 0
    before = image[bald]
    strokes(
        image,
        seen.columns[roots] + 0.5,
        seen.rows[roots] + 0.5,
        hair[:, 0] * length,
        -hair[:, 1] * length,
        colours,
        steps=int(np.clip(np.quantile(length, 0.9) * 1.2, 4, 30)),
        fade=0.25,
    )
    image[bald] = before


def hair_flow(seen: Surface, roots: np.ndarray, model: Model, rng) -> np.ndarray:
    """Return the directions (n, 3) of hair: away from the nose, along the trunk, down the legs."""
    head = (seen.head[roots] - (0, -0.15, 1.0)) * (1, 1, 0.5) @ model.head.turn.T
    backwards = (model.hip - model.chest) / np.linalg.norm(model.hip - model.chest)
    trunk = model.body.turn @ (backwards - (0, 0.5, 0))
    flow = np.where(of_head(seen.part[roots])[:, None], head, trunk)
    legs = np.isin(seen.part[roots], (Part.LEG, Part.PAW))
    flow = np.where(legs[:, None], (0, -1.0, 0), flow)
    normal = seen.normal[roots]
    flow -= (flow * normal).sum(axis=1, keepdims=True) * normal
    flow /= np.linalg.norm(flow, axis=1, keepdims=True) + 1e-6
    tufts = np.stack([Noise(rng, 5.0)(seen.place[roots]) for _ in range(3)], axis=1)
    return flow + (0.15 + 0.4 * model.breed.hair + 0.8 * model.breed.curl) * tufts


def whiskers(image, model: Model, camera: Camera, rng) -> None:
    """Draw a cat's whiskers: thin light lines from the muzzle outwards."""
    lines = []
    for side in (-1, 1):
        for i in range(5):
            start = np.array((0.3 * side, -0.36 + 0.04 * i, 0.78))
            end = start + (
                side * rng.uniform(0.6, 1.0),
                0.12 * (i - 2.5) + rng.normal(0, 0.06),
                -0.15,
            )
            lines.append(np.linspace(0, 1, 200)[:, None] * (end - start) + start)
    points = camera.project(np.concatenate(lines) @ model.head.turn.T + model.head.origin)
    columns, rows = points.astype(int).T
    inside = (columns >= 0) & (columns < image.shape[1]) & (rows >= 0) & (rows < image.shape[0])
    spot = rows[inside], columns[inside]
    image[spot] = 0.3 * image[spot] + 0.7 * 230

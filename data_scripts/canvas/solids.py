"""Ellipsoids and leaves seen through a camera: the shapes from which animals are modelled.

Lengths are in units of the model (for a pet: about the radius of its head); x grows to the right,
y upwards, z towards the camera. Rays are parallel; perspective comes from enlarging near solids
before they are cast. Surfaces that meet are blended, so a shoulder flows into a trunk.
"""

import numpy as np

Vector = np.ndarray
BLEND = 5.0  # sharpness with which the nearer of two surfaces wins, per unit of length


class Camera:
    """A view: image size, pixels per unit, the pixel that shows (0, 0), distance to z = 0."""

    def __init__(
        self, size: tuple[int, int], scale: float, origin: tuple[float, float], distance: float
    ) -> None:
        self.size, self.scale, self.origin, self.distance = size, scale, origin, distance

    def enlargement(self, z: float) -> float:
        """Return how much larger objects at depth `z` appear than at depth 0."""
        return self.distance / (self.distance - z)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Return the pixel positions (n, 2) of points (n, 3)."""
        points = np.asarray(points, dtype=np.float64).reshape(-1, 3)
        flat = points[:, :2] * self.enlargement(points[:, 2:])
        return flat * (self.scale, -self.scale) + self.origin


class Relief:
    """What the camera sees of a model, per pixel: depth, normal and part.

    `part` holds small integers chosen by the caller, -1 where the model is not visible. `depth`
    and `normal` are final after `finish`. `front` is a depth in front of the whole model; weights
    are relative to it, so that they do not overflow.
    """

    def __init__(self, camera: Camera, front: float) -> None:
        width, height = camera.size
        self.camera, self.front = camera, np.float32(front)
        self.x = ((np.arange(width) + 0.5 - camera.origin[0]) / camera.scale).astype(np.float32)
        self.y = ((camera.origin[1] - np.arange(height) - 0.5) / camera.scale).astype(np.float32)
        self.weight = np.zeros((height, width), np.float32)
        self.depth = np.zeros((height, width), np.float32)
        self.normal = np.zeros((3, height, width), np.float32)
        self.nearest = np.full((height, width), -np.inf, np.float32)
        self.part = np.full((height, width), -1, np.int8)

    def add_ellipsoid(self, centre: Vector, axes: np.ndarray, part: int) -> None:
        """Add the ellipsoid {centre + axes @ u, |u| <= 1}."""
        larger = self.camera.enlargement(centre[2])
        centre, axes = centre * larger, axes * larger
        window, dx, dy = self._window(centre, np.sqrt((axes**2).sum(axis=1)))
        if dx.size == 0 or dy.size == 0:
            return
        inverse = np.linalg.inv(axes).astype(np.float32)
        along = inverse[:, 2]
        start = inverse[:, 0, None, None] * dx + inverse[:, 1, None, None] * dy
        a, b = along @ along, np.tensordot(along, start, 1)
        root = b * b - a * ((start * start).sum(axis=0) - 1)
        seen = root > 0
        z = (np.sqrt(np.where(seen, root, 0)) - b) / a
        normal = np.tensordot(inverse.T, start + along[:, None, None] * z, 1)
        self._merge(window, seen, z + np.float32(centre[2]), normal, part)

    def add_leaf(
        self, base: Vector, tip: Vector, side: Vector, outline, bulge: float, part: int, inner: int
    ) -> None:
        """Add a thin curved leaf, whose half width is `outline(t)` times `side` for t from 0 to 1.

        The middle of the side that faces `side` x (tip - base) belongs to part `inner`.
        """
        larger = self.camera.enlargement(base[2])
        base, up, side = base * larger, (tip - base) * larger, side * larger
        facing = np.cross(side, up)
        facing = facing / np.linalg.norm(facing)
        if abs(facing[2]) < 0.12:  # seen edge-on: only a line
            return
        reach = np.abs(up) + 1.3 * np.abs(side)
        window, dx, dy = self._window(base, reach)
        if dx.size == 0 or dy.size == 0:
            return
        (a, b), (c, d) = np.linalg.inv([[side[0], up[0]], [side[1], up[1]]])
        s, t = a * dx + b * dy, c * dx + d * dy
        half = outline(np.clip(t, 0, 1))
        seen = (np.abs(s) < half) & (t >= 0) & (t <= 1)
        across = s / np.maximum(half, 1e-3)
        toward = 1 if facing[2] > 0 else -1
        z = base[2] + s * side[2] + t * up[2] - toward * bulge * (1 - across**2)
        tilt = -toward * 0.9 * across * toward
        normal = (
            facing[:, None, None] * toward + tilt * (side / np.linalg.norm(side))[:, None, None]
        )
        hollow = (np.abs(across) < 0.62) & (t < 0.8) & (t > 0.05) & (toward > 0)
        self._merge(window, seen, z, normal, np.where(hollow, inner, part))

    def _window(self, centre: Vector, reach: Vector):
        columns = slice(*np.searchsorted(self.x, (centre[0] - reach[0], centre[0] + reach[0])))
        rows = slice(*np.searchsorted(-self.y, (-centre[1] - reach[1], -centre[1] + reach[1])))
        dx = (self.x[columns] - np.float32(centre[0]))[None, :]
        dy = (self.y[rows] - np.float32(centre[1]))[:, None]
        return (rows, columns), dx, dy

    def _merge(self, window, seen, z, normal, part) -> None:
        weight = np.exp(np.where(seen, BLEND * (z - self.front), -np.inf))
        length = np.sqrt((normal * normal).sum(axis=0)) + 1e-6
        self.weight[window] += weight
        self.depth[window] += weight * z
        self.normal[(slice(None), *window)] += normal * (weight / length)
        nearer = seen & (z > self.nearest[window])
        self.nearest[window] = np.where(nearer, z, self.nearest[window])
        self.part[window] = np.where(nearer, part, self.part[window])

    def finish(self) -> None:
        """Turn sums into averages."""
        weight = np.where(self.weight > 0, self.weight, 1)
        self.depth /= weight
        self.normal /= weight
        self.normal /= np.sqrt((self.normal**2).sum(axis=0)) + 1e-9

    def points(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return the points (n, 3) of the model at these pixels, without perspective."""
        seen = np.stack([self.x[columns], self.y[rows], self.depth[rows, columns]], axis=1)
        return seen / (1 + seen[:, 2:] / self.camera.distance)


def cast(ellipsoids: list, camera: Camera, leaves: list = ()) -> Relief:
    """Return what a camera sees of ellipsoids and leaves.

    They are given as arguments of `Relief.add_ellipsoid` and `Relief.add_leaf`.
    """
    depths = [centre[2] + np.abs(axes[2]).max() for centre, axes, _ in ellipsoids]
    relief = Relief(camera, max(depth * camera.enlargement(depth) for depth in depths))
    for ellipsoid in ellipsoids:
        relief.add_ellipsoid(*ellipsoid)
    for leaf in leaves:
        relief.add_leaf(*leaf)
    relief.finish()
    return relief


def rotation(yaw: float = 0, pitch: float = 0, roll: float = 0) -> np.ndarray:
    """Return a rotation matrix: first roll about z, then pitch about x, then yaw about y (radians).

    >>> (rotation(yaw=np.pi / 2) @ (0, 0, 1)).round().tolist()  # from the camera to the right
    [1.0, 0.0, 0.0]
    """
    (a, b, c), (d, e, f) = np.cos([yaw, pitch, roll]), np.sin([yaw, pitch, roll])
    about_y = np.array([[a, 0, d], [0, 1, 0], [-d, 0, a]])
    about_x = np.array([[1, 0, 0], [0, b, -e], [0, e, b]])
    about_z = np.array([[c, -f, 0], [f, c, 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


def spindle(start: Vector, end: Vector, radius: float, overlap: float = 0.6):
    """Return centre and axes of the ellipsoid around a bone, which extends beyond both its ends."""
    along = np.subtract(end, start)
    length = np.linalg.norm(along)
    along = along / max(length, 1e-6)
    across = np.cross(along, (0.36, 0.48, 0.8) if abs(along[0]) > 0.9 else (1.0, 0, 0))
    across /= np.linalg.norm(across)
    half = length / 2 + overlap * radius
    axes = np.stack([along * half, across * radius, np.cross(along, across) * radius], axis=1)
    return np.add(start, end) / 2, axes

"""A jointed model of a right hand: from bones and joint angles to a surface of small facets.

Lengths are in centimetres. The palm faces the viewer: x points to the right (the side of the
thumb), y up along the fingers, z towards the viewer; the wrist is the origin. Anatomical
proportions follow Buryanov and Kotiuk, "Proportions of hand segments", Int. J. Morphol. 28(3).
"""

from dataclasses import dataclass, field, replace

import numpy as np

KNUCKLES = np.array([[2.75, 8.9], [0.85, 9.3], [-1.1, 8.9], [-2.9, 7.9]])
BONES = np.array([[4.2, 2.4, 2.1], [4.7, 2.8, 2.2], [4.3, 2.7, 2.2], [3.5, 2.0, 1.9]])
THICKNESS = np.array([0.90, 0.92, 0.86, 0.76])
CONVERGENCE = np.array([-3.0, 0.0, 5.0, 10.0])
"""Degrees by which flexed fingers lean towards the root of the thumb."""

THUMB_ROOT = np.array([1.5, 1.4, 0.2])
THUMB_HEEL = np.array([-0.5, -2.4, -1.2])
"""Where the ball of the thumb begins, relative to the root of its bones."""
THUMB_BONES = np.array([4.7, 3.4, 2.8])

MATERIALS = ("back", "palm", "crease", "nail", "cloth", "band")
BACK, PALM, CREASE, NAIL, CLOTH, BAND = range(len(MATERIALS))


@dataclass(frozen=True)
class HandShape:
    """Proportions of a person's hand relative to an average hand; sleeve and band in cm."""

    finger_lengths: np.ndarray  # (4,)
    finger_width: float
    palm_width: float
    thumb_length: float
    nail_length: float
    sleeve: float | None = None  # distance of the sleeve's edge from the wrist
    band: float | None = None  # distance of a bracelet from the wrist


@dataclass(frozen=True)
class HandPose:
    """Joint angles in degrees; fingers in the order index, middle, ring, little."""

    flexion: np.ndarray  # (4, 3): knuckle, middle joint, end joint
    spread: np.ndarray  # (4,): towards the thumb
    metacarpal: np.ndarray  # (3,): where the thumb's first bone points
    nail_side: np.ndarray  # (3,): where the thumb's nail faces
    thumb_target: np.ndarray  # (3,): where the thumb's tip goes, as far as it reaches
    touches: int | None = (
        None  # finger at whose tip the thumb aims; the target is then relative to it
    )
    wrist: np.ndarray = field(default_factory=lambda: np.zeros(2))  # bend sideways, forwards


@dataclass(frozen=True)
class HandSurface:
    """A tube of rings: points (rings, around, 3), weights of materials (rings, around, 6)."""

    points: np.ndarray
    weights: np.ndarray


def hand_surfaces(shape: HandShape, pose: HandPose) -> list[HandSurface]:
    """Return the surfaces of palm and arm, fingers, thumb, sleeve and bracelet."""
    pose = meet_thumb(shape, pose)
    surfaces = [_palm_and_arm(shape, pose)]
    surfaces += [_finger(shape, pose, finger) for finger in range(4)]
    surfaces += _thumb(shape, pose)
    if shape.sleeve is not None:
        surfaces.append(_around_the_arm(shape, pose, -16, -shape.sleeve, 1.18, CLOTH))
    if shape.band is not None:
        surfaces.append(_around_the_arm(shape, pose, -shape.band - 0.8, -shape.band, 1.07, BAND))
    return surfaces


def meet_thumb(shape: HandShape, pose: HandPose) -> HandPose:
    """Flex the finger that the thumb touches until the thumb reaches it."""
    reach = 0.97 * shape.thumb_length * THUMB_BONES[1:].sum()
    _, knuckle = _thumb_root(shape, pose)
    for _ in range(20):
        if pose.touches is None or np.linalg.norm(_thumb_target(shape, pose) - knuckle) < reach:
            break
        flexion = pose.flexion.copy()
        flexion[pose.touches] += 2.5  # degrees, at each joint
        pose = replace(pose, flexion=flexion)
    return pose


def finger_spine(shape: HandShape, pose: HandPose, finger: int) -> np.ndarray:
    """Return the centre line of a finger from knuckle to tip, shape (rings, 3)."""
    along, lengths = _finger_rings(shape, finger)
    joints = np.array([0.0, lengths[0], lengths[0] + lengths[1]])
    ramp = (along[:, None] - joints) / 1.3 + np.array([1.0, 0.5, 0.5])
    angle = np.deg2rad(np.clip(ramp, 0, 1) @ pose.flexion[finger])
    forward, palmar, _ = _finger_axes(pose, finger)
    directions = np.cos(angle)[:, None] * forward + np.sin(angle)[:, None] * palmar
    steps = np.diff(along, prepend=0.0)[:, None] * directions
    root = np.array([KNUCKLES[finger, 0] * shape.palm_width, KNUCKLES[finger, 1], 0.0])
    return root + np.cumsum(steps, axis=0)


def _finger_rings(shape: HandShape, finger: int) -> tuple[np.ndarray, np.ndarray]:
    lengths = BONES[finger] * shape.finger_lengths[finger]
    cap = 1 - np.array([0.9, 0.6, 0.36, 0.16, 0.03, 0.0])  # rings close up towards the round tip
    length, tip = lengths.sum(), 0.8 * THICKNESS[finger]
    return np.r_[np.linspace(0, length - tip, 22), length - tip + tip * cap], lengths


def _finger_axes(pose: HandPose, finger: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    bent = np.clip(pose.flexion[finger, 0] / 80, 0, 1)
    lean = np.deg2rad(pose.spread[finger] * (1 - bent))
    roll = np.deg2rad(CONVERGENCE[finger] * bent)
    forward = np.array([np.sin(lean), np.cos(lean), 0.0])
    side = np.array([np.cos(lean), -np.sin(lean), 0.0])
    palmar = np.cos(roll) * np.array([0.0, 0.0, 1.0]) + np.sin(roll) * side
    return forward, palmar, np.cross(forward, palmar)


def _finger(shape: HandShape, pose: HandPose, finger: int) -> HandSurface:
    along, lengths = _finger_rings(shape, finger)
    length, thick = along[-1], THICKNESS[finger] * shape.finger_width
    share, width = [0, 0.2, 0.5, 0.76, 0.9, 1], [1.12, 1.04, 1.0, 0.9, 0.84, 0.74]
    width = np.interp(along / length, share, width)
    joints = np.array([1.9, lengths[0], lengths[0] + lengths[1]])
    near_joint = np.exp(-(((along[:, None] - joints) / 0.4) ** 2)) @ np.array([0.0, 0.05, 0.05])
    radius = thick * (width + near_joint) * _round_end(along, 0.8 * thick)
    creases = np.exp(-(((along[:, None] - joints) / 0.16) ** 2)).sum(axis=1)
    spine = finger_spine(shape, pose, finger)
    _, _, side = _finger_axes(pose, finger)
    from_tip = (along - length) / thick
    return _tube(spine, side, radius, 0.9 * radius, creases, from_tip, 0 * along, shape)


def _round_end(along: np.ndarray, tip: float) -> np.ndarray:
    inside = np.clip((along - along.max() + tip) / tip, 0, 1)
    return np.sqrt(1 - inside**2)


def _tube(
    spine: np.ndarray,
    side: np.ndarray,
    across: np.ndarray,
    deep: np.ndarray,
    creases: np.ndarray,
    from_tip: np.ndarray,
    root: np.ndarray,
    shape: HandShape,
) -> HandSurface:
    """Sweep an ellipse along the spine.

    `creases` (0 to 1) are on the palmar side, `from_tip` (in thicknesses, negative) places the
    nail, and where `root` is 1 the skin is palmar all around.
    """
    tangent = np.gradient(spine, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    back = np.cross(tangent, side)
    back /= np.linalg.norm(back, axis=1, keepdims=True) + 1e-9
    side = np.cross(back, tangent)
    turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    circle = (
        np.cos(turn)[:, None] * (across[:, None] * side)[:, None]
        + np.sin(turn)[:, None] * (deep[:, None] * back)[:, None]
    )
    palmar = np.clip(0.5 - 0.9 * np.sin(turn) + root[:, None], 0, 1)
    on_nail = (from_tip > -0.35 - shape.nail_length) & (from_tip < -0.12)
    nail = on_nail[:, None] * (np.sin(turn) > 0.55)
    crease = 0.55 * creases[:, None] * palmar
    weights = _weights(palmar, crease, nail)
    return HandSurface(spine[:, None] + circle, weights)


def _weights(palmar: np.ndarray, crease: np.ndarray, nail: np.ndarray) -> np.ndarray:
    """Return the weight of each material: nails cover creases, creases cover skin."""
    weights = np.zeros((*palmar.shape, len(MATERIALS)))
    skin = (1 - nail) * (1 - crease)
    weights[..., BACK], weights[..., PALM] = skin * (1 - palmar), skin * palmar
    weights[..., CREASE], weights[..., NAIL] = (1 - nail) * crease, nail
    return weights


def _palm_and_arm(shape: HandShape, pose: HandPose, around: int = 44) -> HandSurface:
    """Build palm and arm ring by ring, from the forearm over the wrist to the fingers' roots."""
    height = np.r_[-16, -12, -8, -5, np.linspace(-3, -0.5, 4), np.linspace(0, 0.97, 24), 0.99, 1, 1]
    closing = np.r_[np.ones(len(height) - 6), 0.98, 0.93, 0.84, 0.7, 0.45, 0.05]
    stations = [-16, -5, -1, 0, 0.15, 0.4, 0.75, 1]
    width = np.interp(height, stations, [3.9, 3.0, 2.6, 2.65, 3.3, 3.8, 4.0, 3.9])
    depth = np.interp(height, stations, [3.2, 2.2, 1.9, 1.9, 1.75, 1.5, 1.25, 1.05])
    turn = np.linspace(0, 2 * np.pi, around, endpoint=False)
    cos, sin = np.cos(turn), -np.sin(turn)
    x = (width * shape.palm_width)[:, None] * _boxy(cos)
    z = (depth * closing)[:, None] * _boxy(sin)
    y = np.where(height[:, None] > 0, height[:, None] * _palm_top(x, shape, pose), height[:, None])
    bulges, crease = _palm_relief(x / shape.palm_width, y)
    front = np.clip(sin, 0, 1) * closing[:, None]
    palmar = np.broadcast_to(np.clip(0.5 + 1.2 * sin, 0, 1), x.shape)
    points = _bend_wrist(np.stack([x, y, z + front * bulges], axis=-1), pose)
    return HandSurface(points, _weights(palmar, 0.6 * crease * front, np.zeros_like(x)))


def _boxy(cosine: np.ndarray) -> np.ndarray:
    """Turn a circle into a superellipse, the cross-section of an arm."""
    return np.sign(cosine) * np.abs(cosine) ** 0.8


def _palm_top(x: np.ndarray, shape: HandShape, pose: HandPose) -> np.ndarray:
    """Return the height at which the fingers leave the palm; extended fingers raise it."""
    stretched = np.clip(np.cos(np.deg2rad(pose.flexion[:, 0])), 0, 1)
    top = KNUCKLES[:, 1] + 0.5 + 1.1 * stretched**2
    return np.interp(x, KNUCKLES[::-1, 0] * shape.palm_width, top[::-1])


def _palm_relief(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the palm's bulges (cm) and the darkness of its three main lines and the wrist's."""
    bulges = (
        0.75 * np.exp(-(((x - 1.8) / 1.5) ** 2) - ((y - 3.2) / 2.4) ** 2)
        + 0.55 * np.exp(-(((x + 2.2) / 1.3) ** 2) - ((y - 3.0) / 2.8) ** 2)
        + 0.25 * np.exp(-(((y - 8.6) / 0.9) ** 2))
        - 0.35 * np.exp(-(((x - 0.1) / 1.4) ** 2) - ((y - 5.2) / 2.0) ** 2)
    )
    life = np.abs(np.hypot((x - 3.3) / 0.85, y - 3.1) - 3.6) + 9 * (x > 3.2) + 9 * (y < 0.6)
    head = np.abs(y - 6.6 - 0.28 * (x - 2) - 0.03 * (x - 2) ** 2) + 9 * (x < -2.2)
    heart = np.abs(y - 7.4 - 0.09 * np.clip(x + 3.5, 0, None) ** 1.6) + 9 * (x > 1.6)
    wrist = np.abs(y + 0.2)
    nearest = np.minimum.reduce([life, head, heart, wrist])
    return bulges, np.exp(-((nearest / 0.16) ** 2))


def _bend_wrist(points: np.ndarray, pose: HandPose) -> np.ndarray:
    """Shear everything below the wrist sideways and forwards, gradually at first."""
    below = np.clip(-points[..., 1], 0, None)
    below = below**2 / (below + 2)
    sideways, forwards = np.tan(np.deg2rad(pose.wrist))
    return points + np.stack([sideways * below, 0 * below, forwards * below], axis=-1)


def _around_the_arm(
    shape: HandShape, pose: HandPose, low: float, high: float, factor: float, material: int
) -> HandSurface:
    """Build cloth or a band around the forearm between two heights."""
    height = np.r_[np.linspace(low, high, 9), high, high]
    factor = np.r_[np.full(9, factor), factor - 0.05, 0.9]
    width = factor * np.interp(height, [-16, -5, -1, 0], [3.9, 3.1, 2.75, 2.8]) * shape.palm_width
    depth = factor * np.interp(height, [-16, -5, -1, 0], [3.2, 2.2, 1.9, 1.9])
    turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    x, z = width[:, None] * _boxy(np.cos(turn)), -depth[:, None] * _boxy(np.sin(turn))
    y = np.broadcast_to(height[:, None], x.shape)
    weights = np.zeros((*x.shape, len(MATERIALS)))
    weights[..., material] = 1
    return HandSurface(_bend_wrist(np.stack([x, y, z], axis=-1), pose), weights)


def _thumb(shape: HandShape, pose: HandPose) -> list[HandSurface]:
    """Build the thumb with its ball, and the web of skin between it and the index finger."""
    joints = _thumb_joints(shape, pose)
    line = np.vstack([joints[0] + THUMB_HEEL, joints])
    stations = np.r_[0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]
    length = stations[-1]
    cap = 1 - np.array([0.9, 0.6, 0.36, 0.16, 0.03, 0.0])
    along = np.r_[np.linspace(0, length - 0.8, 28), length - 0.8 + 0.8 * cap]
    spine = _rounded_line(line, stations, along)
    joint = np.interp(along, stations, [-1, 0, 1, 2, 3])
    radius = np.interp(
        joint, [-1, 0, 0.45, 1, 1.5, 2, 2.45, 3], [0.9, 1.5, 1.6, 1.22, 1.0, 1.0, 1.0, 0.85]
    )
    radius = radius * shape.finger_width * _round_end(along, 0.8)
    creases = np.exp(-(((along - stations[3]) / 0.2) ** 2))
    side = np.cross(pose.nail_side, np.gradient(spine, axis=0))
    root = np.clip(2.2 - 2 * joint, 0, 1)
    thumb = _tube(spine, side, radius, 0.88 * radius, creases, along - length, root, shape)
    return [thumb, _thumb_web(shape, pose, joints)]


def _thumb_root(shape: HandShape, pose: HandPose) -> tuple[np.ndarray, np.ndarray]:
    """Return both ends of the thumb's first bone."""
    root = THUMB_ROOT * [shape.palm_width, 1, 1]
    direction = pose.metacarpal / np.linalg.norm(pose.metacarpal)
    return root, root + THUMB_BONES[0] * shape.thumb_length * direction


def _thumb_target(shape: HandShape, pose: HandPose) -> np.ndarray:
    if pose.touches is None:
        return pose.thumb_target
    return finger_spine(shape, pose, pose.touches)[-1] + pose.thumb_target


def _thumb_joints(shape: HandShape, pose: HandPose) -> np.ndarray:
    """Place the thumb's joints: the first bone by the pose, the others by inverse kinematics.

    The two outer bones and the line to the target form a triangle; the law of cosines gives the
    joint between them, on the side of the nail.
    """
    root, knuckle = _thumb_root(shape, pose)
    inner, outer = THUMB_BONES[1:] * shape.thumb_length
    way = _thumb_target(shape, pose) - knuckle
    distance = np.clip(np.linalg.norm(way), 0.55 * (inner + outer), 0.985 * (inner + outer))
    way /= np.linalg.norm(way)
    cosine = (inner**2 + distance**2 - outer**2) / (2 * inner * distance)
    outwards = pose.nail_side - way * (pose.nail_side @ way)
    outwards /= np.linalg.norm(outwards)
    middle = knuckle + inner * (cosine * way + np.sqrt(1 - cosine**2) * outwards)
    return np.array([root, knuckle, middle, knuckle + distance * way])


def _rounded_line(joints: np.ndarray, stations: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Return points on the line through the joints, its corners rounded over about 1.6 cm."""
    shifts = np.linspace(-0.8, 0.8, 9)
    places = np.clip(along[:, None] + shifts, 2 * stations[0], None)
    line = np.stack([np.interp(places, stations, joints[:, axis]) for axis in range(3)], axis=-1)
    beyond = np.clip(places - stations[-1], 0, None)[..., None]
    last = (joints[-1] - joints[-2]) / (stations[-1] - stations[-2])
    return (line + beyond * last).mean(axis=1)


def _thumb_web(shape: HandShape, pose: HandPose, joints: np.ndarray) -> HandSurface:
    start = 0.25 * joints[0] + 0.75 * joints[1]
    end = np.array([KNUCKLES[0, 0] * shape.palm_width - 0.4, KNUCKLES[0, 1] - 1.6, 0.1])
    share = np.linspace(0, 1, 12)[:, None]
    middle = np.array([2.0 * shape.palm_width, 4.5, 0.5])
    spine = (1 - share) ** 2 * start + 2 * share * (1 - share) * middle + share**2 * end
    thick = np.full(12, 0.85)
    blank = np.zeros(12)
    side = np.cross(np.array([0.0, 0.0, -1.0]), np.gradient(spine, axis=0))
    return _tube(spine, side, 1.5 * thick, thick, blank, blank - 9, blank + 1, shape)

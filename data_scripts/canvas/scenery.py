"""Backgrounds behind the drawn pets, and objects in front of them, shared by both classes.

Images are float32 arrays (height, width, 3), 0 to 255.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .pictures import blur, smooth_noise

Pixels = np.ndarray
Rng = np.random.Generator


def _colour(rng: Rng, low: float, high: float, saturation: float) -> np.ndarray:
    """Sample a colour, usually a dull one, of brightness `low` to `high`.

    At `saturation` 1, half of the colours are those of wood, sand and walls; the rest has any hue.
    """
    hue = (
        rng.uniform(0, 2 * np.pi) if rng.random() < 0.4 * saturation + 0.1 else rng.normal(0.7, 0.4)
    )
    waves = np.cos(hue - np.array([0, 2.1, 4.2]))
    return rng.uniform(low, high) * (1 + 0.7 * saturation * rng.uniform(0.1, 1) * waves)


def _flat(size, colour) -> Pixels:
    return np.broadcast_to(np.asarray(colour, np.float32), (size[1], size[0], 3)).copy()


def _mottle(image: Pixels, rng: Rng, cells: int, strength: float) -> Pixels:
    """Make some areas lighter and others darker."""
    size = image.shape[1], image.shape[0]
    return image * (1 + strength * smooth_noise(size, cells, rng)[:, :, None])


def _grain(image: Pixels, rng: Rng, strength: float) -> Pixels:
    return (
        image * (1 + strength * rng.standard_normal(image.shape[:2], dtype=np.float32))[:, :, None]
    )


def _floor_grid(size, horizon: float, rng: Rng):
    """Return the floor coordinates (across, away) of pixels below a horizon, in floor units."""
    width, height = size
    y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    away = 0.35 / np.maximum(y - horizon + 0.22, 0.05)
    across = (
        (np.arange(width, dtype=np.float32)[None, :] / width - rng.uniform(0.2, 0.8)) * away * 2.2
    )
    turn = rng.uniform(-0.7, 0.7)
    return across * np.cos(turn) + away * np.sin(turn), away * np.cos(turn) - across * np.sin(turn)


def _tiles(size, horizon, rng) -> Pixels:
    u, v = _floor_grid(size, horizon, rng)
    u, v = u * 4, v * 4
    ground = _colour(rng, 110, 200, 0.12)
    shade = np.sin(12.9 * np.floor(u) + 78.2 * np.floor(v)) * 0.05 + 1
    seam = np.minimum(np.abs(u % 1 - 0.5), np.abs(v % 1 - 0.5)) > 0.47
    seam |= np.maximum(np.abs(u % 1 - 0.5), np.abs(v % 1 - 0.5)) > 0.47
    return ground * (shade * (1 - 0.25 * seam))[:, :, None]


def _planks(size, horizon, rng) -> Pixels:
    u, v = _floor_grid(size, horizon, rng)
    plank = np.floor(u * 5)
    shade = (
        1 + 0.13 * np.sin(plank * 91.7) + 0.05 * np.sin(v * 2 + 9 * np.sin(plank * 7.1) + 40 * u)
    )
    seam = (u * 5) % 1 < 0.05
    wood = np.array((150, 100, 58)) * rng.uniform(0.6, 1.35) * rng.uniform(0.9, 1.1, 3)
    return wood * (shade * (1 - 0.4 * seam))[:, :, None]


def _carpet(size, horizon, rng) -> Pixels:
    return _grain(_mottle(_flat(size, _colour(rng, 70, 190, 0.25)), rng, 9, 0.12), rng, 0.09)


def _room(size, rng) -> Pixels:
    """A wall with objects in front of it, and a floor."""
    width, height = size
    horizon = rng.uniform(0.1, 0.65)
    wall = Image.new("RGB", size, tuple(_colour(rng, 70, 215, 0.25).clip(0, 255).astype(int)))
    draw = ImageDraw.Draw(wall)
    for _ in range(rng.integers(0, 5)):
        left, top = rng.uniform(-0.2, 0.9) * width, rng.uniform(-0.3, horizon) * height
        box = left, top, left + rng.uniform(0.1, 0.5) * width, top + rng.uniform(0.2, 0.7) * height
        colour = tuple(_colour(rng, 30, 230, 0.4).clip(0, 255).astype(int))
        draw.rectangle(box, fill=colour, outline=tuple(c * 2 // 3 for c in colour), width=3)
    image = _mottle(
        np.asarray(wall.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 3))), np.float32),
        rng,
        3,
        0.2,
    )
    floor = (_tiles, _planks, _carpet)[rng.integers(3)](size, horizon, rng)
    line = int(horizon * height)
    image[line:] = floor[line:]
    image[max(line - 4, 0) : line] *= rng.uniform(0.5, 1.2)
    return image


def _fabric(size, rng) -> Pixels:
    """A blanket or carpet with a pattern and folds, seen from above."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / max(size)
    fold = smooth_noise(size, 4, rng)
    u, v = x + 0.08 * fold, y + 0.08 * smooth_noise(size, 4, rng)
    turn, count = rng.uniform(0, 3.14), rng.uniform(4, 16)
    across, along = np.cos(turn) * u + np.sin(turn) * v, np.cos(turn) * v - np.sin(turn) * u
    wave = np.sin(6.28 * count * across)
    kind = rng.integers(4)
    if kind == 1:
        wave = np.maximum(wave, np.sin(6.28 * count * along))
    elif kind == 2:
        wave = wave * np.sin(6.28 * count * along)
    elif kind == 3:
        wave = smooth_noise(size, int(count * 1.3) + 3, rng) * 2
    share = np.clip(wave * 3 * rng.uniform(0.2, 1), -1, 1)[:, :, None] / 2 + 0.5
    first, second = _colour(rng, 50, 210, 0.5), _colour(rng, 50, 210, 0.5)
    relief = 1 + 0.9 * np.gradient(fold, axis=0)[:, :, None] * 12
    return _grain((first + share * (second - first)) * relief.clip(0.5, 1.5), rng, 0.05)


def _sofa(size, rng) -> Pixels:
    """Cushions of one colour, shaded towards their seams."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    seat, across = rng.uniform(0.35, 0.75) * height, rng.uniform(0.4, 1.1) * width
    x = (x + rng.uniform(0, 1) * across) % across / across * 2 - 1
    y = np.where(y < seat, y / seat * 2 - 1, (y - seat) / (height - seat) * 1.4 - 1)
    edge = np.maximum(np.abs(x), np.abs(y))
    shade = 1.05 - 0.55 * np.clip(edge, 0, 1) ** 8 - 0.12 * y
    image = _colour(rng, 50, 200, 0.45) * shade[:, :, None]
    return _grain(_mottle(image, rng, 6, 0.12), rng, 0.05)


def strokes(canvas: Pixels, x, y, dx, dy, colours, steps: int, fade: float = 0.35) -> None:
    """Paint many short curved strokes, lighter towards their tips, in order.

    Strokes start at pixels (x, y), extend by (dx, dy) and sag a little at the end.
    """
    t = np.linspace(0, 1, steps, dtype=np.float32)
    x, y, dx, dy = (np.asarray(v, np.float32)[:, None] for v in (x, y, dx, dy))
    columns = (x + dx * t).astype(np.int32)
    rows = (y + dy * t + 0.15 * np.abs(dx) * t * t).astype(np.int32)
    height, width, _ = canvas.shape
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    painter = np.full(
        height * width, -1, np.int32
    )  # index of the stroke times steps, plus the step
    painter[(rows * width + columns)[inside]] = np.flatnonzero(inside)
    painted = np.flatnonzero(painter >= 0)
    stroke, step = np.divmod(painter[painted], steps)
    light = (1 + fade * (t[step] - 0.5))[:, None]
    canvas.reshape(-1, 3)[painted] = colours[stroke].astype(np.float32) * light


def _grass(size, rng) -> Pixels:
    """A meadow, with bushes behind it out of focus."""
    width, height = size
    horizon = rng.uniform(-0.3, 0.45) * height
    green = (
        np.array((88, 112, 50))
        * rng.uniform(0.6, 1.4)
        * rng.uniform((0.8, 0.9, 0.7), (1.5, 1.1, 1.2))
    )
    image = _mottle(_mottle(_flat(size, green * 0.75), rng, 5, 0.3), rng, 20, 0.25)
    n = width * height // 14
    y = np.sort(rng.uniform(max(horizon, 0), height * 1.04, n))
    x = rng.uniform(0, width, n)
    long = (4 + 14 * (y - horizon) / (height - horizon)) * rng.uniform(0.5, 1.2, n)
    lean = rng.normal(0, 0.5, n) * long
    tint = green * rng.normal(1, 0.2, (n, 1)) * rng.normal(1, 0.06, (n, 3))
    strokes(image, x, y, lean, -long, tint, 12)
    if horizon > 0:
        line = int(horizon)
        image[:line] = _outdoors(size, rng)[:line]
    return image


def _outdoors(size, rng) -> Pixels:
    """Trees, houses and spots of light, far out of focus."""
    image = Image.new("RGB", size, tuple(_colour(rng, 60, 190, 0.3).clip(0, 255).astype(int)))
    draw = ImageDraw.Draw(image)
    for r in np.geomspace(0.25, 0.02, rng.integers(60, 160)) * size[0]:
        x, y = rng.uniform(0, size[0]), rng.uniform(0, size[1])
        green = rng.uniform(20, 150) * np.array((0.85, 1.0, 0.55)) * rng.uniform(0.85, 1.15, 3)
        colour = green if rng.random() < 0.65 else _colour(rng, 40, 230, 0.3)
        stretch = rng.uniform(0.5, 2.0)
        draw.ellipse((x - r, y - r * stretch, x + r, y + r * stretch), fill=_fill(colour))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(rng.uniform(4, 9))), np.float32)


def _street(size, rng) -> Pixels:
    """Asphalt, gravel or sand, with something blurred behind it."""
    height = size[1]
    ground = np.array((1, 0.97, 0.92)) * rng.uniform(0.9, 1.1, 3) * rng.uniform(70, 190)
    image = _mottle(_flat(size, ground), rng, 7, 0.15)
    gravel = smooth_noise(size, size[0] // int(rng.integers(2, 6)), rng)
    image = _grain(image * (1 + rng.uniform(0.05, 0.25) * gravel[:, :, None]), rng, 0.06)
    line = int(rng.uniform(-0.3, 0.5) * height)
    if line > 0:
        image[:line] = _outdoors(size, rng)[:line]
        image[line : line + 3] *= 0.7
    return image


BACKGROUNDS = (
    (_room, 0.32),
    (_fabric, 0.16),
    (_sofa, 0.14),
    (_grass, 0.16),
    (_street, 0.1),
    (_outdoors, 0.12),
)


def background(size: tuple[int, int], rng: Rng) -> Pixels:
    """Sample a background of size (width, height)."""
    kinds, shares = zip(*BACKGROUNDS, strict=True)
    image = kinds[rng.choice(len(kinds), p=shares)](size, rng)
    return blur(image, float(rng.choice([0.7, 1.5, 3.0, 5.0])))


def occlude(image: Pixels, rng: Rng) -> Pixels:
    """Draw an object, slightly out of focus, in front of part of the image."""
    kind = (_fence, _bars, _edge, _leaves, _ball)[rng.integers(5)]
    size = image.shape[1], image.shape[0]
    layer = Image.new("RGBA", size, (0, 0, 0, 0))
    kind(ImageDraw.Draw(layer), size, rng)
    above = np.asarray(layer.filter(ImageFilter.GaussianBlur(rng.uniform(0.7, 2.2))), np.float32)
    share = above[:, :, 3:] / 255
    lit = above[:, :, :3] * (1 + 0.15 * smooth_noise(size, 4, rng)[:, :, None])
    return image * (1 - share) + lit * share


def _fill(colour) -> tuple[int, ...]:
    return (*np.clip(colour, 0, 255).astype(int).tolist(), 255)


def _fence(draw, size, rng) -> None:
    width, height = size
    gap, fill = rng.uniform(0.16, 0.3) * width, _fill(np.ones(3) * rng.uniform(70, 190))
    start = rng.uniform(0, gap)
    for x in np.arange(-height - gap + start, width + gap, gap):
        draw.line((x, 0, x + height, height), fill=fill, width=3)
        draw.line((x + height, 0, x, height), fill=fill, width=3)


def _bars(draw, size, rng) -> None:
    width, height = size
    gap, thick = rng.uniform(0.13, 0.3) * width, int(rng.integers(3, 7))
    colour = _colour(rng, 50, 210, 0.15)
    for x in np.arange(rng.uniform(0, gap), width, gap):
        draw.line((x, 0, x, height), fill=_fill(colour), width=thick)
        draw.line(
            (x - thick / 4, 0, x - thick / 4, height), fill=_fill(colour * 1.35), width=thick // 3
        )


def _edge(draw, size, rng) -> None:
    """The edge of a table, a basket or a blanket, at the bottom or at one side."""
    width, height = size
    colour, depth = _colour(rng, 40, 210, 0.4), rng.uniform(0.1, 0.26)
    steps = np.linspace(-0.05, 1.05, 30)
    wave = (
        1
        - depth
        + rng.uniform(0, 0.03) * np.sin(steps * rng.uniform(5, 25))
        + rng.uniform(-0.1, 0.1) * steps
    )
    upright = rng.random() < 0.35
    for shift, light in ((0, 0.75), (0.02, 1.0), (0.09, 0.93)):
        line = list(zip(steps, wave + shift, strict=True)) + [(1.1, 1.3), (-0.1, 1.3)]
        points = [(v * width, u * height) if upright else (u * width, v * height) for u, v in line]
        draw.polygon(points, fill=_fill(colour * light))


def _leaves(draw, size, rng) -> None:
    width, height = size
    x0, green = rng.choice([0, width]), np.array((70, 110, 45)) * rng.uniform(0.5, 1.5)
    for _ in range(rng.integers(4, 9)):
        y0, angle = rng.uniform(0.3, 1.1) * height, rng.uniform(-0.6, 0.6) + (np.pi if x0 else 0)
        t = np.linspace(0, 1, 12)
        long, broad = rng.uniform(0.15, 0.4) * width, rng.uniform(0.02, 0.05) * width
        x, y = t * long, broad * np.sin(np.pi * t)
        outline = np.concatenate(
            [np.stack([x, y + 20 * t**2], 1), np.stack([x, -y + 20 * t**2], 1)[::-1]]
        )
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        points = outline @ turn + (x0, y0)
        draw.polygon([tuple(p) for p in points], fill=_fill(green * rng.normal(1, 0.2)))


def _ball(draw, size, rng) -> None:
    """A toy: a ball, shaded by rings from dark to light."""
    width, height = size
    r = rng.uniform(0.06, 0.13) * width
    x, y, colour = (
        rng.uniform(0.1, 0.9) * width,
        height * rng.uniform(0.82, 0.98),
        _colour(rng, 90, 190, 0.8),
    )
    for share in np.linspace(0, 1, 12):
        q, shift = r * (1 - 0.85 * share), 0.35 * r * share
        draw.ellipse(
            (x - q - shift, y - q - shift, x + q - shift, y + q - shift),
            fill=_fill(colour * (0.55 + 0.65 * share)),
        )

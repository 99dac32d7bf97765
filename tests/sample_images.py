"""Images that tests draw and encode."""

import io

import numpy as np
from PIL import Image, ImageDraw

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encode(image: Image.Image, file_format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def corners(width: int = 64, height: int = 48) -> Image.Image:
    """An image with another colour in each quarter: red, green / blue, white."""
    image = Image.new("RGB", (width, height), RED)
    draw = ImageDraw.Draw(image)
    draw.rectangle((width // 2, 0, width, height // 2 - 1), fill=GREEN)
    draw.rectangle((0, height // 2, width // 2 - 1, height), fill=BLUE)
    draw.rectangle((width // 2, height // 2, width, height), fill=WHITE)
    return image


def quarters(tensor: np.ndarray) -> np.ndarray:
    """The colours in the middle of the four quarters, row by row."""
    height, width = tensor.shape[1:3]
    rows, columns = [height // 4, 3 * height // 4], [width // 4, 3 * width // 4]
    return tensor[0][np.ix_(rows, columns)].reshape(4, 3)


TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,  # stored turned to the left: shown turned to the right
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def photographed(orientation: int, image: Image.Image, file_format: str) -> bytes:
    """The image as a camera held at another angle stores it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    if orientation in TO_UPRIGHT:
        image = image.transpose(TO_UPRIGHT[orientation])
    return encode(image, file_format, exif=exif)

"""Pretrained networks with their preprocessing and labels."""

MINIVGG_BLOCKS = ((2, 32), (2, 64), (3, 128), (3, 256), (3, 256))
"""Convolutions and filters of each block: VGG16 at half its width."""
MINIVGG_SIZE = (64, 64)

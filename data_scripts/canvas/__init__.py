"""What both datasets are drawn with: images, backgrounds, solids."""

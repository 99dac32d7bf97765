"""What the course's way is worth, as a ratio against the book's way in the same run."""

import course_utils  # noqa: F401  first of all, because it says how TensorFlow and NumPy run

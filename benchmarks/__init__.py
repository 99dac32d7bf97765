"""What the course's way is worth, as a ratio against the book's way in the same run."""

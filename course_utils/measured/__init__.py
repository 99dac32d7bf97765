"""Stored measurements of experiments that take too long for a lesson, and advice from them."""

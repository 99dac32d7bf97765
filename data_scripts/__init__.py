"""Draws, downloads and verifies the course's datasets."""

"""Cats and dogs, drawn from models of their bodies, coats and fur."""

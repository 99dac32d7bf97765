"""Pretrained networks: their architectures, weights and labels."""

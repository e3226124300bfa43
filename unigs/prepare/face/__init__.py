"""Landmarks and action units of every frame: results/*/face."""

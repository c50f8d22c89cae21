"""Measurements beside stock Dramatiq, side by side in one run."""

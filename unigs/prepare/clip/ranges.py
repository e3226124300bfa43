"""Ranges of a clip as people write them: seconds like "12.0-14.5,30-31"."""

from __future__ import annotations

import re

import numpy as np

from unigs.stage.errors import UserError


def parse_ranges(text: str, column: str) -> list[tuple[float, float]]:
    """Ranges in seconds from "12.0-14.5,30-31".

    Args:
        text: the ranges; empty: none.
        column: column of the sheet that they stand in, for the message.

    Raises:
        UserError: a part is not two numbers with the smaller first.
    """
    ranges = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*-\s*(\d+(?:\.\d+)?)", part)
        if not match or float(match[1]) >= float(match[2]):
            raise UserError(f"'{part}' in {column} is not a range like 12.0-14.5 (seconds).")
        ranges.append((float(match[1]), float(match[2])))
    return ranges


def in_ranges(time: np.ndarray, ranges: list[tuple[float, float]]) -> np.ndarray:
    """Frames [T] bool whose time lies in one of the ranges, both ends included."""
    inside = [(time >= first - 1e-6) & (time <= last + 1e-6) for first, last in ranges]
    return np.any(inside, axis=0) if inside else np.zeros(len(time), bool)

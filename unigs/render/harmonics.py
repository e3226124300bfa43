"""Colors that depend on the viewing direction: real spherical harmonics up to degree 3.

Order and signs are those of 3D Gaussian splatting files and of gsplat: with the Condon-Shortley
phase, m = -l .. l within a degree. A color is ``max(0, 0.5 + sum_k Y_k(direction) c_k)``.
"""

import math

import torch
from torch import Tensor

MAX_DEGREE = 3
"""Highest degree of the harmonics."""
Y0 = math.sqrt(1 / (4 * math.pi))
"""The constant function of degree 0."""
Y1 = math.sqrt(3 / (4 * math.pi))
"""Factor of degree 1."""
Y2 = tuple(math.sqrt(a / (16 * math.pi)) for a in (60, 5, 15))
"""Factors of degree 2: of |m| = 1 and m = -2, of m = 0, of m = 2."""
Y3 = tuple(math.sqrt(a / (64 * math.pi)) for a in (70, 1680, 42, 28, 420))
"""Factors of degree 3: of |m| = 3, of m = -2, of |m| = 1, of m = 0, of m = 2."""


def basis_count(degree: int) -> int:
    """Number of basis functions up to a degree: (degree + 1)^2.

    Raises:
        ValueError: the degree is none of 0 to 3.
    """
    if not 0 <= degree <= MAX_DEGREE:
        raise ValueError(f"spherical harmonics go from degree 0 to {MAX_DEGREE}, got {degree}")
    return (degree + 1) ** 2


def basis(directions: Tensor, degree: int) -> Tensor:
    """Evaluate the basis functions at unit directions [...,3]: [...,(degree + 1)^2]."""
    count = basis_count(degree)
    x, y, z = directions.unbind(-1)
    values = [torch.full_like(x, Y0)]
    if degree >= 1:
        values += [-Y1 * y, Y1 * z, -Y1 * x]
    if degree >= 2:
        a, b, c = Y2
        values += [a * x * y, -a * y * z, b * (3 * z * z - 1), -a * x * z, c * (x * x - y * y)]
    if degree >= 3:
        a, b, c, d, e = Y3
        values += [
            -a * y * (3 * x * x - y * y),
            b * x * y * z,
            -c * y * (5 * z * z - 1),
            d * z * (5 * z * z - 3),
            -c * x * (5 * z * z - 1),
            e * z * (x * x - y * y),
            -a * x * (x * x - 3 * y * y),
        ]
    assert len(values) == count
    return torch.stack(values, dim=-1)

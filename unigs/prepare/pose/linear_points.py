"""Points that move linearly with the coefficients of a face model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CORNERS = 3
"""Vertices between which a point of the surface lies."""
EVEN = 1e-4
"""Meters: how much the nearest vertices are drawn to equal shares, so that shares are unique."""


@dataclass(frozen=True)
class LinearPoints:
    """P points, each a mean and directions."""

    mean: np.ndarray
    """Mean positions [P,3], meters."""
    directions: np.ndarray
    """Motion [P,3,K] for one unit of each coefficient, meters."""
    std: np.ndarray
    """Standard deviations [K] of the coefficients."""

    def __len__(self) -> int:
        return len(self.mean)

    def __getitem__(self, rows: np.ndarray) -> LinearPoints:
        return LinearPoints(self.mean[rows], self.directions[rows], self.std)

    def at(self, coefficients: np.ndarray) -> np.ndarray:
        """Positions [P,3] in meters of coefficients [K] in standard deviations."""
        moved = self.directions @ (self.std * coefficients).astype(self.directions.dtype)
        return self.mean.astype(np.float64) + moved

    def joined(self, others: LinearPoints) -> LinearPoints:
        """These points and others of the same model behind them."""
        return LinearPoints(
            np.concatenate([self.mean, others.mean]),
            np.concatenate([self.directions, others.directions]),
            self.std,
        )

    def nearest(
        self, places: np.ndarray, coefficients: np.ndarray
    ) -> tuple[LinearPoints, np.ndarray]:
        """The points of the surface next to given places, as means of its vertices.

        Args:
            places: positions [N,3], meters.
            coefficients: coefficients [K] at which the vertices are looked at.

        Returns:
            N points that move with the surface, and how far [N] the nearest vertices are from the
            places, meters.
        """
        vertices = self.at(coefficients)
        square = ((places[:, None] - vertices) ** 2).sum(-1)
        near = np.argpartition(square, CORNERS - 1, axis=1)[:, :CORNERS]
        shares = np.array([_shares(p, vertices[n]) for p, n in zip(places, near, strict=True)])
        points = LinearPoints(
            np.einsum("nk,nki->ni", shares, self.mean[near]),
            np.einsum("nk,nkic->nic", shares, self.directions[near]),
            self.std,
        )
        return points, np.sqrt(square.min(1))


def _shares(place: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Shares [3] of the corners [3,3] whose mean lies next to a place: none negative, sum 1."""
    count = len(corners)
    system = np.concatenate([corners.T, np.ones((1, count)), EVEN * np.eye(count)])
    right = np.concatenate([place, [1], np.full(count, EVEN / count)])
    shares = np.clip(np.linalg.lstsq(system, right, rcond=None)[0], 0, None)
    return shares / shares.sum()

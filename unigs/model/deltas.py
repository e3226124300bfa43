"""What eq. 6 yields: the change of each attribute of the Gaussians, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch

from unigs.model.kernels.pose import Outputs
from unigs.settings.dynamic import DEFORMABLE

ATTRIBUTES = dict(zip(DEFORMABLE, (3, 3, 4, 1, 3), strict=True))
"""Raw numbers per attribute, in the order of the network's output."""


@dataclass
class Deltas:
    """What eq. 6 adds to the raw parameters; None where the attribute is not deformed."""

    position: torch.Tensor | None = None
    """Shift of the centers [N,3], meters."""
    scale: torch.Tensor | None = None
    """Change of the log-scales [N,3]."""
    rotation: torch.Tensor | None = None
    """Change of the quaternions [N,4], wxyz, before they are normalized."""
    opacity: torch.Tensor | None = None
    """Change of the opacity logits [N]."""
    color: torch.Tensor | None = None
    """Change of the color coefficients of degree 0 [N,3]."""

    def mean_absolute(self, weights: dict[str, float]) -> torch.Tensor:
        """Sum of the mean absolute deltas of some attributes, each times its weight.

        Args:
            weights: weight by attribute; attributes that are not deformed add nothing.
        """
        parts = {name: getattr(self, name) for name in weights}
        means = [weights[k] * x.abs().mean() for k, x in parts.items() if x is not None]
        return torch.stack(means).sum() if means else torch.zeros(())


def columns_of(attributes: tuple[str, ...]) -> tuple[int, ...]:
    """First output of each of `ATTRIBUTES`, -1 where it is not among those that are deformed."""
    starts = accumulate((ATTRIBUTES[name] for name in attributes), initial=0)
    first = dict(zip(attributes, starts, strict=False))
    return tuple(first.get(name, -1) for name in ATTRIBUTES)


class NetworkDeltas(Deltas):
    """Deltas that a network's outputs make when they are asked for; kernels read the outputs.

    Args:
        raw: outputs of `DeformationNet` [N,K].
        attributes: what is deformed, in the order of the outputs.
        units: meters per position output, raw units per output of all other attributes.
    """

    def __init__(
        self, raw: torch.Tensor, attributes: tuple[str, ...], units: tuple[float, float]
    ) -> None:
        self.outputs = Outputs(raw, columns_of(attributes), units)

    def _place(self, name: str) -> tuple[slice, float]:
        """Columns of an attribute in the outputs, none if it is not deformed, and their unit."""
        number = tuple(ATTRIBUTES).index(name)
        start, unit = self.outputs.columns[number], self.outputs.units[number > 0]
        return slice(start, start + ATTRIBUTES[name]) if start >= 0 else slice(0), unit

    def _part(self, name: str) -> torch.Tensor | None:
        columns, unit = self._place(name)
        if not columns.stop:
            return None
        part = self.outputs.raw[:, columns] * unit
        return part[:, 0] if name == "opacity" else part

    def mean_absolute(self, weights: dict[str, float]) -> torch.Tensor:
        """`Deltas.mean_absolute` in one pass over the outputs, without taking them apart.

        Args:
            weights: weight by attribute; attributes that are not deformed add nothing.
        """
        raw = self.outputs.raw
        of_column = torch.zeros(raw.shape[1])
        for name, weight in weights.items():
            columns, unit = self._place(name)
            of_column[columns] = weight * unit / ATTRIBUTES[name]
        return raw.abs().mean(0) @ of_column.to(raw)

    position = cached_property(lambda self: self._part("position"))
    scale = cached_property(lambda self: self._part("scale"))
    rotation = cached_property(lambda self: self._part("rotation"))
    opacity = cached_property(lambda self: self._part("opacity"))
    color = cached_property(lambda self: self._part("color"))


def parse_attributes(text: str) -> tuple[str, ...]:
    """Split "position,scale,rotation" and put it in the network's order.

    Raises:
        ValueError: an unknown attribute.
    """
    wanted = {word.strip() for word in text.split(",") if word.strip()}
    unknown = wanted - set(ATTRIBUTES)
    if unknown:
        raise ValueError(f"cannot deform {sorted(unknown)}: choose from {', '.join(ATTRIBUTES)}")
    return tuple(name for name in ATTRIBUTES if name in wanted)

"""The deformation network (eq. 6): how each Gaussian moves with speech, eyes and pose."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

# Raw numbers per attribute, in the order of the network's output.
ATTRIBUTES = {"position": 3, "scale": 3, "rotation": 4, "opacity": 1, "color": 3}


@dataclass
class Deltas:
    """What eq. 6 adds to the raw parameters; None where the attribute is not deformed.

    position [N,3] metres, scale [N,3] log, rotation [N,4], opacity [N] logit, color [N,3] (degree
    0 coefficient).
    """

    position: torch.Tensor | None = None
    scale: torch.Tensor | None = None
    rotation: torch.Tensor | None = None
    opacity: torch.Tensor | None = None
    color: torch.Tensor | None = None


@dataclass
class Constants:
    """What of eq. 6 is the same in every frame: of one step in training, of the portrait later.

    product [N,H]: W_f f_mu plus the first layer's bias. shaped [N,f]: the features on which the
    blendshapes stand.
    """

    product: torch.Tensor
    shaped: torch.Tensor

    def to(self, dtype: torch.dtype) -> Constants:
        """The same in another precision."""
        return Constants(self.product.to(dtype), self.shaped.to(dtype))


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


class DeformationNet(nn.Module):
    """Three-layer MLP over f_mu (+) a (+) e (+) p.

    The first layer is split: W (f_mu (+) c) = W_f f_mu + W_c c, so that the conditions, equal for
    all Gaussians of a frame, are never broadcast, and W_f f_mu is a constant of the portrait at
    playback. The last layer starts at zero: a fresh network moves nothing.

    Optionally a linear part stands beside the MLP (ours): blendshapes sum_k s_k B_k(f_mu), with the
    lip shape and the eye units as coefficients s. It learns to open the mouth and to close the lids
    in hundreds of steps where the MLP needs tens of thousands.

    Args:
        features: width of f_mu. conditions: width of a (+) e (+) p.
        attributes: what is deformed, in the order of `ATTRIBUTES`.
        hidden: width of both hidden layers.
        position_scale: metres per output unit. other_scale: raw units per output unit.
        shapes: number of blendshape coefficients (0: only the paper's MLP).
        shape_features: the last features, on which the blendshapes stand (the face's own grid, so
            that lips and lids move no hair).
    """

    def __init__(
        self,
        features: int,
        conditions: int,
        attributes: tuple[str, ...],
        hidden: int = 64,
        position_scale: float = 0.01,
        other_scale: float = 0.1,
        shapes: int = 0,
        shape_features: int = 0,
    ) -> None:
        super().__init__()
        self.attributes = attributes
        self.position_scale, self.other_scale = position_scale, other_scale
        self.input_features = nn.Linear(features, hidden)
        self.input_conditions = nn.Linear(conditions, hidden, bias=False)
        self.hidden = nn.Linear(hidden, hidden)
        self.output = nn.Linear(hidden, sum(ATTRIBUTES[name] for name in attributes))
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        # Small random: the features start near zero, so a fresh basis still moves next to nothing,
        # and a basis of zeros on features of zeros would never learn.
        self.basis = nn.Parameter(
            torch.randn(shapes, self.output.out_features, shape_features) * 0.05
        )

    def forward(
        self,
        features: torch.Tensor,
        conditions: torch.Tensor,
        shapes: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Raw outputs [N,K] for features [N,F], one frame's conditions [C] and coefficients [S]."""
        return self.per_frame(self.constants(features), conditions, shapes)

    def constants(self, features: torch.Tensor) -> Constants:
        """What the features [N,F] alone decide."""
        shaped = features[:, features.shape[1] - self.basis.shape[-1] :]
        return Constants(self.input_features(features), shaped)

    def per_frame(
        self, known: Constants, conditions: torch.Tensor, shapes: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Raw outputs [N,K] from the constants, one frame's conditions [C] and coefficients [S]."""
        first = torch.relu(known.product + self.input_conditions(conditions))
        out = self.output(torch.relu(self.hidden(first)))
        if not len(self.basis):
            return out
        return out + known.shaped @ torch.einsum("s,skf->fk", shapes, self.basis)

    def deltas(self, raw: torch.Tensor) -> Deltas:
        """Split and scale raw outputs [N,K]."""
        widths = [ATTRIBUTES[name] for name in self.attributes]
        parts = dict(zip(self.attributes, raw.split(widths, dim=1), strict=True))
        out = Deltas()
        for name, value in parts.items():
            scale = self.position_scale if name == "position" else self.other_scale
            value = value[:, 0] if name == "opacity" else value
            setattr(out, name, value * scale)
        return out

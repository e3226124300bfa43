"""The deformation network (eq. 6): how each Gaussian moves with speech, eyes and pose."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import nn

from unigs.model.kernels.deform import Part, deform

# Raw numbers per attribute, in the order of the network's output.
ATTRIBUTES = {"position": 3, "scale": 3, "rotation": 4, "opacity": 1, "color": 3}


@dataclass
class Deltas:
    """What eq. 6 adds to the raw parameters; None where the attribute is not deformed.

    position [N,3] meters, scale [N,3] log, rotation [N,4], opacity [N] logit, color [N,3] (degree
    0 coefficient).
    """

    position: torch.Tensor | None = None
    scale: torch.Tensor | None = None
    rotation: torch.Tensor | None = None
    opacity: torch.Tensor | None = None
    color: torch.Tensor | None = None


@dataclass
class Encoded:
    """What the network knows of the points: the same in every frame.

    planes: f_mu of each tri-plane [N,F_k]. They are not joined: on a CPU the memory of the whole
    f_mu and of its gradient costs as much as a layer. free [N]: how much p's shapes may move each
    point; None: fully.
    """

    planes: list[torch.Tensor]
    pose_gate: torch.Tensor | None = None
    fixed: FixedPart | None = None
    """What `DeformationNet.by_layer` makes of it, once for all frames of a step."""


@dataclass
class FixedPart:
    """What of eq. 6 playback keeps of the points.

    product [N,H]: W_f f_mu plus the first layer's bias. face [N,f], pose [N,g]: the features on
    which the shapes of either kind stand.
    """

    product: torch.Tensor
    face: torch.Tensor
    pose: torch.Tensor

    def to(self, dtype: torch.dtype) -> FixedPart:
        """The same in another precision."""
        return FixedPart(*(x.to(dtype) for x in (self.product, self.face, self.pose)))


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


class BlendShapes(nn.Module):
    """Linear deformations sum_k s_k B_k(f): every shape B_k is linear in the features of a point.

    Args:
        count: number of shapes (0: moves nothing). outputs: raw numbers per point.
        features: width of f.
    """

    def __init__(self, count: int, outputs: int, features: int) -> None:
        super().__init__()
        # Small random: the features start near zero, so fresh shapes still move next to nothing,
        # and shapes of zeros on features of zeros would never learn.
        self.basis = nn.Parameter(torch.randn(count, outputs, features) * 0.05)

    def mix(self, coefficients: torch.Tensor) -> torch.Tensor:
        """The one linear map [K,F] that the shapes sum to, for coefficients [S]."""
        return torch.einsum("s,skf->kf", coefficients, self.basis)

    def at(self, features: torch.Tensor) -> torch.Tensor:
        """The shapes at every point, [N,S,K]: constants of a portrait at playback."""
        return torch.einsum("nf,skf->nsk", features, self.basis)


class DeformationNet(nn.Module):
    """Three-layer MLP over f_mu (+) a (+) e (+) p.

    The first layer is split: W (f_mu (+) c) = W_f f_mu + W_c c, so that the conditions, equal for
    all Gaussians of a frame, are never broadcast, and W_f f_mu is a constant of the portrait at
    playback. The last layer starts at zero: a fresh network moves nothing.

    Optionally linear parts stand beside the MLP (ours), `BlendShapes` with the lip shape and the
    eye units as coefficients, and with p (+). They learn to open the mouth, to close the lids and
    to let hair and clothes lag behind the head in hundreds of steps where the MLP needs tens of
    thousands, and between the postures seen they interpolate.

    Args:
        features: width of f_mu. conditions: width of a (+) e (+) p.
        attributes: what is deformed, in the order of `ATTRIBUTES`.
        hidden: width of both hidden layers.
        position_scale: meters per output unit. other_scale: raw units per output unit.
        face_shapes: number of shapes of lips and lids. face_features: width of the last tri-plane's
            features, on which they stand (the face's own grid, so that they move no hair).
        pose_shapes: number of shapes of p. pose_features: width of the first tri-plane's, on which
            they stand.
    """

    def __init__(
        self,
        features: int,
        conditions: int,
        attributes: tuple[str, ...],
        hidden: int = 64,
        position_scale: float = 0.01,
        other_scale: float = 0.1,
        face_shapes: int = 0,
        face_features: int = 0,
        pose_shapes: int = 0,
        pose_features: int = 0,
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
        outputs = self.output.out_features
        self.face_shapes = BlendShapes(face_shapes, outputs, face_features)
        self.pose_shapes = BlendShapes(pose_shapes, outputs, pose_features)

    def forward(
        self,
        encoded: Encoded,
        conditions: torch.Tensor,
        shapes: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Raw outputs of eq. 6, [N,K]; on a CPU in one compiled pass, elsewhere layer by layer.

        Args:
            encoded: what is fixed of the points.
            conditions: a (+) e (+) p of one frame [C].
            shapes: coefficients of one frame [S]: the face's shapes, then the pose's.
        """
        if conditions.device.type != "cpu":
            return self.by_layer(encoded, conditions, shapes)
        bias = self.input_features.bias + self.input_conditions(conditions)
        layers = self.hidden.weight, self.hidden.bias, self.output.weight, self.output.bias
        return deform(self._parts(encoded, shapes), bias, *layers)

    def by_layer(
        self,
        encoded: Encoded,
        conditions: torch.Tensor,
        shapes: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The same layer by layer in torch: any device and float type."""
        if encoded.fixed is None:
            encoded.fixed = self.fixed_part(encoded)
        return self.per_frame(encoded.fixed, self.input_conditions(conditions), shapes)

    def _parts(self, encoded: Encoded, shapes: torch.Tensor | None) -> list[Part]:
        """The features with their columns of the first layer, and the shapes that stand on them."""
        parts = [Part(*x) for x in zip(encoded.planes, self._columns(encoded), strict=True)]
        count = len(self.face_shapes.basis)
        if count:
            parts[-1] = replace(parts[-1], shapes=self.face_shapes.mix(shapes[:count]))
        if len(self.pose_shapes.basis):
            pose = {"shapes": self.pose_shapes.mix(shapes[count:]), "gate": encoded.pose_gate}
            if parts[0].shapes is None:
                parts[0] = replace(parts[0], **pose)
            else:  # one plane bears both kinds
                nothing = torch.zeros_like(parts[0].weight)
                parts.append(Part(encoded.planes[0], nothing, **pose))
        return parts

    def _columns(self, encoded: Encoded) -> tuple[torch.Tensor, ...]:
        """The first layer's weights for each plane, [H,F_k]."""
        return self.input_features.weight.split([x.shape[1] for x in encoded.planes], dim=1)

    def fixed_part(self, encoded: Encoded) -> FixedPart:
        """What of the points every frame needs again."""
        planes, (first, *others) = encoded.planes, self._columns(encoded)
        product = nn.functional.linear(planes[0], first, self.input_features.bias)
        for features, weight in zip(planes[1:], others, strict=True):
            product.addmm_(features, weight.T)
        pose = planes[0] if encoded.pose_gate is None else planes[0] * encoded.pose_gate[:, None]
        return FixedPart(product, planes[-1], pose)

    def per_frame(
        self, fixed: FixedPart, bias: torch.Tensor, shapes: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Raw outputs [N,K] from the constants and what a frame adds.

        Args:
            fixed: from `fixed_part`.
            bias: what the frame's conditions [C] add to the first layer, `input_conditions` of
                them, [H].
            shapes: coefficients of one frame [S]: the face's shapes, then the pose's.
        """
        # In place: fresh memory for [N,H] costs as much time as the arithmetic.
        first = torch.relu_(fixed.product + bias)
        out = self.output(torch.relu_(self.hidden(first)))
        count = len(self.face_shapes.basis)
        if count:
            out = torch.addmm(out, fixed.face, self.face_shapes.mix(shapes[:count]).T)
        if len(self.pose_shapes.basis):
            out = torch.addmm(out, fixed.pose, self.pose_shapes.mix(shapes[count:]).T)
        return out

    def shapes_at(self, fixed: FixedPart) -> torch.Tensor:
        """All shapes at the points of the constants: [N,S,K], in the order of the coefficients."""
        return torch.cat([self.face_shapes.at(fixed.face), self.pose_shapes.at(fixed.pose)], 1)

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

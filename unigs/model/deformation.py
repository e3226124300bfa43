"""The deformation network (eq. 6): how each Gaussian moves with speech, eyes and pose."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate

import torch
from torch import nn

from unigs.model.kernels.deform import InputFeatures, deform
from unigs.model.kernels.pose import Outputs

ATTRIBUTES = {"position": 3, "scale": 3, "rotation": 4, "opacity": 1, "color": 3}
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

    def _part(self, name: str) -> torch.Tensor | None:
        place = tuple(ATTRIBUTES).index(name)
        start, unit = self.outputs.columns[place], self.outputs.units[place > 0]
        if start < 0:
            return None
        part = self.outputs.raw[:, start : start + ATTRIBUTES[name]] * unit
        return part[:, 0] if name == "opacity" else part

    position = cached_property(lambda self: self._part("position"))
    scale = cached_property(lambda self: self._part("scale"))
    rotation = cached_property(lambda self: self._part("rotation"))
    opacity = cached_property(lambda self: self._part("opacity"))
    color = cached_property(lambda self: self._part("color"))


@dataclass
class Encoded:
    """Inputs of eq. 6 that depend on the points alone, computed once per step."""

    planes: list[torch.Tensor]
    """f_mu of each tri-plane [N,F_k]. They are not joined: on a CPU the memory of the whole f_mu
    and of its gradient costs as much as a layer."""
    pose_gate: torch.Tensor | None = None
    """Factor [N] of the pose blendshapes at each point; None: 1."""
    reaches: list[torch.Tensor | None] | None = None
    """Per tri-plane the factor [N] that is in its features, None: 1; None: 1 for all."""
    fixed: FixedPart | None = None
    """Products of the points with the first layer, which `DeformationNet.by_layer` computes once
    for all frames of a step."""


@dataclass
class FixedPart:
    """The part of eq. 6 that no frame changes."""

    product: torch.Tensor
    """W_f f_mu plus the first layer's bias [N,H]."""
    face: torch.Tensor
    """Features that the blendshapes of lips and lids are linear in [N,f]."""
    pose: torch.Tensor
    """Features that the pose blendshapes are linear in [N,g], times the pose gate."""

    def to(self, dtype: torch.dtype) -> FixedPart:
        """A copy in another precision."""
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
        count: number of shapes (0: moves nothing).
        outputs: raw numbers per point.
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
    """Three-layer MLP over the point's features f_mu, speech a, eyes e and pose p, concatenated.

    The first layer is split, W [f_mu, c] = W_f f_mu + W_c c, so that the conditions c = [a, e, p],
    equal for all Gaussians of a frame, are never broadcast, and W_f f_mu is a constant of the
    portrait at playback. The last layer starts at zero: a fresh network moves nothing.

    Optionally linear parts are added to the MLP's outputs (ours): `BlendShapes` with the lip shape
    and the eye units as coefficients, and `BlendShapes` with p as coefficients. They learn to open
    the mouth, to close the lids and to let hair and clothes lag behind the head in hundreds of
    steps where the MLP needs tens of thousands, and between the postures seen they interpolate.

    Args:
        features: width of f_mu.
        conditions: width of a, e and p together.
        attributes: what is deformed, in the order of `ATTRIBUTES`.
        hidden: width of both hidden layers.
        position_scale: meters per output unit.
        other_scale: raw units per output unit of all other attributes.
        face_shapes: number of blendshapes of lips and lids.
        face_features: width of the last tri-plane's features, in which the shapes of lips and lids
            are linear (the face's own grid, so that they move no hair).
        pose_shapes: number of blendshapes of p.
        pose_features: width of the first tri-plane's features, in which the shapes of p are linear.
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
            encoded: from `Motion.encode`.
            conditions: a, e and p of one frame, concatenated [C].
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
        """Raw outputs of eq. 6, [N,K], layer by layer in torch: any device and float type.

        Args:
            encoded: from `Motion.encode`.
            conditions: a, e and p of one frame, concatenated [C].
            shapes: coefficients of one frame [S]: the face's shapes, then the pose's.
        """
        if encoded.fixed is None:
            encoded.fixed = self.fixed_part(encoded)
        return self.per_frame(encoded.fixed, self.input_conditions(conditions), shapes)

    def _parts(self, encoded: Encoded, shapes: torch.Tensor | None) -> list[InputFeatures]:
        """The features with their columns of the first layer and the shapes linear in them."""
        reaches = encoded.reaches or [None] * len(encoded.planes)
        parts = [
            InputFeatures(features, weight, reach=reach)
            for features, weight, reach in zip(
                encoded.planes, self._columns(encoded), reaches, strict=True
            )
        ]
        count = len(self.face_shapes.basis)
        if count:
            parts[-1] = replace(parts[-1], shapes=self.face_shapes.mix(shapes[:count]))
        if len(self.pose_shapes.basis):
            pose = {"shapes": self.pose_shapes.mix(shapes[count:]), "gate": encoded.pose_gate}
            if parts[0].shapes is None:
                parts[0] = replace(parts[0], **pose)
            else:  # both kinds are linear in the same plane
                nothing = torch.zeros_like(parts[0].weight)
                parts.append(InputFeatures(encoded.planes[0], nothing, reach=reaches[0], **pose))
        return parts

    def _columns(self, encoded: Encoded) -> tuple[torch.Tensor, ...]:
        """The first layer's weights for each plane, [H,F_k]."""
        return self.input_features.weight.split([x.shape[1] for x in encoded.planes], dim=1)

    def fixed_part(self, encoded: Encoded) -> FixedPart:
        """Products of the points' features that all frames share."""
        planes, (first, *others) = encoded.planes, self._columns(encoded)
        product = nn.functional.linear(planes[0], first, self.input_features.bias)
        for features, weight in zip(planes[1:], others, strict=True):
            product.addmm_(features, weight.T)
        pose = planes[0] if encoded.pose_gate is None else planes[0] * encoded.pose_gate[:, None]
        return FixedPart(product, planes[-1], pose)

    def per_frame(
        self, fixed: FixedPart, bias: torch.Tensor, shapes: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Raw outputs [N,K] from the fixed part and the conditions of a frame.

        Args:
            fixed: from `fixed_part`.
            bias: what the frame's conditions [C] add to the first layer: `input_conditions` of
                the conditions, [H].
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
        """All shapes at the points of a fixed part: [N,S,K], in the order of the coefficients."""
        return torch.cat([self.face_shapes.at(fixed.face), self.pose_shapes.at(fixed.pose)], 1)

    def deltas(self, raw: torch.Tensor) -> NetworkDeltas:
        """The deltas that raw outputs [N,K] stand for."""
        return NetworkDeltas(raw, self.attributes, (self.position_scale, self.other_scale))

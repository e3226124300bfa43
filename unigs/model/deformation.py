"""The deformation network (eq. 6): how each Gaussian moves with speech, eyes and pose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from unigs.model.deltas import ATTRIBUTES, NetworkDeltas
from unigs.model.kernels.deform import InputFeatures, deform

Maps = tuple[torch.Tensor, ...]
"""Linear maps [K,F] from the features of a point to raw outputs."""


@dataclass
class Encoded:
    """Inputs of eq. 6 that depend on the points alone, computed once per step."""

    planes: list[torch.Tensor]
    """f_mu of each tri-plane [N,F_k]. They are not joined: on a CPU the memory of the whole f_mu
    and of its gradient costs as much as a layer."""
    pose_gates: tuple[torch.Tensor, ...] = ()
    """Factor [N] of each group of pose blendshapes at each point."""
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
    poses: tuple[torch.Tensor, ...]
    """Features that each group of pose blendshapes is linear in [N,g], times the group's gate."""

    def to(self, dtype: torch.dtype) -> FixedPart:
        """A copy in another precision."""
        poses = tuple(x.to(dtype) for x in self.poses)
        return FixedPart(self.product.to(dtype), self.face.to(dtype), poses)


class BlendShapes(nn.Module):
    """Linear deformations sum_k s_k B_k(f): every shape B_k is linear in the features of a point.

    Args:
        groups: number of shapes in each group; the groups differ in the gates of their features.
        outputs: raw numbers per point.
        features: width of f.
    """

    def __init__(self, groups: tuple[int, ...], outputs: int, features: int) -> None:
        super().__init__()
        self.groups = groups
        # Small random: the features start near zero, so fresh shapes still move next to nothing,
        # and shapes of zeros on features of zeros would never learn.
        self.basis = nn.Parameter(torch.randn(sum(groups), outputs, features) * 0.05)

    def mix(self, coefficients: torch.Tensor) -> Maps:
        """The one linear map [K,F] that each group sums to, for the coefficients [S] of all."""
        pairs = zip(self._split(coefficients), self._split(self.basis), strict=True)
        return tuple(torch.einsum("s,skf->kf", *pair) for pair in pairs)

    def at(self, features: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Each group's shapes at every point, [N,S,K]: constants of a portrait at playback.

        Args:
            features: of each group, gated [N,F].
        """
        pairs = zip(features, self._split(self.basis), strict=True)
        return [torch.einsum("nf,skf->nsk", *pair) for pair in pairs]

    def _split(self, shapes: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return shapes.split(self.groups) if self.groups else ()


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
        pose_shapes: numbers of blendshapes of p, one for each group that has a gate of its own.
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
        pose_shapes: tuple[int, ...] = (),
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
        faces = (face_shapes,) if face_shapes else ()
        self.face_shapes = BlendShapes(faces, outputs, face_features)
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
        faces, poses = self._mixed(shapes)
        parts[-1] = replace(parts[-1], shapes=faces, gates=(None,) * len(faces))
        both = (*parts[0].shapes, *poses), (*parts[0].gates, *encoded.pose_gates)
        parts[0] = replace(parts[0], shapes=both[0], gates=both[1])
        return parts

    def _mixed(self, shapes: torch.Tensor | None) -> tuple[Maps, Maps]:
        """Linear maps [K,F] for the coefficients [S] of a frame: of the face, and of p."""
        if shapes is None:
            return (), ()
        count = len(self.face_shapes.basis)
        return self.face_shapes.mix(shapes[:count]), self.pose_shapes.mix(shapes[count:])

    def _columns(self, encoded: Encoded) -> tuple[torch.Tensor, ...]:
        """The first layer's weights for each plane, [H,F_k]."""
        return self.input_features.weight.split([x.shape[1] for x in encoded.planes], dim=1)

    def fixed_part(self, encoded: Encoded) -> FixedPart:
        """Products of the points' features that all frames share."""
        planes, (first, *others) = encoded.planes, self._columns(encoded)
        product = nn.functional.linear(planes[0], first, self.input_features.bias)
        for features, weight in zip(planes[1:], others, strict=True):
            product.addmm_(features, weight.T)
        poses = tuple(planes[0] * gate[:, None] for gate in encoded.pose_gates)
        return FixedPart(product, planes[-1], poses)

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
        faces, poses = self._mixed(shapes)
        linear = [fixed.face] * len(faces) + list(fixed.poses)
        for features, shape in zip(linear, (*faces, *poses), strict=True):
            out = torch.addmm(out, features, shape.T)
        return out

    def shapes_at(self, fixed: FixedPart) -> torch.Tensor:
        """All shapes at the points of a fixed part: [N,S,K], in the order of the coefficients."""
        none = fixed.product.new_empty(len(fixed.product), 0, self.output.out_features)
        faces = [fixed.face] * len(self.face_shapes.groups)
        found = [*self.face_shapes.at(faces), *self.pose_shapes.at(fixed.poses)]
        return torch.cat([none, *found], 1)

    def deltas(self, raw: torch.Tensor) -> NetworkDeltas:
        """The deltas that raw outputs [N,K] stand for."""
        return NetworkDeltas(raw, self.attributes, (self.position_scale, self.other_scale))

"""The portrait: one Gaussian field that is posed, deformed and rendered frame by frame.

What segment-dependent systems do with a head and a torso is the same twice: a portrait of the torso
lies behind that of the head, in the place of the plate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from unigs.geometry.cameras import intrinsics, view_matrix
from unigs.model.anchor import Body
from unigs.model.deformation import Encoded
from unigs.model.deltas import Deltas
from unigs.model.gaussians import Gaussians
from unigs.model.motion import Motion
from unigs.model.posing import posed
from unigs.render.composite import composite
from unigs.render.rasterize import Splats, rasterize_frames

__all__ = ["Portrait", "PosedField", "Rendering"]


@dataclass
class Rendering:
    """One rendered frame."""

    image: torch.Tensor
    """The field over what lies behind it [H,W,3]."""
    alpha: torch.Tensor
    """Opacity of the field [H,W,1]."""
    meta: dict
    """The rasterizer's dictionary: means2d, radii, depths, conics."""
    deltas: Deltas | None
    """Deltas of eq. 6; None for the canonical field."""


PosedField = tuple[Splats, Deltas | None]
"""The field of one frame, and the deltas that moved it (None for the canonical field)."""


class Portrait(nn.Module):
    """A person as Gaussians, with all that playing needs.

    Args:
        gaussians: the canonical field theta_0.
        plate: background, uint8 [H,W,3].
        focal: focal length, pixels.
        fps: frames per second of the clip.
        body: frame of the torso at rest (used if the field has anchors).
        motion: the deformation of the dynamic stage, or None.
        meta: settings, back-ends, versions: JSON values.
        follows_body: the torso's tracked frame moves the anchors; False: it always rests.
        behind: the portrait of the torso, if the field is that of the head alone; it is drawn
            behind the field, and its plate behind both.
    """

    def __init__(
        self,
        gaussians: Gaussians,
        plate: np.ndarray,
        focal: float,
        fps: float,
        body: Body,
        motion: Motion | None = None,
        meta: dict | None = None,
        follows_body: bool = False,
        behind: Portrait | None = None,
    ) -> None:
        super().__init__()
        self.gaussians, self.motion, self.behind = gaussians, motion, behind
        self.size, self.focal, self.fps = plate.shape[0], focal, fps
        self.meta, self.follows_body = meta or {}, follows_body
        self.register_buffer("plate", torch.from_numpy(np.ascontiguousarray(plate)))
        self.register_buffer("plate_image", self.plate.float() / 255, persistent=False)
        self.register_buffer("K", intrinsics(focal, self.size), persistent=False)
        self.register_buffer("body_R", body.R.clone())
        self.register_buffer("body_t", body.t.clone())

    @property
    def layers(self) -> list[Portrait]:
        """This portrait and those that lie behind it, front to back."""
        return [self, *(self.behind.layers if self.behind is not None else [])]

    @property
    def count(self) -> int:
        """Number of Gaussians of all layers."""
        return sum(len(layer.gaussians) for layer in self.layers)

    @property
    def has_dynamics(self) -> bool:
        """Whether the portrait went through the dynamic stage."""
        return self.motion is not None

    @property
    def device(self) -> torch.device:
        """Device of the field."""
        return self.plate.device

    def forward(
        self,
        R: torch.Tensor,
        t: torch.Tensor,
        audio: torch.Tensor | None = None,
        eyes: torch.Tensor | None = None,
        body: Body | None = None,
        deform: bool = True,
    ) -> Rendering:
        """Eqs. 3 and 7: pose, deform and rasterize one frame, differentiable; see `pose`.

        What lies behind the field is a constant.
        """
        plates = None
        if self.behind is not None:
            plates = [self.behind(R, t, audio, eyes, body, deform).image.detach()]
        return self.render([self.pose(R, t, audio, eyes, body, deform)], plates)[0]

    def pose(
        self,
        R: torch.Tensor,
        t: torch.Tensor,
        audio: torch.Tensor | None = None,
        eyes: torch.Tensor | None = None,
        body: Body | None = None,
        deform: bool = True,
        noise: float = 0.0,
        encoded: Encoded | None = None,
    ) -> PosedField:
        """The field of one frame, without what lies behind it, ready for `render`.

        Args:
            R: rotation of the frame's head pose [3,3], x_cam = R x + t.
            t: translation of the frame's head pose [3], meters.
            audio: the audio feature from `motion.hear`, [A]; a field that hears nothing passes it
                over.
            eyes: action units [E] or more, 0-5, of which a field reads the first ones; one that
                reads none passes them over.
            body: the torso's own frame; None: at rest.
            deform: False leaves the canonical field even if there is motion.
            noise: standard deviation of noise on the z-scored pose feature (training).
            encoded: from `encode`, if several frames share it; None: computed here.
        """
        deltas, body = None, self.torso(body)
        if deform and self.motion is not None:
            encoded = self.encode() if encoded is None else encoded
            deltas = self.motion(encoded, R, t, body, audio, eyes, noise)
        return self.splats(R, t, body, deltas), deltas

    def encode(self) -> Encoded:
        """Inputs of eq. 6 at the canonical centers (of a portrait with dynamics)."""
        return self.motion.encode(self.gaussians.means.detach())

    def splats(
        self, R: torch.Tensor, t: torch.Tensor, body: Body, deltas: Deltas | None = None
    ) -> Splats:
        """Add the deltas to the field (eq. 7), activate, pose and color it.

        Args:
            R: rotation of the head pose [3,3].
            t: translation of the head pose [3], meters.
            body: the torso's frame, from `torso`.
            deltas: of eq. 6; None: the canonical field.
        """
        return Splats(*posed(self.gaussians, R, t, body, deltas), view_matrix(R, t))

    def render(
        self, frames: list[PosedField], plates: list[torch.Tensor] | None = None
    ) -> list[Rendering]:
        """Rasterize frames from `pose`, in one call where the device can.

        Args:
            frames: of this field alone.
            plates: what lies behind the field in each frame [H,W,3], constants; None: the plate.
        """
        rendered = rasterize_frames([splats for splats, _ in frames], self.K, self.size, self.size)
        plates = [self.plate_image] * len(frames) if plates is None else plates
        return [
            Rendering(composite(image, alpha, plate), alpha, meta, deltas)
            for (image, alpha, meta), (_, deltas), plate in zip(
                rendered, frames, plates, strict=True
            )
        ]

    def resized(self, size: int) -> Portrait:
        """The same field (shared, not copied) seen by a camera of another image size."""
        plate = self.plate_image.permute(2, 0, 1)[None]
        plate = nn.functional.interpolate(plate, (size, size), mode="area")[0].permute(1, 2, 0)
        return Portrait(
            self.gaussians,
            (plate * 255).round().byte().cpu().numpy(),
            self.focal * size / self.size,
            self.fps,
            Body(self.body_R, self.body_t),
            self.motion,
            self.meta,
            self.follows_body,
            None if self.behind is None else self.behind.resized(size),
        ).to(self.device)

    def torso(self, tracked: Body | None) -> Body:
        """The torso's frame: tracked, if the portrait follows it, else at rest."""
        if tracked is None or not self.follows_body:
            return Body(self.body_R, self.body_t)
        return tracked

"""From a trained portrait to what its players need: constants once, and a cue for every frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from unigs.geometry.cameras import intrinsics
from unigs.model.anchor import Body
from unigs.model.gaussians import MAX_SCALE
from unigs.playback.cpu_player import Field, Frame, Player
from unigs.playback.network import PlaybackDeformation

if TYPE_CHECKING:
    from unigs.model.portrait import Portrait


Track = tuple[np.ndarray, np.ndarray, np.ndarray]
"""R [...,3,3], t [...,3] and outline [...,2] of the torso's own frame."""


@dataclass(frozen=True)
class Cue:
    """What changes from frame to frame, on the portrait's device.

    R [3,3], t [3]: head pose. torso: the torso's frame. bias [H]: what the conditions add to the
    first layer of the deformation network, and shapes [S]: coefficients of the blendshapes (both
    None for a static portrait).
    """

    R: torch.Tensor
    t: torch.Tensor
    torso: Body
    bias: torch.Tensor | None = None
    shapes: torch.Tensor | None = None

    def frame(self) -> Frame:
        """The same for the CPU's player."""
        numbers = self.R, self.t, self.torso.R, self.torso.t, self.bias, self.shapes
        return Frame(*(None if x is None else x.numpy() for x in numbers))


@torch.no_grad()
def cues(
    portrait: Portrait,
    R: np.ndarray,
    t: np.ndarray,
    speech: np.ndarray | None = None,
    eyes: np.ndarray | None = None,
    body: Track | None = None,
) -> list[Cue]:
    """The cues of T frames, from the driving numbers of `Portrait.play_clip`.

    All windows of speech are heard at once: a network of this size on a single one keeps the
    processor waiting for its own calls.
    """
    R, t, speech, eyes, *track = _upload(portrait.device, R, t, speech, eyes, *(body or ()))
    count, torso = len(R), portrait.torso(Body(*track) if track else None)
    if torso.t.dim() == 1:  # at rest in all of them
        torso = Body(torso.R.expand(count, 3, 3), torso.t.expand(count, 3))
    bias = shapes = [None] * count
    if portrait.has_dynamics:
        motion = portrait.motion
        drivers = motion.drivers(R, t, torso, motion.hear(speech), eyes)
        bias, shapes = motion.deformation.input_conditions(drivers[0]), drivers[1]
    torsos = map(Body, torso.R, torso.t)
    return [Cue(*row) for row in zip(R, t, torsos, bias, shapes, strict=True)]


def _upload(device: torch.device, *numbers: np.ndarray | None) -> list[torch.Tensor | None]:
    """Tensors on the device, in one copy: a GPU waits for each."""
    arrays = [None if x is None else np.asarray(x, np.float32) for x in numbers]
    given = [x for x in arrays if x is not None]
    flat = torch.from_numpy(np.concatenate([x.ravel() for x in given]))
    parts = iter(flat.to(device).split([x.size for x in given]))
    return [None if x is None else next(parts).view(x.shape) for x in arrays]


@torch.no_grad()
def make_player(portrait: Portrait) -> Player:
    """Evaluate once what does not depend on the frame: f_mu, W_f f_mu, the basis B(f_mu)."""
    field = portrait.gaussians
    anchors = torch.zeros(len(field)) if field.anchors is None else field.anchors.sigmoid()
    arrays = Field(
        *(_array(x) for x in (field.means, field.log_scales, field.quats, field.opacities)),
        _array(field.sh()),
        _array(anchors),
    )
    plate = _array(portrait.plate_image)
    K = intrinsics(portrait.focal, portrait.size).numpy()
    if portrait.motion is None:
        return Player(arrays, plate, K, MAX_SCALE)
    net = portrait.motion.deformation
    known = net.constants(portrait.encode())
    network = PlaybackDeformation(
        known.product, net.hidden.weight, net.hidden.bias, net.output.weight, net.output.bias
    )
    basis = _array(net.shapes_at(known))
    units = net.position_scale, net.other_scale
    return Player(arrays, plate, K, MAX_SCALE, network, basis, net.attributes, units)


def _array(values: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(values.detach().cpu().numpy(), np.float32)

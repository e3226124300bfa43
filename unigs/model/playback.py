"""From a trained portrait to the constants that the player keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from unigs.kernels.deform_playback import PlaybackDeformation
from unigs.model.gaussians import MAX_SCALE
from unigs.render.cameras import intrinsics
from unigs.render.player import Field, Player

if TYPE_CHECKING:
    from unigs.model.portrait import Portrait


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

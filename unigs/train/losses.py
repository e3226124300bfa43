"""The losses of the paper, one function per equation, and the few that are ours."""

from __future__ import annotations

import torch

from unigs.kernels.ssim import ssim
from unigs.model.deformation import Deltas


def difference(image: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Absolute difference of images [H,W,3], mean over the channels, [H,W].

    L1 and all regions of eq. 9 are means of it: made once, it is the only one of their tensors that
    costs a pass over the whole image.
    """
    return (image - truth).abs().mean(-1)


def mean_terms(frames: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Mean of each loss term over the frames of a step; all frames have the same terms."""
    return {name: sum(terms[name] for terms in frames) / len(frames) for name in frames[0]}


def l1(image: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of images [H,W,3]."""
    return difference(image, truth).mean()


def d_ssim(image: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """1 - SSIM of images [H,W,3]; 3DGS (paper's reference 2) calls this D-SSIM."""
    return 1 - ssim(image.permute(2, 0, 1), truth.permute(2, 0, 1))


def static_loss(image: torch.Tensor, truth: torch.Tensor, lambda_dssim: float) -> torch.Tensor:
    """L_s of eq. 8: L1 + lambda_1 D-SSIM, on images [H,W,3]."""
    return l1(image, truth) + lambda_dssim * d_ssim(image, truth)


def region_loss(difference: torch.Tensor, mask: torch.Tensor, over: str) -> torch.Tensor:
    """L_j of eq. 9 without its weight: L1 inside one region.

    Args:
        difference: of the image and the truth [H,W], from `difference`.
        mask: region, bool [H,W].
        over: "frame" divides by all pixels, "region" by the region's.
    """
    pixels = mask.numel() if over == "frame" else mask.sum().clamp(min=16)
    return (difference * mask).sum() / pixels


def motion_loss(deltas: Deltas) -> torch.Tensor:
    """Eq. 10 without its weight: mean |d_mu| (centimetres) + |d_r| + |d_alpha| + |d_s|.

    An attribute that is not deformed adds nothing (Table 3 switches them). Eq. 10 names no colour.
    """
    terms = [
        value.abs().mean() * unit
        for value, unit in (
            (deltas.position, 100.0),
            (deltas.rotation, 1.0),
            (deltas.opacity, 1.0),
            (deltas.scale, 1.0),
        )
        if value is not None
    ]
    return torch.stack(terms).sum() if terms else torch.zeros(())


def alpha_loss(alpha: torch.Tensor, person: torch.Tensor) -> torch.Tensor:
    """Mean |alpha - person mask|, for [H,W,1] and bool [H,W] (ours: keeps the plate free)."""
    return (alpha[..., 0] - person.to(alpha.dtype)).abs().mean()

"""Losses of the paper, one function per equation, and our own."""

from __future__ import annotations

import torch

from unigs.losses.l1 import region_l1, region_sizes
from unigs.losses.mask_l1 import mask_l1
from unigs.losses.ssim import ssim
from unigs.model.deltas import Deltas


def mean_terms(frames: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Mean of each loss term over the frames of a step; all frames have the same terms."""
    if len(frames) == 1:
        return frames[0]
    return {name: sum(terms[name] for terms in frames) / len(frames) for name in frames[0]}


def sum_terms(layers: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Sum of each loss term over the layers of a portrait; all layers have the same terms."""
    return {name: sum(terms[name] for terms in layers) for name in layers[0]}


def total(terms: dict[str, torch.Tensor]) -> torch.Tensor:
    """Sum of the loss terms, which is minimized."""
    return torch.stack(list(terms.values())).sum()


def l1(image: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of images [H,W,3]."""
    return region_l1(image, truth)[0] / truth[..., 0].numel()


def d_ssim(image: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """1 - SSIM of images [H,W,3]; 3DGS (paper's reference 2) calls this D-SSIM."""
    return 1 - ssim(image.permute(2, 0, 1), truth.permute(2, 0, 1))


def l1_terms(
    image: torch.Tensor,
    truth: torch.Tensor,
    regions: dict[str, tuple[torch.Tensor, float]],
    mean_over: str,
) -> dict[str, torch.Tensor]:
    """L1 of eq. 8 and all weighted L_j of eq. 9, in one pass over the image.

    Args:
        image: rendered image [H,W,3].
        truth: frame of the clip [H,W,3].
        regions: mask bool [H,W] and weight by name.
        mean_over: "frame" divides a region's sum by the pixels of the frame, "region" by those of
            the region.

    Returns:
        "l1" and one term per region.
    """
    masks = [mask for mask, _ in regions.values()]
    sums, pixels = region_l1(image, truth, masks), truth[..., 0].numel()
    shares = sums.new_tensor([1, *(weight for _, weight in regions.values())]) / pixels
    if masks and mean_over == "region":
        shares[1:] *= pixels / region_sizes(masks).clamp(min=16)
    return dict(zip(("l1", *regions), (sums * shares).unbind(), strict=True))


def motion_loss(deltas: Deltas) -> torch.Tensor:
    """Eq. 10 without its weight: mean |d_mu| (centimeters) + |d_r| + |d_alpha| + |d_s|.

    An attribute that is not deformed adds nothing (rows of Table 3). Eq. 10 names no color.
    """
    return deltas.mean_absolute({"position": 100.0, "rotation": 1.0, "opacity": 1.0, "scale": 1.0})


def alpha_loss(alpha: torch.Tensor, person: torch.Tensor) -> torch.Tensor:
    """Mean |alpha - person| for alpha [H,W,1] and a person mask, bool [H,W] (not in the paper)."""
    return mask_l1(alpha.squeeze(-1), person)


def anchor_loss(weights: torch.Tensor, others: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Mean |w_i - w_j| over pairs of neighboring Gaussians (not in the paper).

    Args:
        weights: weight of the anchor of each Gaussian in [0,1], [N].
        others: that of its neighbor [N].
        seen: weight of a pair in the mean, both opacities multiplied [N].
    """
    return (seen * (weights - others).abs()).sum() / seen.sum()

"""LPIPS on a random patch (last term of eq. 11)."""

from __future__ import annotations

import torch
from torch.nn.functional import interpolate

from unigs.losses.lpips import NO_WEIGHTS, load_lpips
from unigs.pretrained.auto import settled_settings
from unigs.settings.dynamic import DynamicSettings
from unigs.stage.errors import UserError

MOUTH_SHARE = 0.25
"""Side of a patch over the mouth, as a share of the image's width. It is brought to the size of the
other patches: teeth of three pixels are too small for the network's filters of eleven."""


class Perceptual:
    """LPIPS (AlexNet) between one random square patch of two images.

    Args:
        network: LPIPS from `load_lpips`.
        patch: side in pixels of what the network sees.
    """

    def __init__(self, network: torch.nn.Module, patch: int) -> None:
        self.network, self.patch = network, patch

    @classmethod
    def of(cls, settings: DynamicSettings, device: torch.device) -> Perceptual | None:
        """The loss that the settings ask for, or None.

        There is none where its weight is 0, and where the file is left to the catalogue of
        pretrained weights and not there.

        Raises:
            UserError: the loss has a weight, but no file of weights is named.
        """
        settings, _ = settled_settings("dynamic", settings)
        if not settings.lambda_lpips:
            return None
        if not settings.lpips_model:
            raise UserError(f"lambda_lpips is {settings.lambda_lpips}, but {NO_WEIGHTS}.")
        return cls(load_lpips(settings.lpips_model, device=str(device)), settings.lpips_patch)

    def __call__(
        self, image: torch.Tensor, truth: torch.Tensor, center: tuple[float, float] | None = None
    ) -> torch.Tensor:
        """Distance of a patch at the same place of both images [H,W,3].

        Args:
            image: rendered image.
            truth: frame of the clip.
            center: column and row of the middle of a mouth, over which the patch lies, as far as
                the border lets it; None: a random place.
        """
        side = self.patch if center is None else round(MOUTH_SHARE * image.shape[1])
        side = min(side, image.shape[0], image.shape[1])
        last = image.shape[1] - side, image.shape[0] - side
        if center is None:
            x, y = (int(torch.randint(0, end + 1, ())) for end in last)
        else:
            x, y = (
                min(max(round(middle - side / 2), 0), end)
                for middle, end in zip(center, last, strict=True)
            )
        patches = [
            picture[y : y + side, x : x + side].permute(2, 0, 1)[None] for picture in (image, truth)
        ]
        if center is not None:
            patches = [brought_to(self.patch, patch) for patch in patches]
        return self.network(*patches).mean()


def brought_to(side: int, patch: torch.Tensor) -> torch.Tensor:
    """A patch [1,3,h,w] as one of another size [1,3,side,side], by cubic interpolation."""
    return interpolate(patch, size=(side, side), mode="bicubic", antialias=True)

"""The loss of the dynamic stage (eqs. 8-11), term by term."""

from __future__ import annotations

import numpy as np
import torch

from unigs.face.mesh import LEFT_BROW, LEFT_EYE, LIPS, RIGHT_BROW, RIGHT_EYE
from unigs.model.deltas import Deltas
from unigs.settings.dynamic import DynamicSettings
from unigs.subject.dataset import Dataset
from unigs.subject.labels import HAIR, MOUTH, TORSO
from unigs.train.losses import alpha_loss, d_ssim, l1_terms, motion_loss
from unigs.train.parts import Compared
from unigs.train.perceptual import Perceptual


class DynamicLoss:
    """L_d = L_s + sum_j L_j + L_motion + lambda_2 L_LPIPS (eq. 11), and our own terms.

    Args:
        dataset: frames, regions and landmarks.
        settings: settings of the dynamic stage.
        device: where the pictures are.
    """

    def __init__(self, dataset: Dataset, settings: DynamicSettings, device: torch.device) -> None:
        self.dataset, self.settings, self.device = dataset, settings, device
        self.perceptual = Perceptual.of(settings, device)
        self.regions = region_weights(settings)
        self.eye_boxes = EyeBoxes(dataset) if settings.lambda_eyes else None

    def terms(
        self, pair: Compared, deltas: Deltas | None, frame: int, step: int
    ) -> dict[str, torch.Tensor]:
        """Each term of the loss of one rendered frame, times its weight.

        Args:
            pair: rendered and true picture.
            deltas: what the deformation added to the Gaussians (eq. 10).
            frame: number of the frame in the dataset.
            step: number of the training step, from which LPIPS takes whether it has begun.
        """
        s, image, truth = self.settings, pair.image, pair.truth
        terms = l1_terms(image, truth, self._weighted(frame, pair.part), s.region_mean)
        terms["d_ssim"] = s.lambda_dssim * d_ssim(image, truth)
        if s.lambda_motion:
            terms["motion"] = s.lambda_motion * motion_loss(deltas)
        if s.lambda_alpha:
            terms["alpha"] = s.lambda_alpha * alpha_loss(pair.alpha, pair.person)
        if self.perceptual and step >= s.lpips_from * s.iterations:
            over_lips = torch.rand(()).item() < s.lpips_mouth
            center = self._mouth(frame, pair.part) if over_lips else None
            terms["lpips"] = s.lambda_lpips * self.perceptual(image, truth, center)
        return terms

    def _weighted(
        self, frame: int, part: torch.Tensor | None
    ) -> dict[str, tuple[torch.Tensor, float]]:
        """Masks and weights of the regions of eq. 9 and of the eyes that have a weight.

        Args:
            frame: number of the frame in the dataset.
            part: where they count, bool [H,W]; None: everywhere.
        """
        shows = self.dataset.shows
        found = {name: (shows(frame, label), w) for name, (label, w) in self.regions.items()}
        if self.eye_boxes:
            found["eyes"] = self.eye_boxes.mask(frame, self.device), self.settings.lambda_eyes
        if part is None:
            return found
        return {name: (mask & part, weight) for name, (mask, weight) in found.items()}

    def _mouth(self, frame: int, part: torch.Tensor | None) -> tuple[float, float] | None:
        """Column and row of the middle of the lips; None where no face was found.

        Also None where the lips are not in the part (bool [H,W]) that is compared.
        """
        lips = self.dataset.landmarks.points[frame, list(LIPS), :2].mean(0)
        if not np.isfinite(lips).all():
            return None
        if part is not None:
            column, row = np.clip(lips, 0, self.dataset.size - 1).astype(int)
            if not part[row, column]:
                return None
        return float(lips[0]), float(lips[1])


class EyeBoxes:
    """The boxes around both eyes, brows included, of every frame.

    Args:
        dataset: frames, with landmarks.
    """

    MARGIN = 0.02
    """Distance of a box from its landmarks, as a share of the image width."""

    def __init__(self, dataset: Dataset) -> None:
        self.size = dataset.size
        groups = [[*RIGHT_EYE, *RIGHT_BROW], [*LEFT_EYE, *LEFT_BROW]]
        margin = self.MARGIN * self.size
        self.boxes = np.stack(
            [
                np.concatenate(
                    [
                        dataset.landmarks.points[:, group, :2].min(1) - margin,
                        dataset.landmarks.points[:, group, :2].max(1) + margin,
                    ],
                    1,
                )
                for group in groups
            ],
            1,
        )

    def mask(self, frame: int, device: torch.device) -> torch.Tensor:
        """Bool [H,W] on a device; empty where no face was found."""
        mask = torch.zeros(self.size, self.size, dtype=torch.bool, device=device)
        for box in self.boxes[frame]:
            if np.isfinite(box).all():
                x0, y0, x1, y1 = np.clip(np.round(box), 0, self.size).astype(int).tolist()
                mask[y0:y1, x0:x1] = True
        return mask


def region_weights(settings: DynamicSettings) -> dict[str, tuple[int, float]]:
    """Label and weight of each region of eq. 9 that has a weight, by the name of its term."""
    regions = {
        "mouth": (MOUTH, settings.lambda_mouth),
        "hair": (HAIR, settings.lambda_hair),
        "torso": (TORSO, settings.lambda_torso),
    }
    return {name: (label, weight) for name, (label, weight) in regions.items() if weight}

"""Supervision of the dynamic stage besides the picture: measured lips, eyes, rare frames."""

from __future__ import annotations

import logging

import numpy as np
import torch

from unigs.face.lips import OPENING, lip_code, lip_shape, without_smile
from unigs.face.mesh import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE
from unigs.lips.networks import pretrain
from unigs.lips.regression import fit_map
from unigs.model.lip_nets import LipMap
from unigs.model.motion import Motion
from unigs.settings.dynamic import DynamicSettings
from unigs.speech.lip_prior import LipPrior
from unigs.subject.dataset import Dataset
from unigs.subject.features import ACTION_UNITS, FACE_UNITS

log = logging.getLogger("unigs")

CLOSED_EYE = 3.0
"""AU45 (0-5) above which an eye counts as closed."""
SHUT_LIPS_SHARE = 0.05
"""Share of the training frames that count as shut lips: those with the least opening."""
OPEN_MOUTH_SHARE = 0.1
"""Share of the training frames that count as open: those with the widest opening."""


class LipGuide:
    """The lip code of training frames, measured or predicted out of fold.

    From measured codes the field learns to follow the lips in full, from predictions of networks
    that never saw the frame how reliable speech is.

    Args:
        measured: lip codes from landmarks [T,K]; NaN where no face was found.
        predicted: out-of-fold predictions [T,K].
        teacher: probability of the measured code.
    """

    def __init__(self, measured: torch.Tensor, predicted: torch.Tensor, teacher: float) -> None:
        self.measured, self.predicted, self.teacher = measured, predicted, teacher
        # On the CPU, since each step reads one value.
        self.usable = torch.isfinite(measured).all(1).cpu()

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        frames: np.ndarray,
        motion: Motion,
        settings: DynamicSettings,
        device: torch.device,
        prior: LipPrior | None = None,
        steps: int | None = None,
    ) -> LipGuide | None:
        """Train the lip networks of `motion` on the frames; None if the settings have no code.

        Args:
            dataset: frames, with landmarks and speech.
            frames: training frames.
            motion: the deformation, whose lip networks are trained in place.
            settings: settings of the dynamic stage.
            device: device of the lip codes.
            prior: what is known of lips before, for a motion with a lip map.
            steps: steps of the lip networks' training; None: by the number of frames.
        """
        if not settings.lip_code:
            return None
        measured = lip_code(dataset.landmarks.points, frames, settings.lip_code - 2)
        if settings.smile:  # what e tells need not be heard
            smile = dataset.performance.eyes[:, FACE_UNITS.index("AU12")]
            measured = without_smile(measured, smile, frames)
        net, heard = motion.speech_net.cpu(), dataset.performance.speech
        if isinstance(net.lip_net, LipMap):
            training = fit_map(net, heard, measured, frames, dataset.silence, prior)
        else:
            training = pretrain(
                net,
                heard,
                measured,
                frames,
                dataset.silence,
                seed=settings.seed,
                steps=steps,
            )
        motion.speech_net.to(device)
        log.info(
            "lips from speech, out of fold: correlation of opening %.2f, width %.2f",
            *training.correlation[:2],
        )
        predicted = torch.from_numpy(training.out_of_fold).to(device)
        return cls(torch.from_numpy(measured).to(device), predicted, settings.lip_teacher)

    def code(self, frame: int) -> torch.Tensor:
        """Lip code [1,K] of a frame in this step, measured or predicted at random."""
        teach = torch.rand(()).item() < self.teacher
        source = self.measured if teach and self.usable[frame] else self.predicted
        return source[frame][None]


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


def rare_frames(dataset: Dataset, frames: np.ndarray) -> list[int]:
    """Training frames with a closed eye, a wide open mouth or shut lips: what viewers look at.

    Each kind is repeated until it is as frequent as open mouths.
    """
    blink = dataset.performance.eyes[frames, ACTION_UNITS.index("AU45")] > CLOSED_EYE
    opening = lip_shape(dataset.landmarks.points[frames])[:, OPENING]
    wide = opening > np.nanquantile(opening, 1 - OPEN_MOUTH_SHARE)
    shut = opening < np.nanquantile(opening, SHUT_LIPS_SHARE)
    kinds = [frames[kind].tolist() for kind in (wide, blink, shut)]
    return [frame for k in kinds for frame in k * max(1, round(len(kinds[0]) / max(len(k), 1)))]

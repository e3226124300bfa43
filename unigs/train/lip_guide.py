"""The lip code that a step of the dynamic stage sees: measured, or heard out of fold."""

from __future__ import annotations

import logging

import numpy as np
import torch

from unigs.face.lips import lip_code, without_smile
from unigs.lips.networks import pretrain
from unigs.lips.regression import fit_map
from unigs.model.lip_nets import LipMap
from unigs.model.motion import Motion
from unigs.settings.dynamic import DynamicSettings
from unigs.speech.lip_prior import LipPrior
from unigs.subject.dataset import Dataset
from unigs.subject.features import FACE_UNITS

log = logging.getLogger("unigs")


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

"""Dynamic stage: the deformation by speech, eyes and pose (eqs. 4-7, 9-11)."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from unigs.compute.compiled import ensure_compiled
from unigs.compute.device import pick_device
from unigs.lips.regression import kind_of, prior_of
from unigs.losses.lpips import backend_of
from unigs.model.deformation import Encoded
from unigs.model.portrait import Portrait, PosedField, Rendering
from unigs.model.storage import load_portrait, save_portrait
from unigs.pretrained.auto import settled_settings
from unigs.provenance.clip import UNTOLD, Provenance
from unigs.settings.dynamic import DynamicSettings
from unigs.speech.lip_prior import LipPrior
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import write_json
from unigs.subject.dataset import Dataset, SubjectFiles
from unigs.train.anchor_smoothness import AnchorSmoothness
from unigs.train.average import RunningAverage
from unigs.train.checkpoint import Checkpoint, key_of, random_state, set_random_state
from unigs.train.dynamic_loss import DynamicLoss
from unigs.train.face_surface import surface_of
from unigs.train.gaussian_adam import GaussianAdam, gaussian_rates
from unigs.train.guard import refuse_unknown
from unigs.train.lip_guide import LipGuide
from unigs.train.loop import Task, train
from unigs.train.losses import mean_terms, sum_terms, total
from unigs.train.motion_setup import face_first, new_motion
from unigs.train.parts import parts_of
from unigs.train.poses import PoseTensors
from unigs.train.run_record import run_record, static_settings, timeless
from unigs.train.sampling import FrameSampler, rare_frames, split_validation

log = logging.getLogger("unigs")

DECAY = 0.1
"""Share of their first values at which the learning rates of the networks end."""
GAUSSIAN_DECAY = 0.2
"""Share of their first values at which the learning rates of the Gaussians end."""
MEANS_SHARE = 0.1
"""Factor on the learning rate of the means, beside the factor of all Gaussians."""


def train_dynamic(
    files: SubjectFiles,
    static: Path,
    out: Path,
    curve: Path,
    record: Path,
    settings: DynamicSettings,
    pooled: Path | None = None,
    provenance: Provenance = UNTOLD,
) -> None:
    """Learn how each Gaussian moves with speech, eyes and head pose (eqs. 6, 9-11).

    Args:
        files: the subject's files, with speech and eyes.
        static: portrait of the static stage.
        out: portrait to write (.safetensors).
        curve: training curve to write (CSV).
        record: JSON file to write, with settings, versions, device and time.
        settings: settings of the dynamic stage.
        pooled: lip prior that other people's clips taught (.safetensors), for lip_prior pooled.
        provenance: where the clip is from and by whose leave, for the record.

    Raises:
        UserError: a file is missing or does not fit the others, a setting asks for weights that
            are not there, or the training went astray.
    """
    if files.speech is None or files.eyes is None:
        raise UserError("the dynamic stage needs --speech and --eyes: name both files.")
    settings, missing = settled_settings("dynamic", settings)
    for sentence in missing:
        log.info("%s", sentence)
    device = pick_device(settings.device)
    cli.seed_everything(settings.seed)
    dataset = Dataset(files)
    refuse_unknown(dataset)
    portrait = load_portrait(static, device)
    ensure_compiled(device.type)
    prior = prior_of(dataset.encoder, settings.lip_prior, pooled)
    task = DynamicTask(dataset, portrait, settings, device, prior)
    weights = [Path(settings.lpips_model)] if settings.lambda_lpips else []
    pools = [pooled] if settings.lip_prior == "pooled" else []
    checkpoint = Checkpoint(out.parent, key_of(settings, files, static, *weights, *pools))
    summary = train(task, curve, checkpoint)
    info = run_record("dynamic", settings, summary, device, dataset, provenance)
    if weights:
        info["backends"] = {**info["backends"], "loss": backend_of(settings.lpips_model)}
    portrait.meta = {**portrait.meta, "dynamic": timeless(info)}
    save_portrait(portrait, out)
    write_json(record, {**info, "static": portrait.meta.get("static")})
    checkpoint.remove()


class DynamicTask(Task):
    """The deformation of a portrait in training, under the loss of eq. 11.

    Of separate fields each has its own deformation and its own L_d; their sum is minimized.

    Args:
        dataset: frames, with speech and eyes.
        portrait: portrait of the static stage; its layers get fresh deformations.
        settings: settings of the dynamic stage.
        device: device of the portrait.
        prior: what is known of lips before the clip is seen; None: networks learn from it alone.
        lip_steps: steps of the lip networks' own training; None: by the number of frames.
    """

    name = "dynamic"

    def __init__(
        self,
        dataset: Dataset,
        portrait: Portrait,
        settings: DynamicSettings,
        device: torch.device,
        prior: LipPrior | None = None,
        lip_steps: int | None = None,
    ) -> None:
        self.dataset, self.settings, self.device = dataset, settings, device
        dataset.to(device)
        self.iterations, self.evaluate_every = settings.iterations, settings.evaluate_every
        self.patience = settings.patience
        self.frames, self.validation = split_validation(dataset.train, settings.validation_share)
        self.loss = DynamicLoss(dataset, settings, device)
        portrait.requires_grad_(True)
        for layer in portrait.layers:
            how = settings, kind_of(prior), layer is not portrait
            layer.motion = new_motion(dataset, self.frames, layer, *how).to(device)
            layer.gaussians = face_first(layer)
        self.portrait = portrait
        static = static_settings(portrait)
        self.parts = parts_of(portrait, dataset, static.fields)
        self.surface = surface_of(dataset, static, device)
        self.smoothness = AnchorSmoothness.of(portrait, static) if settings.gaussian_lr else None
        self.lips = LipGuide.of(
            dataset, self.frames, portrait.motion, settings, device, prior, lip_steps
        )
        rare = rare_frames(dataset, self.frames) if settings.blink_sampling else ()
        self.sampler = FrameSampler(self.frames, settings.seed, rare, settings.blink_sampling)
        p = dataset.performance
        self.poses = PoseTensors(p, device)
        self.speech, self.eyes = (torch.from_numpy(x).to(device) for x in (p.speech, p.eyes))
        self._optimizers()
        self.average = RunningAverage(portrait, settings.ema) if settings.ema else None

    def _optimizers(self) -> None:
        s, layers = self.settings, self.portrait.layers
        planes = [p for layer in layers for p in layer.motion.planes.parameters()]
        networks = list(self.portrait.motion.speech_net.audio.parameters())
        networks += [p for layer in layers for p in layer.motion.deformation.parameters()]
        groups = [
            {"params": planes, "lr": s.lr_grid, "base": s.lr_grid},
            {"params": networks, "lr": s.lr_network, "base": s.lr_network},
        ]
        self.adamw = torch.optim.AdamW(
            groups, betas=(0.9, 0.99), weight_decay=s.weight_decay, fused=True
        )
        rates = gaussian_rates(static_settings(self.portrait))
        self.adams = [GaussianAdam(layer.gaussians, rates) for layer in layers]
        for layer in layers if not s.gaussian_lr else ():
            layer.gaussians.requires_grad_(False)

    def step(self, step: int) -> dict[str, torch.Tensor]:
        """One batch: forward, losses of eq. 11, backward, both optimizers."""
        s = self.settings
        frames = [self.sampler.next() for _ in range(s.batch)]
        learned = [self._learn(number, frames, step) for number in range(len(self.parts))]
        self._schedule(step / s.iterations)
        self.adamw.step()
        self.adamw.zero_grad(set_to_none=True)
        if s.gaussian_lr:
            self._move_gaussians()
        if self.average:
            self.average.update()
        return sum_terms(learned)

    def _move_gaussians(self) -> None:
        for adam in self.adams:
            adam.step()
        if self.surface:
            self.surface.hold(self.portrait.gaussians)

    def _learn(self, number: int, frames: list[int], step: int) -> dict[str, torch.Tensor]:
        """Forward, with measured lips in some steps and noise on poses, and backward of a layer."""
        layer, part = self.portrait.layers[number], self.parts[number]
        # f_mu does not depend on the frame: a batch shares it.
        encoded = layer.encode()
        lips, noise = self.lips if layer is self.portrait else None, self.settings.condition_noise
        posed = [
            self.posed(frame, lips.code(frame) if lips else None, noise, encoded, layer)
            for frame in frames
        ]
        renderings = layer.render(posed, [part.backdrop(frame) for frame in frames])
        losses = [
            self.loss.terms(part.compared(rendering, frame), rendering.deltas, frame, step)
            for rendering, frame in zip(renderings, frames, strict=True)
        ]
        terms = mean_terms(losses)
        if self.smoothness:
            terms["anchor"] = self.smoothness.loss(layer.gaussians, step, number)
        total(terms).backward()
        return {name: value.detach() for name, value in terms.items()}

    def posed(
        self,
        frame: int,
        code: torch.Tensor | None = None,
        noise: float = 0.0,
        encoded: Encoded | None = None,
        layer: Portrait | None = None,
    ) -> PosedField:
        """The field as a frame of the dataset moves it.

        Args:
            frame: number of the frame.
            code: lip code [1,K] that stands in for the predicted one.
            noise: standard deviation of noise on the normalized pose inputs.
            encoded: from `Portrait.encode`, if several frames share it.
            layer: of the portrait; None: the front one.
        """
        layer = layer or self.portrait
        audio = layer.motion.hear(self.speech[frame][None], code)[0]
        return layer.pose(*self._inputs(frame, audio), noise=noise, encoded=encoded)

    def _inputs(self, frame: int, audio: torch.Tensor) -> tuple:
        """What moves the portrait in a frame of the dataset, as `Portrait.forward` takes it."""
        return *self.poses.head(frame), audio, self.eyes[frame], self.poses.body(frame)

    def _schedule(self, progress: float) -> None:
        for group in self.adamw.param_groups:
            group["lr"] = group["base"] * DECAY**progress
        factor = self.settings.gaussian_lr * GAUSSIAN_DECAY**progress
        for adam in self.adams:
            adam.scale_rates(factor, MEANS_SHARE * factor)

    def view(self, frame: int) -> Rendering:
        """The frame as playback renders it, driven by its own speech, eyes and pose."""
        audio = self.portrait.motion.hear(self.speech[frame][None])[0]
        return self.portrait(*self._inputs(frame, audio))

    def result(self) -> dict[str, torch.Tensor]:
        """The running average, if one is kept."""
        return self.average.state_dict() if self.average else self.portrait.state_dict()

    def state(self) -> dict:
        """Portrait, moments, average, random sequences."""
        return {
            "portrait": self.portrait.state_dict(),
            "adam": [adam.adam.state_dict() for adam in self.adams],
            "adamw": self.adamw.state_dict(),
            "average": self.average.state() if self.average else None,
            "neighbors": self.smoothness.state() if self.smoothness else None,
            "sampler": self.sampler.state(),
            "random": random_state(),
        }

    def load_state(self, state: dict) -> None:
        """Restore a state from `state`."""
        self.portrait.load_state_dict(state["portrait"])
        for adam, own in zip(self.adams, state["adam"], strict=True):
            adam.adam.load_state_dict(own)
        self.adamw.load_state_dict(state["adamw"])
        if self.average:
            self.average.load_state(state["average"])
        if self.smoothness:
            self.smoothness.load_state(state["neighbors"], self.device)
        self.sampler.load_state(state["sampler"])
        set_random_state(state["random"])


if __name__ == "__main__":
    cli.run(train_dynamic)

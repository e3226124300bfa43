"""Static stage: the canonical field from all training frames (eqs. 1-3, 8)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from unigs.compute.compiled import ensure_compiled
from unigs.compute.device import pick_device
from unigs.model.anchor import mean_pose
from unigs.model.gaussians import Gaussians
from unigs.model.portrait import Portrait, PosedField, Rendering
from unigs.model.storage import save_portrait
from unigs.provenance.clip import UNTOLD, Provenance
from unigs.settings.static import StaticSettings
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import write_json
from unigs.subject.dataset import Dataset, SubjectFiles
from unigs.subject.features import HeadPoses
from unigs.subject.trajectory import RigidTrajectory
from unigs.train.checkpoint import Checkpoint, key_of, random_state, set_random_state
from unigs.train.density import DensityControl
from unigs.train.gaussian_adam import GaussianAdam, gaussian_rates
from unigs.train.guard import refuse_unknown
from unigs.train.initial_points import start_field
from unigs.train.loop import Task, train
from unigs.train.losses import alpha_loss, d_ssim, l1, mean_terms
from unigs.train.poses import PoseTensors
from unigs.train.refine_poses import refine_poses
from unigs.train.run_record import run_record, timeless
from unigs.train.sampling import FrameSampler, split_validation

MEANS_DECAY = 0.02
"""Share of its first value at which the learning rate of the means ends (3DGS: 0.01)."""


def train_static(
    files: SubjectFiles,
    out: Path,
    poses: Path,
    curve: Path,
    record: Path,
    settings: StaticSettings,
    provenance: Provenance = UNTOLD,
) -> None:
    """Learn the canonical field theta_0 (eqs. 3 and 8).

    Args:
        files: the subject's files.
        out: portrait to write (.safetensors).
        poses: head poses to write for all later stages (.npz): those of the last step, refined if
            the settings say so.
        curve: training curve to write (CSV).
        record: JSON file to write, with settings, versions, device and time.
        settings: settings of the static stage.
        provenance: where the clip is from and by whose leave, for the record.

    Raises:
        UserError: a file is missing or does not fit the others, or the training went astray.
    """
    device = pick_device(settings.device)
    cli.seed_everything(settings.seed)
    dataset = Dataset(files)
    refuse_unknown(dataset)
    ensure_compiled(device.type)
    task = StaticTask(dataset, settings, device)
    checkpoint = Checkpoint(out.parent, key_of(settings, files))
    summary = train(task, curve, checkpoint)
    info = run_record("static", settings, summary, device, dataset, provenance)
    task.portrait.meta = {"static": timeless(info)}
    save_portrait(task.portrait, out)
    task.refined().write(poses)
    write_json(record, info)
    checkpoint.remove()


class StaticTask(Task):
    """L_s = L_1 + lambda_1 L_D-SSIM, the mean over a batch of frames, with density control.

    Args:
        dataset: frames to train on.
        settings: settings of the static stage.
        device: device of the portrait.

    Raises:
        UserError: the label video shows no person, or the torso's track is asked for and missing.
    """

    name = "static"

    def __init__(self, dataset: Dataset, settings: StaticSettings, device: torch.device) -> None:
        self.dataset, self.settings, self.device = dataset, settings, device
        dataset.to(device)
        self.iterations, self.evaluate_every = settings.iterations, settings.evaluate_every
        self.frames, self.validation = split_validation(dataset.train, settings.validation_share)
        try:
            field, body = start_field(dataset, settings)
        except ValueError as error:
            raise UserError(f"{dataset.files.labels}: {error}.") from None
        torso = dataset.performance.torso
        follow = settings.follow_body
        if follow and torso is None:
            raise UserError("follow_body needs the torso's track: name it with --body.")
        if follow:
            seen = torso[dataset.train]
            body = mean_pose(torch.from_numpy(seen.R), torch.from_numpy(seen.t))
        plate = (dataset.plate * 255).round().astype("uint8")
        self.portrait = Portrait(
            field, plate, dataset.poses.focal, dataset.fps, body, follows_body=follow
        ).to(device)
        self._optimizers()
        self.sampler = FrameSampler(self.frames, settings.seed)
        self.poses = PoseTensors(dataset.performance, device)

    def _optimizers(self) -> None:
        field = self.portrait.gaussians
        self.adam = GaussianAdam(field, gaussian_rates(self.settings))
        self.density = DensityControl(field, self.adam, self.settings, self.dataset.size)

    def step(self, step: int) -> dict[str, torch.Tensor]:
        """One batch: forward, backward, Adam, now and then density control."""
        s = self.settings
        frames = [self.sampler.next() for _ in range(s.batch)]
        renderings = self.portrait.render([self.posed(frame) for frame in frames])
        for rendering in renderings:
            rendering.meta["means2d"].retain_grad()
        terms = mean_terms([self._losses(*pair) for pair in zip(renderings, frames, strict=True)])
        sum(terms.values()).backward()
        for rendering in renderings:
            self.density.accumulate(rendering.meta, s.batch)
        self.adam.scale_rates(1.0, MEANS_DECAY ** (step / s.iterations))
        self.adam.step()
        if self.density.due(step):
            self.density.densify()
        return {name: value.detach() for name, value in terms.items()}

    def between(self, step: int) -> None:
        """Refine the head poses, once."""
        s = self.settings
        if s.refine_poses_at and step == int(s.refine_poses_at * s.iterations):
            refine_poses(self.portrait, self.dataset, self.poses)

    def _losses(self, rendering: Rendering, frame: int) -> dict[str, torch.Tensor]:
        """L_s of eq. 8, term by term."""
        s, truth = self.settings, self.dataset.image(frame)
        terms = {
            "l1": l1(rendering.image, truth),
            "d_ssim": s.lambda_dssim * d_ssim(rendering.image, truth),
        }
        if s.lambda_alpha:
            person = self.dataset.person(frame)
            terms["alpha"] = s.lambda_alpha * alpha_loss(rendering.alpha, person)
        return terms

    def view(self, frame: int) -> Rendering:
        """The canonical field at the frame's pose (eq. 3)."""
        return self.portrait.render([self.posed(frame)])[0]

    def posed(self, frame: int) -> PosedField:
        """The canonical field as a frame of the dataset poses it."""
        return self.portrait.pose(*self.poses.head(frame), body=self.poses.body(frame))

    def refined(self) -> HeadPoses:
        """The pose file's content with the poses that the field was trained with."""
        head = RigidTrajectory(self.poses.R.cpu().numpy(), self.poses.t.cpu().numpy())
        return replace(self.dataset.poses, head=head)

    def state(self) -> dict:
        """Field, moments, density statistics, random sequences."""
        return {
            "portrait": self.portrait.state_dict(),
            "adam": self.adam.adam.state_dict(),
            "density": {"gradient": self.density.gradient, "seen": self.density.seen},
            "sampler": self.sampler.state(),
            "poses": {"R": self.poses.R, "t": self.poses.t},
            "random": random_state(),
        }

    def load_weights(self, weights: dict[str, torch.Tensor]) -> None:
        """Replace the field by one of the weights' size, which density control changes."""
        prefix = "gaussians."
        fields = {
            name.removeprefix(prefix): value.to(self.device)
            for name, value in weights.items()
            if name.startswith(prefix)
        }
        self.replace_field(Gaussians(**fields))
        self.portrait.load_state_dict(weights)

    def replace_field(self, field: Gaussians) -> None:
        """Go on with another field, with fresh optimizers and density control."""
        self.portrait.gaussians = field
        self._optimizers()

    def load_state(self, state: dict) -> None:
        """Restore a state from `state`."""
        self.load_weights(state["portrait"])
        self.adam.adam.load_state_dict(state["adam"])
        for name, value in state["density"].items():
            setattr(self.density, name, value.to(self.device))
        self.sampler.load_state(state["sampler"])
        for name, value in state["poses"].items():
            setattr(self.poses, name, value.to(self.device))
        set_random_state(state["random"])


if __name__ == "__main__":
    cli.run(train_static)

"""Static stage: the canonical field from all training frames (eqs. 1-3, 8)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from unigs.compute.compiled import ensure_compiled
from unigs.compute.device import pick_device
from unigs.model.anchor import Body, mean_pose
from unigs.model.gaussians import Gaussians
from unigs.model.portrait import Portrait, PosedField, Rendering
from unigs.model.portrait_file import BEHIND
from unigs.model.storage import save_portrait
from unigs.provenance.clip import UNTOLD, Provenance
from unigs.settings.static import StaticSettings
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import write_json
from unigs.stage.interrupts import Interrupted
from unigs.subject.dataset import Dataset, SubjectFiles
from unigs.subject.features import HeadPoses, TorsoMotion
from unigs.subject.trajectory import AffineTrajectory, RigidTrajectory
from unigs.train.anchor_smoothness import AnchorSmoothness
from unigs.train.checkpoint import Checkpoint, key_of, random_state, set_random_state
from unigs.train.density import DensityControl, densify
from unigs.train.face_surface import surface_of
from unigs.train.gaussian_adam import GaussianAdam, gaussian_rates
from unigs.train.guard import refuse_unknown
from unigs.train.initial_points import split_field, start_field
from unigs.train.loop import Task, train
from unigs.train.losses import alpha_loss, d_ssim, l1, mean_terms, sum_terms, total
from unigs.train.parts import Whole, parts_of
from unigs.train.poses import PoseTensors
from unigs.train.refine_poses import refine_poses
from unigs.train.refine_torso import moves_torso, refine_torso
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
    motion: Path | None = None,
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
        motion: motion of the torso to write for all later stages (.npz): that of the last step,
            refined if the settings say so; None: not written, as is possible where it is not
            refined.

    Raises:
        UserError: a file is missing or does not fit the others, or the training went astray.
    """
    if motion is not None and files.body is None:
        raise UserError("A motion of the torso can be written where it was tracked: give --body.")
    if motion is None and moves_torso(settings):
        raise UserError(
            "refine_torso makes a motion of the torso that later stages need: give --motion."
        )
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
    if motion is not None:
        task.refined_motion().write(motion)
    write_json(record, info)
    checkpoint.remove()


class StaticTask(Task):
    """L_s = L_1 + lambda_1 L_D-SSIM, the mean over a batch of frames, with density control.

    Of separate fields each has its own L_s; their sum is minimized.

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
            whole = settings.fields == "one"
            fields = [field] if whole else split_field(dataset, body, field)
        except ValueError as error:
            raise UserError(f"{dataset.files.labels}: {error}.") from None
        torso = dataset.performance.torso
        follow = settings.follow_body
        if follow and torso is None:
            raise UserError("follow_body needs the torso's track: name it with --body.")
        self.poses = PoseTensors(dataset.performance, device)
        body = self._resting_body() if follow else body
        plate = (dataset.plate * 255).round().astype("uint8")
        view, portrait = (plate, dataset.poses.focal, dataset.fps, body), None
        for layer in reversed(fields):
            portrait = Portrait(layer, *view, follows_body=follow, behind=portrait)
        self.portrait = portrait.to(device)
        self.parts = parts_of(self.portrait, dataset, settings.fields)
        self._optimizers()
        self.sampler = FrameSampler(self.frames, settings.seed)
        self.surface = surface_of(dataset, settings, device)
        self.smoothness = AnchorSmoothness.of(self.portrait, settings)

    def _resting_body(self) -> Body:
        """Mean frame of the tracked torso over the training frames."""
        seen = self.poses.bodies(self.dataset.train)
        return mean_pose(seen.R, seen.t)

    def _optimizers(self) -> None:
        s, rates = self.settings, gaussian_rates(self.settings)
        fields = [layer.gaussians for layer in self.portrait.layers]
        self.adams = [GaussianAdam(field, rates) for field in fields]
        self.densities = [
            DensityControl(field, adam, s, self.dataset.size)
            for field, adam in zip(fields, self.adams, strict=True)
        ]

    def step(self, step: int) -> dict[str, torch.Tensor]:
        """One batch: forward, backward, Adam, density control when it is due."""
        s = self.settings
        frames = [self.sampler.next() for _ in range(s.batch)]
        terms = sum_terms([self._learn(number, frames, step) for number in range(len(self.parts))])
        for adam in self.adams:
            adam.scale_rates(1.0, MEANS_DECAY ** (step / s.iterations))
            adam.step()
        if self.densities[0].due(step):
            densify(self.densities)
            if self.smoothness:
                self.smoothness.renumbered()
        if self.surface:
            self.surface.hold(self.portrait.gaussians)
        return terms

    def _learn(self, number: int, frames: list[int], step: int) -> dict[str, torch.Tensor]:
        """Forward and backward of a layer; returns its loss terms."""
        layer, part = self.portrait.layers[number], self.parts[number]
        posed = [self.posed(frame, layer) for frame in frames]
        renderings = layer.render(posed, [part.backdrop(frame) for frame in frames])
        for rendering in renderings:
            rendering.meta["means2d"].retain_grad()
        pairs = zip(renderings, frames, strict=True)
        terms = mean_terms([self._losses(part, *pair) for pair in pairs])
        if self.smoothness:
            terms["anchor"] = self.smoothness.loss(layer.gaussians, step, number)
        total(terms).backward()
        for rendering in renderings:
            self.densities[number].accumulate(rendering.meta, self.settings.batch)
        return {name: value.detach() for name, value in terms.items()}

    def between(self, step: int) -> bool:
        """Refine torso and head poses, once; the field of before belongs to those of before.

        The torso comes first: what hangs on both is then put right by the head. An interrupt
        leaves both as they were, for a checkpoint after which both are refined.
        """
        s = self.settings
        if not s.refine_poses_at or step != int(s.refine_poses_at * s.iterations):
            return False
        before = self.poses.state()
        try:
            if moves_torso(s):
                refine_torso(self.portrait, self.dataset, self.poses)
                self._rest_anew()
            refine_poses(self.portrait, self.dataset, self.poses)
        except Interrupted:
            self.poses.load(before)
            self._rest_anew()
            raise
        return True

    def _rest_anew(self) -> None:
        """Let a field that follows the torso rest at the mean of the poses as they are."""
        if self.settings.follow_body:
            rest = self._resting_body()
            for layer in self.portrait.layers:
                layer.body_R.copy_(rest.R)
                layer.body_t.copy_(rest.t)

    def _losses(self, part: Whole, rendering: Rendering, frame: int) -> dict[str, torch.Tensor]:
        """L_s of eq. 8, term by term."""
        s, pair = self.settings, part.compared(rendering, frame)
        terms = {
            "l1": l1(pair.image, pair.truth),
            "d_ssim": s.lambda_dssim * d_ssim(pair.image, pair.truth),
        }
        if s.lambda_alpha:
            terms["alpha"] = s.lambda_alpha * alpha_loss(pair.alpha, pair.person)
        return terms

    def view(self, frame: int) -> Rendering:
        """The canonical field at the frame's pose (eq. 3)."""
        return self.portrait(*self.poses.head(frame), body=self.poses.body(frame))

    def posed(self, frame: int, layer: Portrait | None = None) -> PosedField:
        """The canonical field as a frame of the dataset poses it.

        Args:
            frame: number of the frame.
            layer: of the portrait; None: the front one.
        """
        layer = layer or self.portrait
        return layer.pose(*self.poses.head(frame), body=self.poses.body(frame))

    def refined(self) -> HeadPoses:
        """The pose file's content with the poses that the field was trained with."""
        head = RigidTrajectory(self.poses.R.cpu().numpy(), self.poses.t.cpu().numpy())
        return replace(self.dataset.poses, head=head)

    def refined_motion(self) -> TorsoMotion:
        """The motion file's content, of a tracked torso, that the field was trained with."""
        R, t = (x.cpu().numpy() for x in (self.poses.torso.R, self.poses.torso.t))
        return replace(self.dataset.motion, torso=AffineTrajectory(R, t))

    def state(self) -> dict:
        """Field, moments, density statistics, random sequences."""
        return {
            "portrait": self.portrait.state_dict(),
            "adam": [adam.adam.state_dict() for adam in self.adams],
            "density": [{"gradient": x.gradient, "seen": x.seen} for x in self.densities],
            "neighbors": self.smoothness.state() if self.smoothness else None,
            "sampler": self.sampler.state(),
            "poses": self.poses.state(),
            "random": random_state(),
        }

    def load_weights(self, weights: dict[str, torch.Tensor]) -> None:
        """Replace the fields by ones of the weights' sizes, which density control changes."""
        fields, prefix = [], "gaussians."
        for _ in self.portrait.layers:
            own = {
                name.removeprefix(prefix): value.to(self.device)
                for name, value in weights.items()
                if name.startswith(prefix)
            }
            fields.append(Gaussians(**own))
            prefix = BEHIND + prefix
        self.replace_field(*fields)
        self.portrait.load_state_dict(weights)

    def replace_field(self, *fields: Gaussians) -> None:
        """Go on with other fields, front to back, with fresh optimizers and density control."""
        for layer, field in zip(self.portrait.layers, fields, strict=True):
            layer.gaussians = field
        self._optimizers()

    def load_state(self, state: dict) -> None:
        """Restore a state from `state`."""
        self.load_weights(state["portrait"])
        for adam, own in zip(self.adams, state["adam"], strict=True):
            adam.adam.load_state_dict(own)
        for density, own in zip(self.densities, state["density"], strict=True):
            for name, value in own.items():
                setattr(density, name, value.to(self.device))
        if self.smoothness:
            self.smoothness.load_state(state["neighbors"], self.device)
        self.sampler.load_state(state["sampler"])
        self.poses.load(state["poses"])
        set_random_state(state["random"])


if __name__ == "__main__":
    cli.run(train_static)

"""The training loop of both stages: steps, curve, best state, checkpoints."""

from __future__ import annotations

import csv
import time
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from unigs.compute.memory import keep_freed_memory
from unigs.model.portrait import Portrait, Rendering
from unigs.stage import interrupts
from unigs.stage.files import atomic
from unigs.stage.progress import progress
from unigs.subject.dataset import Dataset
from unigs.subject.series import evenly_spaced
from unigs.train.checkpoint import Checkpoint
from unigs.train.guard import FACE_FROM, Guard

PROBE_FRAMES = 8
"""Most training frames, and most validation frames, whose PSNR makes a row of the curve."""


class Task(ABC):
    """What a stage trains: its forward pass, losses and optimizers."""

    name: str
    """Name of the stage."""
    settings: object
    """Settings of the stage, a dataclass."""
    portrait: Portrait
    """Portrait that is trained."""
    dataset: Dataset
    """Frames to train on."""
    frames: np.ndarray
    """Indices of training frames."""
    validation: np.ndarray
    """Indices of training frames that are kept for the validation (may be empty)."""
    iterations: int
    """Steps of the whole training."""
    evaluate_every: int
    """Steps between two evaluations."""
    patience: int = 0
    """Evaluations without a better validation after which training stops; 0: never."""

    @abstractmethod
    def step(self, step: int) -> dict[str, torch.Tensor]:
        """One optimization step; returns the weighted loss terms, scalars without a graph.

        The terms stay on the device: reading a number would make a GPU wait at every step.
        """

    def between(self, step: int) -> bool:
        """Work after a step that takes long: it polls for interrupts, and starts over after one.

        Returns:
            Whether weights of before no longer fit what the frames are rendered with, so that none
            of them may be kept as the best.
        """
        return False

    @abstractmethod
    def view(self, frame: int) -> Rendering:
        """Render one frame of the dataset as playback would."""

    @abstractmethod
    def state(self) -> dict:
        """Everything that resuming needs (tensors and plain values)."""

    @abstractmethod
    def load_state(self, state: dict) -> None:
        """Restore a state from `state`."""

    def load_weights(self, weights: dict[str, torch.Tensor]) -> None:
        """Load weights from `result` into the portrait, at the end of training."""
        self.portrait.load_state_dict(weights)

    def result(self) -> dict[str, torch.Tensor]:
        """Weights to evaluate and keep (a running average, say); default: the current ones."""
        return self.portrait.state_dict()


def _probed(frames: np.ndarray) -> list[int]:
    """At most PROBE_FRAMES evenly spaced ones of the frames."""
    return evenly_spaced(frames, PROBE_FRAMES).tolist()


def psnr_of(task: Task, frames: np.ndarray) -> float | None:
    """Mean PSNR of at most PROBE_FRAMES evenly spaced frames; None if there are none."""
    if not len(frames):
        return None
    values = []
    with torch.no_grad():
        for frame in _probed(frames):
            image = task.view(frame).image.clamp(0, 1)
            truth = task.dataset.image(frame)
            values.append(-10 * torch.log10(((image - truth) ** 2).mean()).item())
    return float(np.mean(values))


def train(task: Task, curve: Path, checkpoint: Checkpoint) -> dict:
    """Run a task to its end, or from its checkpoint to its end.

    Args:
        task: what to train; its portrait holds the result afterwards.
        curve: CSV with a row per evaluation (step, stage, loss, psnr_train, psnr_val, seconds,
            gaussians, one column per loss term).
        checkpoint: where progress is kept.

    Returns:
        Summary: steps, best_step, psnr_train, psnr_val, seconds.

    Raises:
        UserError: loss or field are no longer those of a portrait (`unigs.train.guard`); the
            checkpoint stays as it was.
        Interrupted: the process was asked to stop; the checkpoint holds the last step.
    """
    if task.portrait.device.type == "cpu":
        keep_freed_memory()
    run = _Run(task)
    resumed = checkpoint.load()
    if resumed:
        run.load(resumed)
    with interrupts.held_back(), progress(total=task.iterations, label=f"train {task.name}") as bar:
        try:
            _to_the_end(run, checkpoint, bar)
        except interrupts.Interrupted as stop:
            if not stop.held:
                raise
            raise interrupts.Interrupted(stop.number, _save_for_later(run, checkpoint)) from None
    run.guard.finish(run.step)
    task.load_weights(run.best_weights or task.result())
    run.show_face()
    _write_curve(curve, run.rows)
    return run.summary()


def _to_the_end(run: _Run, checkpoint: Checkpoint, bar: tqdm) -> None:
    task = run.task
    bar.update(run.step)
    while not run.settled or (run.step < task.iterations and not run.exhausted()):
        run.advance()
        bar.update(run.step - bar.n)
        if run.step % task.evaluate_every == 0 or run.step == task.iterations:
            row = run.evaluate()
            if run.step >= FACE_FROM:
                run.show_face()
            bar.set_postfix_str(_postfix(row))
        # While the loss is astray the checkpoint keeps what was good before.
        if checkpoint.due() and not run.guard.astray:
            run.guard.check(run.step)
            checkpoint.save(run.state())
        interrupts.poll()


def _save_for_later(run: _Run, checkpoint: Checkpoint) -> str:
    """Save an interrupted training; returns how to go on."""
    run.guard.check(run.step)
    if run.guard.astray or not checkpoint.save(run.state()):
        return "run the same command again: it resumes at the last checkpoint, if there is one"
    return f"run the same command again: it resumes at step {run.step}"


class _Run:
    """Counters, curve and best weights of one training."""

    def __init__(self, task: Task) -> None:
        self.task, self.step, self.rows = task, 0, []
        self.settled = True
        self.best_weights, self.best_value, self.best_step = None, -np.inf, 0
        self.elapsed, self.started = 0.0, time.perf_counter()
        self.sums: dict[str, torch.Tensor] = {}
        self.summed = 0
        self.guard = Guard(task.name, task.portrait, task.settings)

    def advance(self) -> None:
        """One step, and what follows it; only that where an interrupt came between."""
        if self.settled:
            terms = self.task.step(self.step)
            self.guard.see(self.step, terms)
            for name, value in terms.items():
                self.sums[name] = self.sums.get(name, 0) + value
            self.summed += 1
            self.step += 1
            self.settled = False
        if self.task.between(self.step - 1):
            self.best_weights, self.best_value, self.best_step = None, -np.inf, self.step
        self.settled = True

    def seconds(self) -> float:
        return self.elapsed + time.perf_counter() - self.started

    def evaluate(self) -> dict:
        self.guard.check(self.step)
        task = self.task
        current = task.portrait.state_dict()
        weights = task.result()
        current = {k: v.clone() for k, v in current.items()} if weights is not current else current
        task.portrait.load_state_dict(weights)
        terms = {name: value.item() / max(self.summed, 1) for name, value in self.sums.items()}
        row = {
            "step": self.step,
            "stage": task.name,
            "loss": sum(terms.values()),
            "psnr_train": psnr_of(task, task.frames),
            "psnr_val": psnr_of(task, task.validation),
            "seconds": self.seconds(),
            "gaussians": task.portrait.count,
            **terms,
        }
        if row["psnr_val"] is not None and row["psnr_val"] > self.best_value:
            self.best_value, self.best_step = row["psnr_val"], self.step
            self.best_weights = {k: v.detach().clone() for k, v in weights.items()}
        task.portrait.load_state_dict(current)
        self.rows.append(row)
        self.sums, self.summed = {}, 0
        return row

    def show_face(self) -> None:
        """Stop where the portrait as it is shows no face (`Guard.show_face`)."""
        task = self.task
        with torch.no_grad():
            opacities = [
                (task.view(frame).alpha, task.dataset.regions(frame))
                for frame in _probed(task.frames)
            ]
        self.guard.show_face(self.step, opacities)

    def exhausted(self) -> bool:
        """Whether validation has not improved for `patience` evaluations."""
        task = self.task
        if not task.patience or not len(task.validation):
            return False
        return self.step - self.best_step >= task.patience * task.evaluate_every

    def state(self) -> dict:
        best = {"weights": self.best_weights, "value": self.best_value, "step": self.best_step}
        return {
            "task": self.task.state(),
            "guard": self.guard.state(),
            "best": best,
            "step": self.step,
            "settled": self.settled,
            "rows": self.rows,
            "sums": self.sums,
            "summed": self.summed,
            "elapsed": self.seconds(),
        }

    def load(self, state: dict) -> None:
        self.task.load_state(state["task"])
        self.guard.load_state(state["guard"])
        self.step, self.rows, self.elapsed = state["step"], state["rows"], state["elapsed"]
        self.settled = state["settled"]
        device = self.task.portrait.device
        self.sums = {name: value.to(device) for name, value in state["sums"].items()}
        self.summed = state["summed"]
        best = state["best"]
        self.best_weights, self.best_value = best["weights"], best["value"]
        self.best_step = best["step"]

    def summary(self) -> dict:
        last = self.rows[-1] if self.rows else {}
        return {
            "steps": self.step,
            "best_step": self.best_step or self.step,
            "psnr_train": last.get("psnr_train"),
            "psnr_val": last.get("psnr_val"),
            "gaussians": self.task.portrait.count,
            "seconds": self.seconds(),
        }


def _postfix(row: dict) -> str:
    parts = [f"loss {row['loss']:.4f}", f"train {row['psnr_train']:.2f} dB"]
    if row["psnr_val"] is not None:
        parts.append(f"validation {row['psnr_val']:.2f} dB")
    return ", ".join([*parts, f"{row['gaussians']} Gaussians"])


def _write_curve(path: Path, rows: list[dict]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with atomic(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows({k: "" if v is None else v for k, v in row.items()} for row in rows)

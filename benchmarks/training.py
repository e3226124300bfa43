"""One training step of either stage, whole, by part, and with plain torch in place of kernels."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from unittest.mock import patch

import torch
from torch import Tensor

from benchmarks import harness
from benchmarks.parts import by_part
from benchmarks.raster import BACKWARD_FLOPS, FORWARD_FLOPS
from benchmarks.scenes import Scene
from benchmarks.subjects import dynamic_task, scene_of, static_task, subject
from benchmarks.torch_renderer import render
from unigs.compute.memory import keep_freed_memory
from unigs.compute.threads import get_threads
from unigs.losses.l1 import region_l1_torch
from unigs.losses.mask_l1 import mask_l1_torch
from unigs.losses.ssim import ssim_torch
from unigs.model.deformation import DeformationNet
from unigs.model.kernels.deform import Deform
from unigs.model.kernels.encoding import Encode
from unigs.model.kernels.encoding_torch import encode_torch
from unigs.model.kernels.pose import Pose
from unigs.model.motion import Motion
from unigs.model.portrait import Portrait
from unigs.model.posing import posed_torch
from unigs.model.triplane import TriPlane
from unigs.render.composite import composite_torch
from unigs.render.cpu import Blend, Project
from unigs.render.rasterize import Splats
from unigs.subject.dataset import Dataset
from unigs.train import dynamic, dynamic_loss, static
from unigs.train.average import RunningAverage
from unigs.train.density import DensityControl
from unigs.train.gaussian_adam import GaussianAdam
from unigs.train.loop import Task
from unigs.train.sampling import FrameSampler

STEPS = {stage: f"A {stage} step of unigs_plus" for stage in ("dynamic", "static")}
"""What a step of each stage is called in the results."""
OURS = "unigs"
TORCH = "torch: no compiled kernels"
TORCH_RENDERER = "torch: and tile renderer"
FIRST = (20_000, 480)
"""Gaussians and pixels of the default settings, which come first."""
ENCODE_FLOPS = 2 * 8
"""Operations on one feature of the encoding, a multiply-add counting two: four vertices, once to
read and once for the gradient."""
SSIM_FLOPS = 2 * 7 * 16
"""Operations of SSIM on one value of the image: windows of 6 multiplications and 10 additions,
across and down, over four moments and three derivatives."""
NETWORK_PASSES = 3
"""Matrix products with each weight: forward, gradient of the input, gradient of the weights."""


def parts(task: Task) -> list[tuple[object, str, str | Callable]]:
    """The functions that make a step."""
    shared = [
        (FrameSampler, "next", "sample"),
        (Dataset, "image", "truth"),
        (Portrait, "splats", "pose, color"),
        (Portrait, "render", "over the plate"),
        (torch.Tensor, "backward", "backward: torch"),
        (Blend, "backward", "backward: blend"),
        (Project, "backward", "backward: project"),
        (Pose, "backward", "backward: pose, color"),
        (GaussianAdam, "step", "Adam of the Gaussians"),
    ]
    for blended, name in ((Project, "project"), (Blend, "sort and blend")):
        shared.append((blended, "forward", name))
    module = dynamic_loss if isinstance(task, dynamic.DynamicTask) else static
    losses = ("l1", "l1_terms", "d_ssim", "motion_loss", "alpha_loss")
    shared += [(module, name, f"loss: {name}") for name in losses if hasattr(module, name)]
    if module is static:
        return [*shared, (DensityControl, "accumulate", "density control")]
    return [
        *shared,
        (Motion, "hear", "hear"),
        (TriPlane, "forward", "encode"),
        (DeformationNet, "forward", "deformation network"),
        (Deform, "backward", "backward: deformation"),
        (Encode, "backward", "backward: encode"),
        (torch.optim.AdamW, "step", "AdamW of the networks"),
        (RunningAverage, "update", "average"),
    ]


def render_torch(
    frames: list[Splats], K: Tensor, width: int, height: int
) -> list[tuple[Tensor, Tensor, dict]]:
    """Image [H,W,3] and alpha [H,W,1] of the torch renderer, in place of `rasterize_frames`."""
    (splats,) = frames
    *gaussians, colors, view, _ = vars(splats).values()
    colors = torch.cat([colors, torch.ones_like(colors[:, :1])], 1)
    image, _ = render(Scene(*gaussians, colors, view, K, width, height, torch.zeros(4)))
    return [(image[..., :3], image[..., 3:], {})]


@contextmanager
def plain_torch(renderer: bool) -> Iterator[None]:
    """Run with torch's gather, layers and convolutions, and with its renderer if asked for."""
    swaps = {
        "unigs.model.triplane.encode": encode_torch,
        "unigs.model.deformation.DeformationNet.forward": DeformationNet.by_layer,
        "unigs.model.portrait.posed": posed_torch,
        "unigs.model.portrait.composite": composite_torch,
        "unigs.train.losses.region_l1": region_l1_torch,
        "unigs.train.losses.mask_l1": mask_l1_torch,
        "unigs.train.losses.ssim": ssim_torch,
    }
    if renderer:
        swaps["unigs.model.portrait.rasterize_frames"] = render_torch
    with ExitStack() as stack:
        for name, function in swaps.items():
            stack.enter_context(patch(name, function))
        yield


class Stepper:
    """Calls a task's steps one after another, each with the same random numbers.

    As in training, torch keeps to one thread beside the kernels' threads, and freed memory stays
    with the process. In plain torch it has all threads.
    """

    def __init__(self, task: Task) -> None:
        keep_freed_memory()
        self.task, self.count = task, 0

    def __call__(self) -> dict[str, Tensor]:
        """The loss terms of the next step."""
        torch.set_num_threads(1)
        return self._step()

    def _step(self) -> dict[str, float]:
        self.count += 1
        torch.manual_seed(self.count)
        return self.task.step(self.count)

    def in_torch(self, renderer: bool = False) -> dict[str, Tensor]:
        """The loss terms of the next step in plain torch."""
        torch.set_num_threads(get_threads())
        with plain_torch(renderer):
            return self._step()


def difference(a: dict[str, Tensor], b: dict[str, Tensor]) -> str:
    """Largest difference of the loss terms of the first step."""
    return f"losses differ by {max(abs(a[name] - b[name]) for name in b):.0e}"


def candidates(dataset: Dataset, count: int, renderer: bool) -> dict[str, Callable]:
    """The dynamic step with and without kernels, each with a task of its own in equal states."""

    def stepper() -> Stepper:
        return Stepper(dynamic_task(dataset, count))

    found = {OURS: stepper(), TORCH: stepper().in_torch}
    if renderer:
        found[TORCH_RENDERER] = partial(stepper().in_torch, renderer=True)
    return found


@torch.no_grad()
def bound(step: Stepper, report: harness.Report, whole: harness.Row) -> dict:
    """The least processor time of a dynamic step: its operations at the machine's peak rate."""
    task = step.task
    _, pairs = render(scene_of(task.portrait, task.posed(int(task.frames[0]))))
    motion = task.portrait.motion
    net, count = motion.deformation, len(task.portrait.gaussians)
    layers = (net.input_features, net.hidden, net.output)
    weights = sum(layer.weight.numel() for layer in layers)
    # One matrix product each, whatever the number of shapes.
    weights += sum(x.basis[:1].numel() for x in (net.face_shapes, net.pose_shapes))
    mflop = {
        "raster": pairs * (FORWARD_FLOPS + BACKWARD_FLOPS) / 1e6,
        "encode": count * sum(plane.width for plane in motion.planes) * ENCODE_FLOPS / 1e6,
        "network": 2 * NETWORK_PASSES * count * weights / 1e6,
        "ssim": 3 * task.portrait.size**2 * SSIM_FLOPS / 1e6,
    }
    bound_ms = sum(mflop.values()) / report.machine["peak_gflops_per_core"]
    return {
        "threads": get_threads(),
        "gaussians": count,
        "size": task.portrait.size,
        "pairs": pairs,
        **{f"{name}_mflop": value for name, value in mflop.items()},
        "bound_ms": bound_ms,
        "cpu_over_bound": whole.cpu_ms / bound_ms,
    }


def bench(report: harness.Report, sizes: harness.Sizes, count: int, size: int) -> None:
    """Both stages at one size: the dynamic step in turns, both by part, the bound."""
    dataset, words = subject(size), f"{count} Gaussians, {size} px"
    smallest = count == min(sizes.counts) and size == min(sizes.sizes)
    steps = candidates(dataset, count, renderer=smallest)
    rows = harness.compare(
        STEPS["dynamic"],
        words,
        steps,
        seconds=sizes.seconds,
        agreement=difference,
    )
    report.rows += rows
    ours = steps[OURS]
    report.facts.append(bound(ours, report, rows[0]))
    still = Stepper(static_task(dataset, count))
    for stage, step in (("dynamic", ours), ("static", still)):
        group = f"{STEPS[stage]} by part"
        report.rows += by_part(group, words, step, parts(step.task), seconds=sizes.seconds)


def bench_all(report: harness.Report, sizes: harness.Sizes) -> None:
    """All sizes, that of the default settings first."""
    every = [(count, size) for size in sizes.sizes for count in sizes.counts]
    for count, size in sorted(every, key=lambda one: one != FIRST):
        bench(report, sizes, count, size)


main = partial(harness.run, "training", bench_all, 1.0)

if __name__ == "__main__":
    main()

"""The CPU rasterizer against plain torch, and against what the processor could do at best."""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from benchmarks import harness
from benchmarks.scenes import Scene, portrait
from benchmarks.torch_renderer import project, render
from unigs.compute.threads import get_threads
from unigs.render.cpu import PlaybackRasterizer
from unigs.render.rasterize import rasterize

LEAVES = ("means", "quats", "scales", "opacities", "colors")

FORWARD_FLOPS = 36
"""Operations on one blended (pixel, Gaussian) pair, a multiply-add counting two, exp as the
polynomial of degree 6 and three squarings that suffice here: distance 2, exponent 8, exp 15,
alpha 2, weight and transmittance 3, three channels 6."""
BACKWARD_FLOPS = 59
"""Further operations of the backward pass, alpha recomputed (27): transmittance 3, gradient of
alpha 11, moments of that gradient up to the second order 12, gradient of the color 6."""


def leaves(scene: Scene) -> list[Tensor]:
    """Let the scene's parameters ask for gradients."""
    return [getattr(scene, name).requires_grad_() for name in LEAVES]


@torch.no_grad()
def forward(scene: Scene) -> Tensor:
    """Image of `rasterize`, without a graph."""
    return rasterize(*scene.arguments())[0]


@torch.no_grad()
def torch_forward(scene: Scene) -> Tensor:
    """Image of the torch renderer, without a graph."""
    return render(scene)[0]


def step(renderer, scene: Scene, weights: Tensor) -> tuple[Tensor, ...]:
    """Gradients of all parameters of a weighted sum of the image."""
    image = renderer(scene)
    return torch.autograd.grad(image, [getattr(scene, name) for name in LEAVES], weights)


def player(scene: Scene):
    """One frame in reserved memory, as playback renders it."""
    parts = [x.detach().numpy() for x in scene.arguments() if isinstance(x, Tensor)]
    renderer = PlaybackRasterizer(len(parts[0]), scene.width, scene.height)
    return lambda: torch.from_numpy(renderer.render(*parts)[0])


def image_difference(a: Tensor, b: Tensor) -> str:
    """Single pixels may differ where an alpha lies on the threshold, so a mean says more."""
    return f"mean square difference {float((a - b).square().mean()):.0e}"


def gradient_difference(a: tuple[Tensor, ...], b: tuple[Tensor, ...]) -> str:
    """The largest relative difference over the parameters."""
    worst = max(float((x - y).norm() / y.norm()) for x, y in zip(a, b, strict=True))
    return f"gradients differ by {worst:.0e}"


def bench(scene: Scene, seconds: float) -> Iterator[harness.Row]:
    """Forward, then forward and backward, at one size."""
    size = f"{len(scene.means)} Gaussians, {scene.width} px"
    yield from harness.compare(
        "Image",
        size,
        {
            "numba": partial(forward, scene),
            "numba, playback": player(scene),
            "torch, tile by tile": partial(torch_forward, scene),
        },
        seconds=seconds,
        agreement=image_difference,
    )
    leaves(scene)
    weights = torch.randn(scene.height, scene.width, 3, generator=torch.Generator().manual_seed(1))
    ours = partial(step, lambda s: rasterize(*s.arguments())[0], scene, weights)
    theirs = partial(step, lambda s: render(s)[0], scene, weights)
    yield from harness.compare(
        "Image and gradients",
        size,
        {"numba": ours, "torch, tile by tile": theirs},
        seconds=seconds,
        agreement=gradient_difference,
    )


@torch.no_grad()
def count(scene: Scene, report: harness.Report, rows: list[harness.Row]) -> dict:
    """What the scene asks for, and the least processor time this machine would need for it."""
    _, pairs = render(scene)
    radii = project(scene)[2].amax(1)
    peak = report.machine["peak_gflops_per_core"] * 1e9
    cpu = {row.group: row.cpu_ms for row in rows if row.name == "numba"}
    forward_bound = pairs * FORWARD_FLOPS / peak * 1e3
    both_bound = pairs * (FORWARD_FLOPS + BACKWARD_FLOPS) / peak * 1e3
    return {
        "threads": get_threads(),
        "gaussians": len(scene.means),
        "size": scene.width,
        "radius_median_px": float(radii.median()),
        "pairs": pairs,
        "pairs_per_pixel": pairs / (scene.width * scene.height),
        "forward_bound_ms": forward_bound,
        "forward_cpu_over_bound": cpu["Image"] / forward_bound,
        "gradient_bound_ms": both_bound,
        "gradient_cpu_over_bound": cpu["Image and gradients"] / both_bound,
    }


def bench_all(report: harness.Report, sizes: harness.Sizes) -> None:
    """All sizes, each beside the bound of the blending alone at the peak rate of multiply-adds."""
    for size in sizes.sizes:
        for number in sizes.counts:
            scene = portrait(number, size)
            rows = list(bench(scene, sizes.seconds))
            report.rows += rows
            report.facts.append(count(scene, report, rows))


main = partial(harness.run, "raster", bench_all, 1.0)

if __name__ == "__main__":
    main()

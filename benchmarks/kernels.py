"""SSIM, tri-plane encoding and playback deformation against plain torch."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from benchmarks import harness
from unigs.losses.ssim import ssim, ssim_torch
from unigs.model.kernels.encoding import encode
from unigs.model.kernels.encoding_torch import encode_torch
from unigs.model.kernels.levels import levels
from unigs.playback.network import PlaybackDeformation

LEVELS = {"n_levels": 12, "base": 16, "finest": 64, "log2_entries": 17}
HASHED_LEVELS = {"n_levels": 12, "base": 16, "finest": 512, "log2_entries": 14}
FEATURES = 2
WIDTH = 64
OUTPUTS = 10


def difference(a: Tensor, b: Tensor) -> str:
    """Largest difference of two results, relative to the largest value."""
    return f"differs by {float((a - b).detach().abs().max() / b.detach().abs().max()):.0e}"


def bench_ssim(sizes: harness.Sizes) -> Iterator[harness.Row]:
    """A training step needs value and gradient, an evaluation the value."""
    for size in sizes.sizes:
        g = torch.Generator().manual_seed(0)
        a, b = torch.rand(3, size, size, generator=g), torch.rand(3, size, size, generator=g)
        leaf = a.clone().requires_grad_()

        def step(function: Callable[[Tensor, Tensor], Tensor], leaf=leaf, b=b) -> Tensor:
            (gradient,) = torch.autograd.grad(function(leaf, b), leaf)
            return gradient

        words = f"3 x {size} x {size}"
        yield from harness.compare(
            "SSIM, value and gradient",
            words,
            {"numba": lambda: step(ssim), "torch conv2d": lambda: step(ssim_torch)},
            seconds=sizes.seconds,
            agreement=difference,
        )
        yield from harness.compare(
            "SSIM, value only",
            words,
            {
                "numba": lambda a=a, b=b: ssim(a, b),
                "torch conv2d": lambda a=a, b=b: ssim_torch(a, b),
            },
            seconds=sizes.seconds,
            agreement=difference,
        )


def bench_encoding(sizes: harness.Sizes) -> Iterator[harness.Row]:
    """Dense levels, as the default settings have them, and hashed ones, as in the literature."""
    for count in sizes.counts:
        for kind, shape in (("dense", LEVELS), ("hashed", HASHED_LEVELS)):
            level_table = levels(**shape)
            g = torch.Generator().manual_seed(0)
            points = torch.rand(count, 3, generator=g)
            tables = torch.rand(3, level_table.entries, FEATURES, generator=g).requires_grad_()
            grad = torch.rand(count, 3 * level_table.n_levels * FEATURES, generator=g)

            def step(function, points=points, tables=tables, grad=grad, level_table=level_table):
                encoded = function(points, tables, level_table)
                (gradient,) = torch.autograd.grad(encoded, tables, grad)
                return gradient

            yield from harness.compare(
                "Tri-plane encoding, values and table gradient (L = 12, F = 2)",
                f"{count} points, {kind} to {shape['finest']}",
                {"numba": lambda: step(encode), "torch gather": lambda: step(encode_torch)},
                seconds=sizes.seconds,
                agreement=difference,
            )


def bench_deformation(sizes: harness.Sizes) -> Iterator[harness.Row]:
    """One frame's deformation: the literal network of eq. 6, its constant part kept, the kernel."""
    for count in sizes.counts:
        g = torch.Generator().manual_seed(0)
        encoded = torch.randn(count, 72, generator=g)
        condition = torch.randn(50, generator=g)
        first = torch.nn.Linear(72 + 50, WIDTH)
        second, last = torch.nn.Linear(WIDTH, WIDTH), torch.nn.Linear(WIDTH, OUTPUTS)
        with torch.no_grad():
            product = torch.addmm(first.bias, encoded, first.weight[:, :72].T)
            bias = first.weight[:, 72:] @ condition
        kernel = PlaybackDeformation(product, second.weight, second.bias, last.weight, last.bias)

        @torch.no_grad()
        def literal(encoded=encoded, condition=condition, layers=(first, second, last)):
            x = torch.cat([encoded, condition.expand(len(encoded), -1)], 1)
            return layers[2](torch.relu(layers[1](torch.relu(layers[0](x)))))

        @torch.no_grad()
        def split(product=product, bias=bias, layers=(second, last)):
            return layers[1](torch.relu(layers[0](torch.relu(product + bias))))

        yield from harness.compare(
            "Playback deformation of one frame (width 64, 10 outputs)",
            f"{count} points",
            {
                "numba": lambda kernel=kernel, bias=bias: torch.from_numpy(kernel.apply(bias)),
                "torch, constant part kept": split,
                "torch, whole network": literal,
            },
            seconds=sizes.seconds,
            agreement=difference,
        )


def bench_all(report: harness.Report, sizes: harness.Sizes) -> None:
    """All groups: SSIM, encoding, deformation."""
    for bench in (bench_ssim, bench_encoding, bench_deformation):
        report.rows += bench(sizes)


main = partial(harness.run, "kernels", bench_all, 1.0)

if __name__ == "__main__":
    main()

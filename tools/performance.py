"""The tables of docs/performance.md, from what `make bench` wrote into benchmarks/results.

`python -m tools.performance` fills them in; a test fails when they are out of step with the files.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import RESULTS
from benchmarks.playback import FRAMES
from benchmarks.playback import GROUP as TALKING
from benchmarks.training import OURS, STEPS, TORCH
from tools.markers import fill, table

DOCUMENT = Path(__file__).parents[1] / "docs/performance.md"
MACHINE = "amd-epyc-2-cores"
"""End of the names of the files that are shown."""
PART = "measured"
LARGE = "20000 Gaussians, 480 px"


class Measured:
    """Rows and facts of one benchmark.

    Args:
        name: of the benchmark, as its file begins.
    """

    def __init__(self, name: str) -> None:
        read = json.loads((RESULTS / f"{name}-{MACHINE}.json").read_text(encoding="utf-8"))
        self.machine = read["machine"]
        self.rows = {(r["group"], r["size"], r["name"], r["threads"]): r for r in read["rows"]}
        self.facts = {(f["size"], f["gaussians"], f["threads"]): f for f in read["facts"]}

    def ms(self, group: str, size: str, name: str, threads: int) -> float:
        """Median wall milliseconds."""
        return self.rows[group, size, name, threads]["median_ms"]

    def ratio(self, group: str, size: str, name: str, threads: int) -> float:
        """Time over that of the group's first candidate."""
        return self.rows[group, size, name, threads]["ratio"]

    def sizes(self) -> list[tuple[str, str, dict[int, dict]]]:
        """What was timed at: as the rows call it, as a table does, and facts by threads."""
        keys = dict.fromkeys((size, count) for size, count, _ in self.facts)
        return [
            (
                f"{count} Gaussians, {size} px",
                f"{count}, {size}",
                {threads: self.facts[size, count, threads] for threads in (1, 2)},
            )
            for size, count in sorted(keys)
        ]

    def parts(self, group: str, size: str, threads: int) -> dict[str, float]:
        """Milliseconds of the parts of a group, by name."""
        of = group, size
        return {
            name: row["median_ms"]
            for (*which, name, at), row in self.rows.items()
            if tuple(which) == of and at == threads
        }


def rasterizer(measured: Measured) -> str:
    """Table of images and gradients on one thread."""
    image, both, torch = "Image", "Image and gradients", "torch, tile by tile"
    lines = []
    for size, name, facts in measured.sizes():
        bounds = [facts[1][f"{what}_cpu_over_bound"] for what in ("forward", "gradient")]
        cells = [name]
        for group in (image, both):
            cells += [f"{measured.ms(group, size, 'numba', 1):.1f}"]
            cells += [f"{measured.ratio(group, size, torch, 1):.0f}"]
        lines.append([*cells, "; ".join(f"{bound:.1f}" for bound in bounds)])
    bound = "CPU time over the bound: image; with gradients"
    head = ["Gaussians, px", "image", "torch by tile / ours", "image and gradients"]
    return table([*head, "torch / ours", bound], lines)


def by_threads(
    measured: Measured,
    group: str,
    ours: str,
    rival: str,
    head: list[str],
    shown: Callable[[float], float] = float,
) -> str:
    """Table of one candidate on one and two threads, beside a rival on two.

    Args:
        measured: the benchmark.
        group: what is timed.
        ours: name of the candidate.
        rival: name of the candidate whose time over that of the group's first is shown.
        head: headings of the two figures, of the ratio and of the time over the bound.
        shown: the figure that is shown, from milliseconds.
    """
    lines = [
        [
            name,
            *(f"{shown(measured.ms(group, size, ours, threads)):.0f}" for threads in (1, 2)),
            f"{measured.ratio(group, size, rival, 2):.1f}",
            f"{facts[1]['cpu_over_bound']:.1f}",
        ]
        for size, name, facts in measured.sizes()
    ]
    return table(["Gaussians, px", *head], lines)


def step(measured: Measured) -> str:
    """Table of dynamic steps on one and two threads."""
    without = "without compiled kernels (rasterizer apart) / ours, two threads"
    head = ["one thread", "two threads", without, "CPU time over the bound, one thread"]
    return by_threads(measured, STEPS["dynamic"], OURS, TORCH, head)


def step_parts(measured: Measured) -> str:
    """Table of where a dynamic and a static step spend their time, two threads."""
    parts = [measured.parts(f"{group} by part", LARGE, 2) for group in STEPS.values()]
    names = dict.fromkeys(name for one in parts for name in one)
    lines = [
        [name, *(f"{one[name]:.1f}" if name in one else "-" for one in parts)] for name in names
    ]
    return table(["part", *STEPS], lines)


def playback(measured: Measured) -> str:
    """Table of frames per second, and the parts of a frame in a sentence."""
    rates = ["frames/s, 1 thread", "frames/s, 2 threads"]
    rest = ["without the player / with, 2 threads", "CPU time over the bound, 1 thread"]
    head, rate = [*rates, *rest], lambda ms: FRAMES * 1000 / ms
    frames = by_threads(measured, TALKING, "player", "without", head, rate)
    parts = measured.parts(f"{TALKING} by part", LARGE, 2)
    told = ", ".join(f"{name} {ms / FRAMES:.1f} ms" for name, ms in parts.items())
    sentence = f"A frame of 20,000 Gaussians at 480 px by part, two threads: {told}."
    return f"{frames}\n\n{sentence}"


def kernels(measured: Measured) -> str:
    """Times of torch over those of the kernels, by group, one and two threads."""
    told = defaultdict(list)
    for group, size, name, threads in measured.rows:
        if name != "numba" and threads == 1:
            what = f"{size} {name.removeprefix('torch').lstrip(', ')}".strip()
            ratios = [measured.ratio(group, size, name, at) for at in (1, 2)]
            told[group].append(f"{what} {ratios[0]:.1f}; {ratios[1]:.1f}")
    return "\n".join(f"- {group}: {', '.join(cells)}" for group, cells in told.items())


def measured_part() -> str:
    """Everything between the comments of docs/performance.md."""
    raster, training = Measured("raster"), Measured("training")
    machine = raster.machine
    packages = " and ".join(f"{name} {machine['packages'][name]}" for name in ("torch", "numba"))
    about = (
        f"Machine: {machine['processor']}, {machine['cores']} cores, no GPU; load before the run "
        f"{machine['load_average'][0]:.2f}; {machine['peak_gflops_per_core']:.0f} GFLOP/s per core "
        f"in multiply-adds from registers; {packages}; {machine['date'][:10]}."
    )
    where = "Where it goes at 20,000 Gaussians and 480 px, two threads (medians of another series):"
    sections = {
        "Rasterizer, one thread, wall milliseconds (median)": rasterizer(raster),
        "A dynamic training step of `unigs_plus`, wall milliseconds (median)": (
            f"{step(training)}\n\n{where}\n\n{step_parts(training)}"
        ),
        "Playback, a frame of a talking portrait": playback(Measured("playback")),
        "Kernels against plain torch (times of torch over ours: one thread; two)": (
            kernels(Measured("kernels"))
        ),
    }
    told = [f"### {title}\n\n{text}" for title, text in sections.items()]
    return "\n\n".join([about, *told])


def document() -> str:
    """docs/performance.md with its tables made anew."""
    return fill(DOCUMENT.read_text(encoding="utf-8"), PART, measured_part())


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")

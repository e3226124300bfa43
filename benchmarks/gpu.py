"""A whole portrait on a CUDA device: first parity with the CPU, then how fast it learns and plays.

gsplat compiles its kernels when they are first used, some minutes; they are kept for the next run.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import torch

from benchmarks import harness
from benchmarks.scenes import Scene, portrait
from benchmarks.speaker import write_speaker
from unigs.compute.cards import claim_card
from unigs.evaluate.speed import measure_speed
from unigs.model.storage import load_portrait
from unigs.render.rasterize import rasterize
from unigs.settings.demo import DemoSettings
from unigs.settings.dynamic import DynamicSettings
from unigs.settings.evaluate import EvaluateSettings
from unigs.settings.static import StaticSettings
from unigs.stage.files import read_json, write_json
from unigs.subject.dataset import Dataset, SubjectFiles
from unigs.train.dynamic import DynamicTask, train_dynamic
from unigs.train.loop import Task
from unigs.train.static import train_static

SPEAKER = DemoSettings(size=480, seconds=8.0)
STATIC = StaticSettings(
    iterations=2000, anchor=True, follow_body=True, evaluate_every=50, device="cuda"
)
"""The paper's losses; the torso is anchored and tracked, as in `unigs_plus`."""
DYNAMIC = DynamicSettings(iterations=2000, body_input=True, evaluate_every=50, device="cuda")
"""The paper's losses and network; the torso's pose is an input."""
SPEED = EvaluateSettings(device="cuda", speed_frames=500, speed_warmup=50)
TARGET_PSNR = 32.0
"""PSNR whose time is reported, dB, mean over the curve's training frames."""
BATCHES = (1, 4)
"""Frames per step that are timed."""
RATE_STEPS = 200
"""Timed steps per batch size, after a tenth as many to warm up."""
LEAVES = ("means", "quats", "scales", "opacities", "colors")
AGREEING = 1e-5
"""Difference below which a pixel agrees; gradients are compared through agreeing pixels alone.
gsplat is compiled with fast arithmetic: single Gaussians fall on the other side of a threshold."""
LOWEST_PSNR = 80.0
"""PSNR between the images of both devices that parity asks for, dB."""
LARGEST_GRADIENT = 1e-3
"""Largest difference of a parameter's gradient in parity, relative to the gradient's norm."""


def copy_to(scene: Scene, device: torch.device) -> Scene:
    """The scene on a device, its Gaussians asking for gradients."""
    parts = {k: v.to(device, copy=True) for k, v in vars(scene).items() if torch.is_tensor(v)}
    for name in LEAVES:
        parts[name].requires_grad_()
    return replace(scene, **parts)


def parity(scene: Scene, device: torch.device) -> dict:
    """Differences of image and gradients between the CPU's kernels and the device's."""
    scenes = [copy_to(scene, torch.device("cpu")), copy_to(scene, device)]
    images = [rasterize(*one.arguments())[0] for one in scenes]
    error = (images[0] - images[1].cpu()).detach().abs()
    agree = (error.amax(-1, keepdim=True) < AGREEING).float()
    weights = agree * torch.randn(error.shape, generator=torch.Generator().manual_seed(1))
    wanted, found = (
        torch.autograd.grad(
            image, [getattr(one, name) for name in LEAVES], weights.to(image.device)
        )
        for one, image in zip(scenes, images, strict=True)
    )
    gradient = [float((a - b.cpu()).norm() / a.norm()) for a, b in zip(wanted, found, strict=True)]
    return {
        "what": "parity",
        "gaussians": len(scene.means),
        "size": scene.width,
        "psnr_db": float(-10 * torch.log10(error.square().mean().clamp(min=1e-20))),
        "largest": float(error.max()),
        "agreeing_pixels": float(agree.mean()),
        "worst_gradient": max(gradient),
    }


def in_parity(fact: dict) -> bool:
    """Whether the differences are those of rounding."""
    return fact["psnr_db"] > LOWEST_PSNR and fact["worst_gradient"] < LARGEST_GRADIENT


def train_stages(
    files: SubjectFiles, folder: Path, static: StaticSettings, dynamic: DynamicSettings
) -> list[dict]:
    """Both stages as the workflow runs them; their portraits are left in the folder."""
    facts, curves, seconds = [], [], 0.0
    for name, settings in (("static", static), ("dynamic", dynamic)):
        forget_peak()
        out = [folder / f"{name}{end}" for end in (".safetensors", ".csv", ".json")]
        if name == "static":
            train_static(files, out[0], folder / "refined.npz", *out[1:], settings)
        else:
            train_dynamic(files, folder / "static.safetensors", *out, settings)
        summary = read_json(out[2])["summary"]
        curve = pd.read_csv(out[1])
        curves.append(curve.assign(seconds=curve["seconds"] + seconds))
        seconds += summary["seconds"]
        facts.append(
            {
                "what": f"train {name}",
                "gaussians": summary["gaussians"],
                "steps": summary["steps"],
                "steps_per_second": summary["steps"] / summary["seconds"],
                "psnr_db": summary["psnr_train"],
                "peak_gb": peak_gb(),
            }
        )
    reached = seconds_to(pd.concat(curves), TARGET_PSNR)
    facts.append({"what": "time to PSNR", "psnr_db": TARGET_PSNR, "seconds": reached})
    return facts


def seconds_to(curve: pd.DataFrame, target: float) -> float | None:
    """Seconds of training until a curve first reaches a PSNR; None if it does not."""
    reached = curve.loc[curve["psnr_train"] >= target, "seconds"]
    return float(reached.iloc[0]) if len(reached) else None


def step_rates(
    files: SubjectFiles,
    static: Path,
    settings: DynamicSettings,
    device: torch.device,
    steps: int = RATE_STEPS,
    batches: Sequence[int] = BATCHES,
) -> list[dict]:
    """Steps of the dynamic stage alone, without curve and checkpoints, by batch size."""
    dataset, facts = Dataset(files), []
    for batch in batches:
        forget_peak()
        task = DynamicTask(
            dataset, load_portrait(static, device), replace(settings, batch=batch), device
        )
        rate = steps / time_steps(task, steps)
        facts.append(
            {
                "what": f"dynamic steps, batch {batch}",
                "gaussians": len(task.portrait.gaussians),
                "steps_per_second": rate,
                "frames_per_second": rate * batch,
                "peak_gb": peak_gb(),
            }
        )
    return facts


def time_steps(task: Task, steps: int) -> float:
    """Seconds of `steps` training steps after a tenth as many; the device is idle at both ends."""
    for step in range(max(1, steps // 10)):
        task.step(step)
    synchronize()
    started = time.perf_counter()
    for step in range(steps):
        task.step(step)
    synchronize()
    return time.perf_counter() - started


def play(files: SubjectFiles, folder: Path, settings: EvaluateSettings) -> dict:
    """Frames per second of the trained portrait, as the workflow measures them."""
    forget_peak()
    out = folder / "speed.json"
    measure_speed(
        folder / "dynamic.safetensors", files.frame_table, files.pose, files.body, files.eyes,
        files.speech, out, settings,
    )  # fmt: skip
    speed = read_json(out)
    metrics = {row["metric"]: row["value"] for row in speed["metrics"]}
    sizes = {name: speed[name] for name in ("gaussians", "size", "frames", "warmup", "batch")}
    return {"what": "play", **sizes, **metrics, "peak_gb": peak_gb()}


def synchronize() -> None:
    """Wait for the GPU, where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def forget_peak() -> None:
    """Start to measure the GPU's memory anew."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_gb() -> float | None:
    """Largest memory of torch's tensors on the GPU since `forget_peak`, GB."""
    return torch.cuda.max_memory_allocated() / 1e9 if torch.cuda.is_available() else None


def show(fact: dict) -> None:
    """Print one measurement."""
    values = (f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in fact.items())
    print("  ".join(values), flush=True)


def main(arguments: list[str] | None = None) -> None:
    """Run everything on a free CUDA device."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu")
    parser.add_argument("--out", type=Path, default=harness.RESULTS, help="folder of the JSON file")
    flags = parser.parse_args(arguments)
    claim_card(torch.cuda.device_count())
    if not torch.cuda.is_available():
        print("error: the GPU benchmark needs a CUDA device, and torch sees none.", file=sys.stderr)
        sys.exit(2)
    device, name = torch.device("cuda"), torch.cuda.get_device_name()
    report = harness.Report("gpu", harness.machine() | {"gpu": name, "cuda": torch.version.cuda})
    path = flags.out / f"gpu-{name.lower().replace(' ', '-')}.json"
    print(f"gpu: {name}\ngsplat compiles its kernels at the first use: some minutes")

    def add(*facts: dict) -> None:
        report.facts.extend(facts)
        for fact in facts:
            show(fact)

    started = time.perf_counter()
    rasterize(*copy_to(portrait(100, 64), device).arguments())
    add({"what": "load gsplat", "seconds": time.perf_counter() - started})
    add(parity(portrait(20_000, 480), device))
    if not in_parity(report.facts[-1]):
        write_json(path, asdict(report))
        print("error: CPU and GPU do not render the same: nothing was timed.", file=sys.stderr)
        sys.exit(1)
    with tempfile.TemporaryDirectory(prefix="unigs-bench-") as temporary:
        folder = Path(temporary)
        files = write_speaker(folder, SPEAKER)
        add(*train_stages(files, folder, STATIC, DYNAMIC))
        add(*step_rates(files, folder / "static.safetensors", DYNAMIC, device))
        add(play(files, folder, SPEED))
    write_json(path, asdict(report))
    print(f"written to {path}")


if __name__ == "__main__":
    main()

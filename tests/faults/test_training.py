"""A training that goes astray: the step, the term, a hint, and the last good state."""

from dataclasses import replace

import pytest
import torch

from tests.faults.cases_files import TRAIN
from tests.support.faults import Case, attempt
from tests.support.stages import STATIC
from tests.support.subject import write_subject
from unigs.model.portrait import Portrait
from unigs.settings.dynamic import DynamicSettings
from unigs.stage.errors import UserError
from unigs.subject.dataset import Dataset, SubjectFiles
from unigs.train import checkpoint
from unigs.train.checkpoint import Checkpoint
from unigs.train.dynamic import DynamicTask
from unigs.train.loop import train
from unigs.train.static import StaticTask

AREA = "Training"
CPU = torch.device("cpu")
DYNAMIC = DynamicSettings(iterations=60, evaluate_every=30, lip_code=0, device="cpu")


@pytest.fixture(scope="module")
def subject(tmp_path_factory) -> SubjectFiles:
    """A subject of a head before a torso."""
    return write_subject(tmp_path_factory.mktemp("subject"))


@pytest.fixture(scope="module")
def static(subject, tmp_path_factory) -> Portrait:
    """Its static portrait, hardly trained."""
    task = StaticTask(Dataset(subject), replace(STATIC, iterations=20), CPU)
    folder = tmp_path_factory.mktemp("static")
    train(task, folder / "curve.csv", Checkpoint(folder, "key"))
    task.portrait.meta = {"static": {"settings": {}}}
    return task.portrait


def task_of(stage, subject, static, settings=None):
    """A task of a stage whose class is given."""
    if issubclass(stage, StaticTask):
        return stage(Dataset(subject), settings or replace(STATIC, iterations=60), CPU)
    return stage(Dataset(subject), static, settings or DYNAMIC, CPU)


def is_finite(state: object) -> bool:
    """Whether all numbers in a checkpoint are finite."""
    if isinstance(state, torch.Tensor):
        return not state.is_floating_point() or bool(torch.isfinite(state).all())
    parts = state.values() if isinstance(state, dict) else state
    return not isinstance(state, dict | list | tuple) or all(map(is_finite, parts))


@pytest.mark.parametrize("number", [torch.nan, torch.inf, -torch.inf], ids=str)
@pytest.mark.parametrize("stage", [StaticTask, DynamicTask])
def test_a_number_that_is_none_stops_with_step_and_term(
    subject, static, tmp_path, monkeypatch, tried, stage, number
):
    monkeypatch.setattr(checkpoint, "EVERY_SECONDS", -1.0)
    names = []

    class Broken(stage):
        def step(self, step):
            terms = super().step(step)
            names[:] = list(terms)
            return terms | ({names[-1]: terms[names[-1]] * 0 + number} if step == 17 else {})

    task = task_of(Broken, subject, static)
    with pytest.raises(UserError) as stop:
        train(task, tmp_path / "curve.csv", Checkpoint(tmp_path, "key"))
    said = str(stop.value)
    assert f"stage stopped at step 17: the loss term {names[-1]} is {number:g}: lower the" in said
    kept = torch.load(tmp_path / "last.ckpt", weights_only=True)["state"]
    assert kept["step"] == 17 and is_finite(kept["task"])
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]
    tried(
        AREA, f"{number:g} as a loss term of the {task.name} stage", said=said,
        lost="nothing: the checkpoint of the step before is kept",
        do="as the sentence says; the same command resumes at the last good step",
    )  # fmt: skip


@pytest.mark.parametrize(
    "what, settings, says",
    [
        ("a learning rate of 1 for the places of Gaussians", "--lr-means 1.0",
         r"stopped at step 100: the field has exploded \(\d+% of its Gaussians .*lr_means 1,"),
        ("a field that is pruned to nothing", "--prune-opacity 0.95",
         r"stopped at step \d+: 0 visible Gaussians are left.*prune less \(prune_opacity"),
    ],
)  # fmt: skip
def test_a_field_that_is_none_is_no_result(
    work, scratch, capfd, tried, subject, what, settings, says
):
    good = subject.video.parent
    for path in good.iterdir():
        (work / "good" / path.name).write_bytes(path.read_bytes())
    words = "--iterations 300 --points 400 --evaluate-every 100"
    case = Case(what, f"{TRAIN.replace('--iterations 1 ', '')} {words} {settings}", says)
    said = attempt(case, work, scratch, capfd)
    tried(AREA, what, f"train_static {settings}", said, do="as the sentence says")


@pytest.mark.parametrize("stage", [StaticTask, DynamicTask])
def test_a_portrait_without_a_face_is_no_result(subject, static, tmp_path, tried, stage):
    """All Gaussians are beside the picture: visible as such, but no pixel shows them."""

    class Beside(stage):
        def step(self, step):
            terms = super().step(step)
            with torch.no_grad():
                self.portrait.gaussians.means[:, 0] = 2.0
            return {name: value.new_tensor(0.1) for name, value in terms.items()}

    task = task_of(Beside, subject, static)
    with pytest.raises(
        UserError, match="shows no face .*0.00 on average.*figures/sheet.png"
    ) as stop:
        train(task, tmp_path / "curve.csv", Checkpoint(tmp_path, "key"))
    assert not list(tmp_path.iterdir())
    tried(AREA, f"no face after the {task.name} stage", said=str(stop.value),
          do="look at `figures/sheet.png`: poses and regions must lie on the person")  # fmt: skip


def test_a_random_start_shows_a_face(subject):
    """What the limit of a faceless field is measured by."""
    task = StaticTask(Dataset(subject), replace(STATIC, iterations=1), CPU)
    view = task.view(5)
    face = task.dataset.regions(5) == 1
    assert float(view.alpha[face].detach().mean()) > 0.4

"""Head and torso as fields of their own: what each is compared with, and what they share."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from tests.support.stages import STATIC, STATIC_RESULTS
from tests.train.test_density import field_of
from tests.train.test_dynamic import DYNAMIC
from tests.train.test_resume import kill_at_random_steps, same_results
from unigs.lips import networks
from unigs.model.portrait import Rendering
from unigs.model.storage import load_portrait
from unigs.playback.cues import cues
from unigs.playback.play import Playback
from unigs.stage.errors import UserError
from unigs.stage.files import read_json
from unigs.subject.dataset import Dataset
from unigs.subject.labels import BACKGROUND, FACE, TORSO
from unigs.train.density import DensityControl, densify
from unigs.train.dynamic import DynamicTask, train_dynamic
from unigs.train.dynamic_loss import DynamicLoss
from unigs.train.gaussian_adam import GaussianAdam, gaussian_rates
from unigs.train.initial_points import split_field
from unigs.train.parts import CutHead, CutTorso, Head, Torso, Whole
from unigs.train.static import StaticTask, train_static

CPU = torch.device("cpu")
SEPARATE = replace(STATIC, fields="separate")


@pytest.fixture(scope="module")
def separate_run(files, tmp_path_factory):
    """Both stages of a portrait of two fields."""
    out = tmp_path_factory.mktemp("separate")
    train_static(files, *(out / name for name in STATIC_RESULTS), SEPARATE)
    (out / "dynamic").mkdir()
    outputs = [out / "dynamic" / name for name in ("portrait.safetensors", "curve.csv", "run.json")]
    train_dynamic(files, out / "portrait.safetensors", *outputs, DYNAMIC)
    return out


@pytest.fixture
def rendering():
    """A picture and an opacity that ask for gradients."""
    generator = torch.Generator().manual_seed(0)
    image, alpha = (torch.rand(64, 64, n, generator=generator) for n in (3, 1))
    return Rendering(image.requires_grad_(), alpha.requires_grad_(), {}, None)


def plate_of(dataset):
    return torch.from_numpy(dataset.plate)


def test_where_all_is_head_its_field_learns_what_the_one_field_learns(files):
    """To the bit, density control included."""
    states = []
    for part in (Whole, Head):
        dataset = Dataset(files)
        seen = [np.minimum(dataset.labels[k], FACE) for k in range(len(dataset))]
        dataset.labels.frames = np.stack(seen)
        dataset.to("cpu")
        assert not (dataset.regions(0) == TORSO).any() and dataset.person(0).any()
        torch.manual_seed(0)
        task = StaticTask(dataset, STATIC, CPU)
        task.parts = [part(dataset, task.portrait.plate_image)]
        for step in range(60):
            task.step(step)
        states.append(task.portrait.state_dict())
    assert len(states[0]["gaussians.means"]) > 400
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_the_head_is_seen_before_the_true_torso(files, rendering):
    dataset = Dataset(files)
    part, labels = Head(dataset, plate_of(dataset)), dataset.regions(3)
    behind, torso = part.backdrop(3), labels == TORSO
    assert torch.equal(behind[torso], dataset.image(3)[torso])
    assert torch.equal(behind[~torso], plate_of(dataset)[~torso])
    pair = part.compared(rendering, 3)
    assert torch.equal(pair.truth, dataset.image(3)) and pair.image is rendering.image
    assert torch.equal(pair.person, (labels != BACKGROUND) & (labels != TORSO))
    # A head that leaves the torso free is right there without a Gaussian.
    empty = replace(rendering, image=behind, alpha=torch.zeros(64, 64, 1))
    assert torch.equal(part.compared(empty, 3).image[torso], pair.truth[torso])


def test_the_torso_learns_nothing_where_the_head_hides_it(files, rendering):
    dataset = Dataset(files)
    part, labels = Torso(dataset, plate_of(dataset)), dataset.regions(3)
    hidden = (labels != TORSO) & (labels != BACKGROUND)
    pair = part.compared(rendering, 3)
    assert torch.equal(pair.image[hidden], pair.truth[hidden]) and not pair.alpha[hidden].any()
    ((pair.image - pair.truth).abs().sum() + pair.alpha.sum()).backward()
    for value in (rendering.image, rendering.alpha):
        touched = value.grad.abs().sum(-1) > 0
        assert not touched[hidden].any() and touched[labels == TORSO].all()
    # A shadow on the wall is the head's to learn: both would paint it twice.
    background = labels == BACKGROUND
    assert torch.equal(pair.truth[background], plate_of(dataset)[background])
    assert torch.equal(pair.person, labels == TORSO)


def test_a_part_that_is_cut_out_has_the_plate_around_it(files, rendering):
    dataset = Dataset(files)
    plate, labels = plate_of(dataset), dataset.regions(3)
    torso = labels == TORSO
    masks = {CutHead: (labels != BACKGROUND) & ~torso, CutTorso: torso}
    for kind, own in masks.items():
        part = kind(dataset, plate)
        pair = part.compared(rendering, 3)
        assert torch.equal(pair.person, own) and torch.equal(part.backdrop(3), plate)
        assert torch.equal(pair.truth[own], dataset.image(3)[own])
        assert torch.equal(pair.truth[~own], plate[~own])
        assert pair.image is rendering.image and pair.alpha is rendering.alpha


def test_what_the_static_stage_was_told_holds_for_the_dynamic_one(files, tmp_path):
    masked = replace(SEPARATE, fields="masked", iterations=30)
    train_static(files, *(tmp_path / name for name in STATIC_RESULTS), masked)
    portrait = load_portrait(tmp_path / STATIC_RESULTS[0])
    task = DynamicTask(Dataset(files), portrait, replace(DYNAMIC, lip_code=0), CPU)
    assert [type(part) for part in task.parts] == [CutHead, CutTorso]
    terms = task.step(0)
    assert all(torch.isfinite(value) for value in terms.values())
    portrait.behind = None
    with pytest.raises(UserError, match="has 1 layers, but its settings say .* masked: train"):
        DynamicTask(Dataset(files), portrait, replace(DYNAMIC, lip_code=0), CPU)


def test_both_fields_start_from_the_points_of_the_one(files):
    one, two = (StaticTask(Dataset(files), s, CPU).portrait for s in (STATIC, SEPARATE))
    means = torch.cat([layer.gaussians.means for layer in two.layers])
    assert two.count == one.count and len(two.layers) == 2
    rows = {tuple(row) for row in one.gaussians.means.tolist()}
    assert {tuple(row) for row in means.tolist()} == rows
    head, torso = (layer.gaussians.means[:, 1] for layer in two.layers)
    assert torso.min() > head.median(), "the torso lies below"


def test_a_clip_without_a_torso_cannot_be_taken_apart(files):
    dataset = Dataset(files)
    portrait = StaticTask(dataset, STATIC, CPU).portrait
    dataset.labels.frames = np.minimum(dataset.labels.frames, FACE)
    with pytest.raises(ValueError, match="only 0 start points lie in the torso, too few"):
        split_field(dataset, portrait.torso(None), portrait.gaussians)
    with pytest.raises(UserError, match=r"labels\.mkv: only 0 start points lie in the torso"):
        StaticTask(dataset, SEPARATE, CPU)


def test_one_cap_for_both_and_the_hottest_first():
    settings, controls = replace(STATIC, max_gaussians=110), []
    for _ in range(2):
        field = field_of(50)
        control = DensityControl(
            field, GaussianAdam(field, gaussian_rates(settings)), settings, 100
        )
        control.seen += 1
        controls.append(control)
    controls[0].gradient += torch.linspace(1, 2, 50)
    controls[1].gradient += torch.linspace(3, 4, 50)
    densify(controls)
    assert [len(control.field) for control in controls] == [50, 60]


def test_both_fields_together_have_as_many_gaussians_as_the_one(separate_run, static_run):
    one = load_portrait(static_run / "portrait.safetensors")
    two = load_portrait(separate_run / "portrait.safetensors")
    assert one.count == two.count == STATIC.max_gaussians
    assert min(len(layer.gaussians) for layer in two.layers) > 100
    curve = pd.read_csv(separate_run / "curve.csv")
    assert curve["gaussians"].iloc[-1] == STATIC.max_gaussians
    assert curve["psnr_train"].iloc[-1] > 24
    assert read_json(separate_run / "run.json")["settings"]["fields"] == "separate"


def test_the_head_leaves_the_torso_free_and_the_layers_together_are_the_person(files, separate_run):
    """Opacity of the trained head: high in its own region, low where the torso is."""
    dataset = Dataset(files)
    portrait = load_portrait(separate_run / "dynamic/portrait.safetensors")
    assert portrait.behind.motion.speech_net is None and portrait.motion.speech_net is not None
    frame = int(dataset.train[5])
    player = Playback(portrait).cpu_player
    (cue,) = cues(portrait, dataset.performance[frame : frame + 1])
    alpha = torch.from_numpy(player.render(cue)[1][..., 0].copy())
    labels = dataset.regions(frame)
    assert alpha[labels == TORSO].mean() < 0.2
    assert alpha[(labels != TORSO) & (labels != BACKGROUND)].mean() > 0.7
    image = torch.from_numpy(Playback(portrait).frame(dataset.performance, frame)).float() / 255
    error = ((image - dataset.image(frame)) ** 2)[labels == TORSO].mean()
    assert -10 * torch.log10(error) > 22


def test_the_dynamic_stage_improves_on_the_static_one(separate_run):
    static, dynamic = (pd.read_csv(separate_run / x / "curve.csv") for x in ("", "dynamic"))
    assert dynamic["psnr_train"].iloc[-1] > static["psnr_train"].iloc[-1]


def test_a_killed_training_of_two_fields_ends_in_the_same_files(
    files, separate_run, tmp_path, monkeypatch
):
    monkeypatch.setattr(networks, "FEWEST_STEPS", 40)
    monkeypatch.setattr(networks, "STEPS_PER_FRAME", 0)

    def static():
        train_static(files, *(tmp_path / name for name in STATIC_RESULTS), SEPARATE)

    kill_at_random_steps(static, StaticTask, 10, 120, 0)
    same_results(separate_run, tmp_path)

    def dynamic(folder="killed"):
        names = ("portrait.safetensors", "curve.csv", "run.json")
        outputs = [tmp_path / folder / name for name in names]
        train_dynamic(files, separate_run / "portrait.safetensors", *outputs, DYNAMIC)

    dynamic("whole")
    kill_at_random_steps(dynamic, DynamicTask, 5, 60, 0)
    same_results(tmp_path / "whole", tmp_path / "killed")


@pytest.mark.parametrize(
    "part, own, foreign",
    [
        (CutHead, {"mouth", "hair"}, {"torso"}),
        (CutTorso, {"torso"}, {"mouth", "hair"}),
    ],
)
def test_regions_of_the_other_part_teach_a_part_that_is_cut_out_no_hole(
    files, rendering, part, own, foreign
):
    dataset = Dataset(files)
    dataset.to("cpu")
    weights = dict.fromkeys(("lambda_mouth", "lambda_hair", "lambda_torso"), 1.0)
    loss = DynamicLoss(dataset, replace(DYNAMIC, lambda_motion=0.0, **weights), CPU)
    pair = part(dataset, plate_of(dataset)).compared(rendering, int(dataset.train[0]))
    terms = loss.terms(pair, None, int(dataset.train[0]), 0)
    assert {name for name in own | foreign if terms[name] > 0} == own


@pytest.mark.parametrize("part, center", [(CutHead, True), (CutTorso, False), (Whole, True)])
def test_patches_lie_over_the_mouth_of_who_has_one(files, rendering, part, center):
    dataset = Dataset(files)
    dataset.to("cpu")
    pair = part(dataset, plate_of(dataset)).compared(rendering, int(dataset.train[0]))
    found = DynamicLoss(dataset, DYNAMIC, CPU)._mouth(int(dataset.train[0]), pair.part)
    assert (found is not None) == center

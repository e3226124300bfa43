"""A plan names what the tables and videos of a configuration need, each once, and no more."""

import dataclasses
import shlex
from pathlib import Path

import pytest
import yaml

from tests.support.workflow import DETECTORS, stand_in
from unigs.settings.dynamic import DynamicSettings
from unigs.settings.evaluate import RenderSettings, SpeedSettings, TorsoSettings
from unigs.settings.subject import PROVENANCE
from unigs.stage.errors import UserError
from unigs.workflow.plan import Plan, read_plan

REPO = Path(__file__).parents[2]
SHEET = "subject\tdataset\tvideo\tstart\nann\tlonghair\ta.mp4\t2\nbea\tshorthair\tsynthetic\t\n"
CONFIG = """
subjects: people.tsv
dynamic: {iterations: 5}
variants:
  unigs: {}
  plus: {static: {anchor: true}, dynamic: {ema: 0.9, lpips_model: trunk.pth}}
  less: {base: plus, dynamic: {ema: 0.0}}
tables:
  table2: {about: "It's the grid.", datasets: [longhair], variants: [unigs, less]}
  overview: {variants: [unigs, plus]}
  empty: {datasets: [nobody], variants: [unigs]}
videos: {variants: [plus, unigs], audio: [words, ./far/other.wav]}
"""
VARIANTS = yaml.safe_load(CONFIG)["variants"]


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    (tmp_path / "people.tsv").write_text(SHEET)
    (tmp_path / "trunk.pth").touch()
    monkeypatch.chdir(tmp_path)


def plan(**changes: object) -> Plan:
    return read_plan(yaml.safe_load(CONFIG) | changes, REPO)


def test_what_is_told_of_one_clip_is_what_a_row_would_tell(tmp_path):
    (tmp_path / "me.mp4").touch()
    own = plan(clip=str(tmp_path / "me.mp4"), consent="myself", license="", run_tables=["overview"])
    assert own.sheet_flags("me", PROVENANCE) == "--consent myself"


def test_tables_without_a_subject_are_left_out():
    assert plan().tables() == ["table2", "overview"]
    assert plan().table_subjects("table2") == ["ann"]
    assert plan().table_subjects("overview") == ["ann", "bea"]
    assert plan().table_subjects("empty") == []


def test_runs_are_those_of_all_tables_once():
    runs = ["ann/unigs", "ann/less", "ann/plus", "bea/unigs", "bea/plus"]
    assert plan().runs("x/y.json") == [f"results/{run}/x/y.json" for run in runs]
    runs = ["ann/unigs", "ann/plus", "bea/unigs", "bea/plus"]
    assert plan().table_runs("overview", "y") == [f"results/{run}/y" for run in runs]


def test_plots_of_a_run_stand_together():
    plots = plan().plots()
    folders = [str(Path(path).parent) for path in plots]
    assert list(dict.fromkeys(folders)) == plan().runs("figures")
    assert folders == sorted(folders, key=folders.index) and len(plots) == 4 * 5


def test_every_subject_has_pictures_of_its_preparation():
    pictures = [f"results/{s}/figures/{n}.png" for s in ("ann", "bea") for n in ("sheet", "curves")]
    assert plan().preparation() == pictures


def test_every_subject_speaks_every_sound_in_the_chosen_variants():
    wanted = [
        f"results/{subject}/{variant}/drive/{name}.mp4"
        for subject in ("ann", "bea")
        for variant in ("plus", "unigs")
        for name in ("words", "other")
    ]
    assert plan().driven_videos() == wanted
    assert plan().driving_audio("ann", "other") == "./far/other.wav"


def test_a_sound_can_be_each_subjects_own():
    own = plan(videos={"variants": ["plus"], "audio": ["results/{subject}/speech/audio.wav"]})
    assert own.driven_videos() == [f"results/{s}/plus/drive/audio.mp4" for s in ("ann", "bea")]
    assert own.driving_audio("bea", "audio") == "results/bea/speech/audio.wav"


def test_runs_of_the_talking_videos_variants_have_players():
    runs = ["ann/unigs", "ann/plus", "bea/unigs", "bea/plus"]
    assert plan().players() == [f"results/{run}/player.html" for run in runs]
    silent = plan(videos={"variants": ["less"], "audio": []})
    assert silent.players() == ["results/ann/less/player.html"], "no portrait is trained for a page"
    two = plan(variants=VARIANTS | {"plus": {"static": {"fields": "separate"}}})
    assert two.players() == [f"results/{name}/unigs/player.html" for name in ("ann", "bea")]
    for change in ({"static": {"sh_degree": 2}}, {"dynamic": {"hidden": 136}}):
        assert plan(variants=VARIANTS | {"plus": change}).players() == two.players()
    assert silent.player_sound("ann") == "results/ann/speech/audio.wav"
    assert plan().player_sound("ann") == plan().driving_audio("ann", "words")


def test_a_single_clip_takes_the_place_of_the_sheet():
    own = plan(clip="My clip.mp4", name="", audio="hi there.mp3")
    assert list(own.subjects) == ["my_clip"] and own.source_video("my_clip") == "My clip.mp4"
    assert list(own.spoken) == ["words", "other", "hi there"]
    assert own.tables() == ["overview"]


def test_what_is_finished_and_not_planned_is_shown_and_not_made():
    done = ["ann/plus", "ann/old", "eve/unigs", "zed/unigs", "zed/less"]
    for run in done:
        for file in ("test/metrics.json", "drive/words.mp4"):
            Path("results", run, file).parent.mkdir(parents=True)
            Path("results", run, file).touch()
    Path("results/eve/source.json").write_text(
        '{"source": "eve.mp4", "content": null, "dataset": "longhair"}'
    )
    runs = ["ann/old", "eve/unigs", "zed/less", "zed/unigs"]
    assert plan().earlier_runs() == [f"results/{run}/test/metrics.json" for run in runs]
    assert plan().earlier_drives() == [f"results/{run}/drive/words.mp4" for run in runs]
    assert not set(plan().earlier_runs()) & set(plan().runs("test/metrics.json"))
    # A sheet says who is in its tables; single clips made in turn are compared with each other.
    assert plan().table_earlier("overview") == []
    one = plan(clip="new.mp4")
    assert one.table_earlier("overview") == [
        "results/ann/plus/test/metrics.json",
        "results/zed/unigs/test/metrics.json",
    ]


def test_settings_of_a_variant():
    shared = plan().settings("dynamic")
    assert shared == plan().settings("dynamic", "unigs")
    # No weights of LPIPS are there, and none are named.
    without = {"lpips_model": "", "lambda_lpips": 0.0}
    assert shared == dataclasses.asdict(DynamicSettings(iterations=5)) | without
    named = {"ema": 0.0, "lpips_model": "trunk.pth", "lambda_lpips": 0.2}
    assert plan().settings("dynamic", "less") == shared | named


def test_a_stage_gets_the_settings_that_it_reads():
    given = plan(evaluate={"speed_frames": 7, "band_share": 0.5})
    assert given.settings("evaluate", reader=RenderSettings) == {"device": "auto"}
    speed = {"device": "auto", "speed_frames": 7, "speed_warmup": 10}
    assert given.settings("evaluate", reader=SpeedSettings) == speed
    assert {"band_share", "speed_frames"} <= set(given.settings("evaluate"))


def test_model_files_are_those_that_settings_name(tmp_path):
    assert plan().model_files("dynamic", "unigs") == []
    assert plan().model_files("dynamic", "less") == ["trunk.pth"]
    (tmp_path / "hubert/deep").mkdir(parents=True)
    for name in ("model.bin", "config.json", "deep/vocab.txt"):
        (tmp_path / "hubert" / name).touch()
    files = [f"hubert/{name}" for name in ("config.json", "deep/vocab.txt", "model.bin")]
    assert plan(speech={"model": "hubert"}).model_files("speech") == files


LPIPS = "resources/models/lpips-alex.safetensors"


@pytest.fixture
def models(monkeypatch):
    """The folder of pretrained weights of the working directory: LPIPS, and who finds faces."""
    monkeypatch.delenv("UNIGS_MODELS")
    stand_in(Path(LPIPS).parent)
    Path(LPIPS).touch()


def test_auto_is_settled_while_planning(models):
    own = {"lpips_model": LPIPS, "lambda_lpips": 0.2}
    assert plan().settings("dynamic").items() >= own.items()
    assert plan().model_files("dynamic", "unigs") == [LPIPS]
    assert set(plan().model_files("evaluate")) == {LPIPS, f"resources/models/{DETECTORS}"}
    assert plan().model_files("dynamic", "less") == ["trunk.pth"]
    Path("resources/models/whisper-tiny-en.safetensors").touch()
    assert plan().missing_models() == []
    off = plan(dynamic={"lambda_lpips": 0})
    assert off.model_files("dynamic") == [] and off.settings("dynamic")["lpips_model"] == ""


def test_what_is_missing_is_said_once_and_only_if_a_run_would_use_it():
    heard, sentence = plan().missing_models()
    assert "whisper-tiny-en.safetensors is not there, so speech is heard as log-mel" in heard
    assert "lpips-alex.safetensors is not there, so LPIPS is not measured, and the" in sentence
    assert "unigs models fetch lpips-alex" in sentence
    unused = {"dynamic": {"lambda_lpips": 0}, "evaluate": {"lpips_model": ""}}
    unused["speech"] = {"backend": "mfcc"}
    assert plan(**unused).missing_models() == []


def test_weights_that_a_rule_can_fetch_may_be_missing():
    named = plan(evaluate={"lpips_model": LPIPS})
    assert LPIPS in named.model_files("evaluate") and named.accept_flags("lpips-alex") == ""
    syncnet = "resources/models/syncnet-v2.safetensors"
    with pytest.raises(UserError, match=r"lpips_model: syncnet-v2 is for research.*accept"):
        plan(evaluate={"lpips_model": syncnet})
    agreed = plan(evaluate={"lpips_model": syncnet}, accept=["syncnet-v2"])
    assert agreed.accept_flags("syncnet-v2") == "--accept syncnet-v2"
    with pytest.raises(UserError, match="accept that by its name"):
        plan().accept_flags("syncnet-v2")


def test_who_finds_faces_is_settled_while_planning(tmp_path, monkeypatch):
    networks = tmp_path / "mediapipe-detectors.safetensors"
    monkeypatch.setenv("UNIGS_MODELS", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: True)
    for section in ("crop", "landmarks", "screen", "regions", "evaluate"):
        networks.unlink(missing_ok=True)
        found = plan().settings(section)
        assert (found["detectors"], found["detectors_model"]) == ("mediapipe", "")
        assert str(networks) not in plan().model_files(section)
        networks.touch()
        found = plan().settings(section)
        assert (found["detectors"], found["detectors_model"]) == ("litert", str(networks))
        assert str(networks) in plan().model_files(section)  # a change of it reruns the stage
        found = plan(**{section: {"detectors": "mediapipe"}}).settings(section)
        assert (found["detectors"], found["detectors_model"]) == ("mediapipe", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    networks.unlink()
    with pytest.raises(UserError, match="landmarks.detectors_model: .*models fetch mediapipe-d"):
        plan()
    monkeypatch.delenv("UNIGS_MODELS")
    # A rule fetches it.
    assert plan().model_files("landmarks") == ["resources/models/mediapipe-detectors.safetensors"]


def test_what_auto_hears_with_is_settled_while_planning(tmp_path, monkeypatch):
    monkeypatch.delenv("UNIGS_MODELS")
    heard = plan().settings("speech")
    assert (heard["backend"], heard["model"]) == ("logmel", "")
    assert plan().model_files("speech") == []
    model = Path("resources/models/whisper-tiny-en.safetensors")
    # A rule fetches it.
    assert plan(speech={"backend": "whisper"}).model_files("speech") == [str(model)]
    stand_in(model.parent)
    model.touch()
    for given in ({}, {"speech": {"backend": "whisper"}}, {"speech": {"model": str(model)}}):
        heard = plan(**given).settings("speech")
        assert (heard["backend"], heard["model"]) == ("whisper", str(model))
        assert plan(**given).model_files("speech") == [str(model)]
    assert plan(speech={"backend": "mfcc"}).model_files("speech") == []
    stand_in(tmp_path / "none")
    monkeypatch.setenv("UNIGS_MODELS", str(tmp_path / "none"))
    assert plan().settings("speech")["backend"] == "logmel"


def test_static_portraits_are_shared_along_bases():
    folders = {name: plan().static_folder("ann", name) for name in ("unigs", "plus", "less")}
    assert folders == {
        "unigs": "results/ann/unigs/static",
        "plus": "results/ann/plus/static",
        "less": "results/ann/plus/static",
    }


def test_a_variant_that_is_only_judged_otherwise_is_not_trained():
    pasted = {"base": "less", "evaluate": {"torso": "pasted"}}
    tables = {"twin": {"variants": ["less", "pasted"]}}
    made = plan(variants=VARIANTS | {"pasted": pasted}, tables=tables)
    assert made.static_folder("ann", "pasted") == "results/ann/plus/static"
    assert made.dynamic_folder("ann", "pasted") == "results/ann/less/dynamic"
    assert made.portraits() == [
        f"results/{subject}/less/dynamic/portrait.safetensors" for subject in ("ann", "bea")
    ]
    torsos = [
        made.settings("evaluate", name, TorsoSettings)["torso"] for name in ("less", "pasted")
    ]
    assert torsos == ["rendered", "pasted"]


def test_sheet_flags_are_those_of_cells_that_are_filled_in():
    assert plan().sheet_flags("ann", ("crop", "start", "stop")) == "--start 2"
    assert plan().sheet_flags("bea", ("crop", "start", "stop")) == ""


def test_table_flags_are_one_string_for_a_shell():
    words = shlex.split(plan().table_flags("overview"))
    assert words == ["--title", "overview", "--datasets", "ann=longhair", "bea=shorthair"]
    words = ["--title", "It's the grid.", "--datasets", "ann=longhair"]
    assert shlex.split(plan().table_flags("table2")) == words
    flag, path, *rest = shlex.split(plan().paper_flags("table2"))
    assert flag == "--paper" and Path(path).samefile(REPO / "resources/paper/figures.csv")
    assert rest == ["--paper-table", "table2"]
    assert plan().paper_flags("overview") == ""


def test_content_of_a_table_tells_order_and_the_papers_figures():
    *runs, _, _, _, paper = plan().table_content("table2")
    assert runs == ["results/ann/unigs/", "results/ann/less/"]
    assert paper.startswith("table2,longhair,L=6 F=4,25.30")


def test_tables_that_are_asked_for():
    assert plan(run_tables=["overview"]).tables() == ["overview"]
    assert plan(run_tables=["overview", "table2"]).tables() == ["overview", "table2"]
    assert plan(run_tables="table2").tables() == ["table2"]
    assert plan(run_tables="all").tables() == ["table2", "overview"]
    assert plan(run_tables=["table2"]).runs("x") == ["results/ann/unigs/x", "results/ann/less/x"]


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"dynamic": {"ema": "1e-5"}}, "^configuration: dynamic.ema: '1e-5' is not of type"),
        ({"dynamik": {}}, "^configuration: .*'dynamik' was unexpected"),
        ({"variants": VARIANTS | {"new": {"base": "none_such"}}}, "^variant new: its base none_"),
        (
            {"tables": {"a": {"variants": ["unigs", "pluss"]}}},
            r"^configuration: tables\.a\.variants: there is no variant pluss, only unigs, plus,",
        ),
        (
            {"videos": {"variants": ["pluss"], "audio": []}},
            r"^configuration: videos\.variants: there is no variant pluss, only unigs, plus, less",
        ),
        (
            {"run_tables": ["overwiev"]},
            "^configuration: run_tables: there is no table overwiev, only table2, overview, empty",
        ),
        (
            {"speech": {"model": "ds.pth"}, "pose": {"model": "face.npz"}},
            r"^configuration: pose\.model: there is no file face\.npz: put it there, or correct "
            r"the path\.\nconfiguration: speech\.model: there is no file ds\.pth: ",
        ),
        (
            {"variants": VARIANTS | {"less": {"dynamic": {"lpips_model": "no.pth"}}}},
            r"^configuration: variants\.less\.dynamic\.lpips_model: there is no file no\.pth: put",
        ),
        (
            {"drive": {"certificate": "me.pem", "private_key": "k.pem"}},
            r"^configuration: drive\.certificate: there is no file me\.pem: put it there, or "
            r"correct the path\.\nconfiguration: drive\.private_key: there is no file k\.pem: ",
        ),
        (
            {"accept": ["lpips"]},
            r"^configuration: accept\[0\]: 'lpips' is not one of \['syncnet-v2'",
        ),
        ({"clip": "tables.mp4"}, "^sheet of subjects, tables: subject: 'tables' is reserved"),
    ],
)
def test_mistakes_are_sentences(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        plan(**changes)


def test_the_shipped_configuration_is_a_plan():
    config = yaml.safe_load((REPO / "config/config.yaml").read_text())
    shipped = read_plan(config, REPO)
    assert list(shipped.subjects) == ["speaker"] and shipped.tables() == ["overview"]


def test_a_pool_is_of_all_others_and_only_for_variants_that_want_it():
    pooling = {
        "variants": VARIANTS | {"pool": {"base": "plus", "dynamic": {"lip_prior": "pooled"}}}
    }
    made = plan(**pooling)
    assert made.others("ann") == ["bea"]
    assert made.others("bea", "x/y") == ["results/ann/x/y"]
    assert made.pooled_prior("ann", "plus") == []
    assert made.pooled_prior("ann", "pool") == ["results/ann/speech/lip_prior.safetensors"]


def test_a_pool_of_nobody_is_refused(work, tmp_path):
    (tmp_path / "people.tsv").write_text("subject\tdataset\tvideo\nann\tlonghair\ta.mp4\n")
    with pytest.raises(UserError, match="nobody beside ann"):
        plan(dynamic={"lip_prior": "pooled"}).pooled_prior("ann", "unigs")


def test_a_table_over_a_setting_has_a_curve_of_its_values():
    tables = {"emas": {"over": "dynamic.ema", "variants": ["unigs", "plus", "less"]}}
    swept = plan(tables=tables)
    assert swept.sweeps() == ["results/tables/emas.svg"] and plan().sweeps() == []
    default = DynamicSettings().ema
    words = ["--setting", "dynamic.ema", "--values", f"unigs={default}", "plus=0.9", "less=0.0"]
    assert shlex.split(swept.sweep_flags("emas")) == words


@pytest.mark.parametrize(
    "over, names, sentence",
    [
        ("dynamic.none", ["unigs", "plus"], "dynamic.none is no number that the variant unigs has"),
        ("dynamic.lip_prior", ["unigs", "plus"], "dynamic.lip_prior is no number"),
        ("static.anchor", ["unigs", "plus"], "static.anchor is no number"),
        ("crop.size", ["unigs", "plus"], "variants differ in settings of static, dynamic"),
        ("dynamic.iterations", ["unigs", "plus"], "have the same dynamic.iterations"),
        ("dynamic", ["unigs", "plus"], "'dynamic' does not match"),
    ],
)
def test_a_table_over_no_number_is_told(over, names, sentence):
    with pytest.raises(UserError, match=rf"configuration: tables.odd.over: .*{sentence}"):
        plan(tables={"odd": {"over": over, "variants": names}})

"""Rules call their stages as they are."""

import ast
import csv
import dataclasses
import functools
import importlib
import inspect
import re
import shlex
import subprocess
import sys
import typing
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from tests.support.workflow import REPO, snakemake, stages
from unigs.settings.eyes import EyeSettings
from unigs.settings.speech import SpeechSettings
from unigs.settings.subject import Subject
from unigs.stage import cli
from unigs.workflow.fingerprint import SETTINGS, TALK, closure
from unigs.workflow.sections import settled

PER_VARIANT_STAGES = ("unigs.train.static", "unigs.train.dynamic")
DOWNLOADS = ("fetch_video", "fetch_model")
WEIGHTS = "resources/models/lpips-alex.safetensors"


def stage_function(module: str):
    """The function that the module hands to `cli.run`."""
    loaded = importlib.import_module(module)
    for node in ast.walk(ast.parse(Path(loaded.__file__).read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "cli.run":
            return getattr(loaded, node.args[0].id)
    raise AssertionError(f"{module} is no stage: it never calls cli.run")


def is_settings(kind: object) -> bool:
    return getattr(kind, "__module__", "").startswith(f"{SETTINGS}.")


def parameters(function) -> tuple[set[str], set[str], type | None]:
    """Names that must be given, names that may be given, and the settings dataclass."""
    hints, required, optional, section = typing.get_type_hints(function), set(), set(), None
    for name, parameter in inspect.signature(function).parameters.items():
        kind = hints[name]
        if is_settings(kind):
            section = kind
        elif hasattr(kind, "__dataclass_fields__"):
            for field in kind.__dataclass_fields__.values():
                (required if field.default is not None else optional).add(field.name)
        else:
            (required if parameter.default is parameter.empty else optional).add(name)
    return required, optional, section


@pytest.fixture(scope="module")
def commands(tmp_path_factory) -> dict[str, list[list[str]]]:
    """Module of a stage -> words of each of its commands, where the sheet fills in every column."""
    work = tmp_path_factory.mktemp("commands")
    row = {"subject": "ann", "dataset": "longhair", "url": "https://example.org/watch?v=a"}
    row |= {"section": "5-60", "format": "b[height<=720]"}
    row |= {"sha256": "0a" * 32, "crop": "9:9:0:0", "start": "1", "stop": "9", "remove": "2-3"}
    row |= {"openface": "units.csv", "test": "3-4"}
    row |= {"source": "filmed by me", "license": "own recording", "consent": "my own face"}
    made_up = {"subject": "bea", "dataset": "synthetic", "video": "synthetic"}
    with open(work / "people.tsv", "w", newline="") as file:
        sheet = csv.DictWriter(file, [*row, "video"], dialect="excel-tab")
        sheet.writeheader()
        sheet.writerows([row, made_up])
    (work / "units.csv").touch()
    (work / "words.wav").touch()
    for system in ("wav2lip", "er_nerf"):
        (work / f"resources/renders/{system}").mkdir(parents=True)
        (work / f"resources/renders/{system}/ann.mp4").touch()
    (work / "words.phones").touch()
    config = {"subjects": "people.tsv"}
    config |= {"videos": {"variants": ["unigs"], "audio": ["./words.wav"]}}
    config |= {"evaluate": {"lpips_model": WEIGHTS}, "eyes": {"backend": "openface"}}
    config |= {"variants": {"unigs": {"dynamic": {"lip_prior": "pooled"}}}}
    config |= {"voices": {"rendered": ["ann/bea"], "phones": {"words": "words.phones"}}}
    config |= {"tables": {"table2": {"over": "dynamic.grid_levels"}}}
    (work / "full.yaml").write_text(yaml.safe_dump(config))
    snakefile = ["--snakefile", str(REPO / "workflow/Snakefile"), "--configfile", "full.yaml"]
    done = snakemake("--dry-run", "--printshellcmds", *snakefile, cwd=work)
    found = defaultdict(list)
    for line in re.findall(r"python -m unigs\..*", done.stdout + done.stderr):
        _, _, module, *words = shlex.split(line)
        found[module].append(words[: words.index(">")])
    return found


def flags_of(commands: list[list[str]]) -> list[set[str]]:
    """Names of the flags of each command; no command has a flag twice."""
    found = []
    for words in commands:
        flags = [word[2:].replace("-", "_") for word in words if word.startswith("--")]
        assert len(flags) == len(set(flags)), words
        found.append(set(flags))
    return found


def given_settings(section: type) -> dict:
    """The defaults of a section, without those that no flag can express."""
    values = dataclasses.asdict(section())
    return {name: value for name, value in values.items() if value is not None}


@pytest.mark.parametrize("rule, block, module", stages(), ids=[s[0] for s in stages()])
def test_rule_calls_its_stage_as_it_is(commands, rule, block, module):
    required, optional, section = parameters(stage_function(module))
    flags = flags_of(commands[module])
    always, ever = set.intersection(*flags), set.union(*flags)
    settings = set(given_settings(section)) if section else set()
    assert required | settings <= always, f"{module} also needs {required | settings - always}"
    unknown = ever - required - optional - settings
    assert not unknown, f"{module} has no {unknown}"
    assert f'*code_words("{module}")' in block or rule in DOWNLOADS


def test_every_column_of_the_sheet_reaches_a_stage(commands):
    # A subject's name and data set stand in paths and tables, an import's folder in inputs.
    columns = {field.name for field in dataclasses.fields(Subject)}
    columns -= {"subject", "dataset", "imported"}
    asked = ("sheet_flags(", "provenance_flags", 'optional_flag("openface")')
    modules = [module for _, block, module in stages() if any(word in block for word in asked)]
    flags = (flags for module in modules for flags in flags_of(commands[module]))
    assert columns <= set().union(*flags)


@pytest.mark.parametrize("module", sorted({module for _, _, module in stages()}))
def test_stages_understand_the_values_of_their_flags(commands, module):
    """Defaults too: negative numbers, empty words, colors that begin like a comment."""
    stage, given = stage_function(module), []

    @functools.wraps(stage)
    def listen(**arguments: object) -> None:
        given.append(arguments)

    for words in commands[module]:
        cli.run(listen, words)
    settings = [value for value in given[0].values() if is_settings(type(value))]
    assert len(given) == len(commands[module])
    assert all(value == default(value) for value in settings if module not in PER_VARIANT_STAGES)


def test_portraits_are_played_with_the_poses_that_they_were_trained_with(commands):
    """Those that the static stage wrote, and not those that it was given."""

    def flags(words: list[str]) -> dict[str, str]:
        return dict(zip(words, words[1:], strict=False))

    def poses(found: dict[str, str]) -> tuple[str, str]:
        return found["--pose"], found["--body"]

    static = {
        found["--out"]: (found["--poses"], found["--motion"])
        for found in map(flags, commands["unigs.train.static"])
    }
    dynamic = {}
    for found in map(flags, commands["unigs.train.dynamic"]):
        assert poses(found) == static[found["--static"]]
        dynamic[found["--out"]] = poses(found)
    for found in map(flags, commands["unigs.evaluate.score"]):
        if "--static" in found:  # renders of other systems have no portrait
            assert poses(found) == static[found["--static"]]
    players = set()
    for module, calls in commands.items():
        for found in map(flags, calls):
            if "--portrait" in found and "--pose" in found:
                assert poses(found) == dynamic[found["--portrait"]], module
                players.add(module)
    others = {"unigs.drive.speak", "unigs.web.export"}
    assert players == {"unigs.evaluate.render", "unigs.evaluate.speed"} | others


def test_openfaces_table_is_the_sheets_or_a_rules(commands):
    """ann's stands in the sheet; bea's is made where the program is on PATH."""
    made = "results/bea/face/openface.csv"
    tables = {words[words.index("--openface") + 1] for words in commands["unigs.prepare.face.eyes"]}
    assert tables == {"units.csv", made}
    (words,) = commands["unigs.prepare.face.openface"]
    assert words == ["--video", "results/bea/clip/video.mp4", "--out", made]


def default(settings: object) -> object:
    """Defaults of the same section, with what they leave open settled as a plan does it."""
    usual = type(settings)()
    models = {"landmarks_model": "", "sync_model": "", "syncnet_model": "", "lpips_model": WEIGHTS}
    if found := {name: path for name, path in models.items() if hasattr(usual, name)}:
        usual = dataclasses.replace(usual, **found)
    if isinstance(settings, EyeSettings):
        return EyeSettings(backend="openface")
    if hasattr(usual, "detectors"):  # which depends on what is installed
        known = {"detectors": settings.detectors, "detectors_model": settings.detectors_model}
        assert settings.detectors in ("litert", "mediapipe")
        return dataclasses.replace(usual, **known)
    section = "speech" if isinstance(settings, SpeechSettings) else ""
    return dataclasses.replace(usual, **settled(section, dataclasses.asdict(usual)))


def test_code_that_counts_is_all_that_a_stage_imports():
    """Import every stage in a fresh process and compare with what the rules list."""
    script = """
import importlib, os, sys
for name in ("cv2", "numpy", "pandas", "scipy.spatial", "torch", "numba", "tyro"):
    importlib.import_module(name)
for module in sys.argv[1:]:
    read, write = os.pipe()
    if os.fork() == 0:
        importlib.import_module(module)
        names = [name for name in sys.modules if name.split(".")[0] == "unigs"]
        os.write(write, "|".join(names).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        print(pipe.read())
    os.wait()
"""
    modules = sorted({module for _, _, module in stages()})
    command = [sys.executable, "-c", script, *modules]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True)
    for module, line in zip(modules, done.stdout.splitlines(), strict=True):
        imported = set(line.split("|")) - TALK
        imported = {name for name in imported if not name.startswith(SETTINGS)}
        assert imported, module
        assert imported <= set(closure(module)), module

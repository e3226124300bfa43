"""What is pinned and declared is what the code imports, and no path of a machine leaks."""

import ast
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import unigs
from unigs.workflow.fingerprint import PACKAGE, SETTINGS, TALK, closure, file_of

REPO = Path(__file__).parents[1]
PROJECT = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
ENVS = sorted((REPO / "workflow/envs").glob("*.yaml"))
# Import name -> distribution, where they differ.
DISTRIBUTIONS = {
    "c2pa": "c2pa-python",
    "cv2": "opencv-python-headless",
    "ffmpeg": "ffmpeg-python",
    "livekit": "livekit-agents",
    "pipecat": "pipecat-ai",
    "yaml": "pyyaml",
}
# Back-ends that are used when someone has installed them; imported inside functions only.
OPTIONAL = {
    "mediapipe",
    "onnxruntime",
    "tensorflow",
    "tflite_runtime",
    "tinycudann",
    "transformers",
}


def name_of(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def pins(lines: list[str]) -> dict[str, str]:
    return dict(line.strip().split("==") for line in lines if "==" in line and line[0] != "#")


CONSTRAINTS = pins((REPO / "constraints.txt").read_text().splitlines())
# Frameworks of agents, which want another protobuf than MediaPipe.
APART = pins((REPO / "constraints-agents.txt").read_text().splitlines())
DECLARED = {name_of(r) for r in PROJECT["dependencies"]}
EXTRAS = {name_of(r) for extra in PROJECT["optional-dependencies"].values() for r in extra}


def third_party(path: Path, everywhere: bool) -> set[str]:
    """Distributions that a file imports, at its top level or also inside functions."""
    tree = ast.parse(path.read_text())
    names = set()
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    names -= set(sys.stdlib_module_names) | {"unigs"}
    return {DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in names}


# Sites change, and an old version fetches nothing: it must be the newest.
NEWEST = {"yt-dlp"}


def test_every_requirement_is_pinned():
    assert (DECLARED | EXTRAS) - set(CONSTRAINTS) - set(APART) == NEWEST
    assert not set(APART) & set(CONSTRAINTS)


def test_pins_are_exact_and_name_no_local_build():
    lines = (REPO / "constraints.txt").read_text().splitlines()
    unfit = [s for s in lines if not re.fullmatch(r"(#.*|[a-z0-9-]+==[0-9][0-9a-z.]*)", s)]
    assert not unfit
    # The one torchvision that fits this torch: 0.(n+15).k goes with 2.n.k.
    _, minor, patch = CONSTRAINTS["torch"].split(".")
    assert CONSTRAINTS["torchvision"] == f"0.{int(minor) + 15}.{patch}"


def test_every_import_is_declared():
    for path in sorted(PACKAGE.rglob("*.py")):
        unknown = third_party(path, everywhere=True) - DECLARED - EXTRAS - OPTIONAL
        assert not unknown, f"{path.relative_to(REPO)} imports {unknown}"


def test_every_dependency_is_used():
    used = set().union(*(third_party(path, everywhere=True) for path in PACKAGE.rglob("*.py")))
    # Not imported by us: the workflow engine and its report.
    used |= {"snakemake", "pygments"}
    assert not DECLARED - used


@pytest.mark.parametrize("env", ENVS, ids=lambda env: env.stem)
def test_environments_hold_the_constraints(env):
    entries = yaml.safe_load(env.read_text())["dependencies"]
    pinned = pins(next(entry for entry in entries if isinstance(entry, dict))["pip"])
    assert pinned == {name: CONSTRAINTS[name] for name in pinned}


def test_no_window_system_is_needed():
    """Windowed builds of OpenCV, which MediaPipe asks for, need the libraries of an X server."""
    files = [*ENVS, *(REPO / name for name in ("Makefile", "pyproject.toml", "constraints.txt"))]
    build = re.compile(r"opencv(?:-contrib)?-python(?:-headless)?")
    named = {name for path in files for name in build.findall(path.read_text())}
    there = {found.name.lower() for found in importlib.metadata.distributions()}
    assert named == {name for name in there if build.fullmatch(name)} == {DISTRIBUTIONS["cv2"]}
    assert "--no-deps mediapipe" in (REPO / "Makefile").read_text()


def stage_environments() -> dict[str, str]:
    """Module of a stage -> environment, as the rules say."""
    found = {}
    for smk in (REPO / "workflow/rules").glob("*.smk"):
        for block in re.split(r"^rule ", smk.read_text(), flags=re.M)[1:]:
            if module := re.search(r"python -m (unigs[\w.]+)", block):
                found[module[1]] = re.search(r'"\.\./envs/(\w+)\.yaml"', block)[1]
    return found


@pytest.mark.parametrize("module, env", sorted(stage_environments().items()))
def test_environments_hold_what_their_stages_import(module, env):
    entries = yaml.safe_load((REPO / f"workflow/envs/{env}.yaml").read_text())["dependencies"]
    pinned = pins(next(entry for entry in entries if isinstance(entry, dict))["pip"])
    files = map(file_of, {*closure(module), *TALK})
    needed = set().union(*(third_party(path, everywhere=False) for path in files))
    assert not needed - set(pinned)


def test_a_dry_run_loads_little():
    """What the Snakefile imports needs the standard library, yaml and jsonschema."""
    texts = [path.read_text() for path in (REPO / "workflow").rglob("*.smk")]
    modules = {m for text in texts for m in re.findall(r"^from (unigs[\w.]+) import", text, re.M)}
    assert {"unigs.workflow.plan", "unigs.settings.evaluate"} <= modules
    loaded = {name for module in modules for name in closure(module)} | (TALK & modules)
    files = {*map(file_of, loaded), *(PACKAGE / "settings").glob("*.py")}
    needed = set().union(*(third_party(path, everywhere=True) for path in files))
    assert needed <= {"pyyaml", "jsonschema"}


def test_settings_hold_data_alone():
    """Their modules do not count as code of a stage: each value stands in the stage's flags."""
    assert closure("unigs.prepare.clip.crop") and SETTINGS == "unigs.settings"
    for path in (PACKAGE / "settings").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            named = isinstance(node, ast.FunctionDef) and node.name != "__post_init__"
            assert not named, f"{path.name} computes: {node.name} changes results unnoticed"


def test_every_file_of_the_package_is_installed():
    settings = tomllib.loads((REPO / "pyproject.toml").read_text())["tool"]["setuptools"]
    installed = set(PACKAGE.rglob("*.py"))
    for package, patterns in settings["package-data"].items():
        for pattern in patterns:
            installed |= set(REPO.joinpath(*package.split(".")).glob(pattern))
    files = {path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    files = {path for path in files if "__pycache__" not in path.parts}
    assert PACKAGE / "report/templates/page.html" in files and files == installed


def test_the_wheel_holds_package_and_workflow(tmp_path):
    """Built from a copy, since setuptools writes beside what it builds."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPO, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    tracked = [name for name in listed.stdout.split("\0") if name and (REPO / name).is_file()]
    wanted = {name for name in tracked if name.startswith("unigs/")}
    shipped = ("workflow/", "config/", "resources/paper/", "constraints.txt")
    wanted |= {f"unigs/shipped/{name}" for name in tracked if name.startswith(shipped)}
    source = tmp_path / "source"
    for name in tracked:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPO / name, source / name)
    (source / "workflow/__pycache__").mkdir()
    (source / "workflow/__pycache__/common.pyc").touch()
    build = "from setuptools.build_meta import build_wheel; build_wheel('..')"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("unigs-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == wanted


def test_versions_agree():
    citation = yaml.safe_load((REPO / "CITATION.cff").read_text())
    assert PROJECT["version"] == unigs.__version__ == citation["version"]
    assert PROJECT["license"] == citation["license"] == "Apache-2.0"
    assert "Apache License" in (REPO / "LICENSE").read_text()[:200]


def test_no_path_of_a_machine_is_committed():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPO, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    folders = ("work/", "opt/wheels", "root/", "home/")
    pattern = re.compile("|".join(rf"(?<![.\w])/{folder}" for folder in folders))
    for name in filter(None, listed.stdout.split("\0")):
        path = REPO / name
        if path.suffix in {".png", ".jpg", ".safetensors", ".npz"} or not path.is_file():
            continue
        hit = pattern.search(path.read_text(errors="replace"))
        assert not hit, f"{name} names {hit[0]}"

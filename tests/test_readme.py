"""What the README tells people to type works, and what it shows is current."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from snakemake.cli import parse_args

import unigs
from tools import rulegraph
from unigs.__main__ import COMMANDS
from unigs.workflow.launcher import targets_first
from unigs.workflow.stages import STAGES

REPO = Path(__file__).parents[1]
README = (REPO / "README.md").read_text()
DOCUMENTS = [REPO / name for name in ("README.md", "CONTRIBUTING.md", "config/README.md")]
DOCUMENTS += sorted((REPO / "docs").rglob("*.md"))


def commands(program: str) -> list[list[str]]:
    """Command lines of a program in the README's blocks and in its running text, as arguments."""
    blocks = "\n".join(re.findall(r"```bash\n(.*?)```", README, flags=re.S))
    spans = re.findall(rf"`({program} [^`]+)`", re.sub(r"```.*?```", "", README, flags=re.S))
    lines = [line for line in [*blocks.splitlines(), *spans] if line.startswith(f"{program} ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


def snakemake(*arguments: str, cwd: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "snakemake", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def rule_names() -> set[str]:
    files = [REPO / "workflow/Snakefile", *(REPO / "workflow/rules").glob("*.smk")]
    return {name for f in files for name in re.findall(r"^rule (\w+):", f.read_text(), re.M)}


def test_snakemake_lines_parse_and_name_what_there_is():
    lines = commands("snakemake")
    assert len(lines) >= 8
    for line in lines:
        if "--workflow-profile" in line:
            # Not parsed: the profile needs the extra `slurm`.
            place = line.index("--workflow-profile")
            assert (REPO / line[place + 1] / "config.yaml").is_file(), line
            line = line[:place] + line[place + 2 :]
        _, args = parse_args(targets_first(line))
        assert set(args.targets) - {"all"} <= rule_names() | {
            target for target in args.targets if target.startswith("results/")
        }, line
        assert set(args.forcerun or []) <= rule_names(), line
        for file in args.configfile or []:
            assert (REPO / file).is_file(), line


def test_main_line_plans_everything():
    """As ordered, through the launcher; Snakemake alone takes the target for a resource."""
    ordered = ["--cores", "8", "--resources", "gpu=1", "all"]
    assert ordered in commands("snakemake")
    with pytest.raises((ValueError, SystemExit)):
        parse_args(ordered)
    plan = snakemake(*targets_first(ordered), "-n", cwd=REPO)
    assert plan.returncode == 0 and "rule all:" in plan.stdout


def test_files_that_the_readme_asks_for_can_be_made(tmp_path):
    (tmp_path / "resources/audio").mkdir(parents=True)
    (tmp_path / "resources/audio/speech.wav").touch()
    clip = tmp_path / "my.mp4"
    clip.touch()
    lines = [
        [word.replace("$(realpath my.mp4)", str(clip)) for word in line]
        for line in commands("snakemake")
        if any(word.startswith("results/") for word in line)
    ]
    assert any(f"clip={clip}" in line for line in lines)
    assert any("--config" not in line for line in lines)
    for line in lines:
        done = snakemake("-n", "--directory", str(tmp_path), *line, cwd=REPO)
        assert done.returncode == 0, done.stdout + done.stderr


def test_make_lines_exist():
    lines = commands("make")
    assert ["demo"] in lines and ["test"] in lines
    makefile = (REPO / "Makefile").read_text()
    for line in lines:
        words = [word for word in line if "=" not in word]
        assert len(words) == 1 and re.search(rf"^{words[0]}:", makefile, flags=re.M), line
        for variable in (word.split("=")[0] for word in line if "=" in word):
            assert re.search(rf"\$\(?{variable}\b", makefile), f"make does not know {variable}"
        for preset in re.findall(r"PRESET=(\w+)", " ".join(line)):
            assert (REPO / f"config/presets/{preset}.yaml").is_file()


def row_of(text: str, start: str) -> list[str]:
    """Cells of the first line of a table that starts so."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_how_good_it_is_says_what_the_results_say():
    """PSNR, LPIPS and LMD at 480 pixels: means over clips, within what rounding their rows does."""
    results = (REPO / "docs/results.md").read_text()
    by_clip = {}
    for clip in ("katie_hill", "amy", "blue_wall", "fadg0", "lieu"):
        cells = row_of(results, f"{clip} (")
        assert cells[1] == "unigs_plus"
        by_clip[clip] = [float(cells[column]) for column in (2, 4, 10)]
    long_hair = np.mean([by_clip[clip] for clip in by_clip if clip != "lieu"], 0)
    for start, figures in (("four clips", long_hair), ("a minute of a", by_clip["lieu"])):
        said = [float(cell) for cell in row_of(README, f"`unigs_plus`, {start}")[1:]]
        assert np.abs(np.array(said) - figures).max() < 0.0101
        assert said[1] == pytest.approx(figures[1], abs=0.000101)
    moving = np.mean([by_clip[clip] for clip in ("katie_hill", "amy", "blue_wall")], 0)
    said = re.search(r"without it the mean is ([\d.]+) dB and ([\d.]+\d)", README).groups()
    assert float(said[0]) == pytest.approx(moving[0], abs=0.0101)
    assert float(said[1]) == pytest.approx(moving[1], abs=0.000101)


def test_unigs_lines_name_commands_and_stages():
    lines = commands("unigs")
    assert ["demo"] in lines and ["doctor", "results/me"] in lines
    for line in lines:
        assert line[0] in COMMANDS, line
        if line[0] == "stage" and len(line) > 1:
            assert line[1] in STAGES, line


def test_the_wheel_of_the_readme_is_that_of_this_version():
    assert f"pip install /path/to/unigs-{unigs.__version__}-py3-none-any.whl\n" in README


def test_rule_graph_is_current():
    """If this fails: make graph."""
    assert rulegraph.mermaid() in README


def test_reduced_graph_keeps_what_can_be_reached():
    pairs = {("a", "b"), ("b", "c"), ("a", "c"), ("c", "d"), ("a", "d"), ("e", "d")}
    assert rulegraph.reduced(pairs) == {("a", "b"), ("b", "c"), ("c", "d"), ("e", "d")}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPO)))
def test_links_lead_somewhere(document):
    links = re.findall(r"\]\(([^)#]+)", document.read_text())
    local = [link for link in links if not link.startswith(("http:", "https:"))]
    missing = [link for link in local if not (document.parent / link).exists()]
    assert not missing


def test_variants_and_presets_that_are_named_exist():
    config = yaml.safe_load((REPO / "config/config.yaml").read_text())
    assert {"unigs", "unigs_plus"} <= set(config["variants"])
    for table in config["tables"].values():
        assert set(table["variants"]) <= {*config["variants"], *config["renders"]}
    named = set(re.findall(r"^\| `(\w+)` \| \d+ \|", README, flags=re.M))
    assert named == {path.stem for path in (REPO / "config/presets").glob("*.yaml")}

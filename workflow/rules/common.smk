import csv
import os
import re
import shlex
import sys
from pathlib import Path

import jsonschema
import yaml
from snakemake.exceptions import WorkflowError

REPO = Path(str(workflow.current_basedir)).resolve().parents[1]
sys.path.insert(0, str(REPO))

from unigs.workflow.code_inputs import code_inputs


def check(value, schema, what):
    """Stop with one line for each mistake."""
    with open(REPO / "workflow/schemas" / schema, encoding="utf-8") as file:
        rules = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    errors = jsonschema.Draft202012Validator(rules).iter_errors(value)
    lines = [f"{what}: {e.json_path.removeprefix('$.')}: {e.message}" for e in errors]
    if lines:
        raise WorkflowError("\n".join(lines))


check(config, "config.schema.yaml", "configuration")


def one_clip(path, name):
    """The sheet's row of a single clip, named after its file unless a name is given."""
    words = re.findall("[a-z0-9]{1,}", str(name or Path(path).stem).lower())
    return {"subject": "_".join(words) or "portrait", "dataset": "own", "video": path}


def read_sheet(path):
    """Rows of the sheet of subjects; a path that is not here is looked for in the repository."""
    path = path if os.path.exists(path) else REPO / path
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def checked_subjects(rows):
    """Subject -> row, validated, with the empty columns left out."""
    subjects = {}
    for row in rows:
        row = {key: value.strip() for key, value in row.items() if value and value.strip()}
        check(row, "subjects.schema.yaml", f"sheet of subjects, {row.get('subject')}")
        if row["subject"] in subjects:
            raise WorkflowError(f"{row['subject']} stands twice in {config['subjects']}.")
        subjects[row["subject"]] = row
    return subjects


def bases(variant):
    """A variant, the one it changes, the one that changes, and so on."""
    chain = [variant]
    while base := config["variants"][chain[-1]].get("base"):
        if base not in config["variants"] or base in chain:
            raise WorkflowError(
                f"variant {chain[-1]}: its base {base} is missing or goes in a ring."
            )
        chain.append(base)
    return chain


if config.get("clip"):
    SUBJECTS = checked_subjects([one_clip(config["clip"], config.get("name"))])
else:
    SUBJECTS = checked_subjects(read_sheet(config["subjects"]))
# What is spoken: name of the video -> path, or name of a file in resources/audio.
SPOKEN = [config["audio"]] if config.get("audio") else []
SPOKEN = {Path(audio).stem: audio for audio in [*config["videos"]["audio"], *SPOKEN]}
VARIANTS = {variant: bases(variant) for variant in config["variants"]}


def table_subjects(table):
    """Subjects of the data sets that a table is about; all without such a list."""
    wanted = config["tables"][table].get("datasets")
    return [s for s, row in SUBJECTS.items() if wanted is None or row["dataset"] in wanted]


# Tables about data sets without a subject are left out.
TABLES = [table for table in config["tables"] if table_subjects(table)]


wildcard_constraints:
    subject="|".join(map(re.escape, SUBJECTS)),
    variant="|".join(map(re.escape, VARIANTS)),
    table="|".join(map(re.escape, config["tables"])),
    audio=r"[^/]+",


# A command runs the package of this checkout, with the interpreter that runs Snakemake unless
# Snakemake deploys another, on the threads of its rule.
ENVIRONMENT = {"PYTHONPATH": str(REPO)}
if not workflow.deployment_settings.deployment_method:
    ENVIRONMENT["PATH"] = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
EXPORTS = "; ".join(f"export {key}={shlex.quote(value)}" for key, value in ENVIRONMENT.items())
EXPORTS = EXPORTS.replace("{", "{{").replace("}", "}}")
shell.prefix(f'set -euo pipefail; {EXPORTS}; export UNIGS_THREADS="$OMP_NUM_THREADS"; ')


def repo(path):
    """Path of a file of this repository, as seen from the working directory."""
    return os.path.relpath(REPO / path)


def source(module):
    """Files that `python -m module` runs; editing one reruns the stage and what follows."""
    return [os.path.relpath(path) for path in code_inputs(module)]


def settings(section, variant=None):
    """A section of the configuration, with the overrides of a variant and its bases applied."""
    merged = dict(config.get(section, {}))
    for name in reversed(VARIANTS.get(variant, [])):
        merged |= config["variants"][name].get(section, {})
    return merged


def as_flags(values):
    """Settings as one string of command line flags: names and values stay together."""
    parts = [(f"--{key.replace('_', '-')}", str(value)) for key, value in values.items()]
    return shlex.join(word for pair in parts for word in pair)


def flags(section):
    """Param function: the flags of a section for the job's variant."""

    def section_flags(wildcards):
        return as_flags(settings(section, wildcards.get("variant")))

    return section_flags


def sheet_flags(*columns):
    """Param function: the flags of those columns of the sheet that are filled in."""

    def subject_flags(wildcards):
        row = SUBJECTS[wildcards.subject]
        return as_flags({column: row[column] for column in columns if column in row})

    return subject_flags


def source_video(wildcards):
    """The subject's own file, the synthetic speaker's, or the one that is downloaded."""
    video = SUBJECTS[wildcards.subject].get("video")
    if video == "synthetic":
        return f"results/{wildcards.subject}/source/video.mp4"
    return video or f"resources/downloads/{wildcards.subject}.mp4"


def openface_table(wildcards):
    """OpenFace's output for the clip, if the sheet names it."""
    return SUBJECTS[wildcards.subject].get("openface", [])


def static_owner(wildcards):
    """The folder of the variant whose static portrait is used: the nearest with static settings."""
    chain = VARIANTS[wildcards.variant]
    owner = next((name for name in chain if "static" in config["variants"][name]), chain[-1])
    return f"results/{wildcards.subject}/{owner}/static"


def static_portrait(wildcards):
    return f"{static_owner(wildcards)}/portrait.safetensors"


def static_poses(wildcards):
    """Head poses that the static stage trained with: refined, or as fit_pose gave them."""
    return f"{static_owner(wildcards)}/pose.npz"


def static_curve(wildcards):
    return f"{static_owner(wildcards)}/curve.csv"


def static_run(wildcards):
    return f"{static_owner(wildcards)}/run.json"


def driving_audio(wildcards):
    """The configured sound file of that name, or the one in resources/audio, in any format."""
    configured = [path for path in SPOKEN.values() if "/" in path]
    supplied = sorted(str(path) for path in Path("resources/audio").glob("*"))
    found = [path for path in configured + supplied if Path(path).stem == wildcards.audio]
    return found[0] if found else f"resources/audio/{wildcards.audio}.wav"


def table_runs(table, file):
    """That file of each subject and variant of a table."""
    return collect(
        "results/{subject}/{variant}/{file}",
        subject=table_subjects(table),
        variant=config["tables"][table]["variants"],
        file=file,
    )


def table_metrics(wildcards):
    return table_runs(wildcards.table, "test/metrics.json")


def table_speed(wildcards):
    return table_runs(wildcards.table, "test/speed.json")


def table_paper(wildcards):
    """The paper's figures, for the tables that it has."""
    figures = repo(f"resources/paper/{wildcards.table}.csv")
    return figures if os.path.exists(figures) else []


def table_flags(wildcards):
    """Param function: data sets of the subjects, caption, and the paper's figures."""
    subjects = table_subjects(wildcards.table)
    datasets = [f"{subject}={SUBJECTS[subject]['dataset']}" for subject in subjects]
    title = config["tables"][wildcards.table].get("about", wildcards.table)
    paper = table_paper(wildcards)
    flag = ["--paper", paper] if paper else []
    return shlex.join(["--title", title, *flag, "--datasets", *datasets])


def collect_runs(file):
    """That file of each subject and variant that any table asks for, once."""
    return list(dict.fromkeys(path for table in TABLES for path in table_runs(table, file)))


def collect_plots():
    """All plots of all runs, those of a run together."""
    return [
        f"{folder}/{name}.svg"
        for folder in collect_runs("figures")
        for name in ("curve", "quality", "motion", "regions")
    ]


def collect_sheets():
    """The pictures of every subject's preparation."""
    return collect(
        "results/{subject}/figures/{name}.png", subject=SUBJECTS, name=["sheet", "curves"]
    )


def driven_videos():
    """Every subject, speaking each of the configured sound files (names or paths)."""
    return collect(
        "results/{subject}/{variant}/drive/{audio}.mp4",
        subject=SUBJECTS,
        variant=config["videos"]["variants"],
        audio=SPOKEN,
    )

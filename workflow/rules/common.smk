import os
import re
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

# The package beside these rules in a checkout. Rules of a wheel, or from an address of which
# Snakemake fetches nothing but rules, use the installed one.
REPO = Path(str(workflow.current_basedir)).resolve().parents[1]
IN_CHECKOUT = (REPO / "unigs/__init__.py").is_file()
if IN_CHECKOUT:
    sys.path.insert(0, str(REPO))

try:
    import unigs
except ModuleNotFoundError:
    raise WorkflowError(
        "these rules call the package unigs, which this environment does not have: pip install it "
        "in the version of the rules, or use the Snakefile of a checkout."
    ) from None

from unigs.stage.errors import UserError
from unigs.workflow import cluster, imports, renders
from unigs.workflow.failures import told
from unigs.workflow.fingerprint import PACKAGE, code_words, content_words
from unigs.workflow.flags import as_flags, input_flags
from unigs.pretrained.catalogue import models
from unigs.settings.subject import PROVENANCE
from unigs.workflow.home import home, package_alone, with_defaults
from unigs.workflow.plan import read_plan

VERSION = "0.1.0"
if unigs.__version__ != VERSION and not IN_CHECKOUT and workflow.is_main_process:
    logger.warning(
        f"These rules are those of UniGS {VERSION}, the installed package is {unigs.__version__}: "
        "they may not fit together."
    )

config = with_defaults(config, home())

# Of a module with a prefix; of any other workflow it changes nothing.
PATH_MODIFIER = workflow.modifier.path_modifier


def place(path):
    """Where what the workflow makes lies, for paths that are no inputs or outputs."""
    return str(PATH_MODIFIER.replace_prefix(path))


def supplied(paths):
    """Inputs that may be people's own: those are seen from the working directory, prefix or not."""
    if isinstance(paths, list):
        return [supplied(path) for path in paths]
    made = paths.startswith(("results/", "resources/downloads/"))
    return paths if made or place(paths) == paths else local(paths)


try:
    PLAN = read_plan(config, home(), place)
    if workflow.is_main_process:
        PLAN.check_downloads()
except UserError as error:
    raise ConfigurationError(str(error)) from None

# Path below results -> file of an import that takes its place.
IMPORTED = imports.taken(PLAN.subjects)
TABLES = [*PLAN.tables(), *(["voices"] if PLAN.has_voices() else [])]


def check_cluster():
    """Refuse a run on SLURM whose jobs its nodes would never start."""
    settings = workflow.executor_settings
    if not hasattr(settings, "init_seconds_before_status_checks"):
        return
    dag, asked = workflow.dag, ("mem_mb", "runtime", "gpu")
    requests = [
        cluster.Request(
            job.groupid if job.is_group() else job.rule.name,
            str(job.resources.get("slurm_partition", "")),
            job.threads,
            *(int(job.resources.get(name, 0)) for name in asked),
        )
        for job in dag.get_jobs_or_groups()
        if not job.is_local and any(map(dag.needrun, job.jobs if job.is_group() else [job]))
    ]
    try:
        cluster.check(requests, settings.init_seconds_before_status_checks)
    except UserError as error:
        raise ConfigurationError(str(error)) from None


def record_origins():
    """Write down which videos the results are made from."""
    try:
        PLAN.record_origins()
    except UserError as error:
        raise ConfigurationError(str(error)) from None


if workflow.is_main_process:
    for sentence in PLAN.missing_models():
        logger.warning(sentence)


wildcard_constraints:
    subject="|".join(map(re.escape, PLAN.subjects)),
    variant="|".join(map(re.escape, PLAN.chains)),
    table="|".join(map(re.escape, config["tables"])),
    audio=r"[^/]+",
    system="|".join(map(re.escape, config.get("renders", {}))) or "(?!)",
    voice="|".join(map(re.escape, PLAN.subjects)),
    imported="|".join(map(re.escape, IMPORTED)) or "(?!)",
    model="|".join(map(re.escape, models())),


# A command runs the package that planned it, with the interpreter that runs Snakemake unless conda
# brings another, on the threads of its rule.
ENVIRONMENT = {"PYTHONPATH": str(REPO)} if IN_CHECKOUT else {}
DEPLOYED = {str(method) for method in workflow.deployment_settings.deployment_method}
if "conda" not in DEPLOYED:
    if DEPLOYED and workflow.is_main_process:
        logger.warning(
            f"--sdm {' '.join(sorted(DEPLOYED))}: no rule of UniGS names a container or a module, "
            "so its jobs run in the environment of Snakemake."
        )
    ENVIRONMENT["PATH"] = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
elif not IN_CHECKOUT:
    ENVIRONMENT["PYTHONPATH"] = str(package_alone(Path(".snakemake/unigs")))
EXPORTS = "; ".join(f"export {key}={shlex.quote(value)}" for key, value in ENVIRONMENT.items())
EXPORTS = EXPORTS.replace("{", "{{").replace("}", "}}")
shell.prefix(f'set -euo pipefail; {EXPORTS}; export UNIGS_THREADS="$OMP_NUM_THREADS"; ')


# Not asked of Snakemake, which reads this file before it knows what it shall do.
DELETES = any(word.startswith("--delete-a") for word in sys.argv)


def fetched(names, path):
    """Names whose files may be fetched: all, but --delete-all-output, which deletes all outputs,
    must not hear of files that may be gone from their source or were put there by hand.
    """
    left = [name for name in names if not (DELETES and os.path.exists(path.format(name)))]
    return "|".join(map(re.escape, left)) or "(?!)"


def flags(section, reader=None):
    """Param function: the flags of a section (of the fields of `reader`) for the job's variant."""
    return lambda wildcards: as_flags(PLAN.settings(section, wildcards.get("variant"), reader))


def model_files(section):
    """Input function: files that the settings of a section name, for the job's variant."""
    return lambda wildcards: supplied(PLAN.model_files(section, wildcards.get("variant")))


def sheet_flags(*columns):
    """Param function: the flags of those columns of the sheet that are filled in."""
    return lambda wildcards: PLAN.sheet_flags(wildcards.subject, columns)


def provenance_flags(wildcards, output):
    """Param function: what the sheet tells of a clip's source, license and consent.

    A function of the output is not compared: a corrected license trains nothing anew.
    """
    return PLAN.sheet_flags(wildcards.subject, PROVENANCE)


def given(name):
    """Input function: a file that an imported subject's preparation goes on from; else nothing."""
    return lambda wildcards: supplied(imports.given(PLAN.subjects[wildcards.subject], name))


def optional_flag(name):
    """Param function: --name with the input of that name; nothing where the rule has none."""

    def flag(wildcards, input):
        return as_flags({name: input[name]} if input[name] else {})

    return flag


def openface_table(wildcards):
    """Input function: OpenFace's table, the sheet's or the one that a rule makes; else nothing."""
    if table := PLAN.subjects[wildcards.subject].openface:
        return supplied(table)
    made = f"results/{wildcards.subject}/face/openface.csv"
    return made if PLAN.settings("eyes")["backend"] == "openface" else []


def clip_sound(wildcards):
    """Input function: the sound of the subject's clip; nothing if it was imported without."""
    return imports.clip_sound(PLAN.subjects[wildcards.subject])


def others(file):
    """Input function: that file of every subject but the job's own."""
    return lambda wildcards: PLAN.others(wildcards.subject, file)


def static_file(name):
    """Input function: that file of the static stage whose portrait the job's variant uses."""
    return lambda wildcards: f"{PLAN.static_folder(wildcards.subject, wildcards.variant)}/{name}"


def dynamic_file(name):
    """Input function: that file of the dynamic stage whose portrait the job's variant uses."""
    return lambda wildcards: f"{PLAN.dynamic_folder(wildcards.subject, wildcards.variant)}/{name}"


# What trainings see of a subject; the dynamic stage takes the poses that the static one refined.
SUBJECT = dict(
    video="results/{subject}/clip/video.mp4",
    frame_table="results/{subject}/clip/frames.csv",
    pose="results/{subject}/face/pose.npz",
    body="results/{subject}/body/motion.npz",
    landmarks="results/{subject}/face/landmarks.npz",
    labels="results/{subject}/regions/labels.mkv",
    background="results/{subject}/regions/background.png",
)
# What moves a portrait that is played, with the poses that it was trained with.
PERFORMANCE = dict(
    frame_table="results/{subject}/clip/frames.csv",
    pose=static_file("pose.npz"),
    body=static_file("motion.npz"),
    eyes="results/{subject}/face/eyes.csv",
    speech="results/{subject}/speech/features.npz",
)

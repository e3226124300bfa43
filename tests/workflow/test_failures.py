"""A failed run ends with what its stages said, whatever Snakemake prints around it."""

from unigs.workflow.failures import failures, told

ALONE = """
Error in rule fit_pose:
    message: None
    jobid: 3
    output: results/ann/face/pose.npz
    log: {a} (check log file(s) for error details)
    shell:
        python -m unigs.prepare.pose.fit  > {a} 2>&1
"""
GROUP = """
Error in group 5a1d:
    log: aux.log (check log file(s) for error details)
    jobs:
        rule crop_clip:
            jobid: 1
            log: {b} (check log file(s) for error details)
        rule screen_clip:
            jobid: 2
        rule drive:
            jobid: 4
            log: {c} (check log file(s) for error details)
"""


def test_sentences_of_jobs_alone_and_in_groups(tmp_path):
    names = {"a": "a.log", "b": "b.log", "c": "words, and more.log"}
    paths = {key: tmp_path / name for key, name in names.items()}
    paths["a"].write_text("fit_pose {}\nerror: a.npz is damaged: make it anew.\n")
    paths["b"].write_text("crop_clip {}\nTraceback (most recent call last):\nValueError: x\n")
    paths["c"].write_text("interrupted: run the same command again\n")
    text = (ALONE + GROUP + ALONE).format(**paths)
    assert failures(text) == [
        f"fit_pose: a.npz is damaged: make it anew. ({paths['a']})",
        f"drive: interrupted: run the same command again ({paths['c']})",
    ]


def test_a_run_without_sentences_ends_as_ever(tmp_path):
    log = tmp_path / "snakemake.log"
    assert told(None) == told([tmp_path / "none"]) == ""
    log.write_text(ALONE.format(a=tmp_path / "gone.log"))
    assert told([log]) == ""
    (tmp_path / "gone.log").write_text("error: no.\n")
    assert told(log) == f"What went wrong:\n  fit_pose: no. ({tmp_path / 'gone.log'})"

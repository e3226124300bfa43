rule fetch_video:
    """Download a subject's video (rows of the sheet with a url and no video)."""
    output:
        # A download may be gone from its source: no change of the code fetches it again, nobody
        # overwrites it by accident (protected), and where that does not hold, as for root, the old
        # file stays until a new one is whole (update).
        video=protected(update("resources/downloads/{subject}.mp4")),
    log:
        "logs/fetch_video/{subject}.log",
    wildcard_constraints:
        subject=fetched(PLAN.subjects, place("resources/downloads/{}.mp4")),
    localrule: True
    conda:
        "../envs/fetch.yaml"
    params:
        flags=sheet_flags("url", "section", "format"),
        # Not compared (a function of the output): what is there is checked when a run is planned.
        checksum=lambda wildcards, output: PLAN.sheet_flags(wildcards.subject, ("sha256",)),
    shell:
        "python -m unigs.sources.fetch"
        " --out {output.video:q}"
        " {params.flags} {params.checksum} > {log:q} 2>&1"


rule fetch_model:
    """Fetch pretrained weights that a setting names; `unigs models` lists them."""
    output:
        # Like a downloaded video: no change of code or settings fetches it again or deletes it.
        weights=protected(update(supplied("resources/models/{model}.safetensors"))),
    log:
        "logs/fetch_model/{model}.log",
    wildcard_constraints:
        model=fetched(models(), supplied("resources/models/{}.safetensors")),
    localrule: True
    conda:
        "../envs/models.yaml"
    params:
        # Accepting other terms changes no weights: a function of the output is not compared.
        accept=lambda wildcards, output: PLAN.accept_flags(wildcards.model),
    shell:
        "python -m unigs.pretrained.fetch"
        " --name {wildcards.model:q}"
        " --out {output.weights:q}"
        " {params.accept} > {log:q} 2>&1"


rule take_import:
    """A file that `unigs import` wrote, in the place of one that a rule would make of a video."""
    input:
        lambda wildcards: supplied(IMPORTED[wildcards.imported]),
    output:
        "results/{imported}",
    log:
        "logs/take_import/{imported}.log",
    localrule: True
    conda:
        "../envs/fetch.yaml"
    shell:
        "cp {input:q} {output:q} > {log:q} 2>&1"


ruleorder: take_import > crop_clip > extract_audio > encode_speech > measure_eyes > segment_regions


rule make_speaker:
    """Render the synthetic long-haired speaker, with the truth about it."""
    output:
        video="results/{subject}/source/video.mp4",
        truth="results/{subject}/source/truth.npz",
        labels="results/{subject}/source/truth.mkv",
    log:
        "logs/make_speaker/{subject}.log",
    benchmark:
        "logs/make_speaker/{subject}.tsv"
    conda:
        "../envs/portrait.yaml"
    threads: 4
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        *code_words("unigs.sources.synthetic.speaker"),
        flags=lambda wildcards: PLAN.speaker_flags(wildcards.subject),
    shell:
        "python -m unigs.sources.synthetic.speaker"
        " --out-video {output.video:q}"
        " --out-truth {output.truth:q}"
        " {params.flags} > {log:q} 2>&1"

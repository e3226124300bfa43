rule train_static:
    """The canonical field: what does not move (eqs. 1-3 and 8)."""
    input:
        **SUBJECT,
    output:
        portrait="results/{subject}/{variant}/static/portrait.safetensors",
        poses="results/{subject}/{variant}/static/pose.npz",
        motion="results/{subject}/{variant}/static/motion.npz",
        curve="results/{subject}/{variant}/static/curve.csv",
        run="results/{subject}/{variant}/static/run.json",
    log:
        "logs/train_static/{subject}/{variant}.log",
    benchmark:
        "logs/train_static/{subject}/{variant}.tsv"
    conda:
        "../envs/portrait.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=16000,
        runtime=120,
    params:
        *code_words("unigs.train.static"),
        flags=flags("static"),
        provenance=provenance_flags,
    shell:
        "python -m unigs.train.static"
        f"{input_flags(SUBJECT)}"
        " --out {output.portrait:q}"
        " --poses {output.poses:q}"
        " --motion {output.motion:q}"
        " --curve {output.curve:q}"
        " --record {output.run:q}"
        " {params.flags} {params.provenance} > {log:q} 2>&1"


rule pool_lips:
    """A lip prior from the clips of all other people (`dynamic.lip_prior: pooled`)."""
    input:
        frame_table=others("clip/frames.csv"),
        landmarks=others("face/landmarks.npz"),
        speech=others("speech/features.npz"),
    output:
        prior="results/{subject}/speech/lip_prior.safetensors",
    log:
        "logs/pool_lips/{subject}.log",
    localrule: True
    conda:
        "../envs/portrait.yaml"
    params:
        *code_words("unigs.lips.pool"),
        subjects=lambda wildcards: PLAN.others(wildcards.subject),
    shell:
        "python -m unigs.lips.pool"
        " --subjects {params.subjects:q}"
        " --frame-table {input.frame_table:q}"
        " --landmarks {input.landmarks:q}"
        " --speech {input.speech:q}"
        " --out {output.prior:q} > {log:q} 2>&1"


rule train_dynamic:
    """How each Gaussian moves with speech, eyes and head pose (eqs. 4-7 and 9-11)."""
    input:
        **SUBJECT | dict(pose=static_file("pose.npz"), body=static_file("motion.npz")),
        speech="results/{subject}/speech/features.npz",
        eyes="results/{subject}/face/eyes.csv",
        static=static_file("portrait.safetensors"),
        pooled=lambda wildcards: PLAN.pooled_prior(wildcards.subject, wildcards.variant),
        model_files=model_files("dynamic"),
    output:
        portrait="results/{subject}/{variant}/dynamic/portrait.safetensors",
        curve="results/{subject}/{variant}/dynamic/curve.csv",
        run="results/{subject}/{variant}/dynamic/run.json",
    log:
        "logs/train_dynamic/{subject}/{variant}.log",
    benchmark:
        "logs/train_dynamic/{subject}/{variant}.tsv"
    conda:
        "../envs/portrait.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=16000,
        runtime=720,
    params:
        *code_words("unigs.train.dynamic"),
        *content_words(PACKAGE.glob("speech/p*/*.safetensors")),
        flags=flags("dynamic"),
        provenance=provenance_flags,
        pooled=optional_flag("pooled"),
    shell:
        "python -m unigs.train.dynamic"
        " --static {input.static:q}"
        f"{input_flags(SUBJECT)}"
        " --speech {input.speech:q}"
        " --eyes {input.eyes:q}"
        " --out {output.portrait:q}"
        " --curve {output.curve:q}"
        " --record {output.run:q}"
        " {params.flags} {params.pooled} {params.provenance} > {log:q} 2>&1"

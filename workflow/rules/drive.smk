rule drive:
    """The portrait speaks any sound file, with poses and blinks of its own clip."""
    input:
        **PERFORMANCE,
        portrait=dynamic_file("portrait.safetensors"),
        audio=lambda wildcards: supplied(PLAN.driving_audio(wildcards.subject, wildcards.audio)),
        model_files=model_files("speech"),
    output:
        video=report(
            "results/{subject}/{variant}/drive/{audio}.mp4",
            caption="../report/drive.rst",
            category="Talking videos",
            subcategory="{subject}",
            labels={"variant": "{variant}", "audio": "{audio}"},
        ),
    log:
        "logs/drive/{subject}/{variant}/{audio}.log",
    benchmark:
        "logs/drive/{subject}/{variant}/{audio}.tsv"
    conda:
        "../envs/portrait.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=60,
    params:
        *code_words("unigs.drive.speak"),
        flags=flags("drive"),
        provenance=provenance_flags,
    shell:
        "python -m unigs.drive.speak"
        " --portrait {input.portrait:q}"
        " --audio {input.audio:q}"
        f"{input_flags(PERFORMANCE)}"
        " --out {output.video:q}"
        " {params.flags} {params.provenance} > {log:q} 2>&1"

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


rule export_player:
    """The portrait as one web page that plays it, without a server and without a network."""
    input:
        **PERFORMANCE,
        portrait=dynamic_file("portrait.safetensors"),
        audio=lambda wildcards: supplied(PLAN.player_sound(wildcards.subject)),
        labels="results/{subject}/regions/labels.mkv",
        model_files=model_files("speech"),
    output:
        page="results/{subject}/{variant}/player.html",
    log:
        "logs/export_player/{subject}/{variant}.log",
    conda:
        "../envs/portrait.yaml"
    threads: 4
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        *code_words("unigs.web.export"),
        *content_words(PACKAGE.glob("web/player/*")),
        flags=flags("drive"),
        provenance=provenance_flags,
    shell:
        "python -m unigs.web.export"
        " --portrait {input.portrait:q}"
        " --audio {input.audio:q}"
        f"{input_flags(PERFORMANCE)}"
        " --labels {input.labels:q}"
        " --title {wildcards.subject:q}"
        " --out {output.page:q}"
        " {params.flags} {params.provenance} > {log:q} 2>&1"

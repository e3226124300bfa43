rule draw_sheet:
    """Landmarks, head axes and regions on sampled frames, and what was kept: look at it first."""
    input:
        video="results/{subject}/clip/video.mp4",
        frame_table="results/{subject}/clip/frames.csv",
        landmarks="results/{subject}/face/landmarks.npz",
        pose="results/{subject}/face/pose.npz",
        eyes="results/{subject}/face/eyes.csv",
        labels="results/{subject}/regions/labels.mkv",
        background="results/{subject}/regions/background.png",
    output:
        sheet=report(
            "results/{subject}/figures/sheet.png",
            caption="../report/sheet.rst",
            category="Preparation",
            labels={"subject": "{subject}", "figure": "sheet"},
        ),
        curves=report(
            "results/{subject}/figures/curves.png",
            caption="../report/sheet.rst",
            category="Preparation",
            labels={"subject": "{subject}", "figure": "curves"},
        ),
    log:
        "logs/draw_sheet/{subject}.log",
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        *code_words("unigs.report.preparation"),
    shell:
        "python -m unigs.report.preparation"
        " --video {input.video:q}"
        " --frame-table {input.frame_table:q}"
        " --landmarks {input.landmarks:q}"
        " --pose {input.pose:q}"
        " --eyes {input.eyes:q}"
        " --labels {input.labels:q}"
        " --background {input.background:q}"
        " --out {output.sheet:q}"
        " --curves {output.curves:q} > {log:q} 2>&1"


rule draw_test_sheet:
    """Truth, render and error of a few test frames, the evenly spaced and the worst."""
    input:
        video="results/{subject}/clip/video.mp4",
        render="results/{subject}/{variant}/test/video.mkv",
        rows="results/{subject}/{variant}/test/frames.csv",
    output:
        sheet=report(
            "results/{subject}/{variant}/test/sheet.png",
            caption="../report/test_sheet.rst",
            category="Test sheets",
            subcategory="{subject}",
            labels={"variant": "{variant}"},
        ),
    log:
        "logs/draw_test_sheet/{subject}/{variant}.log",
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        *code_words("unigs.report.sheet"),
    shell:
        "python -m unigs.report.sheet"
        " --video {input.video:q}"
        " --render {input.render:q}"
        " --rows {input.rows:q}"
        " --out {output.sheet:q} > {log:q} 2>&1"


rule draw_moments:
    """The methods of a subject, row by row, at a few moments, zoomed in, and their errors."""
    input:
        video="results/{subject}/clip/video.mp4",
        labels="results/{subject}/regions/labels.mkv",
        metrics=lambda wildcards: PLAN.of_subject(wildcards.subject, "test/metrics.json"),
        renders=lambda wildcards: PLAN.of_subject(wildcards.subject, "test/video.mkv"),
        rows=lambda wildcards: PLAN.of_subject(wildcards.subject, "test/frames.csv"),
    output:
        moments=report(
            "results/{subject}/moments.png",
            caption="../report/test_sheet.rst",
            category="Methods by moments",
            labels={"subject": "{subject}", "picture": "renders"},
        ),
        errors="results/{subject}/errors.png",
    log:
        "logs/draw_moments/{subject}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        *code_words("unigs.report.moments"),
    shell:
        "python -m unigs.report.moments"
        " --video {input.video:q}"
        " --labels {input.labels:q}"
        " --metrics {input.metrics:q}"
        " --renders {input.renders:q}"
        " --rows {input.rows:q}"
        " --out {output.moments:q}"
        " --errors {output.errors:q} > {log:q} 2>&1"


rule plot:
    """Curves of the training, quality and motion over the test frames, quality by region."""
    input:
        static=static_file("curve.csv"),
        dynamic=dynamic_file("curve.csv"),
        rows="results/{subject}/{variant}/test/frames.csv",
        metrics="results/{subject}/{variant}/test/metrics.json",
    output:
        curve=report(
            "results/{subject}/{variant}/figures/curve.svg",
            caption="../report/plot.rst",
            category="Plots",
            subcategory="{subject}",
            labels={"variant": "{variant}", "plot": "curve"},
        ),
        quality=report(
            "results/{subject}/{variant}/figures/quality.svg",
            caption="../report/plot.rst",
            category="Plots",
            subcategory="{subject}",
            labels={"variant": "{variant}", "plot": "quality"},
        ),
        motion=report(
            "results/{subject}/{variant}/figures/motion.svg",
            caption="../report/plot.rst",
            category="Plots",
            subcategory="{subject}",
            labels={"variant": "{variant}", "plot": "motion"},
        ),
        regions=report(
            "results/{subject}/{variant}/figures/regions.svg",
            caption="../report/plot.rst",
            category="Plots",
            subcategory="{subject}",
            labels={"variant": "{variant}", "plot": "regions"},
        ),
    log:
        "logs/plot/{subject}/{variant}.log",
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code_words("unigs.report.figures"),
    shell:
        "python -m unigs.report.figures"
        " --static {input.static:q}"
        " --dynamic {input.dynamic:q}"
        " --rows {input.rows:q}"
        " --metrics {input.metrics:q}"
        " --curve {output.curve:q}"
        " --quality {output.quality:q}"
        " --motion {output.motion:q}"
        " --regions {output.regions:q} > {log:q} 2>&1"


rule write_card:
    """A portrait's model card: consent, origin, back-ends, figures, what it is for and what not."""
    input:
        portrait=dynamic_file("portrait.safetensors"),
        run=dynamic_file("run.json"),
        metrics="results/{subject}/{variant}/test/metrics.json",
        speed="results/{subject}/{variant}/test/speed.json",
    output:
        card="results/{subject}/{variant}/dynamic/card.md",
    log:
        "logs/write_card/{subject}/{variant}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        *code_words("unigs.report.card"),
        # Compared, unlike those of the trainings: a card is cheap, and must not be out of date.
        provenance=sheet_flags(*PROVENANCE),
    shell:
        "python -m unigs.report.card"
        " --portrait {input.portrait:q}"
        " --run {input.run:q}"
        " --metrics {input.metrics:q}"
        " --speed {input.speed:q}"
        " --out {output.card:q}"
        " {params.provenance} > {log:q} 2>&1"


rule compare:
    """Means over subjects and seeds, and differences to one variant, with their intervals."""
    input:
        metrics=lambda wildcards: [
            *PLAN.table_renders(wildcards.table, "test/metrics.json"),
            *PLAN.table_runs(wildcards.table, "test/metrics.json"),
        ],
        draws=lambda wildcards: [
            *PLAN.table_renders(wildcards.table, "test/draws.npz"),
            *PLAN.table_runs(wildcards.table, "test/draws.npz"),
        ],
        speed=lambda wildcards: PLAN.table_runs(wildcards.table, "test/speed.json"),
    output:
        compared="results/tables/{table}.json",
    log:
        "logs/compare/{table}.log",
    localrule: True
    conda:
        "../envs/portrait.yaml"
    params:
        *code_words("unigs.evaluate.compare"),
        flags=lambda wildcards: PLAN.compare_flags(wildcards.table),
        content=lambda wildcards: PLAN.table_runs(wildcards.table, ""),
        earlier=lambda wildcards: PLAN.table_earlier(wildcards.table),
    shell:
        "python -m unigs.evaluate.compare"
        " --metrics {input.metrics:q}"
        " --speed {input.speed:q}"
        " --out {output.compared:q}"
        " --earlier {params.earlier:q}"
        " {params.flags} > {log:q} 2>&1"


rule collate:
    """A table: variants by subject, and the paper's figures where it has them."""
    input:
        metrics=lambda wildcards: [
            *PLAN.table_renders(wildcards.table, "test/metrics.json"),
            *PLAN.table_runs(wildcards.table, "test/metrics.json"),
        ],
        speed=lambda wildcards: PLAN.table_runs(wildcards.table, "test/speed.json"),
        compared="results/tables/{table}.json",
    output:
        csv=report(
            "results/tables/{table}.csv",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        markdown="results/tables/{table}.md",
        latex="results/tables/{table}.tex",
    log:
        "logs/collate/{table}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        *code_words("unigs.report.tables"),
        flags=lambda wildcards: PLAN.table_flags(wildcards.table),
        content=lambda wildcards: PLAN.table_content(wildcards.table),
        # The path, which depends on where the checkout lies, is not compared: Snakemake takes a
        # function of the output for a consequence of other things.
        paper=lambda wildcards, output: PLAN.paper_flags(wildcards.table),
        earlier=lambda wildcards: PLAN.table_earlier(wildcards.table),
    shell:
        "python -m unigs.report.tables"
        " --metrics {input.metrics:q}"
        " --speed {input.speed:q}"
        " --out {output.csv:q}"
        " --markdown {output.markdown:q}"
        " --latex {output.latex:q}"
        " --compared {input.compared:q}"
        " --earlier {params.earlier:q}"
        " {params.paper} {params.flags} > {log:q} 2>&1"


rule plot_sweep:
    """The curve of a table whose variants differ in one setting (`tables.NAME.over`)."""
    input:
        table="results/tables/{table}.csv",
    output:
        curve=report(
            "results/tables/{table}.svg",
            caption="../report/sweep.rst",
            category="Tables",
            labels={"table": "{table}", "plot": "curve"},
        ),
    log:
        "logs/plot_sweep/{table}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        *code_words("unigs.report.sweep"),
        flags=lambda wildcards: PLAN.sweep_flags(wildcards.table),
    shell:
        "python -m unigs.report.sweep"
        " --table {input.table:q}"
        " --out {output.curve:q}"
        " {params.flags} > {log:q} 2>&1"


rule gallery:
    """The page that shows it all."""
    input:
        metrics=PLAN.judged("test/metrics.json"),
        speed=PLAN.runs("test/speed.json"),
        previews=PLAN.judged("test/video.mp4"),
        sheets=PLAN.runs("test/sheet.png"),
        moments=PLAN.moments(),
        cards=PLAN.runs("dynamic/card.md"),
        figures=PLAN.plots(),
        drives=PLAN.driven_videos(),
        players=PLAN.players(),
        preparation=PLAN.preparation(),
        tables=collect("results/tables/{table}.csv", table=PLAN.tables()),
        markdown=collect("results/tables/{table}.md", table=PLAN.tables()),
        sweeps=PLAN.sweeps(),
        voices="results/tables/voices.csv" if PLAN.has_voices() else [],
        foreign_voices=PLAN.foreign_voices(),
    output:
        page="results/index.html",
    log:
        "logs/gallery.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        *code_words("unigs.report.gallery"),
        *content_words(PACKAGE.glob("report/templates/*")),
        voices=as_flags({"voices": place("results/tables/voices.csv")} if PLAN.has_voices() else {}),
        order=[*TABLES, *PLAN.runs("")],
        # Shown if they are there, and no inputs: the plan does not make them.
        earlier=lambda wildcards: PLAN.earlier_runs(),
        earlier_drives=lambda wildcards: PLAN.earlier_drives(),
    shell:
        "python -m unigs.report.gallery"
        " --metrics {input.metrics:q}"
        " --drives {input.drives:q} {input.foreign_voices:q}"
        " --preparation {input.preparation:q}"
        " --tables {input.tables:q}"
        " --sweeps {input.sweeps:q}"
        " {params.voices}"
        " --earlier {params.earlier:q}"
        " --earlier-drives {params.earlier_drives:q}"
        " --out {output.page:q} > {log:q} 2>&1"

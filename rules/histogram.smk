# One skimmed block and the classifiers → its histograms (coffea processor, Dask).


rule histogram:
    input:
        manifest=f"{RESULTS}/catalogue/{{sample}}/{{block}}.json",
        skim=f"{RESULTS}/skim/{{search}}/{{sample}}/{{block}}.root",
        classifiers=lambda wildcards: classifiers(wildcards.search, "onnx"),
    output:
        histogram=f"{RESULTS}/histogram/{{search}}/{{sample}}/{{block}}.h5",
    log:
        f"{LOGS}/histogram/{{search}}/{{sample}}/{{block}}.log",
    benchmark:
        f"{BENCHMARKS}/histogram/{{search}}/{{sample}}/{{block}}.tsv"
    threads: CONFIG.workers
    params:
        code=code_digest_of_search("darkreach.columnar.command"),
        spec=lambda wildcards: stages.as_json(
            stages.histogram_spec(CONFIG, wildcards.search, wildcards.sample)
        ),
    message:
        "Filling histograms of {wildcards.sample}, block {wildcards.block}, for {wildcards.search}"
    shell:
        "python -m darkreach histogram --spec {params.spec:q} --manifest {input.manifest:q} --skim {input.skim:q}"
        " --classifiers {input.classifiers:q} --output {output.histogram:q}"
        " --executor {CONFIG.executor} --workers {threads} > {log:q} 2>&1"

# All blocks → templates of one search, and the account of the luminosity.


rule merge:
    input:
        manifests=per_block("{results}/catalogue/{sample}/{block}.json"),
        histograms=per_block("{results}/histogram/{search}/{sample}/{block}.h5"),
    output:
        templates=f"{RESULTS}/template/{{search}}.h5",
        account=f"{RESULTS}/template/{{search}}.json",
    log:
        f"{LOGS}/merge/{{search}}.log",
    benchmark:
        f"{BENCHMARKS}/merge/{{search}}.tsv"
    params:
        code=code_digest("darkreach.columnar.merge_command"),
        spec=lambda wildcards: stages.as_json(stages.merge_spec(CONFIG, wildcards.search)),
    message:
        "Merging all blocks for {wildcards.search}"
    shell:
        "python -m darkreach merge --spec {params.spec:q} --manifests {input.manifests:q}"
        " --histograms {input.histograms:q} --output {output.templates:q} --account {output.account:q}"
        " > {log:q} 2>&1"

# One block → its candidates after preselection, with only the columns that the search needs.


rule skim:
    input:
        manifest=f"{RESULTS}/catalogue/{{sample}}/{{block}}.json",
        ntuples=local_ntuple_files,
    output:
        skim=f"{RESULTS}/skim/{{search}}/{{sample}}/{{block}}.root",
        cutflow=f"{RESULTS}/skim/{{search}}/{{sample}}/{{block}}.json",
    log:
        f"{LOGS}/skim/{{search}}/{{sample}}/{{block}}.log",
    benchmark:
        f"{BENCHMARKS}/skim/{{search}}/{{sample}}/{{block}}.tsv"
    params:
        code=code_digest_of_search("darkreach.searches.skim_command"),
        spec=lambda wildcards: stages.as_json(stages.skim_spec(CONFIG, wildcards.search, wildcards.sample)),
    message:
        "Skimming {wildcards.sample}, block {wildcards.block}, for {wildcards.search}"
    shell:
        "python -m darkreach skim --spec {params.spec:q} --manifest {input.manifest:q}"
        " --output {output.skim:q} > {log:q} 2>&1"

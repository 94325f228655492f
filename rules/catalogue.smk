# One simulated block → its manifest: files, entries, runs, luminosity or generated events.
# Blocks of the user's own files are catalogued before there is a graph of jobs: see common.smk.


def manifest_spec(wildcards):
    ntuple = f"{RESULTS}/ntuples/{wildcards.sample}/{wildcards.block}"
    return stages.as_json(
        stages.manifest_spec(CONFIG, wildcards.sample, wildcards.block, f"{ntuple}.root", f"{ntuple}.json")
    )


rule catalogue:
    input:
        ntuples=simulated_ntuple,
    output:
        manifest=f"{RESULTS}/catalogue/{{sample}}/{{block}}.json",
    log:
        f"{LOGS}/catalogue/{{sample}}/{{block}}.log",
    benchmark:
        f"{BENCHMARKS}/catalogue/{{sample}}/{{block}}.tsv"
    wildcard_constraints:
        sample="|".join(filter(is_simulated, CONFIG.samples)) or "(?!)",
    params:
        code=code_digest("darkreach.catalogue.manifest_command"),
        spec=manifest_spec,
    message:
        "Cataloguing {wildcards.sample}, block {wildcards.block}"
    shell:
        "python -m darkreach manifest --sample {wildcards.sample} --block {wildcards.block}"
        " --spec {params.spec:q} --output {output.manifest:q} > {log:q} 2>&1"

# One block of ntuples → its manifest: files, entries, runs, luminosity or generated events.


def catalogue_spec(wildcards):
    sidecar = (
        f"{RESULTS}/ntuples/{wildcards.sample}/{wildcards.block}.json" if is_simulated(wildcards) else None
    )
    return stages.as_json(
        stages.catalogue_spec(CONFIG, wildcards.sample, wildcards.block, ntuple_files(wildcards), sidecar)
    )


rule catalogue:
    input:
        ntuples=local_ntuple_files,
    output:
        manifest=f"{RESULTS}/catalogue/{{sample}}/{{block}}.json",
    log:
        f"{LOGS}/catalogue/{{sample}}/{{block}}.log",
    benchmark:
        f"{BENCHMARKS}/catalogue/{{sample}}/{{block}}.tsv"
    params:
        code=code_digest("darkreach.catalogue.command"),
        spec=catalogue_spec,
    message:
        "Cataloguing {wildcards.sample}, block {wildcards.block}"
    shell:
        "python -m darkreach catalogue --sample {wildcards.sample} --block {wildcards.block}"
        " --spec {params.spec:q} --output {output.manifest:q} > {log:q} 2>&1"

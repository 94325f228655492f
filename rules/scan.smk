# Templates → the fits of one slice of mass and lifetime; all slices → the global significance.


def chunks(suffix):
    def paths(wildcards):
        names = stages.chunk_names(CONFIG, wildcards.search)
        return [f"{RESULTS}/scan/{wildcards.search}/{wildcards.model}/{name}.{suffix}" for name in names]

    return paths


rule scan:
    input:
        templates=f"{RESULTS}/template/{{search}}.h5",
    output:
        rows=f"{RESULTS}/scan/{{search}}/{{model}}/{{chunk}}.json",
        workspaces=f"{RESULTS}/scan/{{search}}/{{model}}/{{chunk}}.zip",
    log:
        f"{LOGS}/scan/{{search}}/{{model}}/{{chunk}}.log",
    benchmark:
        f"{BENCHMARKS}/scan/{{search}}/{{model}}/{{chunk}}.tsv"
    wildcard_constraints:
        chunk=r"[0-9.]+-[0-9.]+_(prompt|natural|[0-9.e+-]+m)",
    params:
        code=code_digest_of_search("darkreach.statistics.scan_command"),
        spec=lambda wildcards: stages.as_json(
            stages.scan_spec(CONFIG, wildcards.search, wildcards.model, wildcards.chunk)
        ),
    message:
        "Scanning {wildcards.model} in {wildcards.search}, {wildcards.chunk} (masses in GeV)"
    shell:
        "python -m darkreach scan --spec {params.spec:q} --templates {input.templates:q}"
        " --output {output.rows:q} --workspaces {output.workspaces:q} > {log:q} 2>&1"


rule significance:
    input:
        templates=f"{RESULTS}/template/{{search}}.h5",
        rows=chunks("json"),
    output:
        f"{RESULTS}/scan/{{search}}/{{model}}/significance.json",
    log:
        f"{LOGS}/significance/{{search}}/{{model}}.log",
    benchmark:
        f"{BENCHMARKS}/significance/{{search}}/{{model}}.tsv"
    params:
        code=code_digest_of_search("darkreach.statistics.significance_command"),
        spec=lambda wildcards: stages.as_json(
            stages.significance_spec(CONFIG, wildcards.search, wildcards.model)
        ),
    message:
        "Global significance of {wildcards.model} in {wildcards.search}"
    shell:
        "python -m darkreach significance --spec {params.spec:q} --templates {input.templates:q}"
        " --chunks {input.rows:q} --output {output:q} > {log:q} 2>&1"

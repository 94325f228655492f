# Templates → the fits of one chunk of mass hypotheses; all chunks → the global significance.


def chunks(suffix):
    def paths(wildcards):
        count = CONFIG.searches[wildcards.search].scan.chunks
        return [f"{RESULTS}/scan/{wildcards.search}/{wildcards.model}/{i}.{suffix}" for i in range(count)]

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
    params:
        code=code_digest_of_search("darkreach.statistics.scan_command"),
        spec=lambda wildcards: stages.as_json(stages.scan_spec(CONFIG, wildcards.search, wildcards.model)),
    message:
        "Scanning {wildcards.model} in {wildcards.search}, chunk {wildcards.chunk}"
    shell:
        "python -m darkreach scan --spec {params.spec:q} --templates {input.templates:q} --chunk {wildcards.chunk}"
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
        spec=lambda wildcards: stages.as_json(stages.scan_spec(CONFIG, wildcards.search, wildcards.model)),
    message:
        "Global significance of {wildcards.model} in {wildcards.search}"
    shell:
        "python -m darkreach significance --spec {params.spec:q} --templates {input.templates:q}"
        " --chunks {input.rows:q} --output {output:q} > {log:q} 2>&1"

# Templates → the fits of one chunk of mass hypotheses.


rule scan:
    input:
        code=code("darkreach.statistics.scan_command"),
        lock=LOCK,
        templates=f"{RESULTS}/template/{{search}}.h5",
    output:
        rows=f"{RESULTS}/scan/{{search}}/{{model}}/{{chunk}}.json",
        workspaces=f"{RESULTS}/scan/{{search}}/{{model}}/{{chunk}}.zip",
    log:
        f"{LOGS}/scan/{{search}}/{{model}}/{{chunk}}.log",
    params:
        spec=lambda wildcards: stages.as_json(stages.scan_spec(CONFIG, wildcards.search, wildcards.model)),
    message:
        "Scanning {wildcards.model} in {wildcards.search}, chunk {wildcards.chunk}"
    shell:
        "python -m darkreach scan --spec {params.spec:q} --templates {input.templates:q} --chunk {wildcards.chunk}"
        " --output {output.rows:q} --workspaces {output.workspaces:q} > {log:q} 2>&1"

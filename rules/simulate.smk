# A block whose sample says `simulate:` → an ntuple in the format that a user's own files have.


rule simulate:
    input:
        code=code("darkreach.simulation.command"),
        lock=LOCK,
    output:
        ntuple=f"{RESULTS}/ntuples/{{sample}}/{{block}}.root",
        sidecar=f"{RESULTS}/ntuples/{{sample}}/{{block}}.json",
    log:
        f"{LOGS}/simulate/{{sample}}/{{block}}.log",
    params:
        spec=lambda wildcards: stages.as_json(stages.simulate_spec(CONFIG, wildcards.sample, wildcards.block)),
    message:
        "Simulating {wildcards.sample}, block {wildcards.block}"
    shell:
        "python -m darkreach simulate --spec {params.spec:q} --output {output.ntuple:q} > {log:q} 2>&1"

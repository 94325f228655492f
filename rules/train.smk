# Skims of simulated samples → the classifier of one region, with a model card.


rule train:
    input:
        skims=per_block("{results}/skim/{search}/{sample}/{block}.root", "background", "signal"),
        manifests=per_block("{results}/catalogue/{sample}/{block}.json", "background", "signal"),
    output:
        classifier=f"{RESULTS}/classifier/{{search}}/{{region}}.onnx",
        card=f"{RESULTS}/classifier/{{search}}/{{region}}.json",
    log:
        f"{LOGS}/train/{{search}}/{{region}}.log",
    benchmark:
        f"{BENCHMARKS}/train/{{search}}/{{region}}.tsv"
    params:
        code=code_digest_of_search("darkreach.classifier.command"),
        spec=lambda wildcards: stages.as_json(stages.train_spec(CONFIG, wildcards.search, wildcards.region)),
    message:
        "Training the classifier of {wildcards.search}, region {wildcards.region}"
    shell:
        "python -m darkreach train --spec {params.spec:q} --skims {input.skims:q}"
        " --manifests {input.manifests:q} --output {output.classifier:q} --card {output.card:q} > {log:q} 2>&1"

# All chunks of one model → its limit table, figure and workspaces.


def chunks(suffix):
    def paths(wildcards):
        count = CONFIG.searches[wildcards.search].scan.chunks
        return [f"{RESULTS}/scan/{wildcards.search}/{wildcards.model}/{i}.{suffix}" for i in range(count)]

    return paths


def limit_tables():
    return [
        f"{RESULTS}/limits/{search}/{model}.csv"
        for search, settings in CONFIG.searches.items()
        for model in settings.models
    ]


rule limits:
    input:
        code=code("darkreach.publish.limits_command"),
        lock=LOCK,
        rows=chunks("json"),
        workspaces=chunks("zip"),
        account=f"{RESULTS}/template/{{search}}.json",
    output:
        csv=f"{RESULTS}/limits/{{search}}/{{model}}.csv",
        pdf=f"{RESULTS}/limits/{{search}}/{{model}}.pdf",
        png=f"{RESULTS}/limits/{{search}}/{{model}}.png",
        workspaces=f"{RESULTS}/limits/{{search}}/{{model}}_workspaces.zip",
    log:
        f"{LOGS}/limits/{{search}}/{{model}}.log",
    params:
        spec=lambda wildcards: stages.as_json(stages.limits_spec(CONFIG, wildcards.search, wildcards.model)),
    message:
        "Limits on {wildcards.model} from {wildcards.search}"
    shell:
        "python -m darkreach limits --spec {params.spec:q} --chunks {input.rows:q}"
        " --workspaces {input.workspaces:q} --account {input.account:q} --csv {output.csv:q} --pdf {output.pdf:q}"
        " --png {output.png:q} --workspaces-out {output.workspaces:q} > {log:q} 2>&1"

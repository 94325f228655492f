# All chunks of one model → its limit table, figure and workspaces.

import json


def warn_of_disagreement(table):
    """Print it if pyhf, which computed some hypotheses again, came to other limits."""
    checks = table.with_name(f"{table.stem}_checks.json")
    if checks.exists() and not json.loads(checks.read_text(encoding="utf-8"))["referee"]["agrees"]:
        print(f"WARNING: pyhf disagrees with limits in {table}; see {checks}")


def limit_tables():
    return [
        f"{RESULTS}/limits/{search}/{model}.csv"
        for search, settings in CONFIG.searches.items()
        for model in settings.models
    ]


rule limits:
    input:
        rows=chunks("json"),
        workspaces=chunks("zip"),
        templates=f"{RESULTS}/template/{{search}}.h5",
        account=f"{RESULTS}/template/{{search}}.json",
        significance=f"{RESULTS}/scan/{{search}}/{{model}}/significance.json",
    output:
        csv=f"{RESULTS}/limits/{{search}}/{{model}}.csv",
        pdf=f"{RESULTS}/limits/{{search}}/{{model}}.pdf",
        png=f"{RESULTS}/limits/{{search}}/{{model}}.png",
        checks=f"{RESULTS}/limits/{{search}}/{{model}}_checks.json",
        workspaces=f"{RESULTS}/limits/{{search}}/{{model}}_workspaces.zip",
        triggers_csv=f"{RESULTS}/limits/{{search}}/{{model}}_triggers.csv",
        triggers_png=f"{RESULTS}/limits/{{search}}/{{model}}_triggers.png",
    log:
        f"{LOGS}/limits/{{search}}/{{model}}.log",
    benchmark:
        f"{BENCHMARKS}/limits/{{search}}/{{model}}.tsv"
    params:
        code=code_digest_of_search("darkreach.publish.limits_command"),
        spec=lambda wildcards: stages.as_json(stages.limits_spec(CONFIG, wildcards.search, wildcards.model)),
    message:
        "Limits on {wildcards.model} from {wildcards.search}"
    shell:
        "python -m darkreach limits --spec {params.spec:q} --chunks {input.rows:q}"
        " --workspaces {input.workspaces:q} --templates {input.templates:q}"
        " --account {input.account:q} --significance {input.significance:q}"
        " --csv {output.csv:q} --pdf {output.pdf:q} --png {output.png:q} --checks {output.checks:q}"
        " --workspaces-out {output.workspaces:q} --triggers-csv {output.triggers_csv:q}"
        " --triggers-png {output.triggers_png:q} > {log:q} 2>&1"

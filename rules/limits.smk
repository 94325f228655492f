# All chunks of one model → its limit table, workspaces and provenance; the table → its figures.

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


def code_of_stages(wildcards):
    """Digests of the code of all stages that a limit goes through, and of the environment, for provenance."""
    own = f"darkreach.searches.{wildcards.search}"
    stage_modules = {
        "simulate": ["darkreach.simulation.command"],
        "skim": ["darkreach.searches.skim_command", own],
        "train": ["darkreach.classifier.command", own],
        "histogram": ["darkreach.columnar.command", own],
        "merge": ["darkreach.columnar.merge_command"],
        "scan": ["darkreach.statistics.scan_command", own],
        "limits": ["darkreach.publish.limits_command", own],
    }
    digests = {stage: code_digest(*modules) for stage, modules in stage_modules.items()}
    digests["environment"] = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    return json.dumps(digests)


rule limits:
    input:
        rows=chunks("json"),
        workspaces=chunks("zip"),
        templates=f"{RESULTS}/template/{{search}}.h5",
        account=f"{RESULTS}/template/{{search}}.json",
        significance=f"{RESULTS}/scan/{{search}}/{{model}}/significance.json",
    output:
        csv=f"{RESULTS}/limits/{{search}}/{{model}}.csv",
        checks=f"{RESULTS}/limits/{{search}}/{{model}}_checks.json",
        workspaces=f"{RESULTS}/limits/{{search}}/{{model}}_workspaces.zip",
        triggers=f"{RESULTS}/limits/{{search}}/{{model}}_triggers.csv",
        provenance=f"{RESULTS}/limits/{{search}}/{{model}}_provenance.json",
    log:
        f"{LOGS}/limits/{{search}}/{{model}}.log",
    benchmark:
        f"{BENCHMARKS}/limits/{{search}}/{{model}}.tsv"
    params:
        code=code_of_stages,
        spec=lambda wildcards: stages.as_json(stages.limits_spec(CONFIG, wildcards.search, wildcards.model)),
    message:
        "Limits on {wildcards.model} from {wildcards.search}"
    shell:
        "python -m darkreach limits --spec {params.spec:q} --code {params.code:q} --chunks {input.rows:q}"
        " --workspaces {input.workspaces:q} --templates {input.templates:q}"
        " --account {input.account:q} --significance {input.significance:q}"
        " --csv {output.csv:q} --checks {output.checks:q} --workspaces-out {output.workspaces:q}"
        " --triggers-csv {output.triggers:q} --provenance {output.provenance:q} > {log:q} 2>&1"


rule figures:
    input:
        csv=f"{RESULTS}/limits/{{search}}/{{model}}.csv",
        triggers=f"{RESULTS}/limits/{{search}}/{{model}}_triggers.csv",
    output:
        pdf=f"{RESULTS}/limits/{{search}}/{{model}}.pdf",
        png=f"{RESULTS}/limits/{{search}}/{{model}}.png",
        triggers=f"{RESULTS}/limits/{{search}}/{{model}}_triggers.png",
    log:
        f"{LOGS}/figures/{{search}}/{{model}}.log",
    benchmark:
        f"{BENCHMARKS}/figures/{{search}}/{{model}}.tsv"
    params:
        code=code_digest_of_search("darkreach.publish.figures_command"),
        spec=lambda wildcards: stages.as_json(stages.figure_spec(CONFIG, wildcards.search, wildcards.model)),
    message:
        "Figures of {wildcards.model} from {wildcards.search}"
    shell:
        "python -m darkreach figures --spec {params.spec:q} --csv {input.csv:q}"
        " --triggers-csv {input.triggers:q} --pdf {output.pdf:q} --png {output.png:q}"
        " --triggers-png {output.triggers:q} > {log:q} 2>&1"

# One block → its candidates after preselection, with only the columns that the search needs.


def attempt(wildcards):
    """Number of the next try of a skim: one more after one that could not read every file.

    As a parameter it makes an incomplete skim run again, which an unchanged manifest would not. Within a
    tolerance an incomplete one was accepted, and files known to be unreadable are not worth another try.
    """
    path = Path(f"{RESULTS}/skim/{wildcards.search}/{wildcards.sample}/{wildcards.block}.json")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
    unread = {file["path"] for file in record["files"] if file["unread"]}
    hopeful = unread - known_unreadable(wildcards.sample, wildcards.block)
    return record["attempt"] + (bool(hopeful) and not CONFIG.tolerance)


rule skim:
    input:
        manifest=f"{CATALOGUE}/{{sample}}/{{block}}.json",
        ntuples=simulated_ntuple,
    output:
        skim=f"{RESULTS}/skim/{{search}}/{{sample}}/{{block}}.root",
        record=f"{RESULTS}/skim/{{search}}/{{sample}}/{{block}}.json",
    log:
        f"{LOGS}/skim/{{search}}/{{sample}}/{{block}}.log",
    benchmark:
        f"{BENCHMARKS}/skim/{{search}}/{{sample}}/{{block}}.tsv"
    params:
        code=code_digest_of_search("darkreach.searches.skim_command"),
        spec=lambda wildcards: stages.as_json(stages.skim_spec(CONFIG, wildcards.search, wildcards.sample)),
        attempt=attempt,
    message:
        "Skimming {wildcards.sample}, block {wildcards.block}, for {wildcards.search}"
    shell:
        "python -m darkreach skim --spec {params.spec:q} --manifest {input.manifest:q}"
        " --attempt {params.attempt} {SCRATCH} --output {output.skim:q} > {log:q} 2>&1"

# Everything → one page to look at.


def is_stand_in(sample):
    return sample.kind != "data" or sample.simulate is not None


rule report:
    input:
        limits=limit_tables(),
        beside=[
            table.removesuffix(".csv") + suffix
            for table in limit_tables()
            for suffix in (".png", "_triggers.png", "_checks.json", "_provenance.json")
        ],
        accounts=[f"{RESULTS}/template/{search}.json" for search in CONFIG.searches],
        cards=[card for name in CONFIG.searches for card in classifiers(name, "json")],
        templates=[f"{RESULTS}/template/{search}.h5" for search in CONFIG.searches],
    output:
        f"{RESULTS}/report.html",
    log:
        f"{LOGS}/report.log",
    benchmark:
        f"{BENCHMARKS}/report.tsv"
    params:
        code=code_digest("darkreach.publish.report_command"),
        assumed=sorted(
            {f"{name}.{key}" for name, search in CONFIG.searches.items() for key in search.assumed}
        ),
        stand_in="--stand-in" if all(is_stand_in(sample) for sample in CONFIG.samples.values()) else "",
    message:
        "Writing the report"
    shell:
        "python -m darkreach report --limits {input.limits:q} --accounts {input.accounts:q}"
        " --cards {input.cards:q} --templates {input.templates:q} --assumed {params.assumed:q}"
        " {params.stand_in} --output {output:q} > {log:q} 2>&1"

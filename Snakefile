# darkreach: from B-factory ntuples to dark-sector limits.
#
#   snakemake --cores 2                                  the default run, everything simulated
#   snakemake --cores 2 --configfile my_config.yaml      your own samples
#
# The stages, in the order of the flow; each is a command of its own: python -m darkreach --help


configfile: "config/config.yaml"


include: "rules/common.smk"
include: "rules/simulate.smk"
include: "rules/catalogue.smk"
include: "rules/skim.smk"
include: "rules/train.smk"
include: "rules/histogram.smk"
include: "rules/merge.smk"
include: "rules/scan.smk"
include: "rules/limits.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        limit_tables(),
        f"{RESULTS}/report.html",


onsuccess:
    print("The limit tables, with a figure beside each, and the summary:")
    print(*(f"  {path}" for path in [*limit_tables(), f"{RESULTS}/report.html"]), sep="\n")
    for table in limit_tables():
        warn_of_disagreement(Path(table))

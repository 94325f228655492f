# darkreach: from B-factory ntuples to dark-sector limits.
#
#   snakemake --cores 2                                  the default run, everything simulated
#   snakemake --cores 2 --configfile my_config.yaml      your own samples
#
# The stages, in the order of the flow; each is a command of its own: python -m darkreach --help


if not workflow.overwrite_configfiles:

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
    print("Results:")
    for table in map(Path, limit_tables()):
        print(f"  limit table  {table}\n  figure       {table.with_suffix('.png')}")
        warn_of_disagreement(table)
    print(f"  summary      {RESULTS}/report.html")

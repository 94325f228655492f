# All blocks → templates of one search, and the account of the luminosity, in a tree of fixed depth: one more
# block of thousands is added by one node of each level.

from darkreach.columnar.merge_tree import FAN_IN, grouped


wildcard_constraints:
    level=r"\d+",
    index=r"\d+",


@functools.cache
def members(search, sample, level):
    """Files of one level of the tree: the blocks at level 0, and nodes above."""
    if level == 0:
        return [f"{RESULTS}/histogram/{search}/{sample}/{block}.h5" for block in blocks_of(sample)]
    nodes = grouped(members(search, sample, level - 1))
    return [f"{RESULTS}/merge/{search}/{sample}/{level}-{index}.h5" for index in range(len(nodes))]


def members_of_node(wildcards):
    nodes = grouped(members(wildcards.search, wildcards.sample, int(wildcards.level) - 1))
    return nodes[int(wildcards.index)]


def members_of_root(wildcards):
    """The lowest level of every sample that the root can read at once."""
    paths = []
    for sample in CONFIG.samples_of(wildcards.search):
        level = 0
        while len(members(wildcards.search, sample, level)) > FAN_IN:
            level += 1
        paths += members(wildcards.search, sample, level)
    return paths


def catalogue_of_search(wildcards):
    """What the catalogue lists: an index of the user's own files, and manifests of simulated blocks."""
    return [
        path
        for sample in CONFIG.samples_of(wildcards.search)
        for path in (
            [f"{CATALOGUE}/{sample}/{block}.json" for block in blocks_of(sample)]
            if is_simulated(sample)
            # before the first catalogue there is none: `darkreach status` asks then, too
            else [index for index in [index_of(sample)] if Path(index).exists()]
        )
    ]


rule merge_blocks:
    input:
        members_of_node,
    output:
        f"{RESULTS}/merge/{{search}}/{{sample}}/{{level}}-{{index}}.h5",
    log:
        f"{LOGS}/merge/{{search}}/{{sample}}/{{level}}-{{index}}.log",
    benchmark:
        f"{BENCHMARKS}/merge_blocks/{{search}}/{{sample}}/{{level}}-{{index}}.tsv"
    params:
        code=code_digest("darkreach.columnar.merge_blocks_command"),
        spec=lambda wildcards: stages.as_json(
            stages.merge_blocks_spec(CONFIG, wildcards.search, wildcards.sample)
        ),
    message:
        "Adding blocks of {wildcards.sample} for {wildcards.search}, node {wildcards.level}-{wildcards.index}"
    shell:
        "python -m darkreach merge-blocks --spec {params.spec:q} --histograms {input:q} --output {output:q}"
        " > {log:q} 2>&1"


rule merge:
    input:
        catalogue=catalogue_of_search,
        histograms=members_of_root,
    output:
        templates=f"{RESULTS}/template/{{search}}.h5",
        account=f"{RESULTS}/template/{{search}}.json",
    log:
        f"{LOGS}/merge/{{search}}.log",
    benchmark:
        f"{BENCHMARKS}/merge/{{search}}.tsv"
    params:
        code=code_digest("darkreach.columnar.merge_command"),
        spec=lambda wildcards: stages.as_json(stages.merge_spec(CONFIG, wildcards.search)),
    message:
        "Merging all blocks for {wildcards.search}"
    shell:
        "python -m darkreach merge --spec {params.spec:q} --catalogue {CATALOGUE:q}"
        " --histograms {input.histograms:q} --output {output.templates:q} --account {output.account:q}"
        " > {log:q} 2>&1"

# A block whose sample says `simulate:` → an ntuple in the format that a user's own files have.


def simulation_of(wildcards):
    return stages.simulate_spec(CONFIG, wildcards.sample, wildcards.block)


def tau_library_of(wildcards):
    """The τ decays of all stand-in data, or of all simulation, where a block has τ."""
    spec = simulation_of(wildcards)
    kind = "data" if spec.kind == "data" else "simulation"
    return [f"{RESULTS}/generated/tau_{kind}.h5"] if stages.needs_tau_library(spec) else []


rule tau_library:
    output:
        f"{RESULTS}/generated/tau_{{kind}}.h5",
    log:
        f"{LOGS}/generate/tau_{{kind}}.log",
    benchmark:
        f"{BENCHMARKS}/generate/tau_{{kind}}.tsv"
    params:
        code=code_digest("darkreach.simulation.tau_library_command"),
        seed=CONFIG.seed,
    message:
        "Decaying taus for blocks of {wildcards.kind}"
    shell:
        "python -m darkreach tau-library --seed {params.seed} --kind {wildcards.kind} --output {output:q}"
        " > {log:q} 2>&1"


rule simulate:
    input:
        tau_library=tau_library_of,
    output:
        ntuple=f"{RESULTS}/ntuples/{{sample}}/{{block}}.root",
        sidecar=f"{RESULTS}/ntuples/{{sample}}/{{block}}.json",
    log:
        f"{LOGS}/simulate/{{sample}}/{{block}}.log",
    benchmark:
        f"{BENCHMARKS}/simulate/{{sample}}/{{block}}.tsv"
    params:
        code=code_digest("darkreach.simulation.command"),
        spec=lambda wildcards: stages.as_json(simulation_of(wildcards)),
        tau_library=lambda wildcards, input: (
            f"--tau-library '{input.tau_library}'" if input.tau_library else ""
        ),
    message:
        "Simulating {wildcards.sample}, block {wildcards.block}"
    shell:
        "python -m darkreach simulate --spec {params.spec:q} {params.tau_library} --output {output.ntuple:q}"
        " > {log:q} 2>&1"

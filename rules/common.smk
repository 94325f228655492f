"""The checked configuration, and the names that the rules share. Imports nothing heavy."""

import ast
import functools
import hashlib
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from darkreach.config import stages
from darkreach.config.root import load_config
from darkreach.errors import DarkreachError

# jobs call `python -m darkreach`: the one of this environment, whatever the shell's PATH says
os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
# one thread per job: sums in BLAS then do not depend on the number of cores
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

try:
    CONFIG = load_config(config, " + ".join(map(str, workflow.configfiles)) or "configuration")
except DarkreachError as error:
    raise WorkflowError(str(error)) from None

RESULTS = CONFIG.results
CATALOGUE = f"{RESULTS}/catalogue"
LOGS = f"{RESULTS}/logs"
BENCHMARKS = f"{RESULTS}/benchmarks"  # time and memory of every job, for `darkreach status`
# an option outside the specification: a copy of a remote file changes no result
SCRATCH = f"--scratch {shlex.quote(CONFIG.scratch)}" if CONFIG.scratch else ""
# relative to the working directory: a clone that moved together with its results is up to date
REPOSITORY = Path(os.path.relpath(Path(workflow.main_snakefile).parent))
LOCK = REPOSITORY / "envs/requirements.txt"
PACKAGE = REPOSITORY / "workflow"


wildcard_constraints:
    search="|".join(CONFIG.searches),
    sample="|".join(CONFIG.samples),
    model="|".join({model for search in CONFIG.searches.values() for model in search.models}),
    block=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    region=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    kind="data|simulation",


@functools.cache
def code_files(*modules):
    """Files of the package that a command needs: its modules, everything they import, and data they name.

    The configuration is left out: what matters of it is in the job's specification. Searches are imported
    by name, so a job that works for one names its module too.
    """
    found, waiting = set(), list(modules)
    while waiting:
        name = waiting.pop()
        base = PACKAGE / name.replace(".", "/")
        path = next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.exists()), None)
        if path is None or path in found or name.startswith("darkreach.config"):
            continue
        text = path.read_text(encoding="utf-8")
        found |= {path, *data_files(path.parent, text)}
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return sorted(found)


def data_files(folder, text):
    """Files beside a module, or in a folder beside it, that are no Python and that its text names."""
    named = [entry for entry in folder.iterdir() if entry.suffix != ".py" and f'"{entry.name}"' in text]
    inside = [file for entry in named if entry.is_dir() for file in entry.iterdir()]
    return [file for file in (*named, *inside) if file.is_file() and file.suffix != ".py"]


@functools.cache
def code_digest(*modules):
    """Hash of the code of a command and of the locked environment, as a parameter of its jobs.

    It goes with the content, so that a job runs again when its code changed, and not when a branch was
    switched and switched back. As inputs the same files would make the graph of many blocks large.
    """
    digest = hashlib.sha256()
    for path in (*code_files(*modules), LOCK):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(REPOSITORY)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def code_digest_of_search(module):
    """`code_digest` of a command that works for the search of its wildcards."""
    return lambda wildcards: code_digest(module, f"darkreach.searches.{wildcards.search}")


def is_simulated(sample):
    return CONFIG.samples[sample].simulate is not None


def catalogue_own_samples():
    """List the user's own files, before there is a graph of jobs: only what is new or changed is opened."""
    spec = stages.as_json(stages.catalogue_spec(CONFIG))
    command = [sys.executable, "-m", "darkreach", "catalogue", "--spec", "@/dev/stdin"]
    command += ["--output", CATALOGUE, "--cores", str(workflow.resource_settings.cores or 1)]
    if subprocess.run(command, input=spec, text=True).returncode:
        raise WorkflowError("the catalogue of your own files stopped, see above; nothing was changed by it")


def index_of(sample):
    """The list of blocks of a sample of the user's own files."""
    return f"{CATALOGUE}/{sample}.json"


@functools.cache
def own_blocks(sample):
    """Blocks of a sample of the user's own files, as the catalogue lists them; none before it did."""
    index = Path(index_of(sample))
    return json.loads(index.read_text(encoding="utf-8"))["blocks"] if index.exists() else {}


def blocks_of(sample):
    """Names of the blocks of a sample, sorted."""
    return sorted(CONFIG.samples[sample].blocks if is_simulated(sample) else own_blocks(sample))


def known_unreadable(sample, block):
    """Files of a block that the catalogue could not read again."""
    return set() if is_simulated(sample) else set(own_blocks(sample)[block]["unreadable"])


# jobs on other machines read what the main process found
if (
    workflow.is_main_process
    and not all(map(is_simulated, CONFIG.samples))
    and "DARKREACH_NO_CATALOGUE" not in os.environ  # `darkreach status` only looks
):
    catalogue_own_samples()


def simulated_ntuple(wildcards):
    """What the workflow simulates. The user's own files never enter the graph of jobs: manifests do."""
    if not is_simulated(wildcards.sample):
        return []
    return [f"{RESULTS}/ntuples/{wildcards.sample}/{wildcards.block}.root"]


def per_block(pattern, *kinds):
    """Input function: a path of every block that the search uses, of the given kinds of sample or of all."""

    def paths(wildcards):
        return [
            pattern.format(results=RESULTS, search=wildcards.search, sample=name, block=block)
            for name, sample in CONFIG.samples_of(wildcards.search).items()
            if not kinds or sample.kind in kinds
            for block in blocks_of(name)
        ]

    return paths


def classifiers(search_name, suffix):
    """A file of every region's classifier of a search; none for a search that has no classifier."""
    search = CONFIG.searches[search_name]
    if search.classifier is None:
        return []
    return [f"{RESULTS}/classifier/{search_name}/{region.name}.{suffix}" for region in search.regions]

"""The checked configuration, and the names that the rules share. Imports nothing heavy."""

import ast
import functools
import glob
import hashlib
import os
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
LOGS = f"{RESULTS}/logs"
BENCHMARKS = f"{RESULTS}/benchmarks"  # time and memory of every job, for `darkreach status`
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
    chunk=r"\d+",
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


def is_simulated(wildcards):
    return CONFIG.samples[wildcards.sample].simulate is not None


def ntuple_files(wildcards):
    """Files of one block: what the workflow simulates, or the user's own with patterns expanded."""
    try:
        return FILES[wildcards.sample, wildcards.block]
    except KeyError:
        raise WorkflowError(f"sample '{wildcards.sample}' has no block '{wildcards.block}'") from None


def files_of_block(sample, block):
    if CONFIG.samples[sample].simulate is not None:
        return [f"{RESULTS}/ntuples/{sample}/{block}.root"]
    key = f"samples.{sample}.blocks.{block}.files"
    patterns = CONFIG.samples[sample].blocks[block].files
    return [path for pattern in patterns for path in expand_pattern(pattern, key)]


def expand_pattern(pattern, key):
    if "://" in pattern:
        return [pattern]
    paths = sorted(glob.glob(pattern))
    if not paths:
        raise WorkflowError(
            f"{key}: no file matches '{pattern}'; correct the path or remove it from the block"
        )
    return paths


# expanded for all blocks at once, so that a file which is gone is missed even where results exist
FILES = {
    (name, block): files_of_block(name, block)
    for name, sample in CONFIG.samples.items()
    for block in sample.blocks
}


def local_ntuple_files(wildcards):
    """The files that Snakemake itself can watch: remote ones never enter the graph of jobs."""
    return [path for path in ntuple_files(wildcards) if "://" not in path]


def per_block(pattern, *kinds):
    """Input function: a path of every block that the search uses, of the given kinds of sample or of all."""

    def paths(wildcards):
        return [
            pattern.format(results=RESULTS, search=wildcards.search, sample=name, block=block)
            for name, sample in CONFIG.samples_of(wildcards.search).items()
            if not kinds or sample.kind in kinds
            for block in sample.blocks
        ]

    return paths


def classifiers(search_name, suffix):
    """A file of every region's classifier of a search; none for a search that has no classifier."""
    search = CONFIG.searches[search_name]
    if search.classifier is None:
        return []
    return [f"{RESULTS}/classifier/{search_name}/{region.name}.{suffix}" for region in search.regions]

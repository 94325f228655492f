"""One tiny run of the whole workflow, shared by the tests of this folder."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]


class Project:
    """A working directory with a copy of the configuration, and Snakemake to run in it."""

    def __init__(self, folder: Path, config: str = "config/test/tiny.yaml"):
        self.folder, self.config = folder, config
        shutil.copytree(REPOSITORY / "config", folder / "config")

    def snakemake(self, *options: str, check: bool = True) -> str:
        """Run Snakemake; returns what it printed."""
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "--snakefile",
            str(REPOSITORY / "Snakefile"),
            "--directory",
            str(self.folder),
            "--configfile",
            self.config,
            "--cores",
            "2",
            *options,
        ]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=1500)
        output = done.stdout + done.stderr
        if check and done.returncode:
            raise AssertionError(output[-6000:])
        if not check:
            assert done.returncode, "this run was expected to fail"
        return output

    def planned(self, *options: str) -> Counter:
        """Number of jobs of each rule that Snakemake would run now."""
        output = self.snakemake("--dry-run", *options)
        table = output.partition("Job stats:")[2].partition("\n\n")[0]
        return Counter({name: int(n) for name, n in re.findall(r"^(\w+)\s+(\d+)$", table, re.M)})

    def edit_config(self, change) -> None:
        """Apply `change(values)` to the YAML of this project's configuration."""
        path = self.folder / self.config
        values = yaml.safe_load(path.read_text())
        change(values)
        path.write_text(yaml.safe_dump(values, sort_keys=False))

    def path(self, name: str) -> Path:
        return self.folder / "results" / name


@pytest.fixture(scope="session")
def new_project():
    """Makes a project in a folder."""
    return Project


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Project:
    """The finished tiny run. Tests that change it must leave it finished."""
    project = Project(tmp_path_factory.mktemp("tiny"))
    project.snakemake()
    return project


def copied(project: Project, folder: Path) -> Project:
    """A copy of a finished run in an empty folder."""
    copy = Project(folder, project.config)
    shutil.copytree(project.path(""), copy.path(""))
    shutil.copytree(project.folder / ".snakemake", folder / ".snakemake")
    return copy


@pytest.fixture(scope="session")
def copy_of():
    """Makes a copy of a finished run in an empty folder."""
    return copied


@pytest.fixture(scope="session")
def new_copy(tiny):
    """Makes a copy of the finished tiny run in an empty folder."""
    return lambda folder: copied(tiny, folder)


@pytest.fixture
def copy_of_tiny(new_copy, tmp_path) -> Project:
    """A copy of the finished tiny run, to be changed."""
    return new_copy(tmp_path)

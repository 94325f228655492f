"""How much of the luminosity is catalogued, processed by each search, and in its templates."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from darkreach.catalogue.account import FileRead, luminosity_read
from darkreach.catalogue.manifest import Manifest
from darkreach.config.root import Config
from darkreach.status.jobs import Job, State
from darkreach.status.known import BlockName, Catalogued, manifest_path, searches_of


@dataclass(frozen=True)
class Luminosity:
    """Integrated luminosity of a sample of data for one search, fb⁻¹."""

    catalogued_fb: float
    processed_fb: float  # read for histograms that are up to date
    used_fb: float  # in the templates that there are


def luminosities(
    config: Config,
    plan: Mapping[Job, State],
    catalogued: Mapping[BlockName, Catalogued],
    read: Mapping[tuple[str, BlockName], list[FileRead]],
    used: Mapping[str, Mapping[BlockName, float]],
) -> dict[tuple[str, str], Luminosity]:
    """By sample of data and search. `used` is the luminosity of each block in each search's templates."""
    ready = {
        (job.search, BlockName(job.sample, job.block))
        for job, state in plan.items()
        if job.rule == "histogram" and job.sample and job.block and not state.pending
    }
    found = {}
    for sample, settings in config.samples.items():
        if settings.kind != "data":
            continue
        blocks = {name: known for name, known in catalogued.items() if name.sample == sample}
        for search in searches_of(config, sample):
            in_templates = used.get(search, {})
            processed = [
                _read_fb(config, name, known, read.get((search, name)), in_templates.get(name))
                for name, known in blocks.items()
                if (search, name) in ready
            ]
            found[sample, search] = Luminosity(
                _total(known.luminosity_fb or 0.0 for known in blocks.values()),
                _total(processed),
                _total(value for name, value in in_templates.items() if name.sample == sample),
            )
    return found


def _read_fb(
    config: Config, name: BlockName, known: Catalogued, files: list[FileRead] | None, used_fb: float | None
) -> Fraction | float:
    """What was read of a block: as its skim recorded or, where that was removed, as the templates say."""
    if files is None:
        return used_fb or 0.0
    unread = [file.uuid for file in files if file.unread is not None]
    if not unread:
        return known.luminosity_fb or 0.0
    return luminosity_read(Manifest.read(manifest_path(config, name)), unread)


def _total(values: Iterable[Fraction | float]) -> float:
    return float(sum((Fraction(value) for value in values), Fraction(0)))

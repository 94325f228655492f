"""The state of every block: new, done, stale, incomplete or broken, and why."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from darkreach.catalogue.account import FileRead
from darkreach.config.root import Config
from darkreach.status.changes import why
from darkreach.status.jobs import MISSING, UP_TO_DATE, Job, State, rank
from darkreach.status.known import BlockName, Catalogued, Listing, searches_of

BlockState = Literal["done", "new", "stale", "incomplete", "broken"]
STATES: tuple[BlockState, ...] = ("done", "new", "stale", "incomplete", "broken")


@dataclass
class Block:
    """One block of a sample, for all searches that use it."""

    name: BlockName
    luminosity_fb: float | None  # catalogued; None for simulation, and before it is catalogued
    state: BlockState = "done"
    why: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)  # those that are new, unread or broken
    number: int = 1  # how many blocks, about, if it stands for files that were not looked into

    def note(self, state: BlockState, reason: str, files: Iterable[str] = ()) -> None:
        """Take the graver of two states, and every reason."""
        self.state = max(self.state, state, key=STATES.index)
        if reason not in self.why:
            self.why.append(reason)
        self.files += [file for file in files if file not in self.files]


def all_blocks(
    config: Config,
    plan: Mapping[Job, State],
    catalogued: Mapping[BlockName, Catalogued],
    listing: Listing,
    read: Mapping[tuple[str, BlockName], list[FileRead]],
) -> dict[BlockName, Block]:
    """All blocks, sorted; `read` is what each search read of each block."""
    own = own_jobs(plan)
    simulated = {BlockName(name, b) for name, s in config.samples.items() if s.simulate for b in s.blocks}
    found = {}
    for name in sorted(simulated | set(catalogued) | set(listing.new)):
        known = catalogued.get(name)
        block = found[name] = Block(name, known.luminosity_fb if known else listing.luminosity_fb.get(name))
        if known is None and name in listing.new:
            files, luminosity = listing.new[name], block.luminosity_fb
            worth = f" of {luminosity:.4g} fb⁻¹" if luminosity is not None else ""
            block.note("new", f"{_files(files)}{worth} on disk, not catalogued", files)
            continue
        _note_files(block, listing, known)
        _note_searches(block, config, plan, own.get(name, []), read)
    for sample, more in listing.uncatalogued.items():
        name = BlockName(sample, "?")
        block = found[name] = Block(name, None, number=more.blocks)
        about = f"about {more.blocks} block{'s' if more.blocks > 1 else ''}"
        block.note("new", f"{_files(more.files)} on disk, not catalogued, {about}", more.files)
    return found


def own_jobs(plan: Iterable[Job]) -> dict[BlockName, list[Job]]:
    """The jobs that work on one block: of all searches, in the order of the flow."""
    jobs: dict[BlockName, list[Job]] = defaultdict(list)
    for job in plan:
        if job.sample is not None and job.block is not None:
            jobs[BlockName(job.sample, job.block)].append(job)
    for found in jobs.values():
        found.sort(key=rank)
    return jobs


def _note_files(block: Block, listing: Listing, known: Catalogued | None) -> None:
    """What is wrong with, or new in, the files of a catalogued block of the user's own."""
    name = block.name
    broken = {**(known.unreadable if known else {}), **listing.broken.get(name, {})}
    for path, reason in broken.items():
        block.note("broken", f"{path}: {reason}", [path])
    if name in listing.new:
        files = listing.new[name]
        block.note("stale", f"{_files(files)} on disk, not catalogued", files)
    if name in listing.changed:
        files = listing.changed[name]
        block.note("stale", f"{_files(files)} changed on disk", files)
    if name in listing.dropped:
        block.note("stale", "taken out of the configuration")


def _note_searches(
    block: Block,
    config: Config,
    plan: Mapping[Job, State],
    jobs: Sequence[Job],
    read: Mapping[tuple[str, BlockName], list[FileRead]],
) -> None:
    """How far each search is with a block."""
    searches = searches_of(config, block.name.sample)
    reasons: dict[tuple[BlockState, str], list[str]] = defaultdict(list)
    for search in searches:
        unread = [file for file in read.get((search, block.name), []) if file.unread is not None]
        for file in unread:
            cause = (file.unread or "").removeprefix(f"{file.path}: ")
            block.note("incomplete", f"{file.path}: not read by {search}, {cause}", [file.path])
        reason = _unfinished([job for job in jobs if job.search in (None, search)], plan, config)
        if reason and not unread:
            reasons[reason].append(search)
    for (state, words), concerned in reasons.items():
        block.note(state, words if concerned == searches else f"{', '.join(concerned)}: {words}")


def _unfinished(
    jobs: Sequence[Job], plan: Mapping[Job, State], config: Config
) -> tuple[BlockState, str] | None:
    """What the next run does to a block for one search and why; None if its histograms are up to date."""
    waiting = [job for job in jobs if plan[job].pending]
    histogram = next((job for job in jobs if job.rule == "histogram"), None)
    if histogram is None:
        return "new", "catalogued, not processed"
    if not waiting:
        return None
    if plan[histogram].status == MISSING:
        made = [job.rule for job in jobs if plan[job].status == UP_TO_DATE and not plan[job].pending]
        return "new", f"not processed{f' beyond {made[-1]}' if made else ''}"
    first = next((job for job in waiting if plan[job].status != UP_TO_DATE), None)
    if first is None:
        return "stale", "the classifier is trained again"
    if plan[first].status == MISSING:
        return "stale", f"the result of {first.rule} is gone"
    return "stale", why(first, plan[first], config)


def _files(files: list[str]) -> str:
    return f"{len(files)} file{'s' if len(files) > 1 else ''}"

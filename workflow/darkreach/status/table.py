"""What `status` prints for people."""

from collections.abc import Iterable, Iterator, Sequence

from darkreach.status.blocks import STATES
from darkreach.status.duration import Cost
from darkreach.status.facts import Status

LISTED = 20  # blocks that are named one by one; of the others there is their number


def as_text(status: Status) -> str:
    """The whole page."""
    parts = [_warnings(status), _samples(status), _luminosities(status), _blocks(status)]
    parts += [_searches(status), _next_run(status.next_run)]
    return "\n\n".join("\n".join(lines) for part in parts if (lines := list(part))) + "\n"


def _warnings(status: Status) -> Iterator[str]:
    if status.locked:
        yield "A run is going on: what it works on counts as not done. (If it was killed: snakemake --unlock)"
    for sentence in status.refusals:
        yield f"The next run would stop: {sentence}"


def _samples(status: Status) -> Iterator[str]:
    rows = [["sample", "kind", "blocks", *STATES]]
    for name, sample in status.config.samples.items():
        counts = status.counts(name)
        kind = f"{sample.kind}, simulated" if sample.simulate else sample.kind
        rows.append([name, kind, str(counts.total()), *(str(counts[state] or "-") for state in STATES)])
    yield from aligned(rows, words=2)


def _luminosities(status: Status) -> Iterator[str]:
    rows = [["luminosity (fb⁻¹)", "search", "catalogued", "processed", "used"]]
    for (sample, search), fb in status.luminosity.items():
        numbers = (fb.catalogued_fb, fb.processed_fb, fb.used_fb)
        rows.append([sample, search, *(f"{number:.3f}" for number in numbers)])
    yield from aligned(rows, words=2)


def _blocks(status: Status) -> Iterator[str]:
    """The blocks with something to say, the gravest first."""
    unfinished = [block for block in status.blocks.values() if block.state != "done"]
    unfinished.sort(key=lambda block: -STATES.index(block.state))
    if not unfinished:
        return
    rows = [["block", "state", "why"]]
    for block in unfinished[:LISTED]:
        rows.append([str(block.name), block.state, block.why[0]])
        rows += [["", "", reason] for reason in block.why[1:LISTED]]
        if len(block.why) > LISTED:
            rows.append(["", "", f"... and {len(block.why) - LISTED} more"])
    yield from aligned(rows, words=3)
    if len(unfinished) > LISTED:
        yield f"... and {len(unfinished) - LISTED} more"


def _searches(status: Status) -> Iterator[str]:
    rows = [["search", "", ""]]
    for name, state in status.searches.items():
        for i, key in enumerate(("classifier", "templates", "limits", "data")):
            rows.append([name if i == 0 else "", key, getattr(state, key)])
    yield from aligned(rows, words=3)


def _next_run(cost: Cost) -> Iterator[str]:
    if not cost.jobs:
        yield "next run: nothing to do"
        return
    rows = [["next run", "jobs", "each", "together"]]
    for rule, part in cost.rules.items():
        mean = part.mean_seconds
        times = ["?", "?"] if mean is None else [duration(mean), duration(part.seconds)]
        rows.append([rule, str(part.jobs), *times])
    yield from aligned(rows, words=1)
    known = cost.jobs - sum(cost.unknown.values())
    if not known:
        yield f"{cost.jobs} jobs; how long they take is not known before they ran once"
        return
    about = f"{cost.jobs} jobs, about {duration(cost.wall_seconds)} on {cost.cores} cores"
    never = ", ".join(f"{number} of {rule}" for rule, number in cost.unknown.items())
    yield f"{about}; not counting {never}, which never ran" if never else about


def duration(seconds: float) -> str:
    """A time as one says it: 0.4 s, 12 s, 3 min, 2.5 h."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 99.5 * 60 else f"{seconds / 3600:.1f} h"


def aligned(rows: Sequence[Sequence[str]], words: int) -> Iterable[str]:
    """Lines with columns of equal width: the first ones are words, the others numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) if i < words else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()

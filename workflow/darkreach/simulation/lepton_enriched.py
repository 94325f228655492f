"""qq̄ and BB̄ events for a pool, with leptons from heavy hadrons more often than in nature, and their weights.

Of ordinary qq̄ events 0.3 % have both charmed hadrons decay to muons, but as no misidentification is needed
these are a third of the candidates: few events, drawn thousands of times, would make peaks. So each way in
which the two heavy hadrons decay to leptons, or do not, has a share of the pool of its own; an event counts
in one of them. The leptons are muons, and where electrons are looked for, electrons as well.
Leptons of charm from bottom are left as they are: B → μcX, c → μX is the most repeated of what remains.
"""

from collections.abc import Collection, Iterator
from itertools import accumulate

import numpy as np

from darkreach.detector import BEAMS
from darkreach.simulation.laboratory_vertices import with_laboratory_vertices
from darkreach.simulation.particles import Particles, batch_sizes
from darkreach.simulation.pythia import generate_light_quarks, generate_with_leptons, light_and_charm_shares

BATCH = 20_000  # events in memory at a time
LIGHT_QUARKS = "light quarks"
# Share of the pool; leptons of the heavy hadron and of its partner.
SHARES: dict[str, dict[str | tuple[bool, bool], float]] = {
    "qqbar": {
        LIGHT_QUARKS: 0.25,
        (False, False): 0.15,
        (True, False): 0.15,
        (False, True): 0.15,
        (True, True): 0.30,
    },
    "bbbar": {(False, False): 0.20, (True, False): 0.20, (False, True): 0.20, (True, True): 0.40},
}


def lepton_enriched(
    process: str, leptons: Collection[int], n_events: int, rng: np.random.Generator, detector: str
) -> Iterator[tuple[Particles, np.ndarray]]:
    """Batches of `n_events` events of "qqbar" or "bbbar", and (n,) how many ordinary events each stands for.

    leptons: PDG codes (positive) of those that are enriched. Vertices are as seen in the laboratory. The
    weights add up to `n_events`, but for their fluctuation.
    """
    beams = BEAMS[detector]
    light, charm = light_and_charm_shares()
    heavy = charm if process == "qqbar" else 1.0
    shares = SHARES[process]
    ends = [round(n_events * share) for share in accumulate(shares.values())]
    for kind, first, last in zip(shares, [0, *ends], ends, strict=False):
        for n in batch_sizes(last - first, BATCH):
            if isinstance(kind, str):
                particles = generate_light_quarks(n, rng, beams.sqrt_s)
                weight = np.full(n, light)
            else:
                particles, weight = generate_with_leptons(process, kind, leptons, n, rng, beams.sqrt_s)
                weight = heavy * weight
            yield with_laboratory_vertices(particles, beams), weight * n_events / (last - first)

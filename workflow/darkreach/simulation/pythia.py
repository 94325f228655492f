"""e⁺e⁻ → τ⁺τ⁻, μ⁺μ⁻ and qq̄ by Pythia 8, normalised to the published cross-sections."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from darkreach.simulation.particles import Generated, Particles

BATCH = 2000  # events that Pythia hands over at a time, which bounds the memory
LARGEST_SEED = 900_000_000  # Random:seed of Pythia; 0 would mean the time of day
VISIBLE = (11, 13, 22, 211, 321, 2212)  # |PDG code| of stable particles that the detector response knows


@dataclass(frozen=True)
class Channel:
    """One fermion pair, or several that Pythia mixes by their own cross-sections.

    fermions: PDG codes. minimum_mass: lowest mass of the pair in GeV.
    cross_section_fb and its error in fb, both published.
    """

    fermions: str
    minimum_mass: float
    cross_section_fb: float
    cross_section_error_fb: float
    settings: tuple[str, ...] = ()


# Cross-sections at 10.58 GeV: table of the Belle II Physics Book (arXiv:1808.10567), from KKMC. An error is
# stated there for ττ only; the others are half a unit of the last digit. Light quarks: 1.61 + 0.40 + 0.38 nb.
# Pythia's own cross-sections are not used: its running α alone moves them by 9 %.
# minimum_mass replaces 23:mMin = 10 GeV, Pythia's default, which silently removes hard ISR.
PROCESSES: dict[str, tuple[Channel, ...]] = {
    # mode 3: proper decay matrix elements without τ⁺τ⁻ spin correlation, ten times as fast as with; four
    # tracks with the beam energy, of which three look like muons, do not depend on the correlation
    "tautau": (Channel("15", 3.6, 0.919e6, 0.003e6, ("TauDecays:mode = 3",)),),
    # photons do not split: μ⁺μ⁻μ⁺μ⁻ comes complete from the project's own generator, so FSR must not add it
    "mumu": (Channel("13", 1.0, 1.148e6, 0.0005e6, ("TimeShower:QEDshowerByGamma = off",)),),
    "qqbar": (Channel("1 2 3", 3.6, 2.39e6, 0.009e6), Channel("4", 3.8, 1.30e6, 0.005e6)),
}


def published_cross_section_fb(process: str) -> tuple[float, float]:
    """Cross-section of a process of `PROCESSES` and its error, in fb."""
    channels = PROCESSES[process]
    total = sum(channel.cross_section_fb for channel in channels)
    return total, float(np.hypot.reduce([channel.cross_section_error_fb for channel in channels]))


def generate_pythia(process: str, n_events: int, rng: np.random.Generator, sqrt_s: float) -> Generated:
    """`n_events` events of one of `PROCESSES` at the centre-of-mass energy `sqrt_s` (GeV), with ISR and FSR.

    Photons and stable charged particles are returned; K⁰_S, π⁰ and hyperons have decayed; neutrinos, K⁰_L
    and neutrons are left out. Channels are drawn in the proportion of their published cross-sections, and the
    events of one channel follow those of another.
    """
    channels = PROCESSES[process]
    cross_section, error = published_cross_section_fb(process)
    shares = [channel.cross_section_fb / cross_section for channel in channels]
    batches, first = [], 0
    for channel, wanted in zip(channels, rng.multinomial(n_events, shares), strict=True):
        pythia = _initialised(channel, sqrt_s, int(rng.integers(1, LARGEST_SEED, endpoint=True)))
        while wanted > 0:
            record = pythia.nextBatch(int(min(wanted, BATCH)))  # leaves out what Pythia gives up on
            batches.append(_visible(record.prt, first))
            first, wanted = first + len(record), wanted - len(record)
    event, pdg, momentum, vertex = (np.concatenate(column) for column in zip(*batches, strict=True))
    from_signal = np.zeros(len(event), dtype=bool)
    return Generated(Particles(event, pdg, momentum, vertex, from_signal, n_events), cross_section, error)


def _initialised(channel: Channel, sqrt_s: float, seed: int) -> Any:
    import pythia8mc

    pythia = pythia8mc.Pythia("", False)
    for setting in (
        "Print:quiet = on",
        "Beams:idA = 11",  # beam A goes along +z
        "Beams:idB = -11",
        f"Beams:eCM = {sqrt_s!r}",
        "PDF:lepton = on",  # ISR
        "WeakSingleBoson:ffbar2gmZ = on",
        "WeakZ0:gmZmode = 1",  # photon exchange only
        "23:onMode = off",
        f"23:onIfAny = {channel.fermions}",
        f"23:mMin = {channel.minimum_mass}",
        f"PhaseSpace:mHatMin = {channel.minimum_mass}",
        "Random:setSeed = on",
        f"Random:seed = {seed}",
        *channel.settings,
    ):
        if not pythia.readString(setting):
            raise RuntimeError(f"Pythia does not know the setting {setting!r}")
    if not pythia.init():
        raise RuntimeError(f"Pythia could not be initialised for e+e- -> {channel.fermions}")
    return pythia


def _visible(particles: Any, first_event: int) -> tuple[np.ndarray, ...]:
    """event, pdg, momentum, vertex of the stable visible particles of a batch (an awkward array)."""
    import awkward as ak

    counts = ak.to_numpy(ak.num(particles))
    flat = ak.flatten(particles)
    pdg = ak.to_numpy(flat.id)
    keep = (ak.to_numpy(flat.status) > 0) & np.isin(np.abs(pdg), VISIBLE)
    flat = flat[keep]
    momentum = np.stack([ak.to_numpy(flat.p[axis]) for axis in ("px", "py", "pz", "e")], axis=-1)
    origin = {"px": 0.0, "py": 0.0, "pz": 0.0, "e": 0.0}
    vertex_mm = ak.fill_none(flat.vProd, origin)  # absent when it is the interaction point
    vertex = 0.1 * np.stack([ak.to_numpy(vertex_mm[axis]) for axis in ("px", "py", "pz")], axis=-1)
    event = first_event + np.repeat(np.arange(len(counts)), counts)[keep]
    return event, pdg[keep], momentum, vertex

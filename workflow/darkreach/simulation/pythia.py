"""e⁺e⁻ → τ⁺τ⁻, μ⁺μ⁻, qq̄ and Υ(4S) → BB̄ by Pythia 8, normalised to the published cross-sections."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from darkreach.simulation.particles import Generated, Particles

BATCH = 2000  # events that Pythia hands over at a time, which bounds the memory
LARGEST_SEED = 900_000_000  # Random:seed of Pythia; 0 would mean the time of day
VISIBLE = (11, 13, 22, 211, 321, 2212)  # |PDG code| of stable particles that the detector response knows

Columns = tuple[np.ndarray, ...]


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


# ρ⁰, ω, φ, η, η′ → μ⁺μ⁻(X) are left out: branching fractions of 10⁻⁴ and less, so a pool has a handful of
# events of them, and each would make a peak. With them there were a sixth more pairs of true muons. So are
# ρ⁰, ω, φ, η′ → e⁺e⁻(X), and photons of quarks that split: below 0.3 GeV Dalitz decays of π⁰ and η, which
# stay, make far more pairs.
NO_RARE_PAIRS = (
    "TimeShower:QEDshowerByGamma = off",
    *(f"{meson}:offIfAny = 13" for meson in (113, 223, 333, 221, 331)),
    *(f"{meson}:offIfAny = 11" for meson in (113, 223, 333, 331)),
)

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
    "qqbar": (
        Channel("1 2 3", 3.6, 2.39e6, 0.009e6, NO_RARE_PAIRS),
        Channel("4", 3.8, 1.30e6, 0.005e6, NO_RARE_PAIRS),
    ),
    "bbbar": (Channel("", 0.0, 1.110e6, 0.008e6),),  # on resonance; see `_upsilon_settings`
}
# Hadrons with charm or bottom that decay weakly.
HEAVY_HADRONS = {"qqbar": (411, 421, 431, 4122, 4132, 4232, 4332), "bbbar": (511, 521)}
ON_MODES = [(False, False), (True, True), (True, False), (False, True)]  # of Pythia: particle, antiparticle
UPSILON = 300553  # Υ(4S), which Pythia does not know


def published_cross_section_fb(process: str) -> tuple[float, float]:
    """Cross-section of a process of `PROCESSES` and its error, in fb."""
    channels = PROCESSES[process]
    total = sum(channel.cross_section_fb for channel in channels)
    return total, float(np.hypot.reduce([channel.cross_section_error_fb for channel in channels]))


def generate_pythia(process: str, n_events: int, rng: np.random.Generator, sqrt_s: float) -> Generated:
    """`n_events` events of one of `PROCESSES` at the centre-of-mass energy `sqrt_s` (GeV), with ISR and FSR.

    Photons and stable charged particles are returned; K⁰_S, π⁰ and hyperons have decayed; neutrinos, K⁰_L
    and neutrons are left out. Channels are drawn in the proportion of their published cross-sections, and the
    events of one channel follow those of another. The Υ(4S) is made without radiation and decays
    isotropically, its B mesons without mixing.
    """
    channels = PROCESSES[process]
    cross_section, error = published_cross_section_fb(process)
    shares = [channel.cross_section_fb / cross_section for channel in channels]
    numbers = rng.multinomial(n_events, shares)
    batches = []
    for channel, wanted, first in zip(channels, numbers, np.cumsum(numbers) - numbers, strict=True):
        pythia = _initialised(process, channel, sqrt_s, _random_seed(rng))
        batches += [columns for columns, _ in _batches(pythia, process, wanted, sqrt_s, first)]
    return Generated(_particles(batches, n_events), cross_section, error)


def light_and_charm_shares() -> tuple[float, float]:
    """Shares of light quarks and of charm in the cross-section of "qqbar"."""
    light, charm = (channel.cross_section_fb for channel in PROCESSES["qqbar"])
    return light / (light + charm), charm / (light + charm)


def generate_light_quarks(n_events: int, rng: np.random.Generator, sqrt_s: float) -> Particles:
    """The events of "qqbar" without cc̄."""
    pythia = _initialised("qqbar", PROCESSES["qqbar"][0], sqrt_s, _random_seed(rng))
    batches = _batches(pythia, "qqbar", n_events, sqrt_s)
    return _particles([columns for columns, _ in batches], n_events)


def generate_with_leptons(
    process: str,
    leptonic: tuple[bool, bool],
    leptons: Collection[int],
    n_events: int,
    rng: np.random.Generator,
    sqrt_s: float,
) -> tuple[Particles, np.ndarray]:
    """cc̄ events of "qqbar", or "bbbar", whose heavy hadrons decay directly to leptons or do not, as told.

    leptonic: whether the hadron of `HEAVY_HADRONS` does, and whether the antihadron does. leptons: PDG codes
    (positive) of the leptons that count. Returned are also the weights (n_events,), the probabilities of that
    by Pythia's branching fractions: the four possibilities together, weighted, are the ordinary events. Those
    with more than one pair of charmed hadrons (1 in 10⁴) count only where none decays to a lepton.
    """
    pythia = _initialised(process, PROCESSES[process][-1], sqrt_s, _random_seed(rng))
    to_leptons = {
        hadron: _force_leptons(pythia, hadron, leptonic, leptons) for hadron in HEAVY_HADRONS[process]
    }
    batches, hadrons = zip(*_batches(pythia, process, n_events, sqrt_s), strict=True)
    mother_event, mother = (np.concatenate(column) for column in zip(*hadrons, strict=True))
    fraction = np.array([to_leptons[abs(code)] for code in mother])
    weight = np.ones(n_events)
    np.multiply.at(weight, mother_event, np.where(np.where(mother > 0, *leptonic), fraction, 1 - fraction))
    one_pair = np.bincount(mother_event, minlength=n_events) == 2
    return _particles(batches, n_events), np.where(one_pair | (not any(leptonic)), weight, 0.0)


def _force_leptons(pythia: Any, hadron: int, leptonic: tuple[bool, bool], leptons: Collection[int]) -> float:
    """Leave a hadron, and its antiparticle, only the decays to these leptons or only the others.

    Returned is the branching fraction of those to the leptons.
    """
    entry = pythia.particleData.findParticle(hadron)
    channels = [entry.channel(number) for number in range(entry.sizeChannels())]
    has_lepton = [
        any(abs(channel.product(k)) in leptons for k in range(channel.multiplicity())) for channel in channels
    ]
    branching = np.array([channel.bRatio() for channel in channels])
    # a neutral hadron has some decays of its own and others of its antiparticle, with the same fractions
    own = np.array([ON_MODES[channel.onMode()][0] for channel in channels])
    for channel, is_leptonic in zip(channels, has_lepton, strict=True):
        of_particle, of_antiparticle = ON_MODES[channel.onMode()]
        on = (of_particle and leptonic[0] == is_leptonic, of_antiparticle and leptonic[1] == is_leptonic)
        channel.onMode(ON_MODES.index(on))
    return float(branching[own & has_lepton].sum() / branching[own].sum())


def _random_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1, LARGEST_SEED, endpoint=True))


def _particles(batches: Sequence[Columns], n_events: int) -> Particles:
    event, pdg, momentum, vertex = (np.concatenate(column) for column in zip(*batches, strict=True))
    return Particles(event, pdg, momentum, vertex, np.zeros(len(event), dtype=bool), n_events)


def _batches(
    pythia: Any, process: str, n_events: int, sqrt_s: float, first: int = 0
) -> Iterator[tuple[Columns, Columns]]:
    """`n_events` events, numbered from `first`, in batches: (event, pdg, momentum, vertex) of particles,
    and (event, pdg) of their heavy hadrons.
    """
    last = first + n_events
    while first < last:
        wanted = min(last - first, BATCH)
        if process == "bbbar":
            made, batch = wanted, _upsilon_decays(pythia, wanted, sqrt_s)
        else:
            record = pythia.nextBatch(wanted)  # leaves out what Pythia gives up on
            made, batch = len(record), _visible_and_charmed(record.prt)
        event, pdg, momentum, vertex, hadron_event, hadron = batch
        yield (first + event, pdg, momentum, vertex), (first + hadron_event, hadron)
        first += made


def _initialised(process: str, channel: Channel, sqrt_s: float, seed: int) -> Any:
    import pythia8mc

    pythia = pythia8mc.Pythia("", False)
    hard_process = _upsilon_settings(sqrt_s) if process == "bbbar" else _pair_settings(channel, sqrt_s)
    random = ("Random:setSeed = on", f"Random:seed = {seed}")
    for setting in ("Print:quiet = on", *hard_process, *random, *channel.settings):
        if not pythia.readString(setting):
            raise RuntimeError(f"Pythia does not know the setting {setting!r}")
    if not pythia.init():
        raise RuntimeError(f"Pythia could not be initialised for {process} ({channel.fermions})")
    return pythia


def _upsilon_settings(sqrt_s: float) -> tuple[str, ...]:
    """Υ(4S) → B⁺B⁻ and B⁰B̄⁰, Particle Data Group 2024. "void" says that it is its own antiparticle."""
    return (
        "ProcessLevel:all = off",
        f"{UPSILON}:new = Upsilon4S void 3 0 0 {sqrt_s!r} 0.0 0. 0. 0.",
        f"{UPSILON}:addChannel = 1 0.514 0 521 -521",
        f"{UPSILON}:addChannel = 1 0.486 0 511 -511",
        f"{UPSILON}:mayDecay = on",
    )


def _pair_settings(channel: Channel, sqrt_s: float) -> tuple[str, ...]:
    return (
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
    )


def _upsilon_decays(pythia: Any, n_events: int, sqrt_s: float) -> Columns:
    """event, pdg, momentum, vertex of stable visible particles, event, pdg of B mesons; of decays at rest."""
    event, pdg, momentum, vertex_mm = [], [], [], []
    heavy_event, heavy_pdg = [], []
    made = 0
    while made < n_events:
        pythia.event.reset()
        pythia.event.append(UPSILON, 1, 0, 0, 0.0, 0.0, 0.0, sqrt_s, sqrt_s)
        if not pythia.next():
            continue
        for p in pythia.event:
            if p.isFinal() and p.idAbs() in VISIBLE:
                event.append(made)
                pdg.append(p.id())
                momentum.append((p.px(), p.py(), p.pz(), p.e()))
                vertex_mm.append((p.xProd(), p.yProd(), p.zProd()))
            elif p.idAbs() in HEAVY_HADRONS["bbbar"]:
                heavy_event.append(made)
                heavy_pdg.append(p.id())
        made += 1
    visible = np.array(event), np.array(pdg), np.array(momentum), 0.1 * np.array(vertex_mm)
    return *visible, np.array(heavy_event), np.array(heavy_pdg)


def _visible_and_charmed(particles: Any) -> Columns:
    """event, pdg, momentum, vertex of stable visible particles, and event, pdg of charmed hadrons.

    particles: of a batch, an awkward array.
    """
    import awkward as ak

    counts = ak.to_numpy(ak.num(particles))
    flat = ak.flatten(particles)
    pdg = ak.to_numpy(flat.id)
    event = np.repeat(np.arange(len(counts)), counts)
    charmed = np.isin(np.abs(pdg), HEAVY_HADRONS["qqbar"])
    keep = (ak.to_numpy(flat.status) > 0) & np.isin(np.abs(pdg), VISIBLE)
    flat = flat[keep]
    momentum = np.stack([ak.to_numpy(flat.p[axis]) for axis in ("px", "py", "pz", "e")], axis=-1)
    origin = {"px": 0.0, "py": 0.0, "pz": 0.0, "e": 0.0}
    vertex_mm = ak.fill_none(flat.vProd, origin)  # absent when it is the interaction point
    vertex = 0.1 * np.stack([ak.to_numpy(vertex_mm[axis]) for axis in ("px", "py", "pz")], axis=-1)
    return event[keep], pdg[keep], momentum, vertex, event[charmed], pdg[charmed]

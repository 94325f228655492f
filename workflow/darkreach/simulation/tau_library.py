"""A library of decays of polarised τ⁻, from which generators draw.

The decays are those of a τ⁻ at rest with its spin along +z. A τ⁻ of negative helicity is the same one turned
round, and a τ⁺ its mirror image with all charges reversed, because τ decays conserve CP.

Leptonic decays come from the V−A matrix element, all others from Pythia 8 with its hadronic currents. Photons
radiated in τ decays are left out.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from darkreach.models.constants import ELECTRON_MASS, MUON_MASS, TAU_MASS
from darkreach.simulation.phase_space import (
    boost,
    boost_along_z,
    isotropic_directions,
    two_body_momentum,
)
from darkreach.simulation.pythia import LARGEST_SEED
from darkreach.simulation.spinors import dot
from darkreach.simulation.tracks_response import charge_of

LIBRARY_ENTRIES = 30_000
# Branching fractions of the most frequent decays, Particle Data Group 2024; the rest is shared by Pythia's
# other channels in Pythia's proportions. Keys: the products as Pythia lists them.
BRANCHING_FRACTIONS = {
    (16, 11, -12): 0.1782,
    (16, 13, -14): 0.1739,
    (16, -211): 0.1082,
    (16, 111, -211): 0.2549,
    (16, 111, 111, -211): 0.0926,
    (16, -211, -211, 211): 0.0902,
    (16, 111, -211, -211, 211): 0.0449,
}
_LEPTONS: dict[tuple[int, ...], float] = {(16, 11, -12): ELECTRON_MASS, (16, 13, -14): MUON_MASS}
_ENERGY = 5.0  # GeV: Pythia polarises the τ⁻ along its flight, so it has to move


@dataclass(frozen=True)
class TauLibrary:
    """Decays of τ⁻ at rest with spin along +z, all equally probable.

    offsets: (entries + 1,) first particle of each entry.
    pdg: (particles,). π⁰ have not decayed; K⁰_S, η and ω have.
    momentum: (particles, 4) px, py, pz, E in GeV.
    position: (particles, 4) x, y, z, ct of the production in cm, relative to the decay of the τ.
    charged: (entries,) number of charged particles, those of K⁰_S included, Dalitz pairs of π⁰ not.
    neutral_pions: (entries,) number of π⁰.
    """

    offsets: np.ndarray
    pdg: np.ndarray
    momentum: np.ndarray
    position: np.ndarray
    charged: np.ndarray
    neutral_pions: np.ndarray

    def __len__(self) -> int:
        return len(self.charged)

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Random entries, (n,)."""
        return rng.integers(0, len(self), n)


def make_tau_library(rng: np.random.Generator, n_entries: int = LIBRARY_ENTRIES) -> TauLibrary:
    """Decay `n_entries` τ⁻."""
    pythia = _initialised(int(rng.integers(1, LARGEST_SEED, endpoint=True)))
    channels = pythia.particleData.particleDataEntryPtr(15)
    products = [_products(channels.channel(i)) for i in range(channels.sizeChannels())]
    fractions = _fractions(products, [channels.channel(i).bRatio() for i in range(len(products))])
    numbers = rng.multinomial(n_entries, fractions)
    decays = _join([_decays(pythia, i, products[i], n, rng) for i, n in enumerate(numbers) if n])
    return TauLibrary(
        offsets=np.concatenate([[0], np.cumsum(decays.counts)]),
        pdg=decays.pdg,
        momentum=decays.momentum,
        position=decays.position,
        charged=_number(decays, charge_of(decays.pdg) != 0),
        neutral_pions=_number(decays, decays.pdg == 111),
    )


@dataclass(frozen=True)
class _Decays:
    """As `TauLibrary`, with the number of particles of each entry, (entries,), in `counts`."""

    counts: np.ndarray
    pdg: np.ndarray
    momentum: np.ndarray
    position: np.ndarray


def _decays(
    pythia: Any, channel: int, products: tuple[int, ...], n: int, rng: np.random.Generator
) -> _Decays:
    return _leptonic(products, n, rng) if products in _LEPTONS else _by_pythia(pythia, channel, n)


def _fractions(products: list[tuple[int, ...]], pythia: list[float]) -> np.ndarray:
    """Branching fraction of each of Pythia's channels."""
    known = np.array([names in BRANCHING_FRACTIONS for names in products])
    if known.sum() != len(BRANCHING_FRACTIONS):
        raise RuntimeError("Pythia lists the decays of the τ otherwise than this library expects")
    fractions = np.array(pythia)
    fractions[known] = [BRANCHING_FRACTIONS[names] for names in products if names in BRANCHING_FRACTIONS]
    fractions[~known] *= (1 - fractions[known].sum()) / fractions[~known].sum()
    return fractions / fractions.sum()


def _products(channel: Any) -> tuple[int, ...]:
    return tuple(channel.product(i) for i in range(channel.multiplicity()))


def _number(decays: _Decays, of: np.ndarray) -> np.ndarray:
    """How many particles of each entry are in the mask `of`."""
    entry = np.repeat(np.arange(len(decays.counts)), decays.counts)
    return np.bincount(entry[of], minlength=len(decays.counts))


def _join(parts: list[_Decays]) -> _Decays:
    names = ("counts", "pdg", "momentum", "position")
    return _Decays(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _leptonic(products: tuple[int, ...], n: int, rng: np.random.Generator) -> _Decays:
    """τ⁻ → ν_τ l⁻ ν̄_l with the spin along +z: |M|² ∝ ((p − m s)·p_ν̄) (p_l·p_ν), the V−A matrix element."""
    lepton_mass = _LEPTONS[products]
    momenta = np.empty((3, 4, n))
    pending = np.arange(n)
    while len(pending):
        trial, weight = _leptonic_trials(lepton_mass, len(pending), rng)
        momenta[..., pending] = trial
        pending = pending[rng.random(len(pending)) > weight]
    return _Decays(
        counts=np.full(n, 3),
        pdg=np.tile(products, n),
        momentum=momenta.transpose(2, 0, 1).reshape(-1, 4),
        position=np.zeros((3 * n, 4)),
    )


def _leptonic_trials(lepton_mass: float, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Momenta (3, 4, n) of ν_τ, l, ν̄_l at a constant density in the squared mass of the two neutrinos.

    And |M|² dΦ₃ divided by a bound of it, (n,): with 2 p_l·p_ν = m² − 2mE_ν̄ − m_l² the former is below
    m⁴/8, and the momentum of l, to which dΦ₃ is proportional, below m/2.
    """
    pair = rng.uniform(0, (TAU_MASS - lepton_mass) ** 2, n)
    pair_mass = np.sqrt(pair)
    size = two_body_momentum(np.full(n, TAU_MASS**2), pair_mass, np.full(n, lepton_mass))
    unit = isotropic_directions(n, rng)
    lepton = np.concatenate([size * unit, np.sqrt(size**2 + lepton_mass**2)[np.newaxis]])
    neutrinos = np.concatenate([-size * unit, np.sqrt(size**2 + pair)[np.newaxis]])
    along = isotropic_directions(n, rng) * pair_mass / 2
    at_rest = np.stack([np.concatenate([sign * along, pair_mass[np.newaxis] / 2]) for sign in (1, -1)])
    tau_neutrino, other = boost(at_rest, neutrinos, pair_mass)
    squared = TAU_MASS * (other[3] + other[2]) * dot(lepton, tau_neutrino)
    return np.stack([tau_neutrino, lepton, other]), squared * size / (TAU_MASS**5 / 16)


def _initialised(seed: int) -> Any:
    import pythia8mc

    pythia = pythia8mc.Pythia("", False)
    for setting in (
        "Print:quiet = on",
        "ProcessLevel:all = off",
        "TauDecays:mode = 3",  # the polarisation that follows, whatever the τ comes from
        "TauDecays:tauPolarization = 1",
        f"15:m0 = {TAU_MASS!r}",
        "15:tau0 = 0",  # production points are relative to the decay
        "111:mayDecay = off",
        "Random:setSeed = on",
        f"Random:seed = {seed}",
    ):
        if not pythia.readString(setting):
            raise RuntimeError(f"Pythia does not know the setting {setting!r}")
    if not pythia.init():
        raise RuntimeError("Pythia could not be initialised for τ decays")
    return pythia


def _by_pythia(pythia: Any, channel: int, n: int) -> _Decays:
    """`n` decays in one channel."""
    pythia.readString("15:onMode = off")
    pythia.particleData.particleDataEntryPtr(15).channel(channel).onMode(1)
    flight = np.sqrt(_ENERGY**2 - TAU_MASS**2)
    counts: list[int] = []
    pdg, momentum, position = [], [], []
    while len(counts) < n:
        pythia.event.reset()
        pythia.event.append(15, 1, 0, 0, 0.0, 0.0, flight, _ENERGY, TAU_MASS)
        if not pythia.next():
            continue
        final = [particle for particle in pythia.event if particle.isFinal()]
        counts.append(len(final))
        pdg += [particle.id() for particle in final]
        momentum += [(particle.px(), particle.py(), particle.pz(), particle.e()) for particle in final]
        position += [(p.xProd(), p.yProd(), p.zProd(), p.tProd()) for p in final]
    at_rest = [_to_rest(np.array(vectors), flight) for vectors in (momentum, position)]
    return _Decays(np.array(counts), np.array(pdg), at_rest[0], 0.1 * at_rest[1])  # mm to cm


def _to_rest(vectors: np.ndarray, flight: float) -> np.ndarray:
    """Boost (k, 4) into the rest frame of the τ that flies along +z with momentum `flight`."""
    return boost_along_z(vectors.T, np.array(-flight / _ENERGY)).T

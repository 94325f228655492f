"""Generator of the signal e⁺e⁻ → l⁺l⁻X with l = μ or τ, X → l′⁺l′⁻ or invisible, X prompt or long-lived.

X is on its mass shell. Its decay products are told from the leptons made with it: the interference of their
exchange is suppressed by the width of X over its mass, and is left out. τ leptons decay by their helicities;
correlations of spins across the flight direction are left out.
"""

from typing import NamedTuple

import numpy as np

from darkreach.errors import DarkreachError
from darkreach.models.constants import ELECTRON_MASS, LEPTON_MASSES, MUON_MASS, TAU_MASS
from darkreach.models.cross_section import cross_section_fb
from darkreach.models.model import lepton_velocity
from darkreach.models.registry import boson_named
from darkreach.simulation.particles import Generated, Particles
from darkreach.simulation.phase_space import boost_along_z, decay_to_pair, rest_velocity
from darkreach.simulation.products import Products, merged, pointlike
from darkreach.simulation.signal_decay import decay_directions, decay_helicities, draw_helicities
from darkreach.simulation.signal_production import produce_signal, production_amplitudes
from darkreach.simulation.tau_decays import decay_tau_pairs
from darkreach.simulation.tau_library import TauLibrary, make_tau_library

# Events whose decay is sampled at once.
_STEP = 20_000


class _Decay(NamedTuple):
    """X → l⁻l⁺: PDG code and mass (GeV) of l⁻."""

    pdg: int
    mass: float


DECAYS = {
    "mumu": _Decay(13, MUON_MASS),
    "ee": _Decay(11, ELECTRON_MASS),
    "tautau": _Decay(15, TAU_MASS),
    "invisible": _Decay(14, 0.0),
}


def generate_signal(
    model: str,
    mass: float,
    n_events: int,
    rng: np.random.Generator,
    sqrt_s: float,
    alpha: float,
    isr: bool = True,
    production: str = "mu",
    decay: str = "mumu",
    lifetime_m: float = 0.0,
    library: TauLibrary | None = None,
) -> Generated:
    """Unweighted events of e⁺e⁻ → l⁺l⁻X with a decay of X, in the frame of the nominal beams.

    Args:
        model: a key of `MODELS`, of a model whose X is radiated off leptons.
        mass: mass of X in GeV, above the threshold of the decay and below sqrt_s − 2 m_l.
        n_events: number of events to make.
        rng: source of all random numbers.
        sqrt_s: nominal centre-of-mass energy in GeV.
        alpha: fine-structure constant of the production vertices and of the radiator.
        isr: whether the beams radiate; the photon leaves along the beam pipe and is not stored.
        production: "mu" or "tau", the l that is made with X.
        decay: a key of `DECAYS`; invisible X decays to two neutrinos.
        lifetime_m: mean proper decay length cτ of X in m; 0 for a prompt decay.
        library: τ decays to draw from; None makes one where τ leptons have to decay (some seconds).

    `from_signal` marks the leptons from X, or, if X decays to τ leptons or invisibly, the muons made with it.
    `cross_section_fb` is that of e⁺e⁻ → l⁺l⁻X at coupling 1, for any decay of X: multiply it by the
    coupling squared and by the branching fraction. It and its error are the deterministic ones
    of `models.cross_section`, with which the mean weight of the events agrees.

    Raises:
        DarkreachError: unknown model, or one without coupling to l, or a mass out of range.
    """
    value, error = cross_section_fb(model, mass, 1.0, sqrt_s, alpha, isr, production)
    if mass <= 2 * DECAYS[decay].mass:
        raise DarkreachError(
            f"mass is {mass:g} GeV: X → {decay} needs more than {2 * DECAYS[decay].mass:.6g} GeV, "
            "choose a heavier X."
        )
    if library is None and "tau" in production + decay:
        library = make_tau_library(rng)
    setting = _Setting(boson_named(model).production_vertex, mass, production, decay, library)
    events = produce_signal(
        setting.vertex, mass, LEPTON_MASSES[production], n_events, rng, sqrt_s, alpha, isr
    ).payload
    proper_length = rng.exponential(100 * lifetime_m, n_events) if lifetime_m > 0 else np.zeros(n_events)
    parts = []
    for start in range(0, n_events, _STEP):
        step = slice(start, start + _STEP)
        products, from_x = _decayed(setting, events[..., step], proper_length[step], rng)
        parts.append((start + products.parent, products.pdg, products.momentum, products.position, from_x))
    event, pdg, momentum, position, from_x = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Generated(
        particles=Particles(
            event=event,
            pdg=pdg,
            momentum=momentum,
            vertex=position[:, :3],
            from_signal=_from_signal(from_x, production, decay),
            n_events=n_events,
            from_resonance=from_x,
            proper_length=proper_length if lifetime_m > 0 else None,
        ),
        cross_section_fb=value,
        cross_section_error_fb=error,
    )


class _Setting(NamedTuple):
    vertex: str
    mass: float
    production: str
    decay: str
    library: TauLibrary | None

    def decayed_taus(self, momentum: np.ndarray, helicity: np.ndarray, rng: np.random.Generator) -> Products:
        """Decays of τ pairs, as `decay_tau_pairs`; with them there is a library."""
        assert self.library is not None
        return decay_tau_pairs(momentum, helicity, self.library, rng)


def _from_signal(from_x: np.ndarray, production: str, decay: str) -> np.ndarray:
    if decay in ("mumu", "ee"):
        return from_x
    return ~from_x if production == "mu" else np.zeros_like(from_x)


def _decayed(
    setting: _Setting, momenta: np.ndarray, proper_length: np.ndarray, rng: np.random.Generator
) -> tuple[Products, np.ndarray]:
    """Final particles, and which of them come from X, of events with momenta (3, 4, n) of l⁻, l⁺, X."""
    velocity = rest_velocity(momenta)
    at_rest = boost_along_z(momenta, -velocity)
    amplitudes = None
    if setting.vertex == "vector" or setting.production == "tau":
        lepton_mass = LEPTON_MASSES[setting.production]
        amplitudes = production_amplitudes(setting.vertex, setting.mass, lepton_mass, at_rest)
    if setting.production == "tau":
        assert amplitudes is not None
        helicities = draw_helicities((np.abs(amplitudes) ** 2).sum((0, 3)), rng)
        taus = at_rest[:2].transpose(2, 0, 1)
        produced = setting.decayed_taus(taus, helicities, rng).boosted_along_z(velocity)
    else:
        produced = pointlike(momenta[:2], (13, -13))
    from_x = _resonance_products(setting, momenta[2], amplitudes, rng)
    flight = proper_length / setting.mass * momenta[2]
    products, group = merged([produced, from_x.moved(flight)])
    return products, group == 1


def _resonance_products(
    setting: _Setting, momentum: np.ndarray, amplitudes: np.ndarray | None, rng: np.random.Generator
) -> Products:
    """Decay of X of the given momenta (4, n), at the origin."""
    n_events = momentum.shape[-1]
    masses = np.full(n_events, setting.mass)
    pdg, lepton_mass = DECAYS[setting.decay]
    vector = None
    if setting.vertex == "vector":
        assert amplitudes is not None
        vector = amplitudes.reshape(-1, 3, n_events)
    beta = float(lepton_velocity(setting.mass, lepton_mass))
    unit = decay_directions(vector, beta, n_events, rng)
    if setting.decay != "tautau":
        return pointlike(decay_to_pair(momentum, masses, lepton_mass, unit), (pdg, -pdg))
    # Helicities are those in the rest frame of X, so the τ leptons decay there.
    helicities = decay_helicities(vector, beta, unit, rng)
    at_rest = np.concatenate([np.zeros((3, n_events)), masses[np.newaxis]])
    taus = decay_to_pair(at_rest, masses, lepton_mass, unit).transpose(2, 0, 1)
    return setting.decayed_taus(taus, helicities, rng).boosted(momentum, masses)

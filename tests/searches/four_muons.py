"""e⁺e⁻ → μ⁺μ⁻X, X → μ⁺μ⁻ by phase space with collinear photons: events whose truth the tests know."""

import numpy as np

from darkreach.detector import BEAMS, TRACKS
from darkreach.detector.beams import boost
from darkreach.models.constants import MUON_MASS

BEAM = BEAMS["belle2"]


def isotropic(n, rng):
    cos = rng.uniform(-1, 1, n)
    phi = rng.uniform(0, 2 * np.pi, n)
    sin = np.sqrt(1 - cos**2)
    return np.stack([sin * np.cos(phi), sin * np.sin(phi), cos], axis=-1)


def two_body(parent_mass, first_mass, second_mass, rng):
    """Momenta of a two-body decay at rest, (n, 4) each."""
    n = len(parent_mass)
    kallen = (parent_mass**2 - (first_mass + second_mass) ** 2) * (
        parent_mass**2 - (first_mass - second_mass) ** 2
    )
    p = np.sqrt(np.maximum(kallen, 0)) / (2 * parent_mass)
    space = isotropic(n, rng) * p[:, None]
    first = np.concatenate([space, np.sqrt(p**2 + first_mass**2)[:, None]], axis=-1)
    second = np.concatenate([-space, np.sqrt(p**2 + second_mass**2)[:, None]], axis=-1)
    return first, second


def signal_events(mass, n, rng, isr=False):
    """(n, 4, 4) laboratory momenta of X's μ⁺, μ⁻, then the recoiling μ⁺, μ⁻; and (n, 4) of the true beams."""
    width = rng.normal(size=(n, 2)) * [BEAM.electron_spread, BEAM.positron_spread]
    electron = BEAM.electron * (1 + width[:, :1] / BEAM.electron_energy)
    positron = BEAM.positron * (1 + width[:, 1:] / BEAM.positron_energy)
    if isr:
        electron = electron * (1 - _lost_fraction(n, rng))[:, None]
        positron = positron * (1 - _lost_fraction(n, rng))[:, None]
    total = electron + positron
    mass = np.broadcast_to(mass, n)
    energy = np.sqrt(total[:, 3] ** 2 - (total[:, :3] ** 2).sum(-1))
    recoil_mass = _recoil_masses(energy, mass, rng)
    x, recoil = two_body(energy, mass, recoil_mass, rng)
    x_pair = [boost(p, x) for p in two_body(mass, MUON_MASS, MUON_MASS, rng)]
    recoil_pair = [boost(p, recoil) for p in two_body(recoil_mass, MUON_MASS, MUON_MASS, rng)]
    return np.stack([boost(p, total) for p in (*x_pair, *recoil_pair)], axis=1), total


def _lost_fraction(n, rng, largest=0.1):
    """Leading-logarithmic energy fraction radiated by a beam, P(x) ∝ x^(β/2 − 1), below `largest`."""
    beta = 2 / 137.036 / np.pi * (2 * np.log(BEAM.sqrt_s / 0.511e-3) - 1)
    return largest * rng.uniform(size=n) ** (2 / beta)


def _recoil_masses(energy, mass, rng):
    """Mass of the recoiling pair with the density of three-body phase space, by accept–reject."""
    result, todo = np.empty(len(energy)), np.arange(len(energy))
    low = 2 * MUON_MASS
    while len(todo):
        s, x = energy[todo] ** 2, mass[todo]
        trial = rng.uniform(low, energy[todo] - x)
        p_x = np.sqrt((s - (x + trial) ** 2) * (s - (x - trial) ** 2)) / s
        density = p_x * np.sqrt(trial**2 - low**2) / (energy[todo] - x)
        accepted = rng.uniform(size=len(todo)) < density
        result[todo[accepted]] = trial[accepted]
        todo = todo[~accepted]
    return result


def smeared(momenta, rng):
    """The momenta with the resolution of the Belle II tracker."""
    relative_pt, phi_error, tan_error = TRACKS["belle2"].momentum_errors(momenta)
    pt = np.hypot(momenta[..., 0], momenta[..., 1])
    phi = np.arctan2(momenta[..., 1], momenta[..., 0]) + phi_error * rng.normal(size=pt.shape)
    tan = momenta[..., 2] / pt + tan_error * rng.normal(size=pt.shape)
    pt = pt / (1 + relative_pt * rng.normal(size=pt.shape))
    energy = np.sqrt(pt**2 * (1 + tan**2) + MUON_MASS**2)
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * tan, energy], axis=-1)


def in_acceptance(momenta):
    """Events with all tracks in 17°–150° and pT > 0.1 GeV."""
    pt = np.hypot(momenta[..., 0], momenta[..., 1])
    theta = np.degrees(np.arctan2(pt, momenta[..., 2]))
    return ((theta > 17) & (theta < 150) & (pt > 0.1)).all(-1)


def background_events(n, rng):
    """As signal_events, without a resonance: the mass of the first pair is flat."""
    mass = rng.uniform(2.01 * MUON_MASS, 10.0, n)
    return signal_events(mass, n, rng)

"""Lepton identification: a Gaussian log-likelihood-ratio model.

The log-likelihood ratio λ of a track is N(+d²/2, d²) if the hypothesis is true and N(−d²/2, d²) if not, with
one separation power d(p); the likelihood of such a λ is again λ, so the model is consistent with itself.
The identifier is 1/(1 + exp(−λ)), as in basf2. Belle II: d = 3.7 gives 95 % efficiency at 2 %
misidentification; the separations are tuned to efficiencies of 86–99 % at 1–6 % above 1 GeV.
Belle: above 0.9, muons have 90 % at 1.4–2 % of pions (decays in flight included), electrons 94 % at 0.4 %.
All are assumed.

An identifier follows from one number u, uniform in (0, 1): small u, large identifier. Of π and K, those with
u below the probability to decay in flight are muons to the detector.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from darkreach.models.constants import PION_MASS

KLM_ACCEPTANCE = (np.radians(25.0), np.radians(155.0))
# Used for K too (assumed): they decay more often, but with a kink that few track fits survive.
PION_MASS_OVER_CTAU = PION_MASS / 780.45  # GeV/cm, PDG
CALORIMETER_RADIUS = 125.0  # cm, both detectors

# How much better electrons are told from muons than from other particles: then 0.5 % of slow ones have
# muonID > 0.5, instead of 5 %, and e⁺e⁻ from photons make no threshold peak of muon pairs (assumed).
ELECTRONS_AS_MUONS = 1.6


@dataclass(frozen=True)
class Separations:
    """Separation powers, linear between momenta in GeV. Muons reach the KLM above 0.6–0.7 GeV."""

    muon: tuple[tuple[float, ...], tuple[float, ...]]
    electron: tuple[tuple[float, ...], tuple[float, ...]]

    def of_electrons(self, p: np.ndarray) -> np.ndarray:
        return np.interp(p, *self.electron)

    def of_muons(self, p: np.ndarray, theta: np.ndarray) -> np.ndarray:
        inside = (theta > KLM_ACCEPTANCE[0]) & (theta < KLM_ACCEPTANCE[1])
        return np.where(inside, np.interp(p, *self.muon), self.muon[1][0])


SEPARATIONS = {
    "belle2": Separations(((0.5, 0.7, 1.0), (0.5, 2.5, 3.7)), ((0.5, 1.0), (3.2, 4.5))),
    "belle": Separations(((0.5, 0.7, 1.0), (0.5, 2.5, 3.74)), ((0.5, 1.0), (3.0, 4.2))),
}


def muon_id(momentum: np.ndarray, pdg: np.ndarray, quantile: np.ndarray, detector: str) -> np.ndarray:
    """muonID of tracks with (n, 4) laboratory momenta in GeV, true PDG codes (n,) and u in (0, 1), (n,).

    Electrons are told from muons by the electron identification as well: the separations of independent
    detectors add in quadrature.
    """
    species = np.abs(pdg)
    separation = _muon_separation(momentum, species, detector)
    decay = np.where(_is_meson(species), decay_in_flight_probability(momentum), 0.0)
    decays = quantile < decay
    share = np.where(decays, decay, 1 - decay)
    within = np.where(decays, quantile, quantile - decay) / share
    return _identifier(separation, (species == 13) | decays, within)


def electron_id(momentum: np.ndarray, pdg: np.ndarray, quantile: np.ndarray, detector: str) -> np.ndarray:
    """electronID of tracks with (n, 4) laboratory momenta in GeV, true PDG codes and u in (0, 1), (n,)."""
    separation = SEPARATIONS[detector].of_electrons(_p_and_theta(momentum)[0])
    return _identifier(separation, np.abs(pdg) == 11, quantile)


def pion_id(muon: np.ndarray, electron: np.ndarray) -> np.ndarray:
    """pionID from the lepton identifiers: 1 for what is no lepton; K and p are not told apart (assumed)."""
    return 1 - np.maximum(muon, electron)


def passing_muon_quantile(
    momentum: np.ndarray, pdg: np.ndarray, minimum_id: float, detector: str
) -> np.ndarray:
    """(n,) bounds: no track whose u exceeds its bound has muonID > minimum_id.

    momentum: (n, 4) laboratory, GeV. pdg: (n,) true codes.
    """
    species = np.abs(pdg)
    separation = _muon_separation(momentum, species, detector)
    decay = np.where(_is_meson(species), decay_in_flight_probability(momentum), 0.0)
    own = _passing(separation, species == 13, minimum_id)
    return decay + (1 - decay) * own


def passing_electron_quantile(
    momentum: np.ndarray, pdg: np.ndarray, minimum_id: float, detector: str
) -> np.ndarray:
    """(n,) bounds: no track whose u exceeds its bound has electronID > minimum_id; as for muons."""
    separation = SEPARATIONS[detector].of_electrons(_p_and_theta(momentum)[0])
    return _passing(separation, np.abs(pdg) == 11, minimum_id)


def largest_passing_quantile(lepton: str, pdg: int, minimum_id: float, detector: str) -> float:
    """The bound of `passing_{lepton}_quantile` that holds at all momenta with pT > 0.1 GeV in the acceptance.

    lepton: "muon" or "electron". For what is decided before there is a momentum.
    """
    grid = np.meshgrid(np.geomspace(0.1, 10.0, 400), np.radians(np.linspace(17.0, 150.0, 200)))
    p, theta = (values.ravel() for values in grid)
    space = p[:, None] * np.stack([np.sin(theta), np.zeros_like(theta), np.cos(theta)], axis=-1)
    momentum = np.concatenate([space, p[:, None]], axis=-1)[p * np.sin(theta) > 0.1]
    bound = passing_muon_quantile if lepton == "muon" else passing_electron_quantile
    return float(bound(momentum, np.full(len(momentum), pdg), minimum_id, detector).max())


def decay_in_flight_probability(momentum: np.ndarray) -> np.ndarray:
    """Probability that a π of (n, 4) momentum (GeV) decays before the calorimeter: 3 % at 1 GeV."""
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    return -np.expm1(-CALORIMETER_RADIUS * PION_MASS_OVER_CTAU / pt)  # length r/sin θ over βγcτ = p cτ/m


def _muon_separation(momentum: np.ndarray, species: np.ndarray, detector: str) -> np.ndarray:
    p, theta = _p_and_theta(momentum)
    separations = SEPARATIONS[detector]
    separation = separations.of_muons(p, theta)
    of_electrons = ELECTRONS_AS_MUONS * separations.of_electrons(p)
    return np.where(species == 11, np.hypot(separation, of_electrons), separation)


def _is_meson(species: np.ndarray) -> np.ndarray:
    return (species == 211) | (species == 321)


def _p_and_theta(momentum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    return np.hypot(pt, momentum[:, 2]), np.arctan2(pt, momentum[:, 2])


def _identifier(separation: np.ndarray, is_true: np.ndarray, quantile: np.ndarray) -> np.ndarray:
    mean = np.where(is_true, 0.5, -0.5) * separation**2
    return 1 / (1 + np.exp(-(mean - separation * ndtri(quantile))))


def _passing(separation: np.ndarray, is_true: np.ndarray, minimum_id: float) -> np.ndarray:
    """Probability of an identifier above `minimum_id`."""
    if minimum_id <= 0:
        return np.ones_like(separation)
    mean = np.where(is_true, 0.5, -0.5) * separation**2
    return ndtr((mean - np.log(minimum_id / (1 - minimum_id))) / separation)

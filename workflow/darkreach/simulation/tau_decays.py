"""Decays of τ leptons of known helicity, drawn from a `TauLibrary`."""

import numpy as np

from darkreach.models.constants import TAU_MASS
from darkreach.simulation.neutral_pions import DALITZ_FRACTION, dalitz_decays, photons_of_pions, rotate_to
from darkreach.simulation.phase_space import boost
from darkreach.simulation.products import Products
from darkreach.simulation.tau_library import TauLibrary

TAU_DECAY_LENGTH = 87.03e-4  # cτ in cm, Particle Data Group 2024
_SELF_CONJUGATE = (22, 111, 130, 310)


def decay_taus(
    momentum: np.ndarray,
    pdg: np.ndarray,
    helicity: np.ndarray,
    library: TauLibrary,
    rng: np.random.Generator,
    entries: np.ndarray | None = None,
    dalitz: np.ndarray | None = None,
) -> Products:
    """Let n τ leptons fly from the origin and decay; the products of each are those of one parent.

    Args:
        momentum: (n, 4) in GeV.
        pdg: (n,), 15 or −15.
        helicity: (n,), 1 or −1: the spin along the momentum, in the frame of the momentum.
        library: the decays to draw from.
        rng: source of all random numbers.
        entries: (n,) entries of the library; None draws them.
        dalitz: (n,) how many of its π⁰ decay to γe⁺e⁻, the others to γγ; None draws it.
    """
    entries = library.draw(len(pdg), rng) if entries is None else entries
    counts = (library.offsets[1:] - library.offsets[:-1])[entries]
    first = np.cumsum(counts) - counts
    parent = np.repeat(np.arange(len(pdg)), counts)
    row = (library.offsets[entries] - first)[parent] + np.arange(counts.sum())

    # A mirror and a change of all charges make a τ⁺ with the spin along +z into one along −z.
    conjugate = pdg < 0
    reflected = np.where(conjugate, -1.0, 1.0)
    azimuth = rng.uniform(0, 2 * np.pi, len(pdg))
    cos, sin = np.cos(azimuth), np.sin(azimuth)
    tau = momentum.T
    axis = tau[:3] / np.sqrt((tau[:3] ** 2).sum(0)) * reflected * helicity

    def in_flight(at_rest: np.ndarray, of: np.ndarray) -> np.ndarray:
        """Vectors (k, 4) of the library as seen from where the τ number `of`, (k,), flies."""
        x, y, z, t = at_rest.T
        space = np.stack([cos[of] * x - sin[of] * y, reflected[of] * (sin[of] * x + cos[of] * y), z])
        turned = np.concatenate([rotate_to(space, axis[:, of]), t[np.newaxis]])
        return boost(turned, tau[:, of], np.full(len(of), TAU_MASS)).T

    flight = rng.exponential(TAU_DECAY_LENGTH, len(pdg))[:, np.newaxis] * momentum / TAU_MASS
    position = flight[parent]
    displaced = np.flatnonzero(library.position[row, 3])
    position[displaced] += in_flight(library.position[row[displaced]], parent[displaced])
    kind = _conjugated(library.pdg[row], conjugate[parent])
    products = Products(parent, kind, in_flight(library.momentum[row], parent), position)
    return _with_pions_decayed(products, library.neutral_pions[entries], dalitz, rng)


def decay_tau_pairs(
    momentum: np.ndarray,
    helicity: np.ndarray,
    library: TauLibrary,
    rng: np.random.Generator,
    entries: np.ndarray | None = None,
    dalitz: np.ndarray | None = None,
) -> Products:
    """Decays of n pairs; the products of both τ are those of one parent.

    momentum: (n, 2, 4) of τ⁻ and τ⁺; helicity, entries, dalitz: (n, 2). See `decay_taus`.
    """
    products = decay_taus(
        momentum.reshape(-1, 4),
        np.tile([15, -15], len(momentum)),
        helicity.ravel(),
        library,
        rng,
        None if entries is None else entries.ravel(),
        None if dalitz is None else dalitz.ravel(),
    )
    return Products(products.parent // 2, products.pdg, products.momentum, products.position)


def draw_dalitz(neutral_pions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How many of the given numbers of π⁰ decay to γe⁺e⁻, (n,)."""
    return rng.binomial(neutral_pions, DALITZ_FRACTION)


def _conjugated(pdg: np.ndarray, conjugate: np.ndarray) -> np.ndarray:
    return np.where(conjugate & ~np.isin(pdg, _SELF_CONJUGATE), -pdg, pdg)


def _with_pions_decayed(
    products: Products, neutral_pions: np.ndarray, dalitz: np.ndarray | None, rng: np.random.Generator
) -> Products:
    dalitz = draw_dalitz(neutral_pions, rng) if dalitz is None else dalitz
    pions = np.flatnonzero(products.pdg == 111)
    # The pions of one parent in random order; the first ones of each take the Dalitz decays.
    pions = pions[np.lexsort((rng.random(len(pions)), products.parent[pions]))]
    rank = np.arange(len(pions)) - (np.cumsum(neutral_pions) - neutral_pions)[products.parent[pions]]
    is_dalitz = rank < dalitz[products.parent[pions]]
    # Rows of particles, and the PDG code and momenta of what they become; None keeps them.
    parts: list[tuple[np.ndarray, int | None, np.ndarray | None]]
    parts = [(np.flatnonzero(products.pdg != 111), None, None)]
    for chosen, decay, codes in (
        (pions[~is_dalitz], photons_of_pions, (22, 22)),
        (pions[is_dalitz], dalitz_decays, (22, 11, -11)),
    ):
        decayed = decay(products.momentum[chosen].T, rng)
        parts += [(chosen, code, momentum.T) for code, momentum in zip(codes, decayed, strict=True)]
    source = np.concatenate([rows for rows, _, _ in parts])
    kinds = [products.pdg[rows] if kind is None else np.full(len(rows), kind) for rows, kind, _ in parts]
    momenta = [products.momentum[rows] if p is None else p for rows, _, p in parts]
    order = np.argsort(products.parent[source], kind="stable")
    source = source[order]
    return Products(
        parent=products.parent[source],
        pdg=np.concatenate(kinds)[order],
        momentum=np.concatenate(momenta)[order],
        position=products.position[source],
    )

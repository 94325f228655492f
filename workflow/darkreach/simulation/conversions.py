"""Electrons and photons in the material of the inner detector: conversions and bremsstrahlung."""

from dataclasses import replace

import numpy as np

from darkreach.detector import BEAMS, GEOMETRY, Geometry
from darkreach.models.constants import ELECTRON_MASS
from darkreach.simulation.particle_lists import joined, take
from darkreach.simulation.particles import Particles
from darkreach.simulation.photons_response import relative_resolution

# Softer photons make no tracks: the efficiency vanishes below pT = 0.1 GeV.
LOWEST_ENERGY = 0.1  # GeV, laboratory
PAIR_FRACTION = 7 / 9  # conversion probability per radiation length, at high energy
# Photons of bremsstrahlung that are found near their track: threshold (GeV) and efficiency (assumed).
RECOVERY_ENERGY, RECOVERY = 0.05, 0.8
LARGEST_PT = 0.1  # GeV: the nucleus' form factor ends the tail of the opening angle


def convert_photons(particles: Particles, detector: str, rng: np.random.Generator) -> Particles:
    """Replace the photons that convert in beam pipe, silicon and chamber wall by an electron and a positron.

    They start at the layer where it happened. Photons below 0.1 GeV in the laboratory are left as they are.
    Which particles are found as tracks must not be decided yet.
    """
    return with_conversions(particles, way_to_conversion(particles, detector, rng), detector, rng)


def way_to_conversion(particles: Particles, detector: str, rng: np.random.Generator) -> np.ndarray:
    """(n,) way of each photon to where it converts, cm; infinite for those that do not, and all else."""
    way = np.full(len(particles.pdg), np.inf)
    photon = np.flatnonzero(particles.pdg == 22)
    lab = BEAMS[detector].to_lab(particles.momentum[photon])
    hard = lab[:, 3] > LOWEST_ENERGY
    photon, lab = photon[hard], lab[hard]
    way[photon] = conversion_distance(lab, particles.vertex[photon], GEOMETRY[detector], rng)
    return way


def with_conversions(
    particles: Particles, way: np.ndarray, detector: str, rng: np.random.Generator
) -> Particles:
    """Electron and positron in place of each photon with a finite `way` (n,) in cm, unless it is too soft."""
    photon = np.flatnonzero(np.isfinite(way))
    lab = BEAMS[detector].to_lab(particles.momentum[photon])
    hard = lab[:, 3] > LOWEST_ENERGY
    photon, lab = photon[hard], lab[hard]
    pairs = pairs_of_photons(particles, photon, lab, way[photon], detector, rng)

    def fresh(old: np.ndarray | None) -> np.ndarray | None:
        new = rng.random(2 * len(photon))
        return None if old is None else new

    muon, electron = fresh(particles.muon_quantile), fresh(particles.electron_quantile)
    return in_place_of(particles, photon, replace(pairs, muon_quantile=muon, electron_quantile=electron))


def pairs_of_photons(
    particles: Particles,
    photon: np.ndarray,
    lab: np.ndarray,
    distance: np.ndarray,
    detector: str,
    rng: np.random.Generator,
) -> Particles:
    """The electrons and positrons of photons that convert.

    photon: (n,) their indices. lab: (n, 4) laboratory momenta, GeV. distance: (n,) of the layer, cm.
    """
    place = particles.vertex[photon] + distance[:, None] * lab[:, :3] / lab[:, 3:]
    return replace(
        take(particles, np.repeat(photon, 2)),
        pdg=np.tile([11, -11], len(photon)),
        momentum=BEAMS[detector].to_cm(pair_momenta(lab, rng)).reshape(-1, 4),
        vertex=np.repeat(place, 2, axis=0),
        from_signal=np.zeros(2 * len(photon), bool),
    )


def in_place_of(particles: Particles, photon: np.ndarray, pairs: Particles) -> Particles:
    """The particles with `pairs` in place of those with the indices `photon`, (n,)."""
    kept = np.ones(len(particles.pdg), bool)
    kept[photon] = False
    return joined([take(particles, kept), pairs], particles.n_events)


def conversion_distance(
    momentum: np.ndarray, origin: np.ndarray, geometry: Geometry, rng: np.random.Generator
) -> np.ndarray:
    """(n,) length of the way of photons to where they convert, cm; infinite for those that do not.

    momentum: (n, 4) laboratory, GeV. origin: (n, 3) cm. The angle to a layer is that at its crossing.
    """
    direction = momentum[:, :3] / momentum[:, 3:]
    d2 = (direction[:, :2] ** 2).sum(-1)
    along = (direction[:, :2] * origin[:, :2]).sum(-1)
    r2 = (origin[:, :2] ** 2).sum(-1)
    distance = np.full(len(momentum), np.inf)
    for radius, thickness in geometry.layers:
        normal = np.sqrt(np.maximum(along**2 + d2 * (radius**2 - r2), 0.0))  # radius × cosine of incidence
        path = (normal - along) / np.maximum(d2, 1e-12)
        converts = rng.random(len(momentum)) < -np.expm1(
            -PAIR_FRACTION * thickness * radius / np.maximum(normal, 0.05 * radius)
        )
        crosses = (r2 < radius**2) & np.isinf(distance)
        distance = np.where(crosses & converts, path, distance)
    return distance


def pair_momenta(photon: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, 2, 4) momenta of e⁻, e⁺ from photons of (n, 4) momentum, in the frame of the matter, GeV.

    Energies: 1 − 4/3 x(1 − x), the limit of complete screening. Transverse momenta are opposite,
    m_e u each with the density u/(1 + u²)²; the nucleus takes what is missing of the longitudinal one.
    """
    energy = photon[:, 3]
    lowest = ELECTRON_MASS / energy
    share = lowest + (1 - 2 * lowest) * _bethe_heitler_share(len(photon), rng)
    r = rng.random(len(photon)) / (1 + (ELECTRON_MASS / LARGEST_PT) ** 2)
    largest = np.sqrt(np.maximum((np.minimum(share, 1 - share) * energy) ** 2 - ELECTRON_MASS**2, 0.0))
    pt = np.minimum(ELECTRON_MASS * np.sqrt(r / (1 - r)), 0.99 * largest)
    phi = rng.uniform(0, 2 * np.pi, len(photon))
    axis = photon[:, :3] / energy[:, None]
    side = np.cross(axis, np.eye(3)[np.abs(axis).argmin(-1)])
    side /= np.linalg.norm(side, axis=-1, keepdims=True)
    transverse = pt[:, None] * (np.cos(phi)[:, None] * side + np.sin(phi)[:, None] * np.cross(axis, side))
    momenta = []
    for sign, e in ((1, share * energy), (-1, (1 - share) * energy)):
        longitudinal = np.sqrt(np.maximum(e**2 - ELECTRON_MASS**2 - pt**2, 0.0))
        momenta.append(np.column_stack([longitudinal[:, None] * axis + sign * transverse, e]))
    return np.stack(momenta, axis=1)


def _bethe_heitler_share(n: int, rng: np.random.Generator) -> np.ndarray:
    """Share x of the energy, density 1 − 4/3 x(1 − x): a mixture of flat and of x² about the middle."""
    # 1 − 4/3 x(1 − x) = 2/3 + 1/3 (2x − 1)², integrals 2/3 and 1/9
    flat = rng.random(n) < 6 / 7
    u = rng.uniform(-1, 1, n)
    return np.where(flat, 0.5 * (1 + u), 0.5 * (1 + np.cbrt(u)))


def radiate(
    momentum: np.ndarray, pdg: np.ndarray, vertex: np.ndarray, geometry: Geometry, rng: np.random.Generator
) -> np.ndarray:
    """(n, 4) momenta after bremsstrahlung of the electrons in the material that they cross, GeV.

    momentum: (n, 4) laboratory. vertex: (n, 3) production points, cm. The energy left, z, is distributed as
    (−ln z)^(t/ln 2 − 1) for t radiation lengths (Bethe and Heitler). Hard photons are usually found near
    the track and added to it again, as basf2's `correctBrems` does; what is lost makes a tail.
    """
    electron = np.flatnonzero(np.abs(pdg) == 11)
    p = momentum[electron]
    sine = np.hypot(p[:, 0], p[:, 1]) / np.sqrt((p[:, :3] ** 2).sum(-1))
    radius = np.hypot(vertex[electron, 0], vertex[electron, 1])
    thickness = geometry.material_beyond(radius) / np.maximum(sine, 0.1)
    photon = p[:, 3] * -np.expm1(-rng.gamma(thickness / np.log(2)))
    recovered = (photon > RECOVERY_ENERGY) & (rng.random(len(p)) < RECOVERY)
    measured = photon * (1 + relative_resolution(photon) * rng.standard_normal(len(p)))
    energy = np.maximum(p[:, 3] - photon + recovered * measured, 1.001 * ELECTRON_MASS)
    size = np.sqrt((energy**2 - ELECTRON_MASS**2) / (p[:, 3] ** 2 - ELECTRON_MASS**2))
    radiated = momentum.copy()
    radiated[electron] = np.column_stack([p[:, :3] * size[:, None], energy])
    return radiated

"""Decay points in the laboratory lie where the momenta in the laboratory point to."""

import numpy as np
import pytest

from darkreach.detector import BEAMS
from darkreach.models.constants import ALPHA_0
from darkreach.simulation.hnl import generate_hnl
from darkreach.simulation.laboratory_vertices import with_laboratory_vertices
from darkreach.simulation.pythia import generate_pythia
from darkreach.simulation.signal import generate_signal
from darkreach.simulation.tau_library import make_tau_library


def sums(particles, momentum, select):
    event = particles.event[select]
    return np.stack([np.bincount(event, momentum[select, k], particles.n_events) for k in range(4)], -1)


@pytest.mark.parametrize("detector", ["belle", "belle2"])
def test_long_lived_x_flies_along_its_momentum(detector):
    mass, beams = 0.15, BEAMS[detector]
    library = make_tau_library(np.random.default_rng(1), 200)
    generated = generate_signal(
        "leptophilic_scalar", mass, 500, np.random.default_rng(2), beams.sqrt_s, ALPHA_0, production="tau",
        decay="ee", lifetime_m=0.05, library=library,
    )  # fmt: skip
    particles = with_laboratory_vertices(generated.particles, beams)
    from_x = particles.from_resonance
    x = sums(particles, beams.to_lab(particles.momentum), from_x)
    flight = x[particles.event[from_x], :3] / mass * particles.proper_length[particles.event[from_x], None]
    np.testing.assert_allclose(particles.vertex[from_x], flight, rtol=1e-6, atol=0.02)


def test_heavy_neutral_lepton_flies_along_its_momentum():
    mass, beams = 1.0, BEAMS["belle"]
    library = make_tau_library(np.random.default_rng(1), 200)
    generated = generate_hnl(mass, 500, np.random.default_rng(3), beams.sqrt_s, ALPHA_0, 0.3, library)
    particles = with_laboratory_vertices(generated.particles, beams)
    from_n = particles.from_resonance
    n = sums(particles, beams.to_lab(particles.momentum), from_n)
    flight = n[particles.event[from_n], :3] / mass * particles.proper_length[particles.event[from_n], None]
    # The flight of the τ before it adds some 100 µm.
    np.testing.assert_allclose(particles.vertex[from_n], flight, atol=0.3)
    assert np.abs(particles.vertex[from_n] - flight).mean() < 0.02
    assert np.linalg.norm(flight, axis=1).mean() > 30


def test_short_lived_kaons_have_their_lifetime_in_the_laboratory():
    """Proper decay length of K⁰_S → π⁺π⁻ from place and momentum: cτ = 2.684 cm (PDG)."""
    beams = BEAMS["belle2"]
    generated = generate_pythia("qqbar", 4000, np.random.default_rng(4), beams.sqrt_s)
    particles = with_laboratory_vertices(generated.particles, beams)
    pion = np.flatnonzero(np.abs(particles.pdg) == 211)
    first, second = pion[:-1], pion[1:]
    same = (particles.event[first] == particles.event[second]) & (
        particles.vertex[first] == particles.vertex[second]
    ).all(1)
    pairs = beams.to_lab(particles.momentum[first[same]]) + beams.to_lab(particles.momentum[second[same]])
    mass = np.sqrt(pairs[:, 3] ** 2 - (pairs[:, :3] ** 2).sum(1))
    kaon = np.abs(mass - 0.49761) < 1e-4
    vertex, momentum = particles.vertex[first[same]][kaon], pairs[kaon, :3]
    size = np.linalg.norm(momentum, axis=1)
    length = np.linalg.norm(vertex, axis=1) * 0.49761 / size
    away = np.linalg.norm(vertex, axis=1) > 1
    pointing = (vertex * momentum).sum(1)[away] / (np.linalg.norm(vertex, axis=1) * size)[away]
    assert np.median(1 - pointing) < 1e-4
    assert kaon.sum() > 500
    assert length.mean() == pytest.approx(2.684, rel=4 / np.sqrt(kaon.sum()))

"""Kinematic fit of charged tracks to the four-momentum of the colliding beams."""

from dataclasses import dataclass

import numpy as np

from darkreach.detector import Beams, TrackResolution

ITERATIONS = 4
CONVERGED = 1e-3  # largest relative change of χ² in the last iteration

UNMEASURED = 100.0  # variance in GeV² of a photon energy about which nothing is known
# A photon has to improve χ² by this much. The spectrum of the radiation, dk β/(2k) (k/E)^(β/2) for each beam
# with β/2 = 0.044, makes a photon of n standard deviations as likely as none where χ² improves by
# −2 ln(√(2π) β/2 / n), which for n² equal to the improvement itself is 6.2.
PHOTON_PENALTY = 6.0


@dataclass(frozen=True)
class Fit:
    """Result of a fit, one entry per row.

    momenta: (n, tracks, 4) fitted momenta in GeV. chi2: (n,). converged: (n,) bool.
    photon_energy: (n,) fitted energy of the radiated photon, GeV; 0 where the fit has none.
    """

    momenta: np.ndarray
    chi2: np.ndarray
    converged: np.ndarray
    photon_energy: np.ndarray


def fit_with_radiation(
    momenta: np.ndarray, beams: Beams, total: np.ndarray, resolution: TrackResolution, mass: float
) -> Fit:
    """Fit to the beams, or to the beams less a photon along one of them where the tracks ask for one.

    Initial-state radiation leaves along the beams unseen. Each row is fitted without a photon, with one
    along the electron and with one along the positron (three constraints), and keeps the first fit unless
    a photon of positive energy improves χ² by more than PHOTON_PENALTY.

    momenta: (n, tracks, 4) measured momenta, GeV. beams: directions and spreads. total: (n, 4) of the
    beams row by row, GeV. mass: of the particles, GeV.
    """
    best = fit_to_beams(momenta, total, beams.covariance, resolution, mass)
    for beam in (beams.electron, beams.positron):
        direction = beam / beam[3]
        covariance = beams.covariance + UNMEASURED * np.outer(direction, direction)
        fit = fit_to_beams(momenta, total, covariance, resolution, mass)
        energy = total[:, 3] - fit.momenta[..., 3].sum(1)
        cost = fit.chi2 + PHOTON_PENALTY
        best_cost = best.chi2 + np.where(best.photon_energy > 0, PHOTON_PENALTY, 0.0)
        better = fit.converged & (energy > 0) & (~best.converged | (cost < best_cost))
        best = Fit(
            np.where(better[:, None, None], fit.momenta, best.momenta),
            np.where(better, fit.chi2, best.chi2),
            np.where(better, fit.converged, best.converged),
            np.where(better, energy, best.photon_energy),
        )
    return best


def fit_to_beams(
    momenta: np.ndarray,
    beams: np.ndarray,
    covariance: np.ndarray,
    resolution: TrackResolution,
    mass: float,
) -> Fit:
    """Least-squares fit of the track parameters such that the momenta add up to that of the beams.

    The parameters of a track are 1/pT, φ and tan λ, uncorrelated, with the errors of `resolution`.
    The momentum of the beams is a measurement with its own covariance, so that the fit has four
    constraints and four degrees of freedom. Lagrange multipliers, linearised anew in each of a few
    Gauss–Newton steps: V. Blobel, E. Lohrmann, Statistische Methoden der Datenanalyse, section 9.

    momenta: (n, tracks, 4) measured momenta in the laboratory, GeV. beams: (n, 4) total, GeV.
    covariance: (4, 4) or (n, 4, 4) of `beams`, GeV². mass: of the particles, GeV.
    """
    n, tracks = momenta.shape[:2]
    measured = _parameters(momenta).reshape(n, 3 * tracks)
    variances = _variances(momenta, resolution).reshape(n, 1, 3 * tracks)
    parameters, chi2 = measured, np.full(n, np.inf)
    converged = np.zeros(n, dtype=bool)
    for _ in range(ITERATIONS):
        fitted = _momenta(parameters.reshape(n, tracks, 3), mass)
        jacobian = _jacobian(parameters.reshape(n, tracks, 3), fitted)
        residual = fitted.sum(1) - beams + (jacobian @ (measured - parameters)[..., None])[..., 0]
        weighted = jacobian * variances
        matrix = weighted @ jacobian.transpose(0, 2, 1) + covariance
        multipliers = np.linalg.solve(matrix, residual[..., None])
        previous, chi2 = chi2, (multipliers[..., 0] * residual).sum(-1)
        parameters = measured - (weighted.transpose(0, 2, 1) @ multipliers)[..., 0]
        # a step across pT = ∞ has no meaning; such a row keeps a tiny curvature and does not converge
        parameters[:, ::3] = np.maximum(parameters[:, ::3], 1e-3)
        converged = np.abs(chi2 - previous) < CONVERGED * (1 + chi2)
    return Fit(_momenta(parameters.reshape(n, tracks, 3), mass), chi2, converged, np.zeros(n))


def _parameters(momenta: np.ndarray) -> np.ndarray:
    """(n, tracks, 3): 1/pT, φ, tan λ."""
    pt = np.hypot(momenta[..., 0], momenta[..., 1])
    return np.stack([1 / pt, np.arctan2(momenta[..., 1], momenta[..., 0]), momenta[..., 2] / pt], axis=-1)


def _variances(momenta: np.ndarray, resolution: TrackResolution) -> np.ndarray:
    """(n, tracks, 3) variances of the parameters."""
    relative_pt, phi, tan_lambda = resolution.momentum_errors(momenta)
    pt = np.hypot(momenta[..., 0], momenta[..., 1])
    return np.stack([relative_pt / pt, phi, tan_lambda], axis=-1) ** 2


def _momenta(parameters: np.ndarray, mass: float) -> np.ndarray:
    """(n, tracks, 4) momenta of the parameters, GeV."""
    curvature, phi, tan_lambda = np.moveaxis(parameters, -1, 0)
    energy = np.sqrt((1 + tan_lambda**2) / curvature**2 + mass**2)
    return np.stack(
        [np.cos(phi) / curvature, np.sin(phi) / curvature, tan_lambda / curvature, energy], axis=-1
    )


def _jacobian(parameters: np.ndarray, momenta: np.ndarray) -> np.ndarray:
    """(n, 4, 3·tracks) derivatives of the sum of the momenta by all parameters."""
    curvature = parameters[..., 0]
    px, py, pz, energy = np.moveaxis(momenta, -1, 0)
    n, tracks = parameters.shape[:2]
    jacobian = np.zeros((n, tracks, 3, 4))
    jacobian[..., 0, :3] = -momenta[..., :3] / curvature[..., None]
    jacobian[..., 0, 3] = -(px**2 + py**2 + pz**2) / (energy * curvature)
    jacobian[..., 1, 0] = -py
    jacobian[..., 1, 1] = px
    jacobian[..., 2, 2] = 1 / curvature
    jacobian[..., 2, 3] = pz / (energy * curvature)
    return jacobian.reshape(n, 3 * tracks, 4).transpose(0, 2, 1)

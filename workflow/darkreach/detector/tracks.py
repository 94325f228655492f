"""Resolution of charged tracks, as formulas."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TrackResolution:
    """Gaussian errors of the track parameters.

    pt_linear (1/GeV), pt_constant: σ(pT)/pT = pt_linear·pT ⊕ pt_constant/β.
    phi, tan_lambda: (floor, scattering) with σ = floor ⊕ scattering/p, in rad and in tan λ, p in GeV.
    d0_cm, z0_cm: (floor, scattering) with σ = floor ⊕ scattering/(p β sin^n θ), n = 3/2 and 5/2, in cm.
    """

    pt_linear: float
    pt_constant: float
    phi: tuple[float, float]
    tan_lambda: tuple[float, float]
    d0_cm: tuple[float, float]
    z0_cm: tuple[float, float]

    def momentum_errors(
        self, momentum: np.ndarray, longer: np.ndarray | float = 1.0
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """σ(pT)/pT, σ(φ) in rad and σ(tan λ) of tracks with (..., 4) laboratory momenta in GeV.

        longer: full length of a track over that of this one; measurement errors of pT grow as its square,
        those of the angles in proportion.
        """
        p = np.sqrt((momentum[..., :3] ** 2).sum(-1))
        pt = np.hypot(momentum[..., 0], momentum[..., 1])
        relative_pt = np.hypot(self.pt_linear * pt * longer**2, self.pt_constant * momentum[..., 3] / p)
        phi = np.hypot(self.phi[0] * longer, self.phi[1] / p)
        tan_lambda = np.hypot(self.tan_lambda[0] * longer, self.tan_lambda[1] / p)
        return relative_pt, phi, tan_lambda

    def impact_errors_cm(self, momentum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """σ(d0), σ(z0) in cm of tracks with (..., 4) laboratory momenta in GeV."""
        p2 = (momentum[..., :3] ** 2).sum(-1)
        p_beta = p2 / momentum[..., 3]
        sin_theta = np.hypot(momentum[..., 0], momentum[..., 1]) / np.sqrt(p2)
        d0 = np.hypot(self.d0_cm[0], self.d0_cm[1] / (p_beta * sin_theta**1.5))
        z0 = np.hypot(self.z0_cm[0], self.z0_cm[1] / (p_beta * sin_theta**2.5))
        return d0, z0

"""Templates of one search: what the scan reads instead of events."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class SignalTemplate:
    """One simulated signal: candidates made of the right pair, after all selection.

    values, variances: (n,) sum of weights and of squared weights per fine bin, one weight per generated event.
    generated_events: events generated; values.sum() / generated_events is the signal efficiency.
    """

    values: np.ndarray
    variances: np.ndarray
    generated_events: float


@dataclass
class Templates:
    """Histograms of the observable, far finer than its resolution.

    edges: (n + 1,) edges of the fine bins of the reduced mass √(m² − 4m_μ²), GeV.
    luminosity_fb: of the data, fb⁻¹.
    data: (n,) observed candidates, or None while the search is blind.
    backgrounds: sample → (values, variances), each (n,), scaled to luminosity_fb.
    signals: model → mass of X in GeV → template.
    """

    edges: np.ndarray
    luminosity_fb: float
    data: np.ndarray | None
    backgrounds: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    signals: dict[str, dict[float, SignalTemplate]] = field(default_factory=dict)

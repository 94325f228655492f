"""HistFactory workspaces of varied shape, from a seed: the test bench of the engine and of its benchmarks."""

import numpy as np

KINDS = ("scan", "counting", "staterror", "few", "edge", "channels", "shapesys", "shapefactor", "everything")


def scan_window(
    rng: np.random.Generator,
    events: float = 1000.0,
    bins: int = 50,
    signal: float = 0.0,
    staterror: bool = False,
    centre: float = 0.5,
) -> dict:
    """A peak on a falling background in one window, as a resonance search has it.

    Background: three Bernstein templates with free norms. Signal: double Gaussian with the systematic
    uncertainties of width, scale and efficiency. `events` background events, `signal` injected events.
    """
    edges = np.linspace(0.0, 1.0, bins + 1)
    x = 0.5 * (edges[1:] + edges[:-1])
    sigma = 0.05

    def peak(shift: float = 0.0, width: float = 1.0) -> np.ndarray:
        z = (x - centre - shift * sigma) / (sigma * width)
        shape = 0.8 * np.exp(-0.5 * z**2) + 0.1 * np.exp(-0.5 * (z / 2.0) ** 2)
        return shape / np.sum(0.8 * np.exp(-0.5 * ((x - 0.5) / sigma) ** 2) + 0.1)

    unit = np.sqrt(events) + 3.0
    nominal = unit * peak()
    bernstein = [(1 - x) ** 2, 2 * x * (1 - x), x**2]
    weights = rng.dirichlet([4.0, 4.0, 4.0])
    backgrounds = [events * w * b / b.sum() for w, b in zip(weights, bernstein, strict=True)]
    truth = np.sum(backgrounds, axis=0) + signal * peak()
    modifiers = [
        {"name": "mu", "type": "normfactor", "data": None},
        {"name": "efficiency", "type": "normsys", "data": {"lo": 0.94, "hi": 1.07}},
        {"name": "tracking", "type": "normsys", "data": {"lo": 0.97, "hi": 1.03}},
        {"name": "luminosity", "type": "normsys", "data": {"lo": 0.99, "hi": 1.01}},
        {
            "name": "width",
            "type": "histosys",
            "data": {
                "lo_data": (unit * peak(width=0.9)).tolist(),
                "hi_data": (unit * peak(width=1.1)).tolist(),
            },
        },
        {
            "name": "scale",
            "type": "histosys",
            "data": {"lo_data": (unit * peak(-0.1)).tolist(), "hi_data": (unit * peak(0.1)).tolist()},
        },
    ]
    samples = [{"name": "signal", "data": nominal.tolist(), "modifiers": modifiers}]
    for i, background in enumerate(backgrounds):
        own = [{"name": f"norm_{i}", "type": "normfactor", "data": None}]
        if staterror:
            error = background * 0.05 / np.sqrt(1.0 / 3.0)
            own.append({"name": "mcstat", "type": "staterror", "data": error.tolist()})
        samples.append({"name": f"bernstein_{i}", "data": background.tolist(), "modifiers": own})
    parameters = [{"name": "mu", "inits": [0.5], "bounds": [[0.0, 1000.0]]}]
    return _workspace([{"name": "window", "samples": samples}], {"window": rng.poisson(truth)}, parameters)


def counting(
    rng: np.random.Generator, background: float, signal: float = 1.0, observed: int | None = None
) -> dict:
    """One bin, known background with a 10 % uncertainty."""
    observed = int(rng.poisson(background)) if observed is None else observed
    samples = [
        {
            "name": "signal",
            "data": [signal],
            "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
        },
        {
            "name": "background",
            "data": [background],
            "modifiers": [{"name": "bkg", "type": "normsys", "data": {"lo": 0.9, "hi": 1.1}}],
        },
    ]
    parameters = [{"name": "mu", "inits": [1.0], "bounds": [[0.0, 1000.0]]}]
    return _workspace([{"name": "bin", "samples": samples}], {"bin": [observed]}, parameters)


def everything(rng: np.random.Generator, channels: int = 2, bins: int = 6, kinds: set | None = None) -> dict:
    """Several channels and samples with all modifier types (or those in `kinds`)."""
    kinds = kinds or {"normsys", "histosys", "staterror", "shapesys", "lumi", "shapefactor"}
    spec, observed = [], {}
    for c in range(channels):
        n = bins + c
        samples, total = [], np.zeros(n)
        for s, name in enumerate(("signal", "background", "other")):
            data = rng.uniform(1.0, 3.0, n) if name == "signal" else rng.uniform(5.0, 40.0, n)
            modifiers = []
            if name == "signal":
                modifiers.append({"name": "mu", "type": "normfactor", "data": None})
            else:
                total += data
            if "lumi" in kinds:
                modifiers.append({"name": "lumi", "type": "lumi", "data": None})
            if "normsys" in kinds:
                low, high = 1 - rng.uniform(0.02, 0.2), 1 + rng.uniform(0.02, 0.2)
                modifiers.append({"name": f"norm_{s}", "type": "normsys", "data": {"lo": low, "hi": high}})
                modifiers.append({"name": "shared", "type": "normsys", "data": {"lo": 1.05, "hi": 0.96}})
            if "histosys" in kinds and name != "other":
                tilt = np.linspace(-0.15, 0.1, n)
                shape = {
                    "lo_data": (data * (1 - tilt)).tolist(),
                    "hi_data": (data * (1 + 1.2 * tilt)).tolist(),
                }
                modifiers.append({"name": "tilt", "type": "histosys", "data": shape})
                modifiers.append({"name": "shared", "type": "histosys", "data": shape})
            if "staterror" in kinds and name != "signal":
                error = (data * rng.uniform(0.02, 0.15, n)).tolist()
                modifiers.append({"name": f"stat_{c}", "type": "staterror", "data": error})
            if "shapesys" in kinds and name == "other":
                error = (data * rng.uniform(0.05, 0.2, n)).tolist()
                error[0] = 0.0
                modifiers.append({"name": f"uncorrelated_{c}", "type": "shapesys", "data": error})
            if "shapefactor" in kinds and name == "other" and c == channels - 1:
                modifiers.append({"name": "free_shape", "type": "shapefactor", "data": None})
            samples.append({"name": name, "data": data.tolist(), "modifiers": modifiers})
        spec.append({"name": f"channel_{c}", "samples": samples})
        observed[f"channel_{c}"] = rng.poisson(total)
    parameters = [{"name": "mu", "inits": [1.0], "bounds": [[0.0, 100.0]]}]
    if "lumi" in kinds:
        parameters.append(
            {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.5, 1.5]], "inits": [1.0]}
        )
    return _workspace(spec, observed, parameters)


def shared_shape(rng: np.random.Generator, bins: int = 5) -> dict:
    """Signal and control region share a free background shape, as in an ABCD estimate."""
    shape = rng.uniform(0.5, 2.0, bins)
    spec, observed = [], {}
    for name, size, signal in (("control", 200.0, 0.0), ("signal_region", 40.0, 5.0)):
        background = np.full(bins, size)
        samples = [
            {
                "name": "background",
                "data": background.tolist(),
                "modifiers": [
                    {"name": "shape", "type": "shapefactor", "data": None},
                    {"name": f"transfer_{name}", "type": "normsys", "data": {"lo": 0.95, "hi": 1.05}},
                ],
            }
        ]
        if signal:
            peak = signal * np.exp(-0.5 * (np.arange(bins) - bins / 2) ** 2)
            samples.append(
                {
                    "name": "signal",
                    "data": peak.tolist(),
                    "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                }
            )
        spec.append({"name": name, "samples": samples})
        observed[name] = rng.poisson(background * shape)
    return _workspace(spec, observed, [{"name": "mu", "inits": [1.0], "bounds": [[0.0, 100.0]]}])


def varied(seed: int, index: int) -> tuple[str, dict]:
    """Workspace `index` of a seeded set that walks through all kinds: (kind, workspace)."""
    rng = np.random.default_rng([seed, index])
    kind = KINDS[index % len(KINDS)]
    events = float(10 ** rng.uniform(2.0, 4.5))
    excess = float(rng.choice([0.0, 0.0, 2.0, 4.0]) * np.sqrt(events * 0.2))
    if kind == "counting":
        return kind, counting(rng, float(10 ** rng.uniform(-0.3, 2.0)), float(rng.uniform(0.2, 5.0)))
    if kind == "staterror":
        return kind, scan_window(rng, events, bins=12, signal=excess, staterror=True)
    if kind == "few":
        return kind, scan_window(rng, float(rng.uniform(5.0, 60.0)), bins=30)
    if kind == "edge":
        return kind, scan_window(rng, events, bins=25, signal=excess, centre=float(rng.uniform(0.0, 0.1)))
    if kind == "channels":
        return kind, everything(rng, channels=3, bins=4, kinds={"normsys", "histosys", "lumi"})
    if kind == "shapesys":
        return kind, everything(rng, channels=1, bins=8, kinds={"normsys", "shapesys"})
    if kind == "shapefactor":
        return kind, shared_shape(rng)
    if kind == "everything":
        return kind, everything(
            rng, channels=2, bins=4, kinds={"normsys", "histosys", "staterror", "lumi", "shapesys"}
        )
    return kind, scan_window(rng, events, bins=30, signal=excess)


def _workspace(channels: list, observed: dict, parameters: list) -> dict:
    return {
        "version": "1.0.0",
        "channels": channels,
        "observations": [{"name": name, "data": [float(n) for n in data]} for name, data in observed.items()],
        "measurements": [{"name": "limit", "config": {"poi": "mu", "parameters": parameters}}],
    }


def mass_scan(
    hypotheses: int, events: float, bins: int = 50, fine_per_sigma: int = 5
) -> tuple[list, list, np.ndarray]:
    """A scan in steps of one resolution σ over one falling spectrum: workspaces, windows, fine background.

    Windows of ±10 σ, cut at the ends of the spectrum; `events` is the background in a window in the middle.
    The observed counts are the background's, rounded.
    """
    fine = fine_per_sigma * hypotheses
    x = (np.arange(fine) + 0.5) / fine
    expected = np.exp(-1.5 * x)
    expected *= events / expected[fine // 2 - 10 * fine_per_sigma : fine // 2 + 10 * fine_per_sigma].sum()
    half = 10 * fine_per_sigma
    specs, windows = [], []
    for h in range(hypotheses):
        centre = (h + 0.5) * fine_per_sigma
        low = int(np.clip(round(centre) - half, 0, fine - 2 * half))
        edges = np.round(np.linspace(low, low + 2 * half, bins + 1)).astype(int)
        windows.append(np.stack([edges[:-1], edges[1:]], axis=1))
        background = np.add.reduceat(expected[: edges[-1]], edges[:-1])
        specs.append(_window_of_scan(background, 0.5 * (edges[1:] + edges[:-1]), centre, fine_per_sigma))
    return specs, windows, expected


def _window_of_scan(background: np.ndarray, middle: np.ndarray, centre: float, sigma: float) -> dict:
    y = (middle - middle[0]) / (middle[-1] - middle[0])
    peak = np.exp(-0.5 * ((middle - centre) / sigma) ** 2)
    peak *= np.sqrt(background.sum() * 0.1) / peak.sum()
    samples = [
        {
            "name": "signal",
            "data": peak.tolist(),
            "modifiers": [
                {"name": "mu", "type": "normfactor", "data": None},
                {"name": "efficiency", "type": "normsys", "data": {"lo": 0.95, "hi": 1.05}},
            ],
        }
    ]
    for i, shape in enumerate(((1 - y) ** 2, 2 * y * (1 - y), y**2)):
        # The background of the whole window is a smooth curve, which a parabola describes well
        data = shape * background.mean() + 1e-6
        norm = {"name": f"norm_{i}", "type": "normfactor", "data": None}
        samples.append({"name": f"bernstein_{i}", "data": data.tolist(), "modifiers": [norm]})
    parameters = [{"name": "mu", "inits": [0.5], "bounds": [[0.0, 1000.0]]}]
    return _workspace([{"name": "window", "samples": samples}], {"window": np.round(background)}, parameters)


def quick(seed: int, index: int) -> tuple[str, dict]:
    """Like `varied`, but small enough that pyhf needs about a second for each."""
    rng = np.random.default_rng([seed, index])
    kind = ("counting", "shape", "channels", "staterror", "few", "shapesys", "shapefactor", "edge")[index % 8]
    if kind == "counting":
        return kind, counting(rng, float(10 ** rng.uniform(-0.3, 2.0)), float(rng.uniform(0.2, 5.0)))
    if kind == "channels":
        return kind, everything(rng, channels=2, bins=1, kinds={"lumi", "histosys"})
    if kind == "staterror":
        return kind, everything(rng, channels=1, bins=2, kinds={"staterror"})
    if kind == "shapesys":
        return kind, everything(rng, channels=1, bins=3, kinds={"shapesys"})
    if kind == "shapefactor":
        return kind, shared_shape(rng, bins=2)
    events = float(rng.uniform(5.0, 40.0)) if kind == "few" else float(10 ** rng.uniform(2.0, 4.5))
    centre = float(rng.uniform(0.0, 0.1)) if kind == "edge" else 0.5
    excess = 0.0 if kind == "few" else float(rng.choice([-1.0, 0.0, 3.0]) * np.sqrt(0.1 * events))
    spec = scan_window(rng, events, bins=10, signal=max(excess, 0.0), centre=centre)
    keep = ("mu", "efficiency", "width")
    samples = spec["channels"][0]["samples"]
    samples[0]["modifiers"] = [m for m in samples[0]["modifiers"] if m["name"] in keep]
    total = np.sum([s["data"] for s in samples[1:]], axis=0)
    one = {"name": "norm", "type": "normfactor", "data": None}
    spec["channels"][0]["samples"] = [
        samples[0],
        {"name": "background", "data": total.tolist(), "modifiers": [one]},
    ]
    return kind, spec

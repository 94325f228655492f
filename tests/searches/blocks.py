"""Small blocks of simulated ntuples, as basf2 would write them, with their manifests."""

import numpy as np
import uproot
import yaml
from four_muons import BEAM, background_events, in_acceptance, signal_events, smeared

from darkreach.catalogue.contents import contents, own_component
from darkreach.catalogue.inspection import facts_of
from darkreach.catalogue.listing import Source, list_sample
from darkreach.catalogue.manifest import Manifest
from darkreach.catalogue.memory import KnownFile
from darkreach.config.search import Search
from darkreach.config.stages import SkimSpec

TRACKS = ("d0_d0", "d0_d1", "d1_d0", "d1_d1")
PAIRINGS = ((0, 1, 2, 3), (2, 3, 0, 1), (0, 3, 2, 1), (2, 1, 0, 3))
TRIGGER = "L1PSNM__bofff__bc"
EXTRA_ENERGY = "roeEextra__bocleanMask__bc"


def search(root, **selection):
    """The settings of the search as they are shipped, with some cuts, lines or `on_nan` changed."""
    values = yaml.safe_load((root / "config" / "searches" / "mumu_resonance.yaml").read_text())
    values |= {"trigger_lines": ["L1PSNM(fff)"]}
    values |= {name: selection.pop(name) for name in ("trigger_lines", "on_nan") if name in selection}
    values["selection"] |= selection
    return Search.model_validate(values)


def skim_spec(settings, renamed=None):
    return SkimSpec(
        search="mumu_resonance",
        detector=settings.detector,
        columns=settings.columns,
        renamed=renamed or {},
        on_nan=settings.on_nan,
        trigger_lines=settings.trigger_lines,
        reported_lines=settings.reported_lines,
        selection=settings.selection,
    )


def rows_of(momenta, rng, run=1, production=0, mass=None):
    """Columns of the four candidates of each of (n, 4, 4) events, measured by the tracker."""
    n = len(momenta)
    measured = smeared(momenta, rng)
    columns = {
        "__experiment__": np.full(4 * n, 26, dtype=np.int32),
        "__run__": np.full(4 * n, run, dtype=np.int32),
        "__event__": np.repeat(np.arange(n, dtype=np.int32), 4),
        "__production__": np.full(4 * n, production, dtype=np.int32),
        "__candidate__": np.tile(np.arange(4, dtype=np.int32), n),
        "__ncandidates__": np.full(4 * n, 4, dtype=np.int32),
        "__weight__": np.ones(4 * n),
        "nTracks": np.full(4 * n, 4.0),
        EXTRA_ENERGY: np.repeat(rng.exponential(0.05, n), 4),
        TRIGGER: np.ones(4 * n),
    }
    for name, value in zip(("beamPx", "beamPy", "beamPz", "beamE"), BEAM.total, strict=True):
        columns[name] = np.full(4 * n, value)
    impact = rng.normal(0, 0.02, (2, n, 4))
    identified = rng.uniform(0.6, 1.0, (n, 4))
    for position, track in enumerate(TRACKS):
        chosen = [pairing[position] for pairing in PAIRINGS]
        values = {
            "px": measured[:, chosen, 0],
            "py": measured[:, chosen, 1],
            "pz": measured[:, chosen, 2],
            "charge": np.where(np.array(chosen) % 2 == 0, 1.0, -1.0) * np.ones((n, 1)),
            "dr": impact[0][:, chosen],
            "dz": impact[1][:, chosen],
            "muonID": identified[:, chosen],
        }
        columns |= {f"{track}_{name}": value.reshape(-1) for name, value in values.items()}
    if mass is not None:
        columns["d0_isSignal"] = np.tile([1.0, 0.0, 0.0, 0.0], n)
        columns["d0_trueMass"] = np.full(4 * n, mass)
    return columns


def signal_rows(mass, n, rng, **identity):
    momenta, _ = signal_events(mass, n, rng)
    return rows_of(momenta[in_acceptance(momenta)], rng, mass=mass, **identity)


def background_rows(n, rng, **identity):
    momenta, _ = background_events(n, rng)
    return rows_of(momenta[in_acceptance(momenta)], rng, **identity)


def write_ntuple(path, *parts):
    """Write columns, one part after the other; returns the path as a string."""
    with uproot.recreate(path) as file:
        file.mktree("variables", {name: array.dtype for name, array in parts[0].items()})
        for part in parts:
            file["variables"].extend(part)
    return str(path)


def manifest_of(
    files,
    sample,
    block="b01",
    kind="background",
    model=None,
    luminosity_fb=None,
    cross_section_fb=None,
    generated_events=None,
    mass_GeV=None,
):
    """The manifest of a user's files."""
    component = {
        "process": model or sample,
        "decay": None,
        "cross_section_fb": cross_section_fb,
        "generated_events": generated_events,
        "mass_GeV": mass_GeV,
        "lifetime_m": 0.0,
    }
    listed = list_sample(sample, [Source(path, block) for path in files])
    known = {
        path: KnownFile(path, file.size, file.mtime_ns, checksum=None, **facts_of(path, None)._asdict())
        for path, file in listed.items()
    }
    values = contents(
        sample,
        block,
        known,
        kind=kind,
        model=model,
        luminosity_fb=luminosity_fb,
        components=[] if kind == "data" else [own_component(f"{sample}/{block}", kind=kind, **component)],
    )
    return Manifest.model_validate(values)

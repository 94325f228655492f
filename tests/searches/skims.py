"""Small skims with features drawn at will, their records and manifests."""

import json

import numpy as np
import uproot
import yaml

from darkreach.catalogue.account import FileRead
from darkreach.catalogue.manifest import Component, FileEntry, Manifest
from darkreach.classifier.network import Network
from darkreach.classifier.onnx_graph import onnx_bytes
from darkreach.config.search import Search
from darkreach.config.stages import HistogramSpec, TrainSpec
from darkreach.searches import mumu_resonance
from darkreach.searches.mumu_features import FEATURES
from darkreach.searches.skim import ClusterWriter, SkimRecord, record_path

REGION = "m1"  # 1 to 3.75 GeV
CUT = 0.6


def settings(root, **classifier):
    values = yaml.safe_load((root / "config" / "searches" / "mumu_resonance.yaml").read_text())
    values["classifier"] |= {"maximum_epochs": 15, "hidden_layers": [8]} | classifier
    return Search.model_validate(values)


def train_spec(search, region=REGION, seed=1):
    return TrainSpec(
        search="mumu_resonance",
        region=next(r for r in search.regions if r.name == region),
        channel_index=0,
        decay="mumu",
        classifier=search.classifier,
        half_window_sigma=search.scan.half_window_sigma,
        luminosity_fb=search.classifier.reference_luminosity_fb,
        seed=seed,
    )


def histogram_spec(search, blind=False):
    return HistogramSpec(
        search="mumu_resonance",
        channels=search.channels,
        regions=search.regions,
        folds=search.classifier.folds if search.classifier else None,
        observables=search.observables,
        lifetimes_m=search.lifetimes_m,
        trigger_lines=search.trigger_lines,
        reported_lines=search.reported_lines,
        blind=blind,
    )


def columns(mass, rng, shift=0.0, run=1, production=0):
    """Columns of a skim for candidates of the given masses; the first feature is shifted."""
    n = len(mass)
    features = rng.normal(size=(n, len(FEATURES))).astype(np.float32)
    features[:, 0] += shift
    values = {
        "experiment": np.full(n, 26, dtype=np.int32),
        "run": np.full(n, run, dtype=np.int32),
        "event": np.arange(n, dtype=np.int64),
        "production": np.full(n, production, dtype=np.int64),
        "candidate": np.zeros(n, dtype=np.int32),
        "source": np.zeros(n, dtype=np.int64),
        "weight": np.ones(n, dtype=np.float32),
        "mass": mass.astype(np.float32),
        "reduced_mass": mumu_resonance.observable_of_mass(mass).astype(np.float32),
        "fit_chi2": rng.chisquare(4, n).astype(np.float32),
        "four_track_mass": rng.normal(10.55, 0.03, n).astype(np.float32),
        "extra_energy": rng.exponential(0.05, n).astype(np.float32),
        "triggers": np.ones(n, dtype=np.int32),
    }
    return values | dict(zip(FEATURES, features.T, strict=True))


def signal_columns(masses, per_mass, rng, shift=1.5, **identity):
    true = np.repeat(masses, per_mass)
    values = columns(true + 0.003 * rng.normal(size=len(true)), rng, shift, **identity)
    length = np.zeros(len(true), dtype=np.float32)
    return values | {"true_mass": true.astype(np.float64), "true_proper_length": length}


def block(folder, values, sample, kind, name="b01", model=None, components=(), luminosity_fb=None, run=1):
    """Write a skim and its record; returns its path and manifest."""
    path = folder / sample / f"{name}.root"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = len(values["mass"])
    with uproot.recreate(path) as file:
        writer = ClusterWriter(file)
        for start in range(0, max(rows, 1), 400):
            writer.add({key: array[start : start + 400] for key, array in values.items()})
            if writer._waiting:
                writer.flush()  # many clusters, so that there can be many chunks
        writer.close()
    entry = FileEntry(path=f"{sample}_{name}.root", size_bytes=1, uuid=f"{sample}/{name}", entries=rows)
    manifest = Manifest(
        sample=sample,
        block=name,
        kind=kind,
        simulated=True,
        model=model,
        tree="variables",
        files=[entry],
        entries=rows,
        experiments=[26],
        runs=[(26, run)],
        luminosity_fb=luminosity_fb,
        components=list(components),
    )
    cutflow = [{"cut": cut, "rows": rows, "sum_of_weights": float(rows)} for cut in ("all", "trigger")]
    read = FileRead(path=entry.path, uuid=entry.uuid, entries=rows, runs=[(26, run, rows)])
    SkimRecord("mumu_resonance", sample, name, kind, [read], rows, cutflow).write(record_path(path))
    return path, manifest


def background_block(folder, rng, n=4000, sample="fourmuon", name="b01", cross_section_fb=350.0, **more):
    values = columns(rng.uniform(0.8, 4.0, n), rng, production=1, **more)
    component = Component(process=sample, generated_events=10 * n, cross_section_fb=cross_section_fb)
    return block(folder, values, sample, "background", name, components=[component])


def signal_block(folder, rng, masses=(1.0, 1.4, 2.0, 2.7, 3.5), per_mass=400, name="b01", shift=1.5):
    values = signal_columns(np.array(masses), per_mass, rng, shift, production=2)
    components = [
        Component(process="zprime", mass_GeV=mass, decay="mumu", generated_events=2 * per_mass)
        for mass in masses
    ]
    return block(folder, values, "zprime", "signal", name, "zprime", components)


def data_block(folder, rng, n=3000, name="b01", luminosity_fb=10.0, run=1):
    values = columns(rng.uniform(0.3, 9.9, n), rng, run=run)
    return block(folder, values, "data", "data", name, luminosity_fb=luminosity_fb, run=run)


def classifier_files(folder, search, cut=CUT):
    """One classifier per region: the logistic function of the first feature, in every fold."""
    weights = np.zeros((len(FEATURES), 1))
    weights[0] = 1.0
    network = Network(np.zeros(len(FEATURES)), np.ones(len(FEATURES)), [(weights, np.zeros(1))])
    paths = []
    for region in search.regions:
        facts = {"region": region.name, "features": FEATURES, "folds": search.classifier.folds, "cut": cut}
        model = onnx_bytes(
            [network] * search.classifier.folds, len(FEATURES), {"darkreach": json.dumps(facts)}
        )
        paths.append(folder / f"{region.name}.onnx")
        paths[-1].write_bytes(model)
    return paths

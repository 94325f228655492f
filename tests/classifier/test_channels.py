"""Trees for one channel of several, with signals and backgrounds of several samples."""

import numpy as np
import pytest
import yaml
from skims import block

from darkreach.catalogue.manifest import Component
from darkreach.classifier.inference import read_classifier
from darkreach.classifier.rows import SkimmedBlock, features_of, read_rows
from darkreach.classifier.training import train_region
from darkreach.config.search import Search
from darkreach.config.stages import TrainSpec
from darkreach.searches.leptophilic_features import DISPLACED_FEATURES, PROMPT_FEATURES
from darkreach.searches.skim import SkimRecord, record_path

EE, DISPLACED, MUMU = range(3)
CROSS_SECTIONS = {"tautau": 300.0, "qqbar": 100.0, "bbbar": 3.0}
SHIFTS = {"signal": 1.5, "tautau": 0.0, "qqbar": -1.0, "bbbar": -0.5}


@pytest.fixture
def search(root):
    values = yaml.safe_load((root / "config" / "searches" / "leptophilic_scalar.yaml").read_text())
    values["classifier"] |= {"iterations": 30, "leaves": 8}
    return Search.model_validate(values)


def spec_of(search, name):
    region = next(region for region in search.regions if region.name == name)
    return TrainSpec(
        search="leptophilic_scalar",
        region=region,
        channel_index=list(search.channels).index(region.channel),
        decay=search.channels[region.channel],
        classifier=search.classifier,
        half_window_sigma=search.scan.half_window_sigma,
        luminosity_fb=search.classifier.reference_luminosity_fb,
        seed=1,
    )


def columns(mass, channel, rng, shift, run):
    n = len(mass)
    names = sorted({*PROMPT_FEATURES, *DISPLACED_FEATURES})
    values = dict(zip(names, rng.normal(size=(len(names), n)), strict=True))
    values["thrust"] = values["thrust"] + shift
    values = {name: array.astype(np.float32) for name, array in values.items()}
    identity = {"experiment": np.full(n, 55), "run": np.full(n, run), "event": np.arange(n)}
    identity |= {
        "production": np.full(n, run),
        "candidate": np.zeros(n, dtype=int),
        "source": np.zeros(n, dtype=int),
    }
    return {
        **identity,
        "weight": np.ones(n, dtype=np.float32),
        "mass": mass.astype(np.float32),
        "channel": np.broadcast_to(channel, n).astype(np.int32),
        **values,
    }


def skimmed(path, manifest):
    return SkimmedBlock(path, manifest, SkimRecord.read(record_path(path)))


def blocks_of(folder, n=3000):
    """Backgrounds in all channels; signals of both decays, those of ee in both of its channels."""
    rng, blocks = np.random.default_rng(1), []
    for run, (sample, cross_section) in enumerate(CROSS_SECTIONS.items(), start=1):
        channel = rng.integers(0, 3, n)
        mass = np.where(channel == MUMU, rng.uniform(0.25, 0.95, n), rng.uniform(0.03, 0.24, n))
        component = Component(process=sample, generated_events=10 * n, cross_section_fb=cross_section)
        values = columns(mass, channel, rng, SHIFTS[sample], run)
        blocks.append(skimmed(*block(folder, values, sample, "background", components=[component])))
    for run, (decay, masses, channels) in enumerate(
        (("ee", [0.05, 0.1, 0.15, 0.2], [EE, DISPLACED]), ("mumu", [0.3, 0.5, 0.7, 0.9], [MUMU])), start=10
    ):
        true = np.repeat(masses, 500)
        channel = np.resize(channels, len(true))
        values = columns(true + 0.001 * rng.normal(size=len(true)), channel, rng, SHIFTS["signal"], run)
        values["true_mass"] = true
        components = [
            Component(
                process="leptophilic_scalar", mass_GeV=m, decay=decay, lifetime_m=0.0, generated_events=1000
            )
            for m in masses
        ]
        name, model = f"signal_{decay}", "leptophilic_scalar"
        blocks.append(skimmed(*block(folder, values, name, "signal", model=model, components=components)))
    return blocks


def test_a_region_has_the_rows_and_signals_of_its_channel(tmp_path, search):
    blocks = blocks_of(tmp_path)
    total = 0
    for name, masses, expected in (("ee", 4, 1000), ("ee_displaced", 4, 1000), ("mumu_low", 4, 2000)):
        spec = spec_of(search, name)
        signal = read_rows(spec, blocks, "signal")
        assert len(signal) == expected and len(signal.groups) == masses
        background = read_rows(spec, blocks, "background")
        assert {group for group, _ in background.groups} == set(CROSS_SECTIONS)
        total += len(background)
        low, high = spec.region.range_GeV
        assert background.mass.min() > low - 0.1 * (high - low)
        width = DISPLACED_FEATURES if name == "ee_displaced" else PROMPT_FEATURES
        assert features_of(spec) == width and background.features.shape[1] == len(width)
    assert total == 9000
    # σ/N of each sample, 30 000 events each
    for group, (sample, _) in enumerate(background.groups):
        np.testing.assert_allclose(
            background.yields[background.group == group], CROSS_SECTIONS[sample] / 30_000
        )


def test_trees_of_a_channel_are_trained_and_stored(tmp_path, search):
    spec = spec_of(search, "mumu_low")
    model, facts = train_region(spec, blocks_of(tmp_path))
    assert facts["trained"]
    for fold in facts["folds"]:
        # signal at 1.5 against 74 % of background at 0, 25 % at −1, 1 % at −0.5: Φ(1.5/√2) and Φ(2.5/√2)
        assert abs(fold["auc_test"] - (0.744 * 0.856 + 0.248 * 0.961 + 0.007 * 0.921)) < 0.03
        assert 1 <= fold["iterations"] <= 30
    assert {name for name, _, _ in facts["cut"]["signal_efficiency"]} == {"leptophilic_scalar"}
    (tmp_path / "m.onnx").write_bytes(model)
    classifier = read_classifier(tmp_path / "m.onnx")
    assert classifier.features == PROMPT_FEATURES and classifier.cut == facts["cut"]["value"]
    assert (tmp_path / "m.onnx").stat().st_size < 2_000_000

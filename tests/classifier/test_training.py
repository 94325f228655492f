import hashlib
import json

import numpy as np
import pytest
from skims import background_block, block, columns, data_block, settings, signal_block, train_spec

from darkreach.catalogue.manifest import Component
from darkreach.classifier import rows as rows_module
from darkreach.classifier.folds import event_folds
from darkreach.classifier.inference import read_classifier
from darkreach.classifier.rows import pair_blocks, read_rows
from darkreach.classifier.training import train_region
from darkreach.classifier.weights import background_weights, covered, mass_cells, signal_weights
from darkreach.cli import main
from darkreach.config.stages import as_json
from darkreach.errors import DarkreachError
from darkreach.searches.mumu_features import FEATURES


def blocks_of(spec, *pairs):
    return pair_blocks(spec, [path for path, _ in pairs], [manifest for _, manifest in pairs])


def two_blocks(folder, seed=1, **signal):
    rng = np.random.default_rng(seed)
    return background_block(folder, rng), signal_block(folder, rng, **signal)


def test_separable_classes_are_separated_and_the_card_says_so(tmp_path, root):
    spec = train_spec(settings(root, maximum_epochs=60))
    model, facts = train_region(spec, blocks_of(spec, *two_blocks(tmp_path)))
    assert facts["trained"]
    # two unit Gaussians 1.5 apart: AUC = Φ(1.5/√2) = 0.8556
    for fold in facts["folds"]:
        assert abs(fold["auc_test"] - 0.856) < 0.03
        assert fold["auc_train"] - fold["auc_test"] < 0.03
        assert min(fold["ks_p_signal"], fold["ks_p_background"]) > 1e-3
    assert 0 < facts["cut"]["value"] < 1 and facts["cut"]["gain"] > 1.05
    assert facts["sculpting"]["p_value"] > 1e-3
    (tmp_path / "m1.onnx").write_bytes(model)
    classifier = read_classifier(tmp_path / "m1.onnx")
    assert classifier.cut == facts["cut"]["value"]
    sample = columns(np.full(2000, 2.0), np.random.default_rng(9), shift=1.5)
    passed = classifier.own_scores(sample) >= classifier.cut
    efficiency = np.mean([e for _, _, e in facts["cut"]["signal_efficiency"]])
    assert abs(passed.mean() - efficiency) < 0.05


def test_equal_classes_cannot_be_separated(tmp_path, root):
    spec = train_spec(settings(root))
    _, facts = train_region(spec, blocks_of(spec, *two_blocks(tmp_path, shift=0.0)))
    for fold in facts["folds"]:
        assert abs(fold["auc_test"] - 0.5) < 0.04


def test_same_inputs_give_the_same_bytes_and_another_seed_does_not(tmp_path, root):
    pairs, search = two_blocks(tmp_path), settings(root, maximum_epochs=3)
    models = [
        train_region(train_spec(search, seed=seed), blocks_of(train_spec(search), *pairs))[0]
        for seed in (1, 1, 2)
    ]
    assert models[0] == models[1] != models[2]


def test_network_of_a_fold_never_sees_its_events(tmp_path, root):
    spec = train_spec(settings(root, maximum_epochs=3))
    signal = signal_block(tmp_path, np.random.default_rng(3))
    component = Component(process="fourmuon", generated_events=10_000, cross_section_fb=350.0)
    probe, scores = np.random.default_rng(6).normal(size=(200, len(FEATURES))), []
    for spoil in (False, True):
        rng = np.random.default_rng(4)
        values = columns(rng.uniform(0.8, 4.0, 4000), rng, production=1)
        if spoil:
            of_first_fold = event_folds(values, spec.classifier.folds) == 0
            values["x_cos_theta"] = np.where(of_first_fold, 100, values["x_cos_theta"]).astype(np.float32)
        background = block(tmp_path, values, "fourmuon", "background", components=[component])
        model, _ = train_region(spec, blocks_of(spec, background, signal))
        (tmp_path / "m.onnx").write_bytes(model)
        scores.append(read_classifier(tmp_path / "m.onnx").scores(probe))
    np.testing.assert_array_equal(scores[0][:, 0], scores[1][:, 0])
    assert (scores[0][:, 1:] != scores[1][:, 1:]).any()


def test_too_few_candidates_give_no_network_but_pass(tmp_path, root):
    rng, spec = np.random.default_rng(7), train_spec(settings(root))
    pairs = background_block(tmp_path, rng, n=200), signal_block(tmp_path, rng)
    model, facts = train_region(spec, blocks_of(spec, *pairs))
    assert not facts["trained"] and "everything passes" in facts["warnings"][0]
    (tmp_path / "m1.onnx").write_bytes(model)
    classifier = read_classifier(tmp_path / "m1.onnx")
    sample = columns(np.full(100, 2.0), rng)
    assert (classifier.own_scores(sample) >= classifier.cut).all()
    empty = background_block(tmp_path, rng, n=0)
    _, facts = train_region(spec, blocks_of(spec, empty, pairs[1]))
    assert not facts["trained"]


def test_thinning_keeps_the_yield_and_ignores_the_order(tmp_path, root, monkeypatch):
    rng = np.random.default_rng(8)
    first, second = (
        background_block(tmp_path, rng, name=name, run=n) for n, name in enumerate(("b01", "b02"))
    )
    signal = signal_block(tmp_path, rng)
    whole_spec, thin_spec = (train_spec(settings(root, maximum_events=n)) for n in (60_000, 1000))
    blocks = blocks_of(whole_spec, first, second, signal)
    whole, thin = read_rows(whole_spec, blocks, "background"), read_rows(thin_spec, blocks, "background")
    assert len(thin) == 1000 < len(whole)
    # σ/N of both blocks together: 350 fb for 80 000 events
    np.testing.assert_allclose(whole.yields, 350 / 80_000, rtol=1e-6)
    np.testing.assert_allclose(thin.yields.sum(), whole.yields.sum(), rtol=1e-6)
    again = read_rows(thin_spec, blocks[::-1], "background")
    np.testing.assert_array_equal(np.sort(again.features[:, 3]), np.sort(thin.features[:, 3]))


def test_weights_make_the_mass_flat_for_both_classes(tmp_path, root):
    rng, spec = np.random.default_rng(10), train_spec(settings(root))
    pairs = background_block(tmp_path, rng), signal_block(tmp_path, rng)
    blocks = blocks_of(spec, *pairs)
    signal, background = (read_rows(spec, blocks, kind) for kind in ("signal", "background"))
    cells = mass_cells(signal, 2.75)
    weights = signal_weights(signal, cells)
    for index, (_, mass) in enumerate(signal.groups):
        share = weights[signal.group == index].sum()
        np.testing.assert_allclose(share, np.diff(cells[index])[0] / 3.1, rtol=1e-6)
        assert cells[index][0] < mass < cells[index][1]
    # 0.8 GeV … 3.9 GeV: halfway between 1.0 and 1.4 is 1.2, between 2.7 and 3.5 is 3.1
    np.testing.assert_allclose([cells.min(), cells.max()], [0.8, 3.9])
    taught = covered(background, cells)
    assert background.mass[taught].min() > 0.8 and background.mass[taught].max() < 3.9
    flat = background_weights(background, taught)
    np.testing.assert_allclose(flat.sum(), 1)
    counts, _ = np.histogram(background.mass, np.linspace(0.9, 3.8, 11), weights=flat)
    assert counts.std() / counts.mean() < 0.06


def test_a_single_mass_is_enough_and_none_is_not(tmp_path, root):
    rng, search = np.random.default_rng(12), settings(root, maximum_epochs=3)
    pairs = background_block(tmp_path, rng), signal_block(tmp_path, rng, masses=(2.0,))
    spec = train_spec(search)
    _, facts = train_region(spec, blocks_of(spec, *pairs))
    assert facts["trained"] and [mass for _, mass, _ in facts["cut"]["signal_efficiency"]] == [2.0]
    spec = train_spec(search, region="m3")
    _, facts = train_region(spec, blocks_of(spec, *pairs))
    assert not facts["trained"]


def test_data_and_strangers_are_refused(tmp_path, root):
    rng, spec = np.random.default_rng(11), train_spec(settings(root))
    background, signal = two_blocks(tmp_path)
    data = data_block(tmp_path, rng)
    with pytest.raises(DarkreachError, match="is of data; classifiers are trained on simulated samples only"):
        blocks_of(spec, background, signal, data)
    with pytest.raises(DarkreachError, match="none is of a signal sample"):
        blocks_of(spec, background)
    with pytest.raises(DarkreachError, match=r"'zprime/b01' has no manifest"):
        pair_blocks(spec, [background[0], signal[0]], [background[1]])


def test_command_writes_classifier_and_card(tmp_path, root, capsys):
    pairs = two_blocks(tmp_path)
    for number, (_, manifest) in enumerate(pairs):
        manifest.write(tmp_path / f"{number}.json")
    arguments = ["train", "--spec", as_json(train_spec(settings(root, maximum_epochs=2)))]
    arguments += ["--skims", *(str(path) for path, _ in pairs)]
    arguments += ["--manifests", str(tmp_path / "0.json"), str(tmp_path / "1.json")]
    output, card = tmp_path / "out" / "m1.onnx", tmp_path / "out" / "m1.json"
    assert main([*arguments, "--output", str(output), "--card", str(card)]) == 0
    contents = json.loads(card.read_text())
    assert contents["model_sha256"] == hashlib.sha256(output.read_bytes()).hexdigest()
    assert contents["samples"][0]["skim_sha256"] == hashlib.sha256(pairs[0][0].read_bytes()).hexdigest()
    assert contents["trained"] and len(contents["folds"]) == 3
    assert contents["specification"]["seed"] == 1
    assert "AUC" in capsys.readouterr().err


def test_margin_rows_are_learnt_from_but_not_cut_on(tmp_path, root):
    spec = train_spec(settings(root))
    blocks = blocks_of(spec, *two_blocks(tmp_path, masses=(0.85, 2.0, 3.5)))
    rows = read_rows(spec, blocks, "signal")
    low, high = spec.region.range_GeV
    assert rows.mass.min() < low - 0.5 * rows_module.MARGIN * (high - low)
    _, facts = train_region(spec, blocks)
    assert {mass for _, mass, _ in facts["cut"]["signal_efficiency"]} == {2.0, 3.5}

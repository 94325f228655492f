"""Blocks with histograms and catalogue, and what is wrong with them."""

import json
import shutil
from copy import copy

import numpy as np
from skims import background_block, classifier_files, data_block, histogram_spec, settings, signal_block

from darkreach.columnar.histogram import histogram_block
from darkreach.columnar.merge import merge
from darkreach.columnar.storage import read_sums, write_sums
from darkreach.config.stages import MergeSpec
from darkreach.searches.skim import SkimRecord, record_path

CONTROLLED = ("four_track_mass", "extra_energy", "fit_chi2")  # beside the mass
SAMPLES = {"data": None, "fourmuon": None, "tautau": ["b01"], "zprime": ["b01", "b02"]}
SPEC = MergeSpec(search="mumu_resonance", channels={"all": "mumu"}, samples=SAMPLES, blind=False)


def catalogued(folder, manifests):
    """Write the catalogue of blocks: lists of the user's own blocks, manifests of simulated ones."""
    lists = {}
    folder.mkdir(parents=True, exist_ok=True)
    for manifest in manifests:
        if SAMPLES[manifest.sample] is not None:
            manifest.write(folder / manifest.sample / f"{manifest.block}.json")
            continue
        lists.setdefault(manifest.sample, {})[manifest.block] = {
            "entries": manifest.entries,
            "luminosity_fb": manifest.luminosity_fb,
            "files": len(manifest.files),
            "unreadable": [],
        }
    for sample, blocks in lists.items():
        text = json.dumps({"sample": sample, "kind": "any", "blocks": blocks})
        (folder / f"{sample}.json").write_text(text)
    return folder


class Filled:
    """Blocks with their histograms and catalogue."""

    def __init__(self, folder, root, blocks, blind=False):
        search = settings(root)
        classifiers = classifier_files(folder, search)
        self.folder, self.manifests, self.paths = folder, {}, {}
        for path, manifest in blocks:
            output = path.with_suffix(".h5")
            self.paths[manifest.name], self.manifests[manifest.name] = output, manifest
            hidden = blind and manifest.kind == "data"
            histogram_block(
                histogram_spec(search, hidden), manifest, path, classifiers, output, "iterative", 1
            )
        self.catalogue = catalogued(folder / "catalogue", self.manifests.values())

    def copied(self, folder):
        """The same in another folder."""
        shutil.copytree(self.folder, folder)
        other = copy(self)
        other.folder, other.catalogue = folder, folder / "catalogue"
        other.manifests = dict(self.manifests)
        other.paths = {name: folder / path.relative_to(self.folder) for name, path in self.paths.items()}
        return other

    def merged(self, spec=SPEC, paths=None):
        return merge(spec, self.catalogue, list(self.paths.values()) if paths is None else paths)

    def observable(self, block):
        return read_sums(self.paths[block])[0]["observable/all"]

    def values(self, block):
        return self.observable(block).dense()[0]

    def edit(self, block, change):
        """Change the account of a block."""
        histograms, metadata = read_sums(self.paths[block])
        change(metadata)
        write_sums(self.paths[block], histograms, metadata)


def blocks_in(folder):
    rng = np.random.default_rng(1)
    return [
        data_block(folder, rng, n=1000, name="b01", luminosity_fb=10.0, run=1),
        data_block(folder, rng, n=500, name="b02", luminosity_fb=5.0, run=2),
        background_block(folder, rng, n=2000, name="b01"),
        background_block(folder, rng, n=1000, name="b02"),
        background_block(folder, rng, n=100, sample="tautau", cross_section_fb=9e5),
        signal_block(folder, rng, masses=(1.4, 2.0), per_mass=300, name="b01"),
        signal_block(folder, rng, masses=(2.0, 2.7), per_mass=200, name="b02"),
    ]


def with_loss(filled, root, block, entries):
    """Fill a block again with one more file, of some entries, that was not read."""
    manifest, path = filled.manifests[block], filled.paths[block].with_suffix(".root")
    lost = manifest.files[0].model_copy(
        update={"path": f"{block}/lost.root", "uuid": f"{block}/lost", "entries": entries}
    )
    whole = manifest.model_copy(
        update={"files": [*manifest.files, lost], "entries": manifest.entries + entries}
    )
    record = SkimRecord.read(record_path(path))
    unread = record.files[0].model_copy(
        update={"path": lost.path, "uuid": lost.uuid, "entries": 0, "runs": [], "unread": "truncated"}
    )
    record.files.append(unread)
    record.write(record_path(path))
    search = settings(root)
    histogram_block(
        histogram_spec(search),
        whole,
        path,
        classifier_files(filled.folder, search),
        filled.paths[block],
        "iterative",
        1,
    )
    filled.manifests[block] = whole
    catalogued(filled.catalogue, filled.manifests.values())


def same_channel(found, expected):
    np.testing.assert_array_equal(found.data, expected.data)
    assert found.backgrounds.keys() == expected.backgrounds.keys()
    for sample, spectrum in expected.backgrounds.items():
        np.testing.assert_array_equal(found.backgrounds[sample], spectrum)
    assert found.signals.keys() == expected.signals.keys()
    for model, points in expected.signals.items():
        assert found.signals[model].keys() == points.keys()
        for point, signal in points.items():
            other = found.signals[model][point]
            np.testing.assert_array_equal(other.values, signal.values)
            np.testing.assert_array_equal(other.variances, signal.variances)
            assert other.generated_events == signal.generated_events

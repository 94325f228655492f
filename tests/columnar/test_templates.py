import subprocess
import sys

import numpy as np
import pytest

from darkreach.columnar.storage import write_histograms
from darkreach.columnar.templates import (
    ChannelTemplates,
    SignalPoint,
    SignalTemplate,
    Templates,
    read_templates,
    write_templates,
)
from darkreach.errors import DarkreachError


def test_templates_without_data_and_with_awkward_masses(tmp_path):
    edges = np.linspace(0, 10, 101)
    content = np.random.default_rng(1).uniform(size=100)
    point = SignalPoint(0.1 + 0.2, 1e-3 / 3)
    signals = {"zprime": {point: SignalTemplate(content, content, 7.0)}}
    channel = ChannelTemplates(None, {"b": (content, content**2)}, signals)
    triggers = {"zprime": {point: {"L1PSNM(fff)": 0.5}}}
    write_templates(tmp_path / "t.h5", Templates({"m": edges}, 40.0, {"ee": channel}, {}, triggers))
    found = read_templates(tmp_path / "t.h5")
    assert found.channels["ee"].data is None and list(found.channels["ee"].signals["zprime"]) == [point]
    np.testing.assert_array_equal(found.channels["ee"].backgrounds["b"][1], content**2)
    np.testing.assert_allclose(found.edges["m"], edges)
    assert found.triggers == triggers


def test_templates_of_two_observables(tmp_path):
    content = np.random.default_rng(1).uniform(size=(10, 20))
    edges = {"m_plus": np.linspace(0, 1, 11), "m_minus": np.linspace(0, 2, 21)}
    write_templates(tmp_path / "t.h5", Templates(edges, 1.0, {"all": ChannelTemplates(content)}))
    found = read_templates(tmp_path / "t.h5")
    assert list(found.edges) == ["m_plus", "m_minus"]
    np.testing.assert_array_equal(found.channels["all"].data, content)


def one_channel(edges, data):
    return Templates({"m": edges}, 1.0, {"all": ChannelTemplates(data)})


def test_what_does_not_fit_is_refused(tmp_path):
    edges = np.linspace(0, 10, 101)
    with pytest.raises(ValueError, match="does not fit"):
        write_templates(tmp_path / "t.h5", one_channel(edges, np.zeros(99)))
    with pytest.raises(ValueError, match="equally spaced"):
        write_templates(tmp_path / "t.h5", one_channel(edges**2, np.zeros(100)))
    write_histograms(tmp_path / "h.h5", {}, {"sample": "x"})
    with pytest.raises(DarkreachError, match=r"h\.h5: holds no templates"):
        read_templates(tmp_path / "h.h5")


def test_reading_templates_needs_no_columnar_library():
    heavy = ("coffea", "awkward", "uproot", "hist", "dask", "onnxruntime", "pydantic")
    code = f"import sys, darkreach.columnar.templates; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"

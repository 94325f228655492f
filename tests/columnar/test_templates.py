import subprocess
import sys

import numpy as np
import pytest

from darkreach.columnar.storage import write_histograms
from darkreach.columnar.templates import SignalTemplate, Templates, read_templates, write_templates
from darkreach.errors import DarkreachError


def test_templates_without_data_and_with_awkward_masses(tmp_path):
    edges = np.linspace(0, 10, 101)
    content = np.random.default_rng(1).uniform(size=100)
    templates = Templates(edges, 40.0, None, {"b": (content, content**2)})
    templates.signals = {"zprime": {0.1 + 0.2: SignalTemplate(content, content, 7.0)}}
    write_templates(tmp_path / "t.h5", templates)
    found = read_templates(tmp_path / "t.h5")
    assert found.data is None and list(found.signals["zprime"]) == [0.1 + 0.2]
    np.testing.assert_array_equal(found.backgrounds["b"][1], content**2)


def test_what_does_not_fit_is_refused(tmp_path):
    edges = np.linspace(0, 10, 101)
    with pytest.raises(ValueError, match="does not fit"):
        write_templates(tmp_path / "t.h5", Templates(edges, 1.0, np.zeros(99)))
    with pytest.raises(ValueError, match="equally spaced"):
        write_templates(tmp_path / "t.h5", Templates(edges**2, 1.0, np.zeros(100)))
    write_histograms(tmp_path / "h.h5", {}, {"sample": "x"})
    with pytest.raises(DarkreachError, match=r"h\.h5: holds no templates"):
        read_templates(tmp_path / "h.h5")


def test_reading_templates_needs_no_columnar_library():
    heavy = ("coffea", "awkward", "uproot", "hist", "dask", "onnxruntime", "pydantic")
    code = f"import sys, darkreach.columnar.templates; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"

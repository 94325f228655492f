"""All models, by name."""

from difflib import get_close_matches

from darkreach.errors import DarkreachError
from darkreach.models.alp import Alp
from darkreach.models.hnl import Hnl, HnlMajorana
from darkreach.models.leptophilic_scalar import LeptophilicScalar
from darkreach.models.model import Boson, Model
from darkreach.models.muonphilic_scalar import MuonphilicScalar
from darkreach.models.zprime import ZPrime

MODELS: dict[str, Model] = {
    model.name: model
    for model in (ZPrime(), MuonphilicScalar(), LeptophilicScalar(), Alp(), Hnl(), HnlMajorana())
}


def model_named(name: str) -> Model:
    """The model called `name`; raises DarkreachError with the nearest name if there is none."""
    if name in MODELS:
        return MODELS[name]
    nearest = get_close_matches(name.lower(), MODELS, n=1, cutoff=0.3)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    raise DarkreachError(f"there is no model {name!r}: {hint}the models are {', '.join(MODELS)}.")


def boson_named(name: str) -> Boson:
    """The model called `name` if its X is radiated off leptons; raises DarkreachError if not."""
    model = model_named(name)
    if isinstance(model, Boson):
        return model
    bosons = ", ".join(other for other in MODELS if isinstance(MODELS[other], Boson))
    raise DarkreachError(f"model {name!r} is not made in e⁺e⁻ → l⁺l⁻X: choose one of {bosons}.")

"""All models, by name."""

from difflib import get_close_matches

from darkreach.errors import DarkreachError
from darkreach.models.model import Model
from darkreach.models.muonphilic_scalar import MuonphilicScalar
from darkreach.models.zprime import ZPrime

MODELS: dict[str, Model] = {model.name: model for model in (ZPrime(), MuonphilicScalar())}


def model_named(name: str) -> Model:
    """The model called `name`; raises DarkreachError with the nearest name if there is none."""
    if name in MODELS:
        return MODELS[name]
    nearest = get_close_matches(name.lower(), MODELS, n=1, cutoff=0.3)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    raise DarkreachError(f"there is no model {name!r}: {hint}the models are {', '.join(MODELS)}.")

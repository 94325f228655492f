"""What an event and its candidates must pass to be written into a simulated ntuple."""

from typing import Literal

from pydantic import Field

from darkreach.config.base import Fraction, Positive, Section


class NtupleCuts(Section):
    """Loose cuts, so that simulated ntuples stay small; a selection tightens them. None: no cut.

    Counted are the clean tracks, those within `maximum_dr_cm` and `maximum_dz_cm` of the interaction point;
    where these are None, every track counts. An event has exactly `tracks` of them, of zero total charge, at
    least `minimum_identified_muons` of them with muonID above `minimum_muon_id`, and together they have an
    invariant mass in `track_mass_GeV`. A candidate is kept if both tracks of its pair d0 have an identifier
    above `minimum_pair_id` for one of `pair_leptons` (both for the same lepton), if the mass of the pair
    is in `pair_mass_GeV` and if its fitted vertex is further than `minimum_pair_radius_cm` from the beam
    line. Masses are those of muons. A pair that passes as electrons only also needs a mass, that of electrons
    at the fitted vertex, in `electron_pair_mass_GeV`: converted photons are lighter, and frequent.
    """

    tracks: Literal[2, 4] = 4
    maximum_dr_cm: Positive | None = None
    maximum_dz_cm: Positive | None = None
    minimum_identified_muons: int = 0
    minimum_muon_id: Fraction = 0.0
    track_mass_GeV: tuple[float, float] | None = None
    pair_leptons: list[Literal["muon", "electron"]] = Field([])
    minimum_pair_id: Fraction = 0.0
    pair_mass_GeV: tuple[float, float] | None = None
    electron_pair_mass_GeV: tuple[float, float] | None = None
    minimum_pair_radius_cm: Positive | None = None

    @property
    def electrons(self) -> bool:
        """Whether pairs of electrons are looked for."""
        return "electron" in self.pair_leptons

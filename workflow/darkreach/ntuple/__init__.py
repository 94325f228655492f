"""Reading the flat ntuples of basf2."""

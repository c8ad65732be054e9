"""Tells which share of a star's light each filter lets pass, by its name."""

# In the order of the wheel's slots, with libindi's names; widths against a band of 300 nm.
FILTERS = {
    "Luminance": 0.95,
    "Red": 0.31,
    "Green": 0.29,
    "Blue": 0.30,
    "H_Alpha": 0.022,
    "SII": 0.018,
    "OIII": 0.020,
    "LPR": 0.55,
}


def throughput(name: str) -> float:
    """The share 0..1; a filter of another name is clear glass, and without a wheel nothing is in the way."""
    wanted = name.strip().lower()
    return next((share for known, share in FILTERS.items() if known.lower() == wanted), 1.0)

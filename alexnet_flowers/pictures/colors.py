"""The colors of all pictures."""

# Okabe and Ito, 2008: eight colors that people with any kind of color blindness can tell apart.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
RIGHT, WRONG, NEUTRAL = PALETTE[0], PALETTE[3], "#767676"

# Those that show as a thin line on white; a figure has one for each run, so at most six runs.
LINE_COLORS = PALETTE[:6]

# For quantities, a color map of matplotlib: from dark to light, in gray as well.
COLOR_MAP = "viridis"


def of_class(label):
    """Returns the color of a class id, again the first one after the last; gray for None."""
    return NEUTRAL if label is None else PALETTE[label % len(PALETTE)]

"""Laws: does this Rosin obey what it says of itself? Figures measured from the kernels that play."""

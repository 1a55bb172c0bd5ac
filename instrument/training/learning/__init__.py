"""Learning: the loop, what it asks for, how it is kept and watched. Third part of training."""

"""Importing: a TorchScript file of RAVE's or nn~'s kind becomes a model folder. Beside training, above sound.

archive (is it such a file) → child (a process of its own, the only one that loads it) → folder (card and credits).
"""

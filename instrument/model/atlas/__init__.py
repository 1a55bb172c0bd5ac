"""Atlas: where in the space of the latents the training sounds lie, and whose they are."""

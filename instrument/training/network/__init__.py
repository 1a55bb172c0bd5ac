"""Network: what is trained - encoder, decoders, synthesis. Second part of training."""

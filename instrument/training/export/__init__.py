"""Export: a trained network as a model folder - graphs, atlas, names, figures. Last part of training."""

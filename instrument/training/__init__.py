"""Training: from a folder of credited sounds to a model that can be played. Never imported while playing."""

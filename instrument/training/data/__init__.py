"""Data: from folders of credited sounds to crops with pitch and loudness. First part of training."""

"""Data: what the stage shows, as numbers and words, before anybody says where. Pure."""

"""Storage: what is read before a show and written in one - layers opened, accidents, wear, openings, streams."""

"""Library: models as files - card, credits, hashes, bundles - and where they are found. Nothing here runs a graph."""

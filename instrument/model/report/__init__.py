"""Report: what can be known of a model before an evening with it, and the page that says so."""

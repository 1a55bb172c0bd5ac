"""`rosin models`: list, show, verify, seal, pass on."""

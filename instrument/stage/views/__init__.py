"""Views: where everything lies, in which colour, and what stands written there. After data, before gpu."""

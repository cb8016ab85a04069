"""Where photos come from: each source yields verified names and the bytes of its photos."""

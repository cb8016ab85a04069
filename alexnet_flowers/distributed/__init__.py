"""One run on several processes or machines."""

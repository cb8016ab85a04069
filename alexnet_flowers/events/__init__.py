"""TensorBoard's event files: written, read, and turned into the numbers that it shows."""

"""From photos as people have them to TFRecords that can be trusted, and slim's ``Dataset``."""

"""From records to the images that the network sees: queues, preprocessing, single draws."""

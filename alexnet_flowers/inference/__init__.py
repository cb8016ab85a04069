"""What a trained network answers: predictions, score maps, embeddings, dead units, export."""

"""What a trained network answers: predictions, dense scores, embeddings, dead units, export."""

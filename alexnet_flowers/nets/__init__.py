"""slim's AlexNet v2, how its gradients are computed, and its layers as a list."""

"""What a tag is about, whoever wrote it."""

import pytest

from alexnet_flowers.events import tags


@pytest.mark.parametrize(
    "tag, name, layer",
    [
        ("parameters/alexnet_v2/conv1/weights", "conv1/weights", "conv1"),
        ("sparsity/alexnet_v2/fc6", "fc6", "fc6"),
        # Of research/slim's other networks, and of one's own.
        ("activations/Logits", "Logits", "Logits"),
    ],
)
def test_a_tag_names_its_layer_whether_that_is_in_a_scope_or_not(tag, name, layer):
    assert (tags.name_in_network(tag), tags.layer_of(tag)) == (name, layer)

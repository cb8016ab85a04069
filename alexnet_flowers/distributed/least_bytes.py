"""Which server holds which variable: by bytes, so that each sends and receives about as much."""

from alexnet_flowers.tf1 import tf


class LeastBytes:
    """Gives each variable to the server that has the fewest bytes so far.

    In turn, as TensorFlow does by itself, two servers would get all weights and all biases.

    Attributes:
      num_bytes: list of int, what each server holds so far.
    """

    def __init__(self, num_servers):
        """Begins with servers that hold nothing."""
        self.num_bytes = [0] * num_servers

    def __call__(self, operation):
        """Returns the number of the server that holds a variable, given its operation."""
        (output,) = operation.outputs
        shape = tf.TensorShape(operation.get_attr("shape"))
        task = self.num_bytes.index(min(self.num_bytes))
        self.num_bytes[task] += shape.num_elements() * output.dtype.base_dtype.size
        return task

"""Layers computed in bfloat16, of variables that stay float32, for GPUs.

bfloat16 has float32's range and 8 bits of mantissa: unlike those of float16, small gradients do not
become 0, and no loss has to be scaled. Every layer takes its variables rounded; their gradients
come back rounded and are float32 from there on, as are the variables, their updates, the weight
decay and the loss.
"""

from alexnet_flowers.tf1 import slim, tf


def computed(build, images, arg_scope):
    """Returns, in float32, what a network of slim's computes in bfloat16, under the same names.

    Args:
      build: called with the images in bfloat16; returns (logits, end points by name).
      images: float32 [N, height, width, 3].
      arg_scope: the dict that slim's current ``arg_scope`` yields.
    """
    exact = {}  # The variable of each rounded one, by the latter's name.
    # Those of another clone have their decay already, which slim cannot see of rounded ones.
    there = {variable.name for variable in tf.global_variables()}

    def get_rounded(getter, name, *args, **options):
        variable = getter(name, *args, **dict(options, dtype=tf.float32))
        rounded = tf.cast(variable, tf.bfloat16)
        exact[rounded.name] = variable
        return rounded

    def of_exact(regularizer):
        def penalty(rounded):
            variable = exact[rounded.name]
            return None if variable.name in there else regularizer(variable)

        return penalty

    own_scope = {
        function: {
            name: of_exact(value) if name.endswith("_regularizer") and value else value
            for name, value in options.items()
        }
        for function, options in arg_scope.items()
    }
    scope = tf.get_variable_scope()
    with slim.arg_scope(own_scope), tf.variable_scope(scope, custom_getter=get_rounded):
        logits, end_points = build(tf.cast(images, tf.bfloat16))
    with tf.name_scope("float32"):
        return tf.cast(logits, tf.float32), type(end_points)(
            (name, tf.cast(tensor, tf.float32)) for name, tensor in end_points.items()
        )

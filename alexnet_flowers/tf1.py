"""The one door to TensorFlow: every other module takes ``tf``, ``slim`` and ``alexnet`` from here.

Today that is TensorFlow 1.15 with the slim in its ``contrib``. Its C++ log shows errors only,
unless the environment sets ``TF_CPP_MIN_LOG_LEVEL``; its Python log likewise, unless a program
calls ``tf.logging.set_verbosity``.
"""

import os
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

with warnings.catch_warnings():
    # numpy >= 1.17 warns about TensorFlow 1.15's and TensorBoard's own type definitions.
    warnings.simplefilter("ignore", category=FutureWarning)
    warnings.simplefilter("ignore", category=DeprecationWarning)
    import tensorflow as tf

    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
    import tensorflow.contrib.slim as slim
    from tensorflow.contrib.slim.nets import alexnet
    from tensorflow.python.summary.writer.writer import SummaryToEventTransformer

# Whether this is a build with Intel's MKL-DNN, whose kernels have other strengths.
HAS_MKL = tf.pywrap_tensorflow.IsMklEnabled()

__all__ = ["HAS_MKL", "SummaryToEventTransformer", "alexnet", "slim", "tf"]

"""Of TensorFlow's long messages a person sees the line that says what is wrong."""

import errno
import os

import pytest

from alexnet_flowers.errors import advice_for, first_line, is_for_want_of_room
from alexnet_flowers.tf1 import tf

DEFINED = (
    "Detected at node 'A' defined at (most recent call last):\n    File \"a.py\", line 4, in b\n"
)


@pytest.mark.parametrize(
    "message",
    [
        "what is wrong\n\t [[node A (defined at a.py:4) ]]",
        "From /job:ps/replica:0/task:0:\nwhat is wrong\n\t [[node A (defined at a.py:4) ]]",
        "UNAVAILABLE: From /job:worker/replica:0/task:0:\nwhat is wrong",
        "Graph execution error:\n\n" + DEFINED + "Node: 'A'\nwhat is wrong\n\t [[{{node A}}]]",
        "Restoring from checkpoint failed. This is most likely due to .... Original error:\n\n"
        "what is wrong\n\t [[node A (defined at a.py:4) ]]",
        "Graph execution error:\n\n=====================\nwhat is wrong\nand more",
    ],
)
def test_the_first_line_is_for_a_person(message):
    assert first_line(tf.errors.UnknownError(None, None, message)) == "what is wrong"


def test_a_message_of_nothing_else_stays():
    assert first_line(tf.errors.UnknownError(None, None, "Graph execution error:")) != ""


def test_what_tensorflow_raises():
    with tf.Graph().as_default(), tf.Session() as session:
        wrong = tf.check_numerics(tf.constant(float("nan")), "what is wrong")
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            session.run(wrong)
    assert first_line(caught.value) == "what is wrong : Tensor had NaN values"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO])
def test_want_of_room_is_known_from_both(number):
    reason = os.strerror(number)
    is_room = number != errno.EIO
    assert is_for_want_of_room(OSError(number, reason)) == is_room
    message = "/runs/graph.pbtxt; %s" % reason
    assert is_for_want_of_room(tf.errors.UnknownError(None, None, message)) == is_room


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EACCES, errno.EROFS])
def test_room_is_asked_for_only_where_it_helps(number):
    advice = advice_for("t.csv: cannot be written: %s" % os.strerror(number))
    assert ("make room" in advice) == (number in (errno.ENOSPC, errno.EFBIG))

"""What an operation of a graph takes to run, for tests."""


def needed(op, fed=()):
    """Returns all operations that have to run for one where some tensors are fed."""
    found, waiting = set(), [op]
    while waiting:
        op = waiting.pop()
        if op not in found:
            found.add(op)
            waiting += op.control_inputs
            waiting += [one.op for one in op.inputs if all(one is not other for other in fed)]
    return found

"""From what a run keeps of its settings to the flags of ``train`` that would give them."""

from alexnet_flowers.training.settings import Settings, complete


def of(kept):
    """Yields the flags of those settings that are not their defaults, and of the number of steps.

    Args:
      kept: a run's ``settings.json``, as ``settings.read`` returns it.
    """
    values = dict(Settings()._asdict(), **kept["settings"])
    chosen = {name: values[name] for name in ("optimizer", "arg_scope")}
    defaults = complete(Settings(**chosen))._replace(
        **{name: getattr(Settings(), name) for name in chosen}
    )
    yield "--max_number_of_steps=%d" % kept["num_steps"]
    for name, default in sorted(defaults._asdict().items()):
        if isinstance(values[name], bool):
            if values[name] != default:
                yield "--%s%s" % ("" if values[name] else "no", name)
        elif values[name] not in (None, default):
            yield "--%s=%s" % (name, values[name])

"""What decides, besides the photos, which records a dataset holds."""

import re
from typing import NamedTuple, Optional

from alexnet_flowers.data import records, splits
from alexnet_flowers.errors import UsageError

_DEFAULT_VALIDATION_PERCENTAGE = 10

# ``split_by`` in ``dataset.json``: how the photos were divided; see ``splits``.
SHUFFLED = "shuffled"
BY_CLASS = "class"
BY_NAME = "name"
BY_FOLD = "fold"
BY_FOLDERS = "folders"


class Settings(NamedTuple):
    """What a person can choose.

    Attributes:
      num_validation: photos for validation; None: 350, but at most a tenth of all.
      num_test: photos for the test split.
      num_shards: shards of each split.
      seed: decides which photo falls into which split, and their order.
      split_by: ``"seed"``, or ``"name"``: a photo's class and name decide instead.
      validation_percentage: share of validation photos where names decide; None: 10.
      test_percentage: share of test photos where names decide; None: 0.
      fold: ``"K/N"``: fold K of N is for validation, all others to train on; None: no folds.
      drop_duplicates: leave out photos with the same bytes as an earlier one.
    """

    num_validation: Optional[int] = None
    num_test: int = 0
    num_shards: int = 5
    seed: int = 0
    split_by: str = "seed"
    validation_percentage: Optional[int] = None
    test_percentage: Optional[int] = None
    fold: Optional[str] = None
    drop_duplicates: bool = False

    def check(self):
        """Raises ``UsageError`` for a value that cannot be meant."""
        for flag, least in (("num_validation", 0), ("num_test", 0), ("num_shards", 1)):
            value = getattr(self, flag)
            if value is not None and value < least:
                raise UsageError("--%s=%d: must be at least %d" % (flag, value, least))
        if self.num_shards > records.MAX_SHARDS:
            raise UsageError(
                "--num_shards=%d: must be at most %d" % (self.num_shards, records.MAX_SHARDS)
            )
        if self.split_by not in splits.SPLIT_BY:
            raise UsageError(
                "--split_by=%s: must be one of %s" % (self.split_by, ", ".join(splits.SPLIT_BY))
            )
        if self.fold is not None:
            found = re.fullmatch("([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", self.fold)
            if not found or not int(found.group(1)) <= int(found.group(2)) > 1:
                raise UsageError(
                    "--fold=%s: must be K/N, such as 1/5, with N from 2 and K from 1 to N"
                    % self.fold
                )
            self._refuse_others("--fold=%s is the validation split" % self.fold)
        if self.split_by == "name":
            self._refuse_numbers("--split_by=name divides by --validation_percentage and "
                                 "--test_percentage")  # fmt: skip
            if min(self.percentages) < 0 or sum(self.percentages) >= 100:
                raise UsageError(
                    "--validation_percentage=%d --test_percentage=%d: must be 0 or more and leave "
                    "something to train on" % self.percentages
                )
        elif (self.validation_percentage, self.test_percentage) != (None, None):
            raise UsageError(
                "--validation_percentage and --test_percentage are for --split_by=name; "
                "otherwise leave them out, or give --num_validation and --num_test"
            )

    def check_folders(self, folders):
        """Raises ``UsageError`` where the folders say the splits, and something else too.

        Args:
          folders: the names of the splits' folders.
        """
        what = "the folders %s are the splits" % ", ".join(sorted(folders))
        if self.fold:
            raise UsageError("--fold=%s: %s; leave it out" % (self.fold, what))
        self._refuse_others(what)

    def _refuse_others(self, what):
        self._refuse_numbers(what)
        if self.split_by == "name":
            raise UsageError("--split_by=name: %s; leave it out" % what)

    def _refuse_numbers(self, reason):
        if self.num_validation is not None or self.num_test:
            raise UsageError("--num_validation, --num_test: %s; leave them out" % reason)

    @property
    def rule(self):
        """How the photos are to be divided, where it does not depend on them; otherwise None."""
        return BY_FOLD if self.fold else BY_NAME if self.split_by == "name" else None

    @property
    def percentages(self):
        """The shares of validation and test photos where names decide."""
        validation = self.validation_percentage
        return (
            _DEFAULT_VALIDATION_PERCENTAGE if validation is None else validation,
            self.test_percentage or 0,
        )

    def request(self, archive, rule, parts):
        """Returns what ``dataset.json`` keeps of them.

        Args:
          archive: str, the name of the source.
          rule: how the photos were divided.
          parts: the photos of each split.
        """
        if rule in (BY_NAME, BY_FOLD, BY_FOLDERS):  # Nobody asked for numbers.
            numbers = {"num_" + name: len(parts[name]) for name in ("validation", "test")}
        else:
            numbers = {"num_validation": self.num_validation_of(sum(map(len, parts.values())))}
        request = dict(self._asdict(), archive=archive, split_by=rule, **numbers)
        request["validation_percentage"], request["test_percentage"] = self.percentages
        unused = [] if rule == BY_NAME else ["validation_percentage", "test_percentage"]
        unused += [] if rule == BY_FOLD else ["fold"]
        return {key: value for key, value in request.items() if key not in unused}

    def fold_numbers(self, num_photos):
        """Returns K and N of the fold; ``UsageError`` if there are not as many photos."""
        number, num_folds = map(int, self.fold.split("/"))
        if num_folds > num_photos:
            raise UsageError("--fold=%s: there are only %d photos" % (self.fold, num_photos))
        return number, num_folds

    def num_validation_of(self, num_photos):
        """Returns how many of so many photos are for validation."""
        if self.num_validation is None:
            return splits.default_num_validation(num_photos)
        return self.num_validation

    def differences(self, made, num_photos):
        """Returns how a dataset differs from what these settings ask for, as a list of str.

        Args:
          made: its ``request`` in ``dataset.json``, perhaps of before some of these existed.
          num_photos: int, those of all its splits.
        """
        rule = made.get("split_by", SHUFFLED)
        made = dict({"drop_duplicates": False}, **made)
        made["split_by"] = "name" if rule == BY_NAME else "seed"
        wanted = self._asdict()
        wanted["num_validation"] = self.num_validation_of(num_photos)
        wanted["validation_percentage"], wanted["test_percentage"] = self.percentages
        ignored = {"validation_percentage", "test_percentage"}
        if rule == BY_NAME and self.split_by == "name":
            ignored = {"num_validation", "num_test"}
        elif rule in (BY_FOLD, BY_FOLDERS) and self.num_validation is None and not self.num_test:
            ignored |= {"num_validation", "num_test"}
        return [
            "%s is %s, not %s" % (key, made.get(key), wanted[key])
            for key in sorted(set(wanted) - ignored)
            if made.get(key) != wanted[key]
        ]


def division(made):
    """Returns what says, besides a seed and counts, which photo is in which split.

    Args:
      made: the ``request`` in a ``dataset.json``.

    Returns:
      Text such as ``"fold 1/5"``; None where there is nothing more.
    """
    rule = made.get("split_by")
    if rule == BY_FOLD:
        return "%s %s" % (rule, made.get("fold"))
    if rule == BY_NAME:
        return "%s %s %s" % (rule, made.get("validation_percentage"), made.get("test_percentage"))
    return None

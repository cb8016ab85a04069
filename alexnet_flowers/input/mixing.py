"""Photos mixed with others of their batch, and parts of them erased: against overfitting.

**mixup** (Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018) adds two photos by
shares that are drawn from a beta distribution, and their labels by the same. **cutmix** (Yun et
al., "CutMix", 2019) puts a box of the other photo into the first; its area is what the label gives
away. **Random erasing** (Zhong et al., "Random Erasing Data Augmentation", 2020) puts noise into a
box.

The other photo is the one at the mirrored place of the batch, which is shuffled. The larger share
is always the photo's own, so that it keeps its label where one label is all that can be counted.
"""

from alexnet_flowers import devices
from alexnet_flowers.tf1 import tf

# Of the erased box, from "Random Erasing Data Augmentation", section 3: its share of the image's
# area, and its height divided by its width.
_ERASED_AREAS = (0.02, 0.4)
_ERASED_ASPECTS = (0.3, 1 / 0.3)
# The smallest normal float32: ``tf.random_gamma`` returns no less.
_TINY = 2.0**-126


def mixed(images, labels, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0, random_erasing=0.0):
    """Mixes a batch; where all numbers are 0 nothing is built.

    Args:
      images: float32 [N, height, width, 3] in [-1, 1], of a known shape.
      labels: int64 [N].
      num_classes: int.
      mixup_alpha: both parameters of the beta distribution of mixup's shares; 0: no mixup.
      cutmix_alpha: the same of cutmix. Where both are given, each photo gets either one or the
        other, as often.
      random_erasing: the share of photos, from 0 to 1, of which a box is erased.

    Returns:
      The images; and the targets, float32 [N, classes], None where they are just the labels.
    """
    targets = None
    if mixup_alpha or cutmix_alpha:
        own = _own_share(images.shape, mixup_alpha, cutmix_alpha)
        targets = tf.one_hot(labels, num_classes)
        images = _blend(own, images, images[::-1])
        targets = _blend(tf.reduce_mean(own, [1, 2]), targets, targets[::-1])
    if random_erasing:
        images = _erased(images, random_erasing)
    return images, targets


def _blend(share, first, second):
    return share * first + (1 - share) * second  # Of shares 1 and 0 the very numbers.


def _own_share(shape, mixup_alpha, cutmix_alpha):
    """Returns how much of each pixel is the photo's own, float32 [N, height, width, 1].

    By mixup alone it is the same for all pixels: [N, 1, 1, 1].
    """
    count = shape.as_list()[0]
    if not cutmix_alpha:
        return _each(_larger_shares(count, mixup_alpha))
    side = tf.sqrt(1 - _larger_shares(count, cutmix_alpha))
    # The centre is anywhere, so the box may reach beyond the image; then more is the photo's own.
    outside = 1 - _boxes(shape, side, side, _uniform(count), _uniform(count))
    if not mixup_alpha:
        return outside
    is_cut = _each(tf.cast(_uniform(count) < 0.5, tf.float32))
    return is_cut * outside + (1 - is_cut) * _each(_larger_shares(count, mixup_alpha))


def _erased(images, share):
    count = images.shape.as_list()[0]
    area = _uniform(count, *_ERASED_AREAS)
    aspect = _uniform(count, *_ERASED_ASPECTS)
    height = tf.minimum(tf.sqrt(area * aspect), 1.0)
    width = tf.minimum(tf.sqrt(area / aspect), 1.0)
    # The centre is where the whole box is within the image.
    row = height / 2 + _uniform(count) * (1 - height)
    column = width / 2 + _uniform(count) * (1 - width)
    is_erased = _each(tf.cast(_uniform(count) < share, tf.float32))
    box = is_erased * _boxes(images.shape, height, width, row, column)
    return _blend(box, tf.random_uniform(images.shape, -1.0, 1.0), images)


def _boxes(shape, heights, widths, rows, columns):
    """Returns 1 within a box of each image and 0 elsewhere, float32 [N, height, width, 1].

    Args:
      shape: the images', known.
      heights: float32 [N], the boxes', as shares of the images'.
      widths: likewise.
      rows: float32 [N], where their centres are, likewise.
      columns: likewise.
    """

    def within(num_pixels, sizes, centres):
        middles = (tf.range(num_pixels, dtype=tf.float32) + 0.5) / num_pixels
        distances = tf.abs(middles[tf.newaxis] - centres[:, tf.newaxis])
        return tf.cast(distances < sizes[:, tf.newaxis] / 2, tf.float32)

    inside_rows = within(shape.as_list()[1], heights, rows)
    inside_columns = within(shape.as_list()[2], widths, columns)
    return (inside_rows[:, :, tf.newaxis] * inside_columns[:, tf.newaxis])[..., tf.newaxis]


def _larger_shares(count, alpha):
    """Returns the larger parts of ``count`` draws from the beta distribution, float32 [count]."""
    with tf.device(devices.INPUT_DEVICE):  # Gamma draws are made there only.
        ours, theirs = (tf.random_gamma([count], alpha) for _ in range(2))
    share = tf.maximum(ours, theirs) / (ours + theirs)
    # Of a small alpha both draws may be too small for float32; one is next to nothing then.
    return tf.where(ours + theirs <= 2 * _TINY, tf.ones([count]), share)


def _uniform(count, least=0.0, most=1.0):
    return tf.random_uniform([count], least, most)


def _each(values):
    """Returns a number for each image so that it multiplies images, [N, 1, 1, 1]."""
    return tf.reshape(values, [-1, 1, 1, 1])

"""Freezing, new heads and cutting: how a backbone becomes a new network."""

import warnings

import keras
from keras import layers

from course_utils.backbones import Backbone, backbone_in, layers_by_block


def freeze_up_to(backbone_or_model: Backbone | keras.Model, block: str | None) -> None:
    """Freeze a backbone from its input up to and including one block.

    Every layer after that block becomes trainable. Keras reads ``trainable`` in
    ``compile``, so compile (again) afterwards; a warning reminds you.

    Parameters
    ----------
    backbone_or_model : Backbone or keras.Model
        A model may contain the backbone, as those of `add_classifier` do; its head
        stays as it is. A model that is frozen as a whole is thawed first.
    block : str or None
        A name from ``backbone.blocks``; ``None`` freezes nothing, ``"all"`` everything.

    Examples
    --------
    >>> from course_utils import load_backbone
    >>> backbone = load_backbone("minivgg")
    >>> freeze_up_to(backbone, "block4")
    >>> [layer.name for layer in backbone.model.layers if layer.trainable and layer.weights]
    ['block5_conv1', 'block5_conv2', 'block5_conv3']
    """
    model = getattr(backbone_or_model, "model", backbone_or_model)
    blocks = layers_by_block(model)
    names = list(blocks)
    if block not in (None, "all", *names):
        raise ValueError(f"no block {block!r}; choose None, 'all' or one of: {', '.join(names)}")
    frozen = [None, *names].index(names[-1] if block == "all" else block)
    for part in (model, backbone_in(model)):
        if not part.trainable:  # Keras hides the weights inside a model frozen as a whole
            part.trainable = True
    for i, members in enumerate(blocks.values()):
        for layer in members:
            layer.trainable = i >= frozen
    if getattr(model, "compiled", False):
        warnings.warn(
            "this model is already compiled: it trains as before until you compile it again",
            stacklevel=2,
        )


def add_classifier(backbone: Backbone | keras.Model, head: int | keras.Layer) -> keras.Model:
    """Put a new classifier on a backbone, or on the part of one that `split_at` returns.

    The backbone runs in inference mode, even while the model trains: its batch
    normalisation keeps the means and variances of the pretraining.

    Parameters
    ----------
    backbone : Backbone or keras.Model
        It ends in feature maps ``(n, height, width, channels)``.
    head : int or keras.Layer
        The number of classes, for average pooling and one softmax layer; or layers of
        your own, for example a ``keras.Sequential``.

    Returns
    -------
    keras.Model
        From preprocessed images (or cached features) to the output of the head. It
        shares its layers with the backbone and the head.
    """
    base = getattr(backbone, "model", backbone)
    if isinstance(head, int):
        head = keras.Sequential(
            [layers.GlobalAveragePooling2D(), layers.Dense(head, activation="softmax")],
            name="head",
        )
    inputs = keras.Input(base.input_shape[1:])
    return keras.Model(inputs, head(InferenceMode(base.input, base.output, name=base.name)(inputs)))


@keras.saving.register_keras_serializable("course_utils")
class InferenceMode(keras.Model):
    """A network that runs in inference mode, even while the model around it trains.

    ``base(inputs, training=False)`` is not enough: ``fit`` calls the outer model with
    ``training=True``, and Keras 3 propagates it to nested layers, overriding the argument.
    """

    def call(self, inputs, training=None, mask=None):
        """Compute the outputs in inference mode, whatever `training` is."""
        return super().call(inputs, training=False, mask=mask)


def split_at(backbone: Backbone, block: str) -> tuple[keras.Model, keras.Model]:
    """Cut a backbone in two after a block.

    Both parts share their layers with the backbone, so training the second part changes
    the backbone too.

    Parameters
    ----------
    backbone : Backbone
    block : str
        The last block of the first part, or the name of a layer that all paths go through.

    Returns
    -------
    first, second : keras.Model
        From images to the output of the block, and from there to the backbone's output.

    Examples
    --------
    >>> from course_utils import load_backbone
    >>> first, second = split_at(load_backbone("minivgg"), "block4")
    >>> first.output_shape, second.output_shape
    ((None, 4, 4, 256), (None, 2, 2, 256))
    """
    cut = layer_at(backbone, block).output
    model = backbone.model
    first = keras.Model(model.input, cut, name=f"{backbone.name}_up_to_{block}")
    try:
        second = keras.Model(cut, model.output, name=f"{backbone.name}_after_{block}")
    except ValueError as error:
        raise ValueError(
            f"{backbone.name} cannot be cut after {block!r}: it is the end of the network, or "
            f"another path leads around it; choose one of: {', '.join(backbone.blocks[:-1])}"
        ) from error
    return first, second


def layer_at(backbone: Backbone, name: str) -> keras.Layer:
    """Return the last layer of a block, or the layer of that name.

    Raises
    ------
    ValueError
        If the backbone has neither.
    """
    blocks = layers_by_block(backbone.model)
    if name in blocks:
        return blocks[name][-1]
    try:
        return backbone.model.get_layer(name)
    except ValueError:
        raise ValueError(
            f"{backbone.name} has no block or layer {name!r}; its blocks: {', '.join(blocks)}"
        ) from None

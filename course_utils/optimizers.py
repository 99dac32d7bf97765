"""Another learning rate for old layers than for new ones."""

import keras


@keras.saving.register_keras_serializable("course_utils")
class RatePerLayer(keras.optimizers.Adam):
    """Adam, with another learning rate for the weights of some layers.

    Keras has one learning rate per optimizer. Scaling the gradients would not help: Adam
    divides each gradient by its usual size, so that a factor cancels out. So the step is scaled.

    Parameters
    ----------
    learning_rate : float
        The rate of all layers that `factors` does not name.
    factors : dict of str to float
        Name of a layer and what its rate is multiplied with, for example
        ``{"block5_conv1": 0.1}``.
    **kwargs
        Everything else that Adam takes.
    """

    def __init__(self, learning_rate=0.001, factors: dict[str, float] | None = None, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.factors = dict(factors or {})

    def update_step(self, gradient, variable, learning_rate):
        """Change one weight, in steps of its layer's rate."""
        # TensorFlow hands over its own variable, which does not know its layer; Keras' does.
        path = self._trainable_variables[self._get_variable_index(variable)].path
        factor = self.factors.get(path.split("/")[-2], 1.0)
        super().update_step(gradient, variable, learning_rate * factor)

    def get_config(self):
        """Return what it takes to make the same optimizer again, also from a saved model."""
        return {**super().get_config(), "factors": self.factors}

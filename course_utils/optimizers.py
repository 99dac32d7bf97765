"""An optimizer with a learning rate per layer."""

import keras


@keras.saving.register_keras_serializable("course_utils")
class RatePerLayer(keras.optimizers.Adam):
    """Adam with a learning rate per layer.

    Keras has one learning rate per optimizer. Scaling the gradients would not help, because
    Adam divides each gradient by its typical size, so the step is scaled instead.

    Parameters
    ----------
    learning_rate : float
        The rate of all layers that `factors` does not name.
    factors : dict of str to float
        Multiplies the rate of a layer, for example ``{"block5_conv1": 0.1}``.
    **kwargs
        Other arguments of Adam.
    """

    def __init__(self, learning_rate=0.001, factors: dict[str, float] | None = None, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.factors = dict(factors or {})

    def update_step(self, gradient, variable, learning_rate):
        """Update one weight with the rate of its layer."""
        # TensorFlow passes its own variable, which does not know its layer; Keras' variable does.
        path = self._trainable_variables[self._get_variable_index(variable)].path
        factor = self.factors.get(path.split("/")[-2], 1.0)
        super().update_step(gradient, variable, learning_rate * factor)

    def get_config(self):
        """Return the configuration, so that a saved model can be loaded."""
        return {**super().get_config(), "factors": self.factors}

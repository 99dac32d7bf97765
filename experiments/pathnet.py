"""PathNet in miniature: layers of small modules, and evolving paths through them.

After Fernando et al. (2017), "PathNet: Evolution Channels Gradient Descent in Super Neural
Networks", https://arxiv.org/abs/1701.08734. In NumPy, because the networks are tiny and every
path is a network of its own.
"""

import numpy as np


class PathNet:
    """Layers of small modules; a path uses a few modules of each layer.

    A module is a dense layer with a ReLU. The outputs of a path's modules are summed in each
    layer, and the last sum feeds a softmax layer, of which each task has its own.

    Parameters
    ----------
    inputs : int
        Number of features.
    classes : int
        Number of classes of the first task.
    layers, modules, units : int
        Number of layers, of modules in a layer, and of units in a module.
    active : int
        Maximum number of modules of a layer in a path.
    seed : int

    Attributes
    ----------
    frozen : numpy.ndarray of bool, shape (layers, modules)
        Modules whose weights no longer change.
    """

    def __init__(
        self, inputs: int, classes: int, *, layers=3, modules=8, units=10, active=3, seed=0
    ):
        self._random = np.random.default_rng(seed)
        self._sizes = [inputs, *[units] * layers]
        self._shape, self._active = (layers, modules), active
        self.frozen = np.zeros(self._shape, bool)
        # One array (modules, inputs, units) for each layer
        sizes = zip(self._sizes[:-1], self._sizes[1:], strict=True)
        self._kernels = [np.empty((modules, *size)) for size in sizes]
        self._heads = []
        self.start_task(classes)

    def start_task(self, classes: int) -> None:
        """Reinitialise all modules that are not frozen, and add a classifier for the task."""
        for kernels, frozen in zip(self._kernels, self.frozen, strict=True):
            new = kernels[~frozen]
            kernels[~frozen] = self._random.normal(0, np.sqrt(2 / new.shape[1]), new.shape)
        self._heads.append(np.zeros((self._sizes[-1], classes)))

    def random_path(self) -> np.ndarray:
        """Draw the modules of each layer, ``(layers, active)``; repetitions are possible."""
        return self._random.integers(0, self._shape[1], (self._shape[0], self._active))

    def mutated(self, path: np.ndarray) -> np.ndarray:
        """Return a path with a few modules replaced by their neighbours, as in the paper."""
        change = self._random.random(path.shape) < 1 / path.size
        steps = self._random.integers(-2, 3, path.shape)
        return (path + change * steps) % self._shape[1]

    def freeze(self, path: np.ndarray) -> None:
        """Freeze the modules of a path."""
        for layer, chosen in enumerate(path):
            self.frozen[layer, chosen] = True

    def train(self, path, inputs, labels, *, steps=25, batch_size=16, rate=0.05) -> None:
        """Train the modules of a path and the current classifier with gradient descent."""
        for _ in range(steps):
            rows = self._random.integers(0, len(inputs), batch_size)
            self._step(path, inputs[rows], labels[rows], rate)

    def accuracy(self, path, inputs, labels, task: int = -1) -> float:
        """Return the accuracy of a path with the classifier of a task."""
        values, _ = self._forward(path, inputs)
        return float(((values @ self._heads[task]).argmax(axis=1) == labels).mean())

    def evolve(self, inputs, labels, *, held_out=None, generations=60, population=16) -> tuple:
        """Let paths compete on a task: the loser of two becomes a mutated copy of the winner.

        Parameters
        ----------
        inputs, labels : numpy.ndarray
            Examples on which the paths are trained and compared.
        held_out : tuple of inputs and labels, optional
            Examples on which the winner of each generation is tested; they influence nothing.

        Returns
        -------
        path : numpy.ndarray
            The best path of the last generation.
        accuracies : numpy.ndarray, shape (generations,)
            Of each generation's winner, on ``held_out`` or else on the training examples.
        """
        paths, accuracies = [self.random_path() for _ in range(population)], []
        for _ in range(generations):
            pair = self._random.choice(population, 2, replace=False)
            scores = []
            for i in pair:
                self.train(paths[i], inputs, labels)
                scores.append(self.accuracy(paths[i], inputs, labels))
            winner, loser = pair[np.argmax(scores)], pair[np.argmin(scores)]
            if winner == loser:  # a draw
                winner, loser = pair
            paths[loser] = self.mutated(paths[winner])
            accuracies.append(self.accuracy(paths[winner], *held_out) if held_out else max(scores))
        best = max(paths, key=lambda path: self.accuracy(path, inputs, labels))
        return best, np.array(accuracies)

    def _forward(self, path, inputs):
        """Return the output of the last layer, and what backpropagation needs."""
        values, memory = inputs, []
        for kernels, chosen in zip(self._kernels, path, strict=True):
            chosen = np.unique(chosen)
            outputs = np.maximum(values @ kernels[chosen], 0)  # (modules, examples, units)
            memory.append((values, chosen, outputs))
            values = outputs.sum(axis=0)
        return values, memory

    def _step(self, path, inputs, labels, rate: float) -> None:
        values, memory = self._forward(path, inputs)
        scores = values @ self._heads[-1]
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        errors = powers / powers.sum(axis=1, keepdims=True)
        errors[np.arange(len(labels)), labels] -= 1
        errors /= len(labels)
        back = errors @ self._heads[-1].T
        self._heads[-1] -= rate * values.T @ errors
        for layer, (before, chosen, outputs) in reversed(list(enumerate(memory))):
            through = back * (outputs > 0)
            back = (through @ self._kernels[layer][chosen].transpose(0, 2, 1)).sum(axis=0)
            learns = ~self.frozen[layer, chosen]
            self._kernels[layer][chosen[learns]] -= rate * before.T @ through[learns]

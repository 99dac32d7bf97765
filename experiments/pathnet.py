"""PathNet in miniature: small modules, and paths through them that evolve.

After Fernando et al. (2017), "PathNet: Evolution Channels Gradient Descent in Super Neural
Networks", https://arxiv.org/abs/1701.08734. Plain NumPy, because the networks are tiny and each
path is another network.
"""

import numpy as np


class PathNet:
    """Layers of small modules; a path uses a few modules of each layer.

    A module is a dense layer with a ReLU. The outputs of the path's modules are added up, and
    the last sum goes into a softmax layer, which each task has for itself.

    Parameters
    ----------
    inputs : int
        Numbers per example.
    classes : int
        Classes of the first task.
    layers, modules, units : int
        How many layers there are, modules in each layer, and units in each module.
    active : int
        How many modules of a layer a path uses at most.
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
        # of each layer an array (modules, inputs, units)
        sizes = zip(self._sizes[:-1], self._sizes[1:], strict=True)
        self._kernels = [np.empty((modules, *size)) for size in sizes]
        self._heads = []
        self.start_task(classes)

    def start_task(self, classes: int) -> None:
        """Give all modules that are not frozen new random weights, and the task a classifier."""
        for kernels, frozen in zip(self._kernels, self.frozen, strict=True):
            new = kernels[~frozen]
            kernels[~frozen] = self._random.normal(0, np.sqrt(2 / new.shape[1]), new.shape)
        self._heads.append(np.zeros((self._sizes[-1], classes)))

    def random_path(self) -> np.ndarray:
        """Draw the modules of each layer, ``(layers, active)``; one may be drawn twice."""
        return self._random.integers(0, self._shape[1], (self._shape[0], self._active))

    def mutated(self, path: np.ndarray) -> np.ndarray:
        """Return a path in which a few modules are replaced by neighbours, as in the paper."""
        change = self._random.random(path.shape) < 1 / path.size
        steps = self._random.integers(-2, 3, path.shape)
        return (path + change * steps) % self._shape[1]

    def freeze(self, path: np.ndarray) -> None:
        """Keep the weights of a path's modules from now on."""
        for layer, chosen in enumerate(path):
            self.frozen[layer, chosen] = True

    def train(self, path, inputs, labels, *, steps=25, batch_size=16, rate=0.05) -> None:
        """Train the modules of one path, and the classifier, with plain gradient descent."""
        for _ in range(steps):
            rows = self._random.integers(0, len(inputs), batch_size)
            self._step(path, inputs[rows], labels[rows], rate)

    def accuracy(self, path, inputs, labels, task: int = -1) -> float:
        """Return the share of right answers of one path, with the classifier of a task."""
        values, _ = self._forward(path, inputs)
        return float(((values @ self._heads[task]).argmax(axis=1) == labels).mean())

    def evolve(self, inputs, labels, *, asked=None, generations=60, population=16) -> tuple:
        """Let paths compete on a task: the worse of two becomes a changed copy of the better.

        Parameters
        ----------
        inputs, labels : numpy.ndarray
            What the paths are trained on and compared by.
        asked : tuple of inputs and labels, optional
            Other examples, which nothing is chosen by, to be asked about in each generation.

        Returns
        -------
        path : numpy.ndarray
            The best path of the last generation.
        accuracies : numpy.ndarray, shape (generations,)
            Of each generation's winner: on ``asked``, or else on what it was trained on.
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
            accuracies.append(self.accuracy(paths[winner], *asked) if asked else max(scores))
        best = max(paths, key=lambda path: self.accuracy(path, inputs, labels))
        return best, np.array(accuracies)

    def _forward(self, path, inputs):
        """Return what the last layer gives, and what the way back needs."""
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

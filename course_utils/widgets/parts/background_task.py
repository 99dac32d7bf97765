"""Long work in a panel, with a progress bar and a stop button."""

import asyncio
from collections.abc import Generator

import ipywidgets

from course_utils.widgets.parts.panel import WRAP, paragraph, status


class BackgroundTask(ipywidgets.HBox):
    """A progress bar with a *Stop* button, for work that is done in short pieces.

    Between two pieces the kernel serves other widgets, so the work can be stopped. It waits
    while a cell runs. Outside Jupyter it is done at once.

    Parameters
    ----------
    name : str
        What is done, in a word or two.

    Attributes
    ----------
    bar : ipywidgets.FloatProgress
    button : ipywidgets.Button
        Stops the work after the current piece.
    said : str
        The latest status message.
    running : bool
    """

    def __init__(self, name: str):
        self.bar = ipywidgets.FloatProgress(
            description=name, max=1, style={"description_width": "initial"}
        )
        self.button = ipywidgets.Button(description=f"Stop {name}")
        self.said, self.running = "", False
        self._pieces, self._task = None, None
        self._status = status()
        super().__init__([self.bar, self.button, self._status], layout={**WRAP, "display": "none"})
        self.button.on_click(lambda button: self.stop())

    def start(self, pieces: Generator[tuple[float, str]]) -> None:
        """Do the work piece by piece; older work that is still running is abandoned.

        Parameters
        ----------
        pieces : generator of (float, str)
            Does a piece of the work at each step, and yields the fraction that is done and a
            status message. Its ``finally`` also runs if it is stopped.
        """
        self._pieces = pieces
        self._show(running=True)
        steps = self._steps(pieces)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            for _ in steps:
                pass
        else:
            self._task = loop.create_task(
                _between_messages(steps)
            )  # a reference, or it may be collected

    def stop(self) -> None:
        """Stop the work after the current piece."""
        if self.running:
            self._pieces = None
            self._say(f"Stopped. {self.said}")
            self._show(running=False)

    def clear(self) -> None:
        """Stop the work and hide the bar and its message."""
        self.stop()
        self._say("")
        self.layout.display = "none"

    def _steps(self, pieces):
        try:
            for share, words in pieces:
                if pieces is self._pieces:
                    self.bar.value = share
                    self._say(words)
                yield
                if pieces is not self._pieces:
                    return
        except Exception as error:  # shown where the learner looks; the panel stays usable
            self._say(f"It ended with an error. {type(error).__name__}: {error}")
        finally:
            pieces.close()
            if pieces is self._pieces:
                self._show(running=False)

    def _say(self, words: str) -> None:
        self.said = words
        self._status.value = paragraph(words)

    def _show(self, running: bool) -> None:
        self.running = running
        self.layout.display = None
        self.bar.layout.display = self.button.layout.display = None if running else "none"


async def _between_messages(steps) -> None:
    for _ in steps:
        await asyncio.sleep(0.001)  # the kernel handles the messages that have arrived

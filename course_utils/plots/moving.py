"""A picture that changes while one moves its sliders, and that stays a picture where no kernel runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..widgets import MIME
from .picture import Picture


class Moving:
    """What `interact` returns; as the last line of a cell it is shown."""

    def __init__(self, draw: Callable[..., Picture], choices: dict[str, Any]):
        self.draw, self.choices = draw, choices
        self.start = {name: choice[0] for name, choice in choices.items()}

    def picture(self, **values: Any) -> Picture:
        """Draw the picture at these values, or where the sliders start."""
        return self.draw(**(self.start | values))

    def __repr__(self) -> str:
        return repr(self.picture())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        still = self.picture()
        return {"text/plain": repr(still), "text/html": still._repr_html_()} | self._widget(still)

    def _widget(self, still: Picture) -> dict[str, Any]:
        import ipywidgets

        sliders = {
            name: ipywidgets.SelectionSlider(
                options=sorted(choice),
                value=self.start[name],
                description=name.replace("_", " "),
                continuous_update=True,
                style={"description_width": "initial"},  # or a longer name is cut
            )
            for name, choice in self.choices.items()
        }
        shown = ipywidgets.HTML(still._repr_html_())

        def update(change: Any) -> None:
            shown.value = self.picture(**{name: slider.value for name, slider in sliders.items()})._repr_html_()

        for slider in sliders.values():
            slider.observe(update, "value")
        return {MIME: ipywidgets.VBox([*sliders.values(), shown])._repr_mimebundle_()[MIME]}


def interact(draw: Callable[..., Picture], **choices: Any) -> Moving:
    """Let the reader move the arguments of `draw`.

    Parameters
    ----------
    draw : takes the arguments by name and returns a Picture; it should take less than a tenth of a second.
    choices : for each argument its values, the starting one first: `threshold=[0.5, 0.1, 0.2, ...]`.
    """
    empty = [name for name, values in choices.items() if len(values) < 2]
    if empty or not choices:
        raise ValueError(
            f"plots.interact: give each argument at least two values to move between: {empty or 'none given'}."
        )
    return Moving(draw, {name: list(values) for name, values in choices.items()})

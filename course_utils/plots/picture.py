"""A finished figure with its description, and the colours that all figures share."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from html import escape
from pathlib import Path

from matplotlib.figure import Figure

INK = "#1f2937"
BLUE, ORANGE, PLUM, ROSE = "#0072b2", "#e69f00", "#3b1c54", "#cc79a7"
SERIES = (BLUE, ORANGE, PLUM, ROSE)  # told apart by colour-blind eyes, and in grey by their lightness
DASHES = ("-", "--", "-.", ":")  # and without any colour at all
MARKS = ("o", "s", "^", "D")


@dataclass(frozen=True)
class Picture:
    """A finished figure with its description for those who cannot see it."""

    figure: Figure
    alt: str

    def png(self) -> bytes:
        """Render the picture as a PNG."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=144, bbox_inches="tight", facecolor="white")
        return buffer.getvalue()

    def save(self, path: str | Path) -> None:
        """Write the picture as SVG; the same picture gives the same bytes."""
        import matplotlib

        with matplotlib.rc_context({"svg.hashsalt": "unrolled", "svg.fonttype": "none"}):
            self.figure.savefig(path, format="svg", bbox_inches="tight", facecolor="white", metadata={"Date": None})

    def __repr__(self) -> str:
        return f"[picture: {self.alt}]"

    def _repr_html_(self) -> str:
        width = round(self.figure.get_figwidth() * 96)
        data = base64.b64encode(self.png()).decode()
        style = f"max-width: min(100%, {width}px);"
        return f'<img src="data:image/png;base64,{data}" alt="{escape(self.alt)}" style="{style}">'

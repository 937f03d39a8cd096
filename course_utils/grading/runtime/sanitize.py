"""submitted -> what will be run: the released notebook with the text of the student's cells in it, and nothing else.

A submission is never cleaned up and used; it is read for text. Metadata, tags, outputs and instructor cells of the
submission do not survive, because they are never taken. What a student wrote outside the answer cells stays where
his own notebook shows it, so his cells run in the order in which he sees them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from .job import Cell
from .matching import Note, identify, join_halves
from .names import bound_names, used_words
from .reading import RefusedError, SubmittedCell, read_cells

Cells = list[SubmittedCell]


@dataclass
class Sanitized:
    """The cells in the order in which they run.

    Attributes
    ----------
    notes
        Everything that was restored, joined, taken from elsewhere or left out.
    blank
        The answers to which nothing was handed in.
    pictures
        Attachments of written cells, by cell and name: unverified base64 text.
    """

    cells: list[Cell] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    blank: list[str] = field(default_factory=list)
    pictures: dict[str, dict[str, str]] = field(default_factory=dict)


def sanitize(
    submission: bytes,
    template: list[Cell],
    ids: Mapping[str, str] | None = None,
    unlocked: Collection[str] = (),
) -> Sanitized:
    """Lay the student's text into the cells of the assignment.

    Parameters
    ----------
    submission
        The bytes of the notebook that was handed in.
    template
        The assignment's cells with role answer, instructor or test, in the order of the source.
    ids
        For cells that have no metadata or have lost it: the name for each cell id of the release.
    unlocked
        The instructor's cells that students may change; what they make of one runs after it.

    Raises
    ------
    RefusedError
        It is no notebook, or none of the assignment's cells is in it.
    """
    known, notes = {cell.id: cell for cell in template}, list[Note]()
    cells = list(join_halves(identify(read_cells(submission), known, ids or {}, notes), known, notes))
    if not any(cell.grade_id for cell in cells):
        raise RefusedError("none of this assignment's cells is in the notebook; is it the right file?")
    layout = _Layout(known, cells, notes, unlocked)
    for name, cell in known.items():
        if cell.role == "answer" and layout.is_untouched(name):
            layout.take_code(name) if cell.kind == "code" else layout.take_text(name)
    layout.note_changes()
    return layout.sanitized()


class _Layout:
    """One submission on its way into the template.

    `taken` has the submitted cell for each cell of the template. `added` has the student's other cells by the cell
    of the assignment that they follow ("" at the top), `before` those that an answer taken from elsewhere follows.
    """

    def __init__(self, known: Mapping[str, Cell], cells: Cells, notes: list[Note], unlocked: Collection[str]):
        self.known, self.notes, self.unlocked = known, notes, unlocked
        self.order: list[str] = []
        self.taken: dict[str, SubmittedCell] = {}
        self.before: dict[str, Cells] = {}
        self.added: dict[str, Cells] = {}
        twins: dict[str, Cells] = {}
        for cell in cells:
            if cell.grade_id:
                twins.setdefault(cell.grade_id, []).append(cell)
        chosen = {name: self._chosen(known[name], copies) for name, copies in twins.items()}
        place = ""
        for cell in cells:
            if cell.grade_id and cell is chosen[cell.grade_id]:
                place = cell.grade_id
                self.order.append(place)
                self.taken[place] = self._merged(known[place], cell, twins[place])
                if place in unlocked and self._is_changed(known[place], cell) and cell.text.strip():
                    self.added.setdefault(place, []).append(cell)
            elif cell.text.strip() and not self._is_copy(cell):
                self.added.setdefault(place, []).append(cell)

    def _chosen(self, cell: Cell, copies: Cells) -> SubmittedCell:
        """Which of several cells with one grade_id takes its place: the first answer, or the unchanged locked cell."""
        wanted = cell.role == "answer"
        return next((copy for copy in copies if self._is_changed(cell, copy) == wanted), copies[0])

    @staticmethod
    def _is_changed(cell: Cell, submitted: SubmittedCell) -> bool:
        return submitted.text.strip() not in ("", cell.shown.strip()) or bool(submitted.pictures)

    def _merged(self, cell: Cell, chosen: SubmittedCell, copies: Cells) -> SubmittedCell:
        """A written answer with all its parts. Parts of code stay where they are and run there."""
        parts = [copy for copy in copies if self._is_changed(cell, copy)]
        if len(copies) > 1:
            several = "they were joined" if cell.kind != "code" else "all that were changed run, in their order"
            what = "" if not parts else "; the changed one was taken" if len(parts) == 1 else f"; {several}"
            self.notes.append(Note(cell.id, f"there are {len(copies)} copies{what}"))
        if cell.role != "answer" or cell.kind == "code" or len(parts) < 2:
            return chosen
        pictures = {name: data for part in parts for name, data in part.pictures.items()}
        return replace(chosen, text="\n\n".join(dict.fromkeys(part.text for part in parts)), pictures=pictures)

    def _is_copy(self, submitted: SubmittedCell) -> bool:
        """Whether a cell only repeats one of the assignment, or belongs to a written answer that is merged."""
        cell = self.known.get(submitted.grade_id or "")
        if cell is None:
            return False
        merged = cell.role == "answer" and cell.kind != "code"
        return merged or cell.kind != "code" or not self._is_changed(cell, submitted)

    def note_changes(self) -> None:
        """What differs from an honest copy of the release; none of it changes a score by itself."""
        for name, cell in self.known.items():
            taken, is_locked = self.taken.get(name), cell.role != "answer"
            if name in self.unlocked:
                continue
            if taken is None:
                self.notes.append(Note(name, "deleted; restored"))
            elif taken.kind != cell.kind:
                run = "run as code" if cell.kind == "code" else "shown as text"
                self.notes.append(Note(name, f"was made a {taken.kind} cell; {run}"))
            elif is_locked and taken.text.strip() != cell.shown.strip():
                self.notes.append(Note(name, "changed; restored"))
        if self.order != [name for name in self.known if name in self.order]:
            self.notes.append(Note("", "cells reordered; order restored"))

    def is_untouched(self, name: str) -> bool:
        return name not in self.taken or not self._is_changed(self.known[name], self.taken[name])

    def take_code(self, name: str) -> None:
        """Take new cells for an untouched or deleted answer where they bind the names that it must bind."""
        wanted = self._wanted(name)
        for place in self._places(name) if wanted else ():
            cells = self.added.get(place, [])
            binding = [n for n, cell in enumerate(cells) if cell.kind == "code" and bound_names(cell.text) & wanted]
            if wanted <= set().union(*(bound_names(cells[n].text) for n in binding)):
                self._move(name, place, binding)
                self.notes.append(Note(name, "answered in a new cell; taken from there"))
                return

    def _move(self, name: str, place: str, binding: list[int]) -> None:
        """Make the last of these added cells the answer; those before it keep their order."""
        cells, last = self.added.pop(place), binding[-1]
        self.taken[name] = replace(cells[last], grade_id=name)
        if place in self._places(name)[:2]:
            self.before[name], rest, place = cells[:last], cells[last + 1 :], name
        else:
            self.before[name] = [cells[n] for n in binding[:-1]]
            rest = [cell for n, cell in enumerate(cells) if n not in binding]
        self.added[place] = rest + self.added.get(place, [])

    def take_text(self, name: str) -> None:
        """Take new text cells beside an untouched or deleted written answer as the answer."""
        for place in self._places(name)[:2]:
            texts = [cell for cell in self.added.get(place, []) if cell.kind != "code"]
            if texts:
                pictures = {key: data for cell in texts for key, data in cell.pictures.items()}
                text = "\n\n".join(cell.text for cell in texts)
                self.taken[name] = replace(texts[0], grade_id=name, kind="markdown", text=text, pictures=pictures)
                self.added[place] = [cell for cell in self.added[place] if cell.kind == "code"]
                self.notes.append(Note(name, "answered in a new cell; taken from there"))
                return

    def _wanted(self, name: str) -> set[str]:
        """The names of the source's own answer that other cells use; all that it binds if they use none."""
        bound = bound_names(self.known[name].text)
        used = set().union(*(used_words(cell.text) for cell in self.known.values() if cell.role != "answer"))
        return bound & used or bound

    def _places(self, name: str) -> list[str]:
        """Where to look for the answer `name`: below it, above it, then anywhere else from there on."""
        names = ["", *self.known]
        at = names.index(name)
        above = next((other for other in reversed(names[:at]) if other in self.taken or not other), "")
        return list(dict.fromkeys([name, above, *names[at:], *names[:at]]))

    def sanitized(self) -> Sanitized:
        result, run_early = Sanitized(notes=self.notes), set[str]()
        for name in ("", *self.known):
            for earlier in self.before.get(name, []):
                self._add(result, earlier)
            for moved in self._moved_above(name, run_early):
                run_early.add(moved)
                self._add(result, self.taken[moved])
            if name:
                cell, taken = self.known[name], self.taken.get(name)
                if cell.role == "answer":
                    cell = replace(cell, text=taken.text if taken else cell.shown)
                    if taken and taken.pictures:
                        result.pictures[name] = taken.pictures
                result.cells.append(cell)
            for added in self.added.get(name, []):
                self._add(result, added)
        result.blank = [name for name, cell in self.known.items() if cell.role == "answer" and self._is_blank(name)]
        return result

    def _moved_above(self, test: str, run_early: Collection[str]) -> list[str]:
        """Answers below this test in the assignment and above it in the student's notebook: they run there too."""
        if test not in self.order or self.known[test].role != "test":
            return []
        names = list(self.known)
        below = {name for name in names[names.index(test) :] if self.known[name].role == "answer"} - set(run_early)
        above = self.order[: self.order.index(test)]
        return [n for n in above if n in below and self.known[n].kind == "code" and not self.is_untouched(n)]

    def _add(self, result: Sanitized, submitted: SubmittedCell) -> None:
        name = f"added-{sum(cell.role == 'added' for cell in result.cells) + 1}"
        while name in self.known:
            name += "-"
        kind = "code" if submitted.kind == "code" else "markdown"
        result.cells.append(Cell(name, "added", kind, submitted.text))
        if submitted.pictures:
            result.pictures[name] = submitted.pictures

    def _is_blank(self, name: str) -> bool:
        """Whether nothing can be the answer. Where other text might be, a human decides."""
        if not self.is_untouched(name):
            return False
        if self.known[name].kind == "code":
            return not any(
                cell.kind == "code" for place in self._places(name)[:2] for cell in self.added.get(place, [])
            )
        loose = any(cell.kind != "code" for cells in self.added.values() for cell in cells)
        if loose:
            self.notes.append(Note(name, "untouched, but there is text in new cells; it waits for a human"))
        return not loose

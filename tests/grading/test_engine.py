"""The run as a whole: who is graded, what is kept and replaced, and what warm processes give to each fork."""

import json
import os
import shutil
import sys
import threading
import time
from concurrent.futures import Executor, Future
from pathlib import Path

import nbformat
import pytest

from course_utils.grading import cli, fingerprint
from course_utils.grading.assignment import AssignmentSpec
from course_utils.grading.course import CourseError
from course_utils.grading.errors import NoIsolationError
from course_utils.grading.grade import Options, grade
from course_utils.grading.recorder import DONE
from course_utils.grading.release import release
from course_utils.grading.report import report
from course_utils.grading.runtime import syscalls
from course_utils.grading.runtime.backend import close_backends, shared_backend
from course_utils.grading.runtime.code import names_bound
from course_utils.grading.runtime.errors import ExaminationError
from course_utils.grading.runtime.findings import Fate
from course_utils.grading.runtime.job import Cell, Job
from course_utils.grading.runtime.limits import Limits
from course_utils.grading.runtime.sandbox import outer_command
from course_utils.grading.sample import Sample, fill_in, hand_in, load
from course_utils.grading.worker import grade_bytes
from notebooks import NAME, ROOT

SAMPLES = {sample.student: sample for sample in load(ROOT / "samples" / NAME)}
RIGHT = SAMPLES["sample-right-library-calls"].answers
UNSAFE = shutil.which("bwrap") is None
needs_bwrap = pytest.mark.skipif(UNSAFE, reason="needs Debian's package bubblewrap")


def run(course, **options):
    return grade(course, NAME, Options(unsafe=UNSAFE, **options))


def points(course, student) -> dict[str, float]:
    return {task: result.points for task, result in report(course, NAME)[student].items()}


def log(course, student) -> dict:
    return json.loads((course.root / "autograded" / student / NAME / DONE).read_text())


def submit(course, student="zoe", **answers):
    named = {name.replace("_", "-"): text for name, text in answers.items()}
    hand_in(course, [Sample(student=student, about="", answers=RIGHT | named)])


def in_student(code: str, **limits):
    """What a cell prints in a student's process."""
    job = Job([Cell("a", "answer", "code", code)], [], 1, Limits(**limits), 0)
    findings = shared_backend(UNSAFE).examine(job)
    return "".join(output.get("text", str(output)) for output in findings.outputs["a"])


def test_a_resubmission_replaces_everything(released):
    submit(released)
    assert run(released).graded == ["zoe"]
    assert points(released, "zoe")["swap-axes"] == 2
    set_by_hand(released, "swap-axes-check", manual_score=1.5, extra_credit=1.0)
    submit(released, swap_axes="def time_first(batch):\n    return batch", make_layer="raise ValueError")
    assert run(released).graded == ["zoe"]
    assert points(released, "zoe") | {"explain-equal-sizes": 0} == {
        "make-layer": 0, "predict-shapes": 4, "initial-state": 2, "one-sequence": 2, "state-by-layer": 2,
        "both-directions": 4, "swap-axes": 0, "run-batch": 2, "explain-equal-sizes": 0,
    }  # fmt: skip


def set_by_hand(course, cell, **values):
    with course.gradebook() as gradebook:
        found = gradebook.find_grade(cell, NAME, NAME, "zoe")
        for name, value in values.items():
            setattr(found, name, value)
        gradebook.db.commit()


def test_grading_the_same_text_again_keeps_what_was_given_by_hand(released):
    submit(released)
    run(released)
    set_by_hand(released, "explain-equal-sizes", manual_score=2.5, needs_manual_grade=False)
    seed = log(released, "zoe")["seed"]
    assert run(released).reused == ["zoe"]
    assert log(released, "zoe")["seed"] == seed
    assert run(released, force=True).graded == ["zoe"]
    assert log(released, "zoe")["seed"] != seed
    assert points(released, "zoe")["explain-equal-sizes"] == 2.5


def test_the_same_text_in_another_file_keeps_what_was_given_by_hand(released):
    submit(released)
    run(released)
    set_by_hand(released, "explain-equal-sizes", manual_score=2.5, needs_manual_grade=False)
    path = released.notebook("submitted", NAME, "zoe")
    notebook = json.loads(path.read_text())
    notebook["metadata"]["saved"] = "again"
    path.write_text(json.dumps(notebook))
    assert run(released).graded == ["zoe"]
    assert points(released, "zoe")["explain-equal-sizes"] == 2.5
    submit(released, explain_equal_sizes="another answer")
    assert run(released).graded == ["zoe"]
    assert report(released, NAME)["zoe"]["explain-equal-sizes"].review


@pytest.mark.parametrize("changed", ["limits", "code or packages"])
def test_other_limits_or_another_engine_grade_again_and_keep_what_was_given_by_hand(released, changed, monkeypatch):
    submit(released)
    run(released)
    set_by_hand(released, "explain-equal-sizes", manual_score=2.5, needs_manual_grade=False)
    if changed == "limits":
        options = {"limits": Limits(cell_seconds=21.0)}
    else:
        options = {}
        monkeypatch.setattr("course_utils.grading.assignment.engine_fingerprint", lambda: "another")
    assert run(released, **options).graded == ["zoe"]
    assert run(released, **options).reused == ["zoe"]
    written = report(released, NAME)["zoe"]["explain-equal-sizes"]
    assert (written.points, written.review) == (2.5, False)  # judged once is enough for the same text


def test_the_fingerprint_follows_checks_engine_and_packages_and_not_what_only_carries_files(tmp_path, monkeypatch):
    package, site = tmp_path / "course_utils", tmp_path / "site"
    shutil.copytree(fingerprint.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "datasets"))
    site.mkdir()
    monkeypatch.setattr(fingerprint, "PACKAGE", package)
    monkeypatch.setattr(fingerprint, "GRADING", package / "grading")
    monkeypatch.setattr(fingerprint.sysconfig, "get_path", lambda name: str(site))
    seen = [fingerprint.engine_fingerprint.__wrapped__()]
    for name in ("check.py", "mistakes/layout.py", "grading/worker.py", "grading/runtime/examiner.py"):
        path = package / name
        path.write_text(path.read_text() + "\n# changed\n")
        seen.append(fingerprint.engine_fingerprint.__wrapped__())
    (site / "pandas-2.0.dist-info").mkdir()
    seen.append(fingerprint.engine_fingerprint.__wrapped__())
    assert len(set(seen)) == len(seen)
    for name in ("grading/report.py", "grading/cli.py"):
        path = package / name
        path.write_text(path.read_text() + "\n# changed\n")
    assert fingerprint.engine_fingerprint.__wrapped__() == seen[-1]


def test_a_submission_that_became_unreadable_keeps_no_earlier_score(released):
    submit(released)
    run(released)
    released.notebook("submitted", NAME, "zoe").write_text("not any more")
    assert run(released).refused == ["zoe"]
    assert sum(points(released, "zoe").values()) == 0


def test_one_student_or_one_task_can_be_graded(released):
    for student in ("zoe", "ann"):
        submit(released, student)
    assert run(released, student="ann").graded == ["ann"]
    assert set(report(released, NAME)) == {"ann"}
    run(released)
    submit(released, "zoe", swap_axes="x = 1", run_batch="y = 1")
    assert run(released, student="zoe", task="swap-axes").graded == ["zoe"]
    assert points(released, "zoe")["swap-axes"] == 0
    assert points(released, "zoe")["run-batch"] == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [({"student": "bob"}, "no such submission"), ({"task": "tea"}, "no task 'tea'; choose one of: make-layer,")],
)
def test_an_unknown_student_or_task_is_named(released, options, words):
    submit(released)
    with pytest.raises(CourseError, match=words):
        run(released, **options)


def test_a_changed_assignment_is_graded_anew(released):
    submit(released)
    run(released)
    path = released.notebook("source", NAME)
    path.write_text(path.read_text().replace("s.features, s.hidden, s.layers)", "s.features, s.hidden, 2)"))
    release(released, NAME)
    set_by_hand(released, "explain-equal-sizes", manual_score=1.0)
    assert run(released).graded == ["zoe"]
    assert points(released, "zoe")["explain-equal-sizes"] == 1.0  # the student's text is still the one that was read


def test_late_penalties_follow_nbgraders_plugin(released):
    config = released.root / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    submit(released)
    with released.gradebook() as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate="2020-01-01")
    run(released)
    with released.gradebook() as gradebook:
        submission = gradebook.find_submission(NAME, "zoe")
        assert (submission.score, submission.late_submission_penalty) == (20, 20)


def test_the_autograded_notebook_is_the_students_text_in_the_assignments_form(released):
    submit(released, explain_equal_sizes="because <b>x</b><script>y</script>")
    run(released)
    made = nbformat.read(released.notebook("autograded", NAME, "zoe"), 4)
    nbformat.validate(made)
    cells = {cell.id: cell for cell in made.cells}
    source = {cell.id: cell for cell in nbformat.read(released.notebook("source", NAME), 4).cells}
    assert cells["swap-axes-check"].source == source["swap-axes-check"].source
    assert cells["swap-axes"].source == RIGHT["swap-axes"].strip()
    assert "because <b>x</b>" in cells["explain-equal-sizes"].source
    assert "script" not in cells["explain-equal-sizes"].source
    assert "✓ swapped" in cells["swap-axes-check"].outputs[0].text
    assert made.metadata.unrolled.seed == log(released, "zoe")["seed"]


def test_a_grade_can_be_repeated_from_its_seed(released):
    spec = AssignmentSpec.of(released, NAME)
    text = fill_in(SAMPLES["sample-right-loops"], released.notebook("release", NAME)).encode()
    one, same, other = (grade_bytes(text, spec, Limits(), UNSAFE, seed).notebook for seed in (5, 5, 6))
    assert one == same
    assert one != other


def test_the_interface_is_what_the_solutions_bind(released):
    assert AssignmentSpec.of(released, NAME).interface[:2] == ["make_layer", "rnn_shapes"]
    assert names_bound("import os\nx, (y, z) = 1, (2, 3)\ndef f(a): b = 1\nclass C: d = 1\nfor i in []: w = 1") == [
        "x", "y", "z", "f", "C", "i", "w",
    ]  # fmt: skip


class Immediate(Executor):
    """Any executor will do: this one does the work at once."""

    def submit(self, function, /, *arguments, **keywords):
        future: Future = Future()
        future.set_result(function(*arguments, **keywords))
        return future


def test_any_executor_can_run_the_workers(released):
    submit(released)
    assert grade(released, NAME, Options(unsafe=UNSAFE), executor=Immediate()).graded == ["zoe"]
    assert sum(points(released, "zoe").values()) == 20


def test_autograd_optimizers_and_plots_work_after_the_fork():
    code = """
import torch, matplotlib.pyplot as plt
from torch import nn
layer = nn.RNN(2, 3); optimizer = torch.optim.Adam(layer.parameters())
before = layer.weight_ih_l0.clone()
layer(torch.ones(4, 2))[0].sum().backward(); optimizer.step()
print(bool((before != layer.weight_ih_l0).any()), torch.get_num_threads())
plt.plot([1, 2]); plt.show()
"""
    printed = in_student(code)
    assert "True 1" in printed
    assert "image/png" in printed


def test_random_numbers_are_fresh_in_each_fork_and_follow_the_seed():
    code = "import random, numpy, torch; print(random.random(), numpy.random.rand(), torch.rand(1).item())"
    jobs = [Job([Cell("a", "answer", "code", code)], [], seed, Limits(), 0) for seed in (1, 1, 2)]
    one, same, other = (shared_backend(UNSAFE).examine(job).outputs["a"][0]["text"] for job in jobs)
    assert one == same
    assert not set(one.split()) & set(other.split())


def test_a_student_who_raises_the_thread_count_is_not_stopped_by_it():
    code = "import torch; torch.set_num_threads(2)\nx = torch.randn(400, 400)\nfor _ in range(30): x = (x @ x).tanh()\nprint('done')"
    assert "done" in in_student(code, cell_seconds=15.0)


def forks_of(process) -> set[str]:
    return set(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())


def test_an_examiner_ends_with_its_request(monkeypatch):
    monkeypatch.setattr("course_utils.grading.runtime.backend.PATIENCE", 1.0)
    backend = shared_backend(UNSAFE)
    before = forks_of(backend.examiners)
    with pytest.raises(ExaminationError, match="took over 2 s"):
        backend.examine(Job([Cell("t", "test", "code", "while True: pass")], [], 1, Limits(total_seconds=1), 0))
    while forks_of(backend.examiners) - before:
        time.sleep(0.01)
    assert in_student("print('next')") == "next\n"


def test_an_examiner_has_a_limit_of_memory():
    job = Job([Cell("t", "test", "code", "bytearray(4 << 30)")], [], 1, Limits(memory_mib=1000), 0)
    with pytest.raises(ExaminationError, match="the examination failed: MemoryError"):
        shared_backend(UNSAFE).examine(job)


@pytest.mark.skipif(UNSAFE or os.getuid() != 0, reason="only root gives each student a user of its own")
def test_a_wall_that_cannot_be_built_is_not_the_students_fault():
    job = Job([Cell("a", "answer", "code", "x = 1")], [], 1, Limits(), "no number")
    with pytest.raises(ExaminationError, match="did not start: TypeError"):
        shared_backend(UNSAFE).examine(job)


@needs_bwrap
def test_where_there_is_no_libseccomp_grading_refuses_and_names_the_remedy(monkeypatch):
    syscalls.program.cache_clear()
    monkeypatch.setitem(sys.modules, "pyseccomp", None)
    with pytest.raises(NoIsolationError, match="install Debian's package libseccomp2"):
        outer_command(["python"])


@needs_bwrap
def test_a_students_process_is_shut_in():
    code = "import os\nnets = [line.split(':')[0].strip() for line in list(open('/proc/net/dev'))[2:]]\n"
    code += "print(os.getpid(), sorted(os.listdir('.')), os.environ.get('HOME'), nets, os.getuid() > 1000)"
    assert in_student(code) == "1 [] /student ['lo'] True\n"


def test_without_bubblewrap_grading_refuses_and_names_the_remedy(released, monkeypatch, capsys):
    monkeypatch.setattr("course_utils.grading.runtime.sandbox.shutil.which", lambda name: None)
    with pytest.raises(NoIsolationError, match="bubblewrap, or pass --unsafe"):
        outer_command(["python"])
    close_backends()
    submit(released)
    assert cli.main(["--course", str(released.root), "grade", NAME]) == 1
    assert "pass --unsafe" in capsys.readouterr().err
    assert not (released.root / "autograded" / "zoe").exists()


def test_unsafe_is_there_for_those_who_ask(released, capsys):
    submit(released)
    assert cli.main(["--course", str(released.root), "grade", NAME, "--unsafe", "--verbose"]) == 0
    assert capsys.readouterr().out.startswith("1 graded; ")
    assert (released.root / "autograded" / "zoe" / NAME / "log.txt").exists()


def test_limits_are_set_in_one_place(released):
    config = released.root / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.Limits.memory_mib = 700\n")
    assert released.limits() == Limits(memory_mib=700)
    config.write_text(config.read_text() + "\nc.Limits.tea = 1\n")
    with pytest.raises(CourseError, match=r"c\.Limits\.tea is an unknown limit; choose one of cell_seconds, "):
        released.limits()


def test_the_doctors_probe_sees_a_missing_wall(released, monkeypatch):
    from course_utils.grading import doctor

    monkeypatch.setattr(doctor, "shared_backend", lambda unsafe: shared_backend(unsafe=True))
    finding = doctor._isolation(released)
    assert not finding.fine
    assert "saw the course" in finding.seen
    assert "wrote to the course" in finding.seen
    assert "reached the network" in finding.seen
    assert "bubblewrap" in finding.remedy


def test_warm_processes_that_are_gone_are_started_again_and_cost_nobody_a_point(released):
    spec = AssignmentSpec.of(released, NAME)
    text = fill_in(SAMPLES["sample-right-loops"], released.notebook("release", NAME)).encode()
    for process in (shared_backend(UNSAFE).students, shared_backend(UNSAFE).examiners):
        process.kill()
        process.wait()
        result = grade_bytes(text, spec, Limits(), UNSAFE)
        assert (sum(result.scores.values()), result.events, result.failed) == (20.0, [], "")


def test_warm_processes_outlive_the_thread_that_asked_for_them_first(released):
    close_backends()
    thread = threading.Thread(target=shared_backend, args=(UNSAFE,))
    thread.start()
    thread.join()
    assert "done" in in_student("print('done')")


def test_what_a_student_writes_to_the_terminal_does_not_get_there(capfd):
    close_backends()  # a warm process writes where it was told to when it was started
    assert "end" in in_student("import os; os.write(1, b'OWNED'); os.write(2, b'OWNED'); print('end')")
    close_backends()
    assert "OWNED" not in "".join(capfd.readouterr())


def test_replays_count_for_the_time_of_a_submission():
    """However fast the machine is, the sleeps of the second start alone are over the total; none is left for a third."""
    slow = [Cell(f"slow-{n}", "answer", "code", "import time; time.sleep(1.5)") for n in range(3)]
    ends = [Cell(f"end-{n}", "answer", "code", "import os; os._exit(0)") for n in range(3)]
    limits = Limits(cell_seconds=20.0, total_seconds=6.0, restarts=3)
    events = shared_backend(UNSAFE).examine(Job([*slow, *ends], [], 0, limits, 0)).events
    assert [event for event in events if event.fate in (Fate.TOTAL_TIMEOUT, Fate.NOT_RESTARTED)]
    assert len([event for event in events if event.fate == Fate.PROCESS_DIED]) <= 1

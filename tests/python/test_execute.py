"""Code of users: values, errors, isolation, artifacts."""

import json
import os
import sys

import pytest


def test_the_value_of_the_last_expression_is_the_result(code):
    assert code("a = 20\na + 1").result == 21


def test_result_variable_wins_over_the_last_expression(code):
    assert code("_result_ = 'this'\n5").result == "this"


def test_code_without_a_value_completes_with_null(code):
    outcome = code("x = 1")
    assert (outcome.state, outcome.result, outcome.started) == ("completed", None, True)


def test_the_promised_names_are_there(code):
    text = "[App is FreeCAD, Part.__name__, math.pi > 3, inputs, job.id, __name__, job.scratch]"
    result = code(text).result
    assert result[:4] == [True, "Part", True, {}] and result[5] == "__main__"


def test_main_guard_runs(code):
    assert code("if __name__ == '__main__':\n    _result_ = 7").result == 7


def test_a_shape_becomes_a_summary_and_an_artifact(code):
    import Part
    outcome = code("Part.makeBox(10, 20, 30)")
    assert outcome.result["volume"] == pytest.approx(6000)
    assert outcome.result["artifact"] == "result.brep" and outcome.artifacts == ["result.brep"]
    shape = Part.Shape()
    shape.importBrep(str(outcome.file("result.brep")))
    assert shape.Volume == pytest.approx(6000)


def test_several_shapes_become_several_artifacts(code):
    outcome = code("{'a': Part.makeBox(1,1,1), 'b c': [Part.makeSphere(1)], 'n': 3}")
    assert outcome.artifacts == ["result.brep", "shape_b_c_0.brep"]
    assert outcome.result["b c"][0]["artifact"] == "shape_b_c_0.brep"


def test_many_shapes_are_bounded_and_it_is_said(code):
    outcome = code("[Part.makeBox(1, 1, i + 1) for i in range(40)]")
    assert outcome.state == "completed" and len(outcome.artifacts) == 32
    assert "note" in outcome.result[39]


def test_a_null_shape_as_result_is_told_as_null(code):
    assert code("Part.Shape()").result == {"type": "Null", "valid": False}


def test_an_exception_tells_line_and_snippet_of_the_users_frames_only(code):
    outcome = code("def f(x):\n    return 1 / x\n\nf(0)")
    assert (outcome.state, outcome.reason) == ("failed", "exception")
    error = outcome.error
    assert error["type"] == "ZeroDivisionError" and error["line"] == 2
    assert "return 1 / x" in error["snippet"] and "line 4, in <module>" in error["traceback"]
    assert "execute.py" not in error["traceback"]


def test_a_cause_is_told(code):
    outcome = code("try:\n    {}['k']\nexcept KeyError as e:\n    raise ValueError('bad') from e")
    assert "caused by KeyError" in outcome.error["traceback"]


def test_an_exception_of_freecad_is_readable(code):
    outcome = code("Part.makeBox(-1, 1, 1)")
    assert outcome.reason == "exception" and outcome.error["message"]
    assert not outcome.error["message"].startswith("{")


@pytest.mark.parametrize("text, line", [("def f(x:\n  pass", 1), ("a = 1\nb = = 2", 2)])
def test_a_syntax_error_tells_line_and_snippet_before_anything_runs(code, text, line):
    outcome = code(text)
    assert outcome.reason == "exception" and not outcome.started
    assert outcome.error["type"] in ("SyntaxError", "IndentationError")
    assert outcome.error["line"] == line and outcome.error["snippet"]


@pytest.mark.parametrize("text, reason, kind", [
    ("import sys; sys.exit(0)", "exception", "SystemExit"),
    ("raise KeyboardInterrupt", "exception", "KeyboardInterrupt"),
    ("x = b'a' * (1 << 46)", "memory", "MemoryError"),
    ("def f(): f()\nf()", "exception", "RecursionError"),
    ("class E(BaseException):\n  def __str__(self): raise 1\nraise E", "exception", "E"),
    ("raise Exception('a\\0b\\ud800')", "exception", "Exception"),
    ("raise Exception('x' * 10000000)", "exception", "Exception")])
def test_every_way_to_fail_is_one_result_with_a_reason(code, text, reason, kind):
    outcome = code(text)
    assert (outcome.state, outcome.reason, outcome.error["type"]) == ("failed", reason, kind)
    assert len(outcome.last["error"]) < 20000 and "\\u0000" not in outcome.last["error"]


@pytest.mark.parametrize("text, words", [
    ("a = 1\nb = '\0'", "NUL character in line 2"), ("'\ud800'", "lone surrogate in line 1"),
    ("#" + "é" * 600000, "at most 1048576")], ids=["nul", "surrogate", "size"])
def test_code_that_is_no_text_is_invalid(code, text, words):
    outcome = code(text)
    assert outcome.reason == "invalid" and words in outcome.error["message"]


@pytest.mark.parametrize("text", ["(" * 5000 + ")" * 5000, "-" * 100000 + "1",
                                  "x" + ".a" * 100000, "+".join("1" * 50000)],
                         ids=["parentheses", "signs", "attributes", "sums"])
def test_deeply_nested_code_is_an_error_not_a_crash(catalogue, text):
    """In a process of its own: Python's compiler may not survive all of these."""
    from fcj import execute
    try:
        execute.compile_code(text)
    except execute.BadCode as error:
        assert error.error["type"] == "SyntaxError"


def test_nothing_leaks_into_the_next_job(code):
    main = sys.modules["__main__"]
    code("leak = 1\nimport builtins")
    assert sys.modules["__main__"] is main
    assert code("'leak' in globals()").result is False


def test_a_large_result_becomes_an_artifact_and_says_so(code):
    outcome = code("['x' * 100] * 1000")
    assert outcome.artifacts == ["result.json"] and "result.json" in outcome.result["note"]
    assert len(json.loads(outcome.file("result.json").read_text())) == 1000
    assert len(outcome.last["result"]) < 2000


@pytest.mark.parametrize("text", ["'x' * 9000000", "[1.5] * 3000000", "['x' * 1000] * 10000",
                                  "{i: 'y' * 1000 for i in range(10000)}"])
def test_a_result_over_the_bound_is_a_clear_error(code, text):
    outcome = code(text)
    assert outcome.reason == "exception" and outcome.error["type"] == "ResultTooLarge"
    assert "job.artifact" in outcome.error["message"]


def test_progress_is_clamped_and_bounded(code):
    outcome = code("job.progress(2, 'x' * 10000)\njob.progress(float('nan'))\njob.progress(-1)")
    sent = [message for message in outcome.sent if message["type"] == "progress"]
    assert [message["fraction"] for message in sent] == [1.0, 0.0, 0.0]
    assert len(sent[0]["message"]) <= 512 and "left out" in sent[0]["message"]


def test_stdout_is_by_lines_and_survives_odd_text(code, capfd):
    before = sys.stdout, sys.stderr
    try:
        code("print('ä\\ud800')\njob.log('logged')\nimport sys\nprint('e', file=sys.stderr)")
        code("import sys\nsys.stdout = None\nprint('gone')")
    finally:
        sys.stdout, sys.stderr = before
    out = capfd.readouterr()
    assert out.out.splitlines() == ["ä\\ud800", "logged"] and out.err == "e\n"


def test_artifacts_of_every_kind(code):
    outcome = code("""
import pathlib
open('made.txt', 'w').write('from a file')
b = Part.makeBox(1, 2, 3)
job.artifact('a.txt', 'text'); job.artifact('b.bin', b'123'); job.artifact('c.json', {'v': App.Vector(1,2,3)})
job.artifact('d.txt', 'made.txt'); job.artifact('e.txt', pathlib.Path('made.txt'))
for kind in 'step iges brep stl obj 3mf FCStd'.split():
    job.artifact('p.' + kind, b)
job.artifact('a.txt', 'text again')
len(job.artifacts)
""")
    assert outcome.state == "completed", outcome.error
    assert outcome.result == 12 == len(outcome.artifacts)
    assert outcome.file("a.txt").read_text() == "text again"
    assert outcome.file("d.txt").read_text() == outcome.file("e.txt").read_text() == "from a file"
    assert json.loads(outcome.file("c.json").read_text()) == {"v": [1, 2, 3]}
    assert outcome.file("p.step").read_text().startswith("ISO-10303-21")
    assert outcome.file("p.3mf").read_bytes().startswith(b"PK")
    mimes = {m["name"]: m["mime"] for m in outcome.sent if m["type"] == "artifact"}
    assert mimes["p.step"] == "model/step" and mimes["b.bin"] == "application/octet-stream"


@pytest.mark.parametrize("line, words", [
    ("job.artifact('../x', b'')", "artifact name"), ("job.artifact('a/b', b'')", "artifact name"),
    ("job.artifact('', b'')", "artifact name"), ("job.artifact('.x', b'')", "artifact name"),
    ("job.artifact('x\\0', b'')", "artifact name"), ("job.artifact('x' * 200, b'')", "artifact name"),
    ("job.artifact('x.step', 'missing.step')", "there is no file"),
    ("job.artifact('x.dat', object())", "can't be written"),
    ("job.artifact('x.foo', Part.makeBox(1,1,1))", "no writer"),
    ("job.artifact('x.stl', Part.makeLine((0,0,0),(1,0,0)))", "without faces"),
    ("job.artifact('x.step', Part.Shape())", "null"),
    ("import os; os.symlink('/etc/passwd', 'l'); job.artifact('x.txt', 'l')", "symbolic link"),
    ("import os; os.mkfifo('f'); job.artifact('x.txt', 'f')", "regular file"),
    ("[job.artifact(f'{i}.txt', 'x') for i in range(65)]", "at most 64")])
def test_bad_artifacts_are_errors_that_say_why(code, line, words):
    outcome = code(line)
    assert outcome.state == "failed" and words in outcome.error["message"]


def test_a_link_planted_in_artifacts_is_replaced_not_followed(code, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    outcome = code(f"import os\nos.symlink({str(victim)!r}, 'artifacts/a.txt')\njob.artifact('a.txt', 'new')")
    assert victim.read_text() == "untouched" and outcome.file("a.txt").read_text() == "new"
    assert not os.path.islink(outcome.file("a.txt"))


def test_documents_work_without_a_window_and_stay_in_scratch(code):
    outcome = code("""
d = App.newDocument('D')
o = d.addObject('Part::Box', 'Box'); d.recompute()
_result_ = {'o': o, 'd': d, 'dir': d.TransientDir.startswith(job.scratch)}
App.closeDocument('D')
""")
    assert outcome.state == "completed", outcome.error
    assert outcome.result["dir"] is True


def test_memory_and_cpu_are_told(code):
    last = code("1").last
    assert last["memory"] > 1 << 20 and last["cpu_ms"] >= 0


def test_an_object_of_a_document_gives_its_shape_as_artifact(code):
    outcome = code("""
d = App.newDocument('E')
o = d.addObject('Part::Box', 'Box'); d.recompute()
o
""")
    import FreeCAD
    FreeCAD.closeDocument("E")
    assert outcome.result["shape"]["artifact"] == "result.brep"
    assert outcome.result["type"] == "Part::Box" and outcome.artifacts == ["result.brep"]

"""References: every form of workers/PROTOCOL.md, and every way to be wrong."""

import json
import os

import pytest

from conftest import OTHER, box, brep

READ = "s = inputs['s']\n(type(s).__name__, getattr(s, 'Volume', None))"


def ref(artifacts=None, state="completed", **more):
    return {OTHER: {"state": state, "artifacts": json.dumps(artifacts or []), **more}}


def test_inline_brep(code):
    outcome = code(READ, inputs={"s": brep(box())})
    assert outcome.result == ["Solid", pytest.approx(1000)]


def test_the_result_shape_of_a_job(code, blob):
    fd = blob(box().exportBrepToString().encode())
    refs = ref([{"name": "result.brep", "mime": "", "size": 1, "hash": "h"}])
    outcome = code(READ + f"\n_result_ = [s.Volume, job.result('{OTHER}').Volume]",
                   inputs={"s": {"job": OTHER}}, refs=refs, blobs={"h": fd})
    assert outcome.result == pytest.approx([1000, 1000])


def test_the_result_value_of_a_job_without_a_shape(code):
    assert code("inputs['s']", inputs={"s": {"job": OTHER}}, refs=ref(result='{"a": 1}')
                ).result == {"a": 1}


def test_a_large_result_value_is_read_from_its_artifact_or_blob(code, blob):
    note = json.dumps({"note": "...", "artifact": "result.json"})
    refs = ref([{"name": "result.json", "hash": "h"}], result=note)
    assert code("inputs['s']", inputs={"s": {"job": OTHER}}, refs=refs,
                blobs={"h": blob(b"[1, 2]")}).result == [1, 2]
    assert code("inputs['s']", inputs={"s": {"job": OTHER}}, refs=ref(result_blob="b"),
                blobs={"b": blob(b"[3]")}).result == [3]


@pytest.mark.parametrize("kind, expected", [("step", "Solid"), ("iges", "Compound"), ("brep", "Solid"),
                                            ("stl", "MeshObject"), ("obj", "MeshObject"), ("bin", "bytes")])
def test_artifacts_of_a_job_by_their_type(run, code, blob, tmp_path, kind, expected):
    from fcj import formats
    path = tmp_path / f"x.{kind}"
    if kind == "bin":
        path.write_bytes(b"123")
    else:
        formats.write(box(), str(path), kind)
    outcome = code(READ, inputs={"s": {"job": OTHER, "artifact": path.name}},
                   refs=ref([{"name": path.name, "hash": "h"}]), blobs={"h": blob(path.read_bytes())})
    assert outcome.state == "completed", outcome.error
    assert outcome.result[0] == expected or (kind == "iges" and outcome.result[0])
    assert [name for name in os.listdir(outcome.scratch) if name.startswith(".input")] == []


@pytest.fixture
def root(catalogue, tmp_path):
    from fcj import formats
    top = tmp_path / "root"
    (top / "sub").mkdir(parents=True)
    for kind in ("step", "iges", "brep", "stl"):
        formats.write(box(), str(top / "sub" / f"part.{kind}"), kind)
    formats.write_document([("My box", box())], str(top / "a.FCStd"))
    (top / "bad.step").write_text("no step")
    (top / "bad.brep").write_text("no brep")
    (top / "bad.FCStd").write_text("no zip")
    (top / "dir.step").mkdir()
    (tmp_path / "secret.step").write_text("secret")
    os.symlink(tmp_path / "secret.step", top / "link.step")
    os.symlink(top / "sub" / "part.step", top / "inner.step")
    os.symlink(tmp_path, top / "up")
    return top


@pytest.mark.parametrize("kind, volume", [("step", 1000), ("iges", 1000), ("brep", 1000), ("stl", 1000)])
def test_files_below_a_root(code, root, kind, volume):
    for path in (f"sub/part.{kind}", str(root / "sub" / f"part.{kind}")):
        outcome = code(READ, inputs={"s": {"file": path}}, roots=["/nonexistent", root])
        assert outcome.state == "completed", outcome.error
        assert abs(outcome.result[1]) == pytest.approx(volume)


@pytest.mark.parametrize("name", ["Shape", "My box"])
def test_an_object_of_a_document_by_name_or_label(code, root, name):
    outcome = code(READ + "\n[s.Volume, len(App.listDocuments())]",
                   inputs={"s": {"file": "a.FCStd", "object": name}}, roots=[root])
    assert outcome.state == "completed", outcome.error
    assert outcome.result == [pytest.approx(1000), 0]


@pytest.mark.parametrize("reference, words", [
    ({"file": "none.step"}, "there is no file"), ({"file": "bad.step"}, "file 'bad.step': it does not read as STEP"),
    ({"file": "bad.brep"}, "holds no shape"), ({"file": "../secret.step"}, "'..'"),
    ({"file": "/etc/passwd.step"}, "outside the workspace roots"),
    ({"file": "/etc/passwd"}, "outside the workspace roots"),
    ({"file": "link.step"}, "symbolic links"), ({"file": "inner.step"}, "symbolic links"),
    ({"file": "up/secret.step"}, "symbolic links"), ({"file": "dir.step"}, "regular file"),
    ({"file": "a\0.step"}, "NUL"), ({"file": "x.exe"}, "must end in"), ({"file": "x"}, "must end in"),
    ({"file": "a.FCStd"}, "needs the object"), ({"file": "bad.FCStd", "object": "B"}, "does not open"),
    ({"file": "a.FCStd", "object": "Nope"}, "it has: Shape"),
    ({"file": "sub/part.step", "object": "B"}, "FCStd file only"),
    ({"brep": "junk"}, "holds no shape"), ({"brep": ""}, "at least 1"), ({"brep": 5}, "a string"),
    ({}, "exactly one"), ({"job": OTHER, "file": "x.step"}, "exactly one"),
    ({"artifact": "a.step", "brep": "x"}, "goes with"), ({"job": "x"}, "does not match"),
    ({"job": OTHER}, "is unknown here"), ("text", "must be a reference"), (None, "must be a reference"),
    ({"nope": 1}, "has no 'nope'")])
def test_a_bad_reference_is_invalid_names_the_input_and_runs_nothing(code, root, reference, words):
    outcome = code("1", inputs={"part": reference}, roots=[root])
    assert (outcome.state, outcome.reason, outcome.started) == ("failed", "invalid", False)
    assert "part" in outcome.error["message"] and words in outcome.error["message"], outcome.error


def test_no_roots_is_said(code):
    assert "no workspace root" in code("1", inputs={"s": {"file": "a.step"}}).error["message"]


@pytest.mark.parametrize("refs, reference, words", [
    (ref(state="failed"), {"job": OTHER}, "is failed"),
    (ref([{"name": "a.step", "hash": "h"}]), {"job": OTHER, "artifact": "b.step"}, "it has: a.step"),
    (ref([{"name": "a.step", "hash": "h"}]), {"job": OTHER, "artifact": "a.step"}, "did not come along")])
def test_a_job_that_has_no_such_result_is_invalid(code, refs, reference, words):
    outcome = code("1", inputs={"s": reference}, refs=refs)
    assert outcome.reason == "invalid" and words in outcome.error["message"]


def test_arguments_and_inputs_from_blobs(run, blob):
    arguments = blob(json.dumps({"code": "inputs['s'].Volume"}).encode())
    references = blob(json.dumps({"s": brep(box())}).encode())
    outcome = run("execute_code_async", "", blobs={"a": arguments, "i": references},
                  arguments_blob="a", inputs_blob="i")
    assert outcome.result == pytest.approx(1000)


@pytest.mark.parametrize("text", ["{", "[]", '"x"', '{"code": NaN}', "[" * 100000, "{} x"])
def test_arguments_that_are_no_json_object_are_invalid(run, text):
    outcome = run("execute_code_async", text)
    assert outcome.reason == "invalid" and "arguments" in outcome.error["message"]


@pytest.mark.parametrize("arguments, words", [
    ({}, "lacks 'code'"), ({"code": 5}, "must be a string"), ({"code": ""}, "at least 1"),
    ({"code": "1", "x": 1}, "has no 'x'")])
def test_arguments_are_checked_against_the_schema(run, arguments, words):
    outcome = run("execute_code_async", arguments)
    assert outcome.reason == "invalid" and words in outcome.error["message"]


def test_an_unknown_tool_is_invalid(run):
    outcome = run("nope", {})
    assert outcome.reason == "invalid" and "nope" in outcome.error["message"]


def test_too_many_inputs(code):
    outcome = code("1", inputs={f"i{n}": {"brep": "x"} for n in range(257)})
    assert outcome.reason == "invalid" and "at most 256" in outcome.error["message"]

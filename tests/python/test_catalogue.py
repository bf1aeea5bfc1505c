"""The catalogue: made without FreeCAD, the same each time, in the subset."""

import json
import subprocess
import sys

import pytest

from conftest import TOOLS

HANDLER = '''
from typing import Annotated
from fcj import tool, Job, Shape, Length, Bound

@tool(needs="document", toolset="mine", title="Mine", read_only=True)
def my_tool(job: Job, part: Shape, size: Length, note: str | None = None) -> dict[str, float]:
    """What it does.

    Parameters
    ----------
    size : float
        How big, in mm.
    """
    return {"size": size}
'''


def build(out, *directories):
    return subprocess.run([sys.executable, "-m", "fcj.catalogue", str(out), *map(str, directories)],
                          cwd=TOOLS, env={"PATH": "/usr/bin"}, capture_output=True, text=True)


def test_it_is_the_same_each_time_and_needs_no_freecad(tmp_path):
    blocked = "import sys; sys.modules['FreeCAD'] = sys.modules['Part'] = None; " \
              "from fcj.catalogue import main; sys.exit(main([%r]))"
    subprocess.run([sys.executable, "-c", blocked % str(tmp_path / "a")], cwd=TOOLS, check=True)
    assert build(tmp_path / "b").returncode == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_every_tool_of_this_step_is_there_with_all_its_parts(catalogue):
    tools = {tool["name"]: tool for tool in catalogue["tools"]}
    assert set(tools) >= {"execute_code_async", "fuse_shapes_async", "cut_shapes_async",
                          "common_shapes_async", "loft_async", "export_async", "self_check"}
    assert list(tools) == sorted(tools) and len(catalogue["hash"]) == 64
    for tool in tools.values():
        assert tool["title"] and len(tool["description"]) > 40
        assert set(tool["options"]) <= set(tool["inputSchema"]["properties"])
        own = set(tool["inputSchema"]["properties"]) - set(tool["options"])
        assert all("description" in tool["inputSchema"]["properties"][name] for name in own), tool["name"]
        if tool.get("internal") or tool["lane"] != "compute":
            continue
        assert tool["hold_s"] == 0 and "job_id" in tool["outputSchema"]["properties"]
        options = {"inputs", "timeout_s", "queue_timeout_s", "priority", "depends_on",
                   "idempotency_key", "name"}
        if "native" in tool:
            options |= {"threads", "memo", "isolated"} | set(tool["options"]) & {"engine"}
        assert "get_job_status" in tool["description"] and set(tool["options"]) == options


def test_a_native_tool_says_how_its_arguments_become_a_pipeline(catalogue):
    native = {tool["name"]: tool for tool in catalogue["tools"] if "native" in tool}
    assert len(native) >= 19 and "run_pipeline_async" in native
    for tool in native.values():
        assert tool["engine"] == "native" and tool["native"]["pipeline"]["steps"]
        own = set(tool["inputSchema"]["properties"]) - set(tool["options"])
        used = json.dumps(tool["native"])
        assert all(f'"{name}"' in used for name in own), tool["name"]
    assert "engine" in native["fuse_shapes_async"]["options"]
    assert "engine" not in native["fillet_async"]["options"]


def test_tools_of_live_documents_are_held_and_take_few_options(catalogue):
    live = [tool for tool in catalogue["tools"]
            if tool["needs"] in ("document", "gui") and not tool.get("internal")]
    assert len(live) >= 25
    for tool in live:
        assert tool["lane"] == "gui" and tool["hold_s"] > 0 and "timeout_s" in tool["options"]
        assert set(tool["outputSchema"].get("properties", {})) == set(
            tool["resultSchema"].get("properties", {})), "an outline of it"


def test_what_clients_are_shown_says_less_and_nothing_else(catalogue):
    jsonschema = pytest.importorskip("jsonschema")
    for tool in catalogue["tools"]:
        whole, shown = tool["inputSchema"], tool["shown"]["inputSchema"]
        jsonschema.Draft202012Validator.check_schema(shown)
        extra = {"wait_s"} if tool["hold_s"] == 0 else set()
        assert set(shown["properties"]) == set(whole["properties"]) | extra
        assert shown.get("required") == whole.get("required") and shown["type"] == "object"
        assert "x-fcj" not in json.dumps(shown)
        for name, child in whole["properties"].items():
            assert shown["properties"][name].get("description") == child.get("description")
            assert shown["properties"][name].get("enum") == child.get("enum")
    tools = {tool["name"]: tool["shown"]["inputSchema"] for tool in catalogue["tools"]}
    checker = jsonschema.Draft202012Validator(tools["loft_async"])
    assert checker.is_valid({"profiles": [{"center": [0, 0, 0], "radius": 1}, {"job": "x"}],
                             "inputs": {"a": {"brep": "x"}}})
    assert not checker.is_valid({"profiles": [5]}) and not checker.is_valid({"profiles": []})
    assert not checker.is_valid({"profiles": ["a", "b"], "other": 1})


def test_the_tools_that_are_offered_first_are_little_to_read(catalogue):
    size = sum(len(json.dumps([tool["description"], tool["shown"]["inputSchema"], tool["outputSchema"]],
                              separators=(",", ":")))
               for tool in catalogue["tools"]
               if tool["toolset"] in ("core", "jobs") and not tool.get("internal"))
    assert size < 56_000, "what is added for each model to read should be worth it"


def test_reference_parameters_are_marked(catalogue):
    marked = {tool["name"]: [name for name, child in tool["inputSchema"]["properties"].items()
                             if child.get("x-fcj-input")] for tool in catalogue["tools"]}
    assert marked["fuse_shapes_async"] == ["shapes"] and marked["cut_shapes_async"] == ["base", "tools"]
    assert marked["loft_async"] == ["profiles"] and marked["execute_code_async"] == []


def test_schemas_are_valid_and_our_checker_agrees_with_jsonschema(catalogue):
    jsonschema = pytest.importorskip("jsonschema")
    from fcj import schema
    from fcj.errors import Invalid
    tools = {tool["name"]: tool for tool in catalogue["tools"]}
    for tool in tools.values():
        for key in ("inputSchema", "outputSchema", "resultSchema"):
            jsonschema.Draft202012Validator.check_schema(tool[key])
    brep = {"brep": "x"}
    for name, value in [
            ("fuse_shapes_async", {"shapes": [brep, "a"]}), ("fuse_shapes_async", {"shapes": [brep]}),
            ("fuse_shapes_async", {"shapes": [brep, 5]}), ("fuse_shapes_async", {}),
            ("fuse_shapes_async", {"shapes": [brep, brep], "priority": "urgent"}),
            ("fuse_shapes_async", {"shapes": [brep, brep], "timeout_s": 0}),
            ("loft_async", {"profiles": [{"center": [0, 0, 0], "radius": 1}] * 2}),
            ("loft_async", {"profiles": [{"center": [0, 0, 0]}] * 2}),
            ("loft_async", {"profiles": [brep, brep], "max_degree": 5.0}),
            ("loft_async", {"profiles": [brep, brep], "solid": "yes"}),
            ("export_async", {"shapes": ["a"], "formats": ["step"], "file_name": "ok"}),
            ("export_async", {"shapes": ["a"], "file_name": "not ok"})]:
        try:
            schema.check(value, tools[name]["inputSchema"])
            ours = True
        except Invalid:
            ours = False
        theirs = jsonschema.Draft202012Validator(tools[name]["inputSchema"]).is_valid(value)
        assert ours == theirs, (name, value)


def test_results_fit_their_schema(catalogue, run):
    jsonschema = pytest.importorskip("jsonschema")
    from conftest import box, brep
    tools = {tool["name"]: tool for tool in catalogue["tools"]}
    for name, arguments in [("self_check", {}), ("fuse_shapes_async", {"shapes": [brep(box())] * 2}),
                            ("loft_async", {"profiles": [{"center": [0, 0, z], "radius": 1} for z in (0, 5)]}),
                            ("export_async", {"shapes": [brep(box())]})]:
        outcome = run(name, arguments)
        assert outcome.state == "completed", outcome.error
        jsonschema.validate(outcome.result, tools[name]["resultSchema"])


def test_a_users_directory_is_loaded_too(tmp_path):
    (tmp_path / "mine.py").write_text(HANDLER)
    assert build(tmp_path / "out", tmp_path).returncode == 0
    tools = {tool["name"]: tool for tool in json.loads((tmp_path / "out").read_text())["tools"]}
    mine = tools["my_tool"]
    assert mine["lane"] == "gui" and mine["hold_s"] == 20 and mine["annotations"]["readOnlyHint"]
    schema = mine["inputSchema"]
    assert schema["required"] == ["part", "size"] and schema["properties"]["part"]["x-fcj-input"]
    assert schema["properties"]["size"] == {"type": "number", "minimum": 0, "description": "How big, in mm."}
    assert mine["own"] and "own" not in tools["loft_async"]
    assert mine["outputSchema"] == {"type": "object", "additionalProperties": {"type": "number"}}


@pytest.mark.parametrize("change, words", [
    (("size: Length", "size"), "no type hint"), (("size: Length", "timeout_s: Length"), "timeout_s"),
    (('"""What it does.', '"""'), "docstring"), (('needs="document"', 'needs="x"'), "needs='x'"),
    (("size : float", "sise : float"), "sise"), (("size: Length", "size: object"), "no JSON schema"),
    (("def my_tool", "def fuse_shapes_async"), "already defined"), (("def my_tool", "def My"), "lower case"),
    (("import tool", "import nothing"), "nothing"), (("return {", "return ("), "line")])
def test_a_broken_handler_stops_the_load_and_names_its_file(tmp_path, change, words):
    (tmp_path / "mine.py").write_text(HANDLER.replace(*change))
    done = build(tmp_path / "out", tmp_path)
    assert done.returncode == 1 and not (tmp_path / "out").exists()
    assert "mine.py" in done.stderr and words in done.stderr, done.stderr


@pytest.mark.parametrize("bad, words", [
    ({"type": "text"}, "no type"), ({"enum": []}, "enum"), ({"minimum": "1"}, "number"),
    ({"minimum": 2, "maximum": 1}, "more than"), ({"pattern": r"^\d+$"}, "pattern"),
    ({"pattern": "(?i)a"}, "pattern"), ({"type": "integer", "default": "x"}, "default"),
    ({"oneOf": [{}]}, "outside the subset"), ({"required": ["a"]}, "no property")])
def test_a_schema_that_is_wrong_stops_the_build(bad, words):
    from fcj import schema
    with pytest.raises(TypeError, match=words):
        schema.check_subset({"type": "object", "properties": {"x": bad}}, "here")


def test_a_missing_directory_is_said(tmp_path):
    assert "does not exist" in build(tmp_path / "out", tmp_path / "none").stderr


def test_a_record_is_described_once_in_a_tool(catalogue):
    cut = next(tool for tool in catalogue["tools"] if tool["name"] == "cut_shapes_async")
    assert json.dumps(cut["inputSchema"]).count("One of: ") == 1


def test_a_handler_edited_twice_in_a_second_is_the_last_one(tmp_path):
    code = ("import os, sys\nfrom fcj import loader\nfile = sys.argv[1] + '/mine.py'\n"
            "for n in '12':\n    open(file, 'w').write(f'VALUE = {n}\\n')\n"
            "    os.utime(file, (1e9, 1e9))\n    loader.reload([sys.argv[1]])\n"
            "print(sys.modules['fcj_user_0_mine'].VALUE)\n")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True,
                          cwd=TOOLS)
    assert done.stdout == "2\n", done.stderr

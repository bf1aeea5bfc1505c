"""The shape tools: many solids in one operation, and files that are read
again by plain FreeCAD."""

from __future__ import annotations

import base64
import json
import math
import subprocess

import pytest
from service import BIN, Answer, Http, Service


def shapes(client: Http, *codes: str) -> list[dict[str, str]]:
    """A job each; references to their results."""
    jobs = [client.submit("V = FreeCAD.Vector\n" + c) for c in codes]
    for job in jobs:
        assert client.wait(job)["state"] == "completed", client.result(job)
    return [{"job": j} for j in jobs]


def done(client: Http, tool: str, **arguments) -> Answer:
    job = client.start(tool, **arguments)
    client.wait(job)
    answer = client.result(job)
    assert answer["state"] == "completed", f"{answer}"
    return answer


def measured(client: Http, answer: Answer, code: str) -> object:
    """The value of code with s the result shape of that job."""
    got = client.run("s = inputs['s']\n" + code,
                     inputs={"s": {"job": answer["job_id"]}})
    assert got["state"] == "completed", f"{got}"
    return got["result"]


def test_a_fuse_of_sixty_solids_is_one_operation(client: Http) -> None:
    refs = shapes(client, *[
        f"Part.makeBox(10, 10, 10, V({i * 8}, 0, 0))" if i % 2 else
        f"Part.makeSphere(6, V({i * 8 + 5}, 5, 5))" for i in range(60)])
    answer = done(client, "fuse_shapes_async", shapes=refs)
    assert measured(client, answer, "[len(s.Solids), s.isValid(), "
                    "s.BoundBox.XLength > 400]") == [1, True, True]
    assert any(a["name"] == "result.brep" for a in answer["artifacts"])


def test_a_cut_takes_many_tools_away(client: Http) -> None:
    base, *tools = shapes(
        client, "Part.makeBox(100, 10, 10)",
        *[f"Part.makeCylinder(2, 10, V({10 + 20 * i}, 5, 0))"
          for i in range(4)])
    answer = done(client, "cut_shapes_async", base=base, tools=tools)
    assert measured(client, answer, "s.Volume") == pytest.approx(
        10000 - 4 * math.pi * 4 * 10)


def test_common_is_what_all_share(client: Http) -> None:
    refs = shapes(client, "Part.makeBox(10, 10, 10)",
                  "Part.makeBox(10, 10, 10, V(5, 0, 0))",
                  "Part.makeBox(10, 10, 10, V(0, 5, 0))")
    answer = done(client, "common_shapes_async", shapes=refs)
    assert measured(client, answer, "s.Volume") == pytest.approx(250)


def test_a_loft_joins_profiles(client: Http) -> None:
    refs = shapes(client, *[
        f"Part.Wire(Part.makeCircle({r}, V(0, 0, {z})))"
        for r, z in ((10, 0), (5, 10), (10, 20))])
    answer = done(client, "loft_async", profiles=refs)
    volume, valid = measured(client, answer, "[s.Volume, s.isValid()]")
    assert valid and 500 < volume < 6300


@pytest.mark.parametrize("format, check", [
    ("STEP", "Part.read(p).Volume"), ("IGES", "abs(Part.makeSolid(Part."
     "makeShell(Part.read(p).Faces)).Volume)"),
    ("BREP", "Part.read(p).Volume"),
    ("STL", "import Mesh; Mesh.Mesh(p).Volume"),
    ("OBJ", "import Mesh; Mesh.Mesh(p).Volume"),
    ("3MF", "import zipfile; t = zipfile.ZipFile(p).read("
     "'3D/3dmodel.model').decode(); 2 * t.count('<triangle ')"),
    ("FCStd", "sum(o.Shape.Volume for o in "
     "FreeCAD.openDocument(p).Objects)")])
def test_an_exported_file_is_read_again(
        client: Http, service: Service, format: str, check: str) -> None:
    ref, = shapes(client, "Part.makeBox(2, 3, 4)")
    answer = done(client, "export_async", shapes=[ref],
                  formats=[format.lower()])
    name = next(a["name"] for a in answer["artifacts"]
                if a["name"].lower().endswith(format.lower())
                or a["name"].lower().endswith(format[:2].lower() + "s")
                or format == "STEP" and a["name"].endswith(".stp"))
    read = client.request("resources/read", {
        "uri": f"job://{answer['job_id']}/{name}"})["contents"][0]
    data = (base64.b64decode(read["blob"]) if "blob" in read
            else read["text"].encode())
    path = service.workspace / ("again" + name[name.rindex("."):])
    path.write_bytes(data)
    path.chmod(0o644)
    lines = check.split("; ")
    got = client.run(f"p = {str(path)!r}\n" + "\n".join(lines))
    assert got["state"] == "completed", f"{got}"
    assert got["result"] == pytest.approx(24, rel=1e-3)


@pytest.mark.parametrize("tool", [
    "execute_code_async", "fuse_shapes_async", "cut_shapes_async",
    "common_shapes_async", "loft_async", "export_async", "get_job_status",
    "get_job_result", "get_job_output", "cancel_job", "list_jobs",
    "delete_job", "service_status", "reload_handlers"])
def test_each_tool_is_described(client: Http, tool: str) -> None:
    it = client.tools()[tool]
    assert len(it["description"]) > 40
    assert it["inputSchema"]["type"] == "object"
    assert it["outputSchema"]["type"] == "object"
    assert "annotations" in it
    for name, schema in it["inputSchema"].get("properties", {}).items():
        assert schema.get("description"), f"{tool}.{name}: no description"


def test_internal_tools_are_hidden_and_refused(client: Http) -> None:
    assert "self_check" not in client.tools()
    client.refused("self_check")


def test_code_runs_native_pipelines_inside_the_sandbox(client: Http) -> None:
    answer = client.run(
        "import Part, fcj_kernel\n"
        "made = fcj_kernel.run([{'op': 'cut', 'shape': '$a', 'tools': '$b'},\n"
        "                       {'op': 'export', 'file': 'holed.step'}],\n"
        "    {'a': Part.makeBox(9, 9, 9), 'b': Part.makeCylinder(2, 9)},\n"
        "    progress=print)\n"
        "import os\n"
        "_result_ = [made.shape.isValid(), os.path.getsize('holed.step') > 9,\n"
        "            made['result']['shape']['volume']]")
    assert answer.get("state") == "completed", f"{answer}"
    valid, written, volume = answer["result"]
    assert valid and written and abs(volume - (729 - 9 * 3.14159265)) < 1e-3


def test_the_command_line_knows_a_tools_lane_engine_and_jobs_to_wait_for(
        client: Http, service: Service) -> None:
    def fcj(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BIN / "fcj"), *words], text=True, capture_output=True,
            env=service.env, timeout=60)
    slow = client.submit("import time; time.sleep(1); Part.makeBox(1, 2, 3)")
    done = fcj("submit", "--wait", "--tool", "export_async", "--arguments",
               json.dumps({"shapes": [{"job": slow}], "formats": ["step"]}))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "step" in done.stdout
    printed = fcj("submit", "--wait", "--tool", "export_async", "--arguments",
                  json.dumps({"shapes": [{"job": slow}], "formats": ["3mf"]}))
    assert printed.returncode == 0, printed.stdout + printed.stderr
    said = client.refused("export_async", shapes=[{"job": slow}],
                          formats=["3mf"], engine="native")
    assert "'formats'" in said and "freecad" in said
    window = fcj("submit", "--tool", "list_documents")
    assert window.returncode != 0 and "window" in window.stderr
    assert "no tool nope" in fcj("submit", "--tool", "nope").stderr

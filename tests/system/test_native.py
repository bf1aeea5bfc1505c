"""Native jobs through the whole service: fcj-native, its tools, its memo.

One service of two slots for all of it; processes are used again for a few
jobs only, so that recycling shows.
"""

from __future__ import annotations

import base64
import json
import os
import pathlib
import signal
import subprocess
import time
from typing import Any, Iterator

import pytest

from service import BIN, Answer, Http, Service, children, processes

SERVICE = {"native_jobs": 30}
BOX = {"id": "box", "op": "box", "size": [10, 20, 30]}
#: Booleans for many seconds, which ask whether to go on; and for about one.
LONG = [{"id": "ball", "op": "sphere", "radius": 6},
        {"id": "balls", "op": "pattern", "shape": "$ball", "kind": "grid",
         "count": [10, 8, 2], "step": [8, 9, 7]},
        {"id": "long", "op": "fuse", "shapes": "$balls"}]
SHORT = [LONG[0], {**LONG[1], "count": [5, 4, 1]}, LONG[2]]
VOLUME = 6000.0


def natives(service: Service) -> list[int]:
    """The native processes."""
    mine = children(service.running["worker"].pid)
    return [p for p, _, name, _ in processes()
            if name == "fcj-native" and p in mine]


def info(client: Http) -> dict[str, Any]:
    """What the worker says of itself, with its next heartbeat."""
    return client.call("service_status")["workers"][0]["info"]


def cpu_s(pid: int) -> float:
    """Processor time that a process has used; 0 when it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    words = text.rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def busy(service: Service) -> int:
    """The native process that computes now."""
    before = {pid: cpu_s(pid) for pid in natives(service)}
    return until(lambda: next((pid for pid in natives(service)
                               if cpu_s(pid) > before.get(pid, 0.0) + 0.1), 0))


def until(probe: Any, seconds: float = 15) -> Any:
    """The first true value of probe()."""
    end = time.monotonic() + seconds
    while not (value := probe()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
    return value


def run(client: Http, tool: str, /, **arguments: Any) -> Answer:
    """Submits, waits, fetches."""
    job = client.start(tool, **arguments)
    client.wait(job, 120)
    return client.result(job)


def result(client: Http, tool: str, /, **arguments: Any) -> dict[str, Any]:
    """The result of a job that must complete."""
    answer = run(client, tool, **arguments)
    assert not answer.is_error, answer
    return answer["result"]


def pipeline(client: Http, *steps: dict[str, Any],
             **options: Any) -> dict[str, Any]:
    return result(client, "run_pipeline_async", steps=list(steps), **options)


@pytest.fixture(scope="module")
def box(service: Service) -> dict[str, str]:
    """A reference to a box of 10, 20, 30 mm, made natively."""
    client = service.client()
    job = client.start("run_pipeline_async", steps=[BOX])
    client.wait(job)
    return {"job": job}


@pytest.fixture(scope="module")
def ball(service: Service) -> dict[str, str]:
    """A reference to a sphere of 8 mm around a corner of the box."""
    client = service.client()
    job = client.start("run_pipeline_async", steps=[
        {"op": "sphere", "radius": 8, "at": [10, 20, 30]}])
    client.wait(job)
    return {"job": job}


@pytest.fixture(autouse=True)
def _nothing_runs_on(service: Service) -> Iterator[None]:
    yield
    for job in service.client().call("list_jobs", state="running")["jobs"]:
        service.client().cancel(job["job_id"])


# ---- Tools ---------------------------------------------------------------------

def brep(client: Http, reference: dict[str, str]) -> str:
    """A job's shape as text."""
    read = client.request("resources/read", {
        "uri": f"job://{reference['job']}/result.brep"})["contents"][0]
    return read.get("text") or base64.b64decode(read["blob"]).decode()


def about(value: float) -> Any:
    return pytest.approx(value, rel=1e-6)


def test_an_input_may_have_the_name_of_a_parameter(
        client: Http, box: dict[str, str], ball: dict[str, str]) -> None:
    far = {"job": client.start("run_pipeline_async", steps=[
        {"op": "sphere", "radius": 1, "at": [99, 0, 0]}])}
    volumes = [result(client, "cut_shapes_async", base=box, **more)
               ["shape"]["volume"] for more in (
                   {"tools": [ball]},
                   {"tools": ["base"], "inputs": {"base": ball}},
                   {"tools": ["tools_1", far], "inputs": {"tools_1": ball}})]
    assert volumes == [about(volumes[0])] * 3 and volumes[0] < VOLUME


FEATURES: list[tuple[str, dict[str, Any], float]] = [
    ("extrude_async", {"profile": {"points": [[0, 0, 0], [4, 0, 0], [4, 5, 0], [0, 5, 0]]},
                       "length": 3}, 60.0),
    ("revolve_async", {"profile": {"points": [[2, 0, 0], [4, 0, 0], [4, 0, 1], [2, 0, 1]]}},
     37.69911184),
    ("sweep_async", {"profiles": [{"center": [0, 0, 0], "radius": 2}],
                     "spine": {"points": [[0, 0, 0], [0, 0, 10]], "closed": False}},
     125.66370614),
    ("loft_async", {"profiles": [{"center": [0, 0, 0], "radius": 5},
                                 {"center": [0, 0, 10], "radius": 3}]}, 513.1268000),
    ("fillet_async", {"shape": "box", "radius": 1}, 5949.943951),
    ("chamfer_async", {"shape": "box", "distance": 1, "edges": ["Edge1"]}, 5985.0),
    ("thickness_async", {"shape": "box", "faces": ["Face6"], "thickness": -1}, 1824.0),
    ("heal_async", {"shape": "box"}, VOLUME),
]


@pytest.mark.parametrize("tool, arguments, volume", FEATURES,
                         ids=[tool for tool, _, _ in FEATURES])
def test_a_feature_has_its_volume(client: Http, box: dict[str, str], tool: str,
                                  arguments: dict[str, Any], volume: float) -> None:
    made = result(client, tool, **arguments, inputs={"box": box})
    shape = made["shape"]
    assert shape["valid"] and shape["type"] == "Solid"
    assert abs(shape["volume"]) == pytest.approx(volume, rel=1e-4)
    assert shape["artifact"] == "result.brep"


BOOLEANS = [("fuse_shapes_async", {"shapes": ["box", "ball"]}),
            ("cut_shapes_async", {"base": "box", "tools": ["ball"]}),
            ("common_shapes_async", {"shapes": ["box", "ball"]})]


@pytest.mark.parametrize("tool, arguments", BOOLEANS)
def test_a_boolean_answers_as_freecad_does(client: Http, box: dict[str, str],
                                           ball: dict[str, str], tool: str,
                                           arguments: dict[str, Any]) -> None:
    inputs = {"box": box, "ball": ball}
    native = result(client, tool, **arguments, inputs=inputs)
    freecad = result(client, tool, **arguments, inputs=inputs, engine="freecad")
    assert set(native) - {"memo"} == set(freecad)
    assert set(native["shape"]) == set(freecad["shape"])
    assert native["operands"] == freecad["operands"] == 2
    for key in ("volume", "area"):
        assert native["shape"][key] == about(freecad["shape"][key])
    assert native["shape"]["counts"] == freecad["shape"]["counts"]
    assert native["shape"]["type"] == freecad["shape"]["type"]


def test_a_file_of_each_format_is_written(client: Http, box: dict[str, str]) -> None:
    answer = run(client, "export_async", shapes=[box],
                 formats=["step", "iges", "brep", "stl", "obj"])
    assert not answer.is_error, answer
    made = answer["result"]
    assert [f["name"] for f in made["files"]] == [
        f"export.{kind}" for kind in ("step", "iges", "brep", "stl", "obj")]
    assert made["shape"]["volume"] == about(VOLUME)
    assert {a["name"] for a in answer["artifacts"]} >= {"export.step"}
    step = {"job": client.call("list_jobs", tool="export_async")["jobs"][0]["job_id"],
            "artifact": "export.step"}
    again = result(client, "convert_async", source=step, formats=["glb", "ply"])
    assert again["shape"]["volume"] == about(VOLUME)
    assert [f["format"] for f in again["files"]] == ["glb", "ply"]


def test_what_only_freecad_writes_is_written_by_freecad(client: Http,
                                                        box: dict[str, str]) -> None:
    made = result(client, "export_async", shapes=[box], formats=["3mf", "fcstd"])
    assert [f["format"] for f in made["files"]] == ["3mf", "fcstd"]


def test_numbers_sections_drawings_and_meshes(client: Http, box: dict[str, str],
                                              ball: dict[str, str]) -> None:
    measured = result(client, "measure_async", shape=box,
                      other={"brep": brep(client, ball)})
    assert measured["properties"]["volume"] == about(VOLUME)
    assert measured["bounding_box"]["box"]["size"] == [10, 20, 30]
    assert measured["distance"]["distance"] == 0
    checked = result(client, "check_shape_async", shape=box)
    assert checked["valid"] is True and checked["problems"] == []
    cut = result(client, "section_async", shape=box, normal=[0, 0, 1], offsets=[5, 10],
                 form="face")
    assert cut["shape"]["area"] == about(400)
    drawn = result(client, "project_svg_async", shape=box)
    assert drawn["files"][0]["name"] == "view.svg"
    meshed = result(client, "mesh_async", shape=ball, formats=["stl"], threads=2)
    assert meshed["files"][0]["mime"] == "model/stl"


def test_native_and_python_jobs_take_each_others_shapes(client: Http,
                                                        box: dict[str, str]) -> None:
    code = client.start("execute_code_async", inputs={"a": box},
                        code="inputs['a'].cut(Part.makeBox(5, 20, 30))")
    made = result(client, "measure_async", shape={"job": code})
    assert made["properties"]["volume"] == about(VOLUME / 2)


# ---- Pipelines -------------------------------------------------------------------

def test_a_failure_names_the_step_and_the_input(client: Http) -> None:
    answer = run(client, "run_pipeline_async", steps=[
        BOX, {"id": "round", "op": "fillet", "radius": 100}])
    error = answer["error"]
    assert error["step"] == "round" and "round" in error["message"]
    answer = run(client, "run_pipeline_async", steps=[{"op": "nonsense"}])
    assert answer["reason"] == "invalid" and "sphere" in answer["error"]["message"]


def test_an_input_that_cannot_be_had_is_named(client: Http) -> None:
    for reference, word in (({"file": "nothing.step"}, "nothing.step"),
                            ({"file": "../etc/passwd.step"}, "passwd"),
                            ({"brep": "no shape"}, "shape")):
        answer = run(client, "measure_async", shape=reference)
        assert answer["reason"] == "invalid", answer
        assert word in answer["error"]["message"]


def test_progress_rises_and_moves_while_it_computes(client: Http) -> None:
    # Long enough on a fast machine: progress is told four times a second.
    steps = [LONG[0], {**LONG[1], "count": [12, 8, 1]}, LONG[2]]
    job = client.start("run_pipeline_async", steps=steps, memo=False)
    seen: list[float] = []
    while (status := client.status(job)).get("state") not in (
            "completed", "failed", "cancelled"):
        if status.get("state") == "running" and "progress" in status.data:
            seen.append(status["progress"])
        time.sleep(0.02)
    assert status["state"] == "completed", status
    assert seen == sorted(seen)
    assert len({p for p in seen if 0 < p < 1}) >= 3, seen
    assert client.status(job)["progress"] == 1


def test_the_command_line_runs_a_pipeline(service: Service, client: Http) -> None:
    done = subprocess.run(
        [BIN / "fcj", "--json", "submit", "--tool", "run_pipeline_async",
         "--arguments", json.dumps({"steps": [BOX]}), "--wait"],
        env=service.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "6000" in done.stdout
    job = client.call("list_jobs", tool="run_pipeline_async")["jobs"][0]["job_id"]
    assert client.result(job)["result"]["steps"][0]["op"] == "box"


# ---- Ends ----------------------------------------------------------------------------

def cancel_when_it_computes(client: Http, steps: list[dict[str, Any]]) -> dict[str, Any]:
    job = client.start("run_pipeline_async", steps=steps, memo=False)
    until(lambda: client.status(job).get("message", "").startswith(f"{len(steps)}/"))
    client.cancel(job)
    until(lambda: client.status(job).get("ended_by"))
    return client.status(job).data


def test_a_cancel_ends_the_algorithm_from_inside(client: Http) -> None:
    ended = cancel_when_it_computes(client, LONG)
    assert ended["state"] == "cancelled" and ended["ended_by"] == "algorithm"


def test_a_job_out_of_time_says_how_it_was_ended(client: Http) -> None:
    answer = run(client, "run_pipeline_async", memo=False, timeout_s=1, steps=[
        LONG[0], {**LONG[1], "count": [20, 20, 4]}, LONG[2]])
    assert answer["reason"] == "timeout" and answer["ended_by"] == "algorithm"


def test_a_crash_of_a_native_process_costs_one_job(service: Service, client: Http) -> None:
    victim = client.start("run_pipeline_async", steps=LONG, memo=False)
    client.until(victim, "running")
    other = client.start("execute_code_async", code="import time; time.sleep(1); 7")
    client.until(other, "running")
    os.kill(busy(service), signal.SIGSEGV)
    client.wait(victim)
    answer = client.result(victim)
    assert answer["reason"] == "crashed" and answer["error"]["signal"] == "SIGSEGV"
    client.wait(other)
    assert client.result(other)["result"] == 7
    assert pipeline(client, BOX)["shape"]["volume"] == about(VOLUME)


def test_what_hangs_is_killed(service: Service, client: Http) -> None:
    job = client.start("run_pipeline_async", steps=LONG, memo=False)
    client.until(job, "running")
    deaf = busy(service)
    os.kill(deaf, signal.SIGSTOP)               # it will not listen
    client.cancel(job)
    until(lambda: client.status(job).get("ended_by") == "SIGKILL")
    until(lambda: deaf not in natives(service))


# ---- Processes ------------------------------------------------------------------------

def test_a_process_serves_many_jobs_and_then_another_does(client: Http) -> None:
    before = info(client)["native"]
    for _ in range(SERVICE["native_jobs"] + 2):
        pipeline(client, {"op": "vertex"})
    after = until(lambda: (now := info(client)["native"])["jobs"]
                  >= before["jobs"] + SERVICE["native_jobs"] + 2 and now)
    assert 1 <= after["started"] - before["started"] <= 4


def test_an_isolated_job_has_a_process_of_its_own(service: Service, client: Http) -> None:
    pipeline(client, BOX)
    job = client.start("run_pipeline_async", steps=SHORT, isolated=True, memo=False)
    own = busy(service)
    client.wait(job)
    until(lambda: own not in natives(service))
    assert client.status(job)["state"] == "completed"


def test_it_is_walled_in_as_a_job_process_is(service: Service, client: Http) -> None:
    pipeline(client, BOX)
    for pid in natives(service):
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status
        maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
        assert "libzmq" not in maps and "libpython" not in maps
        assert os.getsid(pid) == pid


def test_scratch_is_empty_between_jobs(service: Service, client: Http) -> None:
    run(client, "run_pipeline_async", steps=[BOX, {"op": "export", "file": "a.step"}])

    def left() -> list[str]:
        return [name for pid in natives(service)
                for name in os.listdir(f"/proc/{pid}/cwd/") if name.startswith("job")]
    until(lambda: not left())


def test_threads_take_slots(client: Http) -> None:
    wide = [client.start("run_pipeline_async", steps=SHORT, memo=False, threads=2)
            for _ in range(2)]
    narrow = client.start("run_pipeline_async", steps=SHORT, memo=False)
    times = []
    for job in (*wide, narrow):
        status = client.wait(job, 120)
        assert status["state"] == "completed"
        times.append((status["started"], status["finished"]))
    times.sort()
    for (_, end), (begin, _) in zip(times, times[1:]):
        assert begin >= end, times


def test_more_threads_than_slots_are_not_waited_for(client: Http,
                                                    ball: dict[str, str]) -> None:
    made = result(client, "mesh_async", shape=ball, threads=64)
    assert made["files"]


# ---- The memo -------------------------------------------------------------------------

def worth(radius: float) -> list[dict[str, Any]]:
    """A step that takes long enough to be remembered."""
    return [{"id": "ball", "op": "sphere", "radius": radius},
            {"id": "balls", "op": "pattern", "shape": "$ball", "kind": "grid",
             "count": [4, 3, 1], "step": [8, 9, 7]},
            {"id": "sum", "op": "fuse", "shapes": "$balls"}]


def memo_of(made: dict[str, Any]) -> str:
    return {step["id"]: step["memo"] for step in made["steps"]}["sum"]


def test_a_step_is_remembered_by_content(client: Http) -> None:
    first = pipeline(client, *worth(5.01))
    assert memo_of(first) == "stored" and "memo" not in first
    until(lambda: info(client)["memo"]["entries"] >= 1)
    second = pipeline(client, *worth(5.01))
    assert memo_of(second) == "hit" and second["memo"] == "hit"
    assert second["shape"]["volume"] == about(first["shape"]["volume"])
    assert memo_of(pipeline(client, *worth(5.02))) == "stored"
    assert memo_of(pipeline(client, *worth(5.01), memo=False)) == "off"
    counts = until(lambda: (now := info(client)["memo"])["hits"] and now)
    assert counts["misses"] and counts["bytes"] > 0


@pytest.mark.parametrize("damage", ["truncated", "altered", "emptied"])
def test_a_broken_entry_is_computed_again(service: Service, client: Http,
                                          damage: str) -> None:
    radius = {"truncated": 5.03, "altered": 5.04, "emptied": 5.05}[damage]
    folder = service.state / "memo"
    before = set(os.listdir(folder))
    first = pipeline(client, *worth(radius))
    until(lambda: {f for f in set(os.listdir(folder)) - before if len(f) == 64})
    for name in set(os.listdir(folder)) - before:
        data = bytearray((folder / name).read_bytes())
        if damage == "truncated":
            data = data[:len(data) // 2]
        elif damage == "altered":
            data[len(data) * 2 // 3] ^= 1
        else:
            data = bytearray()
        (folder / name).write_bytes(data)
    broken = info(client)["memo"]["broken"]
    again = pipeline(client, *worth(radius))
    assert memo_of(again) == "stored"
    assert again["shape"]["volume"] == about(first["shape"]["volume"])
    until(lambda: info(client)["memo"]["broken"] > broken)
    until(lambda: memo_of(pipeline(client, *worth(radius))) == "hit")


def test_the_doctor_says_which_kernel_runs(service: Service) -> None:
    said = subprocess.run([str(BIN / "fcj"), "doctor"], env=service.env,
                          capture_output=True, text=True, timeout=60).stdout
    line = next(l for l in said.splitlines() if l.split()[1] == "kernel")
    assert line.startswith("ok") and "OpenCASCADE 7." in line

"""A job's life, as a client sees it."""

from __future__ import annotations

import json
import textwrap
import time

import pytest
from service import Http, ProtocolError, Service

SERVICE = {"tokens": {"alice": "alice-token-0123456789abcdef",
                      "bob": "bob-token-0123456789abcdef"}}
BOX = "import Part\nPart.makeBox(10, 20, 30)"


@pytest.fixture
def client(service: Service) -> Http:
    return service.client("alice-token-0123456789abcdef")


@pytest.fixture
def other(service: Service) -> Http:
    return service.client("bob-token-0123456789abcdef")


def value(answer) -> object:
    """The user's result in get_job_result's answer."""
    assert answer.get("state") == "completed", f"{answer}"
    return answer["result"]


def test_the_last_expression_is_the_result(client: Http) -> None:
    assert value(client.run("a = 6\na * 7")) == 42


def test_result_variable_wins(client: Http) -> None:
    assert value(client.run("_result_ = {'a': [1, 2]}\n5")) == {"a": [1, 2]}


def test_a_handle_comes_back_at_once(client: Http) -> None:
    began = time.monotonic()
    job = client.submit("import time; time.sleep(3)")
    assert time.monotonic() - began < 2
    assert client.status(job)["state"] in ("queued", "running")
    client.cancel(job)


def test_freecad_is_there(client: Http) -> None:
    assert value(client.run(
        "[FreeCAD.Version()[0], App is FreeCAD, "
        "Part.makeBox(1, 2, 3).Volume]"))[1:] == [True, pytest.approx(6)]


def test_a_shape_becomes_summary_and_artifact(client: Http) -> None:
    answer = client.run(BOX)
    assert answer["state"] == "completed"
    summary = json.dumps(answer["result"])
    assert "6000" in summary
    assert any(a["name"] == "result.brep" for a in answer["artifacts"])


def test_values_that_json_cannot_hold_are_converted(client: Http) -> None:
    answer = client.run(
        "[FreeCAD.Vector(1,2,3), FreeCAD.Placement(), {1, 2}, b'x', "
        "float('nan'), FreeCAD.Units.Quantity('3 mm'), object()]")
    assert answer["state"] == "completed", f"{answer}"


def test_an_exception_names_type_line_and_code(client: Http) -> None:
    answer = client.run("a = 1\nb = 0\nprint('x')\na / b\n")
    assert answer["state"] == "failed" and answer["reason"] == "exception"
    error = answer["error"]
    assert error["type"] == "ZeroDivisionError"
    assert error["line"] == 4
    assert "a / b" in json.dumps(error)


def test_print_is_readable_while_it_runs(client: Http) -> None:
    job = client.submit("print('early'); import time; time.sleep(5)")
    client.until(job, "running")
    for _ in range(60):
        if "early" in client.output(job).everything:
            break
        time.sleep(0.05)
    else:
        raise AssertionError("print was not readable")
    assert client.status(job)["state"] == "running"
    client.cancel(job)


def test_output_is_paged_by_offset(client: Http) -> None:
    job = client.submit("print('abcdefghij' * 1000)")
    client.wait(job)
    page = client.output(job, offset=5000, limit=10)
    assert "abcdefghij" in page.everything
    assert len(page.everything) < 2000


def test_no_page_of_output_ends_inside_a_character(client: Http) -> None:
    text = "aä€😀" * 3000
    job = client.submit(f"print({text!r}, end='')")
    client.wait(job)
    got, page = "", {"next_offset": 0, "more": True}
    while page["more"]:
        page = client.output(job, offset=page["next_offset"], limit=997).data
        got += page["text"]
    assert got == text


def test_progress_is_seen(client: Http) -> None:
    job = client.submit("import time\njob.progress(0.25, 'a quarter')\n"
                        "time.sleep(4)")
    for _ in range(100):
        status = client.status(job)
        if status.get("progress") == 0.25:
            break
        time.sleep(0.05)
    else:
        raise AssertionError(f"no progress seen: {status}")
    assert status.get("message") == "a quarter"
    client.cancel(job)


def test_names_do_not_leak_into_the_next_job(client: Http) -> None:
    client.run("leaked = 1\nimport builtins\nbuiltins.leaked2 = 2")
    assert value(client.run(
        "'leaked' in globals() or 'leaked2' in globals() "
        "or hasattr(__builtins__, 'leaked2')")) is False


@pytest.mark.parametrize("file, code, reference", [
    ("a.step", "Part.makeBox(2,3,4).exportStep(p)", {}),
    ("a.iges", "Part.makeBox(2,3,4).exportIges(p)", {}),
    ("a.brep", "Part.makeBox(2,3,4).exportBrep(p)", {}),
    ("a.stl", "Part.makeBox(2,3,4).exportStl(p)", {}),
    ("a.FCStd", "d = FreeCAD.newDocument('D'); o = d.addObject("
     "'Part::Feature', 'Box'); o.Shape = Part.makeBox(2,3,4); "
     "d.recompute(); d.saveAs(p)", {"object": "Box"})])
def test_a_file_below_the_root_is_an_input(
        client: Http, service: Service, file: str, code: str,
        reference: dict) -> None:
    job = client.submit(f"import os, Part, FreeCAD\n"
                        f"p = os.path.join(job.scratch, {file!r})\n"
                        f"{code}\njob.artifact({file!r}, p)")
    assert client.wait(job)["state"] == "completed", client.result(job)
    reader = service.client("alice-token-0123456789abcdef")
    read = reader.request("resources/read",
                          {"uri": f"job://{job}/{file}"})["contents"][0]
    import base64
    data = (base64.b64decode(read["blob"]) if "blob" in read
            else read["text"].encode())
    (service.workspace / file).write_bytes(data)
    (service.workspace / file).chmod(0o644)
    answer = client.run("i = inputs['a']\ni.Volume", inputs={
        "a": {"file": file, **reference}})
    assert value(answer) == pytest.approx(24, rel=1e-3)


def test_another_jobs_shape_is_an_input(client: Http) -> None:
    box = client.submit(BOX)
    assert value(client.run("inputs['a'].Volume", inputs={
        "a": {"job": box}})) == pytest.approx(6000)


def test_inline_brep_is_an_input(client: Http) -> None:
    brep = value(client.run("Part.makeBox(1,2,3).exportBrepToString()"))
    assert value(client.run("inputs['b'].Volume", inputs={
        "b": {"brep": brep}})) == pytest.approx(6)


def test_depends_on_passes_results(client: Http) -> None:
    first = client.submit("import time; time.sleep(0.5); {'n': 20}")
    assert value(client.run("inputs['a']['n'] + 1", depends_on=[first],
                            inputs={"a": {"job": first}})) == 21


def test_the_shapes_and_values_of_depends_on_are_inputs_by_id(
        client: Http) -> None:
    box = client.submit(BOX)
    number = client.submit("import time; time.sleep(0.3); {'n': 20}")
    code = (f"inputs['{box}'].Volume + inputs.get('{number}')['n']"
            f" if '{box}' in inputs and 'other' not in inputs else None")
    assert value(client.run(code, depends_on=[box, number])
                 ) == pytest.approx(6020)
    wrong = client.run("inputs['other']", depends_on=[box])
    assert "there is no input 'other'" in wrong.everything


def test_a_job_that_waits_for_others_says_for_which(client: Http) -> None:
    done = client.submit("1")
    client.wait(done)
    first = client.submit("import time; time.sleep(20)")
    second = client.submit("2", depends_on=[done, first])
    told = client.status(second)
    assert told["state"] == "queued" and "position" not in told.data
    assert f"It waits for {first}." in told.text and done not in told.text
    client.cancel(first)
    assert client.wait(second)["reason"] == "dependency"


def test_a_failed_dependency_fails_the_job(client: Http) -> None:
    first = client.submit("1/0")
    answer = client.run("1", depends_on=[first])
    assert answer["state"] == "failed"
    assert answer["reason"] == "dependency"
    assert first in answer.everything
    late = client.run("1", depends_on=[first])
    assert late["reason"] == "dependency"


def occupy(client: Http, seconds: float = 2) -> list[str]:
    """Fills both slots for a while."""
    jobs = [client.submit(f"import time; time.sleep({seconds})")
            for _ in range(2)]
    for job in jobs:
        client.until(job, "running")
    return jobs


def started(client: Http, jobs: list[str]) -> list[float]:
    """When each job's process began, by the job's own clock."""
    for job in jobs:
        assert client.wait(job)["state"] == "completed"
    return [value(client.result(job)) for job in jobs]


NOW = "import time; t = time.time(); time.sleep(0.1); t"


def test_priority_goes_before_order(client: Http) -> None:
    occupy(client)
    low = [client.submit(NOW, priority="low") for _ in range(3)]
    normal = [client.submit(NOW) for _ in range(3)]
    high = [client.submit(NOW, priority="high") for _ in range(3)]
    times = started(client, high + normal + low)
    assert max(times[:3]) < min(times[6:]) and \
        sorted(times[:3])[1] < sorted(times[3:6])[1] < sorted(times[6:])[1]


def test_owners_take_turns(client: Http, other: Http) -> None:
    occupy(client)
    many = [client.submit(NOW) for _ in range(16)]
    few = [other.submit(NOW) for _ in range(3)]
    last = max(started(other, few))
    assert sum(1 for t in started(client, many) if t > last) >= 8


def test_the_queue_position_is_told(client: Http) -> None:
    occupy(client)
    jobs = [client.submit("1") for _ in range(4)]
    ahead = [client.status(j).get("ahead") for j in jobs]
    assert ahead == sorted(ahead) and ahead[-1] is not None, ahead
    for job in jobs:
        client.wait(job)


def test_an_owner_sees_only_own_jobs(client: Http, other: Http) -> None:
    job = client.submit("'secret'")
    client.wait(job)
    for tool in ("get_job_status", "get_job_result", "get_job_output",
                 "cancel_job", "delete_job"):
        words = other.refused(tool, job_id=job)
        assert "secret" not in words
        unknown = other.refused(
            tool, job_id="00000000-0000-4000-8000-000000000000")
        assert words.replace(job, "X") == unknown.replace(
            "00000000-0000-4000-8000-000000000000", "X")
    assert job not in other.call("list_jobs").everything
    assert job in client.call("list_jobs").everything
    for reach in ({"depends_on": [job]}, {"inputs": {"a": {"job": job}}}):
        words = other.refused("execute_code_async", code="1", **reach)
        assert "secret" not in words


def test_the_same_idempotency_key_gives_the_same_job(client: Http) -> None:
    one = client.submit("1", idempotency_key="k1")
    two = client.submit("1", idempotency_key="k1")
    assert one == two
    client.wait(one)
    assert client.submit("1", idempotency_key="k1") == one


def test_the_same_key_with_other_arguments_is_refused(client: Http) -> None:
    client.submit("1", idempotency_key="k2")
    words = client.refused("execute_code_async", code="2",
                           idempotency_key="k2")
    assert "conflict" in words or "idempotency" in words


def test_idempotency_keys_are_the_owners_own(
        client: Http, other: Http) -> None:
    assert client.submit("1", idempotency_key="k3") != other.submit(
        "1", idempotency_key="k3")


def test_waiting_in_the_queue_has_its_own_deadline(client: Http) -> None:
    busy = occupy(client, 4)
    job = client.submit("1", queue_timeout_s=1)
    answer = client.wait(job)
    assert answer["state"] == "failed" and answer["reason"] == "expired"
    assert client.status(busy[0])["state"] == "running"
    for b in busy:
        client.cancel(b)


def test_waiting_does_not_eat_run_time(client: Http) -> None:
    occupy(client, 3)
    job = client.submit("import time; time.sleep(1); 'done'", timeout_s=2)
    assert client.wait(job)["state"] == "completed"


def test_a_queued_job_is_cancelled(client: Http) -> None:
    busy = occupy(client, 5)
    job = client.submit("1")
    assert not client.cancel(job).is_error
    assert client.status(job)["state"] == "cancelled"
    for b in busy:
        client.cancel(b)


def test_a_running_job_is_cancelled_and_its_process_ends(
        client: Http, service: Service) -> None:
    job = client.submit("import signal, time\n"
                        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                        "print('pid'); time.sleep(60)")
    client.until(job, "running")
    time.sleep(0.3)
    began = time.monotonic()
    client.cancel(job)
    assert client.wait(job)["state"] == "cancelled"
    while client.call("service_status").get("running"):
        assert time.monotonic() < began + 3 + 4, "still running"
        time.sleep(0.1)
    for follower in [client.submit("1") for _ in range(2)]:
        assert client.wait(follower, 7)["state"] == "completed"


def test_cancel_of_a_finished_job_changes_nothing(client: Http) -> None:
    job = client.submit("5")
    client.wait(job)
    client.cancel(job)
    assert value(client.result(job)) == 5


def test_a_deleted_job_is_gone(client: Http) -> None:
    job = client.submit("5")
    client.wait(job)
    assert not client.call("delete_job", job_id=job).is_error
    client.refused("get_job_result", job_id=job)
    assert job not in client.call("list_jobs", limit=100).everything


def test_a_live_job_is_not_deleted(client: Http) -> None:
    job = client.submit("import time; time.sleep(5)")
    words = client.refused("delete_job", job_id=job)
    assert "cancel" in words
    client.cancel(job)


def test_a_result_before_the_end_says_how_to_wait(client: Http) -> None:
    job = client.submit("import time; time.sleep(5)")
    assert "get_job_status" in client.result(job).everything
    client.cancel(job)


def test_the_list_is_paged_without_gaps(client: Http) -> None:
    jobs = [client.submit("1", name=f"page{i}") for i in range(7)]
    for job in jobs:
        client.wait(job)
    seen, cursor = [], None
    for _ in range(200):
        page = client.call("list_jobs", limit=3,
                           **({"cursor": cursor} if cursor else {}))
        assert not page.is_error, page
        seen += [j["job_id"] for j in page["jobs"]]
        cursor = page.get("next_cursor")
        if not cursor:
            break
    assert len(seen) == len(set(seen))
    assert set(jobs) <= set(seen)
    assert seen[:7] == jobs[::-1]


def test_the_list_is_filtered(client: Http) -> None:
    job = client.submit("1/0")
    client.wait(job)
    page = client.call("list_jobs", state="failed", limit=50)
    assert job in page.everything
    assert all(j["state"] == "failed" for j in page["jobs"])
    assert not client.call("list_jobs", tool="loft_async")["jobs"]


def test_an_artifact_is_a_resource(client: Http) -> None:
    job = client.submit("job.artifact('note.txt', b'hello there')\n1")
    client.wait(job)
    answer = client.result(job)
    links = [c for c in answer.content if c["type"] == "resource_link"]
    assert [c["uri"] for c in links] == [f"job://{job}/note.txt"]
    read = client.request("resources/read", {"uri": links[0]["uri"]})
    assert read["contents"][0].get("text") == "hello there"


def test_an_artifact_of_another_owner_is_not_found(
        client: Http, other: Http) -> None:
    job = client.submit("job.artifact('note.txt', b'hello there')\n1")
    client.wait(job)
    from service import ProtocolError
    with pytest.raises(ProtocolError):
        other.request("resources/read", {"uri": f"job://{job}/note.txt"})


HANDLER = textwrap.dedent('''
    """A user's handler."""
    from fcj import tool, Job

    @tool(needs="compute", toolset="jobs", title="Greet")
    def greet_async(job: Job, who: str) -> dict:
        """Greets.

        Args:
            who: Whom to greet.
        """
        return {"text": "hello " + who + "%s"}
''')


def test_reload_brings_new_handlers_and_refuses_broken_ones(
        client: Http, service: Service) -> None:
    path = service.handlers / "greet.py"
    path.write_text(HANDLER % "!")
    answer = client.call("reload_handlers")
    assert not answer.is_error, answer
    assert "greet_async" in client.tools()
    job = client.start("greet_async", who="you")
    client.wait(job)
    assert "hello you!" in client.result(job).everything
    path.write_text("def broken(:\n" + "# much " * 99)
    words = client.call("reload_handlers")
    assert words.is_error
    assert "greet.py: line 1: invalid syntax. Mend" in words.text, words
    assert "greet.py: line 1" in words["workers"][0]["error"]
    job = client.start("greet_async", who="you")
    client.wait(job)
    assert "hello you!" in client.result(job).everything
    path.write_text(HANDLER % "?")
    client.call("reload_handlers")
    job = client.start("greet_async", who="you")
    client.wait(job)
    assert "hello you?" in client.result(job).everything


def test_what_a_job_said_last_is_in_its_record(client: Http) -> None:
    job = client.submit("for n in range(50): job.progress(n / 100, str(n))\n"
                        "raise ValueError('the end')")
    status = client.wait(job)
    assert status["state"] == "failed"
    assert (status["progress"], status["message"]) == (0.49, "49")


def test_a_number_has_no_digit_that_it_does_not_need(client: Http) -> None:
    answer = client.run("{'a': 0.261, 'b': 1 / 3}")
    assert "0.261" in answer.text and "0.2610" not in answer.text
    assert answer["result"] == {"a": 0.261, "b": 1 / 3}
    jobs = client.call("list_jobs", limit=30)   # some reals are among them
    assert "00000000000" not in jobs.text and "99999999999" not in jobs.text


def test_a_running_jobs_stdout_is_a_resource_that_grows(
        client: Http) -> None:
    job = client.submit("import time\nprint('x' * 99999)\nprint('early')\n"
                        "time.sleep(30)")

    def read(query: str = "") -> dict:
        return client.request("resources/read", {
            "uri": f"job://{job}/stdout{query}"})["contents"][0]

    end = time.monotonic() + 20
    while "early" not in (piece := read())["text"]:
        assert time.monotonic() < end, "print was not readable"
        time.sleep(0.05)
    meta = piece["_meta"]
    assert meta["more"] and meta["total_bytes"] == 100006
    assert meta["offset"] == 100006 - 65536 == meta["next_offset"] - 65536
    later = read("?offset=100000")
    assert later["text"] == "early\n" and later["_meta"]["offset"] == 100000
    assert read("?offset=100006")["text"] == ""
    with pytest.raises(ProtocolError):
        read("?offset=x")
    client.cancel(job)
    client.wait(job)


def test_a_finished_jobs_stdout_is_whole_and_read_from_an_offset(
        client: Http) -> None:
    job = client.submit("print('x' * 9999)\nprint('last')")
    client.wait(job)
    uri = f"job://{job}/stdout"
    whole = client.request("resources/read", {"uri": uri})["contents"][0]
    assert len(whole["text"]) == 10005
    part = client.request("resources/read", {
        "uri": uri + "?offset=10000"})["contents"][0]
    assert part["text"] == "last\n" and part["_meta"]["more"] is False

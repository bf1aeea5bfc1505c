"""Prompts, completion, and the resources freecad://..."""

from __future__ import annotations

import json
import re
from typing import Any, Iterator

import pytest

from service import MODERN, ROOT, Http, ProtocolError, Service

HERE = ("list_documents", "get_objects", "get_object")


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """Without a window. The tools of HERE are sent to a compute worker, where
    they run as well and find no document."""
    it = Service(start=False)
    catalogue = json.loads(
        (ROOT / "build" / "share" / "catalogue.json").read_text())
    for tool in catalogue["tools"]:
        if tool["name"] in HERE:
            tool["lane"] = "compute"
    (it.state / "catalogue.json").write_text(json.dumps(catalogue))
    try:
        it.start_all()
        yield it
    finally:
        it.stop()


def prompts(client: Http) -> dict[str, dict[str, Any]]:
    return {p["name"]: p for p in client.request("prompts/list")["prompts"]}


def text(client: Http, name: str, **arguments: str) -> str:
    got = client.request("prompts/get", {"name": name,
                                         "arguments": arguments})
    (message,) = got["messages"]
    assert message["role"] == "user" and got["description"]
    return message["content"]["text"]


def test_the_workflows_are_there(client: Http) -> None:
    found = prompts(client)
    assert set(found) == {
        "start_here", "design_part", "long_operations", "boolean_operations",
        "debug_model", "export_and_import", "macro_development"}
    for prompt in found.values():
        assert prompt["title"] and len(prompt["description"]) > 30
        for argument in prompt.get("arguments", []):
            assert argument["description"]
    assert found["design_part"]["arguments"][0]["required"]


def every_text(client: Http) -> Iterator[tuple[str, str]]:
    for name, prompt in prompts(client).items():
        whole = {a["name"]: f"<{a['name']}>"
                 for a in prompt.get("arguments", [])}
        needed = {a["name"]: "<x>" for a in prompt.get("arguments", [])
                  if a["required"]}
        for arguments in (whole, needed):
            yield name, text(client, name, **arguments)


def test_texts_name_only_tools_and_arguments_that_there_are(
        client: Http) -> None:
    tools = client.tools()
    known = set(tools) | {"worker_lost", "output_limit"} | set(prompts(client))
    for tool in tools.values():
        for key in ("inputSchema", "outputSchema"):
            known |= set(tool.get(key, {}).get("properties", {}))
    for name, words in every_text(client):
        assert "{{" not in words and "\n---" not in words
        assert len(words) > 800, name
        for word in re.findall(r"`([a-z]+_[a-z0-9_]+)\b", words):
            assert word in known, (name, word)


def test_what_a_line_hangs_on_is_an_argument_or_a_tool(
        client: Http) -> None:
    tools, found = set(client.tools()), prompts(client)
    for file in (ROOT / "mcp-frontend" / "prompts").glob("*.md"):
        names = {a["name"] for a in found[file.stem].get("arguments", [])}
        for name in re.findall(r"{{[?!]?(\w+)}}", file.read_text()):
            assert name in tools | names, (file.name, name)


def test_arguments_are_filled_in_once(client: Http) -> None:
    words = text(client, "design_part", description="a {{units}} bracket",
                 units="in")
    assert "a {{units}} bracket" in words and "are in in." in words
    assert "live document `" not in words
    assert "live document `Doc`" in text(
        client, "design_part", description="x", document="Doc")


@pytest.mark.parametrize("name, arguments, word", [
    ("design_part", {}, "description"), ("design_part", None, "description"),
    ("design_part", {"description": ""}, "description"),
    ("design_part", {"description": "x", "colour": "red"}, "colour"),
    ("design_part", {"description": 5}, "string"),
    ("design_part", {"description": "x" * 9000}, "8192"),
    ("design_part", ["x"], "object"), ("no_such", {}, "prompts/list"),
    (None, {}, "prompts/list")])
def test_a_wrong_prompt_is_refused(client: Http, name: Any, arguments: Any,
                                   word: str) -> None:
    params = {"name": name, "arguments": arguments}
    with pytest.raises(ProtocolError) as error:
        client.request("prompts/get", {k: v for k, v in params.items()
                                       if v is not None})
    assert error.value.code == -32602 and word in error.value.message


# ---- Completion ------------------------------------------------------------

def complete(client: Http, ref: dict[str, str], name: str, value: str,
             **context: str) -> list[str]:
    ref = {"type": "ref/prompt" if "name" in ref else "ref/resource", **ref}
    return client.request("completion/complete", {
        "ref": ref, "argument": {"name": name, "value": value},
        "context": {"arguments": context}})["completion"]["values"]


def test_values_are_proposed(client: Http) -> None:
    ref = {"name": "export_and_import"}
    assert complete(client, ref, "format", "st") == ["step", "stl"]
    assert complete(client, ref, "format", "") == [
        "step", "iges", "brep", "stl", "obj", "3mf", "dxf", "fcstd"]
    assert complete(client, ref, "source", "a") == []
    job = client.submit("job.artifact('part.txt', b'x')")
    client.wait(job)
    assert job in complete(client, {"name": "long_operations"}, "job_id",
                           job[:6])
    assert job in complete(client, {"uri": "job://{job_id}"}, "job_id", "")
    assert complete(client, {"uri": "job://{job_id}/{artifact}"}, "artifact",
                    "p", job_id=job) == ["part.txt"]
    documents = {"uri": "freecad://documents/{document}"}
    assert complete(client, documents, "document", "") == []
    assert complete(client, {
        "uri": "freecad://documents/{document}/objects/{object}"}, "object",
        "Bo", document="None") == []


@pytest.mark.parametrize("params", [
    {}, {"ref": {"type": "ref/prompt", "name": "no"},
         "argument": {"name": "x", "value": ""}},
    {"ref": {"type": "ref/prompt", "name": "start_here"},
     "argument": {"name": "x", "value": ""}},
    {"ref": {"type": "ref/prompt", "name": "start_here"},
     "argument": {"name": "goal", "value": 5}},
    {"ref": {"type": "ref/resource", "uri": "file:///{path}"},
     "argument": {"name": "path", "value": ""}},
    {"ref": {"type": "ref/resource", "uri": "job://no/{job_id}"},
     "argument": {"name": "job_id", "value": ""}},
    {"ref": "start_here", "argument": []}])
def test_a_wrong_completion_is_refused(client: Http, params: Any) -> None:
    with pytest.raises(ProtocolError) as error:
        client.request("completion/complete", params)
    assert error.value.code == -32602


# ---- Resources -------------------------------------------------------------

def read(client: Http, uri: str) -> Any:
    (content,) = client.request("resources/read", {"uri": uri})["contents"]
    assert content["uri"] == uri
    assert content["mimeType"] == "application/json"
    return json.loads(content["text"])


def test_resources_are_listed(client: Http) -> None:
    found = {r["uri"]: r for r in client.request(
        "resources/list")["resources"]}
    assert {"freecad://version", "freecad://capabilities",
            "freecad://documents"} <= set(found)
    assert all(r["name"] and r["description"] for r in found.values())
    templates = {t["uriTemplate"] for t in client.request(
        "resources/templates/list")["resourceTemplates"]}
    assert {"freecad://documents/{document}", "job://{job_id}/{artifact}",
            "freecad://documents/{document}/objects",
            "freecad://documents/{document}/objects/{object}"} <= templates


def test_version_and_capabilities(service: Service) -> None:
    for client in (service.client(), service.client(era=MODERN)):
        version = read(client, "freecad://version")
        assert version["workers"][0]["info"]["freecad"].startswith("0.2")
        can = read(client, "freecad://capabilities")
        assert can["live_documents"] is False and can["slots"] == 2
        assert "get_job_status" in can["toolsets"]["jobs"]


def test_a_file_with_a_blank_in_its_name_has_a_uri(client: Http) -> None:
    job = client.submit("job.artifact('my part+1.txt', 'hello')")
    client.wait(job)
    (made,) = client.result(job)["artifacts"]
    assert made["name"] == "my part+1.txt"
    assert made["uri"] == f"job://{job}/my%20part+1.txt"
    for uri in (made["uri"], f"job://{job}/my part+1.txt"):
        (content,) = client.request("resources/read", {"uri": uri})["contents"]
        assert content["text"] == "hello" and content["uri"] == uri
    for uri in (f"job://{job}/my%20", f"job://{job}/%", f"job://{job}/%00"):
        with pytest.raises(ProtocolError):
            client.request("resources/read", {"uri": uri})


def test_a_resource_is_read_by_a_tool(client: Http) -> None:
    found = read(client, "freecad://documents")
    assert found["documents"] == [] and "active" in found


@pytest.mark.parametrize("uri, word", [
    ("freecad://active-document", "fcj doctor"),
    ("freecad://documents/Nope", "freecad://documents"),
    ("freecad://documents/Nope/objects", "Nope"),
    ("freecad://documents/No%20pe/objects/A%C3%A4", "No pe"),
    ("freecad://nothing", "templates"), ("freecad://", "templates"),
    ("freecad://documents/", "templates"),
    ("freecad://documents/a/b", "templates"),
    ("freecad://documents/%zz", "templates"),
    ("freecad://documents/%00", "templates"),
    ("freecad://documents/%ff/objects", "UTF-8"),
    ("freecad://documents/" + "x" * 300, "templates")])
def test_what_can_not_be_read_says_why(service: Service, uri: str,
                                       word: str) -> None:
    for era, code in (("2025-11-25", -32002), (MODERN, -32602)):
        with pytest.raises(ProtocolError) as error:
            service.client(era=era).request("resources/read", {"uri": uri})
        assert word in error.value.message, error.value.message
        assert error.value.code == code and error.value.data["uri"] == uri


def test_a_reader_that_leaves_harms_nobody(service: Service) -> None:
    for _ in range(5):
        impatient = service.client(timeout=0.02)
        try:
            impatient.request("resources/read",
                              {"uri": "freecad://documents"})
        except Exception:       # noqa: BLE001
            pass
    assert read(service.client(), "freecad://documents")["documents"] == []

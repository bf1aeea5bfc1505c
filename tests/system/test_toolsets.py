"""Which tools an agent is offered: a few by default, more by name."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Iterator

import pytest

from service import BIN, ProtocolError, Service, Stdio

TOOL = {"title": "T", "description": "D", "lane": "compute",
        "needs": "compute", "hold_s": 0, "options": [],
        "inputSchema": {"type": "object"}}


def tool(name: str, toolset: str, looks: bool = False,
         **more: Any) -> dict[str, Any]:
    return {**TOOL, "name": name, "toolset": toolset, **more,
            "annotations": {"readOnlyHint": looks}}


CATALOGUE = {"version": 1, "tools": [
    tool("a_look", "core", True), tool("an_edit", "core"),
    tool("a_drawing", "drawings", True), tool("mine", "own_things", own=True),
    tool("hidden", "core", internal=True),
    tool("unclear", "core", inputSchema={"type": "object", "properties": {
        "x": {"patternProperties": {}}}})]}


@pytest.fixture(scope="module")
def it() -> Iterator[Service]:
    service = Service(start=False)
    (service.state / "catalogue.json").write_text(json.dumps(CATALOGUE))
    del service.env["FCJ_TOOLSETS"]
    try:
        yield service
    finally:
        service.stop()


def names(it: Service, *flags: str) -> list[str]:
    client = Stdio(it.env, *flags)
    try:
        client.initialize()
        first = client.request("tools/list")
        assert first == client.request("tools/list"), "the same each time"
        return [t["name"] for t in first["tools"]]
    finally:
        client.close()


def test_the_default_is_small_and_holds_ones_own_tools(it: Service) -> None:
    found = names(it)
    assert {"a_look", "an_edit", "mine", "get_job_status"} <= set(found)
    assert not {"a_drawing", "hidden", "unclear"} & set(found)


def test_toolsets_by_name(it: Service) -> None:
    found = names(it, "--toolsets", "drawings, jobs")
    assert {"a_drawing", "mine", "get_job_status"} <= set(found)
    assert "a_look" not in found
    everything = names(it, "--toolsets", "all")
    assert {"a_drawing", "a_look", "an_edit"} <= set(everything)
    assert "hidden" not in everything


def test_read_only_offers_what_only_looks(it: Service) -> None:
    found = set(names(it, "--read-only", "--toolsets", "all"))
    assert {"a_look", "a_drawing", "get_job_status", "list_jobs"} <= found
    assert not {"an_edit", "mine", "cancel_job", "delete_job",
                "reload_handlers"} & found


@pytest.mark.parametrize("flags, called, words", [
    ((), "a_drawing", "--toolsets core,jobs,drawings"),
    (("--read-only",), "an_edit", "read-only"),
    ((), "a_loook", "Did you mean a_look")])
def test_a_tool_that_is_not_offered_says_why(
        it: Service, flags: tuple[str, ...], called: str, words: str) -> None:
    client = Stdio(it.env, *flags)
    try:
        client.initialize()
        with pytest.raises(ProtocolError) as error:
            client.request("tools/call", {"name": called, "arguments": {}})
        assert error.value.code == -32602 and words in error.value.message
    finally:
        client.close()


def test_an_unknown_toolset_is_refused_at_the_start(it: Service) -> None:
    done = subprocess.run([str(BIN / "fcj-mcp"), "--toolsets", "cor"],
                          env=it.env, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=20, check=False)
    assert done.returncode != 0 and "'cor'" in done.stderr
    assert "drawings" in done.stderr and "core" in done.stderr

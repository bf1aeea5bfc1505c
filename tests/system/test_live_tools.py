"""The tools of live documents in FreeCAD's real window, through the service.

Pictures are looked at: which colours are in them and where.
"""

from __future__ import annotations

import base64
import collections
import json
import pathlib
import re
import shutil
import signal
import struct
import time
import zlib
from typing import Any, Iterator

import pytest
from service import BIN, LEGACY, Answer, Http, ProtocolError, Service, Stdio
from streams import Modern, Session

RED = "#ff0000"


class Window(Service):
    """A service with a worker that has a window."""

    PARTS = ("redis", "broker", "gui", "worker", "mcp")

    def command(self, part: str) -> list[str]:
        return [str(BIN / "fcj-worker"), "--gui"] if part == "gui" else super().command(part)

    def stop(self, check: bool = True) -> None:
        if "gui" in self.running:
            self.kill("gui", signal.SIGTERM)
        super().stop(check)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    window = Window(display="xvfb", roots_write="yes", hold_s=3, slots=1)
    try:
        window._until(lambda: not window.client().call("list_documents").is_error, 60)
        yield window
    finally:
        window.stop()


@pytest.fixture
def live(service: Service) -> Iterator["Live"]:
    it = Live(service.client())
    yield it
    it.client.call("execute_code", code="for name in App.listDocuments(): App.closeDocument(name)",
                   transaction=False)


class Live:
    """Calls that must succeed, and what their pictures show."""

    def __init__(self, client: Http) -> None:
        self.client = client

    def __call__(self, tool: str, /, **arguments: Any) -> Answer:
        answer = self.client.call(tool, **arguments)
        assert not answer.is_error, f"{tool}: {answer}"
        return answer

    def no(self, tool: str, /, **arguments: Any) -> str:
        return self.client.refused(tool, **arguments)

    def part(self) -> None:
        """A document "Part": a red box of 10 mm."""
        self("create_document", name="Part")
        self("create_object", type="Part::Box", name="Box", properties={"ViewObject": {
            "ShapeColor": RED, "LineColor": "#0000ff", "LineWidth": 4}})

    def look(self, **arguments: Any) -> "Picture":
        answer = self("get_view", **arguments)
        (image,) = [block for block in answer.content if block["type"] == "image"]
        picture = Picture(base64.b64decode(image["data"]))
        assert (picture.width, picture.height) == (answer["width"], answer["height"])
        return picture


class Picture:
    """A PNG, unpacked: colour of each pixel."""

    def __init__(self, data: bytes) -> None:
        assert data.startswith(b"\x89PNG")
        at, packed = 8, b""
        while at < len(data):
            size, kind = struct.unpack(">I4s", data[at:at + 8])
            if kind == b"IHDR":
                self.width, self.height, depth, colour = struct.unpack(">IIBB", data[at + 8:at + 18])
                assert depth == 8 and colour in (2, 6), "a PNG of 8 bit RGB or RGBA"
                self.bytes = 3 if colour == 2 else 4
            elif kind == b"IDAT":
                packed += data[at + 8:at + 8 + size]
            at += size + 12
        self.rows = list(self._rows(zlib.decompress(packed)))

    def _rows(self, raw: bytes) -> Iterator[bytes]:
        step, n = self.width * self.bytes, self.bytes
        above = bytearray(step)
        for y in range(self.height):
            kind, row = raw[y * (step + 1)], bytearray(raw[y * (step + 1) + 1:(y + 1) * (step + 1)])
            for x in range(step):
                left = row[x - n] if x >= n else 0
                corner = above[x - n] if x >= n else 0
                up = above[x]
                if kind == 1:
                    row[x] = row[x] + left & 255
                elif kind == 2:
                    row[x] = row[x] + up & 255
                elif kind == 3:
                    row[x] = row[x] + (left + up) // 2 & 255
                elif kind == 4:
                    guess = left + up - corner
                    near = min((abs(guess - left), 0, left), (abs(guess - up), 1, up),
                               (abs(guess - corner), 2, corner))
                    row[x] = row[x] + near[2] & 255
            above = row
            yield bytes(row)

    def at(self, x: float, y: float) -> tuple[int, ...]:
        """The colour at a place, 0..1 from the top left corner."""
        column, row = int(x * (self.width - 1)), int(y * (self.height - 1))
        return tuple(self.rows[row][column * self.bytes:(column + 1) * self.bytes])

    def share(self, fits: Any, left: float = 0, top: float = 0, right: float = 1, bottom: float = 1
              ) -> float:
        """Which part of a region has a colour that fits."""
        rows = self.rows[int(top * self.height):int(bottom * self.height)]
        first, last = int(left * self.width), int(right * self.width)
        counts: collections.Counter[bytes] = collections.Counter()
        for row in rows:
            counts.update(row[x * self.bytes:(x + 1) * self.bytes] for x in range(first, last))
        return sum(n for colour, n in counts.items() if fits(*colour[:3])) / sum(counts.values())


def red(r: int, g: int, b: int) -> bool:
    return r > 90 and g < 60 and b < 60


def blue(r: int, g: int, b: int) -> bool:
    return b > 90 and r < 60 and g < 60


def white(r: int, g: int, b: int) -> bool:
    return min(r, g, b) > 245


def dark(r: int, g: int, b: int) -> bool:
    return max(r, g, b) < 100


# ---- Pictures ---------------------------------------------------------------

def test_a_picture_shows_the_box_red_in_the_middle_on_white(live: Live) -> None:
    live.part()
    picture = live.look(view_name="Front", width=300, height=300)
    assert red(*picture.at(0.5, 0.5)) and all(white(*picture.at(x, y)) for x in (0.02, 0.98)
                                             for y in (0.02, 0.98))
    share = picture.share(red)
    assert 0.15 < share < 0.8 and picture.share(blue) > 0.002
    iso = live.look(view_name="Isometric", width=300, height=300)
    assert iso.share(red) > 0.2 and red(*iso.at(0.5, 0.4)) and iso.rows != picture.rows


def test_a_colour_is_a_change_and_a_step(live: Live) -> None:
    live.part()
    assert live("edit_object", object="Box", properties={"ViewObject": {"ShapeColor": "#00ff00"}})["changed"] == ["Box"]
    assert live.look().share(red) == 0
    live("undo")
    assert live.look().share(red) > 0.05


def test_each_named_view_shows_its_own_side(live: Live) -> None:
    live.part()
    live("edit_object", object="Box", properties={"Length": 30, "Width": 20, "Height": 10,
                                                  "ViewObject": {"LineWidth": 1}})
    ratio = {}
    for name in ("Front", "Back", "Top", "Bottom", "Left", "Right"):
        picture = live.look(view_name=name, width=300, height=300)
        wide = picture.share(red, top=0.48, bottom=0.52)
        high = picture.share(red, left=0.48, right=0.52)
        ratio[name] = wide / high
    assert ratio["Front"] == pytest.approx(3, rel=0.1) == ratio["Back"]
    assert ratio["Top"] == pytest.approx(1.5, rel=0.1) == ratio["Bottom"]
    assert ratio["Left"] == pytest.approx(2, rel=0.1) == ratio["Right"]


def test_several_views_are_one_picture(live: Live) -> None:
    live.part()
    picture = live.look(views=["Isometric", "Front", "Top", "Right"], width=400, height=400)
    for left in (0, 0.5):
        for top in (0, 0.5):
            part = picture.share(red, left, top, left + 0.5, top + 0.5)
            assert 0.1 < part < 0.8, (left, top)
    assert (picture.width, picture.height) == (400, 400)


def test_focus_brings_a_small_part_near(live: Live) -> None:
    live.part()
    live("create_object", type="Part::Box", name="Far", properties={
        "Placement": [500, 0, 0], "ViewObject": {"ShapeColor": "#0000ff"}})
    assert live.look(width=300, height=300).share(red) < 0.01
    assert live.look(width=300, height=300, focus_object="Box").share(red) > 0.1
    far = live.look(width=300, height=300, focus_object="Far")
    assert far.share(blue) > 0.1 and far.share(red) == 0


def test_focus_finds_what_a_moved_part_holds(live: Live) -> None:
    live.part()
    live("create_object", type="App::Part", name="Far", properties={"Placement": [0, 0, 500]})
    live("create_object", type="App::Link", name="Copy", parent="Far", properties={"LinkedObject": "Box"})
    assert live.look(focus_object="Copy", view_name="Front").share(red, .4, .4, .6, .6) > 0.95


def test_the_users_camera_is_put_back(live: Live) -> None:
    live.part()
    camera = ("[line for line in Gui.activeDocument().activeView().getCamera().splitlines()"
              " if line.strip().split(' ')[0] in ('position', 'orientation', 'height')]")
    before = live("execute_code", code=camera)["result"]
    live.look(view_name="Top", width=200, height=200)
    assert live("execute_code", code=camera)["result"] == before
    live.look(view_name="Top", width=200, height=200, move_camera=True)
    assert live("execute_code", code=camera)["result"] != before


def test_nothing_to_see_is_said_and_not_shown(live: Live) -> None:
    live("create_document", name="Empty")
    seen = live("get_view")
    assert seen["image"] is None and "empty" in seen["note"]
    assert all(block["type"] != "image" for block in seen.content)
    live.part()
    live("edit_object", object="Box", properties={"Visibility": False})
    assert "hidden (Box)" in live("get_view")["note"]
    live("edit_object", object="Box", properties={"Visibility": True})
    live("execute_code", transaction=False, code=(
        "v = Gui.activeDocument().activeView()\n"
        "v.getCameraNode().position.setValue(9e5, 9e5, 9e5)"))
    away = live("get_view", view_name="Current")
    assert away["image"] is None and "camera looks elsewhere" in away["note"]
    assert live.look(width=200, height=200).share(red) > 0.1


def test_a_spreadsheet_and_a_page_are_shown_from_their_tabs(live: Live) -> None:
    live.part()
    live("create_object", type="Spreadsheet::Sheet", name="Sheet")
    assert "empty" in live("get_view", page="Sheet")["note"]
    live("edit_object", object="Sheet", properties={"cells": {"A1": "WWWWWW", "B2": "=2 + 3"}})
    full = live.look(page="Sheet", width=400, height=300)
    live("edit_object", object="Sheet", properties={"cells": {"A1": "i", "B2": None}})
    less = live.look(page="Sheet", width=400, height=300)
    assert full.share(dark) > less.share(dark) > 0.001 and full.share(white) > 0.5
    live("execute_code", code=(
        "p = doc.addObject('TechDraw::DrawPage', 'Page')\n"
        "t = doc.addObject('TechDraw::DrawSVGTemplate', 'Template')\n"
        "t.Template = App.getResourceDir() + 'Mod/TechDraw/Templates/A4_LandscapeTD.svg'\np.Template = t"))
    bare = live("get_view", page="Page")
    assert "no views" in bare["note"] and bare["image"]
    live("execute_code", code=(
        "v = doc.addObject('TechDraw::DrawViewPart', 'View')\ndoc.Page.addView(v)\n"
        "v.Source = [doc.Box]\nv.X, v.Y = 80, 140"))
    live("edit_object", object="View", properties={"ScaleType": "Custom", "Scale": 5})
    page = live.look(page="Page", width=600, height=600)
    assert page.width == 600 and 0.65 < page.height / page.width < 0.75
    assert page.share(dark) > 0.005 and page.share(white) > 0.7
    assert live("get_view", page="Page")["colours"] > 2
    live("create_object", type="TechDraw::DrawViewPart", name="Late", properties={"Source": ["Box"]})
    live("execute_code", code="doc.Page.addView(doc.Late)")
    assert "without lines: Late" in live("get_view", page="Page")["note"]
    live("recompute_document", force=True)
    assert "note" not in live("get_view", page="Page").data
    assert "neither" in live.no("get_view", page="Box")


# ---- Selection, console, code -----------------------------------------------

def test_what_is_selected_is_told_with_its_geometry(live: Live) -> None:
    live.part()
    assert live("get_selection")["selection"] == []
    live("set_selection", objects=[{"object": "Box", "sub": ["Face6", "Edge1"]}])
    (one,) = live("get_selection")["selection"]
    assert one["object"] == "Box" and one["sub"] == ["Face6", "Edge1"]
    assert one["parts"][0]["geometry"] == "Plane" and one["parts"][0]["center"] == [5, 5, 10]
    assert "no part" in live.no("set_selection", objects=[{"object": "Box", "sub": ["Face99"]}])
    assert len(live("get_selection")["selection"]) == 1
    assert live("set_selection", objects=[])["selection"] == []


def test_code_runs_in_the_window_and_brings_a_picture(live: Live) -> None:
    live.part()
    done = live("execute_code", screenshot=True, view_name="Front", code=(
        "print('made', doc.Name)\ndoc.Box.ViewObject.ShapeColor = (0.0, 0.0, 1.0)\n"
        "Gui.activeDocument().Document.Name"))
    assert done["result"] == "Part" and done["stdout"] == "made Part\n"
    (image,) = [block for block in done.content if block["type"] == "image"]
    assert Picture(base64.b64decode(image["data"])).share(blue) > 0.1
    failed = live.no("execute_code", code="print('so far')\ndoc.Box.Length = 77\nraise ValueError('no')")
    assert "ValueError" in failed and "so far" in failed and "line 3" in failed.lower()
    assert live("get_object", object="Box")["properties"]["Length"] == "10 mm"


def test_the_report_view_is_read_by_level(live: Live) -> None:
    live.part()
    live("execute_code", code="App.Console.PrintError('it broke 4711\\n')\n"
                              "App.Console.PrintWarning('beware 4711\\n')\n"
                              "App.Console.PrintMessage('fine 4711\\n')")
    seen = live("get_console_output", contains="4711")
    assert [line["level"] for line in seen["lines"]] == ["error", "warning", "message"]
    errors = live("get_console_output", contains="4711", level="errors")
    assert errors["total"] == 1 and "it broke 4711" in errors["lines"][0]["text"]


# ---- Documents and objects --------------------------------------------------

def test_each_document_tool_works_in_the_window(live: Live, service: Service) -> None:
    live.part()
    live("create_object", type="Part::Cylinder", name="Cyl", properties={"Radius": "2 mm"})
    made = live("create_object", type="Part::Cut", name="Cut", properties={"Base": "Box", "Tool": "Cyl"})
    assert made["created"] == ["Cut"] and made["recompute"]["ok"]
    assert live("get_objects", type="Part::Primitive")["total"] == 2
    assert live("inspect_object", object="Box")["view_properties"]["ShapeColor"] == RED
    assert live("analyze_shape", object="Cut")["surfaces"] == {"Plane": 5, "Cylinder": 1} \
        or live("analyze_shape", object="Cut")["problems"] == []
    assert live("get_document_graph")["roots"] == ["Cut"]
    words = live.no("edit_object", object="Box", properties={"Length": 0})
    assert "as it was before" in words and "Box" in words
    assert live("get_object", object="Box")["properties"]["Length"] == "10 mm"
    assert live("edit_object", object="Box", properties={"Length": 20})["changed"]
    assert live("undo")["steps"] == ["Edit Box"] and live("redo")["steps"] == ["Edit Box"]
    assert live("recompute_document", force=True)["recompute"]["ok"]
    assert "used by Cut" in live.no("delete_object", objects=["Box"])
    assert live("save_document", path="live.FCStd")["size"] > 1000
    assert pathlib.Path(service.workspace / "live.FCStd").exists()
    assert live("get_active_document")["document"]["modified"] is False
    live("edit_object", object="Box", properties={"Length": 30})
    assert "discard_changes" in live.no("close_document")
    assert live("reload_document", discard_changes=True)["document"]["objects"] == 3
    live("create_document", name="Second")
    assert live("activate_document", document="live")["active"]
    assert {doc["name"] for doc in live("list_documents")["documents"]} == {"live", "Second"}
    live("close_document", document="live")
    assert len(live("open_document", path="live.FCStd")["objects"]) == 3
    assert set(live("delete_object", objects=["Cut"], with_children=True)["removed"]) == {"Cut", "Box", "Cyl"}


def test_a_sketch_is_diagnosed_in_the_window(live: Live) -> None:
    live.part()
    live("execute_code", code=(
        "import Sketcher\ns = doc.addObject('Sketcher::SketchObject', 'Sketch')\nV = App.Vector\n"
        "s.addGeometry(Part.LineSegment(V(0, 0, 0), V(10, 0, 0)))\n"
        "s.addConstraint(Sketcher.Constraint('Horizontal', 0))"))
    seen = live("get_sketch_diagnostics", object="Sketch")
    assert seen["degrees_of_freedom"] == 3 and len(seen["open_ends"]) == 2
    assert [doc["name"] for doc in live("list_documents")["documents"]] == ["Part"]


def test_macros_run_and_a_library_that_is_not_there_is_said(live: Live, service: Service) -> None:
    live.part()
    where = live("execute_code", code="import os\np = App.getUserMacroDir(True)\nos.makedirs(p, exist_ok=True)\n"
                 "open(p + '/Tall.FCMacro', 'w').write('FreeCAD.ActiveDocument.Box.Height = tall')\np")
    assert where["result"] and "Tall.FCMacro" in [one["name"] for one in live("list_macros")["macros"]]
    assert live("run_macro", macro="Tall", arguments={"tall": 44})["changes"]["changed"] == ["Box"]
    assert live("get_object", object="Box")["properties"]["Height"] == "44 mm"
    assert "parts-library" in live.no("get_parts_list")


def test_a_part_from_a_file_is_inserted_with_its_colour(live: Live) -> None:
    live.part()
    live("save_document", path="red.FCStd")
    live("close_document")
    live("create_document", name="Whole")
    done = live("insert_part_from_library", path="red.FCStd", placement={"position": [40, 0, 0]})
    assert done["created"] == ["Box"] and done["objects"] == ["Box"]
    assert live("get_object", object="Box", properties=["Placement.Base"])["properties"] == {
        "Placement.Base": [40, 0, 0]}
    assert live.look(width=200, height=200, view_name="Front").share(red) > 0.1
    assert live("undo")["removed"] == ["Box"]


def test_a_comment_is_seen_at_its_place(live: Live) -> None:
    live.part()
    bare = live.look(width=300, height=300, view_name="Top").share(red)
    name = live("create_spatial_comment", text="HERE", object="Box", sub="Face6")["comment"]["name"]
    assert live.look(width=300, height=300, view_name="Top").share(red) != bare
    assert live("list_spatial_comments", state="open")["comments"][0]["sub"] == "Face6"
    live("propose_spatial_comment_resolution", comment=name, resolution="done")
    assert live("delete_spatial_comment", comment=name)["removed"] == [name]
    assert live.look(width=300, height=300, view_name="Top").share(red) == bare


def test_a_live_analysis_is_solved_by_a_job_while_the_window_works_on(live: Live) -> None:
    if not shutil.which("ccx"):
        pytest.skip("CalculiX (ccx) is not installed")
    text = (pathlib.Path(__file__).parents[1] / "python" / "test_docs_fem.py").read_text()
    code = re.search(r"(?ms)^def beam.*?^    doc.saveAs", text)
    assert code
    built = code[0].removesuffix("    doc.saveAs").rstrip() + "\nbeam('')\n"
    live("execute_code", code=built)
    copied = live("snapshot_document", document="Beam")
    job = live.client.start("run_fem_analysis", model={"job": copied["job_id"],
                                                       "artifact": copied["artifact"]})
    live("create_document", name="Meanwhile")
    assert live.client.wait(job)["state"] == "completed", live.client.result(job)
    answer = live.client.result(job)
    assert answer["result"]["results"][0]["max_von_mises"] == pytest.approx(10, rel=0.1)
    assert {"Beam_results.FCStd", "Mesh.frd"} <= {one["name"] for one in answer["artifacts"]}


# ---- Held calls and questions -----------------------------------------------

def test_a_call_that_outlasts_its_hold_becomes_a_job_to_poll(live: Live) -> None:
    answer = live.client.call("execute_code", code="import time\ntime.sleep(4)\n42")
    assert not answer.is_error and "get_job_status" in answer.text
    job = re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", answer.text)
    assert job and live.client.wait(job[0])["state"] == "completed"
    assert live.client.result(job[0])["result"]["result"] == 42


@pytest.mark.parametrize("action", ["accept", "decline"])
def test_a_client_that_can_be_asked_is_asked_before_changes_are_lost(
        live: Live, service: Service, action: str) -> None:
    live.part()
    stdio = Stdio(service.env)
    try:
        stdio.request("initialize", {"protocolVersion": LEGACY, "capabilities": {"elicitation": {}},
                                     "clientInfo": {"name": "tests", "version": "1"}})
        stdio.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
        stdio.send(json.dumps({"jsonrpc": "2.0", "id": 77, "method": "tools/call", "params": {
            "name": "close_document", "arguments": {"document": "Part"}}}).encode())
        question = stdio.receive()
        while question.get("method") != "elicitation/create":
            assert question.get("id") != 77, f"it did not ask: {question}"
            question = stdio.receive()
        assert "loses them" in question["params"]["message"]
        stdio.send(json.dumps({"jsonrpc": "2.0", "id": question["id"],
                               "result": {"action": action, "content": {}}}).encode())
        answer = stdio.receive()
        while answer.get("id") != 77:
            answer = stdio.receive()
    finally:
        stdio.close()
    gone = not live("list_documents")["documents"]
    assert gone == (action == "accept") and bool(answer["result"].get("isError")) != gone


def test_who_subscribed_to_a_document_hears_that_it_changed(
        live: Live, service: Service) -> None:
    live("create_document", name="Part")
    uri = "freecad://documents/Part/objects"
    modern = Modern(service)
    listen = modern.post("subscriptions/listen", {
        "notifications": {"resourceSubscriptions": [uri]}})
    assert listen.next()["params"]["notifications"]
    session = Session(service)
    stream = session.get()
    assert session.request("resources/subscribe", {"uri": uri}) == {}
    time.sleep(1)               # from when it is told is not promised
    live("get_objects", document="Part")
    live("create_object", document="Part", type="Part::Box", name="Box")
    for one in (listen, stream):
        told = one.method("notifications/resources/updated")
        assert told["params"]["uri"] == uri
    listen.close()
    stream.close()


def test_a_resource_of_a_busy_freecad_is_refused_not_replaced_by_a_handle(live: Live) -> None:
    """What can't be read within the time a call is held; the job for it is withdrawn."""
    job = live.client.start("execute_code", code="import time; time.sleep(6)", wait_s=0)
    with pytest.raises(ProtocolError) as error:
        live.client.request("resources/read", {"uri": "freecad://documents"})
    assert error.value.code == -32603 and "busy" in error.value.message
    newest = live.client.call("list_jobs", tool="list_documents", limit=1)["jobs"][0]
    assert live.client.wait(newest["job_id"])["state"] == "cancelled"
    assert live.client.wait(job)["state"] == "completed"


def test_code_past_its_time_is_stopped_and_its_changes_are_taken_back(live: Live) -> None:
    live.part()
    words = live.no("execute_code", timeout_s=1, code=(
        "doc.Box.Length = 99\ndoc.addObject('Part::Sphere', 'Extra')\nwhile True: pass"))
    assert "timeout" in words
    assert live("get_object", object="Box")["properties"]["Length"] == "10 mm"
    assert live("get_objects")["total"] == 1
    assert live("edit_object", object="Box", properties={"Length": 12})["undo"] == "Edit Box"


def test_code_reads_the_result_of_a_job_by_its_id(live: Live) -> None:
    live.part()
    job = live.client.submit("Part.makeBox(2, 3, 4)")
    done = live("execute_code", code=f"doc.addObject('Part::Feature', 'Got').Shape = jobs.result('{job}')\n"
                                     "doc.Got.Shape.Volume")
    assert done["result"] == pytest.approx(24) and done["changes"]["created"] == ["Got"]
    other = "00000000-0000-4000-8000-000000000000"
    assert live.no("execute_code", code=f"jobs.result('{other}')")


def test_a_failed_call_tells_the_whole_error_at_once(live: Live) -> None:
    words = live.no("execute_code", code="x = [1]\nx[5]")
    assert "IndexError" in words and "line 2" in words.lower() and "x[5]" in words
    assert "seconds" not in live.no("get_object", object="Nobody")


def test_every_answer_fits_the_schema_that_was_announced(live: Live) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    live.part()
    tools = live.client.tools()
    for name, arguments in (("list_documents", {}), ("get_objects", {}), ("get_object", {"object": "Box"}),
                            ("inspect_object", {"object": "Box"}), ("get_view", {}), ("undo", {}),
                            ("analyze_shape", {"object": "Box", "elements": "edges"}),
                            ("execute_code", {"code": "doc.Box.Shape"}), ("get_selection", {})):
        if name == "analyze_shape":
            live("redo")
        jsonschema.validate(live(name, **arguments).data, tools[name]["outputSchema"])
    for name, arguments in (("get_object", {"object": "Nobody"}), ("execute_code", {"code": "1/0"})):
        answer = live.client.call(name, **arguments)
        assert answer.is_error and answer["state"] == "failed"
        jsonschema.validate(answer.data, tools[name]["outputSchema"])


def test_resources_show_the_live_documents(live: Live) -> None:
    """The same answers as the tools', read by URI; names are completed."""
    def read(uri: str) -> Any:
        (content,) = live.client.request("resources/read", {"uri": uri})["contents"]
        return json.loads(content["text"])

    def complete(uri: str, name: str, value: str, **context: str) -> list[str]:
        return live.client.request("completion/complete", {
            "ref": {"type": "ref/resource", "uri": uri}, "argument": {"name": name, "value": value},
            "context": {"arguments": context}})["completion"]["values"]

    name = live("create_document", name="Shown")["document"]["name"]
    live("create_object", type="Part::Box", name="Cube", properties={"Length": 7})
    assert [d["name"] for d in read("freecad://documents")["documents"]] == [name]
    assert read(f"freecad://documents/{name}")["name"] == name
    assert read("freecad://active-document")["document"]["name"] == name
    assert [o["name"] for o in read(f"freecad://documents/{name}/objects")["objects"]] == ["Cube"]
    cube = read(f"freecad://documents/{name}/objects/Cube")
    assert "7" in json.dumps(cube["properties"]["Length"])
    for uri, key in (("workbenches", "workbenches"), ("preferences", "unit_schema"), ("macros", "macros"),
                     ("console", "lines")):
        assert key in read(f"freecad://{uri}"), uri
    benches = {w["name"] for w in read("freecad://workbenches")["workbenches"]}
    assert "PartWorkbench" in benches and read("freecad://capabilities")["live_documents"] is True
    assert complete("freecad://documents/{document}", "document", "sh") == [name]
    assert complete("freecad://documents/{document}/objects/{object}", "object", "C", document=name) == ["Cube"]
    live("execute_code", code="for n in range(101): doc.addObject('App::FeaturePython', 'F')")
    many = live.client.request("completion/complete", {
        "ref": {"type": "ref/resource", "uri": "freecad://documents/{document}/objects/{object}"},
        "argument": {"name": "object", "value": "F"}})["completion"]
    assert many["hasMore"] and len(many["values"]) == 100

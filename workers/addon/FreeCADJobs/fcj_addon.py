"""The add-on's beginning: finds freecad-jobs, and puts the panel in place.

paths.json, beside this file, is written by `fcj addon install`: {"paths":
directories for sys.path, "worker": the program fcj-worker}.
"""

import json
import os
import sys


def begin():
    """Called by FreeCAD when its window is made; never an error there."""
    import FreeCAD
    if os.environ.get("FCJ_HOST"):          # a FreeCAD that a worker has started
        return
    try:
        here = os.path.dirname(os.path.abspath(__file__))
        with open(os.path.join(here, "paths.json"), encoding="utf-8") as file:
            found = json.load(file)
        sys.path.extend(path for path in found["paths"] if path not in sys.path)
        from fcj_gui import panel
        panel.begin(found["worker"])
    except Exception as error:
        FreeCAD.Console.PrintWarning(
            f"FreeCAD Jobs: {error}. Run `fcj addon install` again.\n")

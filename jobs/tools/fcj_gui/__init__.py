"""A FreeCAD that runs jobs on its GUI thread (workers/PROTOCOL.md "GUI host").

The same code in the FreeCAD that a worker starts (``boot``) and in the one a
person has open (the add-on, ``panel``):

    host        takes messages from the supervisor, runs one job after the other
    output      what a job prints
    dialogs     modal dialogs: found, told, closed
    documents   which documents there are, and which of them changed
    snapshot    copies of the documents, for the host that comes after this one

`running` is the Host once there is one. It loads the C module ``_fcj`` (workers/host) and the runtime ``fcj``.
"""

from typing import Any

running: Any = None
panel_shown: Any = None

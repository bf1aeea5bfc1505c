"""What the tools of live documents share: finding documents and objects,
changing them whole or not at all, property values as JSON, files, pictures.

FreeCAD's App API only, but for ``window`` and ``picture``, which need the
window and say so where there is none.
"""

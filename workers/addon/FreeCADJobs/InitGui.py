# Makes this FreeCAD the one whose documents freecad-jobs works on. All of it
# is in fcj_addon.py, beside this file.
import fcj_addon

fcj_addon.begin()

"""Shapes between the live FreeCAD and other jobs."""

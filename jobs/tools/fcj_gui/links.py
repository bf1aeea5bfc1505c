"""Links from one document to another, in a snapshot.

FreeCAD keeps such a link as the other document's file, relative to its own. A
snapshot's files lie elsewhere, so the links are noted beside them, by names,
and made again when all documents are open.
"""

from typing import Any

from fcj_docs import find, fromjson, properties


def between(names: list[str]) -> list[dict[str, Any]]:
    """The properties that link objects of these documents to other ones."""
    import FreeCAD
    return [{"document": name, "object": item.Name, "property": key,
             "value": properties.read(item, key)}
            for name in names for item in FreeCAD.getDocument(name).Objects
            if any(one.Document.Name != name for one in item.OutList)
            for key in item.PropertiesList if "XLink" in item.getTypeIdOfProperty(key)]


def mend(noted: list[dict[str, Any]], names: list[str]) -> None:
    """Links as they were. Documents that FreeCAD has opened along with others,
    from files that may be older, are closed."""
    import FreeCAD
    for name, document in FreeCAD.listDocuments().items():
        if name not in names and not getattr(document, "Temporary", False):
            FreeCAD.closeDocument(name)
    broken: dict[str, list[Any]] = {}
    for one in noted:
        item = _item(one)
        if item is not None and properties.read(item, one["property"]) != one["value"]:
            try:
                value = fromjson.from_json(None, item, item, one["property"], one["value"])
                setattr(item, one["property"], value)
                broken.setdefault(one["document"], []).append(item)
            except Exception:                # what it links to was not opened again
                continue
    for name, items in broken.items():
        FreeCAD.getDocument(name).recompute(items)


def _item(one: dict[str, Any]) -> Any:
    try:
        return find.document(one["document"]).getObject(one["object"])
    except Exception:                        # not opened again
        return None

"""Live documents: create, open, save, close, and which there are."""

import os
from typing import Annotated, Any, NotRequired, TypedDict

from fcj import Bound, Failure, Invalid, Job, tool
from fcj_docs import find, modified
from fcj_docs.change import Change, errors
from fcj_docs.types import Changes, DocumentInfo, ObjectError, ObjectInfo, Recompute
from fcj_docs.types import document_info, object_info

Name = Annotated[str, Bound(minLength=1, maxLength=128)]
Path = Annotated[str, Bound(minLength=1, maxLength=4096)]
OBJECTS_SHOWN = 50


class Documents(TypedDict):
    """The open documents."""

    documents: list[DocumentInfo]
    active: Annotated[str | None, "Name of the active one; tools use it when none is named"]


class Opened(TypedDict):
    """A document that is open now."""

    document: DocumentInfo
    objects: Annotated[list[ObjectInfo], "The first ones; get_objects pages through all"]
    errors: list[ObjectError]
    already_open: NotRequired[bool]


class Saved(TypedDict):
    """A document that is in a file now."""

    document: str
    file: Annotated[str, "Its path"]
    size: Annotated[int, "Bytes"]


class DocumentCopy(TypedDict):
    """A document as a file of this job."""

    document: str
    artifact: Annotated[str, "The file; as a reference: {\"job\": <this job's id>, \"artifact\": ...}"]
    job_id: Annotated[str, "The id of this job"]
    size: Annotated[int, "Bytes"]


class Closed(TypedDict):
    """A document that is no longer open."""

    document: str
    lost_changes: Annotated[bool, "True when changes were thrown away, as was said to be right"]
    open: Annotated[list[str], "Names of those still open"]


class Recomputed(TypedDict):
    """The errors before and after."""

    document: str
    recompute: Recompute
    changed: Annotated[list[str], "Objects whose properties or shape changed"]
    valid: Annotated[int, "Objects without an error"]


@tool(needs="document", toolset="core", title="List open documents", read_only=True, idempotent=True)
def list_documents() -> Documents:
    """List the documents open in FreeCAD: name, label, file, objects, errors, undo steps.

    Start here when you don't know what is open. Tools take a document's name
    or label; left out, it is the active one. Next: get_objects for what is in
    a document, create_document or open_document when there is none.
    """
    import FreeCAD
    active = FreeCAD.ActiveDocument
    return {"documents": [document_info(doc) for doc in find.documents()],
            "active": active.Name if active else None}


@tool(needs="document", toolset="documents", title="Get the active document", read_only=True,
      idempotent=True)
def get_active_document() -> Opened:
    """Describe the active document and its first objects.

    It is the one that other tools work on when no document is named. Fails
    when none is open. Next: get_objects, get_view.
    """
    return _opened(find.document())


@tool(needs="document", toolset="core", title="Create a document")
def create_document(name: Name = "Unnamed", label: Name | None = None) -> Opened:
    """Create an empty document and make it the active one.

    FreeCAD may change the name (spaces, a name that is taken): use the one in
    the answer. Next: create_object or execute_code.

    Parameters
    ----------
    name : str
        What it should be called; letters, digits and _ stay as they are.
    label : str
        What people see; the name when left out.
    """
    import FreeCAD
    modified.watch()
    doc = FreeCAD.newDocument(name)
    doc.Label = label or name
    doc.UndoMode = 1
    FreeCAD.setActiveDocument(doc.Name)
    return _opened(doc)


@tool(needs="document", toolset="documents", title="Open a document file")
def open_document(job: Job, path: Path) -> Opened:
    """Open an .FCStd file below a workspace root and make it the active document.

    One that is open already is only made active. STEP, IGES and other files are
    imported with insert_part_from_library or execute_code instead. Tells the
    objects that are in error as the file has them. Next: get_objects, get_view.

    Parameters
    ----------
    path : str
        Relative to a workspace root, or absolute below one.
    """
    import FreeCAD
    modified.watch()
    file = job.read_path(path)
    if not file.lower().endswith(".fcstd"):
        raise Invalid(f"{path!r} is no .FCStd file; insert_part_from_library and execute_code import "
                      "other formats")
    for doc in find.documents():
        if doc.FileName and os.path.realpath(doc.FileName) == file:
            FreeCAD.setActiveDocument(doc.Name)
            return {**_opened(doc), "already_open": True}
    return _opened(_open(file))


@tool(needs="document", toolset="documents", title="Save a document", destructive=True, idempotent=True)
def save_document(job: Job, document: Name | None = None, path: Path | None = None,
                  overwrite: bool = False) -> Saved:
    """Save a document to its file, or with `path` under another name (save as).

    Files are written below workspace roots that the operator made writable
    only. Another file of that name is overwritten only when the user, or
    `overwrite`, says so. FreeCAD writes a new file and then puts it in place.

    Parameters
    ----------
    document : str
        Name or label; the active one when left out.
    path : str
        Where to save it; needed the first time. ".FCStd" is added when missing.
    overwrite : bool
        True replaces another file that is there already.
    """
    doc = find.document(document)
    if path is None and not doc.FileName:
        raise Invalid(f"document {doc.Name} has no file yet; give a path")
    wanted = path or doc.FileName
    if not wanted.lower().endswith(".fcstd"):
        wanted += ".FCStd"
    file = job.write_path(wanted)
    for other in find.documents():
        if other is not doc and other.FileName and os.path.realpath(other.FileName) == file:
            raise Invalid(f"{wanted[-200:]!r} is the file of another document: {other.Name} is open from "
                          "it. Give another path, or close that document first")
    own = bool(doc.FileName) and os.path.realpath(doc.FileName) == file
    if os.path.lexists(file) and not own and not overwrite:
        job.confirm(f"{wanted[-200:]!r} is there already and would be overwritten.", "overwrite")
    try:
        if own:
            doc.save()
        else:
            doc.saveAs(file)
    except Exception as error:
        raise Failure(f"{wanted!r} could not be written: {error}") from error
    if not os.path.isfile(file):
        raise Failure(f"{wanted!r} could not be written; is the directory writable for the service?")
    modified.set_clean(doc)
    return {"document": doc.Name, "file": file, "size": os.path.getsize(file)}


@tool(needs="document", toolset="documents", title="Copy a document into an artifact", read_only=True)
def snapshot_document(job: Job, document: Name | None = None) -> DocumentCopy:
    """Copy a live document, as it stands, into an .FCStd artifact, for a background job or to fetch it.

    The document is neither saved nor changed. Next: run_fem_analysis with `model`
    {"job": job_id, "artifact": artifact}, or read the resource job://<job_id>/<artifact>.

    Parameters
    ----------
    document : str
        Name or label; the active one when left out.
    """
    doc = find.document(document)
    name = f"{doc.Name}.FCStd"
    doc.saveCopy(job.artifact_path(name))
    if not os.path.isfile(job.artifact_path(name)):
        raise Failure(f"FreeCAD could not write a copy of {doc.Name}")
    job.announce(name)
    return {"document": doc.Name, "artifact": name, "job_id": job.id,
            "size": os.path.getsize(job.artifact_path(name))}


@tool(needs="document", toolset="documents", title="Close a document", destructive=True)
def close_document(job: Job, document: Name | None = None, discard_changes: bool = False) -> Closed:
    """Close a document. Changes that are in no file are lost.

    With such changes it asks the user first, or needs `discard_changes`; call
    save_document before it to keep them.

    Parameters
    ----------
    document : str
        Name or label; the active one when left out.
    discard_changes : bool
        True closes it even though changes are lost.
    """
    import FreeCAD
    doc = find.document(document)
    name, lost = doc.Name, modified.is_modified(doc)
    if lost and not discard_changes:
        job.confirm(f"Document {name} has changes that are in no file, and closing it loses them "
                    "(save_document keeps them).", "discard_changes")
    FreeCAD.closeDocument(name)
    return {"document": name, "lost_changes": lost, "open": [doc.Name for doc in find.documents()]}


@tool(needs="document", toolset="documents", title="Activate a document", idempotent=True)
def activate_document(document: Name) -> DocumentInfo:
    """Make a document the active one, which tools use when none is named.

    Parameters
    ----------
    document : str
        Name or label.
    """
    import FreeCAD
    doc = find.document(document)
    FreeCAD.setActiveDocument(doc.Name)
    return document_info(doc)


@tool(needs="document", toolset="documents", title="Reload a document from its file", destructive=True)
def reload_document(job: Job, document: Name | None = None, discard_changes: bool = False) -> Opened:
    """Close a document and open its file again, when another program has changed the file.

    Changes that are in no file are lost: it asks the user first, or needs
    `discard_changes`. Names of objects stay; the undo steps go.

    Parameters
    ----------
    document : str
        Name or label; the active one when left out.
    discard_changes : bool
        True reloads even though changes are lost.
    """
    import FreeCAD
    doc = find.document(document)
    if not doc.FileName:
        raise Invalid(f"document {doc.Name} was never saved, so there is no file to reload")
    file = job.read_path(doc.FileName)
    if modified.is_modified(doc) and not discard_changes:
        job.confirm(f"Document {doc.Name} has changes that are in no file, and reloading loses "
                    "them.", "discard_changes")
    FreeCAD.closeDocument(doc.Name)
    return _opened(_open(file))


@tool(needs="document", toolset="documents", title="Recompute a document", idempotent=True)
def recompute_document(document: Name | None = None, force: bool = False) -> Recomputed:
    """Recompute a document and tell which objects are newly in error, mended or still in error.

    Other tools recompute what they change. Use this after execute_code with
    transaction=false, after opening a file, or with `force` to prove that a
    model still rebuilds. `recompute.ok` is false when something broke:
    `undo` takes the change before it back, inspect_object tells more.

    Parameters
    ----------
    document : str
        Name or label; the active one when left out.
    force : bool
        Recompute every object, not only the touched ones.
    """
    doc = find.document(document)
    if force:
        for item in doc.Objects:
            item.touch()
    with Change(doc, "Recompute", on_error="keep", force=True) as change:
        pass
    made = change.answer
    return {"document": doc.Name, "recompute": made["recompute"], "changed": made["changed"],
            "valid": len(doc.Objects) - len(errors(doc))}


def _open(file: str) -> Any:
    import FreeCAD
    before = set(FreeCAD.listDocuments())
    try:
        doc = FreeCAD.openDocument(file)
    except Exception as error:
        for name in set(FreeCAD.listDocuments()) - before:
            FreeCAD.closeDocument(name)      # half of it
        raise Invalid(f"{file!r} can't be opened: {error}; is it a whole .FCStd file?") from error
    doc.UndoMode = 1
    FreeCAD.setActiveDocument(doc.Name)
    modified.set_clean(doc)
    return doc


def _opened(doc: Any) -> Opened:
    return {"document": document_info(doc),
            "objects": [object_info(item) for item in doc.Objects[:OBJECTS_SHOWN]],
            "errors": list(errors(doc).values())}

/*  xde.cpp - see xde.hpp.  */

#include "xde.hpp"
#include "verify.hpp"


#include <Quantity_Color.hxx>
#include <TDF_LabelSequence.hxx>
#include <TDF_Tool.hxx>
#include <TDataStd_Name.hxx>
#include <TopExp.hxx>
#include <TopTools_IndexedMapOfShape.hxx>
#include <TopoDS_Iterator.hxx>
#include <XCAFDoc_ColorTool.hxx>
#include <XCAFDoc_DocumentTool.hxx>
#include <XCAFDoc_ShapeTool.hxx>

namespace fcj {

static const int DEPTH_MAX = 64;        /* assemblies in one another */

Handle (TDocStd_Document) new_document ()
{
    Handle (TDocStd_Document) document = new TDocStd_Document ("BinXCAF");
    XCAFDoc_DocumentTool::ShapeTool (document->Main ());
    XCAFDoc_ShapeTool::SetAutoNaming (false);
    return document;
}

/* ---- From a document ---------------------------------------------------- */

class Reading
{
  public:
    explicit Reading (const Handle (TDocStd_Document) & document)
        : shapes (XCAFDoc_DocumentTool::ShapeTool (document->Main ())),
          colors (XCAFDoc_DocumentTool::ColorTool (document->Main ()))
    {
    }

    Value all ()
    {
        TDF_LabelSequence free;
        shapes->GetFreeShapes (free);
        std::vector<TopoDS_Shape> roots;
        for (const TDF_Label &label : free)
            roots.push_back (build (label, 0));
        if (roots.size () == 1)
            made.shape = roots[0];
        else if (!roots.empty ()) {
            made.shape = compound_of (roots);
            made.looks.at (made.shape).assembly = true;
        }
        return made;
    }

  private:
    TopoDS_Shape build (const TDF_Label &label, int depth)
    {
        TDF_Label product = label;
        TopLoc_Location location;
        if (XCAFDoc_ShapeTool::IsReference (label)) {
            XCAFDoc_ShapeTool::GetReferredShape (label, product);
            location = XCAFDoc_ShapeTool::GetLocation (label);
        }
        TCollection_AsciiString entry;
        TDF_Tool::Entry (product, entry);
        const std::string key = entry.ToCString ();
        if (!known.count (key))
            known[key] = build_product (product, depth);
        return known[key].Moved (location);
    }

    TopoDS_Shape build_product (const TDF_Label &label, int depth)
    {
        if (!XCAFDoc_ShapeTool::IsAssembly (label) || depth >= DEPTH_MAX) {
            const TopoDS_Shape shape = XCAFDoc_ShapeTool::GetShape (label);
            look (label, made.looks.at (shape));
            TDF_LabelSequence parts;
            XCAFDoc_ShapeTool::GetSubShapes (label, parts);
            for (const TDF_Label &part : parts)
                look (part,
                      made.looks.at (XCAFDoc_ShapeTool::GetShape (part)));
            return shape;
        }
        TDF_LabelSequence components;
        XCAFDoc_ShapeTool::GetComponents (label, components);
        std::vector<TopoDS_Shape> children;
        for (const TDF_Label &component : components)
            children.push_back (build (component, depth + 1));
        const TopoDS_Shape shape = compound_of (children);
        look (label, made.looks.at (shape));
        made.looks.at (shape).assembly = true;
        int child = 0;
        for (const TDF_Label &component : components)
            look (component, made.looks.at (shape, child++));
        return shape;
    }

    void look (const TDF_Label &label, Look &made_look)
    {
        Handle (TDataStd_Name) name;
        if (label.FindAttribute (TDataStd_Name::GetID (), name)) {
            std::string utf8 ((size_t) name->Get ().LengthOfCString (), '\0');
            Standard_PCharacter buffer = utf8.empty () ? nullptr : &utf8[0];
            if (buffer)
                name->Get ().ToUTF8CString (buffer);
            made_look.name = utf8.substr (0, FCJ_KERNEL_NAME_MAX * 4);
        }
        Quantity_Color color;
        for (XCAFDoc_ColorType kind :
             {XCAFDoc_ColorSurf, XCAFDoc_ColorGen, XCAFDoc_ColorCurv})
            if (!made_look.colored && colors->GetColor (label, kind, color)) {
                made_look.colored = true;
                color.Values (made_look.color[0], made_look.color[1],
                              made_look.color[2], Quantity_TOC_sRGB);
            }
    }

    Handle (XCAFDoc_ShapeTool) shapes;
    Handle (XCAFDoc_ColorTool) colors;
    std::map<std::string, TopoDS_Shape> known;
    Value made;
};

Value from_document (const Handle (TDocStd_Document) & document)
{
    return Reading (document).all ();
}

/* ---- To a document ------------------------------------------------------ */

class Writing
{
  public:
    Writing (const Handle (TDocStd_Document) & document, const Looks &looks_)
        : looks (looks_),
          shapes (XCAFDoc_DocumentTool::ShapeTool (document->Main ())),
          colors (XCAFDoc_DocumentTool::ColorTool (document->Main ()))
    {
    }

    void all (const TopoDS_Shape &shape)
    {
        if (several_roots (shape))
            for (TopoDS_Iterator it (shape); it.More (); it.Next ())
                product (it.Value ());
        else
            product (shape);
        shapes->UpdateAssemblies ();
    }

  private:
    /*  What from_document() made of a file with several free shapes.  */
    bool several_roots (const TopoDS_Shape &shape) const
    {
        const Look *look = looks.find (shape);
        if (!look || !look->assembly || !look->name.empty () ||
            !shape.Location ().IsIdentity ())
            return false;
        for (TopoDS_Iterator it (shape); it.More (); it.Next ())
            if (!it.Value ().Location ().IsIdentity ())
                return false;
        return true;
    }

    bool assembly (const TopoDS_Shape &shape) const
    {
        if (shape.ShapeType () != TopAbs_COMPOUND)
            return false;
        const Look *look = looks.find (shape);
        if (look && look->assembly)
            return true;
        for (TopoDS_Iterator it (shape); it.More (); it.Next ()) {
            const Look *child = looks.find (it.Value ());
            if (child && (!child->name.empty () || child->assembly))
                return true;
        }
        return false;
    }

    TDF_Label product (const TopoDS_Shape &shape)
    {
        const void *key = shape.TShape ().get ();
        auto found = known.find (key);
        if (found != known.end ())
            return found->second;
        TDF_Label label;
        if (assembly (shape)) {
            const TopoDS_Shape plain = shape.Located (TopLoc_Location ());
            label = shapes->NewShape ();
            int child = 0;
            for (TopoDS_Iterator it (plain); it.More (); it.Next (), child++) {
                const TDF_Label part = shapes->AddComponent (
                    label, product (it.Value ().Located (TopLoc_Location ())),
                    it.Value ().Location ());
                if (const Look *look = looks.find (plain, child))
                    dress (part, *look);
            }
        } else {
            label = shapes->AddShape (shape, false);
            parts (label, shape);
        }
        known[key] = label;
        if (const Look *look = looks.find (shape))
            dress (label, *look);
        return label;
    }

    void parts (const TDF_Label &label, const TopoDS_Shape &shape)
    {
        if (looks.empty ())
            return;
        TopTools_IndexedMapOfShape all;
        TopExp::MapShapes (shape, all);
        for (int at = 2; at <= all.Extent (); at++) {
            const Look *look = looks.find (all (at));
            if (!look || look->empty ())
                continue;
            const TDF_Label part = shapes->AddSubShape (label, all (at));
            if (!part.IsNull ())
                dress (part, *look);
        }
    }

    void dress (const TDF_Label &label, const Look &look)
    {
        if (!look.name.empty ())
            TDataStd_Name::Set (
                label, TCollection_ExtendedString (look.name.c_str (), true));
        if (look.colored)
            colors->SetColor (label,
                              Quantity_Color (look.color[0], look.color[1],
                                              look.color[2], Quantity_TOC_sRGB),
                              XCAFDoc_ColorSurf);
    }

    const Looks &looks;
    Handle (XCAFDoc_ShapeTool) shapes;
    Handle (XCAFDoc_ColorTool) colors;
    std::map<const void *, TDF_Label> known;
};

void to_document (const Handle (TDocStd_Document) & document,
                  const TopoDS_Shape &shape, const Looks &looks)
{
    Writing (document, looks).all (shape);
}

} // namespace fcj

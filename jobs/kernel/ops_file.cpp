/*  ops_file.cpp - shapes from bytes, and shapes to files.  */

#include "mesh.hpp"
#include "run.hpp"
#include "stream.hpp"
#include "verify.hpp"
#include "xde.hpp"

#include <BRepBuilderAPI_MakeFace.hxx>
#include <BRepBuilderAPI_MakePolygon.hxx>
#include <BRepBuilderAPI_Sewing.hxx>
#include <BRepLib.hxx>
#include <BRepTools.hxx>
#include <BRep_Builder.hxx>
#include <BinTools.hxx>
#include <IGESCAFControl_Reader.hxx>
#include <IGESCAFControl_Writer.hxx>
#include <IGESControl_Controller.hxx>
#include <Interface_Check.hxx>
#include <Interface_ReportEntity.hxx>
#include <Interface_Static.hxx>
#include <RWStl.hxx>
#include <StepData_StepModel.hxx>
#include <TCollection_HAsciiString.hxx>
#include <STEPCAFControl_Controller.hxx>
#include <STEPCAFControl_Reader.hxx>
#include <STEPCAFControl_Writer.hxx>
#include <ShapeFix_Solid.hxx>
#include <TopExp_Explorer.hxx>
#include <TopoDS.hxx>
#include <Transfer_TransientProcess.hxx>
#include <XSControl_TransferReader.hxx>
#include <XSControl_WorkSession.hxx>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/mman.h>
#include <unistd.h>

namespace fcj {

static const size_t STL_HEADER = 84, STL_TRIANGLE = 50;
static const size_t TRIANGLES_MAX = 100000;     /* each becomes a face */

/* ---- What is it --------------------------------------------------------- */

static bool s_has (const std::string &bytes, const char *word, size_t within)
{
    return bytes.substr (0, within).find (word) != std::string::npos;
}

static std::string s_guess (const std::string &bytes)
{
    if (s_has (bytes, "ISO-10303-21", 200))
        return "step";
    if (s_has (bytes, "Open CASCADE Topology V", 64))
        return "bin";
    if (s_has (bytes, "DBRep_DrawableShape", 64) ||
        s_has (bytes, "CASCADE Topology V", 64))
        return "brep";
    if (bytes.size () > 80 && (bytes[72] == 'S' || bytes[72] == 'C') &&
        s_has (bytes, "0000001", 81))
        return "iges";
    if (bytes.size () >= STL_HEADER) {
        unsigned int count;
        std::memcpy (&count, bytes.data () + 80, sizeof count);
        if (bytes.size () == STL_HEADER + STL_TRIANGLE * (size_t) count)
            return "stl";
    }
    if (s_has (bytes, "solid", 6) && s_has (bytes, "facet", 400))
        return "stl";
    return "";
}

/*  Readers that want a path: the bytes in a file without a name.  */
class Anonymous
{
  public:
    explicit Anonymous (const std::string &bytes)
        : fd (memfd_create ("fcj-kernel", MFD_CLOEXEC))
    {
        for (size_t done = 0; fd >= 0 && done < bytes.size ();) {
            ssize_t put = write (fd, &bytes[done], bytes.size () - done);
            if (put <= 0)
                failure ("file", "there is no room for a copy of the input");
            done += (size_t) put;
        }
    }
    Anonymous (const Anonymous &) = delete;
    ~Anonymous ()
    {
        if (fd >= 0)
            close (fd);
    }
    std::string path () const
    {
        return "/proc/self/fd/" + std::to_string (fd);
    }

  private:
    int fd;
};

/* ---- Readers ------------------------------------------------------------ */

/*  Entities that do not fit their type. OCCT goes on with them and may crash
 *  on the way, so a file that has some is refused unless asked otherwise.  */
static std::vector<std::string>
s_damaged (const Handle (Interface_InterfaceModel) & model)
{
    std::vector<std::string> found;
    for (int at = 1; at <= model->NbEntities () && found.size () < 10; at++) {
        if (!model->IsErrorEntity (at))
            continue;
        const Handle (Interface_ReportEntity) report = model->ReportEntity (at);
        const Handle (Interface_Check) check =
            report.IsNull () ? Handle (Interface_Check) () : report->Check ();
        const Handle (TCollection_HAsciiString) label =
            model->StringLabel (model->Value (at));
        found.push_back (
            std::string (label.IsNull () ? "" : label->ToCString ()) + " " +
            model->TypeName (model->Value (at), false) + ": " +
            (!check.IsNull () && check->NbFails () ? check->CFail (1)
                                                   : "not as its type asks"));
    }
    return found;
}

static Value s_read_step (const std::string &bytes, bool damaged,
                          const Message_ProgressRange &range)
{
    STEPCAFControl_Reader reader;
    reader.SetColorMode (true);
    reader.SetNameMode (true);
    MemoryStream stream (bytes.data (), bytes.size ());
    if (reader.ChangeReader ().ReadStream ("input.step", stream) !=
        IFSelect_RetDone)
        invalid ("format", "it is not a STEP file that can be read: truncated "
                           "or not ISO 10303-21");
    const std::vector<std::string> wrong =
        s_damaged (reader.ChangeReader ().StepModel ());
    if (!wrong.empty () && !damaged)
        invalid ("format", "the STEP file is damaged (" + wrong[0] +
                               "); op load with damaged: true tries all the "
                               "same", "", wrong);
    Handle (TDocStd_Document) document = new_document ();
    if (!reader.Transfer (document, range))
        invalid ("format", "the STEP file has no shapes that can be read");
    return from_document (document);
}

static Value s_read_iges (const std::string &bytes, bool damaged,
                          const Message_ProgressRange &range)
{
    IGESControl_Controller::Init ();
    IGESCAFControl_Reader reader;
    reader.SetColorMode (true);
    reader.SetNameMode (true);
    const Anonymous copy (bytes);
    if (reader.ReadFile (copy.path ().c_str ()) != IFSelect_RetDone)
        invalid ("format", "it is not an IGES file that can be read");
    const std::vector<std::string> wrong = s_damaged (reader.Model ());
    if (!wrong.empty () && !damaged)
        invalid ("format", "the IGES file is damaged (" + wrong[0] +
                               "); op load with damaged: true tries all the "
                               "same", "", wrong);
    Handle (TDocStd_Document) document = new_document ();
    if (!reader.Transfer (document, range))
        invalid ("format", "the IGES file has no shapes that can be read");
    return from_document (document);
}

static Value s_read_brep (const std::string &bytes, bool binary,
                          const Message_ProgressRange &range)
{
    Value value;
    MemoryStream stream (bytes.data (), bytes.size ());
    try {
        if (binary)
            BinTools::Read (value.shape, stream, range);
        else
            BRepTools::Read (value.shape, stream, BRep_Builder (), range);
    } catch (Standard_Failure &) {
        value.shape.Nullify ();
    }
    return value;
}

/*  Triangles as faces, sewn; a closed shell is a solid.  */
static Value s_read_stl (const std::string &bytes, bool sew,
                         const Message_ProgressRange &range)
{
    const Anonymous copy (bytes);
    Message_ProgressScope scope (range, "STL", 10);
    const Handle (Poly_Triangulation) mesh =
        RWStl::ReadFile (copy.path ().c_str (), M_PI / 2, scope.Next (2));
    if (mesh.IsNull () || mesh->NbTriangles () == 0)
        invalid ("format", "it is not an STL file that can be read");
    if ((size_t) mesh->NbTriangles () > TRIANGLES_MAX)
        invalid ("limit", format ("the mesh has %d triangles, as a shape at "
                                  "most %zu are allowed", mesh->NbTriangles (),
                                  TRIANGLES_MAX));
    std::vector<TopoDS_Shape> faces;
    for (int at = 1; at <= mesh->NbTriangles (); at++) {
        int a, b, c;
        mesh->Triangle (at).Get (a, b, c);
        BRepBuilderAPI_MakePolygon outline (mesh->Node (a), mesh->Node (b),
                                            mesh->Node (c), true);
        if (!outline.IsDone ())
            continue;
        BRepBuilderAPI_MakeFace face (outline.Wire (), true);
        if (face.IsDone ())
            faces.push_back (face.Shape ());
    }
    Value value;
    value.shape = compound_of (faces);
    if (!sew || faces.empty ())
        return value;
    BRepBuilderAPI_Sewing sewing (1e-6);
    sewing.Add (value.shape);
    sewing.Perform (scope.Next (8));
    value.shape = unwrapped (sewing.SewedShape ());
    if (value.shape.ShapeType () == TopAbs_SHELL && value.shape.Closed ())
        value.shape = ShapeFix_Solid ().SolidFromShell (
            TopoDS::Shell (value.shape));
    return value;
}

static Value s_read (const std::string &bytes, const std::string &kind,
                     Reading how, const Message_ProgressRange &range)
{
    if (kind == "step")
        return s_read_step (bytes, how.damaged, range);
    if (kind == "iges")
        return s_read_iges (bytes, how.damaged, range);
    if (kind == "stl")
        return s_read_stl (bytes, how.sew, range);
    return s_read_brep (bytes, kind == "bin", range);
}

Value load_input (Run &run, const std::string &name, const std::string &asked,
                  Reading how, const Message_ProgressRange &range)
{
    const std::string &bytes = run.bytes[name], guess = s_guess (bytes);
    std::string kind = asked.empty () ? guess : asked;
    if (kind == "stp" || kind == "igs" || kind == "brp")
        kind = kind == "stp" ? "step" : kind == "igs" ? "iges" : "brep";
    if (kind == "brep" && guess == "bin")
        kind = guess;
    if (kind.empty () || (kind != guess && kind != "stl"))
        invalid ("format",
                 "input " + name +
                     (bytes.empty ()
                          ? " is empty"
                      : kind.empty ()
                          ? " is neither STEP, IGES, BREP nor STL"
                          : " is not " + kind + " by its first bytes" +
                                (guess.empty () ? "" : " but " + guess)),
                 name);
    try {
        Value value = s_read (bytes, kind, how, range);
        if (run.indicator->broken ())
            cancelled ();
        if (value.shape.IsNull () || !has_any (value.shape, TopAbs_VERTEX))
            invalid ("null_shape", "it holds no shape, or is truncated");
        return value;
    } catch (Fault &fault) {
        if (fault.input.empty () && fault.blame == Blame::Invalid) {
            fault.message = "input " + name + " (" + kind + "): " +
                            fault.message;
            fault.input = name;
        }
        throw;
    }
}

static void s_load (Call &call)
{
    Reference reference;
    read_reference (call.text ("input"), reference);
    if (!call.run.bytes.count (reference.name) || !reference.kind.empty ())
        invalid ("reference", "$" + reference.name +
                                  " is no input of this pipeline: load reads "
                                  "inputs, steps are shapes already", "input");
    call.made = load_input (call.run, reference.name,
                            call.has ("format")
                                ? call.text ("format")
                                : call.run.formats[reference.name],
                            {call.flag ("sew"), call.flag ("damaged")},
                            call.range (0.95));
}

/* ---- Writers ------------------------------------------------------------ */

void write_brep (const TopoDS_Shape &shape, const std::string &path)
{
    std::ofstream stream (path, std::ios::binary);
    stream.imbue (std::locale::classic ());
    BRepTools::Write (shape, stream, false, false,
                      TopTools_FormatVersion_VERSION_2);
    stream.close ();
    if (!stream.good ())
        failure ("file", "writing the shape failed; is the disk full?");
}

static void s_write_bin (const TopoDS_Shape &shape, const std::string &path,
                         const Message_ProgressRange &range)
{
    std::ofstream stream (path, std::ios::binary);
    BinTools::Write (shape, stream, true, false,
                     BinTools_FormatVersion_VERSION_3, range);
    stream.close ();
    if (!stream.good ())
        failure ("file", "writing the shape failed; is the disk full?");
}

/*  OCCT's settings of a translation are the process's, and FreeCAD sets its
 *  own (assemblies off): ours hold while this lives.  */
class Settings
{
public:
    void number (const char *name, int value)
    {
        was_.emplace_back (name, Interface_Static::IVal (name));
        Interface_Static::SetIVal (name, value);
    }
    void word (const char *name, const char *value)
    {
        words_.emplace_back (name, Interface_Static::CVal (name));
        Interface_Static::SetCVal (name, value);
    }
    Settings () = default;
    Settings (const Settings &) = delete;
    Settings &operator= (const Settings &) = delete;
    ~Settings ()
    {
        for (const auto &[name, value] : was_)
            Interface_Static::SetIVal (name, value);
        for (const auto &[name, value] : words_)
            Interface_Static::SetCVal (name, value.c_str ());
    }

private:
    std::vector<std::pair<const char *, int>> was_;
    std::vector<std::pair<const char *, std::string>> words_;
};

static bool s_write_step (Call &call, const Handle (TDocStd_Document) & document,
                          const std::string &path)
{
    static const std::map<std::string, const char *> schemas = {
        {"ap203", "AP203"}, {"ap214", "AP214IS"}, {"ap242", "AP242DIS"}};
    STEPCAFControl_Controller::Init ();
    Settings settings;
    settings.word ("write.step.unit", "MM");
    settings.word ("write.step.schema", schemas.at (call.text ("schema")));
    settings.number ("write.step.assembly", 2);         /* as it needs */
    settings.number ("write.step.nonmanifold", 0);
    settings.number ("write.surfacecurve.mode", 1);
    STEPCAFControl_Writer writer;
    writer.SetColorMode (true);
    writer.SetNameMode (true);
    return writer.Transfer (document, STEPControl_AsIs, nullptr,
                            call.range (0.6)) &&
           writer.Write (path.c_str ()) == IFSelect_RetDone;
}

static bool s_write_iges (Call &call, const Handle (TDocStd_Document) & document,
                          const std::string &path)
{
    IGESControl_Controller::Init ();
    Settings settings;
    settings.word ("write.iges.unit", "MM");
    settings.number ("write.iges.brep.mode", 1);
    IGESCAFControl_Writer writer;
    writer.SetColorMode (true);
    writer.SetNameMode (true);
    return writer.Transfer (document, call.range (0.6)) &&
           writer.Write (path.c_str ());
}

static void s_write_shape (Call &call, const std::string &file,
                           const std::string &kind)
{
    const std::string path = call.path (file);
    bool good = true;
    if (kind == "brep")
        write_brep (call.made.shape, path);
    else if (kind == "bin")
        s_write_bin (call.made.shape, path, call.range (0.6));
    else {
        Handle (TDocStd_Document) document = new_document ();
        to_document (document, call.made.shape, call.made.looks);
        good = kind == "step" ? s_write_step (call, document, path)
                              : s_write_iges (call, document, path);
    }
    call.poll ();
    if (!good)
        failure ("file", "OpenCASCADE could not write " + file, "file");
    call.wrote (file, kind);
}

static void s_dress (Call &call)
{
    Look &look = call.made.looks.at (call.made.shape);
    if (call.has ("name"))
        look.name = call.text ("name");
    if (call.has ("color")) {
        const std::vector<double> color = call.numbers ("color");
        look.colored = true;
        look.color = {color[0], color[1], color[2]};
    }
}

static void s_export (Call &call)
{
    const std::string file = call.text ("file");
    const std::string kind =
        format_of (file, {"step", "iges", "brep", "bin", "stl", "obj", "ply",
                          "gltf", "glb"});
    std::vector<TopoDS_Shape> shapes;
    std::vector<Operand> operands;
    if (call.has ("shapes"))
        operands = call.shapes ("shapes");
    else if (call.step.index > 0)
        operands = {call.operand (
            "$" + call.run.plan.steps[(size_t) call.step.index - 1].id,
            "the step before")};
    else
        invalid ("argument", "shapes is missing: there is no step before",
                 "shapes");
    call.made.valid = true;
    for (const Operand &operand : operands) {
        shapes.push_back (operand.shape);
        call.made.looks.add (operand.value->looks);
        call.made.valid = call.made.valid && operand.valid;
    }
    call.made.shape = shapes.size () == 1 ? shapes[0] : compound_of (shapes);
    if (call.has ("name") || call.has ("color"))
        s_dress (call);
    if (!is_mesh_format (kind)) {
        s_write_shape (call, file, kind);
        return;
    }
    mesh (call, call.made.shape, 0.6);
    write_mesh (call, call.made.shape, call.made.looks, file, kind,
                call.flag ("ascii"));
}

std::vector<Op> file_ops ()
{
    Op load{"load", "files", "A shape from an input",
            {ref ("input", "Name of an input, \"$name\""),
             choice ("format", "Left out: by its content",
                     {"step", "iges", "brep", "stl"}, nullptr),
             flag ("damaged", "STEP, IGES: go on when entities are damaged",
                  false),
             flag ("sew", "STL: join the triangles to a shell or solid", true)},
            s_load};
    load.weight = 8;
    Param shapes = refs ("shapes", "What to write; left out: the step before", 1);
    shapes.required = false;
    Op write{"export", "files", "A file of shapes",
             Params{shapes,
                    file ("x.step, .iges, .brep, .bin, .stl, .obj, .ply, "
                          ".gltf or .glb").must (),
                    text ("name", "Of the part"), color (),
                    choice ("schema", "STEP", {"ap203", "ap214", "ap242"},
                            "ap214"),
                    flag ("ascii", "STL and PLY as text", false)} +
                 mesh_params (),
             s_export};
    write.weight = 8;
    write.memo = false;
    return {load, write};
}

} // namespace fcj

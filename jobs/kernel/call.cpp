/*  call.cpp - see call.hpp.  */

#include "call.hpp"

#include <TopExp.hxx>
#include <TopTools_IndexedMapOfShape.hxx>
#include <TopoDS_Iterator.hxx>
#include <sys/stat.h>

namespace fcj {

/* ---- Arguments ---------------------------------------------------------- */

json_t *Arguments::get (const char *name) const
{
    return json_object_get (self, name);
}

bool Arguments::has (const char *name) const
{
    return get (name) != nullptr;
}

double Arguments::number (const char *name) const
{
    return json_number_value (get (name));
}

int Arguments::integer (const char *name) const
{
    return (int) json_integer_value (get (name));
}

bool Arguments::flag (const char *name) const
{
    return json_is_true (get (name));
}

std::string Arguments::text (const char *name) const
{
    const char *value = json_string_value (get (name));
    return value ? value : "";
}

bool Arguments::is (const char *name, const char *word) const
{
    return text (name) == word;
}

static std::vector<double> s_numbers (json_t *list)
{
    std::vector<double> made;
    for (size_t at = 0; at < json_array_size (list); at++)
        made.push_back (json_number_value (json_array_get (list, at)));
    return made;
}

static gp_Pnt s_point (json_t *list)
{
    return gp_Pnt (json_number_value (json_array_get (list, 0)),
                   json_number_value (json_array_get (list, 1)),
                   json_number_value (json_array_get (list, 2)));
}

gp_Pnt Arguments::point (const char *name) const
{
    return s_point (get (name));
}

gp_Vec Arguments::vector (const char *name) const
{
    return gp_Vec (point (name).XYZ ());
}

gp_Dir Arguments::direction (const char *name) const
{
    return gp_Dir (point (name).XYZ ());
}

gp_Ax2 Arguments::place () const
{
    const gp_Dir axis = direction ("axis");
    if (axis.IsEqual (gp::DZ (), 1e-12))
        return gp_Ax2 (point ("at"), gp::DZ (), gp::DX ());
    return gp_Ax2 (point ("at"), axis);
}

std::vector<double> Arguments::numbers (const char *name) const
{
    return s_numbers (get (name));
}

std::vector<gp_Pnt> Arguments::points (const char *name) const
{
    std::vector<gp_Pnt> made;
    for (size_t at = 0; at < json_array_size (get (name)); at++)
        made.push_back (s_point (json_array_get (get (name), at)));
    return made;
}

std::vector<std::string> Arguments::texts (const char *name) const
{
    std::vector<std::string> made;
    for (size_t at = 0; at < json_array_size (get (name)); at++)
        made.push_back (json_string_value (json_array_get (get (name), at)));
    return made;
}

std::vector<Arguments> Arguments::objects (const char *name) const
{
    std::vector<Arguments> made;
    if (json_is_object (get (name)))
        made.push_back (Arguments (get (name)));
    for (size_t at = 0; at < json_array_size (get (name)); at++)
        made.push_back (Arguments (json_array_get (get (name), at)));
    return made;
}

/* ---- Parts -------------------------------------------------------------- */

const char *kind_name (TopAbs_ShapeEnum kind)
{
    static const char *const names[] = {"Compound", "CompSolid", "Solid",
                                        "Shell",    "Face",      "Wire",
                                        "Edge",     "Vertex",    "Shape"};
    return names[kind];
}

const char *kind_name (const TopoDS_Shape &shape)
{
    return shape.IsNull () ? "Null" : kind_name (shape.ShapeType ());
}

TopoDS_Shape part_of (const TopoDS_Shape &shape, const std::string &name,
                      const std::string &where)
{
    for (int kind = TopAbs_SOLID; kind <= TopAbs_VERTEX; kind++) {
        const std::string word = kind_name ((TopAbs_ShapeEnum) kind);
        if (name.compare (0, word.size (), word) != 0)
            continue;
        TopTools_IndexedMapOfShape map;
        TopExp::MapShapes (shape, (TopAbs_ShapeEnum) kind, map);
        const int number = std::atoi (name.c_str () + word.size ());
        if (number >= 1 && number <= map.Extent ())
            return map (number);
        invalid ("reference",
                 map.Extent () ? format ("%s: there is no %s, the shape has "
                                         "%s1 to %s%d", where.c_str (),
                                         name.c_str (), word.c_str (),
                                         word.c_str (), map.Extent ())
                               : where + ": there is no " + name +
                                     ", the shape has none of that kind",
                 where);
    }
    invalid ("reference", where + ": there is no part " + name, where);
}

/* ---- The step ----------------------------------------------------------- */

Call::Call (Run &run_, const Step &step_, const Message_ProgressRange &range_)
    : Arguments (step_.arguments.get ()), run (run_), step (step_),
      scope (range_, step_.op->name.c_str (), 1)
{
}

Operand Call::operand (const std::string &text, const std::string &where)
{
    Reference reference;
    read_reference (text, reference);
    auto found = run.values.find (reference.name);
    if (found == run.values.end () || found->second.shape.IsNull ())
        invalid ("null_shape", where + " ($" + reference.name +
                                   ") has no shape: that step made none",
                 where);
    const Value &value = found->second;
    if (reference.kind.empty ())
        return {value.shape, &value, where, value.valid};
    return {part_of (value.shape,
                     reference.kind + std::to_string (reference.number), where),
            &value, where, value.valid};
}

Operand Call::shape (const char *name)
{
    return operand (text (name), name);
}

static void s_add_members (const Operand &one, std::vector<Operand> &all)
{
    if (one.shape.ShapeType () != TopAbs_COMPOUND) {
        all.push_back (one);
        return;
    }
    int count = 0;
    for (TopoDS_Iterator it (one.shape); it.More (); it.Next ())
        s_add_members ({it.Value (), one.value,
                        one.where + format (" member %d", ++count), one.valid},
                       all);
    if (!count)
        invalid ("null_shape", one.where + " is an empty compound", one.where);
}

std::vector<Operand> Call::shapes (const char *name, bool members)
{
    std::vector<Operand> all;
    int at = 0;
    for (const std::string &reference : texts (name)) {
        Operand one = operand (reference, format ("%s[%d]", name, at++));
        if (members)
            s_add_members (one, all);
        else
            all.push_back (one);
    }
    if (all.size () > FCJ_KERNEL_COPIES_MAX)
        invalid ("limit", format ("%s has %zu shapes with the members of its "
                                  "compounds, at most %d are allowed", name,
                                  all.size (), FCJ_KERNEL_COPIES_MAX), name);
    return all;
}

void Call::poll () const
{
    if (run.indicator->broken ())
        cancelled ();
}

Message_ProgressRange Call::range (double share)
{
    poll ();
    return scope.Next (share);
}

std::string Call::path (const std::string &name)
{
    if (!run.options->directory)
        invalid ("file", "this run has no directory for files, so " + name +
                             " can't be written", "file");
    if (run.options->result_file && name == run.options->result_file)
        invalid ("file", name + " is the name of the result itself; choose "
                         "another one", "file");
    for (const File &file : run.files)
        if (file.name == name)
            invalid ("file", "step " + file.step + " has written " + name +
                                 " already; choose another name", "file");
    return std::string (run.options->directory) + "/" + name;
}

static const char *s_mime (const std::string &format)
{
    static const std::map<std::string, const char *> known = {
        {"step", "model/step"},      {"iges", "model/iges"},
        {"brep", "model/vnd.opencascade.brep"},
        {"bin", "model/vnd.opencascade.brep-binary"},
        {"stl", "model/stl"},        {"obj", "model/obj"},
        {"mtl", "model/mtl"},        {"ply", "model/ply"},
        {"gltf", "model/gltf+json"}, {"glb", "model/gltf-binary"},
        {"svg", "image/svg+xml"}};
    auto found = known.find (format);
    return found == known.end () ? "application/octet-stream" : found->second;
}

void Call::wrote (const std::string &name, const std::string &format)
{
    struct stat status;
    const std::string path = std::string (run.options->directory) + "/" + name;
    if (stat (path.c_str (), &status) != 0 || status.st_size == 0)
        failure ("file", "OpenCASCADE wrote nothing into " + name +
                             "; is the disk full?");
    if (run.options->file_max && status.st_size > run.options->file_max)
        failure ("file", "only a part of " + name + " was written");
    run.files.push_back ({name, format, s_mime (format), step.id,
                          (long long) status.st_size});
    files.append (name);
    if (run.hooks->artifact)
        run.hooks->artifact (run.hooks->argument, name.c_str (),
                             s_mime (format));
}

void Call::note (const std::string &text)
{
    notes.append (text);
}

} // namespace fcj
